"""Gains agree with closed forms, with integrals at 30 digits, and with torch's table."""

import functools
import math

import fanin
import numpy as np
import pytest
from fanin import activations, layers
from fanin.errors import ShapeError
from fanin.initializers import VarianceScaling
from fanin.initializers._gains import TORCH_GAINS
from hypothesis import given, settings
from hypothesis import strategies as st

# By mpmath at 30 digits: 1/sqrt(quad(f(z)**2 * npdf(z))), the same of diff(f), z from -16 to 16.
PRECISE = {
    "tanh": (1.59253741972283, 1.4674135916308),
    "sigmoid": (1.84622854533861, 4.72264608593797),
    "silu": (1.67653247033109, 1.6233202579525),
    "softplus": (1.0418668355353, 1.84622854533861),
    "softsign": (2.33753336310854, 2.09578060894331),
    "mish": (1.48684758127321, 1.44475523254732),
    "elu": (1.24519830070071, 1.22342855755262),
    "gelu": (1.53353044119554, 1.48111441270835),
    "relu": (math.sqrt(2), math.sqrt(2)),
    "linear": (1.0, 1.0),
    "exponential": (math.exp(-1), math.exp(-1)),
    "sin": (1 / math.sqrt((1 - math.exp(-2)) / 2), 1 / math.sqrt((1 + math.exp(-2)) / 2)),
}
# As published: E φ² and E φ'² to six places.
TABLE = {
    "relu": (0.5, 0.5),
    "tanh": (0.394294, 0.464403),
    "sigmoid": (0.293379, 0.044836),
    "selu": (1.0, 1.071575),
    "elu": (0.644945, 0.668102),
    "gelu": (0.425221, 0.455851),
    "silu": (0.355776, 0.379482),
    "softplus": (0.921246, 0.293379),
    "softsign": (0.183014, 0.227671),
}
EXACT = {name: getattr(activations, name) for name in activations.__all__ if name in TABLE}


@pytest.mark.parametrize("name", PRECISE)
def test_of_names_to_ten_digits(name):
    forward, backward = PRECISE[name]
    assert fanin.gain(name) == pytest.approx(forward, rel=1e-9)
    assert fanin.gain(name, "backward") == pytest.approx(backward, rel=1e-9)


@pytest.mark.parametrize("name", TABLE)
def test_of_the_table(name):
    forward, backward = TABLE[name]
    assert fanin.gain(name) ** -2 == pytest.approx(forward, abs=6e-7)
    assert fanin.gain(name, "backward") ** -2 == pytest.approx(backward, abs=6e-7)


def test_closed_form_of_the_exact_gelu():
    # E (z P(Z <= z))² and E (P + z p)², by Gaussian integration by parts.
    forward = 0.25 + (math.asin(0.5) / (2 * math.pi)) + 1 / (2 * math.pi * math.sqrt(3))
    assert fanin.gain("gelu") ** -2 == pytest.approx(forward, rel=1e-11)


def test_every_activation_that_acts_on_units_has_a_gain():
    others = {"deserialize", "get", "serialize", *activations.MIXING, "threshold"}
    for name in set(activations.__all__) - others:
        assert fanin.gain(name) > 0
        if name != "hard_shrink":  # which jumps
            assert fanin.gain(name, "backward") > 0


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 2))
def test_of_a_leaky_slope(slope):
    expected = math.sqrt(2 / (1 + slope**2))
    for activation in (
        functools.partial(activations.leaky_relu, negative_slope=slope),
        lambda x: np.where(x > 0, x, slope * x),
    ):
        assert fanin.gain(activation) == pytest.approx(expected, rel=1e-9)
        assert fanin.gain(activation, "backward") == pytest.approx(expected, rel=1e-6)
    assert fanin.gain("leaky_relu", negative_slope=slope) == pytest.approx(expected, rel=1e-9)


def test_of_layers_and_configurations():
    assert fanin.gain(layers.LeakyReLU(0.5)) == fanin.gain("leaky_relu", negative_slope=0.5)
    assert fanin.gain(layers.Activation("tanh")) == fanin.gain("tanh")
    assert fanin.gain({"class_name": "elu", "config": {"alpha": 0.5}}) == fanin.gain(
        "elu", alpha=0.5
    )
    assert fanin.gain(None) == pytest.approx(1)


def normal_cdf(x):
    return math.erfc(-x / math.sqrt(2)) / 2


