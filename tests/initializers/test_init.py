"""fanin.init on NumPy arrays and on memory of other kinds, without torch."""

import array
import math
import mmap

import numpy as np
import pytest
from fanin import init, initializers, streams
from hypothesis import given
from hypothesis import strategies as st

RANDOM = {
    "uniform_": {},
    "normal_": {},
    "trunc_normal_": {},
    "xavier_uniform_": {},
    "xavier_normal_": {},
    "kaiming_uniform_": {},
    "kaiming_normal_": {},
    "orthogonal_": {},
    "sparse_": {"sparsity": 0.5},
}
FIXED = {"constant_": {"val": 2.0}, "ones_": {}, "zeros_": {}, "eye_": {}}
ALL = RANDOM | FIXED


@pytest.mark.parametrize("name", ALL)
def test_fills_in_place_and_returns_what_it_was_given(name):
    w = np.full((6, 4), np.nan, "float32")
    assert getattr(init, name)(w, **ALL[name]) is w
    assert np.isfinite(w).all()


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_the_same_seed_gives_the_same_values_in_memory_of_any_layout(name, dtype):
    expected = getattr(init, name)(np.empty((6, 4), dtype), **RANDOM[name], generator=7)
    for base, view in [
        (np.zeros((4, 6), dtype), lambda a: a.T),
        (np.zeros((12, 8), dtype), lambda a: a[::2, 1::2]),
        (np.zeros((6, 4), dtype), lambda a: a[::-1, ::-1]),
        (np.zeros((6, 4), dtype, order="F"), lambda a: a),
    ]:
        getattr(init, name)(view(base), **RANDOM[name], generator=7)
        np.testing.assert_array_equal(view(base), expected)


def test_elements_beside_a_view_stay_as_they_were():
    base = np.full((10, 10), 5.0)
    init.normal_(base[2:5, ::3])
    rest = np.ones((10, 10), bool)
    rest[2:5, ::3] = False
    assert (base[rest] == 5).all()


@pytest.mark.parametrize(
    ("name", "options", "variance"),
    [
        ("xavier_uniform_", {}, 2 / (12 * 300 + 12 * 200)),
        ("xavier_normal_", {"gain": 3.0}, 9 * 2 / (12 * 300 + 12 * 200)),
        ("kaiming_uniform_", {}, 2 / (12 * 300)),
        ("kaiming_normal_", {"nonlinearity": "relu"}, 2 / (12 * 300)),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "linear"}, 1 / (12 * 200)),
        ("kaiming_uniform_", {"a": 1.0}, 1 / (12 * 300)),
    ],
)
def test_fans_are_those_of_torchs_layout(name, options, variance):
    w = getattr(init, name)(np.empty((200, 300, 3, 4)), **options, generator=0)
    assert w.var() == pytest.approx(variance, rel=0.01)


def test_other_memory():
    for memory in (array.array("d", bytes(8 * 20)), bytearray(40), mmap.mmap(-1, 4096)):
        view = memoryview(memory)
        if view.format != "d":
            view = view.cast("B").cast("d")
        init.normal_(view, generator=0)
        expected = init.normal_(np.empty(len(view)), generator=0)
        np.testing.assert_array_equal(np.asarray(view), expected)


class Dlpack:
    """An array that speaks nothing but DLPack."""

    def __init__(self, values, device=(1, 0)):
        self.values, self.device = values, device

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device


class UnversionedDLPack(Dlpack):
    """The same as before version 1.0, whose capsules do not say whether they may be written to."""

    def __dlpack__(self, stream=None):
        return self.values.__dlpack__()


def test_dlpack_before_version_one_is_refused_with_the_reason():
    values = np.zeros((3, 4), "f4")
    with pytest.raises(ValueError, match=r"tensor: .*DLPack before version 1\.0"):
        init.normal_(UnversionedDLPack(values))
    assert not values.any()


def test_dlpack():
    values = np.zeros((4, 3), "float32")
    given_ = Dlpack(values)
    assert init.uniform_(given_, generator=1) is given_
    assert (values > 0).all()
    with pytest.raises(ValueError, match="CPU"):
        init.uniform_(Dlpack(np.zeros(3), device=(2, 0)))


def test_generators_of_numpy_and_replays():
    w = init.normal_(np.empty((3, 4)), 1.0, 2.0, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(w, np.random.default_rng(0).normal(1.0, 2.0, (3, 4)))
    w = init.uniform_(np.empty((2, 2), "float32"), generator=streams.torch_cpu(0))
    expected = [
        [0.4962566, 0.7682218],
        [0.08847743, 0.13203049],
    ]  # torch.manual_seed(0); rand(2, 2)
    np.testing.assert_allclose(w, expected, rtol=1e-6)


@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 20))
def test_equal_to_the_initializers_of_keras_layout_transposed(seed, rows, columns):
    w = init.kaiming_normal_(np.empty((rows, columns)), nonlinearity="relu", generator=seed)
    std = math.sqrt(2 / columns)
    expected = initializers.RandomNormal(0.0, std)((rows, columns), "float64", rng=seed)
    np.testing.assert_allclose(w, expected, rtol=1e-15)


