"""`fanin.streams` gives what other frameworks gave themselves, which golden/ keeps."""

import copy
import json
import pickle
from pathlib import Path

import fanin
import numpy as np
import pytest
from fanin import _core, initializers, random, streams
from fanin.initializers import (
    GlorotUniform,
    HeNormal,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    VarianceScaling,
)
from golden.make_replay import kept
from hypothesis import given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parents[1] / "golden"


def table(name):
    return json.loads((GOLDEN / f"replay_{name}.json").read_text())["seeds"]


# torch's layout is (outputs, inputs), and its normals are not truncated.
TORCH = {
    "xavier_uniform": VarianceScaling(1.0, "fan_avg", "uniform"),
    "xavier_normal": VarianceScaling(1.0, "fan_avg", "untruncated_normal"),
    "kaiming_uniform": VarianceScaling(2.0, "fan_out", "uniform"),
    "kaiming_normal": VarianceScaling(2.0, "fan_out", "untruncated_normal"),
    "orthogonal": Orthogonal(),
}


def torch_draw(source, what, size, dtype):
    if what in TORCH:
        return TORCH[what](size, dtype, rng=source)
    shape = (size,)
    return {
        "uniform": lambda: source.uniform(shape, -0.3, 0.7, dtype),
        "normal": lambda: source.normal(shape, 0.1, 0.7, dtype),
        "near": lambda: source.trunc_normal(shape, 0.1, 0.7, -0.5, 1.0, dtype),
        "far": lambda: source.trunc_normal(shape, 0.0, 1.0, 2.0, 2.5, dtype),
        "permutation": lambda: source.permutation(size),
        "strided": lambda: source.normal(shape, 0.1, 0.7, dtype, contiguous=False),
    }[what]()


def jax_draw(key, what, size, dtype):
    if what in ("uniform", "normal", "truncated"):
        call = {
            "uniform": lambda: key.uniform((size,), -0.3, 0.7, dtype),
            "normal": lambda: key.normal((size,), dtype=dtype),
            "truncated": lambda: key.truncated_normal((size,), dtype=dtype),
        }[what]
        return call()
    if what == "split":
        return np.array([part.words for part in key.split(size)], np.uint32)
    if what == "fold_in":
        return np.array(key.fold_in(size).words, np.uint32)
    if what in ("bits", "permutation"):
        return getattr(key, what)(size)
    return initializers.get(what)(size, dtype, rng=key)


def compare(what, found, expected):
    if what == "orthogonal":
        # The same Gaussian and signs; the factorisation is ours, in double precision.
        wanted = [float.fromhex(x) for x in expected]
        np.testing.assert_allclose([float.fromhex(x) for x in found], wanted, atol=2e-6)
    else:
        assert found == expected, what


@pytest.mark.parametrize("seed", table("torch"), ids=lambda s: str(s["seed"]))
def test_torch_bit_for_bit(seed):
    source = streams.torch_cpu(seed["seed"])
    for what, size, dtype, expected in seed["rows"]:
        compare(what, kept(torch_draw(source, what, size, dtype)), expected)


@pytest.mark.parametrize("seed", table("jax"), ids=lambda s: f"{s['seed']}-{s['x64']}")
def test_jax_bit_for_bit(seed):
    key = streams.jax(seed["seed"], x64=seed["x64"])
    for what, size, dtype, expected in seed["rows"]:
        compare(what, kept(jax_draw(key, what, size, dtype)), expected)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_numpy_is_numpy(seed):
    np.random.seed(seed)
    expected = [np.random.normal(size=(3, 2)), np.random.uniform(-1, 1, (3, 2))]
    source = streams.numpy_legacy(seed)
    assert (RandomNormal(0, 1)((3, 2), "float64", rng=source) == expected[0]).all()
    assert (RandomUniform(-1, 1)((3, 2), "float64", rng=source) == expected[1]).all()


@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(0, 700), max_size=6))
@settings(max_examples=30, deadline=None)
def test_words_are_numpys_however_they_are_cut(seed, cuts):
    bits = np.random.MT19937()
    bits._legacy_seeding(seed)
    source = streams.torch_cpu(seed)
    for n in cuts:
        assert (source.bits(n) == bits.random_raw(n)).all()