@settings(max_examples=40, deadline=None)
@given(st.floats(-3, 3))
def test_a_kink_anywhere(place):
    # relu(z - t): E φ² = (1 + t²) P(z > t) - t p(t), E φ'² = P(z > t).
    above, density = normal_cdf(-place), math.exp(-place * place / 2) / math.sqrt(2 * math.pi)

    def shifted(x):
        return np.maximum(x - place, 0)

    forward = (1 + place**2) * above - place * density
    assert fanin.gain(shifted) ** -2 == pytest.approx(forward, rel=1e-9)
    assert fanin.gain(shifted, "backward") ** -2 == pytest.approx(above, rel=1e-6)
    exact = fanin.gain(shifted, "backward", derivative=lambda x: x > place)
    assert exact**-2 == pytest.approx(above, rel=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.floats(-3, 3))
def test_a_jump_anywhere(place):
    assert fanin.gain(lambda x: (x > place) * 2.0) ** -2 == pytest.approx(
        4 * normal_cdf(-place), rel=1e-8
    )


def test_derivatives_from_values_agree_with_exact_ones():
    for name, function in EXACT.items():
        # A foreign function of the same values: nothing but values is known of it.
        numerical = fanin.gain(lambda x, f=function: f(x), "backward")
        assert numerical == pytest.approx(fanin.gain(name, "backward"), rel=1e-6)


def test_torchs_table_is_that_of_calculate_gain():
    for name in TORCH_GAINS:
        assert fanin.gain(name, "torch") == fanin.init.calculate_gain(name)
    again = fanin.init.calculate_gain("leaky_relu", 0.3)
    assert fanin.gain("leaky_relu", "torch", negative_slope=0.3) == again


def test_torch_table():
    assert fanin.gain("tanh", "torch") == 5 / 3
    assert fanin.gain("selu", "torch") == 0.75
    assert fanin.gain("relu", "torch") == math.sqrt(2)
    assert fanin.gain("leaky_relu", "torch") == math.sqrt(2 / (1 + 0.01**2))
    assert fanin.gain("leaky_relu", "torch", negative_slope=0.2) == math.sqrt(2 / (1 + 0.2**2))
    for name in ("linear", "sigmoid", "conv1d", "conv2d", "conv3d", "conv_transpose2d"):
        assert fanin.gain(name, "torch") == 1
    with pytest.raises(ValueError, match="torch's table of gains 'gelu'"):
        fanin.gain("gelu", "torch")
    with pytest.raises(TypeError, match=r"negative_slope: expected a number .*, found True"):
        fanin.gain("leaky_relu", "torch", negative_slope=True)


@pytest.mark.parametrize(
    ("activation", "mode", "error", "message"),
    [
        ("rleu", "forward", ValueError, "did you mean 'relu'"),
        ("softmax", "forward", ValueError, "mixes the units"),
        ("relu", "sideways", ValueError, "unknown mode 'sideways'"),
        (3, "forward", TypeError, "a name or a function"),
        (lambda x: np.exp(x * x), "forward", ValueError, "not finite|grows too fast"),
        (lambda x: x[:1], "forward", ShapeError, "of the shape it is given"),
        (lambda x: x.sum(), "forward", ShapeError, "of the shape it is given"),
        (lambda x: x * 1j, "forward", TypeError, "real numbers"),
        (lambda x: x * 0, "forward", ValueError, "0 everywhere"),
        (np.log, "forward", ValueError, "'log': expected numbers, found NaN at"),
        (lambda x: 1 / np.abs(x - 0.1), "forward", ValueError, "converge|not finite"),
        (np.sign, "backward", ValueError, "jumps"),
        (np.floor, "backward", ValueError, "jumps"),
        (lambda x: np.sqrt(np.abs(x)), "backward", ValueError, "converge"),
    ],
)
def test_refusals(activation, mode, error, message):
    with pytest.raises(error, match=message):
        fanin.gain(activation, mode)


def test_options_belong_to_names():
    with pytest.raises(TypeError, match="takes its options itself"):
        fanin.gain(np.tanh, slope=1)
    with pytest.raises(TypeError, match="no options"):
        fanin.gain("sin", beta=1)


def test_the_options_of_an_activation_reach_its_gain():
    made = VarianceScaling.for_activation("leaky_relu", negative_slope=0.2, groups=2)
    assert made.scale == pytest.approx(2 / (1 + 0.2**2), rel=1e-9)
    assert made.get_config()["groups"] == 2
    with pytest.raises(TypeError, match="slope"):
        VarianceScaling.for_activation("relu", slope=0.2)
