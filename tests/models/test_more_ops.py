"""Further functions of `fanin.ops` and operators: against NumPy and differences, equal bits."""

import math
import operator
from decimal import Decimal, localcontext

import fanin
import numpy as np
import pytest
from fanin import _core, layers, ops
from fanin.errors import ShapeError
from hypothesis import given, settings
from hypothesis import strategies as st
from numerics import distance
from operations import check, model_of

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def within(*shape):
    return RNG.uniform(-0.95, 0.95, shape)


def above(*shape):
    return RNG.uniform(1.05, 4, shape)


def positive(*shape):
    return np.abs(RNG.normal(size=shape)) + 0.3


erf = np.vectorize(math.erf)
ROW, TABLE = RNG.normal(size=4), RNG.normal(size=(3, 4))
KERNEL, CUBE = RNG.normal(size=(4, 5)), RNG.normal(size=(3, 4, 5))


def largest(x, k):
    return -np.sort(-x, -1)[..., :k]


# What is done with values and, by NumPy, with arrays; and the arrays.
ONE = {
    **{
        name: (getattr(ops, name), getattr(np, name), draw)
        for name, draw in {
            **dict.fromkeys(["sin", "cos", "tan", "arctan", "sinh", "cosh", "arcsinh"], normal),
            **dict.fromkeys(["floor", "ceil", "round", "trunc"], normal),
            **dict.fromkeys(["arcsin", "arccos", "arctanh"], within),
            **dict.fromkeys(["log2", "log10"], positive),
            "arccosh": above,
            "isnan": normal,
            "isinf": normal,
            "isfinite": normal,
        }.items()
    },
    "erf": (ops.erf, erf, normal),
    "round to tenths": (lambda x: ops.round(x, 1), lambda x: np.round(x, 1), normal),
    "round to tens": (lambda x: ops.round(x * 99, -1), lambda x: np.round(x * 99, -1), normal),
    "logaddexp": (lambda x: ops.logaddexp(x, 2 * x), lambda x: np.logaddexp(x, 2 * x), normal),
    "arctan2": (lambda x: ops.arctan2(x, ROW), lambda x: np.arctan2(x, ROW), normal),
    "mod": (lambda x: x % 0.7, lambda x: x % 0.7, normal),
    "mod of a number": (lambda x: 2.5 % x, lambda x: 2.5 % x, positive),
    "floor_divide": (lambda x: x // 0.3, lambda x: x // 0.3, normal),
    "floor_divide a number": (lambda x: 3 // x, lambda x: 3 // x, positive),
    "2 ** x": (lambda x: 2**x, lambda x: 2**x, normal),
    "x ** row": (lambda x: x**ROW, lambda x: x**ROW, positive),
    "x ** x": (lambda x: ops.power(x, x), lambda x: x**x, positive),
    "abs": (abs, abs, normal),
    "clip above": (lambda x: ops.clip(x, None, 0.5), lambda x: np.clip(x, None, 0.5), normal),
    "clip below": (lambda x: ops.clip(x, -0.5, None), lambda x: np.clip(x, -0.5, None), normal),
    "clip to rows": (
        lambda x: ops.clip(x, ROW, ROW + 1), lambda x: np.clip(x, ROW, ROW + 1), normal
    ),
    "prod": (lambda x: ops.prod(x, -1), lambda x: x.prod(-1), normal),
    "prod of axis 1": (lambda x: ops.prod(x, 1, True), lambda x: x.prod(1, keepdims=True), normal),
    "cumsum": (lambda x: ops.cumsum(x, -1), lambda x: x.cumsum(-1), normal),
    "cumsum of axis 1": (lambda x: ops.cumsum(x, 1), lambda x: x.cumsum(1), normal),
    "any": (lambda x: ops.any(x > 1, -1), lambda x: (x > 1).any(-1), normal),
    "all": (
        lambda x: ops.all(x > -1, (1, 2), True),
        lambda x: (x > -1).all((1, 2), keepdims=True),
        normal,
    ),
    "count_nonzero": (lambda x: ops.count_nonzero(x > 0, -1), lambda x: (x > 0).sum(-1), normal),
    "average": (
        lambda x: ops.average(x, 1, np.arange(1.0, 4)),
        lambda x: np.average(x, 1, np.arange(1.0, 4)),
        normal,
    ),
    "variance of moments": (lambda x: ops.moments(x, -1)[1], lambda x: x.var(-1), normal),
    "norm of order 1": (
        lambda x: ops.norm(x, 1, -1), lambda x: np.linalg.norm(x, 1, -1), normal
    ),
    "norm of order 3": (
        lambda x: ops.norm(x, 3, 1, True), lambda x: np.linalg.norm(x, 3, 1, True), normal
    ),
    "largest size": (
        lambda x: ops.norm(x, np.inf, -1), lambda x: np.linalg.norm(x, np.inf, -1), normal
    ),
    "sort": (ops.sort, lambda x: np.sort(x, -1), normal),
    "sort of axis 1": (lambda x: ops.sort(x, 1), lambda x: np.sort(x, 1), normal),
    "argsort": (ops.argsort, lambda x: np.argsort(x, -1), normal),
    "values of top_k": (lambda x: ops.top_k(x, 2).values, lambda x: largest(x, 2), normal),
    "places of top_k": (
        lambda x: ops.top_k(x, 2).indices, lambda x: np.argsort(-x, -1)[..., :2], normal
    ),
    "repeat": (lambda x: ops.repeat(x, 2, -1), lambda x: np.repeat(x, 2, -1), normal),
    "repeat some": (
        lambda x: ops.repeat(x, [1, 0, 2], 1), lambda x: np.repeat(x, [1, 0, 2], 1), normal
    ),
    "tile": (lambda x: ops.tile(x, (1, 2, 3)), lambda x: np.tile(x, (1, 2, 3)), normal),
    "pad": (
        lambda x: ops.pad(x, ((0, 0), (1, 0), (2, 1)), constant_values=2.0),
        lambda x: np.pad(x, ((0, 0), (1, 0), (2, 1)), constant_values=2.0),
        normal,
    ),
    "pad by mirrors": (
        lambda x: ops.pad(x, ((0, 0), (0, 0), (2, 1)), "reflect"),
        lambda x: np.pad(x, ((0, 0), (0, 0), (2, 1)), "reflect"),
        normal,
    ),
    "roll": (lambda x: ops.roll(x, 1, -1), lambda x: np.roll(x, 1, -1), normal),
    "broadcast_to": (
        lambda x: ops.broadcast_to(x[:, :1], (-1, 2, 4)) * TABLE[:2],
        lambda x: np.broadcast_to(x[:, :1], (6, 2, 4)) * TABLE[:2],
        normal,
    ),
    "unstack": (lambda x: ops.unstack(x, axis=1)[2], lambda x: x[:, 2], normal),
    "take_along_axis": (
        lambda x: ops.take_along_axis(x, ops.argsort(x, 1), 1), lambda x: np.sort(x, 1), normal
    ),
    "part by a list": (lambda x: x[:, [2, 0]], lambda x: x[:, [2, 0]], normal),
    "part by a table": (
        lambda x: x[..., np.array([[0, 3], [1, -1]])], lambda x: x[..., [[0, 3], [1, -1]]], normal
    ),
    "part by flags": (
        lambda x: x[:, np.array([True, False, True])], lambda x: x[:, [True, False, True]], normal
    ),
    "part by a number and a list": (lambda x: x[:, 1, [3, 1]], lambda x: x[:, 1, [3, 1]], normal),
    "part backwards": (lambda x: x[:, ::-1, 3:0:-2], lambda x: x[:, ::-1, 3:0:-2], normal),
    "dot": (lambda x: ops.dot(x, KERNEL), lambda x: np.dot(x, KERNEL), normal),
    "einsum of a kernel": (
        lambda x: ops.einsum("bij,jk->bik", x, KERNEL), lambda x: x @ KERNEL, normal
    ),
    "einsum of both axes": (
        lambda x: ops.einsum("ijk,bij->bk", CUBE, x),
        lambda x: np.einsum("ijk,bij->bk", CUBE, x),
        normal,
    ),
    "einsum of a sum": (lambda x: ops.einsum("bij->bj", x), lambda x: x.sum(1), normal),
    "einsum of rows": (
        lambda x: ops.einsum("bij,bkj->bki", x, x),
        lambda x: np.einsum("bij,bkj->bki", x, x),
        normal,
    ),
    "einsum of diagonals": (
        lambda x: ops.einsum("bij,bij->bi", x, x), lambda x: (x * x).sum(-1), normal
    ),
    "einsum of all pairs": (
        lambda x: ops.einsum("bi,bj->bij", x[:, 0], x[:, 1]),
        lambda x: x[:, 0, :, None] * x[:, 1, None],
        normal,
    ),
    "tensordot": (lambda x: ops.tensordot(x, KERNEL, 1), lambda x: x @ KERNEL, normal),
    "relu6": (lambda x: ops.relu6(4 * x), lambda x: np.clip(4 * x, 0, 6), normal),
    "hard_sigmoid": (
        lambda x: ops.hard_sigmoid(2 * x), lambda x: np.clip(x / 3 + 0.5, 0, 1), normal
    ),
    "hard_silu": (
        lambda x: ops.hard_silu(2 * x), lambda x: 2 * x * np.clip(x / 3 + 0.5, 0, 1), normal
    ),
    "hard_tanh": (ops.hard_tanh, lambda x: np.clip(x, -1, 1), normal),
    "logical_xor": (lambda x: (x > 0) ^ (x < 1), lambda x: (x > 0) ^ (x < 1), normal),
    "and": (lambda x: (x > 0) & (x < 1), lambda x: (x > 0) & (x < 1), normal),
    "or": (lambda x: (x > 1) | (x < 0), lambda x: (x > 1) | (x < 0), normal),
    "not": (lambda x: ~(x > 0), lambda x: ~(x > 0), normal),
    "isclose": (
        lambda x: ops.isclose(x, ops.round(x), atol=0.1),
        lambda x: np.isclose(x, np.round(x), atol=0.1),
        normal,
    ),
    "cast to whole numbers": (lambda x: ops.cast(x, "int32"), lambda x: x.astype(int), normal),
    "one_hot": (
        lambda x: ops.one_hot(ops.cast(abs(x), "int32"), 3),
        lambda x: np.abs(x).astype(int)[..., None] == np.arange(3),
        normal,
    ),
    "one_hot of axis 1": (
        lambda x: ops.one_hot(ops.cast(abs(x), "int32"), 3, axis=1),
        lambda x: np.abs(x).astype(int)[:, None] == np.arange(3)[:, None, None],
        normal,
    ),
}  # fmt: skip
FLAT = {
    *("floor", "ceil", "round", "trunc", "isnan", "isinf", "isfinite"),
    *("any", "all", "count_nonzero", "argsort"),
    *("round to tenths", "round to tens", "floor_divide", "floor_divide a number", "and", "or"),
    *("not", "logical_xor", "isclose", "cast to whole numbers", "one_hot", "one_hot of axis 1"),
    "places of top_k",
}
WEIGHTS = ("row", "arctan2", "einsum of a kernel", "einsum of both", "dot", "broadcast", "average")


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_value(name):
    function, expected, draw = ONE[name]
    x = draw(6, 3, 4)
    check(model_of(function, (3, 4)), [x], np.asarray(expected(x), float), name in FLAT)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_have_the_bits_of_a_network(name, dtype):
    function, expected, draw = ONE[name]
    x = draw(6, 3, 4).astype(dtype)
    if dtype == "float32" and any(word in name for word in WEIGHTS):
        pytest.skip("constants of float64 make it float64")
    if "broadcast" in name or name in ("2 ** x", "x ** row"):
        pytest.skip("of arrays it is another shape, or NumPy's operator")
    found = np.asarray(function(x), dtype)
    if name == "cast to whole numbers":
        found = np.copysign(found, x)  # whole numbers have no zero with a sign
    assert found.tobytes() == model_of(function, (3, 4), dtype=dtype)(x).tobytes()
    if name not in FLAT:
        tolerance = 1e-12 if dtype == "float64" else 4e-6
        assert distance(found.astype(float), np.asarray(expected(x.astype(float)))) < tolerance


def test_a_network_has_the_same_bits_for_any_number_of_threads_and_level():
    def network(x, z):
        y = ops.sin(ops.cumsum(x, 1)) * 2**z + ops.arctan2(x, z) % 0.3
        y = ops.sort(y, 1) + ops.erf(y) * ops.prod(z, 1, keepdims=True)
        return ops.concatenate([ops.top_k(y, 3).values, ops.einsum("bij,bkj->bik", y, y)], -1)

    model = model_of(network, (7, 4), (7, 1), dtype="float32")
    xs = [normal(300, *shape).astype("float32") for shape in ((7, 4), (7, 1))]
    dy = normal(300, 7, 10).astype("float32")
    level, expected = _core.simd_level(), None
    try:
        for name in ("baseline", "avx2", "avx512"):
            _core.set_simd_level(name)
            for threads in (1, 2, 3):
                y, cache = model.forward(xs, threads=threads)
                dx, _ = model.backward(dy, cache, threads=threads)
                found = [a.tobytes() for a in (y, *dx)]
                expected = expected or found
                assert found == expected, (name, threads)
    finally:
        _core.set_simd_level(level)


NUMBERS = [
    *(0, -0.0, 0.5, -0.5, 1, -1, 1.5, 2.5, -2.5, 3, 1e5, -1e5, 1e22, 5e-324, 1e-310, 1e-40),
    *(math.inf, -math.inf, math.nan),
]


EDGES = (
    "sin cos tan arcsin arccos arctan sinh cosh arcsinh arccosh arctanh log2 log10 floor ceil "
    "round trunc isnan isinf isfinite"
)


@pytest.mark.parametrize("name", EDGES.split())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_at_the_edge_are_those_of_numpy(name, dtype):
    with np.errstate(all="ignore"):
        x = np.array(NUMBERS, dtype)
        expected = getattr(np, name)(x.astype(float)).astype(dtype if "is" not in name else bool)
    found = getattr(ops, name)(x)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps)


def arctan_of_inverse(n):
    """Return arctan(1/n) to 390 digits."""
    total, power, k = Decimal(0), Decimal(1) / n, 0
    while power > Decimal(10) ** -390:
        total += (-1) ** k * power / (2 * k + 1)
        power /= n * n
        k += 1
    return total


@pytest.mark.parametrize(
    "x", [1.0, 1e5, 2.0**40, 1e22, 1.7e300, 355.0, 6381956970095103.0 * 2.0**797]
)
def test_sines_of_any_angle_are_good_to_the_last_place(x):
    with localcontext() as context:
        context.prec = 400
        turn = 8 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))  # Machin's formula
        rest = Decimal(x) % turn
        sine, term, n = Decimal(0), rest, 1
        while abs(term) > Decimal(10) ** -60:
            sine += term
            term *= -rest * rest / ((n + 1) * (n + 2))
            n += 2
        found = float(ops.sin(x))
        assert abs(Decimal(found) - sine) <= Decimal(np.spacing(abs(found)))


