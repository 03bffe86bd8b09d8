"""Arithmetic, number by number."""

import math
from typing import Any

import numpy as np

from fanin import _checks
from fanin.layers._value import Value
from fanin.layers._variable import resolved
from fanin.ops._apply import as_number, combine, one, operate


def add(x1: Any, x2: Any) -> Any:
    """Sum of two operands, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The sum.

    Examples
    --------
    >>> add([1.0, 2.0], 3.0)
    array([4., 5.])
    """
    return combine("add", ("x1", "x2"), (x1, x2))


def subtract(x1: Any, x2: Any) -> Any:
    """First operand minus the second, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The difference.

    Examples
    --------
    >>> subtract([1.0, 2.0], 3.0)
    array([-2., -1.])
    """
    return combine("subtract", ("x1", "x2"), (x1, x2))


def multiply(x1: Any, x2: Any) -> Any:
    """Product of two operands, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The product.

    Examples
    --------
    >>> multiply([1.0, 2.0], 3.0)
    array([3., 6.])
    """
    return combine("multiply", ("x1", "x2"), (x1, x2))


def divide(x1: Any, x2: Any) -> Any:
    """First operand divided by the second, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The quotient.

    Examples
    --------
    >>> divide([1.0, 2.0], 2.0)
    array([0.5, 1. ])
    """
    return combine("divide", ("x1", "x2"), (x1, x2))


def maximum(x1: Any, x2: Any) -> Any:
    """Larger one of two operands, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The larger numbers; NaN where one is. Equal ones share the gradient.

    Examples
    --------
    >>> maximum([-1.0, 2.0], 0.0)
    array([0., 2.])
    """
    return combine("maximum", ("x1", "x2"), (x1, x2))


def minimum(x1: Any, x2: Any) -> Any:
    """Smaller one of two operands, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The smaller numbers; NaN where one is. Equal ones share the gradient.

    Examples
    --------
    >>> minimum([-1.0, 2.0], 0.0)
    array([-1.,  0.])
    """
    return combine("minimum", ("x1", "x2"), (x1, x2))


def power(x1: Any, x2: Any) -> Any:
    """Power of each number; also ``x1**x2``.

    Parameters
    ----------
    x1 : array_like, number or Value
        The bases.
    x2 : array_like, number or Value
        The exponents; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The powers: NaN below 0 unless the exponent is whole.

    Examples
    --------
    >>> power([1.0, 3.0], 2)
    array([1., 9.])
    >>> power(2, [1.0, 3.0])
    array([2., 8.])
    """
    exponent = as_number("x2", resolved(x2))
    if exponent is None or as_number("x1", resolved(x1)) is not None:
        return combine("power", ("x1", "x2"), (x1, x2))
    return operate("power", [one("x1", x1)], exponent=_checks.number("x2", x2))


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Bring each number within two bounds.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    x_min : array_like, number or Value
        Least number of the result; None is none.
    x_max : array_like, number or Value
        Largest one; None is none.

    Returns
    -------
    ndarray or Value
        The numbers, or the bound that they are beyond; there the gradient is 0.

    Raises
    ------
    ValueError
        If two numbers are in the wrong order.

    Examples
    --------
    >>> clip([-1.0, 0.5, 2.0], 0.0, 1.0)
    array([0. , 0.5, 1. ])
    >>> clip([-1.0, 0.5, 2.0], None, 1.0)
    array([-1. ,  0.5,  1. ])
    """
    low = -math.inf if x_min is None else _bound("x_min", x_min)
    high = math.inf if x_max is None else _bound("x_max", x_max)
    if low is None or high is None:
        bounded = x if x_min is None else maximum(x, x_min)
        return bounded if x_max is None else minimum(bounded, x_max)
    if low > high:
        raise ValueError(f"x_max: expected a number of at least x_min, {low:g}, found {high:g}")
    return operate("clip", [one("x", x)], low=low, high=high)


def _bound(name: str, bound: Any) -> float | None:
    """Return a bound that is a number, as one; None for arrays and values."""
    bound = resolved(bound)
    if isinstance(bound, Value | np.ndarray | list | tuple) and np.ndim(bound):
        return None
    return _checks.number_or_infinity(name, bound)


def negative(x: Any) -> Any:
    """Negative of each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The negatives.

    Examples
    --------
    >>> negative([1.0, -2.0])
    array([-1.,  2.])
    """
    return multiply(x, -1.0)


def absolute(x: Any) -> Any:
    """Absolute value of each number; also called `abs`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The absolute values; at 0 the gradient is 0.

    Examples
    --------
    >>> absolute([1.0, -2.0])
    array([1., 2.])
    """
    return operate("absolute", [one("x", x)])


def sign(x: Any) -> Any:
    """Sign of each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        1 above 0, -1 below, 0 at 0; the gradient is 0.

    Examples
    --------
    >>> sign([3.0, 0.0, -2.0])
    array([ 1.,  0., -1.])
    """
    return operate("sign", [one("x", x)])


def square(x: Any) -> Any:
    """Square of each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The squares.

    Examples
    --------
    >>> square([3.0, -2.0])
    array([9., 4.])
    """
    return operate("square", [one("x", x)])


def sqrt(x: Any) -> Any:
    """Square root of each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The roots: NaN below 0.

    Examples
    --------
    >>> sqrt([9.0, 4.0])
    array([3., 2.])
    """
    return operate("sqrt", [one("x", x)])


def rsqrt(x: Any) -> Any:
    """One divided by the square root of each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The quotients: infinite at 0, NaN below.

    Examples
    --------
    >>> rsqrt([4.0, 16.0])
    array([0.5 , 0.25])
    """
    return operate("rsqrt", [one("x", x)])


def reciprocal(x: Any) -> Any:
    """One divided by each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The quotients.

    Examples
    --------
    >>> reciprocal([4.0, -2.0])
    array([ 0.25, -0.5 ])
    """
    return divide(1.0, x)


def exp(x: Any) -> Any:
    """Exponential function of each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        e to the power of each.

    Examples
    --------
    >>> exp([0.0, 1.0]).round(4)
    array([1.    , 2.7183])
    """
    return operate("exp", [one("x", x)])


def expm1(x: Any) -> Any:
    """Exponential function of each number minus 1, accurate near 0.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> expm1([0.0, 1.0]).round(4)
    array([0.    , 1.7183])
    """
    return operate("expm1", [one("x", x)])


def log(x: Any) -> Any:
    """Natural logarithm of each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The logarithms: minus infinity at 0, NaN below.

    Examples
    --------
    >>> log([1.0, 10.0]).round(4)
    array([0.    , 2.3026])
    """
    return operate("log", [one("x", x)])


def log1p(x: Any) -> Any:
    """Natural logarithm of one plus each number, accurate near 0.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The logarithms.

    Examples
    --------
    >>> log1p([0.0, 9.0]).round(4)
    array([0.    , 2.3026])
    """
    return operate("log1p", [one("x", x)])
