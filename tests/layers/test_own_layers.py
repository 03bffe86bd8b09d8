"""Layers of users' classes: textbook ones against the package's, weights as values, files."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import layers, ops
from fanin.layers import BatchNormalization, Dense, Dropout, Layer
from numerics import distance
from refusals import assert_refused

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 5)).astype("float32")
Y = X[:, :1] * X[:, 1:2]


class MyDense(Layer):
    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = fanin.activations.get(activation)

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel"
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs):
        return self.activation(inputs @ self.w + self.b)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": fanin.activations.serialize(self.activation),
        }


class MLPBlock(Layer):
    def __init__(self, units=6, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.steps = [MyDense(units, "relu"), MyDense(units, "tanh")]
        self.last = {"out": MyDense(3)}

    def call(self, inputs):
        for step in self.steps:
            inputs = step(inputs)
        return self.last["out"](inputs)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ResidualBlock(Layer):
    def __init__(self, units=5, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = Dense(units, activation="relu")
        self.norm = BatchNormalization()
        self.dropout = Dropout(0.4)

    def call(self, x, training=None):
        h = self.norm(self.inner(x), training=training)
        return x + self.dropout(h, training=training)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class MCDropout(Dropout):
    def call(self, inputs):
        return super().call(inputs, training=True)


class Shifted(Layer):
    """A number of weights in all forms, one of them used twice."""

    def build(self, input_shape):
        width = input_shape[-1]
        self.scale = self.add_weight((width,), "ones", name="scale")
        self.number = self.add_weight((), "ones", name="number")
        self.shift = self.add_weight((1,), "zeros", name="shift")
        self.square = self.add_weight((width, width), name="square")
        self.alone = self.add_weight((width,), name="alone")

    def call(self, x):
        h = (x @ self.square) @ self.square
        h = layers.Multiply()([h, self.alone]) - self.alone
        return self.number * (h * self.scale) + self.shift


def trained(model, epochs=3, **options):
    model.compile(fanin.optimizers.Adam(0.01), "mse")
    model.fit(X, Y, epochs=epochs, verbose=0, **options)
    return model


@pytest.mark.parametrize("units", [7, 40])  # narrow enough for columns, and not
def test_a_dense_layer_of_ones_own_has_the_bits_of_the_package_s(units):
    mine = trained(fanin.Sequential([MyDense(units, "relu"), MyDense(1)], rng=0))
    other = trained(fanin.Sequential([Dense(units, "relu"), Dense(1)], rng=0))
    assert np.array_equal(mine.params, other.params)
    assert np.array_equal(mine.predict(X, verbose=0), other.predict(X, verbose=0))
    assert mine.count_params() == other.count_params()


def test_layers_within_layers_are_found_and_compute_what_they_do_in_a_row():
    model = trained(fanin.Sequential([MLPBlock(), Dense(1)], rng=0))
    names = ["steps/0/kernel", "steps/0/bias", "steps/1/kernel", "steps/1/bias"]
    assert list(model.layers[0].arrays)[:4] == names
    assert list(model.layers[0].arrays)[4:] == ["last/out/kernel", "last/out/bias"]
    block = model.layers[0]
    row = fanin.Sequential(
        [Dense(6, "relu", input_dim=5), Dense(6, "tanh"), Dense(3), Dense(1)], rng=1
    )
    row.set_weights(model.get_weights())
    assert np.array_equal(row(X), model(X))
    assert np.shares_memory(block.steps[0].w.view(), model.params)
    block.steps[0].w.assign(np.zeros((5, 6)))
    assert not model.params[:30].any()


def test_a_residual_block_is_the_graph_of_its_layers():
    inputs = fanin.Input((5,))
    mine = fanin.Model(inputs, Dense(1)(ResidualBlock()(inputs)), rng=0)
    value = fanin.Input((5,))
    h = Dropout(0.4, seed=3)(BatchNormalization()(Dense(5, "relu")(value)))
    other = fanin.Model(value, Dense(1)(layers.Add()([value, h])), rng=0)
    for model in (mine, other):
        for layer in model.layers:
            if isinstance(layer, ResidualBlock):
                layer.dropout.rate = 0.0
            elif isinstance(layer, Dropout):
                layer.rate = 0.0
    other.set_weights(mine.get_weights())
    assert np.array_equal(trained(mine).params, trained(other).params)
    assert np.array_equal(mine.state, other.state)
    assert np.array_equal(mine.predict(X, verbose=0), other.predict(X, verbose=0))


def test_masks_are_drawn_in_training_and_differ_from_call_to_call():
    block = ResidualBlock()
    model = fanin.Sequential([layers.Input((5,)), block], rng=0)
    assert np.array_equal(model(X), model(X))
    first, second = model(X, training=True), model(X, training=True)
    assert not np.array_equal(first, second)


def test_dropout_that_drops_in_inference_too():
    model = fanin.Sequential([layers.Input((200,)), MCDropout(0.25)], rng=0)
    ones = np.ones((4, 200), "float32")
    drawn = [model.predict(ones, verbose=0) for _ in range(3)] + [model(ones) for _ in range(2)]
    for y in drawn:
        assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
        assert 0.1 < (y == 0).mean() < 0.4
    assert len({y.tobytes() for y in drawn}) == 5
    dense = fanin.Sequential([Dense(200), MCDropout(0.5), Dense(1)], rng=0)
    trained(dense)
    assert dense.evaluate(X, Y, verbose=0) != dense.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_weights_as_values_agree_with_differences(training):
    for width in (1, 4, 33):
        layer = Shifted(dtype="float64")
        layer.build((None, width), rng=0)
        rng = np.random.default_rng(width)
        layer.network.params[...] = rng.normal(size=layer.network.params.shape)
        x, dy = rng.normal(size=(2, 7, width))
        _, cache = layer.forward(x, training)
        dx, grads = layer.backward(dy, cache)
        start, eps = layer.network.params.copy(), 1e-6
        for name, array in layer.arrays.items():
            way = rng.normal(size=array.shape)
            ends = []
            for sign in (1, -1):
                array[...] += sign * eps * way
                ends.append(float((layer(x) * dy).sum()))
                layer.network.params[...] = start
            slope = (ends[0] - ends[1]) / (2 * eps)
            assert abs(slope - (grads[name] * way).sum()) < 1e-6 * max(1, abs(slope)), name
        way = rng.normal(size=x.shape)
        ends = [float((layer(x + sign * eps * way) * dy).sum()) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * eps)
        assert abs(slope - (dx * way).sum()) < 1e-6 * max(1, abs(slope))


def test_weights_as_values_are_what_numpy_makes_of_them():
    layer = Shifted(dtype="float64")
    layer.build((None, 6), rng=0)
    rng = np.random.default_rng(0)
    layer.network.params[...] = rng.normal(size=layer.network.params.shape)
    x = rng.normal(size=(9, 6))
    h = x @ np.asarray(layer.square) @ np.asarray(layer.square)
    h = h * layer.alone.numpy() - layer.alone.numpy()
    expected = layer.number.numpy() * h * layer.scale.numpy() + layer.shift.numpy()
    assert distance(layer(x), expected) < 1e-13


def test_the_same_bits_for_any_number_of_threads():
    ends = []
    for threads in (1, 2, 3):
        model = fanin.Sequential([MyDense(64, "relu"), Shifted(), MLPBlock(), Dense(1)], rng=0)
        ends.append(trained(model, threads=threads).params)
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[0], ends[2])


def test_a_layer_that_is_called_twice_has_one_set_of_weights():
    shared, inputs = MLPBlock(3), [fanin.Input((5,)), fanin.Input((5,))]
    value = layers.Subtract()([shared(inputs[0]), shared(inputs[1])])
    model = fanin.Model(inputs, value, rng=0)
    assert model.count_params() == 18 + 12 + 12
    assert np.array_equal(model([X, X]), np.zeros((48, 3), "float32"))
    model.compile("sgd", "mse")
    model.fit([X, X[::-1]], np.ones((48, 3)), verbose=0)
    assert np.array_equal(model([X, X]), np.zeros((48, 3), "float32"))


class Gated(Layer):
    """Of several inputs, in a list or a dict."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.gate = Dense(4, "sigmoid")
        self.value = Dense(4)

    def call(self, inputs):
        a, b = inputs.values() if isinstance(inputs, dict) else inputs
        return self.gate(a) * self.value(b)


