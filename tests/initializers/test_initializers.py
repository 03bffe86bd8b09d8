"""Initializers hold what they say, in Keras's names, and refuse what means nothing."""

import json
import math
import pickle

import numpy as np
import pytest
from fanin import initializers
from fanin.errors import ShapeError
from fanin.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    SklearnDefault,
    TorchDefault,
    TruncatedNormal,
    VarianceScaling,
    ZerO,
    Zeros,
    he_init,
    xavier_init,
)
from fanin.random import Stream
from hypothesis import given, settings
from hypothesis import strategies as st

SHAPE = (400, 300)
TRUNCATED = 2 / 0.87962566103423978

# name, initializer, variance for SHAPE, largest absolute value for SHAPE
RANDOM = [
    ("random_uniform", RandomUniform(), 0.1**2 / 12, 0.05),
    ("random_normal", RandomNormal(), 0.05**2, math.inf),
    ("truncated_normal", TruncatedNormal(), (0.05 * 0.87962566103423978) ** 2, 0.1),
    ("variance_scaling", VarianceScaling(), 1 / 400, TRUNCATED * math.sqrt(1 / 400)),
    ("glorot_uniform", GlorotUniform(), 2 / 700, math.sqrt(6 / 700)),
    ("glorot_normal", GlorotNormal(), 2 / 700, TRUNCATED * math.sqrt(2 / 700)),
    ("he_uniform", HeUniform(), 2 / 400, math.sqrt(6 / 400)),
    ("he_normal", HeNormal(), 2 / 400, TRUNCATED * math.sqrt(2 / 400)),
    ("lecun_uniform", LecunUniform(), 1 / 400, math.sqrt(3 / 400)),
    ("lecun_normal", LecunNormal(), 1 / 400, TRUNCATED * math.sqrt(1 / 400)),
    ("torch_default", TorchDefault(), 1 / 1200, math.sqrt(1 / 400)),
    ("sklearn_default", SklearnDefault(), 2 / 700, math.sqrt(6 / 700)),
    ("orthogonal", Orthogonal(), 1 / 400, 1.0),
]
FIXED = [
    ("zeros", Zeros()),
    ("ones", Ones()),
    ("constant", Constant()),
    ("identity", Identity()),
    ("zero_init", ZerO()),
]
ALL = [(name, init) for name, init, *_ in RANDOM] + FIXED
each = pytest.mark.parametrize(("name", "initializer"), ALL, ids=[name for name, _ in ALL])
each_random = pytest.mark.parametrize(
    "initializer", [init for _, init, *_ in RANDOM], ids=[name for name, *_ in RANDOM]
)
sources = pytest.mark.parametrize(
    "source", [lambda: 3, lambda: np.random.default_rng(3), lambda: np.random.RandomState(3)]
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@sources
@pytest.mark.parametrize(("name", "initializer", "variance", "largest"), RANDOM)
def test_mean_variance_and_bounds(name, initializer, variance, largest, source, dtype):
    w = initializer(SHAPE, dtype, rng=source())
    assert w.shape == SHAPE
    assert w.dtype == dtype
    assert w.flags.c_contiguous
    assert w.flags.writeable
    n = w.size
    w = w.astype("float64")
    assert abs(w.mean()) < 4.5 * math.sqrt(variance / n)
    # The variance of a square is at most 2σ⁴ for these distributions.
    assert abs(w.var() / variance - 1) < 4.5 * math.sqrt(2 / n)
    assert abs(w).max() <= largest * (1 + 1e-6)
    if name != "orthogonal":
        assert abs(w).max() > 0.99 * min(largest, 4 * math.sqrt(variance))


@pytest.mark.parametrize("scale", [0.5, 3.0])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
def test_variance_scaling_has_the_variance_it_is_asked_for(scale, mode, distribution):
    shape = (3, 3, 20, 50)
    fan = {"fan_in": 180, "fan_out": 450, "fan_avg": 315}[mode]
    w = VarianceScaling(scale, mode, distribution)(shape, "float64", rng=1)
    assert abs(w.var() * fan / scale - 1) < 4.5 * math.sqrt(2 / w.size)


def test_fixed_values():
    np.testing.assert_array_equal(Zeros()((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(Ones()((2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(Constant(0.25)((2, 3)), np.full((2, 3), 0.25))
    np.testing.assert_array_equal(Constant([1, 2, 3])((2, 3)), [[1, 2, 3], [1, 2, 3]])
    for shape in ((3, 3), (2, 5), (5, 2), (0, 2), (2, 0)):
        np.testing.assert_array_equal(Identity(2.0)(shape), 2 * np.eye(*shape))


@sources
@pytest.mark.parametrize("shape", [(5, 5), (9, 4), (4, 9), (3, 3, 2, 7), (64, 65), (1, 1)])
def test_orthogonal_is_orthogonal(shape, source):
    w = Orthogonal(gain=3.0)(shape, "float64", rng=source()).reshape(-1, shape[-1])
    w = w if w.shape[0] >= w.shape[1] else w.T
    np.testing.assert_allclose(w.T @ w, 9 * np.eye(w.shape[1]), atol=1e-13)


def test_orthogonal_from_numpy_is_the_factorisation_of_numpy_numbers():
    for shape in ((6, 4), (4, 6)):
        a = np.random.RandomState(5).normal(size=(6, 4))
        q, r = np.linalg.qr(a)
        q = q * np.sign(np.diag(r))
        expected = q if shape == (6, 4) else q.T
        ours = Orthogonal()(shape, "float64", rng=np.random.RandomState(5))
        np.testing.assert_allclose(ours, expected, atol=1e-14)


@each
def test_names_classes_and_configurations_lead_to_the_same(name, initializer):
    cls = type(initializer)
    same = [
        initializers.get(name),
        initializers.get(cls.__name__),
        initializers.get(cls),
        initializers.get(initializer),
        getattr(initializers, name)(),
        initializers.get({"class_name": cls.__name__, "config": initializer.get_config()}),
        initializers.deserialize(json.loads(json.dumps(initializers.serialize(initializer)))),
        cls.from_config(initializer.get_config()),
        initializer.clone(),
        pickle.loads(pickle.dumps(initializer)),
        eval(repr(initializer), vars(initializers)),
    ]
    for other in same:
        assert type(other) is cls
        assert other == initializer
        assert hash(other) == hash(initializer)


def test_configurations_hold_the_arguments():
    for initializer in (
        Constant([1.0, 2.0]),
        RandomUniform(-1, 2, seed=3),
        TruncatedNormal(1, 2, seed=[1, 2]),
        VarianceScaling(2, "fan_out", "uniform", 7),
        HeNormal(seed=2**80),
        Orthogonal(0.5, seed=1),
    ):
        twin = initializers.deserialize(json.loads(json.dumps(initializers.serialize(initializer))))
        assert twin == initializer
        assert twin != type(initializer)()
        np.testing.assert_array_equal(twin((4, 2), rng=1), initializer((4, 2), rng=1))
    with pytest.raises(TypeError, match="JSON"):
        initializers.serialize(HeNormal(seed=np.random.default_rng(0)))
    with pytest.raises(TypeError, match="JSON"):
        initializers.serialize(initializers.get(np.zeros))
    assert VarianceScaling(distribution="normal").distribution == "truncated_normal"


def test_keras_configurations_are_understood():
    config = {
        "module": "keras.initializers",
        "class_name": "HeNormal",
        "config": {"seed": None},
        "registered_name": None,
    }
    assert initializers.get(config) == HeNormal()


@pytest.mark.parametrize(
    ("alias", "cls"),
    [
        ("XavierUniform", GlorotUniform),
        ("XavierNormal", GlorotNormal),
        ("IdentityInitializer", Identity),
        ("OrthogonalInitializer", Orthogonal),
        ("zeros_initializer", Zeros),
        ("random_normal_initializer", RandomNormal),
    ],
)
def test_older_names_are_the_same_classes(alias, cls):
    assert getattr(initializers, alias) is cls


@pytest.mark.parametrize(("name", "cls"), [("normal", RandomNormal), ("uniform", RandomUniform)])
def test_older_strings_are_understood(name, cls):
    assert initializers.get(name) == cls()


@each_random
def test_seeds_repeat_and_their_absence_does_not(initializer):
    cls = type(initializer)
    seeded = cls(seed=5)
    np.testing.assert_array_equal(seeded((4, 3)), seeded((4, 3)))
    np.testing.assert_array_equal(seeded((4, 3)), cls()((4, 3), rng=5))
    assert (seeded((4, 3)) != seeded((4, 3), rng=6)).any()
    unseeded = cls()
    assert (unseeded((4, 3)) != unseeded((4, 3))).any()
    generator = cls(seed=np.random.default_rng(1))
    assert (generator((4, 3)) != generator((4, 3))).any()


@each_random
def test_parameters_of_one_network_never_share_numbers(initializer):
    cls = type(initializer)
    network = Stream(1)
    paths = ["dense/kernel", "dense_1/kernel"]
    for shared in (cls(), cls(seed=5), cls(seed=Stream(5, "mine"))):
        a, b = (shared.for_parameter((4, 4), "float32", network.at(path)) for path in paths)
        again = shared.for_parameter((4, 4), "float32", network.at(paths[0]))
        assert (a != b).any()
        np.testing.assert_array_equal(a, again)
    # A seed of its own makes the values independent of the network's.
    own = [cls(seed=5).for_parameter((4, 4), "float32", Stream(n, "k")) for n in (1, 2)]
    np.testing.assert_array_equal(*own)
    numpy = np.random.RandomState(0)
    a, b = (cls(seed=5).for_parameter((4, 4), "float32", numpy, path=path) for path in paths)
    assert (a != b).any()


# The documents' functions, as they are written there.


def documents_xavier_init(shape):
    limit = np.sqrt(6 / sum(shape))
    return np.random.uniform(-limit, limit, size=shape)


def documents_he_init(shape):
    std_dev = np.sqrt(2 / shape[0])
    return np.random.normal(0, std_dev, size=shape)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(xavier_init, documents_xavier_init), (he_init, documents_he_init)]
)
@pytest.mark.parametrize("shape", [(256, 128), (7,), (3, 3, 4, 5), (1, 0)])
@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1])
def test_the_documents_functions_bit_for_bit(ours, theirs, shape, seed):
    state = np.random.get_state()
    try:
        np.random.seed(seed)
        expected = [theirs(shape), theirs(shape)]
    finally:
        np.random.set_state(state)
    rng = np.random.RandomState(seed)
    for array in expected:
        found = ours(shape, rng=rng)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, array)


def test_the_documents_functions_from_a_seed():
    for function, std in ((xavier_init, math.sqrt(2 / 384)), (he_init, math.sqrt(2 / 256))):
        w = function((256, 128), rng=1)
        assert w.dtype == np.float64
        assert abs(w.std() / std - 1) < 0.02
        np.testing.assert_array_equal(w, function((256, 128), rng=1))
        assert (function((4, 4)) != function((4, 4))).any()
    for shape in ((), (0,), (0, 0)):
        for function in (xavier_init, he_init):
            with pytest.raises(ShapeError):
                function(shape)


# Functions and classes of users.


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda shape, n: np.zeros(shape), r"<lambda>: expected a function .*\(shape, n\)"),
        (lambda key, shape, dtype: np.zeros(shape), "JAX's order; wrap it"),
        (lambda shape: "abc", "expected an array of numbers, found 'abc'"),
        (lambda shape: None, "expected an array of numbers, found None"),
    ],
)
def test_functions_that_are_no_initializers_say_so(function, message):
    with pytest.raises(TypeError, match=message):
        initializers.get(function)((2, 3), "float32")


