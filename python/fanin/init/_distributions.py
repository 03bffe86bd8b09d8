"""Plain distributions."""

from typing import TypeVar

from fanin import initializers
from fanin._checks import number, number_or_infinity, warn
from fanin.init._fill import drawn, floats, normal
from fanin.random import Rng
from fanin.streams._base import check_order, ordered

T = TypeVar("T")


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Rng = None) -> T:
    """Fill a tensor from the uniform distribution on [a, b).

    Parameters
    ----------
    tensor : array
        Filled in place.
    a, b : float
        Bounds.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If `a` is above `b`, or `tensor` cannot be written to.

    Examples
    --------
    >>> import numpy as np
    >>> w = uniform_(np.empty((3, 5)), -1, 1, generator=0)
    >>> bool((abs(w) <= 1).all())
    True
    """
    view, (low, high) = floats(tensor), ordered(a, b, names=("a", "b"))
    return drawn(tensor, view, initializers.RandomUniform(low, high), generator)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Rng = None) -> T:
    """Fill a tensor from the normal distribution.

    Parameters
    ----------
    tensor : array
        Filled in place.
    mean, std : float
        Mean and standard deviation.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If `std` is negative, or `tensor` cannot be written to.

    Examples
    --------
    >>> import numpy as np
    >>> w = normal_(np.empty((100, 100)), std=0.5, generator=0)
    >>> abs(float(w.std()) - 0.5) < 0.02
    True
    """
    view = floats(tensor)
    return drawn(tensor, view, normal(number("mean", mean), std), generator)


def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Rng = None,
) -> T:
    """Fill a tensor from a normal distribution of which only [a, b] is kept.

    Parameters
    ----------
    tensor : array
        Filled in place.
    mean, std : float
        Mean and standard deviation of the normal, which those of the values are not.
    a, b : float
        Bounds, as values: not in standard deviations. Infinite where there is none.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If `std` is not positive, `a` not below `b`, nothing of the normal lies between them, or
        `tensor` cannot be written to.

    Warns
    -----
    UserWarning
        If the mean is more than two standard deviations outside of [a, b]. torch's values may be
        wrong then; these are right.

    Examples
    --------
    >>> import numpy as np
    >>> w = trunc_normal_(np.empty((3, 5)), std=0.02, generator=0)
    >>> half_normal = trunc_normal_(np.empty((3, 5)), a=0, b=float("inf"), generator=0)
    >>> bool((half_normal >= 0).all())
    True
    """
    view = floats(tensor)
    middle, spread = number("mean", mean), number("std", std, above=0.0)
    low, high = number_or_infinity("a", a), number_or_infinity("b", b)
    check_order(low, high, strictly=True, names=("a", "b"))
    try:
        made = initializers.TruncatedNormal(
            middle, spread, lower=low, upper=high, bounds="absolute"
        )
    except ValueError:
        raise ValueError(
            f"a and b: expected bounds between which N({middle:g}, {spread:g}**2) has some "
            f"probability, found {low:g} and {high:g}"
        ) from None
    if middle < low - 2 * spread or middle > high + 2 * spread:
        warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect."
        )
    return drawn(tensor, view, made, generator)
