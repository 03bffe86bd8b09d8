"""Layers by themselves: arrays, building, forward and backward, configuration, refusals."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import activations, initializers, layers
from fanin.errors import ShapeError

X = np.random.default_rng(0).normal(size=(5, 3))

# One of each, with options that are not the defaults: a new layer is tested by adding a row.
MEMBERS = [
    lambda **kw: layers.Dense(4, "tanh", kernel_initializer=initializers.HeNormal(seed=1), **kw),
    lambda **kw: layers.Dense(4, use_bias=False, **kw),
    lambda **kw: layers.BatchNormalization(momentum=0.5, epsilon=0.1, scale=False, **kw),
    lambda **kw: layers.Dropout(0.4, seed=3, **kw),
    lambda **kw: layers.Activation("silu", **kw),
    lambda **kw: layers.ReLU(negative_slope=0.1, **kw),
    lambda **kw: layers.LeakyReLU(0.05, **kw),
    lambda **kw: layers.ELU(0.7, **kw),
    lambda **kw: layers.ActivityRegularization(0.1, 0.2, **kw),
    lambda **kw: layers.Softmax(**kw),
    lambda **kw: layers.Flatten(**kw),
    lambda **kw: layers.Reshape((3, 1), **kw),
    lambda **kw: layers.Permute((1,), **kw),
    lambda **kw: layers.RepeatVector(2, **kw),
    lambda **kw: layers.Rescaling(2.5, -1.0, **kw),
    lambda **kw: layers.Identity(**kw),
    lambda **kw: layers.PReLU(initializers.Constant(0.3), **kw),
    lambda **kw: layers.LayerNormalization(epsilon=0.1, **kw),
    lambda **kw: layers.RMSNormalization(epsilon=0.1, **kw),
    lambda **kw: layers.GroupNormalization(3, **kw),
    lambda **kw: layers.UnitNormalization(**kw),
    lambda **kw: layers.Lambda(fanin.ops.square, **kw),
    lambda **kw: layers.Normalization(mean=[1, 2, 3], variance=[4, 5, 6], **kw),
    lambda **kw: layers.GaussianNoise(0.4, seed=3, **kw),
    lambda **kw: layers.GaussianDropout(0.4, seed=3, **kw),
    lambda **kw: layers.AlphaDropout(0.4, seed=3, **kw),
]
# Those of whole numbers.
LOOKUPS = [
    lambda **kw: layers.Embedding(4, 2, embeddings_initializer=initializers.HeNormal(seed=1), **kw),
    lambda **kw: layers.CategoryEncoding(4, "count", **kw),
]
WHOLE = np.array([[0, 1, 3], [3, 3, 3], [2, 0, 1], [1, 1, 2], [0, 0, 0]])
SAMPLES = {**dict.fromkeys(MEMBERS, X), **dict.fromkeys(LOOKUPS, WHOLE)}
# Those of several inputs, on two.
JOINS = [
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
    lambda **kw: layers.Concatenate(axis=1, **kw),
    lambda **kw: layers.Dot(axes=1, **kw),
]


def test_every_layer_has_a_row():
    assert {type(make()) for make in [*SAMPLES, *JOINS]} == set(layers._registry().members)


@pytest.mark.parametrize("make", JOINS)
def test_layers_of_several_inputs_by_themselves(make):
    layer = make(dtype="float64")
    pair = [X, X**2 - 1]
    y, cache = layer.forward(pair)
    assert layer.input_shape == [(None, 3), (None, 3)]
    assert y.shape == (5, *layer.output_shape[1:]) == layer.compute_output_shape([(5, 3), (5, 3)])
    dx, grads = layer.backward(np.ones_like(y), cache)
    assert [part.shape for part in dx] == [(5, 3), (5, 3)]
    assert grads == {}
    again = layers.deserialize(layers.serialize(layer))
    for twin in (again, pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert np.array_equal(twin(pair), y)
    assert layer([X[:, :2], X[:, 1:]]).shape[0] == 5  # arrays of another width
    for wrong in (X[0], [X, X[:4]], [], 3, [X, np.ones((5, 2, 2))]):
        with pytest.raises((ShapeError, TypeError, ValueError)):
            layer(wrong)


@pytest.mark.parametrize(("make", "x"), SAMPLES.items())
def test_round_trips(make, x):
    """Configuration, pickle and deep copy give a layer that computes the same."""
    layer = make(dtype="float64")
    y = layer(x)
    again = layers.deserialize(layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    again.build((None, 3))
    again.set_weights(layer.get_weights())
    for twin in (again, pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert np.array_equal(twin(x), y)
        for mine, theirs in zip(layer.weights, twin.weights, strict=True):
            assert not np.shares_memory(mine, theirs)


@pytest.mark.parametrize(("make", "x"), SAMPLES.items())
def test_shapes_and_gradient_shapes(make, x):
    layer = make()
    y, cache = layer.forward(x, training=True)
    assert y.dtype == np.float32
    assert y.shape == (5, *layer.output_shape[1:]) == layer.compute_output_shape((5, 3))
    assert layer.input_shape == (None, 3)
    dx, grads = layer.backward(np.ones_like(y), cache)
    assert dx.shape == x.shape
    assert {k: v.shape for k, v in grads.items()} == {
        k: v.shape for k, v in layer.arrays.items() if layer.is_trained(k)
    }


def test_dense_is_a_matrix_product():
    layer = layers.Dense(2, dtype="float64", bias_initializer="ones")
    layer.build((None, 3), rng=0)
    assert layer.kernel.shape == (3, 2)
    np.testing.assert_allclose(layer(X), X @ layer.kernel + 1, rtol=1e-14)


def test_arrays_are_views_of_one():
    layer = layers.Dense(2)
    layer.build((None, 3))
    assert layer.kernel.base is layer.bias.base
    layer.kernel = np.ones((3, 2))
    layer.bias[...] = 0.5
    np.testing.assert_allclose(layer(np.ones((1, 3))), [[3.5, 3.5]])
    with pytest.raises(ShapeError, match=r"kernel: expected shape \(3, 2\), found \(2, 3\)"):
        layer.kernel = np.ones((2, 3))
    assert layers.Dense(2, use_bias=False, input_dim=3).name.startswith("dense")


def test_missing_arrays():
    layer = layers.Dense(2, use_bias=False)
    with pytest.raises(AttributeError, match="before it is built"):
        _ = layer.kernel
    layer.build((None, 3))
    assert layer.bias is None
    with pytest.raises(AttributeError, match="has no bias"):
        layer.bias = np.zeros(2)


def test_rng_decides_the_values():
    def kernel(rng):
        layer = layers.Dense(4)
        layer.build((None, 3), rng=rng)
        return layer.kernel.copy()

    assert np.array_equal(kernel(1), kernel(1))
    assert not np.array_equal(kernel(1), kernel(2))
    assert np.array_equal(kernel(np.random.default_rng(3)), kernel(np.random.default_rng(3)))


def test_a_seeded_initializer_does_not_depend_on_rng():
    """Its values follow from its seed and the parameter's place alone."""
    kernels = []
    for rng in (None, 0, 1, fanin.random.Stream(0, "path"), np.random.default_rng(0)):
        fanin.utils.set_random_seed(7)
        he = initializers.HeNormal(seed=1)
        model = fanin.Sequential([layers.Dense(4, kernel_initializer=he, input_dim=3)], rng=rng)
        kernels.append(model.layers[0].kernel)
    for kernel in kernels[1:]:
        assert np.array_equal(kernel, kernels[0])