@settings(deadline=None, max_examples=200)
@given(
    st.floats(-1e9, 1e9, allow_subnormal=False),
    st.floats(-1e3, 1e3, allow_subnormal=False).filter(lambda b: abs(b) > 1e-3),
)
def test_remainders_are_those_of_python(a, b):
    assert float(ops.mod(a, b)) == pytest.approx(a % b, abs=abs(b) * 1e-15)
    assert float(ops.floor_divide(a, b)) == a // b
    assert ops.mod(np.array([a]), b)[0] == np.mod(np.array([a]), b)[0]


def test_remainders_and_powers_at_the_edge_are_those_of_numpy():
    a, b = (
        np.array(part) for part in zip(*[(x, y) for x in NUMBERS for y in NUMBERS], strict=True)
    )
    with np.errstate(all="ignore"):
        for name in ("mod", "floor_divide", "power", "arctan2"):
            found, expected = getattr(ops, name)(a, b), getattr(np, name)(a, b)
            np.testing.assert_allclose(found, expected, rtol=1e-14, err_msg=name)


def test_gradients_of_powers_at_the_edge():
    model = model_of(lambda x: x ** np.array([0.0, 2.0, 3.0]), (3,))
    dx, _ = model.backward(np.ones((1, 3)), model.forward(np.zeros((1, 3)))[1])
    assert dx.tolist() == [[0, 0, 0]]
    model = model_of(lambda x: 0.0**x, (2,))
    dx, _ = model.backward(np.ones((1, 2)), model.forward(np.array([[0.0, 2.0]]))[1])
    assert dx.tolist() == [[0, 0]]


