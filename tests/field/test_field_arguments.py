"""Every argument of initializers, init and streams refuses in one voice, before anything changes.

The values that a kind of argument cannot have stand in one table; a public function with an
argument that is not in the table of kinds fails the test.
"""

import functools
import inspect
import math

import fanin
import numpy as np
import pytest
from fanin import init, initializers, streams
from refusals import outcome

NO_NUMBER = ["a", b"1", None, [1.0, 2.0], 1j, True, np.array([1.0, 2.0]), {}, object()]
NO_FINITE = [math.nan, math.inf, -math.inf, 10**400, np.float32(np.inf)]
NO_WHOLE = ["3", 1.5, None, [2], True, math.nan, np.array([1, 2])]
NO_FLAG = ["yes", 2, None, 1.0, [], math.nan]
NO_WORD = ["nothing", "", 3, None, b"std", ["std"], True]
NO_AXIS = ["a", 1.5, True, [0.5], object()]
NO_SEED = [-1, 1.5, "a", b"a", True, [], [1, -2], [1.5], {}, object(), np.array(1.5)]
NO_SHAPE = ["ab", b"ab", 1.5, None, True, (2, 1.5), (True, 3), {3: 4}, {3}, (2, -1), -1, (2**70, 2)]
NO_DTYPE = ["int8", "float128", complex, object, 3, ">f4", "f99", [1]]

NUMBERS = [*NO_NUMBER, *NO_FINITE]
KINDS = {
    **dict.fromkeys(
        ("gain", "minval", "maxval", "mean", "negative_slope", "std", "low", "high"), NUMBERS
    ),
    **dict.fromkeys(("stddev", "sparsity"), (*NUMBERS, -0.1)),
    **dict.fromkeys(("lower", "upper"), (*NO_NUMBER, math.nan, 10**400)),
    **dict.fromkeys(("scale", "df", "a", "b"), (*NUMBERS, 0, -1.0)),
    **dict.fromkeys(("fan_in", "fan_out"), (*NUMBERS, 0, -1)),
    **dict.fromkeys(("groups", "num", "data", "n"), (*NO_WHOLE, -1)),
    **dict.fromkeys(
        ("truncated", "transposed", "orthonormal", "x64", "contiguous", "dense"), NO_FLAG
    ),
    **dict.fromkeys(("mode", "distribution", "bounds", "flatten", "mirror", "activation"), NO_WORD),
    **dict.fromkeys(("in_axis", "out_axis", "batch_axis"), NO_AXIS),
    "seed": NO_SEED,
    "rng": NO_SEED,
    "generator": NO_SEED,
    "layout": NO_WORD,
    "shape": NO_SHAPE,
    "dtype": NO_DTYPE,
    "value": [*NUMBERS[:3], {}, object(), *NO_FINITE, [1, math.nan], [[1], [1, 2]], ["a"]],
}
MAY_BE_NONE = {
    "fan_in",
    "fan_out",
    "mode",
    "activation",
    "in_axis",
    "out_axis",
    "seed",
    "rng",
    "generator",
    "dtype",
}
RIGHT = {
    "sparsity": 0.5,
    "df": 4.0,
    "a": 2.0,
    "b": 5.0,
    "shape": (4, 4),
    "n": 3,
    "data": 3,
    "seed": 3,
    "low": 0.0,
    "high": 1.0,
}
FANS = ("in_axis", "out_axis", "batch_axis", "groups", "transposed", "fan_in", "fan_out")


def arguments(function):
    """List the arguments of a function; **fans are those of the fans."""
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        many = parameter.kind is parameter.VAR_KEYWORD
        found += FANS if many else [name]
    return [name for name in found if name not in ("self", "cls")]


def rows(functions, kinds=KINDS):
    """Make a test of each argument of each function."""
    return [
        pytest.param(label, function, name, id=f"{label}-{name}")
        for label, function in functions.items()
        for name in arguments(function)
        if name != "tensor"
    ]


def call_with(function, name, value):
    """Return a call of a function with one argument that it cannot have."""
    needed = {
        key: RIGHT[key]
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty and key in RIGHT
    }
    return functools.partial(function, **{**needed, name: value})


def told(error, name, value):
    """Assert that a refusal names the argument, what was expected, and in few words what came."""
    assert error is not None, f"{name}={value!r} was taken"
    assert isinstance(error, TypeError | ValueError | MemoryError), f"{error!r}"
    text = str(error)
    assert name in text.split(":")[0].split("[")[0].split(" and ") or text.startswith("shape"), text
    assert "expected" in text
    assert "found" in text
    assert len(text) < 400


CLASSES = {
    kind.__name__: kind
    for kind in vars(initializers).values()
    if isinstance(kind, type)
    and issubclass(kind, initializers.Initializer)
    and kind not in (initializers.Initializer, initializers.RandomInitializer)
}


@pytest.mark.parametrize(("label", "function", "name"), rows(CLASSES))
def test_field_P5_initializers_refuse_in_one_voice(label, function, name):
    for value in KINDS[name]:
        if value is None and (name in MAY_BE_NONE or (label, name) == ("Beta", "scale")):
            continue
        if name == "value" and value is True:
            continue
        told(outcome(call_with(function, name, value)), name, value)


