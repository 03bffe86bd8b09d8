"""Functions of `fanin.ops`: values against NumPy, gradients against differences, equal bits."""

import fanin
import numpy as np
import pytest
from fanin import _core, layers, ops
from fanin.errors import ShapeError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numerics import distance
from operations import check, model_of

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def positive(*shape):
    return np.abs(RNG.normal(size=shape)) + 0.3


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def unit(x, axis):
    return x / np.sqrt((x**2).sum(axis, keepdims=True))


CONSTANT = RNG.normal(size=(3, 4))
MATRIX, ROW = RNG.normal(size=(4, 5)), RNG.normal(size=4)

# What is done with values and, by NumPy, with arrays; and the arrays.
ONE = {
    "absolute": (ops.absolute, np.abs, normal),
    "exp": (ops.exp, np.exp, normal),
    "expm1": (ops.expm1, np.expm1, normal),
    "log": (ops.log, np.log, positive),
    "log1p": (ops.log1p, np.log1p, positive),
    "negative": (ops.negative, np.negative, normal),
    "sign": (ops.sign, np.sign, normal),
    "sqrt": (ops.sqrt, np.sqrt, positive),
    "rsqrt": (ops.rsqrt, lambda x: 1 / np.sqrt(x), positive),
    "reciprocal": (ops.reciprocal, lambda x: 1 / x, positive),
    "square": (ops.square, np.square, normal),
    "power of 3": (lambda x: ops.power(x, 3), lambda x: x**3, normal),
    "power of -2": (lambda x: ops.power(x, -2), lambda x: x**-2, positive),
    "power of 1.7": (lambda x: ops.power(x, 1.7), lambda x: x**1.7, positive),
    "power of 0.5": (lambda x: ops.power(x, 0.5), lambda x: x**0.5, positive),
    "power of 99": (lambda x: ops.power(x, 99), lambda x: x**99, lambda *s: normal(*s) / 9 - 1),
    "clip": (lambda x: ops.clip(x, -0.5, 0.7), lambda x: np.clip(x, -0.5, 0.7), normal),
    "logical_not": (ops.logical_not, lambda x: (x == 0) * 1.0, normal),
    "full_like": (lambda x: ops.full_like(x, 2), lambda x: np.full_like(x, 2), normal),
    "relu": (ops.relu, lambda x: np.maximum(x, 0), normal),
    "leaky_relu": (ops.leaky_relu, lambda x: np.where(x > 0, x, 0.2 * x), normal),
    "elu": (lambda x: ops.elu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)), normal),
    "silu": (ops.silu, lambda x: x / (1 + np.exp(-x)), normal),
    "sigmoid": (ops.sigmoid, lambda x: 1 / (1 + np.exp(-x)), normal),
    "log_sigmoid": (ops.log_sigmoid, lambda x: -np.log1p(np.exp(-x)), normal),
    "tanh": (ops.tanh, np.tanh, normal),
    "softplus": (ops.softplus, lambda x: np.log1p(np.exp(x)), normal),
    "softsign": (ops.softsign, lambda x: x / (1 + np.abs(x)), normal),
    "softmax": (ops.softmax, softmax, normal),
    "softmax of axis 1": (lambda x: ops.softmax(x, 1), lambda x: softmax(x, 1), normal),
    "log_softmax": (ops.log_softmax, lambda x: np.log(softmax(x)), normal),
    "add a number": (lambda x: x + 1.5, lambda x: x + 1.5, normal),
    "from a number": (lambda x: 1.5 - x, lambda x: 1.5 - x, normal),
    "by a number": (lambda x: x / 3, lambda x: x / 3, normal),
    "a number by": (lambda x: 3 / x, lambda x: 3 / x, positive),
    "add an array": (lambda x: x + CONSTANT, lambda x: x + CONSTANT, normal),
    "times a row": (lambda x: ROW * x, lambda x: x * ROW, normal),
    "by an array": (lambda x: CONSTANT / x, lambda x: CONSTANT / x, positive),
    "maximum": (lambda x: ops.maximum(x, 0.2), lambda x: np.maximum(x, 0.2), normal),
    "minimum": (lambda x: ops.minimum(ROW, x), lambda x: np.minimum(ROW, x), normal),
    "greater": (lambda x: ops.greater(x, ROW), lambda x: (x > ROW) * 1.0, normal),
    "where": (
        lambda x: ops.where(x > 0, ops.square(x), -1.0),
        lambda x: np.where(x > 0, x**2, -1.0),
        normal,
    ),
    "sum": (lambda x: ops.sum(x, -1), lambda x: x.sum(-1), normal),
    "sum of axis 1": (
        lambda x: ops.sum(x, 1, keepdims=True),
        lambda x: x.sum(1, keepdims=True),
        normal,
    ),
    "mean of all": (
        lambda x: ops.mean(x, (1, 2), keepdims=True),
        lambda x: x.mean((1, 2), keepdims=True),
        normal,
    ),
    "max": (lambda x: ops.max(x, 1), lambda x: x.max(1), normal),
    "min": (lambda x: ops.min(x, 2), lambda x: x.min(2), normal),
    "var": (lambda x: ops.var(x, -1), lambda x: x.var(-1), normal),
    "std": (lambda x: ops.std(x, 1, True), lambda x: x.std(1, keepdims=True), normal),
    "norm": (lambda x: ops.norm(x, axis=-1), lambda x: np.linalg.norm(x, axis=-1), normal),
    "logsumexp": (lambda x: ops.logsumexp(x, 2), lambda x: np.log(np.exp(x).sum(2)), normal),
    "argmax": (lambda x: ops.argmax(x, -1), lambda x: x.argmax(-1) * 1.0, normal),
    "argmin": (lambda x: ops.argmin(x, 1), lambda x: x.argmin(1) * 1.0, normal),
    "normalize": (ops.normalize, lambda x: unit(x, -1), normal),
    "normalize of axis 1": (lambda x: ops.normalize(x, 1), lambda x: unit(x, 1), normal),
    "matmul": (lambda x: x @ MATRIX, lambda x: x @ MATRIX, normal),
    "matmul with a vector": (lambda x: ops.matmul(x, ROW), lambda x: x @ ROW, normal),
    "matmul from the left": (lambda x: MATRIX.T[:, :3] @ x, lambda x: MATRIX.T[:, :3] @ x, normal),
    "reshape": (lambda x: ops.reshape(x, (-1, 2, 6)), lambda x: x.reshape(-1, 2, 6), normal),
    "transpose": (lambda x: ops.transpose(x, (0, 2, 1)), lambda x: x.transpose(0, 2, 1), normal),
    "swapaxes": (lambda x: ops.swapaxes(x, 1, -1), lambda x: x.swapaxes(1, -1), normal),
    "moveaxis": (lambda x: ops.moveaxis(x, 1, 2), lambda x: np.moveaxis(x, 1, 2), normal),
    "expand_dims": (lambda x: ops.expand_dims(x, 2), lambda x: x[:, :, None], normal),
    "squeeze": (lambda x: ops.squeeze(x[:, :1], 1), lambda x: x[:, 0], normal),
    "stack": (lambda x: ops.stack([x, 2 * x], axis=2), lambda x: np.stack([x, 2 * x], 2), normal),
    "concatenate": (
        lambda x: ops.concatenate([x, ops.exp(x)], axis=1),
        lambda x: np.concatenate([x, np.exp(x)], 1),
        normal,
    ),
    "split": (lambda x: ops.split(x, 2, -1)[1], lambda x: np.split(x, 2, -1)[1], normal),
    "split at places": (lambda x: ops.split(x, [1], 1)[1], lambda x: x[:, 1:], normal),
    "take": (lambda x: ops.take(x, [2, 0, -1, 2], 1), lambda x: x[:, [2, 0, -1, 2]], normal),
    "take a table": (
        lambda x: ops.take(x, [[1, 0], [3, 3]], -1),
        lambda x: np.take(x, [[1, 0], [3, 3]], -1),
        normal,
    ),
    "flip": (lambda x: ops.flip(x, -1), lambda x: x[..., ::-1], normal),
    "part": (lambda x: x[:, 1:, ::-2], lambda x: x[:, 1:, ::-2], normal),
    "part of one place": (lambda x: x[..., 1], lambda x: x[..., 1], normal),
    "part with a new axis": (lambda x: x[:, -1, None, 1:3], lambda x: x[:, -1, None, 1:3], normal),
}  # fmt: skip
FLAT = {"logical_not", "full_like", "sign", "greater", "argmax", "argmin"}

