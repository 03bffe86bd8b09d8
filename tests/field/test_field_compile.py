"""Faults seen in use, networks and what they are compiled for: T9, S5, R8, R11, N5."""

import copy
import warnings

import fanin
import numpy as np
import pytest
from fanin import activations, callbacks, layers, losses
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype(int)


def chain():
    return [
        layers.Dense(4, "relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.Dense(2, "softmax"),
    ]


def network(compiled=True, built=True, rng=0):
    model = fanin.Sequential(chain(), rng=rng)
    if compiled:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    if built:
        model.build((None, 3))
    return model


# T9: attributes of a model that is not built or not compiled.

STATES = {
    "empty": lambda: fanin.Sequential(),
    "an input alone": lambda: fanin.Sequential([fanin.Input((3,))]),
    "unbuilt": lambda: network(compiled=False, built=False),
    "uncompiled": lambda: network(compiled=False),
    "compiled, unbuilt": lambda: network(built=False),
    "ready": network,
}
PROPERTIES = [
    name
    for name in dir(fanin.Sequential)
    if name[:1] != "_" and isinstance(getattr(fanin.Sequential, name), property)
]
# What there is in each state beside what is always there.
BUILT = {"network", "params", "state", "output_shape", "input_shape"}
BUILT |= {"inputs", "input", "input_names", "outputs", "output"}
COMPILED = {"compiled_with", "optimizer", "loss", "slots"}
LACKING = {
    "empty": BUILT | COMPILED,
    "an input alone": (BUILT | COMPILED) - {"input_shape", "input_names"},
    "unbuilt": BUILT | COMPILED,
    "uncompiled": COMPILED,
    "compiled, unbuilt": BUILT,
    "ready": set(),
}


@pytest.mark.parametrize("state", STATES)
def test_field_T9_a_property_is_there_or_is_an_attribute_error(state):
    model, lacking = STATES[state](), set()
    for name in PROPERTIES:
        error = outcome(lambda n=name: getattr(model, n))
        assert error is None or isinstance(error, AttributeError), (name, error)
        if error is not None:
            lacking.add(name)
            assert getattr(model, name, None) is None
            assert not hasattr(model, name)
    assert lacking == LACKING[state]
    assert "epoch" in PROPERTIES


def test_what_has_no_value_yet_is_empty():
    model = network(compiled=False, built=False)
    assert (model.history, model.metrics, model.weights, model.built) == (None, [], [], False)
    assert not model.compiled


def test_field_T9_names_of_metrics_are_those_that_evaluate_will_return():
    assert network(compiled=False).metrics_names == []
    assert network(built=False).metrics_names == ["loss", "accuracy"]


def test_calls_that_come_too_early_are_value_errors():
    model = network(compiled=False)
    for call in (
        lambda: model.fit(X, Y, verbose=0),
        lambda: model.evaluate(X, Y, verbose=0),
        lambda: fanin.fit_many([model], X, Y, verbose=0),
    ):
        assert_refused(call, ValueError, "not compiled")
    unbuilt = network(compiled=False, built=False)
    for call in (unbuilt.get_weights, unbuilt.count_params, lambda: unbuilt.set_weights([])):
        assert_refused(call, ValueError, "not built")


# S5: losses and last activations that do not fit.

LAST = [
    "linear", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign", "tanh",
    "sigmoid", "softmax", "relu6", "hard_tanh", "hard_sigmoid", "hard_silu", "mish", "exponential",
    "log_sigmoid", "celu", "squareplus", "tanh_shrink", "soft_shrink", "hard_shrink", "sparse_plus",
    "sparse_sigmoid", "log_softmax", "sparsemax",
]  # fmt: skip
PROBABILITIES = {"softmax", "sigmoid", "hard_sigmoid", "sparse_sigmoid", "sparsemax"}
POSITIVE = {"softplus", "squareplus", "exponential"}
FROM_0 = {"relu", "relu6", "sparse_plus"}
# Loss, from_logits: the last activations of 3 outputs that fit.
FITTING = {
    ("categorical_crossentropy", False): PROBABILITIES | POSITIVE,
    ("sparse_categorical_crossentropy", False): PROBABILITIES | POSITIVE,
    ("binary_crossentropy", False): PROBABILITIES - {"softmax", "sparsemax"},
    ("categorical_crossentropy", True): set(LAST) - PROBABILITIES,
    ("sparse_categorical_crossentropy", True): set(LAST) - PROBABILITIES,
    ("binary_crossentropy", True): set(LAST) - PROBABILITIES - POSITIVE - FROM_0,
    ("mean_squared_error", False): set(LAST),
    ("mean_absolute_error", False): set(LAST),
    ("categorical_focal_crossentropy", False): PROBABILITIES | POSITIVE,
    ("binary_focal_crossentropy", False): PROBABILITIES - {"softmax", "sparsemax"},
    ("categorical_focal_crossentropy", True): set(LAST) - PROBABILITIES,
    ("binary_focal_crossentropy", True): set(LAST) - PROBABILITIES - POSITIVE - FROM_0,
    ("kl_divergence", False): PROBABILITIES,
    ("poisson", False): PROBABILITIES | POSITIVE | FROM_0,
    **{
        (kind, False): set(LAST)
        for kind in (
            "huber",
            "log_cosh",
            "mean_absolute_percentage_error",
            "mean_squared_logarithmic_error",
            "cosine_similarity",
            "mean_pinball_loss",
            "hinge",
            "squared_hinge",
            "categorical_hinge",
        )
    },
}


def every_loss():
    for cls in losses._registry().members:
        for logits in (False, True)[: 1 + ("from_logits" in cls().get_config())]:
            yield (cls.kind, logits), cls(from_logits=True) if logits else cls()


def targets(loss, outputs=3):
    if loss.kind.startswith("sparse"):
        return np.zeros(40, int)
    return np.eye(outputs)[np.zeros(40, int)]


def told(call):
    """The texts of the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(warning.message) for warning in caught if warning.category is UserWarning]


def ending_in(last, outputs=3, as_layer=False):
    if as_layer:
        return [layers.Dense(outputs, input_dim=3), layers.Activation(last), layers.Dropout(0.1)]
    return [layers.Dense(outputs, last, input_dim=3)]


def test_the_table_holds_every_loss_and_every_activation():
    assert {key for key, _ in every_loss()} == set(FITTING)
    kinds = {activations.settings(activations.get(name))["kind"] for name in activations.__all__
             if callable(getattr(activations, name)) and name not in
             ("get", "serialize", "deserialize", "settings", "threshold")}  # fmt: skip
    assert kinds == set(LAST)


@pytest.mark.parametrize("as_layer", [False, True])
def test_field_S5_losses_that_do_not_fit_the_last_activation_are_warned_of(as_layer):
    for key, loss in every_loss():
        for last in LAST:
            model = fanin.Sequential(ending_in(last, as_layer=as_layer), rng=0)
            texts = told(lambda m=model, a=loss: m.compile("sgd", a))
            assert len(texts) == (last not in FITTING[key]), (key, last, texts)
            for text in texts:
                assert last in text
                assert ":" in text  # what to do stands behind
            # Once is enough.
            y = targets(loss)
            assert told(lambda m=model, y=y: m.fit(X, y, verbose=0)) == [], (key, last)
            assert told(lambda m=model, y=y: m.evaluate(X, y, verbose=0)) == []


def test_field_S5_a_softmax_of_one_output_is_always_1():
    for loss in ("bce", "mse", losses.BinaryCrossentropy(from_logits=True)):
        model = fanin.Sequential(ending_in("softmax", 1), rng=0)
        (text,) = told(lambda m=model, a=loss: m.compile("sgd", a)) or [""]
        assert "always 1" in text
        assert "sigmoid" in text


def test_two_outputs_of_softmax_with_binary_crossentropy_are_right():
    """There it is the categorical cross-entropy, and the accuracies agree."""
    model = fanin.Sequential(ending_in("softmax", 2), rng=0)
    assert told(lambda: model.compile("sgd", "bce", metrics=["accuracy"])) == []
    twin = fanin.Sequential(ending_in("softmax", 2), rng=0)
    twin.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    y = np.eye(2)[Y]
    found, expected = (m.evaluate(X, y, verbose=0) for m in (model, twin))
    assert found == pytest.approx(expected, rel=1e-5)


def test_what_joins_values_is_doubted_where_its_range_is_known():
    """Of an average nobody knows: that of probabilities is one."""
    inputs = fanin.Input((3,))
    ends = [layers.Dense(1, "sigmoid")(inputs) for _ in range(2)]
    for end in (layers.average(ends), layers.maximum(ends), layers.multiply(ends)):
        model = fanin.Model(inputs, layers.Reshape((1,))(end), rng=0)
        assert told(lambda m=model: m.compile("sgd", "bce")) == []
    model = fanin.Model(inputs, layers.add(ends), rng=0)
    (text,) = told(lambda: model.compile("sgd", "bce")) or [""]
    assert "ends in linear" in text


UNBUILT = {
    "fit": lambda m, y: m.fit(X, y, verbose=0),
    "evaluate": lambda m, y: m.evaluate(X, y, verbose=0),
    "fit_many": lambda m, y: fanin.fit_many([m], X, y, verbose=0),
}


@pytest.mark.parametrize("use", UNBUILT.values(), ids=UNBUILT)
def test_field_S5_an_unbuilt_network_warns_when_it_is_used(use):
    model = fanin.Sequential([layers.Dense(2, "softmax")], rng=0)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    assert told(lambda: model.compile("sgd", loss)) == []
    (text,) = told(lambda: use(model, Y)) or [""]
    assert "from_logits=True, which applies it once more" in text
    assert told(lambda: use(model, Y)) == []
    # Another end is looked at again.
    model.pop()
    model.add(layers.Dense(2, "sigmoid"))
    (text,) = told(lambda: use(model, Y)) or [""]
    assert "ends in sigmoid" in text
    assert told(lambda: use(copy.deepcopy(model), Y)) == []


def test_field_S5_the_warning_points_at_the_line_of_the_user():
    model = fanin.Sequential(ending_in("linear", 1), rng=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.compile("sgd", "bce")
    assert [warning.filename for warning in caught] == [__file__]


def test_what_is_right_warns_nobody():
    """`compare`, `recommend` and `symmetry` compile networks of their own."""
    data = (X, Y), (X, Y)
    options = {"data": data, "epochs": 1, "seeds": 1, "hidden": 2, "progress": False}
    assert told(lambda: fanin.compare(["he_normal"], **options)) == []
    assert told(lambda: fanin.symmetry(network(), X, Y, steps=2)) == []
    bare = fanin.Sequential([layers.Dense(4, "relu"), layers.Dense(2)], rng=0)
    assert told(lambda: fanin.recommend(bare, x=X, y=Y, seeds=1, epochs=1)) == []


# R8: something else where a network is expected.

OF_A_NETWORK = {
    "clone_model": lambda m: fanin.models.clone_model(m),
    "batch_norm_report": lambda m: fanin.batch_norm_report(m, X),
    "fold_batch_norm": lambda m: fanin.fold_batch_norm(m),
    "recalibrate": lambda m: fanin.normalization.recalibrate(m, X),
    "fit_many": lambda m: fanin.fit_many([m], X, Y, verbose=0),
}
OTHERS = {
    "None": (None, "None"),
    "a number": (3, "3"),
    "a name": ("model", "'model'"),
    "a layer": (layers.Dense(2, name="mine"), "Dense name=mine"),
    "an array": (X, "an array of shape (40, 3)"),
    "the class": (fanin.Sequential, "it is a class"),
    "a list": ([1, 2], "[1, 2]"),
}


@pytest.mark.parametrize("call", OF_A_NETWORK.values(), ids=OF_A_NETWORK)
@pytest.mark.parametrize(("other", "word"), OTHERS.values(), ids=OTHERS)
def test_field_R8_what_is_no_network_is_named(other, word, call):
    assert_refused(lambda: call(other), TypeError, "expected a fanin.Sequential", word)


CACHES = {
    "None": None,
    "a number": 3,
    "an array": X,
    "a pair": (X, X),
    "a list": [X, X, True],
    "a dict": {"x": X},
    "a cache of something else": (1, 2, 3),
    "numbers": (X, X, 1),
}


@pytest.mark.parametrize("cache", CACHES.values(), ids=CACHES)
def test_field_R8_a_foreign_cache_is_refused(cache):
    model = network()
    model.layers[0].build((None, 3))
    for thing, width in ((model, 2), (model.layers[0], 4)):
        call = lambda t=thing, w=width: t.backward(np.ones((40, w), "float32"), cache)  # noqa: E731
        assert_refused(
            call, TypeError, "cache: expected what forward of this network returned", "found"
        )


def test_field_R8_a_cache_of_another_shape_is_refused():
    model, other = network(), layers.Dense(5)
    _, cache = other.forward(np.ones((40, 7)))
    for thing, width in ((model, 2), (model.layers[0], 4)):
        call = lambda t=thing, w=width: t.backward(np.ones((40, w), "float32"), cache)  # noqa: E731
        assert_refused(call, ValueError, "cache: expected", "found what another did")


# R11: a call that is refused or interrupted leaves everything as it was.


def picture(model, rng=None):
    """Everything about a model that a later call depends on."""
    parts = [model.known_shape(), model.built, model.history, model._passes]
    parts += [(layer.name, layer.built, repr(layer.settings())) for layer in model.layers]
    parts += [id(layer.arrays.get("kernel")) for layer in model.layers]
    parts += [array.tobytes() for array in model.weights]
    if model.compiled:
        chosen = model.compiled_with
        slots = None if chosen.slots is None else chosen.slots.tobytes()
        parts += [slots, chosen.iterations, chosen.epochs]
    if rng is not None:
        parts.append(repr(rng.bit_generator.state))
    return parts


def interrupting(shape, dtype=None):
    raise KeyboardInterrupt


def failing(shape, dtype=None):
    raise ArithmeticError("no numbers today")


def spoilt(value):
    x = X.copy()
    x[1, 1] = value
    return x


REFUSED = {
    "threads": (lambda m: m.forward(X, True, threads="a"), TypeError),
    "no threads": (lambda m: m.forward(X, training=True, threads=0), ValueError),
    "many threads": (lambda m: m.forward(X, training=True, threads=1.5), TypeError),
    "NaN in training": (lambda m: m(spoilt(np.nan), training=True), ValueError),
    "return_dict": (lambda m: m.evaluate(X, Y, verbose=0, return_dict="yes"), TypeError),
    "evaluate's threads": (lambda m: m.evaluate(X, Y, verbose=0, threads="a"), TypeError),
    "predict's threads": (lambda m: m.predict(X, verbose=0, threads="a"), TypeError),
    "threads of a batch": (lambda m: m.train_on_batch(X, Y, threads="a"), TypeError),
    "weights of a batch": (lambda m: m.train_on_batch(X, Y, sample_weight=[1.0]), ValueError),
    "return_dict of a batch": (lambda m: m.train_on_batch(X, Y, return_dict="yes"), TypeError),
    "a callback of fit": (
        lambda m: m.fit(X, Y, verbose=0, callbacks=[callbacks.SignalMonitor(X[:, :2], Y)]),
        ValueError,
    ),
    "the beginning of fit": (
        lambda m: m.fit(X, Y, verbose=0, callbacks=[Interrupting()]),
        KeyboardInterrupt,
    ),
    "the beginning of evaluate": (
        lambda m: m.evaluate(X, Y, verbose=0, callbacks=[Interrupting()]),
        KeyboardInterrupt,
    ),
    "the beginning of predict": (
        lambda m: m.predict(X, verbose=0, callbacks=[Interrupting()]),
        KeyboardInterrupt,
    ),
    "add, interrupted": (
        lambda m: m.add(layers.Dense(2, kernel_initializer=interrupting)),
        KeyboardInterrupt,
    ),
    "add": (lambda m: m.add(layers.Dense(2, kernel_initializer=failing)), ArithmeticError),
    "recalibrate": (lambda m: m.recalibrate(spoilt(1e38)), ValueError),
    "fit_many": (
        lambda m: fanin.fit_many([m, broken()], X, Y, verbose=0),
        ArithmeticError,
    ),
}
# These need a network whose shape is known.
WHEN_BUILT = ("add, interrupted", "add")
# These are right before this work, or are refused by what only an unbuilt network does.
CONTROLS = {
    True: ("the beginning of evaluate", "the beginning of predict", "return_dict", "add"),
    False: ("evaluate's threads", "predict's threads"),
}


class Interrupting(callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise KeyboardInterrupt

    on_test_begin = on_predict_begin = on_train_begin


def broken():
    stack = [layers.Dense(4, kernel_initializer=failing), layers.Dense(2, "softmax")]
    model = fanin.Sequential(stack, rng=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("name", [n for n in REFUSED if n not in (*WHEN_BUILT, *CONTROLS[False])])
def test_field_R11_an_unbuilt_network_stays_unbuilt(name):
    call, kinds = REFUSED[name]
    rng = np.random.default_rng(5)
    model = network(built=False, rng=rng)
    before = picture(model, rng)
    assert_refused(lambda: call(model), kinds)
    assert picture(model, rng) == before
    twin = network(rng=np.random.default_rng(5))
    assert np.array_equal(model(X), twin(X))
    assert np.array_equal(model(X, training=True), twin(X, training=True))


@pytest.mark.parametrize("name", [*CONTROLS[True], *CONTROLS[False]])
def test_what_is_refused_elsewhere_changes_nothing(name):
    call, kinds = REFUSED[name]
    for built in (True, False)[: 1 if name in CONTROLS[True] else 2]:
        model = network(built=built)
        before = picture(model)
        assert_refused(lambda m=model: call(m), kinds)
        assert picture(model) == before


@pytest.mark.parametrize(
    "name", [n for n in REFUSED if n not in (*CONTROLS[True], *CONTROLS[False], "recalibrate")]
)
def test_field_R11_a_trained_network_stays_as_it_was(name):
    call, kinds = REFUSED[name]
    model, twin = network(), network()
    for one in (model, twin):
        one.fit(X, Y, epochs=2, verbose=0)
    before = picture(model)
    assert_refused(lambda: call(model), kinds)
    assert picture(model) == before
    assert np.array_equal(model(X, training=True), twin(X, training=True))
    for one in (model, twin):
        assert outcome(lambda one=one: one.fit(X, Y, verbose=0)) is None
    assert np.array_equal(model.params, twin.params)


@pytest.mark.parametrize("wrong", [failing, interrupting], ids=["error", "interrupt"])
def test_field_R11_building_draws_nothing_if_it_fails(wrong):
    """Neither from a generator nor of the fresh streams; dropout keeps its masks."""
    kinds = (ArithmeticError, KeyboardInterrupt)

    def half(rng):
        stack = [layers.Dense(4), layers.Dropout(0.5), layers.Dense(2, kernel_initializer=wrong)]
        return fanin.Sequential(stack, rng=rng)

    rng = np.random.default_rng(5)
    model = half(rng)
    before = picture(model, rng)
    assert_refused(lambda: model.build((None, 3)), kinds)
    assert picture(model, rng) == before
    for build in (lambda: half(None).build((None, 3)), lambda: half(None)(X)):
        fanin.set_random_seed(3)
        assert_refused(build, kinds)
        found = fanin.initializers.RandomNormal()((2,))
        fanin.set_random_seed(3)
        assert np.array_equal(found, fanin.initializers.RandomNormal()((2,)))
    replay = fanin.streams.torch_cpu(0)
    assert_refused(lambda: half(replay).build((None, 3)), kinds)
    assert np.array_equal(replay.bits(4), fanin.streams.torch_cpu(0).bits(4))


def test_field_R11_pop_undoes_what_it_did(monkeypatch):
    model = network()
    model.fit(X, Y, verbose=0)
    before, outputs = picture(model), model(X)

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(fanin.Sequential, "_build_if_known", interrupt)
    assert_refused(model.pop, KeyboardInterrupt)
    monkeypatch.undo()
    assert picture(model) == before
    assert np.array_equal(model(X), outputs)


# N5: numbers that the dtype cannot hold, and NaN.


def with_first(model, value):
    weights = [w.astype("float64") for w in model.get_weights()]
    weights[0][0, 0] = value
    return weights


def load(model, weights, tmp_path):
    twin = fanin.Sequential(
        [
            layers.Dense(4, "relu", dtype="float64"),
            *(type(x).from_config(x.get_config()) for x in model.layers[1:]),
        ]
    )
    twin.build((None, 3))
    for view, values in zip(twin.weights, weights, strict=True):
        view[...] = values
    twin.save_weights(tmp_path / "w.npz")
    model.load_weights(tmp_path / "w.npz")


def assign(model, weights, tmp_path):
    model.layers[0].kernel = weights[0]


WRITERS = {
    "set_weights": lambda model, weights, tmp_path: model.set_weights(weights),
    "layer": lambda model, weights, tmp_path: model.layers[0].set_weights(weights[:2]),
    "attribute": assign,
    "load_weights": load,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("value", [1e300, -1e39])
def test_field_N5_numbers_beyond_the_dtype_are_refused(write, value, tmp_path):
    model = network()
    before = [w.copy() for w in model.weights]
    call = lambda: write(model, with_first(model, value), tmp_path)  # noqa: E731
    assert_refused(call, ValueError, "kernel", "float32 cannot hold")
    for now, then in zip(model.weights, before, strict=True):
        assert np.array_equal(now, then)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_field_N5_what_is_not_finite_is_taken_with_a_warning(write, value, tmp_path):
    model = network()
    texts = told(lambda: write(model, with_first(model, value), tmp_path))
    assert len([text for text in texts if "kernel" in text]) == 1
    assert np.array_equal(model.layers[0].kernel[0, 0], value, equal_nan=True)


def test_numbers_that_the_dtype_holds_are_taken():
    model = fanin.Sequential([layers.Dense(1, dtype="float64", input_dim=1)])
    model.set_weights([[[1e300]], [0.0]])
    assert model.layers[0].kernel[0, 0] == 1e300
    model = fanin.Sequential([layers.Dense(1, input_dim=1)])
    model.set_weights([[[3e38]], [1e-300]])
    assert model.get_weights()[1] == 0
