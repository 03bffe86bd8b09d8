"""Faults seen in use, initializers: NaN, infinite bounds, damaged configurations (R10, S7, R8)."""

import functools
import inspect
import math

import fanin
import numpy as np
import pytest
from fanin import init, initializers, layers, streams
from refusals import assert_refused, outcome

INFINITE = math.inf


class Broken(initializers.Initializer):
    """Draws as networks ask for, and puts one number in."""

    def __init__(self, value):
        self.value = value

    def __call__(self, shape, dtype=None, *, rng=None):
        if rng is not None and hasattr(rng, "normal"):
            rng.normal(size=shape)
        array = np.zeros(shape)
        array.flat[-1] = self.value
        return array


def broken(shape):
    return np.full(shape, np.nan)


def dense(**options):
    return lambda made: layers.Dense(3, **{name: made for name in options}).build((None, 2))


def normalization(name):
    return lambda made: layers.BatchNormalization(**{name: made}).build((None, 2))


def tree():
    return {"w": np.zeros((2, 3), "f4"), "b": np.zeros(3, "f4")}


RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")

# Every public place that takes an initializer.
PLACES = {
    "kernel": dense(kernel_initializer=1),
    "bias": dense(bias_initializer=1),
    "gamma": normalization("gamma_initializer"),
    "beta": normalization("beta_initializer"),
    "moving_mean": normalization("moving_mean_initializer"),
    "moving_variance": normalization("moving_variance_initializer"),
    "network": lambda made: fanin.Sequential(
        [layers.Input((2,)), layers.Dense(3, kernel_initializer=made)]
    ).build(),
    "initialize": lambda made: fanin.initialize(tree(), made),
    "bias of initialize": lambda made: fanin.initialize(tree(), bias=made),
    "rules": lambda made: fanin.initialize(tree(), rules={"*": made}),
    "lsuv": lambda made: fanin.lsuv(
        fanin.Sequential([layers.Input((3,)), layers.Dense(3)]), X, initializer=made
    ),
    "compare": lambda made: fanin.compare([made], epochs=1, seeds=1, progress=False),
}
WRONG = {"nan": np.nan, "inf": np.inf, "beyond float32": -1e300}


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("place", PLACES)
def test_field_R10_an_initializer_that_returns_no_number_is_refused(place, value):
    assert_refused(lambda: PLACES[place](Broken(value)), ValueError, "Broken", "finite numbers")


@pytest.mark.parametrize("place", PLACES)
def test_field_R10_a_function_that_returns_nan_is_refused(place):
    assert_refused(lambda: PLACES[place](broken), ValueError, "broken", "finite numbers", "nan at")


def test_field_R10_a_refusal_names_the_parameter_and_the_place():
    call = functools.partial(fanin.initialize, tree(), Broken(np.inf))
    assert_refused(call, ValueError, "w: initializer", "0/kernel", "inf at [1, 2]")


def test_field_R10_nothing_is_written_and_nothing_drawn():
    held, rng = tree(), np.random.default_rng(7)
    assert_refused(
        lambda: fanin.initialize(held, "he_normal", bias=Broken(np.nan), rng=rng), ValueError, "b: "
    )
    assert not held["w"].any()
    assert rng.random() == np.random.default_rng(7).random()
    out = np.full((2, 2), 7.0)
    assert_refused(lambda: Broken(np.nan).fill(out, rng=rng), ValueError, "finite numbers")
    assert (out == 7).all()


RETURNED = {
    "complex": lambda shape: np.ones(shape, complex),
    "masked": lambda shape: np.ma.masked_array(np.ones(shape), mask=np.ones(shape, bool)),
    "text": lambda shape: np.full(shape, "1"),
}


@pytest.mark.parametrize("name", RETURNED)
def test_field_N1_what_is_no_array_of_numbers_is_no_initializer(name):
    made = initializers.get(RETURNED[name])
    for place in ("kernel", "initialize"):
        call = functools.partial(PLACES[place], made)
        assert_refused(call, (TypeError, ValueError), "initializer", "expected an array")


