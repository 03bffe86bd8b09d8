"""Layers of users' whose `call` returns several outputs, in a tuple, a list or a dict."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import ops
from fanin.layers import Dense, Input, Layer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5))


@fanin.saving.register_keras_serializable()
class Encoder(Layer):
    """As in Keras's guide: a mean, a logarithm of a variance, and what is made of both."""

    def __init__(self, units=3, form="tuple", **kwargs):
        super().__init__(**kwargs)
        self.units, self.form = units, form
        self.hidden = Dense(4, "tanh")
        self.mean, self.spread = Dense(units), Dense(units)

    def call(self, x):
        h = self.hidden(x)
        mean, spread = self.mean(h), self.spread(h)
        whole = ops.reshape(mean * ops.exp(spread), (-1, 1, self.units))
        ends = mean, ops.sum(spread, axis=1), whole
        if self.form == "dict":
            return dict(zip(("mean", "spread", "whole"), ends, strict=True))
        return ends if self.form == "tuple" else [*ends]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "form": self.form}


def by_hand(layer, x):
    h = np.tanh(x @ layer.hidden.kernel + layer.hidden.bias)
    mean, spread = (h @ one.kernel + one.bias for one in (layer.mean, layer.spread))
    return mean, spread.sum(axis=1), (mean * np.exp(spread))[:, None]


def functional(form="tuple"):
    inputs = Input((5,), dtype="float64")
    made = Encoder(form=form, name="encoder", dtype="float64")(inputs)
    mean, spread, whole = made.values() if form == "dict" else made
    end = mean * ops.expand_dims(spread, -1) + ops.squeeze(whole, 1)
    return fanin.Model(inputs, Dense(2, name="end")(end), rng=0)


@pytest.mark.parametrize("form", ["tuple", "list", "dict"])
def test_on_arrays_it_returns_what_call_returns(form):
    layer = Encoder(form=form, dtype="float64")
    made = layer(X)
    assert type(made).__name__ == form
    parts = [*made.values()] if form == "dict" else made
    assert [part.shape for part in parts] == [(12, 3), (12,), (12, 1, 3)]
    for part, right in zip(parts, by_hand(layer, X), strict=True):
        np.testing.assert_allclose(part, right, rtol=1e-12)
    shapes = layer.compute_output_shape((None, 5))
    assert type(shapes).__name__ == form
    assert layer.output_shape == shapes


@pytest.mark.parametrize("form", ["tuple", "list", "dict"])
def test_on_values_it_makes_several(form):
    model = functional(form)
    layer = model.get_layer("encoder")
    mean, spread, whole = by_hand(layer, X)
    last = model.get_layer("end")
    right = (mean * spread[:, None] + whole[:, 0]) @ last.kernel + last.bias
    np.testing.assert_allclose(model.predict(X, verbose=0), right, rtol=1e-10)


def test_gradients_by_hand_are_those_of_all_outputs():
    layer = Encoder(dtype="float64")
    y, cache = layer.forward(X)
    dy = [RNG.normal(size=part.shape) for part in y]
    dx, grads = layer.backward(dy, cache)
    way = RNG.normal(size=X.shape)

    def value(x):
        return sum((d * part).sum() for d, part in zip(dy, layer(x), strict=True))

    slope = (value(X + 1e-6 * way) - value(X - 1e-6 * way)) / 2e-6
    np.testing.assert_allclose((dx * way).sum(), slope, rtol=1e-6)
    assert set(grads) == {
        f"{n}/{r}" for n in ("hidden", "mean", "spread") for r in ("kernel", "bias")
    }
    with pytest.raises(fanin.errors.ShapeError, match="dy: expected gradients of outputs"):
        layer.backward([dy[0]] * 3, cache)


@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_it_trains_in_files_and_copies(form, tmp_path):
    model = functional(form)
    y = RNG.normal(size=(12, 2))
    model.compile("adam", "mse")
    history = model.fit(X, y, epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]
    right = model.predict(X, verbose=0)
    model.save(tmp_path / "model.npz")
    twins = [fanin.models.load_model(tmp_path / "model.npz"), copy.deepcopy(model)]
    for twin in (*twins, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin.predict(X, verbose=0), right)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert "encoder" in "\n".join(lines)
    fanin.utils.plot_model(model, tmp_path / "model.svg", show_shapes=True)


def test_a_part_can_be_an_output():
    inputs = Input((5,))
    mean, spread, _ = Encoder(name="encoder")(inputs)
    model = fanin.Model(inputs, [mean, spread], rng=0)
    found = model.predict(X, verbose=0)
    right = by_hand(model.get_layer("encoder"), X)
    for one, other in zip(found, right[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


class Within(Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.end = Encoder(), Dense(1)

    def call(self, x):
        mean, spread, _ = self.encoder(x)
        return self.end(mean) * ops.expand_dims(spread, 1), mean


class Whole(fanin.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.within = Within()

    def call(self, x):
        product, mean = self.within(x)
        return {"product": product, "mean": mean}


def test_within_layers_and_models():
    model = Whole(rng=0)
    found = model.predict(X, verbose=0)
    inner = model.within
    mean, spread, _ = by_hand(inner.encoder, X)
    np.testing.assert_allclose(found["mean"], mean, rtol=1e-4, atol=1e-5)
    end = (mean @ inner.end.kernel + inner.end.bias) * spread[:, None]
    np.testing.assert_allclose(found["product"], end, rtol=1e-4, atol=1e-5)


def test_a_list_of_one_is_that():
    class One(Layer):
        def call(self, x):
            return [2 * x]

    (made,) = One()(X)
    np.testing.assert_array_equal(made, 2 * X.astype("float32"))
    inputs = Input((5,))
    (value,) = One()(inputs)
    assert value.shape == (None, 5)


def test_layers_in_a_row_take_one():
    for row in ([Encoder(), Dense(1)], [Encoder()]):
        model = fanin.Sequential(row)
        with pytest.raises(ValueError, match="expected layers of one output in a row, found 'enc"):
            model.build((None, 5))


def test_forms_that_differ_by_mode_are_refused():
    class Both(Layer):
        def call(self, x, training=False):
            return (x, x) if training else x

    with pytest.raises(ValueError, match="one form in training and in inference"):
        Both()(X)