def test_gradients_of_a_product_are_exact_at_zeros():
    model = model_of(lambda x: ops.prod(x, -1, keepdims=True), (3,))
    for x, expected in (([2, 0, 3], [0, 6, 0]), ([0, 0, 3], [0, 0, 0]), ([2, 3, 4], [12, 8, 6])):
        dx, _ = model.backward([[1.0]], model.forward(np.array([x], float))[1])
        assert dx.tolist() == [expected]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, math.inf, math.nan]), min_size=1, max_size=9
    ),
    st.integers(1, 9),
)
def test_order_is_that_of_numpy_with_equal_numbers_and_nan(numbers, k):
    x = np.array([numbers])
    count = min(k, len(numbers))
    model = model_of(ops.argsort, x.shape[1:])
    assert model(x)[0].tolist() == np.argsort(x, -1, kind="stable")[0].tolist()
    np.testing.assert_array_equal(model_of(ops.sort, x.shape[1:])(x), np.sort(x, -1))
    found = ops.top_k(x, count)
    np.testing.assert_array_equal(found.values, x[:, found.indices[0]])
    again = model_of(lambda v: ops.top_k(v, count).indices, x.shape[1:])(x)
    assert again[0].tolist() == found.indices[0].tolist()


def test_kinds_of_arrays_stay_where_numbers_are_moved_alone():
    x = np.array([3, 1, 2])
    for found in (ops.sort(x), ops.repeat(x, 2), ops.tile(x, 2), ops.pad(x, 1), ops.roll(x, 1)):
        assert found.dtype == x.dtype
    assert ops.argsort(x).dtype == ops.top_k(x, 2).indices.dtype == np.int64
    assert ops.isnan(x).dtype == ops.any(x).dtype == bool
    assert ops.cumsum(x, dtype="int32").dtype == np.int32
    assert (ops.size(x), ops.ndim(x)) == (3, 1)
    assert (ops.average(x), ops.prod(x), ops.outer(x, x).shape) == (2, 6, (3, 3))
    assert ops.linspace(0, 1, 5)[1] == 0.25
    assert ops.eye(2, 3, 1)[0].tolist() == [0, 1, 0]


