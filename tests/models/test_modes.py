"""Layers and models that are called on values with `training=`: they run in one mode for good."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.layers import BatchNormalization, Dense, Dropout, Input, Layer
from refusals import assert_refused, outcome

X = np.random.default_rng(0).normal(size=(48, 6)).astype("float32")
Y = X[:, :1] * X[:, 1:2]


class Block(Layer):
    """Other values in training than in inference, normalization and dropout."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.norm, self.drop = Dense(6), BatchNormalization(), Dropout(0.5)

    def call(self, x, training=None):
        h = self.drop(self.norm(self.inner(x)))
        return h * 2.0 if training else h + x


class Inside(fanin.Model):
    def __init__(self, base, told, **kwargs):
        super().__init__(**kwargs)
        self.base, self.told, self.last = base, told, Dense(1, kernel_initializer="ones")

    def call(self, x, training=None):
        return self.last(self.base(x, training=self.told))


def sequential():
    row = [Input((6,)), Dense(5, "tanh"), BatchNormalization(), Dropout(0.5)]
    return fanin.Sequential(row, name="base", rng=0)


def graph():
    inputs = Input((6,))
    h = BatchNormalization()(Dense(5, "tanh")(inputs))
    return fanin.Model(inputs, Dropout(0.5)(h), name="base", rng=0)


def subclass():
    class Own(fanin.Model):
        def __init__(self):
            super().__init__(name="base", rng=0)
            self.inner, self.norm, self.drop = Dense(5, "tanh"), BatchNormalization(), Dropout(0.5)

        def call(self, x, training=None):
            return self.drop(self.norm(self.inner(x)), training=training)

    model = Own()
    model.build((None, 6))
    return model


def nested():
    inputs = Input((6,))
    return fanin.Model(inputs, sequential()(inputs), name="outer", rng=0)


def block():
    inputs = Input((6,))
    return fanin.Model(inputs, Block()(inputs), name="outer", rng=0)


BASES = [sequential, graph, subclass, nested, block]


def on_top(base, **told):
    inputs = Input((6,))
    return fanin.Model(inputs, Dense(1, kernel_initializer="ones")(base(inputs, **told)), rng=0)


def trained(model):
    model.compile(fanin.optimizers.SGD(0.05), "mse")
    model.fit(X, Y, epochs=3, verbose=0, shuffle=False)
    return model


@pytest.mark.parametrize("make", BASES)
@pytest.mark.parametrize("way", ["values", "call"])
def test_what_runs_as_in_inference_is_trained_as_it_predicts(make, way):
    base = make()
    base.set_weights([w + 0.1 for w in base.get_weights()])
    if way == "values":
        model = on_top(base, training=False)
    else:
        if make is not subclass:  # one that is built shares its arrays no more
            base = copy.deepcopy(base)
        model = Inside(base, False, rng=0)
        model.build((None, 6))
    assert np.array_equal(model(X), model(X, training=True))
    before, state = model.get_weights(), model.state.copy()
    trained(model)
    assert np.array_equal(model.state, state)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    held = {w.path for w in model.trainable_weights}
    assert moved == [w.path in held for w in model.weights]
    # As a network without modes whose normalization is the affine function that it is then.
    y, cache = model.forward(X, training=True)
    dy = np.ones_like(y)
    _, grads = model.backward(dy, cache)
    step = 1e-2
    for name, array in zip(grads, model.trainable_weights, strict=False):
        if "gamma" in name:
            array[...] += step
            up = model(X).sum(dtype="float64")
            array[...] -= 2 * step
            down = model(X).sum(dtype="float64")
            array[...] += step
            assert abs((up - down) / (2 * step) - grads[name].sum()) < 1e-2 * abs(up)


def test_a_base_that_is_fixed_elsewhere_runs_as_ever():
    base = sequential()
    twin = copy.deepcopy(base)
    fixed = on_top(base, training=False)
    assert not np.array_equal(base(X, training=True), base(X, training=True))
    assert np.array_equal(fixed(X, training=True), fixed(X))
    free = on_top(twin)
    assert not np.array_equal(free(X, training=True), free(X))