@pytest.mark.parametrize("name", ["sparse", "sparse_", initializers.Sparse])
def test_a_name_that_does_not_tell_all_says_what_to_give(name):
    with pytest.raises(ValueError, match=r"does not tell sparsity; give .*Sparse\(sparsity="):
        initializers.get(name)


def test_functions_are_initializers():
    def only_shape(shape):
        return np.full(shape, 2)

    def with_dtype(shape, dtype=None):
        assert dtype == "float64"
        return np.full(shape, 3, dtype)

    def with_rng(shape, *, rng=None):
        return he_init(shape, rng=rng)

    for function in (only_shape, with_dtype, with_rng, he_init, np.ones):
        initializer = initializers.get(function)
        w = initializer.for_parameter((2, 3), "float64", Stream(1, "k"))
        assert w.shape == (2, 3)
        assert w.dtype == np.float64
        assert initializer.for_parameter((2, 3), "float64", Stream(1, "k")).tobytes() == w.tobytes()
    wrong = initializers.get(lambda shape: np.zeros(3))
    with pytest.raises(ShapeError, match=r"\(2, 3\)"):
        wrong((2, 3))


def test_users_derive_their_own():
    class Mine(Initializer):
        def __init__(self, level=1.0):
            self.level = level

        def __call__(self, shape, dtype=None, **kwargs):
            return np.full(shape, self.level, dtype)

        def get_config(self):
            return {"level": self.level}

    mine = Mine(0.5)
    assert repr(mine) == "Mine(level=0.5)"
    assert mine == Mine(0.5) != Mine()
    np.testing.assert_array_equal(mine.for_parameter((2,), "float32", Stream(0)), [0.5, 0.5])
    assert initializers.deserialize(initializers.serialize(mine), {"Mine": Mine}) == mine
    assert initializers.get(mine) is mine
    assert initializers.get(None) is None
    with pytest.raises(NotImplementedError, match="__call__"):
        Initializer()((2, 2))


