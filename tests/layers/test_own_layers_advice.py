"""What people try in classes of their own, as in Keras: done, or refused in words that help."""

import fanin
import numpy as np
import pytest
from fanin.errors import NotReadyError
from fanin.layers import Dense, Layer
from refusals import assert_refused

X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")


def layer_of(call, build=None):
    names = {"call": call} | ({} if build is None else {"build": build})
    return type("Own", (Layer,), names)()


@pytest.mark.parametrize("base", [Layer, fanin.Model])
def test_a_constructor_that_does_not_call_the_one_above_is_told_so(base):
    class Own(base):
        def __init__(self, units):
            self.units = units

        def call(self, x):
            return x

    assert_refused(lambda: Own(3), TypeError, "Own.__init__", "super().__init__()")


def test_other_arguments_of_a_call():
    class Scaled(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Dense(3)

        def call(self, x, scale=1.0, training=None):
            return self.inner(x) * scale

    layer, inputs = Scaled(), fanin.Input((6,))
    for x in (X, inputs):
        assert_refused(lambda x=x: layer(x, scale=2.0), TypeError, "scale", "2.0", "attribute")
        assert_refused(lambda x=x: layer(x, mask=True), TypeError, "mask", "not implemented")
    assert layer(X, mask=None).shape == (8, 3)
    assert Dense(2)(X, mask=None).shape == (8, 2)


def test_weights_that_are_assigned():
    def build(self, input_shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    for name in ("assign", "assign_add", "assign_sub"):

        def call(self, x, name=name):
            getattr(self.count, name)(1.0)
            return x + self.count

        layer = layer_of(call, build)
        assert_refused(lambda layer=layer: layer(X), TypeError, "assigns to weight", "line")

    layer = layer_of(lambda self, x: x + self.count, build)
    layer(X)
    layer.count.assign(3.0)
    layer.count.assign_add(2.0)
    layer.count.assign_sub(1.5)
    assert float(layer.count) == 3.5
    assert np.allclose(layer(X), X + 3.5)


def test_a_name_is_no_shape():
    def build(self, input_shape):
        self.w = self.add_weight("w", (6,), "zeros")

    layer = layer_of(lambda self, x: x + self.w, build)
    assert_refused(lambda: layer(X), TypeError, "shape", "'w'", "name='w'")


def test_methods_of_arrays_are_functions_of_values():
    layer = layer_of(lambda self, x: x.mean(axis=-1, keepdims=True))
    assert_refused(lambda: layer(X), AttributeError, "'mean'", "fanin.ops.mean", "line")
    assert not hasattr(fanin.Input((3,)), "wonderful")


def test_a_model_that_is_not_traced_says_how_it_is_built(tmp_path):
    class Own(fanin.Model):
        def __init__(self):
            super().__init__()
            self.inner = Dense(2)

        def call(self, x):
            return self.inner(x)

    built, path = Own(), tmp_path / "weights.npz"
    built(X)
    built.save_weights(path)
    fresh = Own()
    words = ("not built", "call it on data", "build(input_shape)")
    assert_refused(lambda: fresh.load_weights(path), NotReadyError, *words)
    fresh.build((None, 6))
    fresh.load_weights(path)
    assert np.array_equal(fresh(X), built(X))


class Linear(Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.inner = Dense(self.units)

    def call(self, x):
        return self.inner(fanin.activations.tanh(x @ self.kernel))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_weights_of_ones_own_that_are_left_as_they_are_are_named():
    model = fanin.Sequential([Linear(8, name="mine"), Dense(8, "relu"), Dense(1)], rng=0)
    model(X)
    before = model.layers[0].get_weights()
    with pytest.warns(UserWarning, match="mine/kernel, mine/inner/kernel"):
        scales = fanin.lsuv(model, X, initializer=None)
    assert len(scales.layers) == 2
    assert all(map(np.array_equal, before, model.layers[0].get_weights()))
    with pytest.warns(UserWarning, match="mine/inner/kernel"):
        fanin.initialize(model, "he_normal", rng=0)
    assert fanin.diagnose(model, X, X[:, :1], loss="mse").findings is not None


def test_what_is_recommended_for_networks_with_layers_of_ones_own():
    model = fanin.Sequential([Linear(8), Dense(8, "relu"), Dense(1)], rng=0)
    model(X)
    assert "initializer" in str(fanin.recommend(model))
