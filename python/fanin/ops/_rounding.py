"""Whole numbers, remainders, and numbers that are none."""

from typing import Any

from fanin import _checks
from fanin.layers._value import Value
from fanin.ops._apply import combine, one, operate
from fanin.ops._arithmetic import divide, multiply


def floor(x: Any) -> Any:
    """Whole number below each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The whole numbers; the gradient is 0.

    Examples
    --------
    >>> floor([1.5, -1.5])
    array([ 1., -2.])
    """
    return operate("floor", [one("x", x)])


def ceil(x: Any) -> Any:
    """Whole number above each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The whole numbers; the gradient is 0.

    Examples
    --------
    >>> ceil([1.5, -1.5])
    array([ 2., -1.])
    """
    return operate("ceil", [one("x", x)])


def trunc(x: Any) -> Any:
    """Whole number towards 0 from each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The whole numbers; the gradient is 0.

    Examples
    --------
    >>> trunc([1.5, -1.5])
    array([ 1., -1.])
    """
    return operate("trunc", [one("x", x)])


def round(x: Any, decimals: int = 0) -> Any:
    """Nearest number of so many decimals.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    decimals : int, default 0
        How many decimals are left; fewer than 0 round to tens and so on.

    Returns
    -------
    ndarray or Value
        The numbers, the even one of two that are as near; the gradient is 0.

    Examples
    --------
    >>> round([1.5, 2.5, -0.6])
    array([ 2.,  2., -1.])
    """
    places = _checks.integer("decimals", decimals, minimum=-300, maximum=300)
    x = one("x", x)
    if places == 0:
        return operate("round", [x])
    factor = 10.0 ** abs(places)
    if places < 0:
        return multiply(operate("round", [divide(x, factor)]), factor)
    return divide(operate("round", [multiply(x, factor)]), factor)


def mod(x1: Any, x2: Any) -> Any:
    """Remainder of a division, of the sign of the divisor; also ``x1 % x2``.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The remainders; NaN of a division by 0.

    Examples
    --------
    >>> mod([5.0, -5.0], 3.0)
    array([2., 1.])
    """
    return combine("mod", ("x1", "x2"), (x1, x2))


def floor_divide(x1: Any, x2: Any) -> Any:
    """Whole number below a quotient; also ``x1 // x2``.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The whole numbers; the gradient is 0.

    Examples
    --------
    >>> floor_divide([5.0, -5.0], 3.0)
    array([ 1., -2.])
    """
    return combine("floor_divide", ("x1", "x2"), (x1, x2))


def isfinite(x: Any) -> Any:
    """Whether each number is neither infinite nor NaN.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        1 where it is, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> isfinite([1.0, float('inf'), float('nan')])
    array([ True, False, False])
    """
    return _flags("isfinite", x)


def isinf(x: Any) -> Any:
    """Whether each number is infinite.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        1 where it is, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> isinf([1.0, float('inf'), float('nan')])
    array([False,  True, False])
    """
    return _flags("isinf", x)


def isnan(x: Any) -> Any:
    """Whether each number is NaN.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        1 where it is, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> isnan([1.0, float('inf'), float('nan')])
    array([False, False,  True])
    """
    return _flags("isnan", x)


def _flags(operation: str, x: Any) -> Any:
    made = operate(operation, [one("x", x)])
    return made if isinstance(made, Value) else made != 0