# Bad input.


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: RandomUniform(1, 0), ValueError),
        (lambda: RandomUniform(math.nan, 1), ValueError),
        (lambda: RandomUniform(0, math.inf), ValueError),
        (lambda: RandomUniform(0, 10**400), ValueError),
        (lambda: RandomUniform("0", 1), TypeError),
        (lambda: RandomUniform(None, 1), TypeError),
        (lambda: RandomUniform(-1.7e308, 1.7e308), ValueError),
        (lambda: RandomNormal(math.nan), ValueError),
        (lambda: RandomNormal(0, -1), ValueError),
        (lambda: TruncatedNormal(0, -1e-9), ValueError),
        (lambda: TruncatedNormal(0, math.inf), ValueError),
        (lambda: VarianceScaling(0), ValueError),
        (lambda: VarianceScaling(-1), ValueError),
        (lambda: VarianceScaling(math.nan), ValueError),
        (lambda: VarianceScaling([1, 2]), TypeError),
        (lambda: VarianceScaling(1, "fan_inn"), ValueError),
        (lambda: VarianceScaling(1, None), TypeError),
        (lambda: VarianceScaling(1, "fan_in", "gaussian"), ValueError),
        (lambda: Constant(math.nan), ValueError),
        (lambda: Constant([1, math.inf]), ValueError),
        (lambda: Constant("1"), TypeError),
        (lambda: Identity(math.inf), ValueError),
        (lambda: Orthogonal(math.nan), ValueError),
        (lambda: HeNormal(seed=-1), ValueError),
        (lambda: HeNormal(seed=1.5), TypeError),
        (lambda: initializers.get(3), TypeError),
        (lambda: initializers.get({"config": {}}), ValueError),
        (lambda: initializers.serialize("zeros"), TypeError),
    ],
)
def test_arguments_that_mean_nothing_are_refused(make, error):
    with pytest.raises(error) as caught:
        make()
    assert type(caught.value) is error
    assert str(caught.value)


