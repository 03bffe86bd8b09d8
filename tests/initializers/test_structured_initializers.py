"""Kernels with a pattern: Dirac, sparse, ZerO, delta-orthogonal, both flattenings of orthogonal."""

import math

import fanin
import numpy as np
import pytest
from fanin import initializers
from fanin.errors import ShapeError
from fanin.initializers import DeltaOrthogonal, Dirac, LooksLinear, Orthogonal, Sparse, ZerO
from fanin.layers import Dense
from fanin.random import Stream

SOURCES = [lambda: 3, lambda: np.random.default_rng(3), lambda: np.random.RandomState(3)]
sources = pytest.mark.parametrize("source", SOURCES)


def convolve(x, kernel, groups=1):
    """A convolution of one axis that keeps the length, in Keras's layout; kernels of odd size."""
    k, inputs, outputs = kernel.shape
    padded = np.pad(x, ((k // 2, k // 2), (0, 0)))
    parts = []
    for g in range(groups):
        own = padded[:, g * inputs : (g + 1) * inputs]
        weights = kernel[:, :, g * outputs // groups : (g + 1) * outputs // groups]
        parts.append(sum(own[t : t + len(x)] @ weights[t] for t in range(k)))
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_dirac_passes_its_inputs_on(groups):
    x = np.random.default_rng(0).normal(size=(7, 6))
    kernel = Dirac(groups)((3, 6 // groups, 6), "float64")
    np.testing.assert_array_equal(convolve(x, kernel, groups), x)
    assert Dirac(groups)((4, 5, 2, 6)).sum() == groups * min(2, 6 // groups)
    with pytest.raises(ValueError, match="groups: expected a divisor of 5"):
        Dirac(3)((3, 2, 5))


@sources
def test_delta_orthogonal_changes_no_length(source):
    x = np.random.default_rng(0).normal(size=(9, 4))
    kernel = DeltaOrthogonal(2.0)((5, 4, 6), "float64", rng=source())
    y = convolve(x, kernel)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), 2 * np.linalg.norm(x, axis=1))
    even = DeltaOrthogonal()((4, 2, 3, 3), rng=source())
    assert {tuple(place[:2]) for place in np.argwhere(even)} == {(1, 0)}
    with pytest.raises(ShapeError, match="inputs than outputs"):
        DeltaOrthogonal()((3, 5, 4), rng=source())


@sources
@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (8, 2, 3), (4, 5, 2, 2), (3, 0, 2)])
def test_orthogonal_rows_in_the_flattening_of_torch(shape, source):
    w = Orthogonal(3.0, flatten="trailing")(shape, "float64", rng=source())
    m = w.reshape(shape[0], math.prod(shape[1:]))
    m = m if m.shape[0] <= m.shape[1] else m.T
    np.testing.assert_allclose(m @ m.T, 9 * np.eye(len(m)), atol=1e-13)


def test_flattenings_agree_on_matrices_of_a_stream():
    a, b = (Orthogonal(flatten=f)((6, 4), rng=1) for f in ("leading", "trailing"))
    np.testing.assert_array_equal(a, b)
    out = np.zeros((4, 3, 2))
    Orthogonal(flatten="trailing").fill(out, rng=1)
    np.testing.assert_array_equal(out, Orthogonal(flatten="trailing")(out.shape, "float64", rng=1))


@sources
@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.75, 1.0])
def test_sparse_columns_have_so_many_zeros(sparsity, source):
    w = Sparse(sparsity, stddev=2.0)((50, 40), "float64", rng=source())
    zeros = math.ceil(sparsity * 50)
    np.testing.assert_array_equal((w == 0).sum(axis=0), zeros)
    kept = w[w != 0]
    if kept.size:
        assert abs(kept.std() / 2 - 1) < 4.5 / math.sqrt(2 * kept.size)
    # Not the same rows in every column.
    if 0 < sparsity < 1:
        assert len({column.tobytes() for column in (w == 0).T}) > 30


def test_sparse_zeros_are_equally_likely_everywhere():
    counts = sum((Sparse(0.5)((8, 50), rng=seed) == 0).sum(axis=1) for seed in range(100))
    # 5,000 draws of each row, a half of them zero: 4.5 standard deviations.
    assert abs(counts - 2500).max() < 4.5 * math.sqrt(5000) / 2


def test_sparse_follows_the_documented_rule():
    from fanin import _core

    w = Sparse(0.4, 1.0)((5, 3), "float64", rng=Stream(7, "k"))
    expected = initializers.RandomNormal(0.0, 1.0)((5, 3), "float64", rng=Stream(7, "k"))
    for column in range(3):
        expected[_core.permutation("7", f"k/zeros/{column}", 5)[:2], column] = 0
    np.testing.assert_array_equal(w, expected)


def test_sparse_draws_from_numpy_in_torch_order():
    rng = np.random.RandomState(4)
    expected = rng.normal(0, 0.01, size=(6, 3))
    for column in range(3):
        expected[rng.permutation(6)[:2], column] = 0
    ours = Sparse(1 / 3)((6, 3), "float64", rng=np.random.RandomState(4))
    np.testing.assert_array_equal(ours, expected)


def sylvester(m):
    h = np.ones((1, 1))
    for _ in range(m):
        h = np.block([[h, h], [h, -h]])
    return h


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (4, 8), (1, 2), (6, 9)])
def test_zero_is_algorithm_1_of_the_paper(shape):
    inputs, outputs = shape
    # The paper writes W x, with W of (outputs, inputs).
    if outputs <= inputs:
        expected = np.eye(outputs, inputs)
    else:
        m = math.ceil(math.log2(outputs))
        c = 2 ** (-(m - 1) / 2)
        expected = c * np.eye(outputs, 2**m) @ sylvester(m) @ np.eye(2**m, inputs)
    np.testing.assert_allclose(ZerO()(shape, "float64"), expected.T, atol=1e-15)
    published = ZerO(orthonormal=True)(shape, "float64")
    factor = 1 if outputs <= inputs else math.sqrt(0.5)
    np.testing.assert_allclose(published, factor * expected.T, atol=1e-15)
    kernel = ZerO()((3, 4, *shape), "float64")
    np.testing.assert_array_equal(kernel[1, 2], ZerO()(shape, "float64"))
    assert np.count_nonzero(kernel) == np.count_nonzero(kernel[1, 2])


