"""Student's t, Cauchy, Laplace, logistic and beta: the inverse of each word, scaled by fan."""

import math

import numpy as np
import pytest
from fanin import _core, initializers, streams
from fanin.initializers import Beta, Cauchy, Laplace, Logistic, StudentT
from fanin.random import Stream
from fanin.theory.laws import WeightLaw

N = 200_000
SHAPE = (500, 400)
ALL = [
    StudentT(4.0),
    StudentT(30.0, 1.0, 2.0),
    StudentT(2.5, scale="he"),
    Cauchy(),
    Laplace(),
    Laplace(scale="glorot"),
    Logistic(),
    Logistic(scale="lecun"),
    Beta(2.0, 5.0),
    Beta(0.5, 0.5, -1.0, 1.0),
    Beta(3.0, 1.0, scale="he"),
]
each = pytest.mark.parametrize("initializer", ALL, ids=repr)


def tails(dtype):
    """Probabilities below and above each element, and the words' own order."""
    if dtype == "float32":
        words = _core.philox_words("7", "tails", 0, N).astype(np.float64)
        return (words + 0.5) / 2**32, (2**32 - 1 - words + 0.5) / 2**32
    words = _core.philox_words("7", "tails", 0, 2 * N).reshape(-1, 2, 2, 16).astype(np.uint64)
    whole = (words[:, :, 0] << np.uint64(32) | words[:, :, 1]).ravel()
    below = (whole.astype(np.float64) + 0.5) / 2**64
    return below, ((~whole).astype(np.float64) + 0.5) / 2**64


def draw(law, parameters, dtype):
    return _core.inverse((N,), dtype, "7", "tails", law, parameters).astype(np.float64)


def signed(below, above, size):
    return np.where(below < above, -1.0, 1.0) * size


def middle(below, above):
    return np.abs(above - below)


def laplace(p, c):
    return np.where(c < 0.5, -np.log1p(-c), -np.log(2 * p))


def logistic(p, c):
    return np.where(c < 0.5, 2 * np.arctanh(c), np.log1p(-p) - np.log(p))


def cauchy(p, c):
    return np.where(c < 0.5, np.tan(np.pi / 2 * c), 1 / np.tan(np.pi * p))


def t_of_two(p, c):
    return c / np.sqrt(2 * p * (1 - p))


def t_of_four(p, c):
    # W. T. Shaw, "Sampling Student's T distribution", Journal of Computational Finance 9 (2006).
    root = 2 * np.sqrt(p * (1 - p))
    # Of cos(acos(r)/3)/r - 1 the form without a difference: 4y^3 - 3y = r for the cosine y.
    y = np.cos(np.arccos(root) / 3)
    far = 2 * np.sqrt(np.maximum(y / root - 1, 0))
    near = 2 * np.sqrt(np.maximum(y - root, 0) / root)
    return np.where(c < 0.5, near, far)


CLOSED = [
    ("laplace", [], laplace),
    ("logistic", [], logistic),
    ("cauchy", [], cauchy),
    ("student_t", [1.0], cauchy),
    ("student_t", [2.0], t_of_two),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("law", "own", "inverse"), CLOSED)
def test_each_word_gives_the_number_of_its_tail(law, own, inverse, dtype):
    below, above = tails(dtype)
    p, c = np.minimum(below, above), middle(below, above)
    expected = signed(below, above, inverse(p, c))
    found = draw(law, [*own, 0.0, 1.0], dtype)
    # Near the middle NumPy's own differences round, by some of the 53 places.
    bound = 2e-13 if dtype == "float64" else 1.2e-7
    np.testing.assert_allclose(found, expected, rtol=bound, atol=1e-15)


def test_four_degrees_of_freedom():
    below, above = tails("float64")
    p, c = np.minimum(below, above), middle(below, above)
    found, expected = draw("student_t", [4.0, 0.0, 1.0], "float64"), t_of_four(p, c)
    far = c > 0.2
    np.testing.assert_allclose(np.abs(found)[far], expected[far], rtol=2e-13)


@pytest.mark.parametrize(
    ("a", "b", "inverse"),
    [
        (1.0, 1.0, lambda u, v: u),
        (1.0, 3.0, lambda u, v: -np.expm1(np.where(u < 0.5, np.log1p(-u), np.log(v)) / 3)),
        (0.25, 1.0, lambda u, v: u**4),
        (0.5, 0.5, lambda u, v: np.sin(np.pi / 2 * u) ** 2),
    ],
)
def test_beta_in_closed_form(a, b, inverse):
    below, above = tails("float64")
    found, expected = draw("beta", [a, b, 0.0, 1.0], "float64"), inverse(below, above)
    low = below < 0.5
    np.testing.assert_allclose(found[low], expected[low], rtol=3e-13)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("df", [0.3, 1.7, 3.0, 10.0, 1000.0])
def test_the_inverse_rises_and_is_odd(df):
    below, _ = tails("float64")
    found = draw("student_t", [df, 0.0, 1.0], "float64")
    order = np.argsort(below)
    steps = np.diff(found[order])
    assert (steps >= -1e-13 * np.abs(found[order][1:])).all()
    mirrored = draw("student_t", [df, 0.0, 1.0], "float64")
    np.testing.assert_array_equal(found, mirrored)
    assert abs(np.mean(found > 0) - 0.5) < 4.5 * 0.5 / math.sqrt(N)


