"""The functional interface: values, inputs in their forms, models within models, refusals."""

import copy
import gc
import pickle

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.errors import ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype("float32")


def line(width=4, name=None, rng=0):
    inputs = fanin.Input((width,))
    return fanin.Model(inputs, layers.Dense(3)(layers.Dense(5, "relu")(inputs)), name, rng=rng)


# Values.


def test_a_value_has_a_shape_and_no_numbers():
    inputs = fanin.Input((3, 2), name="x")
    assert inputs.shape == (None, 3, 2)
    assert (inputs.ndim, inputs.dtype, inputs.name) == (3, "float32", "x")
    assert "(None, 3, 2)" in repr(inputs)
    assert layers.Dense(5)(inputs).shape == (None, 3, 5)
    for use in (np.asarray, bool, lambda value: layers.Dense(2).forward(value)):
        with pytest.raises(TypeError, match="no numbers"):
            use(inputs)


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: -a,
        lambda a, b: 2 * a, lambda a, b: a * 0.5, lambda a, b: 1 - a, lambda a, b: a - 3,
        lambda a, b: a + 1.5, lambda a, b: 1.5 + a,
        lambda a, b: np.float32(2) * a, lambda a, b: a - np.int64(3),
    ],
)  # fmt: skip
def test_operators_are_those_of_arrays(make):
    a, b = fanin.Input((4,)), fanin.Input((4,))
    made = make(a, b)
    inputs = [a, b] if _reads(made, b) else [a]
    model = fanin.Model(inputs, made)
    x = [X, 2 * X + 1][: len(inputs)]
    expected = make(np.asarray(X), 2 * X + 1)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-6, atol=1e-6)


def _reads(value, other):
    return value is other or any(_reads(read, other) for read in value.reads)


@pytest.mark.parametrize("other", ["a", None, True, [1, 2]])
def test_what_is_no_value_and_no_number_is_no_operand(other):
    with pytest.raises(TypeError):
        fanin.Input((3,)) + other
    with pytest.raises(TypeError):
        other * fanin.Input((3,))


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "average", "maximum", "minimum"])
def test_functions_are_layers(name):
    a, b = RNG.normal(size=(2, 5, 3))
    function = {"average": lambda a, b: (a + b) / 2}.get(name) or getattr(np, name)
    np.testing.assert_allclose(getattr(layers, name)([a, b]), function(a, b), rtol=1e-6)
    one, other = fanin.Input((3,)), fanin.Input((3,))
    model = fanin.Model([one, other], getattr(layers, name)([one, other], name="joint"))
    np.testing.assert_allclose(model([a, b]), function(a, b), rtol=1e-6)
    assert model.get_layer("joint").input == [one, other]


def test_concatenation_and_products():
    a, b = RNG.normal(size=(2, 5, 2, 3))
    for axis in (1, 2, -1, -2):
        expected = np.concatenate([a, b], axis).astype("float32")
        assert np.array_equal(layers.concatenate([a, b], axis=axis), expected)
    a, b = a[:, 0], b[:, 0]
    np.testing.assert_allclose(layers.dot([a, b], axes=1)[:, 0], (a * b).sum(1), rtol=1e-5)


def test_the_largest_of_what_is_not_a_number_is_none():
    a, b = np.array([[np.nan, 1.0, 2.0]]), np.array([[1.0, np.nan, 3.0]])
    for name in ("Maximum", "Minimum"):
        y = getattr(layers, name)()([a, b])
        assert np.isnan(y[0, :2]).all()
        assert y[0, 2] in (2.0, 3.0)


# Inputs and outputs.


