"""Graphs of layers train as Keras trains them: from the same weights, in float64, step by step."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import fanin
import numpy as np
import pytest

keras = pytest.importorskip("keras")

STEPS = 20
RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.normal(size=(64, 6)), RNG.normal(size=(64, 6))
Y = RNG.normal(size=(64, 1))
TOWNS, SHOPS = RNG.integers(0, 9, (64, 1)), RNG.integers(0, 12, (64, 4))


def residual(k):
    inputs = k.Input((6,), dtype="float64")
    x = k.layers.Dense(8, activation="tanh", dtype="float64")(inputs)
    for _ in range(2):
        inner = k.layers.BatchNormalization(dtype="float64")(x)
        inner = k.layers.Dense(8, activation="relu", dtype="float64")(inner)
        x = k.layers.Add(dtype="float64")([x, inner])
    return k.Model(inputs, k.layers.Dense(1, dtype="float64")(x)), LEFT


def wide_and_deep(k):
    deep, wide = k.Input((6,), dtype="float64"), k.Input((6,), dtype="float64")
    x = k.layers.Dense(8, activation="relu", dtype="float64")(deep)
    x = k.layers.Dense(4, activation="relu", dtype="float64")(x)
    x = k.layers.Concatenate(dtype="float64")([x, wide])
    return k.Model([deep, wide], k.layers.Dense(1, dtype="float64")(x)), [LEFT, RIGHT]


def siamese(k):
    left, right = k.Input((6,), dtype="float64"), k.Input((6,), dtype="float64")
    shared = k.layers.Dense(8, activation="tanh", dtype="float64")
    a, b = shared(left), shared(right)
    far = k.layers.Subtract(dtype="float64")([a, b])
    near = k.layers.Multiply(dtype="float64")([a, b])
    top = k.layers.Maximum(dtype="float64")([a, b])
    joint = k.layers.Concatenate(dtype="float64")([far, near, top])
    return k.Model([left, right], k.layers.Dense(1, dtype="float64")(joint)), [LEFT, RIGHT]


def categories(k):
    """Two tables, one of them read twice, and counts."""
    town, shops = k.Input((1,), dtype="int32"), k.Input((4,), dtype="int32")
    places = k.layers.Embedding(12, 3, dtype="float64")
    where = k.layers.Flatten(dtype="float64")(places(town))
    bought = k.layers.Flatten(dtype="float64")(places(shops))
    counts = k.layers.CategoryEncoding(12, "count", dtype="float64")(shops)
    own = k.layers.Flatten(dtype="float64")(k.layers.Embedding(9, 2, dtype="float64")(town))
    joint = k.layers.Concatenate(dtype="float64")([where, bought, counts, own])
    hidden = k.layers.Dense(8, activation="tanh", dtype="float64")(joint)
    return k.Model([town, shops], k.layers.Dense(1, dtype="float64")(hidden)), [TOWNS, SHOPS]


# Of torch arrays in a NumPy that is newer.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("make", [residual, wide_and_deep, siamese, categories])
def test_training_is_that_of_keras(make):
    # Keras multiplies matrices in single precision over torch, whatever their type: weights that
    # are drawn anew are off by more than the tolerance now and then.
    keras.utils.set_random_seed(0)
    theirs, x = make(keras)
    ours, _ = make(fanin)
    assert [type(la).__name__ for la in ours.layers] == [type(la).__name__ for la in theirs.layers]
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    theirs.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    ours.compile(fanin.optimizers.SGD(0.05, momentum=0.9), "mse")
    for model in (theirs, ours):
        model.fit(x, Y, batch_size=64, epochs=STEPS, shuffle=False, verbose=0)
    expected = theirs.predict(x, verbose=0)
    found = ours.predict(x, verbose=0)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-7)
