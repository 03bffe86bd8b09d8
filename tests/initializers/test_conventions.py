"""Every row of docs/initializers.md is true of what `fanin` draws, and none is missing."""

import math

import numpy as np
import pytest
from fanin import initializers
from fanin.initializers import GlorotNormal, HeNormal, HeUniform, LecunNormal, VarianceScaling
from fanin.initializers._elsewhere import TABLE
from initializer_page import PAGE, SHAPE, rows

ROWS = rows()


@pytest.mark.parametrize("row", [r for r in ROWS if r.variance], ids=lambda row: row.id)
def test_a_row_of_random_numbers_is_what_is_drawn(row):
    initializer = eval(row.call, vars(initializers))
    found = initializer.explain(row.shape)
    assert found.variance == pytest.approx(row.variance, rel=1e-9)
    assert found.high == pytest.approx(row.bound, rel=1e-5)  # the page has five digits of 2.2737
    w = initializer(row.shape, "float64", rng=11)
    second_moment = row.variance + found.mean**2
    # Of a sparse matrix only a tenth is there to estimate from.
    n = w.size / 10 if "Sparse" in row.call else w.size
    assert abs((w**2).mean() / second_moment - 1) < 4.5 * math.sqrt(2 / n)
    assert abs(w).max() <= found.high
    if math.isfinite(row.bound):
        assert abs(w).max() > 0.99 * row.bound
    else:
        assert abs(w).max() > 3.5 * math.sqrt(row.variance)


def is_constant(initializer, row):
    w = initializer(row.shape, rng=1)
    np.testing.assert_array_equal(w, np.float32(row.distribution))


def is_identity(initializer, row):
    np.testing.assert_array_equal(initializer(row.shape, rng=1), np.eye(*row.shape))


def is_dirac(initializer, row):
    w = initializer(row.shape, rng=1)
    expected = np.zeros(row.shape)
    outputs = row.shape[-1]
    for unit in range(outputs):
        expected[1, 1, unit % (outputs // 2), unit] = 1
    np.testing.assert_array_equal(w, expected)


def has_orthogonal_rows(initializer, row):
    w = initializer((16, 8, 3, 3), "float64", rng=1).reshape(16, -1)
    np.testing.assert_allclose(w @ w.T, np.eye(16), atol=1e-12)


def has_orthogonal_columns(initializer, row):
    w = initializer((3, 3, 8, 16), "float64", rng=1).reshape(-1, 16)
    np.testing.assert_allclose(w.T @ w, np.eye(16), atol=1e-12)


def is_orthogonal_in_its_middle(initializer, row):
    for k in (3, 4):
        w = initializer((k, 8, 16), "float64", rng=1)
        middle = (k - 1) // 2
        np.testing.assert_allclose(w[middle] @ w[middle].T, np.eye(8), atol=1e-12)
        assert not np.delete(w, middle, axis=0).any()


def is_zero_initialization(initializer, row):
    np.testing.assert_array_equal(initializer((16, 8), rng=1), np.eye(16, 8))
    m = 4  # outputs are 2^m
    c = 2.0 ** (-m / 2 if "code" in row.name else -(m - 1) / 2)
    w = initializer((8, 16), "float64", rng=1)
    np.testing.assert_allclose(abs(w), c, rtol=1e-12)
    np.testing.assert_allclose(w @ w.T, np.eye(8) * 16 * c**2, atol=1e-12)


PATTERNS = {
    "0": is_constant,
    "1": is_constant,
    "0.5": is_constant,
    "identity, 2 dimensions": is_identity,
    "identity times a gain, 2 dimensions": is_identity,
    "1 at `k // 2` from input to output of a group": is_dirac,
    "flattened to (shape[0], rest)": has_orthogonal_rows,
    "flattened to (rest, shape[-1])": has_orthogonal_columns,
    "orthogonal at `(k − 1) // 2`, i ≤ o": is_orthogonal_in_its_middle,
    "partial identity, or a Hadamard corner": is_zero_initialization,
}


@pytest.mark.parametrize("row", [r for r in ROWS if not r.variance], ids=lambda row: row.id)
def test_a_row_with_a_pattern_is_what_is_made(row):
    initializer = eval(row.call, vars(initializers))
    PATTERNS[row.distribution](initializer, row)
    if "ZerO" not in row.call:
        assert abs(initializer(row.shape, rng=1)).max() <= row.bound * (1 + 1e-6)


def test_the_page_has_the_tables():
    assert len(ROWS) > 50
    assert {row.package for row in ROWS} == {"torch", "Keras", "JAX", "Others"}


@pytest.mark.parametrize("name", TABLE)
def test_every_function_of_the_frameworks_is_on_the_page(name):
    page = PAGE.read_text(encoding="utf-8")
    for _, call, _, _ in TABLE[name]:
        assert f"`{call}" in page


def test_presets_with_and_without_truncation_have_one_variance():
    for cls in (GlorotNormal, HeNormal, LecunNormal):
        a, b = (cls(truncated=t).explain(SHAPE).variance for t in (True, False))
        assert a == pytest.approx(b, rel=1e-12)


def test_leaky_slope_is_torchs_a():
    # kaiming_uniform_(a=sqrt 5) is torch's default layer.
    default = initializers.TorchDefault()
    leaky = HeUniform(negative_slope=math.sqrt(5))
    np.testing.assert_allclose(leaky(SHAPE, rng=1), default(SHAPE, rng=1), rtol=1e-6)


def test_names_ending_in_an_underscore_are_torchs():
    assert initializers.get("kaiming_normal") == HeNormal()
    assert initializers.get("kaiming_normal_") == HeNormal(truncated=False)
    assert initializers.get("xavier_normal_") == GlorotNormal(truncated=False)
    config = {"class_name": "sparse_", "config": {"sparsity": 0.5}}
    assert initializers.get(config) == initializers.Sparse(0.5, 0.01)


def test_gains_of_activations_become_scales():
    assert VarianceScaling.for_activation("relu").scale == pytest.approx(2.0, rel=1e-9)
    backward = VarianceScaling.for_activation("tanh", "fan_out", "uniform", seed=3)
    assert backward.scale == pytest.approx(1 / 0.464403, rel=1e-5)
    assert (backward.mode, backward.distribution, backward.seed) == ("fan_out", "uniform", 3)
    torch = VarianceScaling.for_activation("tanh", gain="torch")
    assert torch.scale == pytest.approx(25 / 9, rel=1e-12)
