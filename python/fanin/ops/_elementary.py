"""Elementary functions of each number: angles, the error function, other logarithms."""

from typing import Any

from fanin.ops._apply import combine, one, operate
from fanin.ops._arithmetic import absolute, add, exp, log1p, maximum, negative, subtract


def sin(x: Any) -> Any:
    """Sine of each angle.

    Parameters
    ----------
    x : array_like or Value
        The angles, in radians, of any size.

    Returns
    -------
    ndarray or Value
        The sines.

    Examples
    --------
    >>> sin([0.0, 1.0]).round(4)
    array([0.    , 0.8415])
    """
    return operate("sin", [one("x", x)])


def cos(x: Any) -> Any:
    """Cosine of each angle.

    Parameters
    ----------
    x : array_like or Value
        The angles, in radians, of any size.

    Returns
    -------
    ndarray or Value
        The cosines.

    Examples
    --------
    >>> cos([0.0, 1.0]).round(4)
    array([1.    , 0.5403])
    """
    return operate("cos", [one("x", x)])


def tan(x: Any) -> Any:
    """Tangent of each angle.

    Parameters
    ----------
    x : array_like or Value
        The angles, in radians, of any size.

    Returns
    -------
    ndarray or Value
        The tangents.

    Examples
    --------
    >>> tan([0.0, 1.0]).round(4)
    array([0.    , 1.5574])
    """
    return operate("tan", [one("x", x)])


def arcsin(x: Any) -> Any:
    """Angle of each sine.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The angles, from minus to plus a quarter turn; NaN of what is no sine.

    Examples
    --------
    >>> arcsin([0.0, 1.0]).round(4)
    array([0.    , 1.5708])
    """
    return operate("arcsin", [one("x", x)])


def arccos(x: Any) -> Any:
    """Angle of each cosine.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The angles, from 0 to half a turn; NaN of what is no cosine.

    Examples
    --------
    >>> arccos([1.0, 0.0]).round(4)
    array([0.    , 1.5708])
    """
    return operate("arccos", [one("x", x)])


def arctan(x: Any) -> Any:
    """Angle of each tangent.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The angles, from minus to plus a quarter turn.

    Examples
    --------
    >>> arctan([0.0, 1.0]).round(4)
    array([0.    , 0.7854])
    """
    return operate("arctan", [one("x", x)])


def arctan2(x1: Any, x2: Any) -> Any:
    """Angle of each point of the plane, from the first axis on.

    Parameters
    ----------
    x1 : array_like, number or Value
        The second coordinates.
    x2 : array_like, number or Value
        The first ones; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The angles, from minus to plus half a turn; at (0, 0) the gradient is NaN.

    Examples
    --------
    >>> arctan2([1.0, 0.0], [0.0, 1.0]).round(4)
    array([1.5708, 0.    ])
    """
    return combine("arctan2", ("x1", "x2"), (x1, x2))


def sinh(x: Any) -> Any:
    """Hyperbolic sine of each number.

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
    >>> sinh([0.0, 1.0]).round(4)
    array([0.    , 1.1752])
    """
    return operate("sinh", [one("x", x)])


def cosh(x: Any) -> Any:
    """Hyperbolic cosine of each number.

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
    >>> cosh([0.0, 1.0]).round(4)
    array([1.    , 1.5431])
    """
    return operate("cosh", [one("x", x)])


def arcsinh(x: Any) -> Any:
    """Return what each number is the hyperbolic sine of.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> arcsinh([0.0, 1.0]).round(4)
    array([0.    , 0.8814])
    """
    return operate("arcsinh", [one("x", x)])


def arccosh(x: Any) -> Any:
    """Return what each number is the hyperbolic cosine of.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The numbers, of at least 0; NaN below 1.

    Examples
    --------
    >>> arccosh([1.0, 2.0]).round(4)
    array([0.   , 1.317])
    """
    return operate("arccosh", [one("x", x)])


def arctanh(x: Any) -> Any:
    """Return what each number is the hyperbolic tangent of.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The numbers: infinite at 1 and -1, NaN beyond.

    Examples
    --------
    >>> arctanh([0.0, 0.5]).round(4)
    array([0.    , 0.5493])
    """
    return operate("arctanh", [one("x", x)])


def erf(x: Any) -> Any:
    """Error function of each number.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values, from -1 to 1.

    Examples
    --------
    >>> erf([0.0, 1.0]).round(4)
    array([0.    , 0.8427])
    """
    return operate("erf", [one("x", x)])


def log2(x: Any) -> Any:
    """Binary logarithm of each number.

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
    >>> log2([1.0, 8.0])
    array([0., 3.])
    """
    return operate("log2", [one("x", x)])


def log10(x: Any) -> Any:
    """Decimal logarithm of each number.

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
    >>> log10([1.0, 1000.0])
    array([0., 3.])
    """
    return operate("log10", [one("x", x)])


def logaddexp(x1: Any, x2: Any) -> Any:
    """Logarithm of the sum of two exponentials, which does not overflow.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The logarithms.

    Examples
    --------
    >>> round(float(logaddexp(1000.0, 1000.0)), 4)
    1000.6931
    """
    return add(maximum(x1, x2), log1p(exp(negative(absolute(subtract(x1, x2))))))