@each
def test_moments_are_those_that_explain_tells(initializer):
    facts = initializer.explain(SHAPE)
    w = initializer(SHAPE, "float64", rng=3)
    if math.isnan(facts.mean):
        assert facts.variance == math.inf
        return
    std = math.sqrt(facts.variance)
    assert abs(w.mean() - facts.mean) < 4.5 * std / math.sqrt(w.size)
    heavy = isinstance(initializer, StudentT) and initializer.df < 5
    assert abs(w.var() / facts.variance - 1) < (0.5 if heavy else 0.03)
    assert facts.low <= w.min() <= w.max() <= facts.high


@pytest.mark.parametrize("kind", [lambda **k: StudentT(6.0, **k), Laplace, Logistic])
@pytest.mark.parametrize(
    ("scale", "variance"), [("he", 2 / 500), ("glorot", 2 / 900), ("lecun", 1 / 500)]
)
def test_a_scale_by_name_gives_the_variance(kind, scale, variance):
    assert kind(scale=scale).explain(SHAPE).variance == pytest.approx(variance, rel=1e-14)
    w = kind(scale=scale)(SHAPE, "float64", rng=1)
    assert w.var() == pytest.approx(variance, rel=0.05)
    by_rule = kind(scale=scale, in_axis=1, out_axis=0).explain(SHAPE[::-1])
    assert by_rule.variance == pytest.approx(variance, rel=1e-14)
    assert kind(scale=scale, fan_in=100).explain(SHAPE).fan_in == 100


def test_beta_by_fan_has_a_mean_of_zero():
    found = Beta(2.0, 5.0, scale="LeCun").explain((100, 50))
    assert (found.mean, found.variance) == (pytest.approx(0, abs=1e-17), pytest.approx(0.01))
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: StudentT(2.0, scale="he"), "has no variance that a fan could give, found 'he'"),
        (lambda: Cauchy(scale="lecun"), "Cauchy's distribution has no variance"),
        (lambda: Laplace(scale="kaiming"), "expected 'he' or 'glorot' or 'lecun'"),
        (lambda: StudentT(0.05), "df: expected a number from 0.1 to 1000, found 0.05"),
        (lambda: Beta(0.01, 1.0), "a: expected a number from 0.05 to 1000, found 0.01"),
        (lambda: Beta(1.0, 2000.0), "b: expected a number from 0.05 to 1000, found 2000"),
        (lambda: Beta(1.0, 1.0, 1.0, 0.0), "minval and maxval: expected finite numbers"),
        (lambda: Beta(1.0, 1.0, 0.0, 1.0, scale="he"), "scale: expected None beside minval"),
        (lambda: Laplace(scale=-1.0), "scale: expected a number above 0"),
        (lambda: Logistic(fan_in=3), "fan_in: expected only with a scale by fan"),
    ],
)
def test_what_means_nothing_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_numbers_beyond_the_type_are_refused():
    heavy = StudentT(0.2)
    assert np.isfinite(heavy((1000,), "float64", rng=0)).all()
    with pytest.raises(ValueError, match="mean and scale: expected numbers within the range of"):
        heavy((1000,), "float32", rng=0)


@each
def test_numpy_generators_draw_the_same_distribution(initializer):
    ours = np.sort(initializer((200, 100), "float64", rng=5).ravel())
    for rng in (np.random.default_rng(5), np.random.RandomState(5)):
        theirs = np.sort(initializer((200, 100), "float64", rng=rng).ravel())
        places = np.searchsorted(theirs, ours) / theirs.size
        distance = np.abs(places - np.arange(ours.size) / ours.size).max()
        assert distance < math.sqrt(math.log(2e5) / ours.size)


def test_streams_of_other_frameworks_are_refused():
    with pytest.raises(TypeError, match="rng: expected one of fanin's or NumPy's"):
        Laplace()((3, 4), rng=streams.torch_cpu(0))


@each
def test_names_configurations_and_copies(initializer):
    again = initializers.deserialize(initializers.serialize(initializer))
    assert again == initializer == initializer.clone()
    np.testing.assert_array_equal(again((3, 4), rng=1), initializer((3, 4), rng=1))
    assert repr(initializer).startswith(type(initializer).__name__)
    out = np.empty((3, 4))
    np.testing.assert_array_equal(
        initializer.fill(out, rng=1), initializer((3, 4), "float64", rng=1)
    )


def test_names_that_tell_all():
    assert initializers.get("laplace") == Laplace()
    assert initializers.get("cauchy") == Cauchy()
    assert initializers.get("logistic") == Logistic()
    with pytest.raises(ValueError, match=r"does not tell df; give fanin.initializers.StudentT"):
        initializers.get("student_t")


def test_a_long_array_is_that_of_its_slices():
    stream, n = Stream(3, "long"), (1 << 22) + 1000
    whole = Laplace()((n,), "float32", rng=stream)
    np.testing.assert_array_equal(whole[:1000], Laplace()((1000,), "float32", rng=stream))
    assert whole[-1] != 0


def test_theory_knows_the_variance_or_that_there_is_none():
    law = WeightLaw.of(Laplace(scale="he"), (100, 50))
    assert law.variance == pytest.approx(0.02)
