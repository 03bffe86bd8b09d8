"""What scripts do that went wrong in silence, or in Python's words: right, or one error."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import ops
from fanin.layers import (
    AlphaDropout,
    Dense,
    GaussianDropout,
    GaussianNoise,
    Input,
    Layer,
)

X = np.random.default_rng(0).normal(size=(64, 6))
Y = X[:, :1]


def refused(call, *words, error=(TypeError, ValueError)):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value), str(caught.value)


# Losses of one's own that change.


class Margin(fanin.losses.Loss):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def call(self, y_true, y_pred):
        return self.margin * ops.mean(ops.square(y_true - y_pred), axis=-1)


class Setting(fanin.callbacks.Callback):
    """Sets an attribute of the loss behind a batch."""

    def __init__(self, loss, at, value):
        super().__init__()
        self.loss, self.at, self.value = loss, at, value

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.at:
            self.loss.margin = self.value


def test_an_attribute_of_a_loss_counts_from_the_next_batch():
    loss = Margin()
    model = fanin.Sequential([Input((6,), dtype="float64"), Dense(1)], rng=0)
    model.compile(fanin.optimizers.SGD(0.1), loss)
    model.fit(X, Y, batch_size=16, shuffle=False, verbose=0, callbacks=[Setting(loss, 1, 3.0)])
    other = fanin.Sequential([Input((6,), dtype="float64"), Dense(1)], rng=0)
    for start, margin in ((0, 1.0), (16, 1.0), (32, 3.0), (48, 3.0)):
        other.compile(fanin.optimizers.SGD(0.1), Margin(margin))
        other.train_on_batch(X[start : start + 16], Y[start : start + 16])
    np.testing.assert_array_equal(model.params, other.params)


def test_what_a_function_reads_counts_from_the_next_batch():
    factor = {"of": 1.0}

    def scaled(y_true, y_pred):
        return factor["of"] * ops.mean(ops.square(y_true - y_pred))

    model = fanin.Sequential([Dense(1)], rng=0)
    model.compile(fanin.optimizers.SGD(0.0), scaled)
    first = model.train_on_batch(X, Y)
    changes = [fanin.callbacks.LambdaCallback(on_train_batch_end=lambda *_: factor.update(of=5.0))]
    history = model.fit(X, Y, batch_size=32, shuffle=False, verbose=0, callbacks=changes)
    whole = model.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(whole, 5 * first, rtol=1e-6)
    assert first < history.history["loss"][0] < whole


# Layers that are not built.


def test_arrays_of_a_layer_that_is_not_built():
    layer = Dense(3, name="late")
    refused(lambda: layer.arrays["kernel"], "layer 'late' has no kernel before it is built")
    assert layer.arrays == {}
    assert layer.arrays.get("kernel") is None
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        refused(lambda twin=twin: twin.arrays["bias"], "has no bias before it is built")
    layer.build((None, 2))
    assert layer.arrays["kernel"].shape == (2, 3)


def test_a_weight_by_its_name_first():
    class Old(Layer):
        def build(self, shape):
            self.k = self.add_weight("k", shape=(shape[-1],))

        def call(self, x):
            return x * self.k

    refused(lambda: Old()(X), "add_weight", "shape")


# NumPy on values.


def test_functions_of_numpy_say_which_of_ops_to_use():
    value = Input((6,))
    for function, name in ((np.exp, "exp"), (np.tanh, "tanh"), (np.sqrt, "sqrt")):
        refused(lambda f=function: f(value), f"numpy.{name}", f"use fanin.ops.{name}")
    refused(lambda: np.mean(value), "numpy.mean", "use fanin.ops.mean")
    refused(lambda: np.concatenate([value, value]), "numpy.concatenate", "fanin.ops.concatenate")
    refused(lambda: np.frexp(value), "numpy.frexp", "use what fanin.ops has")
    assert np.ndim(value) == 2

    class Own(Layer):
        def call(self, x):
            return np.log(x)

    refused(lambda: Own()(X), "use fanin.ops.log", "return np.log(x)")


def test_functions_of_numpy_on_weights_in_a_call():
    class Own(Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(shape[-1],))

        def call(self, x):
            return x * np.exp(self.w)

    refused(lambda: Own()(X), "use fanin.ops.exp")


def test_operators_between_arrays_and_values():
    value = Input((3,))
    row = np.array([1.0, 2.0, 3.0])
    made = [row + value, row - value, row * value, row / value, row**value, np.float64(2) * value]
    made += [row > value, row == value, row % value, row // value]
    model = fanin.Model(value, made)
    x = np.array([[0.5, 2.0, -1.5]])
    expected = [row + x, row - x, row * x, row / x, row**x, 2 * x]
    expected += [row > x, row == x, row % x, row // x]
    with np.errstate(invalid="ignore"):
        for mine, right in zip(model.predict(x, verbose=0), expected, strict=True):
            np.testing.assert_allclose(mine, right, rtol=1e-6)


# Weights by name.


def test_weights_have_the_names_that_scripts_use():
    model = fanin.Sequential([Input((6,)), Dense(4, name="first"), Dense(1, name="last")], rng=0)
    model.compile("sgd", "mse")
    paths = [weight.path for weight in model.weights]
    assert paths == ["first/kernel", "first/bias", "last/kernel", "last/bias"]
    kernel = model.trainable_weights[0]
    assert (kernel.name, kernel.shape, kernel.trainable) == ("kernel", (6, 4), True)
    assert np.shares_memory(kernel, model.params)
    kernel.assign(np.ones((6, 4)))
    kernel.assign_add(0.5 * np.ones((6, 4)))
    kernel.assign_sub(np.full((6, 4), 0.25))
    np.testing.assert_array_equal(model.get_layer("first").kernel, 1.25)
    copied = kernel.numpy()
    copied[...] = 7
    np.testing.assert_array_equal(model.get_layer("first").kernel, 1.25)
    refused(lambda: kernel.assign(np.ones(3)), "first/kernel", error=fanin.errors.ShapeError)
    model.get_layer("first").trainable = False
    assert [w.trainable for w in model.weights] == [False, False, True, True]


def test_what_is_made_of_weights_are_plain_arrays():
    weight = fanin.Sequential([Input((6,)), Dense(4)], rng=0).weights[0]
    for made in (weight * 2, weight[0], weight.copy(), weight + weight, np.tanh(weight)):
        assert type(made) is np.ndarray
    for made in (copy.copy(weight), copy.deepcopy(weight), pickle.loads(pickle.dumps(weight))):
        assert type(made) is np.ndarray
        np.testing.assert_array_equal(made, weight)
    assert isinstance(weight.sum(), np.floating)
    assert isinstance(weight[0, 0], np.floating)
    assert repr(weight) == repr(np.asarray(weight))
    assert str(weight) == str(np.asarray(weight))
    weight[...] = 3
    weight *= 2
    assert (np.asarray(weight) == 6).all()


# Inputs without names.


def test_a_dict_names_inputs_that_have_no_names():
    a, b = Input((2,)), Input((3,))
    end = Dense(1)(fanin.layers.concatenate([a, b]))
    model = fanin.Model({"age": a, "rooms": b}, end, rng=0)
    assert model.input_names == ["age", "rooms"]
    x = {"age": X[:, :2], "rooms": X[:, 2:5]}
    assert model.predict(x, verbose=0).shape == (64, 1)
    twin = fanin.Model.from_config(model.get_config())
    assert twin.input_names == ["age", "rooms"]
    refused(lambda: fanin.Model({"other": a, "rooms": b}, end), "'age' as 'other'")


def test_a_refused_network_leaves_inputs_without_names():
    a, b = Input((2,)), Input((3,))
    names = a.name, b.name
    refused(lambda: fanin.Model({"one": a, "two": b}, Dense(1)(a)), "expected inputs that lead")
    refused(lambda: fanin.Model({"d": a}, Dense(1, name="d")(a)), "name")
    assert (a.name, b.name) == names
    named = Input((2,), name="said")
    refused(lambda: fanin.Model({"other": named}, Dense(1)(named)), "'said' as 'other'")


# Noise that stays on.


@pytest.mark.parametrize("noise", [GaussianNoise(1.0), GaussianDropout(0.5), AlphaDropout(0.5)])
def test_noise_is_there_in_prediction_where_it_is_told_so(noise):
    inputs = Input((6,))
    again = type(noise).from_config(noise.get_config())
    on = fanin.Model(inputs, again(inputs, training=True), rng=0)
    first, second = on.predict(X, verbose=0), on.predict(X, verbose=0)
    assert not np.array_equal(first, X.astype("float32"))
    assert not np.array_equal(first, second)
    twin = fanin.Model.from_config(on.get_config())
    assert not np.allclose(twin.predict(X, verbose=0), X)
    off = fanin.Model(inputs, noise(inputs), rng=0)
    np.testing.assert_array_equal(off.predict(X, verbose=0), X.astype("float32"))


def test_noise_that_stays_on_in_a_call():
    class Noisy(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.noise = GaussianNoise(0.5)

        def call(self, x):
            return self.noise(x, training=True)

    model = fanin.Sequential([Input((6,)), Noisy()], rng=0)
    noise = model.predict(np.zeros((2000, 6)), verbose=0)
    assert abs(noise.std() - 0.5) < 0.02
    assert abs(noise.mean()) < 0.02