def test_inputs_are_given_in_order_or_by_name():
    a, b = fanin.Input((4,), name="a"), fanin.Input((2, 2), name="b")
    y = layers.Dense(2)(layers.Concatenate()([a, layers.Flatten()(b)]))
    model = fanin.Model([a, b], y, rng=0)
    named = fanin.Model({"b": b, "a": a}, y)
    x = {"a": X, "b": X.reshape(-1, 2, 2)}
    expected = model.predict([x["a"], x["b"]], verbose=0)
    for given in (x, (x["a"], x["b"])):
        assert np.array_equal(model.predict(given, verbose=0), expected)
    assert np.array_equal(named.predict(x, verbose=0), expected)
    assert model.input_shape == [(None, 4), (None, 2, 2)]
    assert named.input_shape == {"b": (None, 2, 2), "a": (None, 4)}
    assert model.output_shape == (None, 2)
    assert [value.name for value in named.inputs] == ["b", "a"]
    y, cache = named.forward(x)
    dx, _ = named.backward(np.ones_like(y), cache)
    assert {name: part.shape for name, part in dx.items()} == {"a": (20, 4), "b": (20, 2, 2)}
    model.compile("sgd", "mse")
    targets = RNG.normal(size=(20, 2))
    history = model.fit(x, targets, validation_data=([X, x["b"]], targets), verbose=0)
    assert {"loss", "val_loss"} <= history.history.keys()
    assert model.evaluate([X, x["b"]], targets, verbose=0) > 0


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (X, "x: expected a list of 2 inputs .a, b., found"),
        ([X], "x: expected a list of 2 inputs .a, b., found 1"),
        ([X, X, X], "found 3"),
        ({"a": X}, "x: expected the inputs a, b, found a"),
        ({"a": X, "c": X}, "found a, c"),
        ([X, X[:5]], "x: expected as many samples of each input, found"),
        ([X, X[:, :3]], r"x\['b'\]: expected shape \(n, 4\)"),
        ([X, None], r"x\['b'\]"),
        ([X, X * np.nan], r"x\['b'\]: expected finite"),
        (None, "x"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_and_nothing_changes(x, words):
    a, b = fanin.Input((4,), name="a"), fanin.Input((4,), name="b")
    model = fanin.Model([a, b], layers.Dense(1)(a + b))
    model.compile("sgd", "mse")
    before = model.params.copy()
    for use in (
        lambda: model.fit(x, np.ones(20), verbose=0),
        lambda: model.predict(x, verbose=0),
        lambda: model.evaluate(x, np.ones(20), verbose=0),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            use()
    assert np.array_equal(model.params, before)


def test_what_a_model_says_of_itself():
    model = line(name="mine")
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense", "Dense"]
    hidden = model.layers[1]
    assert model.get_layer(hidden.name) is hidden is model.get_layer(index=1)
    assert model.output is model.layers[2].output
    assert model.input is model.inputs[0] is hidden.input
    assert hidden.output.shape == (None, 5)
    assert model.count_params() == 43
    assert (model.name, model.input_shape, model.output_shape) == ("mine", (None, 4), (None, 3))
    assert model.compute_output_shape((7, 4)) == (7, 3)
    assert repr(model) == "<Model name=mine, built=True, layers=2, params=43>"


def test_summary_says_what_is_connected():
    inputs = fanin.Input((4,), name="x")
    first = layers.Dense(4, name="first")(inputs)
    model = fanin.Model(inputs, layers.Add(name="sum")([first, inputs]), name="block")
    lines = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "Connected to" in text
    assert next(row for row in text.splitlines() if "sum (Add)" in row).rstrip(" |").endswith("x")
    assert "first, x" in text
    assert "Connected to" in model._repr_html_()
    plain = []
    fanin.Sequential([layers.Dense(1, input_dim=2)]).summary(print_fn=plain.append)
    assert "Connected to" not in "\n".join(plain)


def test_layers_are_listed_as_keras_lists_them():
    a, b = fanin.Input((3,), name="a"), fanin.Input((3,), name="b")
    deep = layers.Dense(3, name="d2")(layers.Dense(3, name="d1")(a))
    y = layers.Dense(1, name="out")(layers.Add(name="sum")([b, deep]))
    model = fanin.Model([b, a], y)
    assert [layer.name for layer in model.layers] == ["a", "d1", "b", "d2", "sum", "out"]
    assert [name for name, _ in model.named_weights()][::2] == ["0/kernel", "1/kernel", "2/kernel"]


# Layers that several networks share.


def test_a_model_within_a_model_shares_its_arrays():
    encoder, decoder = line(4, "encoder", rng=1), line(3, "decoder", rng=2)
    inputs = fanin.Input((4,))
    code = encoder.predict(X, verbose=0)
    out = decoder.predict(code, verbose=0)
    whole = fanin.Model(inputs, decoder(encoder(inputs)), name="whole")
    assert np.array_equal(whole.predict(X, verbose=0), out)
    for part in (encoder, decoder):
        assert np.shares_memory(part.params, whole.params)
        assert np.shares_memory(part.layers[1].kernel, whole.params)
    whole.compile(fanin.optimizers.SGD(0.1), "mse")
    whole.fit(X, X[:, :3], epochs=2, verbose=0)
    assert not np.array_equal(encoder.predict(X, verbose=0), code)
    halves = decoder.predict(encoder.predict(X, verbose=0), verbose=0)
    assert np.array_equal(halves, whole.predict(X, verbose=0))
    encoder.compile(fanin.optimizers.SGD(0.1), "mse")
    encoder.fit(X, X[:, :3], verbose=0)
    halves = decoder.predict(encoder.predict(X, verbose=0), verbose=0)
    assert np.array_equal(halves, whole.predict(X, verbose=0))


def test_what_is_shared_outlives_the_network_that_shares_it():
    encoder = line(4, "encoder")
    inputs = fanin.Input((4,))
    whole = fanin.Model(inputs, layers.Dense(2)(encoder(inputs)))
    del whole, inputs
    gc.collect()
    encoder.layers[1].kernel[...] = 0
    assert not encoder.params[:20].any()


def test_a_network_of_some_layers_of_another_shares_their_arrays():
    model = line()
    features = fanin.Model(model.input, model.layers[1].output)
    assert np.shares_memory(features.params, model.params)
    expected = np.maximum(X @ model.layers[1].kernel + model.layers[1].bias, 0)
    np.testing.assert_allclose(features.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    model.compile(fanin.optimizers.SGD(0.1), "mse")
    model.fit(X, X[:, :3], verbose=0)
    expected = np.maximum(X @ model.layers[1].kernel + model.layers[1].bias, 0)
    np.testing.assert_allclose(features.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    # Those of the middle, from a value that a layer makes; and of a Sequential.
    head = fanin.Model(model.layers[2].input, model.output)
    assert np.shares_memory(head.params, model.params)
    assert head.params.size == 18
    sequential = fanin.Sequential([layers.Dense(5, "relu", input_dim=4), layers.Dense(3)], rng=0)
    part = fanin.Model(sequential.input, sequential.layers[0].output)
    assert np.shares_memory(part.params, sequential.params)
    probabilities = fanin.Model(sequential.input, layers.Softmax()(sequential.output))
    np.testing.assert_allclose(probabilities.predict(X, verbose=0).sum(1), 1, rtol=1e-5)
    assert np.shares_memory(probabilities.params, sequential.params)


def test_one_sequential_on_two_inputs():
    tower = fanin.Sequential([layers.Dense(6, "relu", input_dim=4), layers.Dense(2)], rng=0)
    a, b = fanin.Input((4,)), fanin.Input((4,))
    model = fanin.Model([a, b], layers.Dot(axes=1)([tower(a), tower(b)]))
    assert model.params.size == tower.params.size
    left, right = tower.predict(X, verbose=0), tower.predict(2 * X, verbose=0)
    expected = (left * right).sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict([X, 2 * X], verbose=0), expected, rtol=1e-4, atol=1e-5)
    tower.pop()
    tower.add(layers.Dense(3))
    assert tower.predict(X, verbose=0).shape == (len(X), 3)
    np.testing.assert_allclose(model.predict([X, 2 * X], verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_a_sequential_that_is_not_built_is_built_by_a_value():
    tower = fanin.Sequential([layers.Dense(3)])
    inputs = fanin.Input((4,))
    model = fanin.Model(inputs, tower(inputs))
    assert np.shares_memory(model.params, tower.params)


def test_two_networks_around_one():
    base = line(4, "base")
    inputs = fanin.Input((4,))
    first = fanin.Model(inputs, layers.Dense(2)(base(inputs)), name="first")
    before = first.params.copy()
    again = fanin.Input((4,))
    second = fanin.Model(again, layers.Dense(7)(base(again)), name="second")
    assert np.shares_memory(base.params, first.params)
    assert np.array_equal(first.params, before)
    assert np.shares_memory(base.params, second.layers[1].kernel)
    twin = copy.deepcopy(base)
    second = fanin.Model(again, layers.Dense(7)(twin(again)))
    assert np.array_equal(twin.params, base.params)
    assert not np.shares_memory(second.params, first.params)


def test_a_copy_of_a_part_stands_by_itself():
    encoder = line(4, "encoder")
    inputs = fanin.Input((4,))
    whole = fanin.Model(inputs, layers.Dense(2)(encoder(inputs)))
    for twin in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert np.array_equal(twin.params, encoder.params)
        assert not np.shares_memory(twin.params, whole.params)
    twin = copy.deepcopy(whole)
    assert np.array_equal(twin.predict(X, verbose=0), whole.predict(X, verbose=0))


def test_arrays_are_not_moved_while_they_are_trained():
    model = line()
    model.compile("sgd", "mse")
    inputs = fanin.Input((4,))
    outcomes = []

    class Moves(fanin.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with pytest.raises(RuntimeError):
                fanin.Model(inputs, layers.Dense(2)(model(inputs)))
            outcomes.append(fanin.Model(model.input, model.layers[1].output).predict(X, verbose=0))

    model.fit(X, X[:, :3], callbacks=[Moves()], verbose=0)
    assert outcomes[0].shape == (20, 5)


# What runs a model.


def test_recalibrate_and_initialize_take_graphs():
    inputs = fanin.Input((4,))
    hidden = layers.Dense(4, name="hidden")(inputs)
    norm = layers.BatchNormalization(name="norm")
    y = layers.Dense(2)(layers.Add()([norm(hidden), inputs]))
    model = fanin.Model(inputs, y, rng=0)
    model.recalibrate(X)
    made = fanin.Model(inputs, hidden).predict(X, verbose=0)
    np.testing.assert_allclose(norm.moving_mean, made.mean(0), atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, made.var(0), rtol=1e-5)
    before = model.params.copy()
    fanin.initialize(model, "he_normal", rng=1)
    assert not np.array_equal(model.params, before)


def test_theory_by_itself_is_of_rows():
    a = fanin.Input((4,))
    row = fanin.Model(a, layers.Dense(3, name="end")(layers.Dense(5, "relu", name="begin")(a)))
    found = fanin.theory.predict(row)
    assert [layer.name for layer in found.layers] == ["begin", "end"]
    branching = fanin.Model(a, layers.Add()([a, layers.Dense(4)(a)]))
    with pytest.raises(TypeError, match=r"network: expected a Sequential .* that branches"):
        fanin.theory.predict(branching)


# Refusals.


def unrelated():
    a, b = fanin.Input((3,)), fanin.Input((3,))
    return fanin.Model([a, b], layers.Dense(2)(a))


def missing():
    a, b = fanin.Input((3,), name="a"), fanin.Input((3,), name="b")
    return fanin.Model(a, layers.Add()([a, b]))


def named_alike():
    a = fanin.Input((3,))
    return fanin.Model(a, layers.Dense(2, name="d")(layers.Dense(2, name="d")(a)))


def called_on_two_widths():
    dense, a = layers.Dense(3), fanin.Input((4,))
    return fanin.Model(a, dense(dense(a)))


def of_two_dtypes():
    a = fanin.Input((3,))
    return fanin.Model(a, layers.Dense(2, dtype="float64")(layers.Dense(2, dtype="float32")(a)))


REFUSED = {
    "an input that leads nowhere": (unrelated, ValueError, "inputs: expected inputs that lead"),
    "an input that is not listed": (missing, ValueError, "depends on 'b'"),
    "two layers of one name": (named_alike, ValueError, "name: expected a name that no other"),
    "arrays of two shapes": (called_on_two_widths, ShapeError, "one shape in all of its calls"),
    "two dtypes": (of_two_dtypes, ValueError, "dtype: expected one dtype"),
    "shapes that do not meet": (
        lambda: layers.Add()([fanin.Input((3,)), fanin.Input((4,))]),
        ShapeError,
        r"samples of one shape, or of shapes that NumPy broadcasts, .* \(3,\) and \(4,\)",
    ),
    "widths that do not meet": (
        lambda: layers.Concatenate()([fanin.Input((2, 3)), fanin.Input((3, 3))]),
        ShapeError,
        "differ in axis -1 alone",
    ),
    "vectors of two lengths": (
        lambda: layers.Dot(1)([fanin.Input((3,)), fanin.Input((4,))]),
        ShapeError,
        "one shape",
    ),
    "one of two": (lambda: layers.Subtract()([fanin.Input((3,))]), ValueError, "exactly 2"),
    "several where there is one": (
        lambda: layers.Dense(2)([fanin.Input((3,)), fanin.Input((3,))]),
        ValueError,
        "inputs: expected one",
    ),
    "an array among values": (
        lambda: layers.Add()([fanin.Input((3,)), np.ones((2, 3))]),
        TypeError,
        r"x\[1\]: expected a value",
    ),
    "no output": (lambda: fanin.Model(fanin.Input((3,)), []), TypeError, "outputs: expected"),
    "an array as output": (
        lambda: fanin.Model(fanin.Input((3,)), np.ones(3)),
        TypeError,
        "outputs",
    ),
    "a layer as output": (
        lambda: fanin.Model(fanin.Input((3,)), layers.Dense(2)),
        TypeError,
        "outputs: expected a value",
    ),
    "a layer on a layer": (
        lambda: layers.Dense(2)(layers.Dense(3)),
        TypeError,
        "expected an array or a value",
    ),
    "a reshape that does not fit": (
        lambda: layers.Reshape((4, -1))(fanin.Input((6,))),
        ShapeError,
        "target_shape: expected a shape of 6 numbers",
    ),
    "axes that are not there": (
        lambda: layers.Permute((2, 1))(fanin.Input((6,))),
        ShapeError,
        "as many axes as dims",
    ),
    "a mode": (
        lambda: layers.BatchNormalization()(fanin.Input((6,)), training=True),
        ValueError,
        "training: expected False or nothing",
    ),
    "a model on another shape": (
        lambda: line(4)(fanin.Input((5,))),
        ShapeError,
        r"samples of shape \(4,\)",
    ),
    "a subclass with a step of training": (
        lambda: type("Mine", (fanin.Model,), {"train_step": lambda self, x: x}),
        TypeError,
        "train_step",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    make, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        make()


def test_a_class_without_call_is_refused_with_the_reason():
    class Own(fanin.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

    with pytest.raises(TypeError, match=r"^Own expected inputs and outputs.*call\(self, inputs\)"):
        Own()
    with pytest.raises(TypeError, match="outputs"):
        fanin.Model(fanin.Input((3,)))


def test_an_input_may_not_be_the_output():
    a = fanin.Input((3,))
    with pytest.raises(ValueError, match="outputs: expected what a layer makes"):
        fanin.Model(a, a)


def test_deep_networks_need_no_recursion():
    value = inputs = fanin.Input((2,))
    for _ in range(1500):
        value = layers.Rescaling(1.0)(value)
    model = fanin.Model(inputs, value)
    x = np.ones((1, 2), "float32")
    assert np.array_equal(model.predict(x, verbose=0), x)


@pytest.mark.parametrize(
    "change",
    [
        {"calls": []}, {"calls": 3}, {"calls": [[0, [5]]]}, {"calls": [[9, [0]]]},
        {"calls": [[0]]}, {"inputs": []}, {"layers": []}, {"form": "pair"}, {"calls": [[0, [-1]]]},
        {"inputs": None}, {"calls": [["a", [0]]]},
    ],
)  # fmt: skip
def test_configurations_that_say_what_cannot_be_are_refused(change):
    config = {**line().get_config(), **change}
    with pytest.raises((ValueError, TypeError)):
        fanin.Model.from_config(config)


def test_models_side_by_side_become_one_network():
    """As Keras lists them and their weights: model by model."""

    def tower(name):
        inputs = fanin.Input((3,))
        x = layers.Dense(4, name=f"{name}_1")(inputs)
        return fanin.Model(inputs, layers.Dense(2, name=f"{name}_2")(x), rng=0)

    left, right = fanin.Input((3,)), fanin.Input((3,))
    towers = tower("a"), tower("b")
    # The first one is longer by a layer.
    ends = [layers.Activation("tanh")(towers[0](left)), towers[1](right)]
    model = fanin.Model([left, right], layers.Dense(1, name="end")(layers.concatenate(ends)), rng=0)
    dense = [layer.name for layer in model.layers if isinstance(layer, layers.Dense)]
    assert dense == ["a_1", "a_2", "b_1", "b_2", "end"]
    shapes = [w.shape for w in model.get_weights()]
    assert shapes == [(3, 4), (4,), (4, 2), (2,)] * 2 + [(4, 1), (1,)]
    for one in towers:
        assert np.shares_memory(one.params, model.params)
    given = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    parts = [
        np.tanh(towers[0].predict(given[0], verbose=0)),
        towers[1].predict(given[1], verbose=0),
    ]
    end = model.get_layer("end")
    expected = np.concatenate(parts, axis=1) @ end.kernel + end.bias
    np.testing.assert_allclose(model.predict([*given], verbose=0), expected, rtol=1e-5)


def test_a_model_that_is_called_on_what_it_makes_is_within_another():
    inputs = fanin.Input((3,))
    block = fanin.Model(inputs, layers.Dense(3)(layers.Dense(5)(inputs)), rng=0)
    x = fanin.Input((3,))
    model = fanin.Model(x, layers.Dense(1)(block(block(x))), rng=0)
    assert np.shares_memory(block.params, model.params)
    given = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    twice = block.predict(block.predict(given, verbose=0), verbose=0)
    expected = twice @ model.layers[-1].kernel + model.layers[-1].bias
    np.testing.assert_allclose(model.predict(given, verbose=0), expected, rtol=1e-5)


def test_what_one_branch_makes_is_a_network():
    inputs = {name: fanin.Input((1,), name=name) for name in "abc"}
    ends = []
    for name, value in inputs.items():
        hidden = layers.Dense(4, activation="tanh", name=f"{name}_hidden")(value)
        ends.append(layers.Dense(1, name=f"{name}_part")(hidden))
    model = fanin.Model(inputs, layers.Add()(ends), rng=0)
    x = np.random.default_rng(0).normal(size=(5, 1)).astype("float32")
    total = 0
    for name in "abc":
        branch = fanin.Model(inputs[name], model.get_layer(f"{name}_part").output)
        assert np.shares_memory(branch.params, model.params)
        total += branch.predict(x, verbose=0)
    np.testing.assert_allclose(model.predict(dict.fromkeys("abc", x), verbose=0), total, rtol=1e-5)
