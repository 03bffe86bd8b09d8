"""Numbers along an axis in their order, and sums of all before."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers._value import Value
from fanin.ops._apply import axes_of, axis_of, one, operate, reshaped, sample_of
from fanin.ops._comparisons import greater_equal, less, logical_and, where
from fanin.ops._making import cast, one_hot
from fanin.ops._reductions import sum as _sum
from fanin.ops._shapes import any_kind, permuted, take


class TopK(NamedTuple):
    """What `top_k` returns."""

    values: Any
    """The largest numbers, the largest of all first."""
    indices: Any
    """The places where they are, from 0 on."""


def cumsum(x: Any, axis: int | None = None, dtype: DTypeLike | None = None) -> Any:
    """Sum of each number and all before it along an axis.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int, optional
        The axis, counted with that of the batch; of arrays None is all numbers in a row.
    dtype : dtype-like, optional
        What `cast` makes of the sums.

    Returns
    -------
    ndarray or Value
        The sums.

    Examples
    --------
    >>> cumsum([1.0, 2.0, 3.0])
    array([1., 3., 6.])
    """
    x = one("x", x)
    if axis is None:
        axes_of(x, axis)  # refuses values of batches
        x, axis = reshaped(x, (int(np.prod(sample_of(x))),)), 0
    made = operate("cumsum", [x], axis=axis_of(x, axis))
    return made if dtype is None else cast(made, dtype)


def sort(x: Any, axis: int = -1) -> Any:
    """Sort numbers along an axis, the least first.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int, default -1
        The axis, counted with that of the batch.

    Returns
    -------
    ndarray or Value
        The numbers; NaN last. Gradients go where the numbers were.

    Examples
    --------
    >>> sort([3.0, 1.0, 2.0])
    array([1., 2., 3.])
    """
    x = any_kind("x", x)
    if not isinstance(x, Value):
        return np.sort(x, axis_of(x, axis), kind="stable")
    return _ordered("sort", x, axis)


def argsort(x: Any, axis: int = -1) -> Any:
    """Return the places of numbers in order along an axis, that of the least first.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int, default -1
        The axis, counted with that of the batch.

    Returns
    -------
    ndarray or Value
        The places, from 0 on; of equal numbers the first one first. The gradient is 0.

    Examples
    --------
    >>> argsort([3.0, 1.0, 2.0])
    array([1, 2, 0])
    """
    x = any_kind("x", x)
    if not isinstance(x, Value):
        return np.argsort(x, axis_of(x, axis), kind="stable")
    return _ordered("argsort", x, axis)


def top_k(x: Any, k: int, sorted: bool = True) -> TopK:
    """Largest numbers of the last axis, and where they are.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    k : int
        How many.
    sorted : bool, default True
        Here for Keras's signature: they are in order, the largest first.

    Returns
    -------
    TopK
        ``values`` and ``indices``; NaN counts as the largest, and of equal numbers the first
        one comes first. Gradients go where the numbers were.

    Examples
    --------
    >>> top_k([3.0, 1.0, 2.0], 2).values
    array([3., 2.])
    """
    _checks.flag("sorted", sorted)
    x = any_kind("x", x)
    last = axis_of(x, -1)
    length = sample_of(x)[last]
    count = _checks.integer("k", k, minimum=1, maximum=length)
    if not isinstance(x, Value):
        # From behind, so that of equal numbers the first one is the first.
        places = length - 1 - np.argsort(x[..., ::-1], -1, kind="stable")[..., ::-1][..., :count]
        return TopK(np.take_along_axis(x, places, -1), places)
    made = [operate(name, [x], axis=last, descending=True) for name in ("sort", "argsort")]
    return TopK(*(take(each, [*range(count)], -1) for each in made))


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether the class of each row is among those of its largest predictions.

    Parameters
    ----------
    targets : array_like or Value of shape (batch,)
        The classes, from 0 on.
    predictions : array_like or Value of shape (batch, classes)
        Numbers, one a class.
    k : int
        How many classes count. Those as likely as the last of them count too.

    Returns
    -------
    ndarray or Value
        1 where it is, else 0, of values; flags, of arrays. The gradient is 0.

    Examples
    --------
    >>> in_top_k([2, 0], [[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]], 1)
    array([ True, False])
    """
    predictions, targets = one("predictions", predictions), one("targets", targets)
    if predictions.ndim != 2 or targets.ndim != 1:
        found = f"{targets.shape} and {predictions.shape}"
        raise ShapeError(f"targets, predictions: expected one axis and two, found shapes {found}")
    count, classes = _checks.integer("k", k, minimum=1), predictions.shape[-1]
    own = _sum(where(one_hot(targets, classes) != 0, predictions, 0.0), -1, keepdims=True)
    better = _sum(cast(predictions > own, "float64"), -1)
    is_class = logical_and(greater_equal(targets, 0.0), less(targets, float(classes)))
    return logical_and(less(better, float(count)), is_class)


def _ordered(operation: str, x: Value, axis: int) -> Any:
    """Order numbers along an axis, which is the last one meanwhile."""
    at, last = axis_of(x, axis), len(x.sample) - 1
    order = [*range(last + 1)]
    order[at], order[last] = last, at
    made = operate(operation, [permuted(x, order)], axis=last, descending=False)
    return permuted(made, order)
