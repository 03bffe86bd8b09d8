"""Models of users' classes: textbook ones against the same networks of values, files, copies."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.errors import NotReadyError, ShapeError
from fanin.layers import BatchNormalization, Dense, Dropout
from numerics import distance
from refusals import assert_refused, outcome

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 6)).astype("float32")
Y = X[:, :1] * X[:, 1:2]


class Textbook(fanin.Model):
    """Layers in attributes and lists, dropout in training only."""

    def __init__(self, units=9, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = [Dense(units, activation="relu"), Dense(4, activation="tanh")]
        self.dropout = Dropout(0.5)
        self.last = Dense(1)

    def call(self, inputs, training=False):
        x = inputs
        for layer in self.hidden:
            x = layer(x)
        if training:
            x = self.dropout(x, training=training)
        return self.last(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Wide(fanin.Model):
    """Two inputs, a residual part, shared layers."""

    def __init__(self):
        super().__init__(name="wide", rng=0)
        self.shared = Dense(5, "tanh")
        self.norm = BatchNormalization()
        self.last = Dense(1)

    def call(self, inputs, training=None):
        a, b = inputs
        a, b = self.shared(a), self.shared(b)
        h = self.norm(a - b, training=training)
        return self.last(layers.concatenate([a + h, b * 0.5]))


class Autoencoder(fanin.Model):
    def __init__(self):
        super().__init__(rng=0)
        self.encoder = fanin.Sequential([Dense(4, "relu"), Dense(2)])
        self.decoder = fanin.Sequential([layers.Input((2,)), Dense(4, "relu"), Dense(6)])

    def call(self, x):
        return self.decoder(self.encoder(x))


class Encoder(fanin.Model):
    """Several outputs, which a model within another one may have."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.mean, self.spread = Dense(5, "relu"), Dense(2), Dense(2)

    def call(self, x):
        h = self.hidden(x)
        return self.mean(h), self.spread(h)


class Variational(fanin.Model):
    def __init__(self):
        super().__init__(rng=0)
        self.encoder, self.decoder = Encoder(), Dense(6)

    def call(self, x):
        mean, spread = self.encoder(x)
        return self.decoder(mean + spread * 0.1)


def trained(model, x=X, y=Y, **options):
    model.compile("adam", "mse")
    model.fit(x, y, epochs=3, verbose=0, **options)
    return model


def test_a_model_of_ones_own_has_the_bits_of_a_sequential():
    mine = trained(Textbook(rng=0))
    other = [Dense(9, "relu"), Dense(4, "tanh"), Dropout(0.5), Dense(1)]
    other = trained(fanin.Sequential(other, rng=0))
    assert np.array_equal(mine.params, other.params)
    assert mine.history.history == other.history.history
    assert np.array_equal(mine.predict(X, verbose=0), other.predict(X, verbose=0))
    assert mine.evaluate(X, Y, verbose=0) == other.evaluate(X, Y, verbose=0)
    assert not np.array_equal(mine(X, training=True), mine(X, training=True))
    assert mine.count_params() == other.count_params()


def test_a_graph_in_call_has_the_bits_of_the_graph_of_values():
    a, b = fanin.Input((6,)), fanin.Input((6,))
    shared = Dense(5, "tanh")
    left, right = shared(a), shared(b)
    h = BatchNormalization()(left - right)
    other = fanin.Model([a, b], Dense(1)(layers.concatenate([left + h, right * 0.5])), rng=0)
    mine = Wide()
    data = [X, X[::-1].copy()]
    for model in (mine, other):
        model.build() if model is other else model.build([(None, 6), (None, 6)])
    other.set_weights(mine.get_weights())
    options = {"shuffle": False}
    assert np.array_equal(
        trained(mine, data, **options).params, trained(other, data, **options).params
    )
    assert np.array_equal(mine.state, other.state)
    assert np.array_equal(mine.predict(data, verbose=0), other.predict(data, verbose=0))
    assert mine.input_names == ["wide_input", "wide_input_1"]


def test_models_within_a_model_work_by_themselves():
    model = trained(Autoencoder(), X, X)
    assert distance(model.decoder(model.encoder(X)), model(X)) < 1e-6
    assert model.encoder.predict(X, verbose=0).shape == (48, 2)
    for part in (model.encoder, model.decoder):
        assert np.shares_memory(part.params, model.params)
        assert part.built
    assert [layer.name for layer in model.layers] == [model.encoder.name, model.decoder.name]
    model = trained(Variational(), X, X)
    assert model(X).shape == (48, 6)
    assert len(model.weights) == 8


def test_building_in_three_ways():
    first, second, third = Textbook(rng=0), Textbook(rng=0), Textbook(rng=0)
    assert not first.built
    assert_refused(first.count_params, NotReadyError, "not built")
    first.build((None, 6))
    second(X)
    third.compile("sgd", "mse")
    third.evaluate(X, Y, verbose=0)
    for model in (second, third):
        assert np.array_equal(model.params, first.params)
    assert first.input_shape == (None, 6)
    assert first.output_shape == (None, 1)
    assert_refused(lambda: first(X[:, :3]), ShapeError, "(n, 6)", "(48, 3)")
    assert_refused(lambda: first.build((None, 3)), ShapeError, "(6,)")
    lines = []
    first.summary(print_fn=lines.append)
    assert "dropout" in lines[0]
    assert "Total params: 108" in lines[0]