def test_dropout_that_always_drops():
    inputs = Input((6,))
    model = fanin.Model(inputs, Dropout(0.5, seed=1)(inputs, training=True), rng=0)
    drawn = np.stack([model.predict(X, verbose=0) for _ in range(20)])
    assert (drawn.std(0) > 0).mean() > 0.9
    layers = fanin.Model(inputs, Dense(1)(model(inputs)), rng=0)
    assert not np.array_equal(layers(X), layers(X))


@pytest.mark.parametrize("make", BASES)
def test_files_clones_and_copies_keep_modes(make, tmp_path):
    model, path = trained(on_top(make(), training=False)), tmp_path / "model.npz"
    model.save(path)
    names = {"Block": Block}
    clone = fanin.models.clone_model(model, custom_objects=names)
    clone.set_weights(model.get_weights())
    again = fanin.models.load_model(path, custom_objects=names)
    twins = [clone, again, copy.deepcopy(model)]
    if make is not subclass:
        twins.append(pickle.loads(pickle.dumps(model)))
    for twin in twins:
        assert np.array_equal(twin(X, training=True), model(X))
    larger = on_top(fanin.Model(model.inputs, model.layers[-1].output))
    assert np.array_equal(larger(X, training=True), larger(X))
    lines = []
    model.summary(print_fn=lines.append)
    report = fanin.diagnose(model, X, Y)
    assert report.findings is not None


class Around(Layer):
    """A layer of one's own around another one, in inference whatever the network does."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x, training=False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dropout(0.5),
        lambda: layers.GaussianDropout(0.5),
        lambda: layers.GaussianNoise(1.0),
        lambda: layers.AlphaDropout(0.5),
    ],
)
def test_what_draws_within_layers_of_ones_own_does_as_it_is_told(make):
    for depth in (1, 2):
        layer = make()
        for _ in range(depth):
            layer = Around(layer)
        model = fanin.Sequential([Input((6,)), layer], rng=0)
        x = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
        assert np.array_equal(model(x, training=True), x)


def test_settings_of_each_part_of_a_layer_of_ones_own():
    made = fanin.Sequential([Block()], rng=0)
    made(X)
    inputs = Input((6,))
    fixed = fanin.Model(inputs, made.layers[0](inputs, training=False), rng=0)
    assert np.array_equal(fixed(X, training=True), made(X))
    assert not np.array_equal(made(X, training=True), made(X))


def test_frozen_normalization_runs_as_in_inference():
    model = on_top(sequential())
    norm = next(one for one in model._layers if isinstance(one, BatchNormalization))
    norm.trainable = False
    state = model.state.copy()
    trained(model)
    assert np.array_equal(model.state, state)


def test_modes_that_cannot_be():
    base, inputs = sequential(), Input((6,))
    norm, drop = BatchNormalization(), Dropout(0.5)
    assert_refused(lambda: norm(inputs, training=True), ValueError, "training", "only Dropout")
    assert_refused(lambda: base(inputs, training=True), ValueError, "training", "only Dropout")
    assert_refused(lambda: Block()(inputs, training=True), ValueError, "only Dropout")
    assert_refused(lambda: base(inputs, training="no"), TypeError, "training", "'no'")
    both = norm(norm(inputs), training=False)
    assert_refused(lambda: fanin.Model(inputs, both), ValueError, "one for all calls")
    assert Dense(3)(inputs, training=True).shape == (None, 3)
    config = fanin.Model(inputs, drop(inputs, training=True)).get_config()
    assert config["modes"] == [[0, True]]
    for modes in ([[1, True]], [[0, 3]], [3]):
        changed = {**config, "modes": modes}
        error = outcome(lambda c=changed: fanin.Model.from_config(c))
        assert isinstance(error, TypeError | ValueError)
        assert "modes" in str(error)
