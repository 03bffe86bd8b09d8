"""Networks of several outputs: each end is examined for its own loss and its own targets."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin.layers import Dense, Input

RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 12))
X = (X - X.mean(axis=0)) / X.std(axis=0)
KIND = (X @ RNG.normal(size=(12, 4))).argmax(axis=1)
SIZE = X[:, :1] - 0.5 * X[:, 1:2] + 0.1 * RNG.normal(size=(256, 1))
LOSSES = ["sparse_categorical_crossentropy", "mse"]


def he(units, name, activation="relu"):
    return Dense(units, activation, kernel_initializer="he_normal", name=name)


def two_heads(form=list, dtype=None, last="softmax", weights=(1.0, 0.5), losses=LOSSES, rng=0):
    """A trunk of two layers; one head with a layer of its own, one without."""
    inputs = Input((12,), dtype=dtype)
    trunk = he(32, "trunk_1")(he(32, "trunk_0")(inputs))
    kind = Dense(4, last, name="kind")(he(16, "own")(trunk))
    size = Dense(1, name="size")(trunk)
    ends = [kind, size] if form is list else {"kind": kind, "size": size}
    model = fanin.Model(inputs, ends, rng=rng)
    if form is list:
        model.compile("adam", losses, loss_weights=list(weights))
    else:
        names = ("kind", "size")
        given = dict(zip(names, LOSSES, strict=True))
        model.compile("adam", given, loss_weights=dict(zip(names, weights, strict=True)))
    return model


class Own(fanin.Model):
    """The same network as a class of a user's."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second, self.own = he(32, "trunk_0"), he(32, "trunk_1"), he(16, "own")
        self.kind, self.size = Dense(4, "softmax", name="kind"), Dense(1, name="size")

    def call(self, x):
        x = self.second(self.first(x))
        return {"kind": self.kind(self.own(x)), "size": self.size(x)}


def subclassed():
    model = Own(rng=0)
    model.compile("adam", {"kind": LOSSES[0], "size": LOSSES[1]})
    return model


def grave(report):
    return [finding for finding in report.findings if finding.severity != "note"]


@pytest.mark.parametrize(
    ("make", "y"),
    [
        (two_heads, [KIND, SIZE]),
        (two_heads, {"kind": KIND, "size": SIZE}),
        (lambda: two_heads(dict), {"kind": KIND, "size": SIZE}),
        (subclassed, {"kind": KIND, "size": SIZE}),
    ],
)
def test_a_sound_network_is_clean(make, y):
    report = fanin.diagnose(make(), X, y)
    assert report.healthy, report.findings
    assert [output.name for output in report.outputs] == ["kind", "size"]
    assert [output.loss for output in report.outputs] == [LOSSES[0], "mean_squared_error"]
    assert report.ending is None
    kind, size = (output.ending for output in report.outputs)
    assert (kind.task, size.task) == ("classes", "values")
    assert kind.targets.classes == 4
    weight = "" if make is subclassed else "0.5 "
    assert report.loss == f"{LOSSES[0]} + {weight}mean_squared_error"
    pickle.loads(pickle.dumps(report))


def test_the_loss_is_that_of_evaluate():
    model = two_heads(dtype="float64")
    report = fanin.diagnose(model, X, [KIND, SIZE])
    whole, kind, size = model.evaluate(X, [KIND, SIZE], verbose=0)
    np.testing.assert_allclose(report.loss_value, whole, rtol=1e-12)
    np.testing.assert_allclose([o.loss_value for o in report.outputs], [kind, size], rtol=1e-12)


@pytest.mark.parametrize("last", ["softmax", "tanh"])
def test_gradients_are_those_of_the_sum(last):
    """Differences of the whole loss, to 1e-6 of the largest gradient, in float64."""
    losses = LOSSES if last == "softmax" else ["mse", "mse"]
    model = two_heads(dtype="float64", last=last, losses=losses)
    y = [KIND if last == "softmax" else np.tanh(X[:, :4]), SIZE]
    model.build()
    params = model.params.copy()
    trace = fanin.frameworks._open.trace(model, X, y, None, training=True)
    rng = np.random.default_rng(1)
    for place in rng.integers(0, params.size, 40):
        values = []
        for step in (1e-5, -1e-5):
            model.params[...] = params
            model.params[place] += step
            values.append(model.evaluate(X, y, verbose=0)[0])
        model.params[...] = params
        slope = (values[0] - values[1]) / 2e-5
        assert abs(slope - trace.gradient[place]) <= 1e-6 * np.abs(trace.gradient).max()
    for name in ("kind", "size", "own", "trunk_0"):
        (layer,) = (la for la in trace.layers if la.name == name)
        assert np.isfinite(layer.gradients["kernel"]).all()


