"""`fanin.streams` against the frameworks themselves, where they are installed."""

import fanin.initializers as ours
import numpy as np
import pytest
from fanin import streams

SHAPES = [(3, 2), (5, 3), (4, 4), (64, 33), (7, 5, 3), (511, 130)]


def equal(found, expected):
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch(shape, dtype):
    torch = pytest.importorskip("torch")
    init = torch.nn.init
    torch.manual_seed(11)
    source = streams.torch_cpu(11)

    def empty():
        return torch.empty(shape, dtype=getattr(torch, dtype))

    for _ in range(2):
        equal(source.uniform(shape, -0.1, 0.2, dtype), init.uniform_(empty(), -0.1, 0.2))
        equal(source.normal(shape, 0.5, 0.1, dtype), init.normal_(empty(), 0.5, 0.1))
        equal(source.trunc_normal(shape, dtype=dtype), init.trunc_normal_(empty()))
        equal(
            source.trunc_normal(shape, 0.0, 0.02, 0.03, 0.05, dtype),
            init.trunc_normal_(empty(), 0.0, 0.02, 0.03, 0.05),
        )
        equal(source.permutation(shape[0]), torch.randperm(shape[0]))
        if len(shape) == 2:
            # A transposed tensor is filled in the order of its memory.
            strided = init.normal_(empty().t(), 0.5, 0.1).t()
            equal(source.normal(shape, 0.5, 0.1, dtype, contiguous=False), strided)
            found = ours.Orthogonal()(shape, dtype, rng=source)
            expected = init.orthogonal_(empty()).numpy()
            np.testing.assert_allclose(found, expected, atol=4e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("seed", [0, 7, -5, 2**63 + 9, 2**64 - 1])
def test_torch_seeds(seed):
    torch = pytest.importorskip("torch")
    torch.manual_seed(seed)
    equal(streams.torch_cpu(seed).normal((33,)), torch.randn(33))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["glorot", "he", "lecun"])
@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_jax_initializers(shape, name, kind):
    jax = pytest.importorskip("jax")
    theirs = getattr(jax.nn.initializers, f"{name}_{kind}")()
    mine = ours.get(f"{name}_{kind}")
    equal(mine(shape, rng=streams.jax(3)), theirs(jax.random.key(3), shape, "float32"))


@pytest.mark.parametrize("shape", SHAPES)
def test_jax(shape):
    jax = pytest.importorskip("jax")
    theirs, random = jax.nn.initializers, jax.random
    key, source = random.key(5), streams.jax(5)
    equal(ours.RandomUniform(0, 0.3)(shape, rng=source), theirs.uniform(0.3)(key, shape))
    equal(ours.RandomNormal(0, 0.3)(shape, rng=source), theirs.normal(0.3)(key, shape))
    truncated = theirs.truncated_normal(0.3)(key, shape)
    equal(ours.TruncatedNormal(0, 0.3)(shape, rng=source), truncated)
    orthogonal = theirs.orthogonal(2.0)(key, shape)
    np.testing.assert_allclose(ours.Orthogonal(2.0)(shape, rng=source), orthogonal, atol=8e-6)
    scaling = theirs.variance_scaling(3.0, "fan_out", "normal")(key, shape)
    mine = ours.VarianceScaling(3.0, "fan_out", "untruncated_normal")
    equal(mine(shape, rng=source), scaling)
    equal(source.permutation(shape[0]).astype("int32"), random.permutation(key, shape[0]))
    parts = [part.words for part in source.split(3)]
    equal(np.array(parts, "uint32"), random.key_data(random.split(key, 3)))
    equal(np.array(source.fold_in(9).words, "uint32"), random.key_data(random.fold_in(key, 9)))


@pytest.mark.parametrize("seed", [0, 7, -5, 2**31, 2**32 + 1, -(2**63)])
@pytest.mark.parametrize("x64", [False, True])
def test_jax_seeds(seed, x64):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(x64):
        dtype = "float64" if x64 else "float32"
        expected = jax.random.normal(jax.random.key(seed), (33,), dtype)
        equal(streams.jax(seed, x64=x64).normal((33,), dtype=dtype), expected)


@pytest.mark.parametrize(
    "bounds", [(-1, 1), (-1, 3), (0, 2), (3, 5), (-1.5, 0.5), (-4, 4), (0.5, 9), (-3.9, 3.8)]
)
@pytest.mark.parametrize("seed", [0, 3])
def test_jax_truncation_anywhere(bounds, seed):
    jax = pytest.importorskip("jax")
    expected = jax.random.truncated_normal(jax.random.key(seed), *bounds, (7, 500))
    found = streams.jax(seed).truncated_normal((7, 500), 0, 1, *bounds)
    np.testing.assert_array_equal(found, np.asarray(expected))
