"""Many numbers to one: sums, means, extremes along axes."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fanin import _checks
from fanin.layers import _costs
from fanin.layers._value import Value
from fanin.ops._apply import axes_of, axis_of, combine, one, operate, reshaped, sample_of
from fanin.ops._arithmetic import (
    add,
    clip,
    divide,
    exp,
    log,
    multiply,
    sqrt,
    square,
    subtract,
)
from fanin.ops._making import cast, full_like, stop_gradient

_FINITE = 3e38
"""What both types can hold: infinite numbers are counted from there."""


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The sums.

    Examples
    --------
    >>> sum([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([3., 9.])
    """
    return _reduced("sum", x, axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The means.

    Examples
    --------
    >>> mean([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([1.5, 4.5])
    """
    return _reduced("mean", x, axis, keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest number along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The largest ones; NaN where one is. Equal ones share the gradient.

    Examples
    --------
    >>> max([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([2., 6.])
    """
    return _reduced("max", x, axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest number along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The smallest ones; NaN where one is. Equal ones share the gradient.

    Examples
    --------
    >>> min([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([1., 3.])
    """
    return _reduced("min", x, axis, keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean square of what is beyond the mean, along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The variances.

    Examples
    --------
    >>> var([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([0.25, 2.25])
    """
    x = one("x", x)
    beyond = subtract(x, mean(x, axis, keepdims=True))
    return mean(square(beyond), axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Square root of the variance along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The standard deviations.

    Examples
    --------
    >>> std([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([0.5, 1.5])
    """
    return sqrt(var(x, axis, keepdims))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Logarithm of the sum of the exponentials along axes, which does not overflow.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The logarithms.

    Examples
    --------
    >>> round(float(logsumexp([1000.0, 1000.0])), 4)
    1000.6931
    """
    x = one("x", x)
    largest = stop_gradient(clip(max(x, axis, keepdims=True), -_FINITE, _FINITE))
    total = add(log(sum(exp(subtract(x, largest)), axis, keepdims=True)), largest)
    return total if _checks.flag("keepdims", keepdims) else _without(total, axes_of(x, axis))


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Place of the largest number along an axis.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int, optional
        The axis; of arrays None is all numbers in a row.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The first of them, from 0 on; the gradient is 0.

    Examples
    --------
    >>> argmax([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([1, 1])
    """
    return _place("argmax", x, axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Place of the smallest number along an axis.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int, optional
        The axis; of arrays None is all numbers in a row.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The first of them, from 0 on; the gradient is 0.

    Examples
    --------
    >>> argmin([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([0, 0])
    """
    return _place("argmin", x, axis, keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: DTypeLike | None = None) -> Any:
    """Product along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.
    dtype : dtype-like, optional
        What `cast` makes of the products.

    Returns
    -------
    ndarray or Value
        The products; gradients are exact at 0 too.

    Examples
    --------
    >>> prod([[1.0, 2.0], [3.0, 6.0]], axis=-1)
    array([ 2., 18.])
    """
    made = _reduced("prod", x, axis, keepdims)
    return made if dtype is None else cast(made, dtype)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether a number along axes is not 0.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> any([[0.0, 2.0], [0.0, 0.0]], axis=-1)
    array([ True, False])
    """
    return _held("max", x, axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether no number along axes is 0.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        1 where it holds, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> all([[0.0, 2.0], [1.0, 3.0]], axis=-1)
    array([False,  True])
    """
    return _held("min", x, axis, keepdims)


def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many numbers along axes are not 0.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.

    Returns
    -------
    ndarray or Value
        The counts: whole numbers, of arrays. The gradient is 0.

    Examples
    --------
    >>> count_nonzero([[0.0, 2.0], [1.0, 3.0]], axis=-1)
    array([1, 2])
    """
    made = sum(_is_not_0(x), axis)
    return made if isinstance(made, Value) else made.astype(np.int64)


def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Mean along axes, in which numbers may count differently.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    weights : array_like or Value, optional
        How much each counts: of the shape of the numbers, or one for each entry of the axis.

    Returns
    -------
    ndarray or Value
        The means.

    Examples
    --------
    >>> average([1.0, 4.0], weights=[2.0, 1.0])
    array(2.)
    """
    if weights is None:
        return mean(x, axis)
    x, by = one("x", x), one("weights", weights)
    if by.ndim != x.ndim and by.ndim == 1 and axis is not None:
        at = axis_of(x, axis)
        behind = len(sample_of(x)) - at - 1
        by = reshaped(by, (*sample_of(by), *[1] * behind))
    weighted = multiply(x, by)
    return divide(sum(weighted, axis), sum(multiply(full_like(x, 1.0), by), axis))


def moments(x: Any, axes: Any, keepdims: bool = False) -> tuple[Any, Any]:
    """Mean and variance along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axes : int or tuple of int
        Axes of the numbers that become one, counted with that of the batch; of values not that
        one.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    tuple of ndarray or Value
        The means, and the variances.

    Examples
    --------
    >>> moments([1.0, 3.0], 0)
    (array(2.), array(1.))
    """
    return mean(x, axes, keepdims), var(x, axes, keepdims)


def _is_not_0(x: Any) -> Any:
    return combine("not_equal", ("x", "0"), (one("x", x), 0.0))


def _held(operation: str, x: Any, axis: Any, keepdims: bool) -> Any:
    made = _reduced(operation, _is_not_0(x), axis, keepdims)
    return made if isinstance(made, Value) else made != 0


def _reduced(operation: str, x: Any, axis: Any, keepdims: bool) -> Any:
    """Reduce axes, those that follow each other at once, from the last ones on."""
    if operation in ("sum", "mean") and isinstance(x, Value | _costs.OfBatch):
        of_batch = _costs.reduced(operation, x, axis, keepdims)
        if of_batch is not None:
            return of_batch
    x, keepdims = one("x", x), _checks.flag("keepdims", keepdims)
    axes = axes_of(x, axis)
    while axes:
        count = 1
        while count < len(axes) and axes[-count] - axes[-count - 1] == 1:
            count += 1
        first = axes[-count]
        x = operate(operation, [x], axis=first, axes=count, keepdims=keepdims)
        del axes[-count:]
    return x


def _place(operation: str, x: Any, axis: int | None, keepdims: bool) -> Any:
    x, keepdims = one("x", x), _checks.flag("keepdims", keepdims)
    if axis is None:
        axes_of(x, axis)  # refuses values
        found = _place(operation, reshaped(x, (int(np.prod(sample_of(x))),)), 0, False)
        return reshaped(found, (1,) * len(sample_of(x))) if keepdims else found
    at = axis_of(x, axis)
    made = operate(operation, [x], axis=at, axes=1, keepdims=keepdims)
    return made if isinstance(made, Value) else made.astype(np.int64)


def _without(x: Any, axes: list[int]) -> Any:
    """Return numbers without axes of length 1."""
    return reshaped(x, tuple(n for k, n in enumerate(sample_of(x)) if k not in axes))