def test_eye_and_dirac():
    np.testing.assert_array_equal(init.eye_(np.empty((3, 5))), np.eye(3, 5))
    kernel = init.dirac_(np.full((4, 2, 3, 3), np.nan), groups=2)
    assert kernel.sum() == 4
    assert [kernel[i, i % 2, 1, 1] for i in range(4)] == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: np.broadcast_to(0.0, (4, 4)), ValueError, "read-only"),
        (
            lambda: np.lib.stride_tricks.as_strided(np.zeros(4), (4, 4), (0, 8)),
            ValueError,
            "memory",
        ),
        (lambda: np.zeros((4, 4), "S3"), TypeError, "expected an array of"),
        (lambda: np.zeros((4, 4), complex), TypeError, "expected an array of"),
        (lambda: [[0.0, 1.0], [2.0, 3.0]], TypeError, "expected an array"),
        (lambda: None, TypeError, "expected an array"),
        (lambda: b"bytes of text", ValueError, "read-only"),
    ],
)
def test_refused(name, make, error, message):
    with pytest.raises(error, match=f"tensor: .*{message}"):
        getattr(init, name)(make(), **ALL[name])


@pytest.mark.parametrize("name", RANDOM)
def test_integers_are_refused_and_not_touched(name):
    w = np.full((3, 3), 7)
    with pytest.raises(TypeError, match="tensor: expected an array of float32"):
        getattr(init, name)(w, **RANDOM[name])
    assert (w == 7).all()


def test_integers_take_constants_that_they_hold():
    np.testing.assert_array_equal(init.ones_(np.zeros(3, int)), 1)
    with pytest.raises(ValueError, match="val"):
        init.constant_(np.zeros(3, int), 0.5)
    with pytest.raises(TypeError, match="val"):
        init.constant_(np.zeros(3), "1")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: init.uniform_(w, 2, 1), "a and b"),
        (lambda w: init.uniform_(w, float("nan"), 1), "a"),
        (lambda w: init.normal_(w, 0, -1), "std"),
        (lambda w: init.trunc_normal_(w, 0, 1, 2, -2), "a and b"),
        (lambda w: init.kaiming_normal_(w, mode="fan_avg"), "Mode fan_avg not supported"),
        (lambda w: init.kaiming_normal_(w, nonlinearity="gelu"), "Unsupported nonlinearity gelu"),
        (lambda w: init.sparse_(w, 1.5), "sparsity"),
        (lambda w: init.normal_(w, generator=-1), "generator: expected a whole number"),
        (lambda w: init.normal_(w, generator="torch"), "generator"),
    ],
)
def test_bad_arguments_leave_the_array_as_it_was(call, message):
    w = np.full((3, 4), 7.0)
    with pytest.raises((ValueError, TypeError), match=message):
        call(w)
    assert (w == 7).all()


def test_warnings():
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        init.kaiming_normal_(np.empty((0, 4)))
    with pytest.warns(UserWarning, match="more than 2 std"):
        w = init.trunc_normal_(np.empty((50, 50)), mean=6.0, generator=0)
    assert w.min() >= -2
    assert w.max() <= 2
    assert w.mean() > 1.5  # and the values are right
    with pytest.warns(FutureWarning, match=r"`nn\.init\.uniform` is now deprecated"):
        init.uniform(np.empty(3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda t: init.constant_(t.astype("float16"), 1e6), ValueError, "val: .*float16 holds"),
        (lambda t: init.constant_(t.astype("float32"), 1e300), ValueError, "val: .*float32 holds"),
        (lambda t: init.constant_(t, None), TypeError, "val: expected a number, found None"),
        (lambda t: init.constant_(t, 1j), TypeError, "val: expected a number, found 1j"),
        (lambda t: init.trunc_normal_(t, 0, 1, 2, -2), ValueError, "a and b: .*2 and -2"),
        (lambda t: init.trunc_normal_(t, std=0), ValueError, "std: expected a number above 0"),
        (lambda t: init.xavier_uniform_(t, gain=-1), ValueError, "gain: .*at least 0, found -1"),
        (lambda t: init.kaiming_normal_(t, a=math.nan), ValueError, "a: expected a finite number"),
        (lambda t: init.normal_(t, generator="a"), TypeError, "generator: expected None"),
        (lambda t: init.calculate_gain(["relu"]), ValueError, "Unsupported nonlinearity"),
        (lambda t: initializers.HeNormal(seed=1.5), TypeError, "seed: expected None"),
    ],
)
def test_errors_name_the_argument_that_was_given(call, error, words):
    tensor = np.full((3, 4), 7.0)
    with pytest.raises(error, match=words):
        call(tensor)
    assert (tensor == 7.0).all()


def test_infinity_is_a_constant_and_groups_any_whole_number():
    assert np.isposinf(init.constant_(np.zeros(2, "float16"), math.inf)).all()
    kernel = init.dirac_(np.empty((4, 2, 3)), groups=np.int64(2))
    np.testing.assert_array_equal(kernel, init.dirac_(np.empty((4, 2, 3)), groups=2))