def test_a_softmax_that_underflows_has_its_gradient_at_an_output_beside_others():
    """What goes back from a loss is of the logits, so that no probability of 0 hides it."""
    model = two_heads(dtype="float64")
    model.build()
    model.get_layer("kind").kernel[...] *= 1e5
    trace = fanin.frameworks._open.trace(model, X, [KIND, SIZE], None, training=True)
    (layer,) = (la for la in trace.layers if la.name == "kind")
    assert (layer.outputs == 0).any()
    hot = np.eye(4)[KIND]
    np.testing.assert_allclose(layer.pre_activation_gradient, layer.outputs - hot, atol=1e-9)


def faults(report):
    return {(finding.kind, finding.output, finding.layers) for finding in grave(report)}


def test_targets_of_one_output_are_named_by_it():
    report = fanin.diagnose(two_heads(), X, [KIND, 1000 * SIZE])
    assert [(f.kind, f.output) for f in grave(report)] == [("target_scale", "size")]
    (finding,) = grave(report)
    assert finding.text.startswith("Output 'size': ")
    assert finding.fix.startswith("y[1] = (y[1] - y[1].mean")
    report = fanin.diagnose(two_heads(), X, {"kind": KIND, "size": 1000 * SIZE})
    assert grave(report)[0].fix.startswith("y['size'] = ")
    report = fanin.diagnose(two_heads(), X, [np.zeros_like(KIND), SIZE])
    assert ("labels", "kind", ()) in faults(report)


def test_an_ending_that_does_not_fit_its_loss_is_named():
    losses = [fanin.losses.SparseCategoricalCrossentropy(from_logits=True), "mse"]
    report = fanin.diagnose(two_heads(), X, [KIND, SIZE], loss=losses)
    (finding,) = grave(report)
    assert (finding.kind, finding.output, finding.layers) == ("softmax_twice", "kind", ("kind",))
    assert finding.fix.startswith("loss[0] = fanin.losses.SparseCategoricalCrossentropy(")


@pytest.mark.parametrize("layer", ["trunk_1", "own"])
def test_a_fault_of_a_layer_is_named_at_it(layer):
    model = two_heads()
    model.build()
    model.get_layer(layer).kernel[...] = 0
    report = fanin.diagnose(model, X, [KIND, SIZE])
    first = grave(report)[0]
    assert layer in first.layers
    assert first.output == ("" if layer == "trunk_1" else first.output)
    assert not any(f.output == "size" for f in grave(report)) or layer == "trunk_1"


def test_a_way_to_an_output_without_an_activation_is_named():
    inputs = Input((12,))
    trunk = Dense(32, name="trunk_1")(Dense(32, name="trunk_0")(inputs))
    ends = [Dense(4, "softmax", name="kind")(trunk), Dense(1, name="size")(trunk)]
    model = fanin.Model(inputs, ends, rng=0)
    model.compile("adam", LOSSES)
    found = [f for f in fanin.diagnose(model, X, [KIND, SIZE]).findings if f.kind == "activation"]
    assert [(finding.layers, finding.output) for finding in found] == [(("trunk_0", "trunk_1"), "")]


def test_a_head_whose_outputs_are_the_same_for_all_is_named():
    model = two_heads()
    model.build()
    model.get_layer("own").kernel[...] = 0
    found = [f for f in fanin.diagnose(model, X, [KIND, SIZE]).findings if f.output]
    assert {f.output for f in found} == {"kind"}


def test_an_output_without_a_loss_is_left_alone():
    model = two_heads()
    model.compile("adam", [LOSSES[0], None])
    report = fanin.diagnose(model, X, [KIND])
    assert report.healthy, report.findings
    assert [output.loss for output in report.outputs] == [LOSSES[0], ""]


def test_without_targets_gradients_are_of_one_random_direction():
    report = fanin.diagnose(two_heads(), X)
    assert report.healthy
    assert report.loss == ""
    np.testing.assert_allclose(report["kind"].output_gradient.rms, 1.0, rtol=0.2)


