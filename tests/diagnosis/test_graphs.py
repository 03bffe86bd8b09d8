"""Networks that are graphs: traces against NumPy, reports, and all that runs a network."""

import math
import re

import fanin
import numpy as np
import pytest
from fanin import callbacks, normalization
from fanin.diagnosis.findings import find
from fanin.frameworks._fanin import trace
from fanin.layers import (
    Activation,
    Add,
    Average,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Flatten,
    Input,
    Multiply,
    Rescaling,
    Reshape,
    Subtract,
)
from support.graphs import CURVES, RandomGraph

GRAPHS = range(40)


def samples(seed=0, count=96, features=12):
    return np.random.default_rng(seed).normal(size=(count, features))


X = samples()
Y = np.random.default_rng(1).integers(0, 3, len(X))


def he(units, activation="relu", **options):
    return Dense(units, activation, kernel_initializer="he_normal", **options)


def residual(seed=0, blocks=3, units=32, features=12):
    x = Input((features,))
    h = he(units, name="stem")(x)
    for block in range(blocks):
        inner = BatchNormalization(name=f"norm{block}")(h)
        inner = he(units, name=f"wide{block}")(inner)
        h = Add(name=f"sum{block}")([h, Dense(units, name=f"narrow{block}")(inner)])
    h = BatchNormalization(name="last_norm")(h)
    return compiled(fanin.Model(x, Dense(3, "softmax", name="out")(h), rng=seed))


def wide_and_deep(seed=0):
    wide, deep = Input((6,), name="wide"), Input((12,), name="deep")
    h = deep
    for k in range(3):
        h = he(32, name=f"deep{k}")(h)
    out = Dense(3, "softmax", name="out")(Concatenate(name="both")([wide, h]))
    inputs = {"wide": wide, "deep": deep}
    return compiled(fanin.Model(inputs, out, rng=seed))


def siamese(seed=0):
    one, other = Input((12,), name="one"), Input((12,), name="other")
    first, second = he(32, name="first"), Dense(16, name="second")

    def encoded(value):
        return second(first(value))

    apart = Subtract(name="apart")([encoded(one), encoded(other)])
    out = Dense(3, "softmax", name="out")(he(16, name="head")(apart))
    return compiled(fanin.Model([one, other], out, rng=seed))


def nested(seed=0):
    inner = Input((12,))
    block = fanin.Model(inner, Dense(16, name="code")(he(32, name="hidden")(inner)), name="block")
    x = Input((12,))
    h = he(24, name="head")(block(x))
    return compiled(fanin.Model(x, Dense(3, "softmax", name="out")(h), rng=seed))


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def given(model, rng=None):
    rng = rng or np.random.default_rng(5)
    parts = [rng.normal(size=(96, *layer.shape)) for layer in model._input_layers()]
    names = [layer.name for layer in model._input_layers()]
    if len(parts) == 1:
        return parts[0]
    return dict(zip(names, parts, strict=True)) if "wide" in names else parts


MAKERS = [residual, wide_and_deep, siamese, nested]


def numbers(array):
    return np.asarray(array, float).reshape(-1)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("seed", GRAPHS)
def test_a_trace_is_what_numpy_computes(seed, training):
    graph = RandomGraph(seed)
    x = graph.samples(7)
    model = graph.model
    found = trace(model, x if len(x) > 1 else x[0], None, None, training)
    outputs = found.layers[-1].outputs
    # The gradient that goes in is a random direction, always the same.
    dy = found.layers[-1].output_gradient
    values, gradients, of_parameters = graph.traced(x, dy.reshape(len(outputs), -1), training)
    order = places(graph)
    assert len(found.layers) == len(graph.calls)
    for layer, call in zip(found.layers, order, strict=True):
        own, reads = graph.calls[call]
        assert layer.name == own.name
        here = call + len(x)
        np.testing.assert_allclose(numbers(layer.outputs), numbers(values[here]), atol=1e-9)
        np.testing.assert_allclose(
            numbers(layer.output_gradient), numbers(gradients[source(graph, here)]), atol=1e-9
        )
        # What it reads, by place, is what it was called on.
        for read, number in zip(layer.reads, reads, strict=True):
            if read < 0:
                assert number == -1 - read
            else:
                np.testing.assert_allclose(
                    numbers(found.layers[read].outputs), numbers(values[number]), atol=1e-9
                )
        if layer.pre_activation is not None and not isinstance(own, BatchNormalization):
            check_activation(layer, own, values[reads[0]], gradients[here])
        for role, gradient in layer.gradients.items():
            expected = of_parameters[f"{own.name}/{role}"] / 7
            np.testing.assert_allclose(gradient, expected, atol=1e-9)