def test_initializer_may_be_set_before_build():
    layer = layers.Dense(2)
    layer.kernel_initializer = "ones"
    layer.bias_initializer = initializers.Constant(2.0)
    assert layer(np.ones((1, 3))).tolist() == [[5.0, 5.0]]


def test_initializer_of_the_wrong_shape():
    layer = layers.Dense(2, kernel_initializer=lambda shape, dtype: np.zeros(3, dtype))
    with pytest.raises((ShapeError, ValueError), match="shape"):
        layer.build((None, 3))
    assert not layer.built


def test_batch_normalization_by_hand():
    layer = layers.BatchNormalization(momentum=0.9, epsilon=0.01, dtype="float64")
    y = layer(X, training=True)
    mean, variance = X.mean(0), X.var(0)
    np.testing.assert_allclose(y, (X - mean) / np.sqrt(variance + 0.01), rtol=1e-12)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-12)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-12)
    moved = layer.get_weights()
    layer(X)  # inference changes nothing
    layer.trainable = False
    frozen = layer(X, training=True)  # and a frozen layer is in inference
    for now, then in zip(layer.weights, moved, strict=True):
        assert np.array_equal(now, then)
    expected = (X - moved[2]) / np.sqrt(moved[3] + 0.01)
    np.testing.assert_allclose(frozen, expected, rtol=1e-12)


