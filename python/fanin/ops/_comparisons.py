"""Comparisons: 1 where something holds, 0 elsewhere."""

from collections.abc import Sequence
from typing import Any

from fanin import _checks
from fanin.layers._value import Value
from fanin.ops._apply import combine, one, operate
from fanin.ops._arithmetic import absolute, add, multiply, subtract


def equal(x1: Any, x2: Any) -> Any:
    """Whether two operands are equal, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> equal([1.0, 2.0], 2.0)
    array([False,  True])
    """
    return _flags("equal", ("x1", "x2"), (x1, x2))


def not_equal(x1: Any, x2: Any) -> Any:
    """Whether two operands differ, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> not_equal([1.0, 2.0], 2.0)
    array([ True, False])
    """
    return _flags("not_equal", ("x1", "x2"), (x1, x2))


def greater(x1: Any, x2: Any) -> Any:
    """Whether the first operand is greater, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> greater([1.0, 2.0], 2.0)
    array([False, False])
    """
    return _flags("greater", ("x1", "x2"), (x1, x2))


def greater_equal(x1: Any, x2: Any) -> Any:
    """Whether the first operand is not less, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> greater_equal([1.0, 2.0], 2.0)
    array([False,  True])
    """
    return _flags("greater_equal", ("x1", "x2"), (x1, x2))


def less(x1: Any, x2: Any) -> Any:
    """Whether the first operand is less, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> less([1.0, 2.0], 2.0)
    array([ True, False])
    """
    return _flags("less", ("x1", "x2"), (x1, x2))


def less_equal(x1: Any, x2: Any) -> Any:
    """Whether the first operand is not greater, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> less_equal([1.0, 2.0], 2.0)
    array([ True,  True])
    """
    return _flags("less_equal", ("x1", "x2"), (x1, x2))


def logical_and(x1: Any, x2: Any) -> Any:
    """Whether neither operand is 0, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> logical_and([True, True], [True, False])
    array([ True, False])
    """
    return _flags("logical_and", ("x1", "x2"), (x1, x2))


def logical_or(x1: Any, x2: Any) -> Any:
    """Whether one of two operands is not 0, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> logical_or([False, True], [False, False])
    array([False,  True])
    """
    return _flags("logical_or", ("x1", "x2"), (x1, x2))


def logical_not(x: Any) -> Any:
    """Whether a number is 0.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> logical_not([True, False])
    array([False,  True])
    """
    made = operate("logical_not", [one("x", x)])
    return made if isinstance(made, Value) else made != 0


def logical_xor(x1: Any, x2: Any) -> Any:
    """Whether one of two operands is not 0 and the other is, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> logical_xor([True, True], [True, False])
    array([False,  True])
    """
    return not_equal(not_equal(x1, 0.0), not_equal(x2, 0.0))


def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether two operands are nearly equal, number by number.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one, which the tolerance is of; shapes are broadcast.
    rtol : float, default 1e-5
        How far apart they may be, as a share of the size of the second.
    atol : float, default 1e-8
        How far besides.
    equal_nan : bool, default False
        Whether NaN is close to NaN.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> isclose([1.0, 2.0], [1.0, 2.1])
    array([ True, False])
    """
    share, least = _checks.number("rtol", rtol), _checks.number("atol", atol)
    near = less_equal(absolute(subtract(x1, x2)), add(multiply(absolute(x2), share), least))
    close = logical_or(equal(x1, x2), near)
    if not _checks.flag("equal_nan", equal_nan):
        return close
    return logical_or(close, logical_and(not_equal(x1, x1), not_equal(x2, x2)))


def where(condition: Any, x1: Any, x2: Any) -> Any:
    """One or the other of two operands, as a condition says.

    Parameters
    ----------
    condition : array_like or Value
        Numbers, or flags.
    x1 : array_like, number or Value
        What is taken where they are not 0.
    x2 : array_like, number or Value
        What is taken where they are; shapes are broadcast.

    Returns
    -------
    ndarray or Value
        The numbers that are taken; the others have the gradient 0.

    Examples
    --------
    >>> where([True, False], [1.0, 2.0], 0.0)
    array([1., 0.])
    """
    names = ("condition", "x1", "x2")
    return combine("where", names, (condition, x1, x2))


def _flags(operation: str, names: Sequence[str], given: Sequence[Any]) -> Any:
    made = combine(operation, names, given)
    return made if isinstance(made, Value) else made != 0