# Values beyond the type, from every kind of source; the shape makes one certain.
BEYOND = {
    "RandomNormal": (initializers.RandomNormal(0.0, 1e300), (40,)),
    "TruncatedNormal": (initializers.TruncatedNormal(0.0, 1e300), (40,)),
    "VarianceScaling": (
        initializers.VarianceScaling(1e300, distribution="untruncated_normal"),
        (4, 40),
    ),
    "Orthogonal": (initializers.Orthogonal(1e300), (4, 4)),
    "DeltaOrthogonal": (initializers.DeltaOrthogonal(1e300), (3, 4, 4)),
    "LooksLinear": (initializers.LooksLinear(1e300), (4, 4)),
    "Sparse": (initializers.Sparse(0.1, 1e300), (40, 4)),
}
SOURCES = {
    "Generator": lambda: np.random.default_rng(0),
    "RandomState": lambda: np.random.RandomState(0),
    "torch": lambda: streams.torch_cpu(0),
    "jax": lambda: streams.jax(0),
}


def next_words(source):
    """Return what tells where a source stands."""
    return source.bits(4).tolist() if hasattr(source, "bits") else source.bytes(16)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.filterwarnings("ignore:overflow")
def test_field_R10_what_the_type_cannot_hold_is_refused_whatever_the_source(name, source):
    made, shape = BEYOND[name]
    rng, out = source(), np.full(shape, 7.0, "float32")
    assert_refused(lambda: made.fill(out, rng=rng), ValueError, "float32")
    assert (out == 7).all()
    assert_refused(lambda: made(shape, rng=rng), ValueError, "float32")
    # Not a number was taken from it.
    assert next_words(rng) == next_words(source())


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("name", BEYOND)
def test_the_same_of_stream_v1(name, dtype):
    made, shape = BEYOND[name]
    out = np.full(shape, 7.0, dtype)
    assert_refused(lambda: made.fill(out, rng=0), ValueError, "float32")
    assert (out == 7).all()


def test_field_R10_a_refused_call_takes_no_fresh_stream():
    fanin.random.set_random_seed(3)
    first = initializers.HeNormal()((2, 2))
    second = initializers.HeNormal()((2, 2))
    fanin.random.set_random_seed(3)
    assert np.array_equal(initializers.HeNormal()((2, 2)), first)
    for call in (
        lambda: initializers.HeNormal()((2, -1)),
        lambda: initializers.HeNormal()((2, 2), "int8"),
        lambda: initializers.Orthogonal()((2,)),
        lambda: initializers.RandomNormal(0, 1e300)((2, 2)),
        lambda: fanin.initialize(tree(), Broken(np.nan)),
        lambda: fanin.initialize({}),
        lambda: fanin.he_init((0, 2)),
        lambda: init.normal_(np.zeros(2, "f4"), 0, 1e300),
    ):
        assert outcome(call) is not None
    assert np.array_equal(initializers.HeNormal()((2, 2)), second)


@pytest.mark.parametrize("name", ["uniform_", "normal_", "trunc_normal_", "orthogonal_", "sparse_"])
@pytest.mark.parametrize("contiguous", [True, False])
@pytest.mark.filterwarnings("ignore:overflow")
def test_init_leaves_the_array_and_the_generator_as_they_were(name, contiguous):
    options = {
        "uniform_": {"a": -1e300, "b": 1e300},
        "normal_": {"std": 1e300},
        "trunc_normal_": {"std": 1e300, "a": -1e301, "b": 1e301},
        "orthogonal_": {"gain": 1e300},
        "sparse_": {"sparsity": 0.1, "std": 1e300},
    }[name]
    tensor = np.full((20, 20), 7.0, "float32")
    view = tensor if contiguous else tensor.T
    for make in SOURCES.values():
        rng = make()
        call = functools.partial(getattr(init, name), view, **options, generator=rng)
        assert_refused(call, ValueError, "float32")
        assert (tensor == 7).all()
        assert next_words(rng) == next_words(make())


# S7: infinite bounds.

