"""Dropout: how much is dropped, when, and that the masks are reproducible."""

import copy

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.errors import ShapeError

ONES = np.ones((400, 50))


def masks(layer, count=2):
    return [layer(ONES, training=True) for _ in range(count)]


def test_share_and_scale():
    """The share is the rate within four standard deviations; the rest is scaled up."""
    for rate in (0.1, 0.5, 0.9):
        y = layers.Dropout(rate, seed=0, dtype="float64")(ONES, training=True)
        share = (y == 0).mean()
        assert abs(share - rate) < 4 * np.sqrt(rate * (1 - rate) / y.size)
        np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-12)
    assert np.array_equal(layers.Dropout(0.0)(ONES, training=True), ONES)


def test_inference_does_nothing():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    assert np.array_equal(layers.Dropout(0.5)(x), x)


def test_backward_goes_through_the_same_mask():
    layer = layers.Dropout(0.5, seed=1)
    y, cache = layer.forward(ONES, training=True)
    dx, grads = layer.backward(ONES, cache)
    assert np.array_equal(dx, y)
    assert grads == {}


def test_masks_differ_from_pass_to_pass_and_repeat_from_a_seed():
    first, second = masks(layers.Dropout(0.5, seed=1)), masks(layers.Dropout(0.5, seed=1))
    assert not np.array_equal(first[0], first[1])
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(first[0], masks(layers.Dropout(0.5, seed=2))[0])


def test_inside_and_outside_of_a_network():
    """A network's layer by itself draws the network's masks."""
    model = fanin.Sequential([layers.Dropout(0.5, input_dim=50)], rng=0)
    inside = model(ONES, training=True)
    assert np.array_equal(model.layers[0](ONES, training=True), inside)
    twin = copy.deepcopy(model.layers[0])
    assert np.array_equal(twin(ONES, training=True), model(ONES, training=True))


def network(rng=0, dropout=0.3, seed=None):
    model = fanin.Sequential(
        [
            layers.Dense(16, activation="relu", input_dim=50),
            layers.Dropout(dropout, seed=seed),
            layers.Dropout(dropout, seed=seed),
            layers.Dense(1),
        ],
        rng=rng,
    )
    model.compile("adam", "mse")
    return model


X = np.random.default_rng(0).normal(size=(100, 50))
Y = X[:, 0]


def test_two_layers_of_a_network_drop_differently():
    for seed in (None, 1):
        model = network(seed=seed)
        streams = {layer._stream for layer in model.layers if isinstance(layer, layers.Dropout)}
        assert len(streams) == 2


@pytest.mark.parametrize("rng", [0, np.random.SeedSequence(3)])
def test_training_is_reproducible(rng, tmp_path):
    """For any number of threads, watched or not, in one go or two, copied or saved in between."""
    whole = network(rng)
    whole.fit(X, Y, epochs=4, verbose=0)
    others = [network(rng) for _ in range(3)]
    others[0].fit(X, Y, epochs=4, verbose=0, threads=2)
    others[1].fit(X, Y, epochs=4, verbose=1)
    others[2].fit(X, Y, epochs=2, verbose=0)
    others.append(copy.deepcopy(others[2]))
    others[2].save(tmp_path / "half.npz")
    others.append(fanin.models.load_model(tmp_path / "half.npz"))
    for model in others[2:]:
        model.fit(X, Y, epochs=4, initial_epoch=2, verbose=0)
    for model in others:
        assert np.array_equal(model.params, whole.params)
    other = network(rng=1)
    other.set_weights(network(rng).get_weights())
    other.fit(X, Y, epochs=4, verbose=0)
    assert not np.array_equal(other.params, whole.params)


def test_a_numpy_generator_seeds_the_masks():
    a, b = (network(np.random.default_rng(5)) for _ in range(2))
    a.fit(X, Y, verbose=0)
    b.fit(X, Y, verbose=0)
    assert np.array_equal(a.params, b.params)
    legacy = network(np.random.RandomState(5))
    legacy.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.Dropout(1.0), ValueError, "rate: expected"),
        (lambda: layers.Dropout(-0.1), ValueError, "rate: expected"),
        (lambda: layers.Dropout("much"), TypeError, "rate: expected"),
        (lambda: layers.Dropout(0.1, noise_shape=(1,)), ValueError, "noise_shape"),
        (lambda: layers.Dropout(0.1, seed=-1), ValueError, "seed"),
        (lambda: layers.Dropout(0.1)(np.ones(3)), ShapeError, "batch"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