@pytest.mark.parametrize("form", [list, dict])
def test_layers_of_several_inputs(form):
    def given(a, b):
        return {"a": a, "b": b} if form is dict else [a, b]

    layer = Gated()
    alone = layer(given(X, X[:, :3]))
    expected = layer.gate(X) * layer.value(X[:, :3])
    assert distance(alone, expected) < 1e-6
    a, b = fanin.Input((5,), name="a"), fanin.Input((3,), name="b")
    inner = Gated()
    model = fanin.Model([a, b], Dense(1)(inner(given(a, b))), rng=0)
    model.compile("adam", "mse")
    assert np.isfinite(model.fit([X, X[:, :3]], Y, verbose=0).history["loss"][0])
    with pytest.raises(ValueError, match="as in its first call"):
        inner((a, b) if form is dict else {"a": a, "b": b})


class Frozen(Layer):
    def build(self, input_shape):
        self.steady = self.add_weight((input_shape[-1],), "ones", trainable=False, name="steady")
        self.moved = self.add_weight((input_shape[-1],), "ones", name="moved")

    def call(self, x):
        return x * self.steady * self.moved


def test_what_is_not_trainable_stays():
    layer = Frozen()
    model = trained(fanin.Sequential([layer, Dense(1)], rng=0))
    assert layer.steady.numpy().tolist() == [1.0] * 5
    assert (layer.moved.numpy() != 1).all()
    assert [a.shape for a in layer.non_trainable_weights] == [(5,)]
    block = MLPBlock()
    block.trainable = False
    model = fanin.Sequential([block, Dense(1)], rng=0)
    model.build((None, 5))
    before = [a.copy() for a in block.get_weights()]
    trained(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, block.get_weights(), strict=True))
    assert not block.trainable_weights


WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
}
OWN = {"MyDense": MyDense, "MLPBlock": MLPBlock, "ResidualBlock": ResidualBlock}


def rich():
    inputs = fanin.Input((5,))
    x = MLPBlock(7)(inputs)
    x = ResidualBlock(3)(x)
    # Its masks are those of the network.
    return fanin.Model(inputs, MyDense(1)(x), rng=0)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_copies_train_on_identically(way):
    model = trained(rich())
    twin = WAYS[way](model)
    assert np.array_equal(twin.params, model.params)
    assert not np.shares_memory(twin.params, model.params)
    for each in (model, twin):
        each.fit(X, Y, epochs=2, verbose=0)
    assert np.array_equal(twin.params, model.params)
    block = next(layer for layer in twin.layers if isinstance(layer, MLPBlock))
    assert np.shares_memory(block.steps[1].w.view(), twin.params)


@pytest.mark.parametrize("layer", [MyDense(3), MLPBlock(), ResidualBlock(), Shifted(), Frozen()])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_copies_of_layers_stand_by_themselves(layer, way):
    layer = copy.deepcopy(layer)
    y = layer(X)
    twin = WAYS[way](layer)
    assert np.array_equal(twin(X), y)
    twin.set_weights([np.zeros_like(a) for a in twin.weights])
    assert np.array_equal(layer(X), y)


def test_files(tmp_path):
    model = trained(rich())
    path = tmp_path / "model.npz"
    model.save(path)
    again = fanin.models.load_model(path, custom_objects=OWN)
    for each in (model, again):
        each.fit(X, Y, epochs=2, verbose=0)
    assert np.array_equal(again.params, model.params)
    assert_refused(lambda: fanin.models.load_model(path), ValueError, "MLPBlock", "custom_objects")
    model.save_weights(path)
    fresh = rich()
    fresh.load_weights(path)
    assert np.array_equal(fresh(X), model(X))
    clone = fanin.models.clone_model(model, custom_objects=OWN)
    assert clone.count_params() == model.count_params()


