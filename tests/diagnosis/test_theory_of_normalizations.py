"""Predictions for normalizations within samples, against networks that are drawn and run."""

import fanin
import numpy as np
import pytest
from fanin import initializers, theory
from fanin.layers import Activation, Dense, LayerNormalization, ReLU, RMSNormalization

HE = {"kernel_initializer": "he_normal"}
BLOCKS = {
    "dense, layer, relu": lambda: [Dense(128, **HE), LayerNormalization(), ReLU()],
    "dense, rms, relu": lambda: [Dense(128, **HE), RMSNormalization(), ReLU()],
    "relu, layer": lambda: [Dense(128, "relu", **HE), LayerNormalization()],
    "relu, rms": lambda: [Dense(128, "relu", **HE), RMSNormalization()],
    "narrow, tanh": lambda: [Dense(64), LayerNormalization(), Activation("tanh")],
    "tanh, layer": lambda: [Dense(128, "tanh"), LayerNormalization()],
    "linear": lambda: [Dense(128), LayerNormalization()],
    "orthogonal": lambda: [Dense(128, kernel_initializer="orthogonal"), RMSNormalization()],
}
SEEDS = 12


def samples():
    rng = np.random.default_rng(0)
    sizes = np.exp(0.3 * rng.normal(size=(64, 1)))
    return (rng.normal(size=(64, 100)) * sizes).astype("float32")


def run(block, seed, x):
    """Second moments and mean correlations forward, and second moments of gradients back."""
    model = fanin.Sequential(stack(block), rng=seed)
    model.build((None, x.shape[1]))
    h, caches, squares, likeness, gradients = x, [], [], [], []
    for layer in model.layers:
        h, cache = layer.forward(h, training=True)
        caches.append(cache)
        squares.append(np.mean(h.astype(float) ** 2))
        rows = h.astype(float)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        likeness.append(((rows.sum(axis=0) ** 2).sum() / len(x) - 1) / (len(x) - 1))
    dy = np.random.default_rng(seed).normal(size=h.shape).astype("float32")
    for layer, cache in zip(model.layers[::-1], caches[::-1], strict=True):
        dy, _ = layer.backward(dy, cache)
        gradients.append(np.mean(dy.astype(float) ** 2))
    return squares, likeness, gradients[::-1]


def stack(block):
    return [*(layer for _ in range(5) for layer in block()), Dense(10)]


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_five_blocks_are_as_predicted(block):
    x = samples()
    bands = theory.predict(stack(block), x).layers
    runs = [run(block, seed, x) for seed in range(SEEDS)]
    squares, likeness, gradients = (np.array(part) for part in zip(*runs, strict=True))
    inside = [
        [value in band.activation for value, band in zip(row, bands, strict=True)]
        for row in squares
    ]
    assert np.mean(inside) >= 0.95
    inside = [
        [value in band.input_gradient for value, band in zip(row, bands, strict=True)]
        for row in gradients
    ]
    assert np.mean(inside) >= 0.9
    # Means over draws: of a factor a layer, within some hundredths each.
    found = gradients.mean(axis=0) / [band.input_gradient.value for band in bands]
    assert np.abs(np.log(found)).max() < 0.2
    expected = np.array([band.correlation for band in bands])
    assert np.abs(likeness.mean(axis=0) - expected).max() < 0.04


def test_each_sample_has_a_second_moment_of_one():
    found = theory.predict([Dense(50), LayerNormalization(epsilon=1e-9)], samples()).layers
    assert found[1].activation.value == pytest.approx(1, rel=1e-6)
    assert found[1].activation.high < 1.01 < found[0].activation.high


def test_a_large_epsilon_is_seen():
    small = [Dense(400, kernel_initializer=initializers.RandomNormal(stddev=0.001))]
    bands = theory.predict([*small, LayerNormalization(epsilon=0.1)], samples()).layers
    before, after = bands[0].activation.value, bands[1].activation.value
    assert after == pytest.approx(before / (before + 0.1), rel=0.01)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        (lambda: [LayerNormalization(), Dense(3)], "the mean of each sample of the inputs"),
        (lambda: [Dense(3), LayerNormalization(beta_initializer="ones")], "beta is set"),
        (lambda: [Dense(3), LayerNormalization(gamma_initializer="zeros")], "gamma is set"),
        (
            lambda: [Dense(3, kernel_initializer="zeros"), RMSNormalization()],
            "a sample is 0",
        ),
        (
            lambda: [Dense(3, bias_initializer="ones"), RMSNormalization()],
            "the bias that all units share",
        ),
        (
            lambda: [Dense(3, kernel_initializer=initializers.StudentT(1.5))],
            "weights without a variance",
        ),
    ],
)
def test_what_has_no_formula_says_why(layers, reason):
    found = theory.predict(layers(), samples()).layers
    assert any(reason in (layer.reason or "") for layer in found)