HALF_NORMAL = [1.5409960746765137, 1.1006041765213013, 0.40334683656692505, 0.5684312582015991]


def test_field_S7_an_infinite_bound_draws_what_torch_draws():
    # torch 2.15: manual_seed(0); trunc_normal_(empty(4), a=0, b=inf), and the others.
    rows = {
        (0, INFINITE): HALF_NORMAL,
        (-INFINITE, 1): [-1.0845223665, -0.2934288979, -2.1787893772, 0.5684312582],
        (-INFINITE, INFINITE): [1.5409960747, -0.2934288979, -2.1787893772, 0.5684312582],
    }
    for (a, b), expected in rows.items():
        w = np.zeros(4, "float32")
        replayed = streams.torch_cpu(0)
        error = outcome(lambda a=a, b=b: init.trunc_normal_(np.zeros(4), a=a, b=b))
        assert error is None, error
        init.trunc_normal_(w, a=a, b=b, generator=replayed)
        np.testing.assert_allclose(w, expected, rtol=1e-6)


@pytest.mark.parametrize("infinite", [math.inf, np.inf, np.float32(np.inf), np.float64(np.inf)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_field_S7_the_half_normal_has_its_moments(infinite, dtype):
    error = outcome(lambda: init.trunc_normal_(np.zeros(4, dtype), a=0, b=infinite))
    assert error is None, error
    w = init.trunc_normal_(np.zeros(100_000, dtype), a=0, b=infinite, generator=0).astype("f8")
    assert w.min() >= 0
    assert w.mean() == pytest.approx(math.sqrt(2 / math.pi), abs=0.01)
    assert w.var() == pytest.approx(1 - 2 / math.pi, abs=0.01)
    mirrored = init.trunc_normal_(np.zeros(100_000, dtype), a=-infinite, b=0, generator=0)
    assert mirrored.max() <= 0
    assert mirrored.astype("f8").mean() == pytest.approx(-math.sqrt(2 / math.pi), abs=0.01)


@pytest.mark.parametrize("source", [lambda: 0, SOURCES["Generator"], SOURCES["RandomState"]])
@pytest.mark.filterwarnings("ignore:mean is more")
def test_field_S7_a_tail_far_out_is_drawn(source):
    error = outcome(lambda: init.trunc_normal_(np.zeros(4), a=10, b=INFINITE))
    assert error is None, error
    w = init.trunc_normal_(np.zeros(20_000), a=10, b=INFINITE, generator=source())
    assert w.min() >= 10
    # Mills's ratio: the mean of the tail beyond 10.
    assert w.mean() == pytest.approx(10.0981, abs=0.003)


def test_field_S7_numpy_infinity_is_a_bound_of_the_initializer():
    error = outcome(lambda: initializers.TruncatedNormal(upper=np.float32(np.inf)))
    assert error is None, error
    found = initializers.TruncatedNormal(lower=0.0, upper=np.float32(np.inf))
    assert found == initializers.TruncatedNormal(lower=0.0, upper=INFINITE)


BOUNDS = {
    "upside down": ({"a": INFINITE, "b": 0}, "a and b: expected the first below the second"),
    "one point": ({"a": INFINITE, "b": INFINITE}, "a and b: expected the first below the second"),
    "below all": ({"a": -INFINITE, "b": -INFINITE}, "a and b: expected the first below"),
    "nothing between": ({"a": 50, "b": INFINITE}, "a and b: expected bounds between which"),
    "nothing below": ({"a": -INFINITE, "b": -50}, "a and b: expected bounds between which"),
    "NaN": ({"a": math.nan}, "a: expected a number, finite or infinite, found nan"),
    "too large an integer": ({"b": 10**400}, "b: expected a number, finite or infinite"),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_field_S7_bounds_that_mean_nothing_are_refused(name):
    options, words = BOUNDS[name]
    w = np.full(4, 7.0)
    assert_refused(lambda: init.trunc_normal_(w, **options), ValueError, words)
    assert (w == 7).all()


@pytest.mark.filterwarnings("ignore:mean is more")
@pytest.mark.parametrize("bounds", [(5, INFINITE), (-INFINITE, -5), (1.5, INFINITE)])
def test_field_S7_where_torch_refuses_so_does_its_replay(bounds):
    source, w = streams.torch_cpu(0), np.full(4, 7.0, "float32")
    call = functools.partial(init.trunc_normal_, w, a=bounds[0], b=bounds[1], generator=source)
    assert_refused(call, ValueError, "a and b: expected bounds that torch can draw between")
    assert (w == 7).all()
    assert source.bits(4).tolist() == streams.torch_cpu(0).bits(4).tolist()


def test_finite_bounds_draw_what_they_drew():
    w = init.trunc_normal_(np.zeros(3), std=0.5, a=-0.3, b=1.0, generator=5)
    expected = initializers.TruncatedNormal(0.0, 0.5, lower=-0.6, upper=2.0)((3,), "f8", rng=5)
    np.testing.assert_allclose(w, expected, rtol=1e-12)


# R8 and S3: configurations and arguments.

DAMAGED = {
    "a number": (lambda: initializers.deserialize(5), TypeError),
    "a list": (lambda: initializers.deserialize(["HeNormal"]), TypeError),
    "nothing": (lambda: initializers.deserialize(None), TypeError),
    "a name that is a list": (lambda: initializers.deserialize({"class_name": ["x"]}), ValueError),
    "a name that is None": (lambda: initializers.get({"class_name": None}), ValueError),
    "a config that is a number": (
        lambda: initializers.get({"class_name": "HeNormal", "config": 5}),
        ValueError,
    ),
    "a config of numbers": (
        lambda: initializers.get({"class_name": "HeNormal", "config": {1: 2}}),
        ValueError,
    ),
    "an argument that lacks": (
        lambda: initializers.get({"class_name": "Sparse", "config": {}}),
        ValueError,
    ),
    "from_config of nothing": (lambda: initializers.Sparse.from_config({}), ValueError),
    "half of Keras's axes": (
        lambda: initializers.VarianceScaling.from_config({"input_axes": [0]}),
        ValueError,
    ),
    "custom_objects": (
        lambda: initializers.deserialize({"class_name": "HeNormal"}, ["Mine"]),
        TypeError,
    ),
    "a class that is none": (
        lambda: initializers.deserialize({"class_name": "Mine"}, {"Mine": 3}),
        TypeError,
    ),
    "a class of something else": (lambda: initializers.get(np.ndarray), TypeError),
    "a ragged constant": (lambda: initializers.Constant([[1], [1, 2]]), ValueError),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_field_R8_a_damaged_configuration_is_refused_in_one_voice(name):
    call, kind = DAMAGED[name]
    error = outcome(call)
    assert type(error) in (kind, fanin.errors.ShapeError), error
    assert "expected" in str(error) or "does not tell" in str(error)
    assert len(str(error)) < 300


NAMES = {name: kind for name, kind in vars(initializers).items() if isinstance(kind, type)}
CONCRETE = sorted(
    {
        kind
        for kind in NAMES.values()
        if issubclass(kind, initializers.Initializer)
        and kind not in (initializers.Initializer, initializers.RandomInitializer)
    },
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("config", [None, 5, "seed", [("seed", 1)], {1: 2}], ids=repr)
@pytest.mark.parametrize("kind", CONCRETE)
def test_field_R8_from_config_says_what_it_expected(kind, config):
    assert_refused(lambda: kind.from_config(config), TypeError, "config: expected a dict of")


WITH_OPTIONS = [kind for kind in CONCRETE if "fans" in inspect.signature(kind).parameters]


@pytest.mark.parametrize("name", ["input_axes", "fan_ins", "gain"])
@pytest.mark.parametrize("kind", WITH_OPTIONS)
def test_field_S3_an_unknown_argument_is_told_in_the_name_of_the_class(kind, name):
    words = f"{kind.__name__} got an unexpected keyword argument '{name}'"
    assert_refused(lambda: kind(**{name: 1}), TypeError, words)