@pytest.mark.parametrize("name", ["torch_cpu", "jax"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_instruction_set_or_threads(name, dtype):
    def draw():
        source = getattr(streams, name)(3)
        return [source.uniform((9000,), -1, 2, dtype), source.normal((9000,), 0.5, 2, dtype)]

    level, threads = _core.simd_level(), _core.get_num_threads()
    expected = draw()
    try:
        for other in ("baseline", "avx2", "avx512"):
            _core.set_simd_level(other)
            for count in (1, 3):
                _core.set_num_threads(count)
                assert all(map(np.array_equal, draw(), expected))
    finally:
        _core.set_simd_level(level)
        _core.set_num_threads(threads)


def test_initializers_draw_by_their_own_definition():
    """A Keras-style truncated normal stays within its bounds whatever it is drawn from."""
    for source in (streams.torch_cpu(0), streams.jax(0)):
        w = HeNormal()((200, 300), rng=source)
        assert abs(w).max() <= 2 * np.sqrt(2 / 200) / 0.87962566 * 1.0001
        assert abs(w.var() * 200 / 2 - 1) < 0.02
        for gain, shape in [(1.0, (30, 20)), (2.0, (4, 5, 60))]:
            q = Orthogonal(gain)(shape, rng=source).reshape(-1, shape[-1])
            gram = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
            np.testing.assert_allclose(gram, gain**2 * np.eye(len(gram)), atol=1e-5)


OURS = ("StudentT", "Cauchy", "Laplace", "Logistic", "Beta")


def test_every_random_initializer_can_be_replayed():
    kinds = initializers.RandomInitializer
    classes = [
        c for c in vars(initializers).values() if isinstance(c, type) and issubclass(c, kinds)
    ]
    assert len(classes) > 8
    needs_more = {initializers.DeltaOrthogonal: (3, 4, 6)}
    arguments = {initializers.Sparse: (0.5,)}
    # Those by inversion are no framework's: tests/initializers/test_inverse.py.
    ours = {getattr(initializers, name) for name in OURS}
    for kind in set(classes) - {kinds} - ours:
        made, shape = kind(*arguments.get(kind, ())), needs_more.get(kind, (4, 6))
        for dtype in ("float32", "float64"):
            w = made(shape, dtype, rng=streams.torch_cpu(1))
            assert w.dtype == dtype
            assert np.isfinite(w).all()
            assert made((0, *shape[1:]), dtype, rng=streams.jax(1)).shape == (0, *shape[1:])


def test_torch_is_consumed_and_jax_is_pure():
    torch, key = streams.torch_cpu(4), streams.jax(4)
    assert (GlorotUniform()((3, 3), rng=torch) != GlorotUniform()((3, 3), rng=torch)).any()
    assert (GlorotUniform()((3, 3), rng=key) == GlorotUniform()((3, 3), rng=key)).all()
    out = np.empty((3, 3), np.float32)
    GlorotUniform().fill(out, rng=key)
    assert (out == GlorotUniform()((3, 3), rng=key)).all()


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_goes_on_by_itself(again):
    source = streams.torch_cpu(9)
    source.normal((3,))
    twin = again(source)
    expected = twin.normal((3,)), twin.bits(700)
    assert (source.normal((3,)) == expected[0]).all()
    assert (source.bits(700) == expected[1]).all()
    assert again(streams.jax(9)) == streams.jax(9)


def network(rng, dropout=False):
    parts = [fanin.layers.Dense(4, kernel_initializer="random_normal", input_dim=4)]
    parts += [fanin.layers.Dropout(0.5)] if dropout else []
    parts += [fanin.layers.Dense(4, kernel_initializer="random_normal")]
    return fanin.Sequential(parts, rng=rng)


def test_a_network_consumes_torch_in_the_order_of_its_layers():
    source = streams.torch_cpu(2)
    expected = [RandomNormal()((4, 4), rng=source) for _ in range(2)]
    for dropout in (False, True):
        model = network(streams.torch_cpu(2), dropout)
        kernels = [w for w in model.get_weights() if w.ndim == 2]
        assert all(map(np.array_equal, kernels, expected))


def test_a_network_gives_each_parameter_a_key_of_its_own():
    first, second = (w for w in network(streams.jax(2)).get_weights() if w.ndim == 2)
    assert (first != second).any()
    key = streams.jax(2).at("0/kernel")
    assert (first == RandomNormal()((4, 4), rng=key)).all()


@pytest.mark.parametrize("make", [streams.torch_cpu, streams.jax])
def test_a_network_trains_from_them(make):
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")

    def losses():
        model = network(make(1), dropout=True)
        model.compile("sgd", "mse")
        return model.fit(x, x, epochs=3, batch_size=16, verbose=0).history["loss"]

    assert losses() == losses()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: streams.torch_cpu(2**64), ValueError, "seed: expected a whole number from"),
        (lambda: streams.torch_cpu(-(2**63) - 1), ValueError, "seed"),
        (lambda: streams.torch_cpu(10**10000), ValueError, "seed.* bits"),
        (lambda: streams.torch_cpu(1.5), TypeError, "seed: expected a whole number .*, found 1.5"),
        (lambda: streams.torch_cpu(None), TypeError, "seed"),
        (lambda: streams.torch_cpu(True), TypeError, "seed"),
        (lambda: streams.jax(2**63), ValueError, "seed"),
        (lambda: streams.jax("0"), TypeError, "seed"),
        (lambda: streams.jax(0).fold_in(-1), ValueError, "data"),
        (lambda: streams.numpy_legacy(-1), ValueError, "seed: .* from 0 to 4294967295, found -1"),
        (lambda: streams.numpy_legacy([1, 2**32]), ValueError, "seed: .*, found 4294967296"),
        (lambda: streams.numpy_legacy([]), ValueError, "seed: .* empty"),
        (lambda: streams.numpy_legacy("7"), TypeError, "seed: expected a whole number"),
        (lambda: streams.numpy_legacy(None), TypeError, "seed: expected a whole number"),
        (lambda: streams.torch_cpu(0).uniform((2,), 1, 0), ValueError, "low and high"),
        (lambda: streams.jax(0).uniform((2,), 1, float("nan")), ValueError, "high: .* finite"),
        (lambda: streams.torch_cpu(0).normal((2,), 0, -1), ValueError, "std"),
        (lambda: streams.jax(0).normal((2,), 0, -1), ValueError, "std"),
        (lambda: streams.torch_cpu(0).trunc_normal((2,), 0, 1, 2, 1), ValueError, "a and b"),
        (lambda: streams.jax(0).truncated_normal((2,), 0, 1, 2, 2), ValueError, "low and high"),
        (lambda: streams.torch_cpu(0).normal((99,), dtype="float16"), TypeError, "dtype"),
        (lambda: HeNormal()((2**40, 2**40), rng=streams.jax(0)), ValueError, "shape"),
        (lambda: Orthogonal()((4,), rng=streams.jax(0)), ValueError, "2 dimensions"),
    ],
)
def test_what_is_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_refused_draw_takes_nothing():
    source = streams.torch_cpu(0)
    with pytest.raises(ValueError, match="std"):
        source.normal((20,), 0, -1)
    with pytest.raises((MemoryError, ValueError)):
        source.normal((2**40, 2**30))
    assert (source.bits(3) == streams.torch_cpu(0).bits(3)).all()


@pytest.mark.parametrize("state", [np.zeros(3, np.uint32), np.full(625, 700, np.uint32)])
def test_the_core_refuses_a_state_that_is_none(state):
    with pytest.raises(ValueError, match="state"):
        _core.mt19937_words(state, 1)


def test_they_are_what_rng_takes():
    for source in (streams.torch_cpu(0), streams.jax(0)):
        assert random.resolve(source) is source
        assert initializers.HeNormal(seed=source)((2, 2)).shape == (2, 2)
        assert fanin.he_init((2, 2), rng=source).dtype == np.float64
        assert fanin.xavier_init((2, 2), rng=source).dtype == np.float64