TWO = {
    "add": (ops.add, np.add),
    "subtract": (ops.subtract, np.subtract),
    "multiply": (ops.multiply, np.multiply),
    "divide": (lambda a, b: a / (b * b + 1), lambda a, b: a / (b * b + 1)),
    "maximum": (ops.maximum, np.maximum),
    "minimum": (ops.minimum, np.minimum),
    "where": (lambda a, b: ops.where(a > b, a, 2 * b), lambda a, b: np.where(a > b, a, 2 * b)),
    "equal": (ops.equal, lambda a, b: (a == b) * 1.0),
    "not_equal": (ops.not_equal, lambda a, b: (a != b) * 1.0),
    "greater": (ops.greater, lambda a, b: (a > b) * 1.0),
    "greater_equal": (ops.greater_equal, lambda a, b: (a >= b) * 1.0),
    "less": (ops.less, lambda a, b: (a < b) * 1.0),
    "less_equal": (ops.less_equal, lambda a, b: (a <= b) * 1.0),
    "logical_and": (lambda a, b: ops.logical_and(a > 0, b > 0), lambda a, b: (a > 0) & (b > 0)),
    "logical_or": (lambda a, b: ops.logical_or(a > 0, b > 0), lambda a, b: (a > 0) | (b > 0)),
}
SHAPES = [
    ((3, 4), (3, 4)),
    ((3, 1), (3, 4)),
    ((1, 4), (3, 1)),
    ((2, 1, 3), (2, 4, 1)),
    ((1,), (5,)),
]


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_value(name):
    function, expected, draw = ONE[name]
    x = draw(6, 3, 4)
    check(model_of(function, (3, 4)), [x], expected(x), name in FLAT)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_values_broadcast(name, shapes):
    function, expected = TWO[name]
    a, b = (normal(6, *shape) for shape in shapes)
    flat = "equal" in name or "logical" in name or name in ("greater", "less")
    check(model_of(function, *shapes), [a, b], expected(a, b), flat)