@pytest.mark.parametrize("own", [Textbook, Wide, Autoencoder, Variational])
@pytest.mark.parametrize("way", ["copy", "deepcopy", "pickle"])
def test_copies_train_on_identically(own, way):
    model, (x, y) = (
        own(),
        ([X, X[::-1]], Y) if own is Wide else (X, X if own is not Textbook else Y),
    )
    trained(model, x, y, rng=0)
    ways = {"copy": copy.copy, "deepcopy": copy.deepcopy}
    twin = ways.get(way, lambda model: pickle.loads(pickle.dumps(model)))(model)
    assert np.array_equal(twin.params, model.params)
    assert not np.shares_memory(twin.params, model.params)
    for each in (model, twin):
        each.fit(x, y, epochs=2, verbose=0, rng=1)
    assert np.array_equal(twin.params, model.params)
    for layer in twin.layers:
        if layer.weights:
            assert np.shares_memory(layer.weights[0], twin.params)


def test_files(tmp_path):
    model, path = trained(Textbook(7, rng=0)), tmp_path / "model.npz"
    model.save(path)
    again = fanin.models.load_model(path, custom_objects={"Textbook": Textbook})
    assert isinstance(again, Textbook)
    assert again.units == 7
    for each in (model, again):
        each.fit(X, Y, epochs=2, verbose=0)
    assert np.array_equal(again.params, model.params)
    assert_refused(lambda: fanin.models.load_model(path), ValueError, "Textbook", "custom_objects")
    model.save_weights(path)
    fresh = Textbook(7)
    fresh.build((None, 6))
    fresh.load_weights(path)
    assert np.array_equal(fresh(X), model(X))
    clone = fanin.models.clone_model(model)
    assert isinstance(clone, Textbook)
    assert clone.count_params() == model.count_params()
    twice = trained(Wide(), [X, X], Y)
    twice.save(path)
    again = fanin.models.load_model(path, custom_objects={"Wide": Wide})
    assert np.array_equal(again([X, X]), twice([X, X]))

    class Needs(fanin.Model):
        def __init__(self, units):
            super().__init__()
            self.inner = Dense(units)

        def call(self, x):
            return self.inner(x)

    needs = Needs(3)
    needs(X)
    assert_refused(lambda: needs.save(path), ValueError, "get_config of Needs", "'units'")


def test_monte_carlo_dropout():
    class Uncertain(fanin.Model):
        def __init__(self):
            super().__init__(rng=0)
            self.inner, self.dropout, self.last = Dense(64), Dropout(0.5), Dense(1)

        def call(self, x):
            return self.last(self.dropout(self.inner(x), training=True))

    model = trained(Uncertain())
    drawn = np.stack([model.predict(X, verbose=0) for _ in range(30)])
    assert (drawn.std(0) > 0).all()
    assert not np.array_equal(model(X), model(X))
    plain = Textbook(rng=0)
    drawn = np.stack([plain(X, training=True) for _ in range(30)])
    assert (drawn.std(0) > 0).all()
    assert np.array_equal(plain(X), plain(X))


def test_a_model_is_called_on_values_and_in_a_larger_one():
    inner, inputs = Textbook(), fanin.Input((6,))
    model = trained(fanin.Model(inputs, Dense(1)(inner(inputs)), rng=0))
    assert np.isfinite(model(X)).all()
    assert [type(layer).__name__ for layer in model.layers].count("Dense") == 4


def test_setting_an_attribute_traces_again():
    class Scaled(fanin.Model):
        def __init__(self):
            super().__init__(rng=0)
            self.inner, self.factor = Dense(1), 1.0

        def call(self, x):
            return self.inner(x) * self.factor

    model = trained(Scaled())
    y, params = model(X), model.params.copy()
    model.factor = 2.0
    assert np.array_equal(model(X), 2 * y)
    assert np.array_equal(model.params, params)
    model.fit(X, Y, verbose=0)
    model.inner = Dense(1)
    assert_refused(lambda: model(X), ValueError, "make another model")


def test_what_is_refused():
    class Forgets(fanin.Model):
        def call(self, x):
            return Dense(3)(x)

    class Fails(fanin.Model):
        def __init__(self):
            super().__init__()
            self.inner = Dense(2)

        def call(self, x):
            return self.inner(x) + self.inner(self.inner(x))

    class Own(fanin.Model):
        pass

    class Recursive(fanin.Model):
        def call(self, x):
            return self(x)

    assert_refused(lambda: Forgets()(X), ValueError, "another one in each call", "Dense(3)(x)")
    fails = Fails()
    fails.compile("sgd", "mse")
    assert_refused(lambda: fails.fit(X, Y, verbose=0), ValueError)
    assert not fails.built
    assert not fails.inner.built
    assert_refused(Own, TypeError, "Own expected inputs and outputs", "call")
    assert_refused(fanin.Model, TypeError, "expected inputs and outputs")
    assert_refused(lambda: Recursive()(X), ValueError, "does not call itself")
    value = fanin.Input((6,))
    assert_refused(lambda: Textbook(inputs=value, outputs=Dense(1)(value)), TypeError, "no inputs")
    assert_refused(lambda: Textbook()(X[:, 0]), ShapeError, "(48,)")
    words = "Own.call cannot be overridden"
    body = {"call": lambda self, x: x}
    assert_refused(lambda: type("Own", (fanin.Sequential,), body), TypeError, words)
    for name in ("train_step", "__call__", "compute_loss"):
        error = outcome(lambda name=name: type("Own", (fanin.Model,), {name: lambda self: None}))
        assert f"Own.{name} cannot be overridden" in str(error)


def test_fit_many_and_compare_take_them():
    models = [Textbook(rng=seed) for seed in range(3)]
    for model in models:
        model.compile("adam", "mse")
    fanin.fit_many(models, X, Y, epochs=2, verbose=0)
    alone = Textbook(rng=1)
    alone.compile("adam", "mse")
    alone.fit(X, Y, epochs=2, verbose=0)
    assert np.array_equal(models[1].params, alone.params)
