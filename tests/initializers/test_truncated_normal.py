"""Truncated normals keep to their bounds, in both units, from every source of numbers."""

import math

import numpy as np
import pytest
from fanin.initializers import TruncatedNormal

SOURCES = [lambda: 5, lambda: np.random.default_rng(5), lambda: np.random.RandomState(5)]
INFINITE = math.inf


def moments(low, high):
    """Mean and variance of a standard normal within bounds, by a fine sum."""
    a, b = max(low, -12), min(high, max(low, -12) + 24)
    x = a + (np.arange(200_000) + 0.5) * ((b - a) / 200_000)
    p = np.exp(-0.5 * (x**2 - np.min(x**2)))
    p /= p.sum()
    mean = (p * x).sum()
    return mean, (p * (x - mean) ** 2).sum()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (-2, 2),
        (-1, 0.5),
        (0, INFINITE),
        (3, INFINITE),
        (-INFINITE, -4),
        (2.5, 2.6),
        (6, 9),
        (-0.1, 0.05),
        (-INFINITE, INFINITE),
    ],
)
def test_moments_and_bounds(low, high, source):
    initializer = TruncatedNormal(10.0, 3.0, lower=low, upper=high)
    w = (initializer((40_000,), "float64", rng=source()) - 10) / 3
    assert low - 1e-12 <= w.min() <= w.max() <= high + 1e-12
    mean, variance = moments(low, high)
    assert abs(w.mean() - mean) < 4.5 * math.sqrt(variance / w.size)
    # No truncated normal has a kurtosis above an exponential's, 9.
    assert abs(w.var() / variance - 1) < 4.5 * math.sqrt(8 / w.size)
    found = initializer.explain((40_000,))
    assert found.mean == pytest.approx(10 + 3 * mean, rel=1e-6)
    assert found.variance == pytest.approx(9 * variance, rel=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("source", SOURCES)
def test_absolute_bounds_are_values(dtype, source):
    initializer = TruncatedNormal(0.1, 0.3, lower=0.0, upper=0.7, bounds="absolute")
    w = initializer((20_000,), dtype, rng=source())
    assert 0 <= w.min() < 0.001
    assert 0.69 < w.max() <= np.asarray(0.7, dtype)
    in_std = TruncatedNormal(0.1, 0.3, lower=-1 / 3, upper=2.0)
    np.testing.assert_allclose(w, in_std((20_000,), dtype, rng=source()), atol=1e-6)


def test_the_default_is_unchanged():
    explicit = TruncatedNormal(0.0, 0.05, lower=-2, upper=2.0)
    assert explicit == TruncatedNormal()
    assert repr(explicit) == "TruncatedNormal(mean=0.0, stddev=0.05, seed=None)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lower": 1.0, "upper": -1.0}, "upper"),
        ({"lower": math.nan}, "lower"),
        ({"bounds": "sigma"}, "bounds"),
        ({"stddev": 0.0, "lower": 1.0, "upper": 2.0, "bounds": "absolute"}, "mean"),
    ],
)
def test_bounds_that_mean_nothing_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        TruncatedNormal(**arguments)


def test_no_spread_within_absolute_bounds_is_the_mean():
    initializer = TruncatedNormal(0.5, 0.0, lower=0.0, upper=1.0, bounds="absolute")
    for rng in (0, np.random.default_rng(0)):
        np.testing.assert_array_equal(initializer((4,), rng=rng), np.full(4, 0.5, "float32"))