@pytest.mark.parametrize(
    "shapes", [((2, 3), (3, 4)), ((5, 2, 3), (1, 3, 4)), ((1, 2, 3), (5, 3, 2))]
)
def test_products_of_matrices(shapes):
    a, b = (normal(4, *shape) for shape in shapes)
    check(model_of(ops.matmul, *shapes), [a, b], a @ b)


@pytest.mark.parametrize("name", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"])
@pytest.mark.parametrize("shapes", [*SHAPES, ((4,), (3, 4))])
def test_layers_broadcast(name, shapes):
    a, b = (normal(6, *shape) for shape in shapes)
    axes = max(len(shape) for shape in shapes)
    wide = [x.reshape(6, *(1,) * (axes + 1 - x.ndim), *x.shape[1:]) for x in (a, b)]
    function = {"Average": lambda a, b: (a + b) / 2}.get(name) or getattr(np, name.lower())
    layer = getattr(layers, name)()
    check(model_of(lambda a, b: layer([a, b]), *shapes), [a, b], function(*wide))


@pytest.mark.parametrize("axes", [(1, 1), (2, 1), (1, 2), (2, 2), (-1, -2)])
@pytest.mark.parametrize("normalized", [False, True])
def test_dot_of_matrices(axes, normalized):
    first = [axis in (1, -2) for axis in axes]
    a = normal(5, 4, 2) if first[0] else normal(5, 2, 4)
    b = normal(5, 4, 3) if first[1] else normal(5, 3, 4)
    rows = a.swapaxes(1, 2) if first[0] else a
    columns = b if first[1] else b.swapaxes(1, 2)
    if normalized:
        rows, columns = unit(rows, 2), unit(columns, 1)
    layer = layers.Dot(axes, normalize=normalized)
    model = model_of(lambda a, b: layer([a, b]), a.shape[1:], b.shape[1:])
    check(model, [a, b], rows @ columns)


def test_dot_of_vectors_and_matrices():
    a, b = normal(5, 4), normal(5, 3, 4)
    dot = layers.Dot((1, 2))
    check(model_of(lambda a, b: dot([a, b]), (4,), (3, 4)), [a, b], np.einsum("nk,nmk->nm", a, b))
    dot = layers.Dot((2, 1))
    check(model_of(lambda b, a: dot([b, a]), (3, 4), (4,)), [b, a], np.einsum("nk,nmk->nm", a, b))
    cosine = layers.Dot(1, normalize=True)
    expected = (unit(a, 1) * unit(b[:, 0], 1)).sum(1, keepdims=True)
    check(model_of(lambda a, b: cosine([a, b]), (4,), (4,)), [a, b[:, 0]], expected)


def test_gradients_of_equal_numbers_are_shared():
    x = np.array([[2.0, 5.0, 5.0, 1.0]])
    for function, share in ((ops.max, 0.5), (ops.min, 1.0)):
        model = model_of(lambda x, f=function: f(x, -1, keepdims=True), (4,))
        dx, _ = model.backward([[1.0]], model.forward(x)[1])
        assert (dx.max(), dx.sum()) == (share, 1)
    model = model_of(lambda x: ops.maximum(x, 5.0), (4,))
    dx, _ = model.backward(np.ones((1, 4)), model.forward(x)[1])
    assert dx.tolist() == [[0, 0.5, 0.5, 0]]


def test_no_gradient_goes_through_a_stop():
    x = normal(5, 3)
    model = model_of(lambda x: x * ops.stop_gradient(x), (3,))
    y, cache = model.forward(x)
    assert np.array_equal(y, x * x)
    assert np.array_equal(model.backward(np.ones((5, 3)), cache)[0], x)


# Arrays.


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_have_the_bits_of_a_network(name, dtype):
    function, expected, draw = ONE[name]
    x = draw(6, 3, 4).astype(dtype)
    # Constants that are arrays too decide the dtype of arrays; those of a network are of its own.
    constants = ("an array", "a row", "matmul", "minimum", "greater")
    if dtype == "float32" and any(word in name for word in constants):
        pytest.skip("constants of float64 make it float64")
    found = function(x)
    of_network = model_of(function, (3, 4), dtype=dtype)(x)
    assert np.asarray(found, dtype).tobytes() == of_network.tobytes()
    tolerance = 1e-12 if dtype == "float64" else 1e-6 * 50 ** ("99" in name)
    assert (
        distance(np.asarray(found, float), np.asarray(expected(x.astype(float)), float)) < tolerance
    )


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(sorted(TWO)))
def test_arrays_of_any_shapes_broadcast_as_those_of_numpy(data, name):
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=1, max_side=4))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    a, b = (rng.integers(-3, 4, shape).astype(float) for shape in shapes.input_shapes)
    function, expected = TWO[name]
    found = function(a, b)
    assert found.shape == shapes.result_shape
    np.testing.assert_allclose(np.asarray(found, float), expected(a, b), rtol=1e-15)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(["sum", "mean", "max", "min", "var", "std"]), st.booleans())