@pytest.mark.parametrize("label", CLASSES)
def test_field_P5_calls_of_initializers_refuse_in_one_voice(label):
    needed = {"Sparse": (0.5,), "StudentT": (4.0,), "Beta": (2.0, 5.0)}
    made = CLASSES[label](*needed.get(label, ()))
    for name, values in (("shape", NO_SHAPE), ("dtype", NO_DTYPE), ("rng", NO_SEED)):
        for value in values:
            given = {"shape": (4, 4), name: value}
            told(outcome(functools.partial(made, **given)), name, value)
    for value in ([1.0], None, "a", np.zeros(3, int), np.broadcast_to(0.0, (2, 2))):
        told(outcome(lambda value=value: made.fill(value)), "out", value)


STREAMS = {
    "torch_cpu": streams.torch_cpu,
    "jax": streams.jax,
    **{
        f"{source}.{name}": getattr(make, name)
        for source, make in (("torch", streams.torch_cpu(0)), ("jax key", streams.jax(0)))
        for name in ("uniform", "normal", "truncated_normal", "permutation", "bits")
    },
    "torch.trunc_normal": streams.torch_cpu(0).trunc_normal,
    "jax key.split": streams.jax(0).split,
    "jax key.fold_in": streams.jax(0).fold_in,
}
# Seeds of other frameworks may be negative; bounds in standard deviations may be infinite.
OF_STREAMS = {
    **KINDS,
    "seed": [1.5, "a", b"a", True, None, [1], 2**70],
    "a": [*NO_NUMBER, math.nan],
    "b": [*NO_NUMBER, math.nan],
    "dtype": ["int8", "float16", None, 3],
    "data": [*NO_WHOLE, -1, 2**32],
}


def refuses(label, function, name):
    """Try all that an argument of a stream cannot be; the stream stands where it stood."""
    values = OF_STREAMS[name]
    if "truncated" in label and name in ("low", "high"):
        values = [*NO_NUMBER, math.nan]  # infinite where there is none
    source = getattr(function, "__self__", None)
    before = np.array(source.get_config().get("state", 0)) if hasattr(source, "get_config") else 0
    for value in values:
        told(outcome(call_with(function, name, value)), name, value)
    if hasattr(source, "get_config"):
        assert (np.array(source.get_config().get("state", 0)) == before).all()


BEFORE = ("torch_cpu-seed", "jax-seed", "jax key.fold_in-data")


@pytest.mark.parametrize(
    ("label", "function", "name"), [row for row in rows(STREAMS) if row.id not in BEFORE]
)
def test_field_P5_streams_refuse_in_one_voice(label, function, name):
    refuses(label, function, name)


@pytest.mark.parametrize(
    ("label", "function", "name"), [row for row in rows(STREAMS) if row.id in BEFORE]
)
def test_streams_refuse_what_they_refused(label, function, name):
    refuses(label, function, name)


TENSORS = {"eye_": (4, 4), "dirac_": (4, 4, 3)}
FILLS = {
    name: getattr(init, name)
    for name in init.__all__
    if name.endswith("_") and name not in ("ones_", "zeros_", "eye_")
}
OF_INIT = {
    **KINDS,
    "a": [*NUMBERS],
    "b": [*NUMBERS],
    "val": ["1", None, 1j, [1.0], np.ones(2), object(), {}],
    "mean": NUMBERS,
    "std": [*NUMBERS, -0.1],
    "sparsity": [*NUMBERS, -0.1, 1.5],
    "gain": NUMBERS,
    "groups": [*NO_WHOLE, -1],
    "nonlinearity": NO_WORD,
}


@pytest.mark.parametrize(("label", "function", "name"), rows(FILLS))
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_init_refuses_and_leaves_all_as_it_was(label, function, name, dtype):
    for make in (lambda: np.random.default_rng(0), lambda: np.random.RandomState(0)):
        for value in OF_INIT[name]:
            if value is None and name in ("generator", *("a" if "kaiming" in label else "")):
                continue  # torch takes 0.01 then
            if label == "trunc_normal_" and name in "ab" and isinstance(value, float | np.floating):
                continue
            tensor, rng = np.full(TENSORS.get(label, (4, 4)), 7.0, dtype), make()
            options = {"generator": rng} if "generator" in arguments(function) else {}
            options |= {"sparsity": 0.5} if label == "sparse_" else {}
            error = outcome(functools.partial(function, tensor, **{**options, name: value}))
            assert isinstance(error, TypeError | ValueError), f"{name}={value!r}: {error!r}"
            assert (tensor == 7).all()
            assert rng.bytes(8) == make().bytes(8)


@pytest.mark.parametrize("name", ["shape", "layout", "rng"])
@pytest.mark.parametrize("function", [fanin.he_init, fanin.xavier_init])
def test_field_P5_snippets_refuse_in_one_voice(function, name):
    for value in KINDS[name]:
        if value is None and name == "rng":
            continue
        told(outcome(functools.partial(function, **{"shape": (3, 4), name: value})), name, value)


def test_field_P5_seeds_refuse_in_one_voice():
    for value in NO_SEED:
        told(outcome(lambda value=value: fanin.random.resolve(value, "seed")), "seed", value)
        told(outcome(lambda value=value: fanin.random.config_of(value)), "seed", value)
    for value in [-1, 1.5, "a", None, True, [1]]:
        told(outcome(lambda value=value: fanin.random.set_random_seed(value)), "seed", value)