def test_what_ends_otherwise_in_training_than_in_inference():
    class Logits(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.last = Dense(3), Dense(3, "tanh")

        def call(self, x, training=False):
            x = self.inner(x)
            return x if training else self.last(x)

    layer = Logits(dtype="float64")
    model = fanin.Sequential([layers.Input((5,)), layer], rng=0)
    inner = layer.inner(X.astype("float64"))
    assert distance(model(X, training=True), inner) < 1e-14
    assert distance(model(X), layer.last(inner)) < 1e-14
    before = layer.last.kernel.copy()
    model.compile("sgd", "mse")
    model.fit(X, np.ones((48, 3)), verbose=0, epochs=2)
    assert np.array_equal(layer.last.kernel, before)
    assert not np.array_equal(layer.inner(X.astype("float64")), inner)


def test_setting_an_attribute_traces_again():
    class Power(Layer):
        def __init__(self, times, **kwargs):
            super().__init__(**kwargs)
            self.times = times
            self.factors = [1.0]

        def call(self, x):
            for _ in range(self.times):
                x = x * 2.0
            return x * self.factors[0]

    layer = Power(1)
    model = fanin.Sequential([layers.Input((5,)), layer], rng=0)
    assert np.array_equal(model(X), X * 2)
    layer.times = 3
    assert np.array_equal(model(X), X * 8)
    assert np.array_equal(model.predict(X, verbose=0), X * 8)
    layer.factors[0] = 0.5
    assert np.array_equal(model(X), X * 4)


def test_shapes_constants_and_modes_may_decide():
    class Deep(Layer):
        def build(self, input_shape):
            self.steps = [Dense(input_shape[-1]) for _ in range(input_shape[-1])]

        def call(self, x, training=None):
            if x.shape[-1] > 3:
                for step in self.steps:
                    x = step(x)
            return -x if training else x

    layer = Deep()
    assert layer(X).shape == X.shape
    assert len(layer.weights) == 10


def test_what_a_layer_says_of_itself():
    layer = MLPBlock(name="block")
    assert layer.compute_output_shape((None, 5)) == (None, 3)
    layer.build((None, 5), rng=0)
    assert layer.count_params() == 36 + 42 + 21
    assert layer.output_shape == (None, 3)
    assert [a.shape for a in layer.get_weights()][:2] == [(5, 6), (6,)]
    layer.set_weights([np.ones_like(a) for a in layer.weights])
    assert layer.steps[0].w.numpy().tolist() == [[1.0] * 6] * 5
    assert repr(layer.steps[0].w) == "<Variable name=kernel, shape=(5, 6)>"
    assert fanin.layers.deserialize(fanin.layers.serialize(MyDense(4)), OWN).units == 4
    w = layer.steps[0].w
    assert np.array_equal(w + 1, np.full((5, 6), 2.0))
    assert np.array_equal(2.0 * w - w, np.ones((5, 6)))
    assert (w @ np.ones(6)).tolist() == [6.0] * 5
    assert np.sum(w) == 30
    assert len(w) == 5


class LayerNorm(Layer):
    def __init__(self, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        width = input_shape[-1]
        self.gamma_ = self.add_weight((width,), "ones", name="gain")
        self.beta_ = self.add_weight((width,), "zeros", name="offset")

    def call(self, x):
        mean = ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(x - mean), axis=-1, keepdims=True)
        return (x - mean) / ops.sqrt(variance + self.epsilon) * self.gamma_ + self.beta_


class Tied(Layer):
    """An autoencoder whose second product is with the first one's matrix, transposed."""

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1], 3), name="w")
        self.log_scale = self.add_weight((), "zeros", name="log_scale")
        self.rows = self.add_weight((1, input_shape[-1]), "ones", name="rows")

    def call(self, x):
        code = ops.tanh(ops.matmul(x, self.w))
        back = ops.matmul(code, ops.transpose(self.w))
        return ops.exp(self.log_scale) * back / (1.0 + ops.square(self.rows)) - self.rows


@pytest.mark.parametrize("make", [LayerNorm, Tied])
def test_operations_on_weights(make):
    layer = make(dtype="float64")
    layer.build((None, 6), rng=0)
    rng = np.random.default_rng(0)
    layer.network.params[...] = rng.normal(size=layer.network.params.shape)
    x, dy = rng.normal(size=(2, 7, 6))
    y, cache = layer.forward(x)
    w = {name: np.asarray(array) for name, array in layer.arrays.items()}
    if make is LayerNorm:
        centred = x - x.mean(-1, keepdims=True)
        expected = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-3)
        expected = expected * w["gain"] + w["offset"]
    else:
        expected = np.exp(w["log_scale"]) * (np.tanh(x @ w["w"]) @ w["w"].T)
        expected = expected / (1 + w["rows"] ** 2) - w["rows"]
    assert distance(y, expected) < 1e-12
    _, grads = layer.backward(dy, cache)
    for name, array in layer.arrays.items():
        way, start, ends = rng.normal(size=array.shape), array.copy(), []
        for sign in (1, -1):
            array[...] = start + sign * 1e-6 * way
            ends.append(float((layer(x) * dy).sum()))
        array[...] = start
        slope = (ends[0] - ends[1]) / 2e-6
        assert abs(slope - (grads[name] * way).sum()) < 1e-6 * max(1, abs(slope)), name
    assert np.isfinite(trained(fanin.Sequential([make(), Dense(1)], rng=0)).params).all()


def test_weights_beside_values_outside_of_a_call_are_refused():
    layer = MyDense(3)
    layer.build((None, 5))
    value = fanin.Input((5,))
    assert_refused(lambda: value @ layer.w, TypeError, "in the call of their layer")
    assert_refused(lambda: ops.matmul(value, layer.w), TypeError, "in the call of their layer")


def test_layers_that_build_builds():
    class Outer(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.own = Dense(4), MyDense(2)

        def build(self, input_shape):
            self.inner.build(input_shape)
            self.own.build((None, 4))
            super().build(input_shape)

        def call(self, x):
            return self.own(self.inner(x))

    outer = Outer(dtype="float64")
    outer.build((None, 5), rng=0)
    assert outer.inner.kernel.dtype == "float64"
    assert np.shares_memory(outer.inner.kernel, outer.network.params)
    again = Outer(dtype="float64")
    again.build((None, 5), rng=0)
    assert np.array_equal(again.network.params, outer.network.params)
    assert type(outer._initializer_of("own/bias")).__name__ == "Zeros"
    assert type(outer._initializer_of("inner/kernel")).__name__ == "GlorotUniform"