def test_unknown_names_suggest_the_close_ones():
    with pytest.raises(ValueError, match="did you mean 'he_normal'"):
        initializers.get("he_normall")
    with pytest.raises(ValueError, match="did you mean 'fan_in'"):
        VarianceScaling(1, "fan_inn")


@each
@pytest.mark.parametrize(
    ("shape", "errors"),
    [
        ((2, -1), ShapeError),
        ((2**40, 2**40), (ShapeError, MemoryError)),
        ((2**22, 2**22), (ShapeError, MemoryError)),
        ((2**70, 2), ShapeError),
        ((2**40, 0, 2**40), ShapeError),
        ((1,) * 100, ShapeError),
        ((2.0, 3), TypeError),
        (("2", 3), TypeError),
        ((None, 3), TypeError),
        ("ab", TypeError),
        (None, TypeError),
        (2.5, TypeError),
    ],
)
def test_shapes_that_cannot_be_are_refused(name, initializer, shape, errors):
    for rng in (0, np.random.RandomState(0)):
        with pytest.raises(errors):
            initializer(shape, rng=rng)


@each
@pytest.mark.parametrize("dtype", ["float128", "int32", "f99", complex, ">f4", ">f2", object, 3])
def test_other_dtypes_are_refused(name, initializer, dtype):
    with pytest.raises(TypeError, match="float32 or float64"):
        initializer((2, 2), dtype)