def test_arrays_are_reduced_over_any_axes(data, name, keepdims):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    axes = data.draw(st.one_of(st.none(), hnp.valid_tuple_axes(len(shape))))
    x = np.random.default_rng(0).normal(size=shape)
    found = getattr(ops, name)(x, axes, keepdims=keepdims)
    expected = getattr(np, name)(x, axes, keepdims=keepdims)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def test_long_sums_are_accurate():
    x = RNG.uniform(0.1, 1, 100_003).astype("float32")
    assert abs(float(ops.sum(x)) / x.astype(float).sum() - 1) < 5e-7


@pytest.mark.parametrize(
    "name", ["exp", "expm1", "log", "log1p", "sqrt", "sign", "absolute", "square"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_at_the_edge_are_those_of_numpy(name, dtype):
    info = np.finfo(dtype)
    x = np.array(
        [0, -0.0, 1, -1, info.max, -info.max, info.tiny, info.smallest_subnormal, -2, 60, 700, -700,
         1e-9, np.inf, -np.inf, np.nan], dtype
    )  # fmt: skip
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    found = getattr(ops, name)(x)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=4 * info.eps)


@pytest.mark.parametrize("exponent", [-3, -1, -0.5, 0, 0.5, 1, 2, 2.5, 65, 66, 100.5])
def test_powers_at_the_edge_are_those_of_numpy(exponent):
    x = np.array([0, 1, -1, -2, 0.5, 1e-300, 1e300, np.inf, -np.inf, np.nan])
    with np.errstate(all="ignore"):
        expected = x**exponent
    if exponent not in (0, 0.5, 2.5, 100.5, -0.5):
        np.testing.assert_allclose(ops.power(x, exponent), expected, rtol=1e-13)
    else:
        rows = slice(0, -2) if exponent == 0 else [0, 1, 2, 3, 4, 5, 6, 7, 9]
        np.testing.assert_allclose(ops.power(x, exponent)[rows], expected[rows], rtol=2e-13)


def test_the_dtype_is_that_of_the_arrays():
    single, double = np.ones(2, "float32"), np.ones(2)
    assert ops.add(single, 2.0).dtype == np.float32
    assert ops.add(single, [1.0, 2.0]).dtype == np.float32
    assert ops.add(single, double).dtype == np.float64
    assert ops.exp([1.0]).dtype == np.float64
    assert ops.exp(np.arange(3)).dtype == np.float32
    assert ops.greater(single, 0.5).dtype == bool
    assert ops.argmax(single).dtype == np.int64
    assert ops.mean(single).shape == ()
    assert float(ops.exp(0.0)) == 1.0


def test_a_network_of_operations_has_the_same_bits_for_any_number_of_threads_and_level():
    def network(x, z):
        y = ops.softmax(ops.matmul(x, np.swapaxes(CONSTANT, 0, 1)) / 3.0) * ops.log1p(ops.exp(z))
        y = ops.where(y > 0.3, ops.power(y, 2.5), ops.rsqrt(y + 1.0)) - ops.mean(y, -1, True)
        y = y @ ops.transpose(y, (0, 2, 1))
        return ops.concatenate([ops.max(y, -1), ops.std(y, 1), ops.sum(y, 2)[:, ::-1]], -1)

    model = model_of(network, (7, 4), (7, 1), dtype="float32")
    xs = [normal(300, *shape).astype("float32") for shape in ((7, 4), (7, 1))]
    dy = normal(300, 21).astype("float32")
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


# Networks.


def example():
    inputs = fanin.Input((6,), name="x")
    x = layers.Dense(6, "relu", name="first")(inputs)
    x = x + layers.Dense(6, name="second")(x) * np.arange(6.0)
    x = ops.normalize(ops.exp(-ops.square(x / 2.0)) - ops.mean(x, -1, keepdims=True))
    return fanin.Model(inputs, layers.Dense(1, name="last")(x[:, 1:]), name="example", rng=0)


def test_operations_are_no_layers_and_are_listed(capsys):
    model = example()
    assert [layer.name for layer in model.layers] == ["x", "first", "second", "last"]
    kinds = [type(layer).__name__ for layer in model.operations]
    assert (len(kinds), kinds.count("Operation")) == (14, 7)
    model.summary()
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("(Exp)", "(Divide)", "(UnitNorm)", "(Take)", "(Mean)"))