def test_looks_linear_networks_are_isometries():
    layers = [
        Dense(60, "relu", kernel_initializer=LooksLinear(mirror="outputs")),
        *[Dense(60, "relu", kernel_initializer=LooksLinear()) for _ in range(30)],
        Dense(30, kernel_initializer=LooksLinear(mirror="inputs")),
    ]
    model = fanin.Sequential(layers, rng=0)
    x = np.random.default_rng(0).normal(size=(50, 30))
    lengths = np.linalg.norm(model.predict(x, verbose=0), axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(x, axis=1), rtol=1e-4)
    values = fanin.diagnose(model, x).jacobian()[-1]
    np.testing.assert_allclose(values, 1.0, atol=1e-4)


def test_looks_linear_is_mirrored_and_needs_pairs():
    w = LooksLinear(2.0)((8, 6), rng=0)
    np.testing.assert_array_equal(w[:4, :3], -w[4:, :3])
    np.testing.assert_array_equal(w[:, :3], -w[:, 3:])
    block = w[:4, :3]
    np.testing.assert_allclose(block.T @ block, 4 * np.eye(3), atol=1e-5)
    for mirror, shape in [
        ("both", (7, 6)),
        ("outputs", (7, 5)),
        ("inputs", (7, 6)),
        ("both", (4,)),
    ]:
        with pytest.raises(ShapeError, match="shape"):
            LooksLinear(mirror=mirror)(shape)
    with pytest.raises(ValueError, match="mirror"):
        LooksLinear(mirror="sides")


@pytest.mark.parametrize("initializer", [Dirac(), DeltaOrthogonal()])
@pytest.mark.parametrize("shape", [(), (3,), (3, 3), (1,) * 6])
def test_kernels_have_three_to_five_dimensions(initializer, shape):
    for rng in (0, np.random.default_rng(0)):
        with pytest.raises(ShapeError, match="3, 4 or 5"):
            initializer(shape, rng=rng)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Sparse(1.1), ValueError, "sparsity"),
        (lambda: Sparse(-0.1), ValueError, "sparsity"),
        (lambda: Sparse(0.5, -1), ValueError, "std"),
        (lambda: Sparse("half"), TypeError, "sparsity"),
        (lambda: Sparse(0.5)((2, 2, 2), rng=0), ShapeError, "2 dimensions"),
        (lambda: Dirac(0), ValueError, "groups"),
        (lambda: Dirac("2"), TypeError, "groups"),
        (lambda: ZerO()((3,)), ShapeError, "2 dimensions"),
        (lambda: Orthogonal(flatten="torch"), ValueError, "flatten"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    "initializer",
    [
        Dirac(2),
        DeltaOrthogonal(0.5, seed=1),
        LooksLinear(0.5, seed=1, mirror="inputs"),
        Sparse(0.2, seed=3),
        ZerO(True),
        Orthogonal(flatten="trailing"),
    ],
)
def test_configurations(initializer):
    twin = initializers.deserialize(initializers.serialize(initializer))
    assert twin == initializer
    assert eval(repr(initializer), vars(initializers)) == initializer
    shape = (6, 4) if isinstance(initializer, (Sparse, LooksLinear)) else (3, 2, 4)
    out = np.full((*shape, 2), 9.0)[..., 0]
    initializer.fill(out, rng=5)
    np.testing.assert_array_equal(out, twin(shape, "float64", rng=5))