@each
def test_dtypes_have_many_names(name, initializer):
    for dtype in (np.float64, "float64", "f8", float, np.dtype("float64")):
        assert initializer((2, 2), dtype).dtype == np.float64
    assert initializer((2, 2)).dtype == np.float32


@pytest.mark.parametrize("shape", [(), (3,), 3])
def test_matrices_have_two_dimensions(shape):
    for initializer in (Identity(), Orthogonal()):
        for rng in (0, np.random.default_rng(0)):
            with pytest.raises(ShapeError, match="2 dimensions"):
                initializer(shape, rng=rng)
    with pytest.raises(ShapeError, match="2 dimensions"):
        Identity()((2, 2, 2))
    with pytest.raises(ShapeError, match="broadcasts"):
        Constant([1, 2, 3])((2, 2))


def test_values_that_float32_cannot_hold_are_refused():
    for initializer in (
        Constant(1e300),
        RandomUniform(0, 1e300),
        RandomNormal(0, 1e300),
        TruncatedNormal(1e300, 1),
        Identity(1e300),
        Orthogonal(1e300),
    ):
        assert np.isfinite(initializer((3, 3), "float64", rng=0)).all()
        with pytest.raises(ValueError, match="float32"):
            initializer((3, 3), "float32", rng=0)


def test_no_spread_is_the_mean():
    for initializer in (RandomNormal(2, 0), TruncatedNormal(2, 0), RandomUniform(2, 2)):
        for rng in (0, np.random.RandomState(0)):
            np.testing.assert_array_equal(initializer((3, 3), rng=rng), np.full((3, 3), 2.0))


@settings(deadline=None)
@given(
    shape=st.lists(st.integers(0, 7), min_size=2, max_size=5).map(tuple),
    dtype=st.sampled_from(["float32", "float64"]),
    index=st.integers(0, len(ALL) - 1),
    seed=st.integers(0, 2**70),
)
def test_any_shape_is_filled_with_finite_numbers(shape, dtype, index, seed):
    name, initializer = ALL[index]
    shape = shape[:2] if name == "identity" else shape
    w = initializer(shape, dtype, rng=seed)
    assert w.shape == shape
    assert w.dtype == dtype
    assert np.isfinite(w).all()
    assert w.tobytes() == initializer(shape, dtype, rng=seed).tobytes()