def places(graph):
    """The calls of a graph in the order in which the model has them."""
    made = {id(value): number for number, value in enumerate(graph.values)}
    values = graph.model.values()
    assert [made[id(v)] for v in values[: len(graph.inputs)]] == [*range(len(graph.inputs))]
    return [made[id(value)] - len(graph.inputs) for value in values[len(graph.inputs) :]]


def source(graph, number):
    """The value that another is a shape of: they are the same numbers, of one gradient."""
    first = len(graph.inputs)
    while number >= first and isinstance(graph.calls[number - first][0], Flatten | Reshape):
        number = graph.calls[number - first][1][0]
    return number


def check_activation(layer, own, x, gradient):
    value, slope = CURVES[own.get_config()["activation"]]
    z = x
    if isinstance(own, Dense):
        z = x @ own.kernel + (0 if own.bias is None else own.bias)
    np.testing.assert_allclose(numbers(layer.pre_activation), numbers(z), atol=1e-9)
    y = value(z)
    expected = gradient.reshape(y.shape) * slope(z, y)
    if layer.pre_activation_gradient.size == expected.size and isinstance(own, Dense):
        np.testing.assert_allclose(
            numbers(layer.pre_activation_gradient), numbers(expected), atol=1e-9
        )


def chain_of(made):
    x = Input((12,))
    h = x
    for layer in made():
        h = layer(h)
    return fanin.Model(x, h, name="net", rng=3)