def test_ranks_of_classes():
    p = np.array([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]])
    y = np.array([2, 0, 2])
    assert ops.in_top_k(y, p, 1).tolist() == [False, False, False]
    assert ops.in_top_k(y, p, 2).tolist() == [True, True, False]
    assert ops.in_top_k(np.array([3, -1, 0]), p, 3).tolist() == [False, False, True]


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_einsum_of_arrays_is_that_of_numpy(data):
    letters = "abcde"
    lengths = dict(
        zip(letters, data.draw(st.lists(st.integers(1, 3), min_size=5, max_size=5)), strict=True)
    )
    terms = [
        "".join(data.draw(st.lists(st.sampled_from(letters), unique=True, min_size=1, max_size=4)))
        for _ in range(data.draw(st.integers(1, 2)))
    ]
    result = "".join(data.draw(st.lists(st.sampled_from(sorted(set("".join(terms)))), unique=True)))
    arrays = [normal(*(lengths[letter] for letter in term)) for term in terms]
    for words in (f"{','.join(terms)}->{result}", ",".join(terms)):
        np.testing.assert_allclose(
            ops.einsum(words, *arrays), np.einsum(words, *arrays), rtol=1e-12, atol=1e-13
        )


def test_operators_of_values_and_flags():
    x = normal(5, 4)
    model = model_of(lambda v: (v > 0) & True | (v < -1), (4,))
    np.testing.assert_array_equal(model(x), ((x > 0) | (x < -1)) * 1.0)
    inputs = fanin.Input((4,))
    for wrong in (lambda: inputs & "a", lambda: inputs % None, lambda: "a" // inputs):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(TypeError, match="True or False"):
        0 < inputs < 1  # noqa: B015
    assert operator.index(inputs[:, [0, 2]].sample[0]) == 2


def test_a_layer_of_a_users_uses_them():
    class Waves(layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], 3), name="kernel")

        def call(self, x):
            angles = ops.einsum("bi,ij->bj", x, self.kernel)
            return ops.concatenate([ops.sin(angles), ops.cos(angles), x[:, [0]] % 1.0], axis=-1)

    model = fanin.Sequential([fanin.Input((4,), dtype="float64"), Waves()], rng=0)
    x = normal(6, 4)
    angles = x @ model.layers[0].kernel.numpy()
    expected = np.concatenate([np.sin(angles), np.cos(angles), x[:, :1] % 1], -1)
    assert distance(model(x), expected) < 1e-12