def test_networks_of_operations_train_and_go_through_files(tmp_path):
    x = np.random.default_rng(5).normal(size=(64, 6))
    y = x[:, :1] ** 2
    model, other = example(), example()
    histories = []
    for each in (model, other):
        each.compile(fanin.optimizers.Adam(0.01), "mse")
        threads = 1 if each is model else 2
        histories.append(each.fit(x, y, epochs=20, verbose=0, threads=threads).history["loss"])
    assert histories[0] == histories[1]
    assert histories[0][-1] < 0.9 * histories[0][0]
    model.save(tmp_path / "m.npz")
    twin = fanin.models.load_model(tmp_path / "m.npz")
    assert twin.get_config() == model.get_config()
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert twin.predict(x, verbose=0).tobytes() == model.predict(x, verbose=0).tobytes()
    clone = fanin.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert clone.predict(x, verbose=0).tobytes() == model.predict(x, verbose=0).tobytes()


def test_a_network_can_be_taken_up_to_an_operation():
    model = example()
    values = {value.name: value for value in model.values()}
    part = fanin.Model(model.inputs, next(v for n, v in values.items() if n.startswith("exp")))
    assert part.predict(normal(3, 6), verbose=0).shape == (3, 6)


# What is refused.

VALUE, TABLE = fanin.Input((4,)), fanin.Input((3, 4))
REFUSED = {
    "the axis of the batch": (lambda: ops.sum(VALUE, 0), ValueError, "axis: .*the batch"),
    "all axes": (lambda: ops.mean(VALUE), ValueError, "axis: expected axes of the samples"),
    "an axis that is not there": (lambda: ops.max(VALUE, 2), ValueError, "axis: expected"),
    "no axis": (lambda: ops.max(VALUE, "x"), TypeError, "axis: expected"),
    "an axis twice": (lambda: ops.sum(TABLE, (1, -2)), ValueError, "each axis once"),
    "shapes that do not meet": (lambda: VALUE + fanin.Input((3,)), ShapeError, "expected"),
    "other numbers of axes": (lambda: VALUE * TABLE, ShapeError, "as many axes"),
    "a constant that does not meet": (lambda: VALUE * np.ones(3), ShapeError, "expected"),
    "a constant of a batch": (lambda: VALUE * np.ones((5, 4)), ShapeError, "of the shape of sam"),
    "a constant of NaN": (lambda: VALUE * np.array([1, np.nan, 1, 1]), ValueError, "finite"),
    "a number that is NaN": (lambda: VALUE * float("nan"), ValueError, "nan"),
    "arrays that do not meet": (lambda: ops.add(np.ones(3), np.ones(2)), ShapeError, "equal from"),
    "an empty array": (lambda: ops.exp(np.ones((0, 3))), ShapeError, "one or more numbers"),
    "text": (lambda: ops.exp("a"), TypeError, "x: expected"),
    "exponents that do not meet": (lambda: ops.power(VALUE, [1, 2]), ShapeError, "expected"),
    "a product over the batch": (lambda: ops.matmul(VALUE, VALUE), ShapeError, "matrices in the"),
    "a matrix from the left": (lambda: np.ones((4, 4)) @ VALUE, ShapeError, "matrices in the"),
    "a product that does not fit": (lambda: VALUE @ np.ones((3, 2)), ShapeError, "multiplied"),
    "a product of a number": (lambda: ops.matmul(VALUE, 2.0), ValueError, "x2: expected"),
    "an index of the batch": (lambda: VALUE[0], IndexError, ": first"),
    "an index beyond": (lambda: VALUE[:, 4], ValueError, "index: expected"),
    "too many indices": (lambda: VALUE[:, 0, 0], IndexError, "2 axes"),
    "an empty part": (lambda: VALUE[:, 4:], IndexError, "a part of 4 places"),
    "an index that is text": (lambda: VALUE[:, "a"], TypeError, "index: expected"),
    "a list of the batch": (lambda: VALUE[[0, 1]], IndexError, ": first"),
    "a walk over a value": (lambda: list(VALUE), TypeError, "iter"),
    "a shape without the batch": (lambda: ops.reshape(VALUE, (2, 2)), ValueError, "-1 or None"),
    "a shape of other numbers": (lambda: ops.reshape(VALUE, (-1, 3)), ShapeError, "target_shape"),
    "axes that move the batch": (lambda: ops.transpose(VALUE), ValueError, "0 first"),
    "a stack of batches": (lambda: ops.stack([VALUE, VALUE]), ValueError, "the batch"),
    "values beside arrays": (lambda: ops.concatenate([VALUE, [[1.0]]]), TypeError, "found both"),
    "places that are not there": (lambda: ops.take(VALUE, [4], 1), ValueError, "indices: expected"),
    "numbers of a value": (lambda: ops.convert_to_numpy(VALUE), TypeError, "no numbers"),
    "numbers of no dtype": (lambda: ops.cast(VALUE, "complex64"), TypeError, "dtype: expected"),
    "bounds that cross": (lambda: ops.clip(VALUE, 1, 0), ValueError, "x_max: expected"),
    "an unknown norm": (lambda: ops.norm(VALUE, "nuc", axis=1), TypeError, "ord: expected"),
    "a name of Keras": (lambda: ops.fft, AttributeError, "fft"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_computed_is_refused(what):
    refused, error, words = REFUSED[what]
    if what == "a name of Keras":
        with pytest.raises(NotImplementedError, match=words):
            ops.fft([1.0])
        return
    with pytest.raises(error, match=words):
        refused()
