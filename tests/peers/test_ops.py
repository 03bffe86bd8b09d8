"""Functions of `fanin.ops` beside those of Keras: the same arguments, the same numbers."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import fanin
import numpy as np
import pytest
from fanin import ops

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3, 4)).astype("float32")
Y = RNG.normal(size=(5, 1, 4)).astype("float32")
P = np.abs(X) + np.float32(0.5)

ONE = (
    "abs absolute exp expm1 negative sign square relu leaky_relu elu selu gelu silu swish sigmoid "
    "log_sigmoid tanh softplus softsign softmax log_softmax logical_not normalize ones_like "
    "zeros_like argmax argmin sum mean max min amax amin var std logsumexp norm "
    "squeeze flip sin cos tan arctan sinh cosh arcsinh erf floor ceil trunc round isnan isinf "
    "isfinite prod any all count_nonzero average cumsum sort argsort relu6 hard_sigmoid hard_silu "
    "hard_swish hard_tanh"
)
TWO = (
    "add subtract multiply divide true_divide maximum minimum equal not_equal greater "
    "greater_equal less less_equal logical_and logical_or logical_xor logaddexp arctan2 isclose"
)
CALLS = {
    **{name: (P,) for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal")},
    **{name: (P,) for name in ("log2", "log10")},
    **{name: (np.tanh(X),) for name in ("arcsin", "arccos", "arctanh")},
    **{name: (X,) for name in ONE.split()},
    **{name: (X, Y) for name in TWO.split()},
    "arccosh": (P + 1,),
    "mod": (X, 0.7),
    "floor_divide": (X, 0.3),
    "moments": (X, (0, 2)),
    "top_k": (X, 2),
    "in_top_k": (np.array([2, 0, 1]), X[0, :, :3], 2),
    "tile": (X, (2, 1, 3)),
    "repeat": (X, 2, 1),
    "pad": (X, ((1, 0), (0, 2), (1, 1))),
    "roll": (X, 2, 1),
    "broadcast_to": (Y, (5, 3, 4)),
    "unstack": (X,),
    "take_along_axis": (X, np.array([[[2], [0], [1]]] * 5), 2),
    "dot": (X, Y[0].T),
    "outer": (X, Y),
    "tensordot": (X, Y, ([0, 2], [0, 2])),
    "einsum": ("bij,bkj->bki", X, Y),
    "eye": (3, 4, 1),
    "linspace": (0.0, 1.0, 5),
    "matmul": (X, RNG.normal(size=(4, 2)).astype("float32")),
    "power": (P, 2.5),
    "clip": (X, -0.5, 0.5),
    "where": (X > 0, X, Y),
    "reshape": (X, (5, 2, 6)),
    "expand_dims": (X, 1),
    "concatenate": ([X, X],),
    "stack": ([X, X],),
    "split": (X, 2, -1),
    "take": (X, [2, 0], 1),
    "transpose": (X, (2, 0, 1)),
    "swapaxes": (X, 0, 2),
    "moveaxis": (X, 0, 2),
    "full_like": (X, 2.0),
    "one_hot": (np.array([2, 0, 1]), 4),
    "cast": (np.array([0, 1]), "float32"),
    "convert_to_tensor": (X,),
    "zeros": ((2, 3),),
    "ones": ((2, 3),),
    "full": ((2, 3), 0.5),
    "arange": (2, 9, 3),
}
OPTIONS = {
    "sum of axes": ("sum", {"axis": (0, 2)}),
    "mean of an axis": ("mean", {"axis": -1, "keepdims": True}),
    "max of an axis": ("max", {"axis": 1}),
    "var of an axis": ("var", {"axis": 1, "keepdims": True}),
    "std of axes": ("std", {"axis": (1, 2)}),
    "logsumexp of an axis": ("logsumexp", {"axis": -1, "keepdims": True}),
    "norm of an axis": ("norm", {"axis": -1}),
    "norm of order 1": ("norm", {"axis": -1, "ord": 1}),
    "norm of order 3": ("norm", {"axis": 1, "ord": 3, "keepdims": True}),
    "largest size": ("norm", {"axis": 1, "ord": float("inf")}),
    "prod of an axis": ("prod", {"axis": 1, "keepdims": True}),
    "any of an axis": ("any", {"axis": 1}),
    "all of axes": ("all", {"axis": (0, 2)}),
    "cumsum of an axis": ("cumsum", {"axis": 1}),
    "sort of an axis": ("sort", {"axis": 1}),
    "argsort of an axis": ("argsort", {"axis": 0}),
    "round to tenths": ("round", {"decimals": 1}),
    "average by weights": ("average", {"axis": 1, "weights": np.arange(1.0, 4, dtype="float32")}),
    "pad by edges": ("pad", {"pad_width": ((0, 0), (1, 2), (2, 1)), "mode": "reflect"}),
    "argmax of an axis": ("argmax", {"axis": -1}),
    "softmax of an axis": ("softmax", {"axis": 1}),
    "log_softmax of an axis": ("log_softmax", {"axis": 0}),
    "normalize of an axis": ("normalize", {"axis": 0}),
    "gelu as it is": ("gelu", {"approximate": False}),
    "elu with alpha": ("elu", {"alpha": 0.3}),
    "leaky_relu with a slope": ("leaky_relu", {"negative_slope": 0.3}),
    "flip of an axis": ("flip", {"axis": 1}),
}


def arrays(found):
    parts = found if isinstance(found, list | tuple) else [found]
    return [np.asarray(keras.ops.convert_to_numpy(part)) for part in parts]


def compare(name, arguments, options):
    theirs = arrays(getattr(keras.ops, name)(*arguments, **options))
    found = getattr(ops, name)(*arguments, **options)
    ours = found if isinstance(found, list | tuple) else [found]
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        assert (mine.dtype == bool) == (other.dtype == bool)
        np.testing.assert_allclose(mine, other, rtol=2e-6, atol=2e-6)


# Of torch arrays in a NumPy that is newer.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", CALLS)
def test_numbers_are_those_of_keras(name):
    compare(name, CALLS[name], {})


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("what", OPTIONS)
def test_options_are_those_of_keras(what):
    name, options = OPTIONS[what]
    compare(name, (X,), options)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_powers_and_classes_are_those_of_keras():
    compare("power", (P, X), {})
    compare("power", (2.0, X), {})
    compare("one_hot", (np.array([2, 0, 1]), 4), {"axis": 0, "dtype": "int32"})


def test_every_function_is_compared():
    apart = {"convert_to_numpy", "ndim", "shape", "size", "stop_gradient"}
    assert set(ops.__all__) - set(CALLS) == apart
    assert ops.shape(X) == tuple(keras.ops.shape(X))
    assert (ops.ndim(X), ops.size(X)) == (3, 60)


def network(k):
    inputs = k.Input((6,))
    x = k.layers.Dense(6, activation="relu", name="first")(inputs)
    x = x + k.layers.Dense(6, name="second")(x) * np.arange(6, dtype="float32")
    x = k.ops.exp(-k.ops.square(x / 2.0)) - k.ops.mean(x, -1, keepdims=True)
    return k.Model(inputs, k.layers.Dense(1, name="last")(x[:, 1:]))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_network_of_operations_is_that_of_keras():
    keras.utils.set_random_seed(0)
    theirs, ours = network(keras), network(fanin)
    assert [la.name for la in ours.layers[1:]] == [la.name for la in theirs.layers[1:]]
    assert len(ours.operations) == len(theirs.operations)
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    x = RNG.normal(size=(64, 6)).astype("float32")
    y = x[:, :1] ** 2
    for k, model in ((keras, theirs), (fanin, ours)):
        model.compile(
            k.optimizers.SGD(0.05), loss=lambda y, p, k=k: k.ops.mean(k.ops.abs(y - p), -1)
        )
        model.fit(x, y, batch_size=64, epochs=10, shuffle=False, verbose=0)
    expected = theirs.predict(x, verbose=0)
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
