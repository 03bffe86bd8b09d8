"""Stream v1 over many seeds, paths and shapes: p-values are uniform, streams know no other.

Seeds are fixed, so that nothing here is left to chance. The bounds are such that a right generator
would break any of them for less than one choice of seeds in a million.
"""

import math

import numpy as np
import pytest
from fanin import _core
from fanin.initializers import RandomNormal, RandomUniform, TruncatedNormal
from fanin.random import Stream

SEEDS = range(400)
SHAPES = [(1000,), (20, 50), (7, 11, 13), (33, 31), (2, 3, 5, 37)]
NORMAL = RandomNormal(0.0, 1.0)

phi = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)))


def kolmogorov(sample):
    """The p-value of a sample that should be uniform on [0, 1] (asymptotic, with Stephens's n)."""
    u = np.sort(np.ravel(sample))
    n = len(u)
    steps = np.arange(n + 1) / n
    distance = max((steps[1:] - u).max(), (u - steps[:-1]).max())
    x = distance * (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n))
    k = np.arange(1, 101)
    return float(min(1.0, max(0.0, 2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * x) ** 2)))))


def chi_square(counts, expected):
    """The p-value of counts, by Wilson and Hilferty's approximation."""
    degrees = counts.size - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    middle = 2 / (9 * degrees)
    return float(phi(-((statistic / degrees) ** (1 / 3) - (1 - middle)) / math.sqrt(middle)))


def check(p_values):
    """p-values of right samples are uniform: none is tiny, and none too many are small or large."""
    p = np.asarray(p_values)
    assert p.min() > 1e-7 / len(p) * 10
    assert kolmogorov(p) > 1e-6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("initializer", "cdf"),
    [
        (RandomUniform(0.0, 1.0), lambda x: x),
        (NORMAL, phi),
        (TruncatedNormal(0.0, 1.0), lambda z: (phi(z) - phi(-2)) / (phi(2) - phi(-2))),
        (
            TruncatedNormal(0.0, 1.0, lower=2.0, upper=4.0),
            lambda z: (phi(-2.0) - phi(-z)) / (phi(-2.0) - phi(-4.0)),
        ),
    ],
)
def test_distributions_over_many_seeds_and_shapes(initializer, cdf, dtype):
    check(
        [
            kolmogorov(cdf(initializer(SHAPES[seed % len(SHAPES)], dtype, rng=seed).astype(float)))
            for seed in SEEDS
        ]
    )


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
def test_bytes_of_words_are_equally_frequent(shift):
    check(
        [
            chi_square(
                np.bincount(
                    _core.philox_words(str(seed), "", 0, 1 << 14) >> shift & 255, minlength=256
                ),
                (1 << 14) / 256,
            )
            for seed in SEEDS
        ]
    )


def test_pairs_of_successive_words_are_equally_frequent():
    p = []
    for seed in range(100):
        top = _core.philox_words(str(seed), "x", 0, 1 << 15) >> 28
        p.append(
            chi_square(np.bincount(top[:-1:2] * 16 + top[1::2], minlength=256), (1 << 14) / 256)
        )
    check(p)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_to_the_fourth_order(dtype):
    n = 1 << 21
    z = NORMAL((n,), dtype, rng=Stream(1, "moments")).astype(float)
    # The variance of zᵏ is E z²ᵏ - (E zᵏ)²: 1, 2, 15, 96.
    for k, expected, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((z**k).mean() - expected) < 5.2 * math.sqrt(variance / n)
    u = RandomUniform(0.0, 1.0)((n,), dtype, rng=Stream(1, "moments")).astype(float)
    for k in (1, 2, 3, 4):
        variance = 1 / (2 * k + 1) - 1 / (k + 1) ** 2
        assert abs((u**k).mean() - 1 / (k + 1)) < 5.2 * math.sqrt(variance / n)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tails_from_3_to_6_standard_deviations(dtype):
    n, arrays = 1 << 23, 4
    beyond = np.zeros((2, 4), int)
    limits = np.array([3.0, 4.0, 5.0, 6.0])
    for seed in range(arrays):
        z = NORMAL((n,), dtype, rng=Stream(seed, "tails"))
        far = z[np.abs(z) > 3]
        for i, limit in enumerate(limits):
            beyond[0, i] += np.count_nonzero(far > limit)
            beyond[1, i] += np.count_nonzero(far < -limit)
    for i, limit in enumerate(limits):
        mean = n * arrays * float(phi(-limit))
        for count in beyond[:, i]:
            assert poisson_tail(int(count), mean) > 1e-7


def poisson_tail(count, mean):
    """The probability of a count at least this far from the mean, on its side."""
    if mean > 1000:
        return float(phi(-abs(count - mean) / math.sqrt(mean)))
    terms = [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 200)]
    return sum(terms[: count + 1]) if count < mean else sum(terms[count:])


def correlations(arrays):
    """The largest correlation of two different rows, in standard errors."""
    rows = np.array(arrays, float)
    gram = rows @ rows.T / math.sqrt(rows.shape[1])
    return np.abs(gram[np.triu_indices(len(rows), 1)]).max()


NAMES = {
    "neighbouring seeds": [Stream(seed, "0/kernel") for seed in range(128)],
    "seeds that differ in one bit": [Stream(1 << bit) for bit in range(128)],
    "neighbouring paths": [Stream(0, f"{layer}/kernel") for layer in range(128)],
    "roles": [
        Stream(0, f"{layer}/{role}") for layer in range(43) for role in ("kernel", "bias", "beta")
    ],
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_streams_are_not_correlated(name, dtype):
    arrays = [NORMAL((4096,), dtype, rng=stream) for stream in NAMES[name]]
    # Of 8000 pairs or so the largest is below 6.2 standard errors but once in 100 000 000 / 8000.
    assert correlations(arrays) < 6.2
    assert correlations([(a.astype(float) ** 2 - 1) / math.sqrt(2) for a in arrays]) < 7.5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [16, 32, 64, 128, 4096])
def test_lanes_and_blocks_are_not_correlated(dtype, length):
    """Columns of the stream, `length` apart: lanes of a vector, tiles, chunks."""
    z = NORMAL((length * 4096,), dtype, rng=Stream(5, "lanes")).reshape(4096, length)
    assert correlations(z.T[:256]) < 6.5
    assert correlations(((z.astype(float) ** 2 - 1) / math.sqrt(2)).T[:256]) < 7.8


def test_a_first_value_is_no_function_of_the_seed():
    first = np.array([NORMAL((1,), "float64", rng=seed)[0] for seed in range(20000)])
    assert kolmogorov(phi(first)) > 1e-6
    steps = np.diff(first) / math.sqrt(2)
    assert kolmogorov(phi(steps)) > 1e-6
    for lag in (1, 2, 16, 100):
        assert abs((first[lag:] * first[:-lag]).sum()) < 5.5 * math.sqrt(len(first) - lag)


def test_shuffles_put_everything_everywhere():
    n, draws = 12, 6000
    places = np.zeros((n, n))
    for seed in range(draws):
        places[np.arange(n), _core.permutation(str(seed), "shuffle/0", n)] += 1
    check([chi_square(row, draws / n) for row in places])