def test_trainable_says_which_weights():
    layer = layers.BatchNormalization()
    layer.build((None, 3))
    assert [len(w) for w in (layer.trainable_weights, layer.non_trainable_weights)] == [2, 2]
    layer.trainable = False
    assert [len(w) for w in (layer.trainable_weights, layer.non_trainable_weights)] == [0, 4]
    assert layer.count_params() == 12


def test_set_weights_is_all_or_nothing():
    layer = layers.Dense(2)
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ShapeError, match="bias"):
        layer.set_weights([np.zeros((3, 2)), np.zeros(3)])
    with pytest.raises(ValueError, match="expected 2 arrays"):
        layer.set_weights([np.zeros((3, 2))])
    with pytest.raises(TypeError, match="expected numbers, found the text"):
        layer.set_weights([np.zeros((3, 2)), ["a", "b"]])
    for now, then in zip(layer.weights, before, strict=True):
        assert np.array_equal(now, then)


def test_activation_by_name_function_partial_and_layer():
    import functools

    values = [
        layers.Dense(4, activation=a, kernel_initializer=initializers.HeNormal(seed=1))(X)
        for a in (
            "leaky_relu",
            activations.leaky_relu,
            functools.partial(activations.leaky_relu, negative_slope=0.2),
            layers.LeakyReLU(0.2),
            {"class_name": "leaky_relu", "config": {"negative_slope": 0.2}},
        )
    ]
    for other in values[1:]:
        assert np.array_equal(values[0], other)


