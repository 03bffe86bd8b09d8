"""What `explain` says is what is drawn, and it warns of what is known to go wrong."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from fanin import activations, initializers
from fanin.errors import ShapeError
from fanin.initializers import (
    Constant,
    DeltaOrthogonal,
    Dirac,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LooksLinear,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    SklearnDefault,
    Sparse,
    TorchDefault,
    TruncatedNormal,
    VarianceScaling,
    ZerO,
    Zeros,
    _suitability,
)

SHAPE = (300, 200)
EVERY = [
    (GlorotNormal(), SHAPE),
    (GlorotNormal(truncated=False), SHAPE),
    (GlorotUniform(), SHAPE),
    (HeNormal(mode="fan_geo_avg"), SHAPE),
    (HeUniform(negative_slope=0.3), SHAPE),
    (LecunNormal(groups=4), (3, 3, 20, 80)),
    (initializers.LecunUniform(), SHAPE),
    (VarianceScaling(0.3, "fan_out", transposed=True), (3, 3, 20, 80)),
    (RandomNormal(1.0, 2.0), SHAPE),
    (RandomUniform(-1, 3), SHAPE),
    (TruncatedNormal(1.0, 2.0), SHAPE),
    (TruncatedNormal(1.0, 2.0, lower=0.5, upper=math.inf), SHAPE),
    (TorchDefault(), SHAPE),
    (SklearnDefault("logistic"), SHAPE),
    (initializers.StudentT(30.0, scale="he"), SHAPE),
    (initializers.Laplace(1.0), SHAPE),
    (initializers.Logistic(scale="lecun", groups=4), (3, 3, 20, 80)),
    (initializers.Beta(0.5, 3.0, -1.0, 2.0), SHAPE),
    (Orthogonal(2.0), SHAPE),
    (Orthogonal(2.0, flatten="trailing"), (30, 4, 50)),
    (DeltaOrthogonal(), (3, 150, 200)),
    (LooksLinear(), (100, 200)),
    (Sparse(0.9, 2.0), SHAPE),
    (Zeros(), SHAPE),
    (Ones(), SHAPE),
    (Constant(0.3), SHAPE),
    (Constant(np.arange(200.0)), SHAPE),
    (Identity(3.0), SHAPE),
    (Dirac(2), (3, 10, 20)),
    (ZerO(), SHAPE),
    (ZerO(), (100, 300)),
    (ZerO(True), (3, 8, 20)),
]


@pytest.mark.parametrize(("initializer", "shape"), EVERY, ids=lambda x: repr(x)[:60])
def test_moments_and_bounds_are_those_of_the_values(initializer, shape):
    found = initializer.explain(shape)
    w = initializer(shape, "float64", rng=2)
    error = 6 * found.std / math.sqrt(w.size) + 1e-12
    assert abs(w.mean() - found.mean) <= error
    assert abs(w.var() - found.variance) <= 0.06 * found.variance + 1e-12
    assert found.low - 1e-12 <= w.min()
    assert w.max() <= found.high + 1e-12
    assert repr(initializer) in str(found)
    assert found.formula in found._repr_html_().replace("&#x27;", "'")


def test_every_member_is_explained():
    kinds = {type(initializer) for initializer, _ in EVERY}
    public = {
        found
        for name in initializers.__all__
        if isinstance(found := getattr(initializers, name), type) and issubclass(found, Initializer)
    }
    # Cauchy's distribution has no moments: tests/initializers/test_inverse.py.
    assert public - kinds == {
        *(Initializer, initializers.RandomInitializer, initializers.Cauchy),
    }


FITS = [
    (HeNormal(), "relu"),
    (HeUniform(), "leaky_relu"),
    (HeNormal(), "gelu"),
    (GlorotUniform(), "tanh"),
    (GlorotNormal(), "sigmoid"),
    (GlorotUniform(), "softmax"),
    (Zeros(), None),
    (LecunNormal(), "selu"),
    (Orthogonal(math.sqrt(2)), "relu"),
    (RandomNormal(0.0, math.sqrt(2 / 300)), "relu"),
    (Identity(), "linear"),
    (HeNormal(negative_slope=1.0), "linear"),
    (GlorotUniform(mode="fan_in"), "selu"),
    (VarianceScaling.for_activation("mish"), "mish"),
    (VarianceScaling.for_activation(np.sin), np.sin),
]
FAILS = [
    (GlorotNormal(), "relu", "rectifier"),
    (GlorotUniform(), "silu", "rectifier"),
    (LecunNormal(), "relu", "He"),
    (HeNormal(), "tanh", "saturation"),
    (HeUniform(), "sigmoid", "Glorot"),
    (HeNormal(), "selu", "LecunNormal"),
    (TorchDefault(), "relu", "sixth"),
    (Zeros(), "relu", "nothing is learned"),
    (Ones(), "tanh", "stay equal"),
    (Constant(0.1), "relu", "equal"),
    (RandomNormal(0.0, 1.0), "relu", "explodes"),
    (RandomNormal(0.0, 1.0), "tanh", "saturates"),
    (RandomNormal(0.0, 0.01), "tanh", "vanishes"),
    (RandomUniform(-0.001, 0.001), activations.relu, "vanishes"),
    (VarianceScaling(1.0), "relu", "multiplied by 0.5"),
    (Orthogonal(), "relu", "multiplied by 0.5"),
    (RandomNormal(0.0, 1.0), "mish", "explodes"),
    (RandomNormal(0.0, 1.0), np.sin, "for this activation"),
]


@pytest.mark.parametrize(("initializer", "activation"), FITS)
def test_what_fits_gets_no_warning(initializer, activation):
    shape = (300, 300) if activation else (300,)
    assert initializer.explain(shape, activation=activation).warnings == ()


@pytest.mark.parametrize(("initializer", "activation", "words"), FAILS)
def test_what_does_not_fit_is_named(initializer, activation, words):
    found = initializer.explain((300, 300), activation=activation)
    assert len(found.warnings) == 1
    assert words in found.warnings[0]
    assert found.warnings[0].split(".")[0] in re.sub(r"\s+", " ", str(found))
    assert ">warning</span> " in found._repr_html_()


def test_the_numbers_of_a_bias_are_no_reason_to_warn():
    for initializer in (Zeros(), Ones(), HeNormal(fan_in=300), RandomNormal(0.0, 1.0)):
        assert initializer.explain((300,), activation="tanh").warnings == ()


def test_activations():
    assert HeNormal().explain(SHAPE, activation="swish").activation == "silu"
    assert HeNormal().explain(SHAPE, activation=lambda x: x).activation is None
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        HeNormal().explain(SHAPE, activation="rleu")


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
@pytest.mark.parametrize("scale", [1.0, 2.0, 1 / 3])
def test_the_formula_means_what_is_drawn(mode, scale):
    def value(formula, fan_in, fan_out):
        inside = re.sub(r"^U\(±|^N\(0, ", "", formula).removesuffix(")").replace("·", "*")
        return eval(inside, {"sqrt": math.sqrt, "fan_in": fan_in, "fan_out": fan_out})

    uniform = VarianceScaling(scale, mode, "uniform").explain(SHAPE)
    fans = uniform.fan_in, uniform.fan_out
    assert value(uniform.formula, *fans) == pytest.approx(uniform.high, rel=1e-5)
    normal = VarianceScaling(scale, mode, "untruncated_normal").explain(SHAPE)
    assert value(normal.formula, *fans) == pytest.approx(normal.variance, rel=1e-5)


@pytest.mark.parametrize(
    ("initializer", "theirs"),
    [
        (GlorotUniform(groups=4), math.sqrt(2 / (72 + 288))),
        (HeNormal(transposed=True), math.sqrt(2 / 72)),
        (HeNormal(), None),
    ],
)
def test_others_know_nothing_of_groups_and_transposed_kernels(initializer, theirs):
    found = initializer.explain((3, 3, 8, 32))
    for row in found.elsewhere:
        assert math.sqrt(row.facts.variance) == pytest.approx(theirs or found.std, rel=1e-12)
        assert ("counts fans in 72, out 288" in row.note) == (theirs is not None)


def test_a_vector_does_not_tell_its_fans():
    assert "does not tell inputs from outputs" in HeNormal().explain((5,)).warnings[0]
    with pytest.warns(UserWarning, match=r"shape: \(5,\) does not tell.*give fan_in="):
        HeNormal()((5,), rng=0)
    HeNormal(fan_in=5)((5,), rng=0)  # told: no warning


def test_torchs_orthogonal_counts_torchs_fans():
    found = Orthogonal(math.sqrt(2), flatten="trailing").explain((128, 64, 3, 3), activation="relu")
    assert (found.fan_in, found.fan_out) == (64 * 9, 128 * 9)
    assert found.warnings == ()


def test_nothing_is_drawn():
    rng = np.random.RandomState(0)
    before = rng.get_state()[1].copy()
    HeNormal(seed=rng).explain((2**20, 2**20))
    np.testing.assert_array_equal(rng.get_state()[1], before)


def test_frameworks_stand_in_one_order():
    rows = GlorotNormal().explain(SHAPE).elsewhere
    assert [row.framework for row in rows] == ["torch", "Keras", "JAX"]
    torch, keras, jax = rows
    assert (torch.call, keras.call, jax.call) == ("xavier_normal_", "GlorotNormal", "glorot_normal")
    assert math.isinf(torch.facts.high)
    assert keras.facts.high == pytest.approx(2 / 0.87962566103423978 * math.sqrt(2 / 500))
    vector = GlorotNormal().explain((5,)).elsewhere
    assert vector[0].facts is None
    assert "ValueError" in vector[0].note
    assert vector[1].facts.variance == pytest.approx(1 / 5)


def test_users_own_are_said_to_be_unknown():
    class Mine(Initializer):
        def __call__(self, shape, dtype=None):
            return np.ones(shape, dtype)

    found = Mine().explain((3, 4), "float64", "relu")
    assert math.isnan(found.variance)
    assert found.warnings == ()
    assert "not known" in str(found)


@pytest.mark.parametrize(
    ("initializer", "shape"),
    [(Orthogonal(), (3,)), (Identity(), (2, 2, 2)), (Dirac(), (2, 2)), (Sparse(0.5), (3,))],
)
def test_shapes_that_cannot_be_filled_are_not_explained(initializer, shape):
    with pytest.raises(ShapeError):
        initializer.explain(shape)


def test_html_is_escaped_and_has_no_colours_of_its_own():
    html = Constant(0.5).explain((2, 2), activation="relu")._repr_html_()
    assert "<script" not in html
    assert html.count("<tr>") == html.count("</tr>") > 5
    assert "under the same name, with its defaults" in html


def test_explanations_are_values():
    """Equal where they say the same, copies too, and nobody can change the table behind them."""
    explained = HeNormal().explain((784, 128))
    assert explained == HeNormal().explain((784, 128))
    assert pickle.loads(pickle.dumps(explained)) == copy.deepcopy(explained) == explained
    facts = next(row.facts for row in explained.elsewhere if row.facts is not None)
    assert "variance=" in repr(facts)
    with pytest.raises(AttributeError):
        facts.variance = 9.0


@pytest.mark.parametrize("activation", _suitability.SUITABLE)
def test_what_suits_an_activation_is_warned_of_nowhere(activation):
    assert hasattr(activations, activation)
    for name in _suitability.SUITABLE[activation]:
        assert initializers.get(name).explain((256, 256), activation=activation).warnings == ()


def test_every_advice_is_of_an_initializer_that_fits():
    """What a warning says to use instead brings no warning itself."""
    known = {_suitability._kind(name): name for name in _suitability.SUITABLE} | {
        "saturating": "sigmoid"
    }
    for kind, advice in _suitability._USE.items():
        for name in advice.split(" or "):
            initializer = getattr(initializers, name)()
            assert initializer.explain((256, 256), activation=known[kind]).warnings == (), kind
    assert {kind for _, kind in _suitability._REASONS} == _suitability._USE.keys()
