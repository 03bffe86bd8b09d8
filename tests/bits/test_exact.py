"""Powers and cosines are the numbers nearest to the exact ones, found here in another way."""

import math
import struct
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from fanin import _core
from fanin.optimizers.schedules import CosineDecay, ExponentialDecay
from hypothesis import example, given
from hypothesis import strategies as st

DIGITS = 80


def nearest_power(base, exponent):
    """Return the number nearest to a power, by decimal arithmetic."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = DIGITS, 10**9, -(10**9)
        found = Decimal(base) ** Decimal(exponent)
        if found > Decimal(2) ** 1024:
            return math.inf
        if found < Decimal(2) ** -1076:
            return 0.0
    return float(found)  # correctly rounded, as all decimals that are read


@given(st.floats(1e-5, 3.0), st.integers(1, 2000))
@example(0.9, 1)
@example(0.999, 1000)
@example(float(2**27 + 1), 2)
@example(2.9999999999999996, 2)  # beside the middle of two numbers by 2**-106 of it
def test_whole_powers_are_the_nearest_numbers(base, exponent):
    try:
        expected = float(Fraction(base) ** exponent)  # division of whole numbers rounds once
    except OverflowError:
        expected = math.inf
    assert _core.power(base, float(exponent)) == expected


@given(st.floats(1e-300, 1e300), st.floats(-40.0, 40.0))
@example(0.96, 1 / 3)
@example(1 - 2.0**-53, 2.0**55)
@example(1 + 2.0**-52, -(2.0**54))
@example(5e-324, 0.99)
@example(2.0, -1073.5)
@example(0.25, 1.5)
def test_powers_are_the_nearest_numbers(base, exponent):
    assert _core.power(base, exponent) == nearest_power(base, exponent)


def is_nearest(found, base, quarters):
    """Whether a number is the one nearest to a base to so many quarters, the even one of two."""
    exact = Fraction(base) ** quarters
    below = (Fraction(math.nextafter(found, 0.0)) + Fraction(found)) / 2
    above = (Fraction(found) + Fraction(math.nextafter(found, math.inf))) / 2
    (bits,) = struct.unpack("<Q", struct.pack("<d", found))
    between = below**4 < exact < above**4
    return between or (bits % 2 == 0 and exact in (below**4, above**4))


@given(
    st.integers(1, 2**17),
    st.integers(-40, 40),
    st.integers(-8, 8),
    st.sampled_from([-8, -6, -4, -3, -2, -1, 1, 2, 3, 6, 8, 10, 12, 20]),
)
@example(2, 0, -1, 2)
@example(2, 0, -2, 1)
@example(3, 0, -4, 12)
@example(2**17 - 1, 0, 0, 6)
def test_powers_beside_those_of_short_numbers_are_the_nearest(root, scale, steps, quarters):
    """Where the power of a short number is a number, or the middle of two, or next to one."""
    base = math.ldexp(root, scale) ** (2 if quarters % 2 == 0 else 4)
    base += steps * math.ulp(base)
    assert is_nearest(_core.power(base, quarters / 4), base, quarters)


def inverse_tangent(n):
    """Return arctan(1/n) by its series."""
    return sum(Decimal((-1) ** i) / ((2 * i + 1) * n ** (2 * i + 1)) for i in range(70))


def cosine(share):
    """Return cos(π·share) by Taylor's series, with π of Machin's formula."""
    with localcontext() as context:
        context.prec = DIGITS
        x = 4 * (4 * inverse_tangent(5) - inverse_tangent(239)) * Decimal(share)
        total = term = Decimal(1)
        for n in range(1, 80, 2):
            term *= -x * x / (n * (n + 1))
            total += term
        return float(total)


@given(st.floats(0.0, 1.0))
@example(0.25)
@example(1 / 3)
@example(2.0**-30)
@example(0.5 + 2.0**-53)
def test_cosines_are_the_nearest_numbers(share):
    assert _core.cosine_of_half_turns(share) == cosine(share) or share == 0.5


def test_a_quarter_turn_has_no_cosine():
    assert _core.cosine_of_half_turns(0.5) == 0.0
    assert CosineDecay(0.1, 100)(50) == 0.05


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_a_share_is_from_0_to_1(share):
    with pytest.raises(ValueError, match="share: expected a number from 0 to 1, found"):
        _core.cosine_of_half_turns(share)


def test_a_decay_is_a_power():
    decay = ExponentialDecay(0.1, 7, 0.96)
    assert [decay(step) for step in range(50)] == [
        0.1 * nearest_power(0.96, step / 7) for step in range(50)
    ]


@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos"])
def test_elementary_functions_are_right_to_the_last_places(name):
    x = np.linspace(1e-3, 20.0, 5001)
    x = x if name == "log" else np.concatenate([-x, x])
    found, exact = _core.elementary(name, x), getattr(np, name)(x)
    assert (np.abs(found - exact) <= 2**-51 * np.maximum(np.abs(exact), 2.0**-20)).all()


def test_other_functions_and_types_are_refused():
    with pytest.raises(ValueError, match='name: expected exp, log, sin or cos, found "tan"'):
        _core.elementary("tan", np.zeros(3))
    with pytest.raises(TypeError, match="x: expected a float64 array, found float32 array"):
        _core.elementary("exp", np.zeros(3, "f4"))