@pytest.mark.parametrize("y", [[KIND, 1000 * SIZE], {"kind": KIND, "size": 1000 * SIZE}])
def test_mend_applies_what_is_found_at_an_output(y, capsys):
    model = two_heads()
    before = copy.deepcopy(y)
    mended = fanin.diagnose(model, X, y).mend(steps=20)
    said = capsys.readouterr().out
    assert "applied: y[" in said
    assert "left: severe" not in said
    assert type(mended) is fanin.Model
    if isinstance(y, dict):
        np.testing.assert_array_equal(y["size"], before["size"])
    else:
        np.testing.assert_array_equal(y[1], before[1])


@pytest.mark.filterwarnings("ignore:output 'kind'")
def test_mend_changes_the_loss_of_one_output(capsys):
    losses = [fanin.losses.SparseCategoricalCrossentropy(from_logits=True), "mse"]
    fanin.diagnose(two_heads(), X, [KIND, SIZE], loss=losses).mend(steps=5)
    said = capsys.readouterr().out
    assert (
        "applied: loss[0] = fanin.losses.SparseCategoricalCrossentropy(from_logits=False)" in said
    )
    assert "left:" not in said


def test_symmetry_sees_all_ends():
    model = two_heads()
    model.build()
    model.get_layer("own").kernel[...] = 0.1
    found = fanin.symmetry(model, X, [KIND, SIZE], steps=3)
    assert "own" in [layer.name for layer in found.start if layer.distinct == 1]
    assert [layer.name for layer in found.start] == ["trunk_0", "trunk_1", "own", "kind", "size"]
    assert fanin.symmetry(two_heads(), X).tied_layers == []


def test_recommend_goes_by_the_sum_of_the_losses():
    found = fanin.recommend(two_heads(), x=X, y=[KIND, SIZE], seeds=1, epochs=2)
    assert found.depth == 3
    heavy = fanin.recommend(two_heads(weights=(1.0, 50.0)), x=X, y=[KIND, SIZE], seeds=1, epochs=2)
    assert heavy.ranked[0].loss > found.ranked[0].loss
    by_name = fanin.recommend(
        two_heads(dict), x=X, y={"kind": KIND, "size": SIZE}, seeds=1, epochs=2
    )
    assert by_name.code == found.code
    assert by_name.ranked[0].losses == found.ranked[0].losses


def test_a_monitor_records_all_ends():
    model = two_heads()
    monitor = fanin.callbacks.SignalMonitor(X[:64], [KIND[:64], SIZE[:64]], every=4)
    alone = two_heads()
    history = model.fit(X, [KIND, SIZE], verbose=0, callbacks=[monitor], rng=0)
    other = alone.fit(X, [KIND, SIZE], verbose=0, rng=0)
    assert history.history == other.history
    assert monitor.signals.layers == ["trunk_0", "trunk_1", "own", "kind", "size"]
    assert np.isfinite(monitor.signals["gradient"]).all()


def test_the_next_step_lowers_the_whole_loss():
    step = fanin.diagnose(two_heads(), X, [KIND, SIZE]).first_step
    assert step.loss_after < step.loss
    model = two_heads()
    model.compile(fanin.optimizers.Adam(30.0), LOSSES)
    found = fanin.diagnose(model, X, [KIND, SIZE])
    assert "learning_rate" in {finding.kind for finding in grave(found)}
    model.compile(fanin.optimizers.SGD(0.01), LOSSES)
    assert fanin.diagnose(model, X, [KIND, SIZE]).curvature.sharpness > 0


def test_targets_that_do_not_fit_are_refused_before_anything_is_built():
    for y, words in (
        ([KIND], "expected a list or dict of 2"),
        ({"kind": KIND, "other": SIZE}, "expected the outputs kind, size by name"),
        ([KIND, SIZE[:5]], r"y\['size'\]"),
        ([SIZE, KIND], "y"),
    ):
        model = two_heads()
        for call in (fanin.diagnose, fanin.symmetry):
            with pytest.raises((ValueError, TypeError), match=words):
                call(model, X, y)
    with pytest.raises(ValueError, match="loss"):
        fanin.diagnose(two_heads(), X, [KIND, SIZE], loss=["mse"])


def test_an_output_that_another_is_made_of():
    inputs = Input((12,))
    code = Dense(3, name="code")(he(32, "in")(inputs))
    model = fanin.Model(inputs, [code, Dense(12, name="out")(he(32, "back")(code))], rng=0)
    model.compile("adam", ["mse", "mse"])
    report = fanin.diagnose(model, X, [X[:, :3], X])
    assert report.healthy, report.findings
    assert [output.measured.layers[-1].name for output in report.outputs] == ["code", "out"]