def test_names_count_up():
    first, second = layers.Dense(1), layers.Dense(1)
    before, after = (
        int(layer.name.removeprefix("dense").strip("_") or 0) for layer in (first, second)
    )
    assert after == before + 1
    assert layers.BatchNormalization().name.startswith("batch_normalization")
    assert layers.ReLU().name.startswith("re_lu")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: layers.Dense(0),
            ValueError,
            "units: expected a whole number of at least 1, found 0",
        ),
        (lambda: layers.Dense(2.5), TypeError, "units: expected a whole number"),
        (lambda: layers.Dense(True), TypeError, "units: expected a whole number"),
        (lambda: layers.Dense(2, "rleu"), ValueError, "did you mean 'relu'"),
        (lambda: layers.Dense(2, np.tanh), TypeError, "fanin.activations"),
        (lambda: layers.Dense(2, kernel_initializer="he_norml"), ValueError, "he_normal"),
        (lambda: layers.Dense(2, lora_rank=2), ValueError, "low-rank adaptation"),
        (lambda: layers.Dense(2, activaton="relu"), TypeError, "did you mean 'activation'"),
        (lambda: layers.Dense(2, dtype="float16"), TypeError, "dtype: expected"),
        (lambda: layers.Dense(2, dtype="mixed_float16"), TypeError, "dtype: expected"),
        (lambda: layers.Dense(2, input_shape=()), ShapeError, "input_shape"),
        (lambda: layers.Dense(2, input_shape=(0,)), ShapeError, "input_shape"),
        (
            lambda: layers.Dense(2, input_shape=(3,), input_dim=3),
            ValueError,
            "input_dim: expected nothing",
        ),
        (lambda: layers.Dense(2, name=3), TypeError, "name: expected text"),
        (lambda: layers.BatchNormalization(momentum=2), ValueError, "momentum: expected"),
        (
            lambda: layers.BatchNormalization(epsilon=0),
            ValueError,
            "epsilon: expected a number above 0",
        ),
        (
            lambda: layers.BatchNormalization(axis=1).build((None, 2, 3)),
            ShapeError,
            "axis: .* the last",
        ),
        (lambda: layers.ReLU(max_value=-6), ValueError, "max_value"),
        (lambda: layers.Softmax(axis=1), ValueError, "last axis"),
        (lambda: layers.Input(), ValueError, "shape of one sample"),
        (lambda: layers.Input(shape=(None, 3)), ShapeError, "known length"),
        (lambda: layers.Dense(2).forward(layers.Input(shape=(3,))), TypeError, "no numbers"),
        (lambda: layers.Dense(2)(layers.Dense(2)), TypeError, "an array or a value"),
        (lambda: layers.Dense(2).build((3,)), ShapeError, "batch axis"),
        (lambda: layers.Dense(2)(np.ones(3)), ShapeError, r"\(batch, features\)"),
        (lambda: layers.Dense(2)(np.ones((1, 3), complex)), TypeError, "real numbers"),
        (lambda: layers.Dense(2)([["a"]]), TypeError, "expected numbers, found the text"),
        (lambda: layers.Dense(2)([[1, 2], [3]]), ShapeError, "shape|rectangular"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_wrong_shapes_after_building():
    layer = layers.Dense(2, name="hidden")
    y, cache = layer.forward(X)
    with pytest.raises(ShapeError, match=r"x: expected .* shape \(batch, 3\) for layer 'hidden'"):
        layer(np.ones((5, 4)))
    with pytest.raises(ShapeError, match="'hidden' was built for samples of shape"):
        layer.build((None, 4))
    with pytest.raises(ValueError, match="dy"):
        layer.backward(np.ones((4, 2)), cache)
    with pytest.raises(ValueError, match="not built"):
        layers.Dense(2).backward(y, cache)


def test_rank_three():
    """Dense and BatchNormalization work over the last axis, as in Keras."""
    x = np.random.default_rng(1).normal(size=(4, 5, 3))
    dense = layers.Dense(2, dtype="float64")
    y = dense(x)
    np.testing.assert_allclose(y, x @ dense.kernel, rtol=1e-13)
    normalized = layers.BatchNormalization(dtype="float64")(x, training=True)
    np.testing.assert_allclose(normalized.mean((0, 1)), 0, atol=1e-12)


def test_layers_written_in_python_are_refused():
    class Mine(layers.Layer):
        pass

    with pytest.raises(TypeError, match="not one of fanin's layers"):
        Mine()(X)


@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
def test_backward_changes_no_gradient_and_needs_no_outputs(activation: str | None) -> None:
    """The caller may write into the outputs, and has dy back as it was."""
    x, dy = np.linspace(-1, 1, 12, dtype="f4").reshape(4, 3), np.ones((4, 3), "f4")
    for layer in (layers.Dense(3, activation), layers.BatchNormalization(), layers.Dropout(0.5)):
        layer.build((None, 3), rng=0)
        y, cache = layer.forward(x, True)
        dx, grads = layer.backward(dy, cache)
        kept = dx.copy(), {name: g.copy() for name, g in grads.items()}
        y[...] = np.nan
        again, grads = layer.backward(dy, cache)
        np.testing.assert_array_equal(again, kept[0])
        for name, gradient in grads.items():
            np.testing.assert_array_equal(gradient, kept[1][name])
        np.testing.assert_array_equal(dy, 1)
        by_copy = layer.backward(x.copy(), cache)[0]
        y[...] = x
        by_itself = layer.backward(y, cache)[0]
        np.testing.assert_array_equal(by_itself, by_copy)


def layer_or_network(make, alone):
    """A layer by itself, or in a network of two."""
    if alone:
        layer = make(dtype="float64")
        layer.build((None, *X.shape[1:]), rng=0)
        return layer
    layer = make(dtype="float64", input_shape=X.shape[1:])
    return fanin.Sequential([layer, layers.Dense(3, "tanh", dtype="float64")], rng=0)


both = pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a network"])


@both
@pytest.mark.parametrize("make", MEMBERS)
def test_the_arrays_of_each_pass_are_its_own(make, alone):
    runs, held = layer_or_network(make, alone), []
    for x in (X, X + 1, X[:2], X * 3, X):
        y, cache = runs.forward(x, training=True)
        dx, grads = runs.backward(np.cos(y), cache)
        now = (y, dx, *grads.values())
        for before, copies in held:
            assert not any(np.shares_memory(a, b) for a in now for b in before)
            for found, expected in zip(before, copies, strict=True):
                np.testing.assert_array_equal(found, expected)
        held.append((now, [array.copy() for array in now]))


@both
@pytest.mark.parametrize("make", MEMBERS)
def test_a_pass_writes_into_out_what_new_arrays_would_hold(make, alone):
    fresh, again = layer_or_network(make, alone), layer_or_network(make, alone)
    passed, found = again.forward(X, training=True), None
    fresh.forward(X, training=True)
    for x in (X + 1, X * 3):
        y, cache = fresh.forward(x, training=True)
        dx, grads = fresh.backward(np.cos(y), cache)
        outputs = passed[0]
        passed = again.forward(x, training=True, out=passed)
        assert passed[0] is outputs
        np.testing.assert_array_equal(outputs, y)
        before = found
        found = again.backward(np.cos(outputs), passed[1], out=found)
        np.testing.assert_array_equal(found[0], dx)
        assert len(found[1]) == len(grads)
        for (name, mine), gradient in zip(found[1].items(), grads.values(), strict=True):
            np.testing.assert_array_equal(mine, gradient)
            assert before is None or np.shares_memory(mine, before[1][name])
        assert before is None or found[0] is before[0]
    # Arrays of the caller's own; the cache is then new.
    mine, mine_back = np.empty_like(y), np.empty_like(dx)
    outputs, cache = again.forward(x, out=mine)
    assert outputs is mine
    np.testing.assert_array_equal(mine, fresh.forward(x)[0])
    assert again.backward(np.cos(mine), cache, out=mine_back)[0] is mine_back
    np.testing.assert_array_equal(mine_back, fresh.backward(np.cos(mine), fresh.forward(x)[1])[0])


# What is given as `out` of a pass of X through a Dense of 3 in double precision.
WRONG_OUT = {
    "a number": (lambda x, mine: 3, TypeError),
    "a list": (lambda x, mine: [[0.0]], TypeError),
    "of another dtype": (lambda x, mine: np.empty_like(mine[0], "float32"), TypeError),
    "of another shape": (lambda x, mine: np.empty_like(mine[0])[1:], ValueError),
    "of another layout": (lambda x, mine: np.empty(mine[0].shape[::-1]).T, ValueError),
    "read-only": (lambda x, mine: np.broadcast_to(mine[0][:1], mine[0].shape), ValueError),
    "the inputs": (lambda x, mine: x, ValueError),
    "a pair of something else": (lambda x, mine: (mine[0], 3), TypeError),
    "of three": (lambda x, mine: (*mine, 3), TypeError),
}


@pytest.mark.parametrize("wrong", WRONG_OUT)
def test_an_out_that_cannot_be_written_is_refused_before_anything_changes(wrong):
    make, error = WRONG_OUT[wrong]
    x = np.linspace(-1, 1, 15).reshape(5, 3)
    layer = layers.BatchNormalization(dtype="float64")
    passed = layer.forward(x, training=True)
    found = layer.backward(np.cos(x), passed[1])
    arrays = [x, passed[0], found[0], *layer.arrays.values()]
    before = [array.copy() for array in arrays]
    with pytest.raises(error, match=r"^out: expected "):
        layer.forward(x, training=True, out=make(x, passed))
    with pytest.raises(error, match=r"^out: expected "):
        layer.backward(np.cos(x), passed[1], out=make(x, found))
    for array, copy_of_it in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy_of_it)