def test_a_chain_has_the_report_of_a_sequential_row_by_row():
    def made():
        return [
            *(he(40, name="a"), BatchNormalization(name="b"), Dropout(0.2, name="c")),
            *(Dense(30, "tanh", name="d"), Activation("relu", name="e")),
            Dense(3, "softmax", name="f"),
        ]

    row, graph = fanin.Sequential(made(), name="net", rng=3), chain_of(made)
    row.build((None, 12))
    for model in (row, graph):
        model.compile(fanin.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    one, other = fanin.diagnose(row, X, Y), fanin.diagnose(graph, X, Y)
    assert str(one) == str(other)
    assert [f.text for f in one.findings] == [f.text for f in other.findings]
    for a, b in zip(one.layers, other.layers, strict=True):
        assert (a.signal.second_moment, a.gradient.second_moment) == (
            b.signal.second_moment,
            b.gradient.second_moment,
        )
        assert a.reads == b.reads
    for a, b in zip(one.jacobian(), other.jacobian(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("training", [False, True])
def test_a_diagnosis_changes_nothing(make, training):
    model = make()
    x = given(model)
    before = model.params.copy(), model.state.copy()
    report = fanin.diagnose(model, x, Y, training=training)
    assert [layer.index for layer in report.layers] == [*range(len(report.layers))]
    np.testing.assert_array_equal(model.params, before[0])
    np.testing.assert_array_equal(model.state, before[1])
    assert find(report) == report.findings
    assert report.curvature is None
    assert report.first_step is not None
    str(report), report._repr_html_()


def test_inputs_are_looked_at_one_by_one():
    model = wide_and_deep()
    x = given(model)
    x["wide"] = 400 * x["wide"]
    report = fanin.diagnose(model, x, Y)
    top = report.findings[0]
    assert (top.kind, top.value > 300) == ("unscaled_input", True)
    assert "'wide'" in top.text
    scope = {"x": dict(x)}
    exec(top.fix, scope)
    assert scope["x"]["wide"].std() == pytest.approx(1, rel=1e-3)
    assert scope["x"]["deep"] is x["deep"]
    as_list = fanin.diagnose(model, [x["wide"], x["deep"]], Y)
    assert as_list.findings[0].fix.startswith("x[0] = ")
    assert [source.name for source in report.sources] == ["wide", "deep"]


@pytest.mark.parametrize("form", [list, dict])
def test_fixes_of_several_inputs_run(form, capsys):
    model = wide_and_deep()
    x = given(model)
    x["deep"][3, 2] = np.nan
    x = x if form is dict else [x["wide"], x["deep"]]
    report = fanin.diagnose(model, x, Y)
    assert report.findings[0].kind == "non_finite"
    report.mend(5)
    key = "x['deep']" if form is dict else "x[1]"
    assert f"applied: {key} = np.nan_to_num({key}, " in capsys.readouterr().out


def test_an_input_that_is_the_same_in_all_samples_is_named():
    model = wide_and_deep()
    x = given(model)
    x["wide"][...] = 1
    kinds = {f.kind: f for f in fanin.diagnose(model, x, Y).findings}
    assert "of 'wide' are the same" in kinds["constant_input"].text


def test_a_model_within_another_is_diagnosed_by_itself():
    inner = Input((12,))
    encoder = fanin.Model(inner, Dense(8, name="code")(he(32, name="hidden")(inner)), rng=0)
    x = Input((12,))
    whole = compiled(fanin.Model(x, Dense(3, "softmax", name="out")(encoder(x)), rng=0))
    encoder.get_layer("hidden").bias[...] = -40
    params = whole.params.copy()
    for model in (whole, encoder):
        report = fanin.diagnose(model, X)
        assert report.findings[0].layers == ("hidden",)
    np.testing.assert_array_equal(whole.params, params)
    # Its arrays are the whole's, so what is done to it is done there.
    fanin.lsuv(encoder, X, rng=0)
    assert (whole.params != params).any()
    assert np.shares_memory(encoder.params, whole.params)
    assert fanin.diagnose(whole, X, Y).healthy


def test_what_is_frozen_is_told():
    model = nested()
    for name in ("hidden", "code", "head", "out"):
        model.get_layer(name).trainable = False
    report = fanin.diagnose(model, X, Y)
    assert report.ending.trained == 0
    found = next(f for f in report.findings if f.kind == "frozen")
    exec(found.fix, {"model": model})
    assert fanin.diagnose(model, X, Y).ending.trained == model.count_params()


def test_a_layer_that_is_called_twice_is_twice_in_the_report():
    report = fanin.diagnose(siamese(), given(siamese()), Y)
    names = [layer.name for layer in report.layers]
    assert names.count("first") == names.count("second") == 2
    assert report.repeated == {"first", "second"}
    assert [layer.name for layer in report.kernels].count("first") == 1


def test_layers_of_a_model_within_are_the_models():
    model = nested()
    report = fanin.diagnose(model, X, Y)
    assert [layer.name for layer in report.layers] == ["hidden", "code", "head", "out"]
    model.get_layer("code").kernel[...] *= 40
    found = fanin.diagnose(model, X, Y).findings[0]
    assert (found.kind, found.layers) == ("scale", ("code",))


def test_branches_are_what_leads_to_a_sum():
    report = fanin.diagnose(residual(), X, Y)
    assert len(report.branches) == 3
    names = [{report.layers[i].name for i in branch.places} for branch in report.branches]
    assert names[0] == {"norm0", "wide0", "narrow0"}
    assert report.layers[report.branches[0].end].name == "sum0"
    assert report.branches[0].first in report.branches[0]


def test_the_end_of_a_branch_may_begin_at_zero_but_not_its_middle():
    model = residual()
    model.get_layer("narrow1").kernel[...] = 0
    assert fanin.diagnose(model, X, Y).healthy
    model = residual()
    model.get_layer("wide1").kernel[...] = 0
    found = fanin.diagnose(model, X, Y).findings[0]
    assert (found.kind, found.layers) == ("symmetric", ("wide1",))
    assert {"zero", "dead", "no_gradient"} <= {effect.kind for effect in found.effects}


def test_the_same_for_all_samples_is_followed_to_where_it_begins():
    model = wide_and_deep()
    out = model.get_layer("out")
    out.kernel[:6] = 0
    model.get_layer("deep1").kernel[...] = 0
    report = fanin.diagnose(model, given(model), Y)
    assert report.findings[0].layers == ("deep1",)


def test_a_way_beside_the_longest_one_is_looked_at_too():
    wide, deep = Input((12,)), Input((12,))
    a, b = deep, wide
    for k in range(6):
        a = he(32, name=f"a{k}")(a)
    for k in range(4):
        b = Dense(32, "relu", kernel_initializer=small(), name=f"b{k}")(b)
    out = Dense(3, "softmax")(Concatenate()([a, b]))
    model = compiled(fanin.Model([deep, wide], out, rng=0))
    report = fanin.diagnose(model, [X, samples(3)], Y)
    assert {name for f in report.findings if f.kind in ("scale", "vanishing") for name in f.layers}
    assert not any(
        name.startswith("a") for f in report.findings for name in f.layers if f.severity != "note"
    )


def small():
    return fanin.initializers.VarianceScaling(0.02)


# Theory.


def leaving(make, x, draws=30):
    """How many of so many draws leave some band of signals."""
    out = 0
    for seed in range(draws):
        report = fanin.diagnose(make(seed), x, Y)
        assert all(
            report.prediction(layer).activation is not None or layer.activation == "softmax"
            for layer in report.layers
        )
        outside = [report.outside(la).get(k) for la in report.layers for k in ("signal", "output")]
        out += any(outside)
    return out


def plain_residual(seed):
    x = Input((12,))
    h = Dense(48, kernel_initializer="lecun_normal")(x)
    for _ in range(3):
        h = Add()([h, Dense(48)(he(48)(h))])
    return compiled(fanin.Model(x, Dense(3, "softmax")(h), rng=seed))


def beside(seed):
    x = Input((12,))
    both = Concatenate()([he(64)(he(64)(x)), x])
    return compiled(fanin.Model(x, Dense(3, "softmax")(both), rng=seed))


def gated(seed):
    x = Input((12,))
    gate = Multiply()([he(64)(x), Dense(64, "sigmoid")(x)])
    return compiled(fanin.Model(x, Dense(3, "softmax")(gate), rng=seed))


def apart(seed):
    x = Input((12,))
    sums = Subtract()([Dense(64)(x), he(64, None)(x)])
    mean = Average()([he(64)(Activation("tanh")(sums)), Dense(64, "relu")(sums)])
    return compiled(fanin.Model(x, Dense(3, "softmax")(mean), rng=seed))


@pytest.mark.parametrize("make", [plain_residual, beside, gated, apart])
def test_bands_hold_where_signals_are_joined(make):
    # Of signals and of outputs each 95 % are meant to hold in all layers at once.
    # A binomial of 30 and 0.1 is above 8 in one of 500.
    assert leaving(make, X) <= 8


@pytest.mark.parametrize(
    ("join", "reason"),
    [
        (lambda x, h: Add()([h, Activation("relu")(h)]), "made of the same"),
        (lambda x, h: fanin.layers.Maximum()([h, Dense(12)(h)]), "of type maximum"),
        (lambda x, h: Multiply()([h, h]), "made of the same"),
    ],
)
def test_where_there_is_no_formula_the_prediction_ends_and_says_so(join, reason):
    x = Input((12,))
    h = Dense(12, name="before")(x)
    out = Dense(3, "softmax", name="out")(join(x, h))
    report = fanin.diagnose(compiled(fanin.Model(x, out, rng=0)), X, Y)
    assert "signal" in report.bands(report["before"])
    assert report.bands(report["out"]).keys() <= {"gradient"}
    assert reason in str(report).replace("\n", " ")


def test_two_calls_of_a_layer_go_together():
    report = fanin.diagnose(siamese(), given(siamese()), Y)
    assert report.prediction(report["second"]).activation is not None
    assert "made of the same" in report.prediction(report["apart"]).reason


def test_theory_begins_at_what_is_measured_before_all_weights():
    x = Input((12,))
    h = he(32, name="h")(Rescaling(3.0, 1.0)(x))
    model = compiled(fanin.Model(x, Dense(3, "softmax")(Add()([h, Dense(32)(x)])), rng=0))
    report = fanin.diagnose(model, X, Y)
    assert not report.outside(report["h"])["signal"]
    assert report.bands(report["h"])["signal"].value > 10


def test_gradients_are_predicted_back_to_where_they_add_up():
    report = fanin.diagnose(residual(), X, Y)
    assert report.prediction(report["out"]).gradient is not None
    assert report.prediction(report["sum2"]).gradient is None
    assert "gradients of several ways add up" in str(report).replace("\n", " ")


def test_the_jacobian_goes_through_joins():
    model = residual()
    report = fanin.diagnose(model, X, Y, training=False)
    found = report.jacobian(1)
    place = next(layer.index for layer in report.layers if layer.name == "sum2")
    x = X[:1].astype(np.float64)
    steps = 1e-3 * np.eye(12)
    part = fanin.Model(model.inputs, model.get_layer("sum2").output)
    columns = [(part(x + step) - part(x - step))[0] / 2e-3 for step in steps]
    expected = np.linalg.svd(np.stack(columns, axis=1), compute_uv=False)
    np.testing.assert_allclose(found[place], expected, rtol=2e-2)


# What else runs a network.


@pytest.mark.parametrize("make", MAKERS)
def test_lsuv_gives_each_layer_its_standard_deviation(make):
    model = make()
    x = given(model)
    scales = fanin.lsuv(model, x, rng=0)
    assert [la.name for la in scales.layers] == [
        la.name for la in model.computing if isinstance(la, Dense)
    ]
    seen = set()
    for layer in trace(model, x, None, None, True).layers:
        if layer.kind == "dense" and layer.name not in seen:
            seen.add(layer.name)
            z = layer.outputs if layer.pre_activation is None else layer.pre_activation
            assert z.std(dtype=float) == pytest.approx(1, abs=1e-4)


def test_lsuv_that_fails_leaves_a_graph_as_it_was():
    model = residual()
    before = model.params.copy()
    with pytest.raises(ValueError, match="do not vary"):
        fanin.lsuv(model, np.ones((8, 12)), rng=0)
    np.testing.assert_array_equal(model.params, before)


@pytest.mark.parametrize("make", MAKERS)
def test_symmetry_finds_equal_units_before_and_after(make):
    model = make()
    layer = next(la for la in model.computing if isinstance(la, Dense))
    layer.kernel[...] = 0.1
    params = model.params.copy()
    report = fanin.symmetry(model, given(model), Y, steps=2)
    found = {one.name: one.distinct for one in report.start}
    assert found[layer.name] == 1
    assert report.steps == 2
    np.testing.assert_array_equal(model.params, params)


@pytest.mark.parametrize("make", MAKERS)
def test_a_signal_monitor_watches(make):
    model = make()
    x = given(model)
    monitor = callbacks.SignalMonitor(x, Y, every=2)
    model.fit(x, Y, batch_size=32, epochs=2, verbose=0, callbacks=[monitor])
    assert model.history.signals.steps == [0, 2, 4, 6]
    assert model.history.signals["std"].shape[0] == 4


def test_monitoring_changes_no_bit_of_a_training():
    one, other = siamese(2), siamese(2)
    x = given(one)
    one.fit(x, Y, epochs=2, verbose=0, rng=0)
    monitor = callbacks.SignalMonitor(x, Y, every=1)
    other.fit(x, Y, epochs=2, verbose=0, rng=0, callbacks=[monitor])
    np.testing.assert_array_equal(one.params, other.params)


def trained(model):
    x = given(model)
    model.fit(x, Y, epochs=2, verbose=0)
    return model, x


@pytest.mark.parametrize("seed", range(30))
def test_folding_a_random_graph_predicts_the_same(seed):
    graph = RandomGraph(seed)
    x = graph.samples(9)
    given = x if len(x) > 1 else x[0]
    graph.model.recalibrate(given) if unshared(graph.model) else None
    folded = fanin.fold_batch_norm(graph.model)
    np.testing.assert_allclose(
        folded.predict(given, verbose=0), graph.model.predict(given, verbose=0), atol=1e-9
    )


def unshared(model):
    norms = [model.computing[p] for p, _ in model.calls]
    norms = [id(layer) for layer in norms if isinstance(layer, BatchNormalization)]
    return len(set(norms)) == len(norms)


def kinds(model):
    return [type(layer).__name__ for layer in model.computing]


def test_what_is_folded_is_what_alone_reads_and_is_read():
    x = Input((12,))
    before = Dense(8)(x)
    alone = Dense(3)(BatchNormalization()(before))
    model = fanin.Model(x, alone, rng=0)
    assert kinds(fanin.fold_batch_norm(model)) == ["Dense", "Dense"]

    # Others read what the first makes: only what is behind can take it.
    before = Dense(8)(x)
    norm = BatchNormalization()(before)
    model = fanin.Model(x, Add()([Dense(8)(norm), before]), rng=0)
    assert kinds(fanin.fold_batch_norm(model)).count("BatchNormalization") == 0

    # And where others read that too, nothing can.
    before = Dense(8)(x)
    norm = BatchNormalization()(before)
    model = fanin.Model(x, Add()([Dense(8)(norm), before, norm]), rng=0)
    assert kinds(fanin.fold_batch_norm(model)).count("BatchNormalization") == 1

    # A layer of two calls has one kernel for both.
    shared = Dense(12)
    model = fanin.Model(x, shared(BatchNormalization()(shared(x))), rng=0)
    assert kinds(fanin.fold_batch_norm(model)).count("BatchNormalization") == 1


def test_reports_of_normalization_go_through_a_graph():
    model, x = trained(residual())
    report = normalization.batch_norm_report(model, x)
    assert [one.name for one in report.layers] == ["norm0", "norm1", "norm2", "last_norm"]
    model.recalibrate(x)
    assert normalization.batch_norm_report(model, x).lagging == []


@pytest.mark.parametrize("make", MAKERS)
def test_initialize_draws_all_kernels(make):
    model = make()
    before = model.params.copy()
    fanin.initialize(model, "orthogonal", rng=1)
    assert (model.params != before).any()


@pytest.mark.parametrize("make", MAKERS)
def test_recommend_measures_and_tries_a_graph(make):
    model = make()
    params = model.params.copy()
    found = fanin.recommend(model)
    assert found.activation == "relu"
    assert math.isfinite(found.ranked[0].score)
    assert found.ranked[-1].code == '"random_uniform"'
    tried = fanin.recommend(model, x=given(model), y=Y, seeds=1, epochs=1)
    assert all(candidate.losses for candidate in tried.ranked)
    np.testing.assert_array_equal(model.params, params)


def test_recommend_takes_a_chain_as_a_sequential():
    def made():
        return [he(30, name="a"), he(30, name="b"), Dense(3, "softmax", name="c")]

    row = fanin.Sequential([Input((12,)), *made()], rng=0)
    one, other = fanin.recommend(row, x=X), fanin.recommend(chain_of(made), x=X)
    assert str(one) == str(other)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("role", ["large", "dead"])
def test_mending_a_graph(make, role, capsys):
    model = make()
    x = given(model)
    layer = [la for la in model.computing if isinstance(la, Dense)][-2]
    if role == "large":
        layer.kernel[...] *= 40
    else:
        layer = next(la for la in model.computing if isinstance(la, Dense) and is_relu(la))
        layer.bias[...] = -30
    params = model.params.copy()
    report = fanin.diagnose(model, x, Y)
    assert layer.name in report.findings[0].layers
    mended = report.mend(20)
    said = capsys.readouterr().out
    assert "tried: loss after 20 steps" in said
    assert not re.search(rf"left: .*{layer.name}\b", said)
    assert type(mended) is fanin.Model
    assert [la.name for la in mended.computing] == [la.name for la in model.computing]
    assert mended.calls == model.calls
    np.testing.assert_array_equal(model.params, params)


def is_relu(layer):
    return layer.settings()["activation"]["kind"] == "relu"


@pytest.mark.parametrize("draw", [fanin.lsuv, fanin.data_dependent.weight_norm])
def test_what_scales_layer_by_layer_takes_several_outputs(draw):
    inputs = fanin.Input(X.shape[1:])
    body = fanin.layers.Dense(16, "tanh", name="body")(inputs)
    ends = [fanin.layers.Dense(1, name="a")(body), fanin.layers.Dense(3, name="b")(body)]
    model = fanin.Model(inputs, ends, rng=0)
    for layer in ("body", "a", "b"):
        model.get_layer(layer).kernel[...] *= 7
    draw(model, X)
    a, b = model.predict(X, verbose=0)
    assert abs(a.std() - 1) < 0.1
    assert abs(b.std() - 1) < 0.1
