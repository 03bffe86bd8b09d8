"""Stream v1 is what docs/stream.md says, stays so, and depends on nothing else."""

import hashlib
import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest
from fanin import _core
from fanin.initializers import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from fanin.random import Stream
from hypothesis import given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parents[1] / "golden"


# The reference: docs/stream.md in NumPy.


def reference_words(seed, path, count):
    digest = hashlib.sha256(b"fanin stream v1\0" + seed.encode() + b"\0" + path.encode()).digest()
    k0, k1, h2, h3 = (int(h) for h in np.frombuffer(digest, "<u4")[:4])
    tiles = -(-count // 64)
    low = np.uint64(0xFFFFFFFF)
    n = np.arange(16 * tiles, dtype=np.uint64)
    c = [n & low, n >> np.uint64(32), np.full_like(n, h2), np.full_like(n, h3)]
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [
            (p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0),
            p1 & low,
            (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
            p0 & low,
        ]
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return np.stack([w.reshape(tiles, 16) for w in c], axis=1).reshape(tiles, 4, 16)


def reference_uniform(seed, path, dtype, count, low, high):
    w = reference_words(seed, path, 2 * count + 64)
    if dtype == "float32":
        u = (w >> np.uint64(8)).ravel().astype("f4") * np.float32(2.0**-24)
    else:
        w = w[:, 0::2] << np.uint64(32) | w[:, 1::2]
        u = (w >> np.uint64(11)).ravel().astype("f8") * 2.0**-53
    low, high = u.dtype.type(low), u.dtype.type(high)
    return np.minimum(low + (high - low) * u, np.nextafter(high, low))[:count]


def poly(x, *coefficients):
    s = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        s = s * x + x.dtype.type(c)
    return s


def reference_ln(v):
    f = v.dtype.type
    m, k = np.frexp(v)
    below = m < f(math.sqrt(0.5))
    m, k = np.where(below, m + m, m), (k - below).astype(v.dtype)
    s = (m - f(1)) / (m + f(1))
    high, low = f(6.9314575195e-1), f(1.4286067653e-6)
    return k * high + ((s + s) * poly(s * s, 1, 1 / 3, 1 / 5, 1 / 7, 1 / 9) + k * low)


def reference_normal(seed, path, count, mean, std):
    """Single precision."""
    f = np.float32
    w = reference_words(seed, path, count + 64)
    r = np.sqrt(f(-2) * reference_ln((w[:, 0::2].astype("f4") + f(0.5)) * f(2.0**-32)))
    a = w[:, 1::2].astype(np.int64)
    q = ((a + 2**29) % 2**32) >> 30
    d = 2 * (a - (q << 30)) + 1
    d = np.where(d > 2**31, d - 2**33, d)
    x = d.astype("f4") * f(math.pi / 2 * 2.0**-31)
    y = x * x
    sine = x + (x * y) * poly(y, -1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4)
    cosine = f(1) - (
        f(0.5) * y
        - (y * y) * poly(y, 4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5)
    )
    sine, cosine = np.where(q % 2, cosine, sine), np.where(q % 2, sine, cosine)
    sine, cosine = np.where(q >= 2, -sine, sine), np.where((q == 1) | (q == 2), -cosine, cosine)
    z = np.stack([r * cosine, r * sine], axis=2).reshape(-1)
    return (f(mean) + f(std) * z)[:count]


def reference_truncated(seed, path, count, mean, std):
    """Single precision, bounds of two standard deviations."""
    f = np.float32
    w = (reference_words(seed, path, count) >> np.uint64(8)).ravel().astype(np.int64)
    v = (2 * w + 1 - 2**24).astype("f4") * f(2.0**-25)
    mass = 0.9544997361036416
    q = f(0) + f(mass) * v
    x = (f(0.5) - q) * (f(0.5) + q)
    p = (6.909255260960339, 4339.465247700828, 394264.15298723883, 7477010.536765928)
    n = poly(x, *p, 27843098.674548913, 10224542.967515025)
    p = (1, 800.0461318610849, 91355.32127344323, 2295695.262238458)
    d = poly(x, *p, 13024266.480517212, 11868194.544791844)
    x = f(mean) + f(std) * (q * n / d)
    return np.clip(x, f(mean - 2 * std), f(mean + 2 * std))[:count]


@pytest.fixture(params=[Stream(0), Stream([7, 2**90], "dense/kernel"), Stream(5, "π")])
def stream(request):
    return request.param


def test_words_are_those_of_the_page(stream):
    words = _core.philox_words(stream.seed, stream.path, 0, 1000)
    assert words.dtype == np.uint32
    np.testing.assert_array_equal(
        words, reference_words(stream.seed, stream.path, 1000).ravel()[:1000]
    )
    np.testing.assert_array_equal(
        _core.philox_words(stream.seed, stream.path, 70, 200), words[70:270]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniforms_are_those_of_the_page(stream, dtype):
    ours = RandomUniform(-0.3, 1.1)(5000, dtype, rng=stream)
    expected = reference_uniform(stream.seed, stream.path, dtype, 5000, -0.3, 1.1)
    np.testing.assert_array_equal(ours, expected)


def test_normals_are_those_of_the_page(stream):
    ours = RandomNormal(0.25, 1.5)(50_000, rng=stream)
    expected = reference_normal(stream.seed, stream.path, 50_000, 0.25, 1.5)
    np.testing.assert_array_equal(ours, expected)


def test_truncated_normals_are_those_of_the_page(stream):
    ours = TruncatedNormal(0.25, 1.5)(50_000, rng=stream)
    expected = reference_truncated(stream.seed, stream.path, 50_000, 0.25, 1.5)
    np.testing.assert_array_equal(ours, expected)


def reference_shuffle(seed, path, n):
    words = iter(reference_words(seed, path, 4 * n + 64).ravel().tolist())
    places = list(range(n))
    for m in range(n, 1, -1):
        product = next(words) * m
        while product % 2**32 < 2**32 % m:
            product = next(words) * m
        k = product >> 32
        places[m - 1], places[k] = places[k], places[m - 1]
    return places


@pytest.mark.parametrize("n", [0, 1, 2, 17, 3000])
def test_shuffles_are_those_of_the_page(stream, n):
    expected = reference_shuffle(stream.seed, stream.path, n)
    np.testing.assert_array_equal(_core.permutation(stream.seed, stream.path, n), expected)


@pytest.mark.parametrize("draw", [RandomUniform(-0.3, 1.1), RandomNormal(0.25, 1.5)])
def test_half_types_are_those_of_the_page(stream, draw):
    ours = draw(5000, "float16", rng=stream)
    np.testing.assert_array_equal(ours, draw(5000, "float32", rng=stream).astype("float16"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(7, 5), (300, 12), (784, 128), (70, 130), (90, 90), (6, 1)])
def test_orthogonal_matrices_are_those_of_the_page(stream, shape, dtype):
    vectors = RandomNormal(0, 1)((min(shape), max(shape)), dtype, rng=stream).astype(float)
    q, r = np.linalg.qr(vectors.T)
    q *= np.sign(np.diag(r))
    ours = Orthogonal()(shape, dtype, rng=stream)
    expected = q if shape[0] >= shape[1] else q.T
    np.testing.assert_allclose(ours, expected, rtol=0, atol=200 * np.finfo(dtype).eps)


def test_values_are_the_golden_ones():
    golden = json.loads((GOLDEN / "stream_v1.json").read_text(encoding="utf-8"))
    spec = importlib.util.spec_from_file_location("make", GOLDEN / golden["program"])
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert make.table() == golden


@pytest.fixture
def restore_runtime():
    level, threads = _core.simd_level(), _core.get_num_threads()
    yield
    _core.set_simd_level(level)
    _core.set_num_threads(threads)


@pytest.mark.usefixtures("restore_runtime")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("initializer", "shape"),
    [
        (RandomUniform(-1, 1), (1000, 301)),
        (RandomNormal(), (1000, 301)),
        (TruncatedNormal(), (1000, 301)),
        (Orthogonal(), (270, 260)),
    ],
)
def test_bits_do_not_depend_on_threads_or_instruction_set(initializer, shape, dtype):
    draws = set()
    for level in ("baseline", "avx2", "avx512"):
        _core.set_simd_level(level)
        for threads in (1, 2, 3):
            _core.set_num_threads(threads)
            draws.add(initializer(shape, dtype, rng=9).tobytes())
    assert len(draws) == 1


@settings(deadline=None)
@given(
    shape=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    more=st.integers(0, 300),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 2**200),
    path=st.text(max_size=9).filter(lambda text: text.isprintable()),
)
def test_an_element_depends_on_its_index_alone(shape, more, dtype, seed, path):
    stream = Stream(seed, path)
    size = math.prod(shape)
    for initializer in (RandomUniform(), RandomNormal(), TruncatedNormal()):
        some = initializer(shape, dtype, rng=stream)
        all_ = initializer(size + more, dtype, rng=stream)
        assert some.shape == shape
        assert some.dtype == dtype
        assert some.tobytes() == all_[:size].tobytes()