VALUE, MATRICES = fanin.Input((4,)), fanin.Input((3, 4))
REFUSED = {
    "sums of batches": (lambda: ops.cumsum(VALUE, 0), ValueError, "the batch"),
    "order of batches": (lambda: ops.sort(VALUE, 0), ValueError, "the batch"),
    "more than there are": (lambda: ops.top_k(VALUE, 5), ValueError, "k: expected"),
    "repeated batches": (lambda: ops.repeat(VALUE, 2, 0), ValueError, "the batch"),
    "repeated rows of all": (lambda: ops.repeat(VALUE, 2), ValueError, "axis: expected"),
    "counts that do not fit": (lambda: ops.repeat(VALUE, [1, 2], 1), ShapeError, "repeats"),
    "tiled batches": (lambda: ops.tile(VALUE, (2, 1)), ValueError, "the batch"),
    "more axes": (lambda: ops.tile(VALUE, (1, 2, 2)), ShapeError, "repeats"),
    "padded batches": (lambda: ops.pad(VALUE, 1), ValueError, "the batch"),
    "an unknown mode": (lambda: ops.pad(VALUE, ((0, 0), (1, 1)), "magic"), ValueError, "mode"),
    "a shape that does not meet": (
        lambda: ops.broadcast_to(VALUE, (-1, 3)), ShapeError, "target_shape"
    ),
    "a shape without the batch": (
        lambda: ops.broadcast_to(VALUE, (2, 4)), ValueError, "-1 or None"
    ),
    "a product of batches": (lambda: ops.outer(VALUE, VALUE), ShapeError, "no batch"),
    "a batch that is summed": (
        lambda: ops.einsum("bi,bj->ij", VALUE, VALUE), ValueError, "subscripts"
    ),
    "a letter twice": (lambda: ops.einsum("bii->b", MATRICES), ValueError, "subscripts"),
    "letters of nothing": (lambda: ops.einsum("bi->bk", VALUE), ValueError, "subscripts"),
    "too few letters": (lambda: ops.einsum("b->b", VALUE), ShapeError, "1 axes"),
    "too few operands": (lambda: ops.einsum("bi,bj->b", VALUE), ValueError, "operands"),
    "lengths that differ": (
        lambda: ops.einsum("bi,ij->bj", VALUE, np.ones((3, 2))), ShapeError, "one length for i"
    ),
    "two lists": (lambda: MATRICES[:, [0, 1], [0, 1]], IndexError, "one list"),
    "flags of another length": (lambda: VALUE[:, [True, False]], IndexError, "flags"),
    "an empty list": (lambda: VALUE[:, np.zeros(0, int)], IndexError, "empty list"),
    "a place that is not there": (lambda: VALUE[:, [0, 4]], ValueError, "index"),
    "a list of parts": (lambda: VALUE[:, [0.5]], TypeError, "index"),
    "a size of batches": (lambda: ops.size(VALUE), ValueError, "axis"),
    "an order below 1": (lambda: ops.norm(VALUE, 0.5, -1), ValueError, "ord"),
    "an order of matrices": (lambda: ops.norm(MATRICES, 2, (1, 2)), ValueError, "ord"),
    "places without axes": (
        lambda: ops.take_along_axis(MATRICES, [0], 1), ShapeError, "as many axes"
    ),
    "ranks of matrices": (lambda: ops.in_top_k(VALUE, VALUE, 1), ShapeError, "targets"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_computed_is_refused(what):
    refused, error, words = REFUSED[what]
    with pytest.raises(error, match=words):
        refused()