def test_an_out_is_of_the_same_layer_and_of_as_many_samples():
    layer, other = layers.Dense(2, dtype="float64"), layers.Dense(2, dtype="float64")
    x = np.ones((4, 3))
    for out in (other.forward(x), layer.forward(x[:2])):
        with pytest.raises(ValueError, match=r"^out: expected "):
            layer.forward(x, out=out)
    with pytest.raises(ValueError, match="keep: expected 'share' or 'copy', found 'no'"):
        layer.forward(x, keep="no")


@both
def test_the_cache_shares_the_inputs_unless_a_copy_is_asked_for(alone):
    runs = layer_or_network(lambda **options: layers.Dense(3, **options), alone)
    dy = np.ones((len(X), 3))

    def kernel_gradient(cache):
        return next(iter(runs.backward(dy, cache)[1].values()))

    expected = kernel_gradient(runs.forward(X)[1])
    for keep in ("share", "copy"):
        x = X.astype("float64")
        _, cache = runs.forward(x, keep=keep)
        x[:] = 0
        assert np.array_equal(kernel_gradient(cache), expected) == (keep == "copy")
    # Inputs that had to be converted are a copy already.
    x = X.astype("float32")
    expected = kernel_gradient(runs.forward(x.copy())[1])
    _, cache = runs.forward(x)
    x[:] = 0
    np.testing.assert_array_equal(kernel_gradient(cache), expected)


def test_a_layer_as_activation_may_change_its_options():
    leaky = layers.LeakyReLU(0.5)
    model = fanin.Sequential([layers.Dense(4, activation=leaky, input_dim=3)], rng=0)
    layer = copy.deepcopy(model.layers[0])
    layer.activation = leaky
    for slope in (0.5, 0.0, 1.0):
        leaky.negative_slope = slope
        linear = X @ layer.kernel
        expected = np.where(linear > 0, linear, slope * linear)
        np.testing.assert_allclose(layer(X), expected, rtol=1e-5)
        np.testing.assert_array_equal(model(X), layer(X))


def test_the_settings_of_a_users_class_are_asked_for_each_time():
    class Moving(layers.Dense):
        def settings(self):
            return {**super().settings(), "trainable": self.moving}

    layer = Moving(2, input_dim=3)
    layer.moving = True
    model = fanin.Sequential([layer], rng=0)
    model.compile("sgd", "mse")
    for moving in (False, True, False):
        layer.moving = moving
        before = model.params.copy()
        model.fit(X, X[:, :2], verbose=0)
        assert (model.params != before).any() == moving
