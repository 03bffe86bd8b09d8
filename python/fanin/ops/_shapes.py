"""Shapes: other axes, other orders, parts."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fanin import _checks, layers
from fanin.layers._value import Value
from fanin.layers._variable import resolved
from fanin.ops._apply import apply, axes_of, axis_of, operate, reshaped, sample_of


def reshape(x: Any, newshape: Sequence[int | None]) -> Any:
    """Return the same numbers in another shape, in row-major order.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    newshape : tuple of int
        The shape. Of values it begins with -1 or None, for the batch; one of the other axes
        may be -1.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> reshape([1.0, 2.0, 3.0, 4.0], (2, 2))
    array([[1., 2.],
           [3., 4.]])
    """
    x = any_kind("x", x)
    axes = _checks.several(newshape)
    if axes is None:
        axes = [newshape]
    if not isinstance(x, Value):
        return np.reshape(x, axes)
    if x.batched:
        if not axes or axes[0] not in (-1, None):
            raise ValueError(
                "newshape: expected -1 or None first, since values stand for batches of any "
                f"length, found {newshape}"
            )
        axes = axes[1:]
    if not axes:
        return reshaped(x, ())
    return apply(lambda **name: layers.Reshape(axes, **name), [x])


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Put axes in another order.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axes : tuple of int, optional
        The axes in their new order. Of arrays None turns the order round; of values the
        axis of the batch stays first.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> transpose([[1.0, 2.0]])
    array([[1.],
           [2.]])
    """
    x = any_kind("x", x)
    if not isinstance(x, Value):
        return np.transpose(x, axes)
    order = [*range(x.ndim)][::-1] if axes is None else _checks.several(axes)
    order = [
        _checks.integer("axes", axis, minimum=-x.ndim, maximum=x.ndim - 1) for axis in order or ()
    ]
    order = [axis % x.ndim for axis in order]
    if sorted(order) != [*range(x.ndim)]:
        raise ValueError(f"axes: expected each of {x.ndim} axes once, found {axes}")
    if x.batched and order[0] != 0:
        raise ValueError(
            "axes: expected 0 first, since values stand for batches of any length, found "
            f"{tuple(order)}"
        )
    return permuted(x, [axis - 1 for axis in order[1:]] if x.batched else order)


def expand_dims(x: Any, axis: int) -> Any:
    """Return the same numbers with a new axis of length 1.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int
        Where the new axis is.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> expand_dims([1.0, 2.0], -1).shape
    (2, 1)
    """
    x = any_kind("x", x)
    at = axis_of(x, axis, ends=1)
    sample = sample_of(x)
    return reshaped(x, (*sample[:at], 1, *sample[at:]))


def squeeze(x: Any, axis: Any = None) -> Any:
    """Return the same numbers without axes of length 1.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        The axes; None is all of length 1, but that of the batch of values.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> squeeze([[1.0, 2.0]]).shape
    (2,)
    """
    x = any_kind("x", x)
    sample = sample_of(x)
    axes = [k for k, n in enumerate(sample) if n == 1] if axis is None else axes_of(x, axis)
    for at in axes:
        if sample[at] != 1:
            raise ValueError(f"axis: expected axes of length 1 of shape {x.shape}, found {axis}")
    return reshaped(x, tuple(n for k, n in enumerate(sample) if k not in axes))


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Put arrays or values side by side along an axis.

    Parameters
    ----------
    xs : list
        Arrays, or values.
    axis : int, default 0
        The axis, counted with that of the batch; of values not that one.

    Returns
    -------
    ndarray or Value
        All of them.

    Examples
    --------
    >>> concatenate([[1.0], [2.0]])
    array([1., 2.])
    """
    parts = _several("xs", xs)
    if not isinstance(parts[0], Value):
        return np.concatenate(parts, axis_of(parts[0], axis))
    at = axis_of(parts[0], axis)
    return apply(lambda **name: layers.Concatenate(at + 1, **name), parts)


def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Put arrays or values side by side along a new axis.

    Parameters
    ----------
    x : list
        Arrays, or values, of one shape.
    axis : int, default 0
        Where the new axis is; of values not 0.

    Returns
    -------
    ndarray or Value
        All of them.

    Examples
    --------
    >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1)
    array([[1., 3.],
           [2., 4.]])
    """
    parts = _several("x", x)
    if not isinstance(parts[0], Value):
        return np.stack(parts, axis)
    axis_of(parts[0], axis, ends=1)
    return concatenate([expand_dims(part, axis) for part in parts], axis)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut into parts along an axis.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    indices_or_sections : int or tuple of int
        How many parts of one length; or where the parts begin, from the second on.
    axis : int, default 0
        The axis; of values not 0.

    Returns
    -------
    list of ndarray or Value
        The parts.

    Examples
    --------
    >>> split([1.0, 2.0, 3.0, 4.0], 2)
    [array([1., 2.]), array([3., 4.])]
    """
    x = any_kind("x", x)
    at = axis_of(x, axis)
    if not isinstance(x, Value):
        return np.split(x, indices_or_sections, at)
    length = x.sample[at]
    ends = _checks.several(indices_or_sections)
    if ends is None:
        count = _checks.integer("indices_or_sections", indices_or_sections, minimum=1)
        if length % count:
            raise ValueError(
                f"indices_or_sections: expected a divisor of {length}, the length of the axis, "
                f"found {count}"
            )
        ends = [*range(length // count, length, length // count)]
    ends = [
        _checks.integer("indices_or_sections", end, minimum=1, maximum=length - 1) for end in ends
    ]
    bounds = [0, *ends, length]
    if sorted(set(bounds)) != bounds:
        raise ValueError(f"indices_or_sections: expected places that grow, found {ends}")
    return [taken(x, range(a, b), at) for a, b in itertools.pairwise(bounds)]


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return the numbers at places along an axis.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    indices : int or array_like of int
        The places, from 0 on; negative ones count from the end. They are constants.
    axis : int, optional
        The axis, counted with that of the batch; of arrays None is all numbers in a row.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> take([1.0, 2.0, 3.0], [2, 0], axis=0)
    array([3., 1.])
    """
    x = any_kind("x", x)
    if axis is None:
        axes_of(x, axis)  # of values there is none
        x, axis = x.reshape(-1), 0
    at = axis_of(x, axis)
    places = _checks.numeric("indices", indices)
    if places.dtype.kind not in "iu" or not places.size:
        raise TypeError(f"indices: expected whole numbers, found {_checks.found(indices)}")
    length = sample_of(x)[at]
    for place in (int(places.min()), int(places.max())):
        _checks.integer("indices", place, minimum=-length, maximum=length - 1)
    if not isinstance(x, Value):
        return np.take(x, places, at)
    made = taken(x, (places.ravel() % length).tolist(), at)
    sample = made.sample
    return reshaped(made, (*sample[:at], *places.shape, *sample[at + 1 :]))


def flip(x: Any, axis: Any = None) -> Any:
    """Return the numbers in the reverse order along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int or tuple of int, optional
        The axes, counted with that of the batch; of arrays None is all of them.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> flip([1.0, 2.0, 3.0])
    array([3., 2., 1.])
    """
    x = any_kind("x", x)
    axes = axes_of(x, axis)
    if not isinstance(x, Value):
        return np.flip(x, tuple(axes))
    for at in axes:
        x = taken(x, range(x.sample[at] - 1, -1, -1), at)
    return x


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes in each other's place.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis1 : int
        One axis.
    axis2 : int
        The other one.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> swapaxes([[1.0, 2.0]], 0, 1).shape
    (2, 1)
    """
    x = any_kind("x", x)
    one, other = axis_of(x, axis1, name="axis1"), axis_of(x, axis2, name="axis2")
    if not isinstance(x, Value):
        return np.swapaxes(x, one, other)
    order = [*range(len(x.sample))]
    order[one], order[other] = other, one
    return permuted(x, order)


def moveaxis(x: Any, source: int, destination: int) -> Any:
    """One axis in another place.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    source : int
        The axis.
    destination : int
        Where it goes.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> moveaxis([[1.0, 2.0]], 0, 1).shape
    (2, 1)
    """
    x = any_kind("x", x)
    start, end = axis_of(x, source, name="source"), axis_of(x, destination, name="destination")
    if not isinstance(x, Value):
        return np.moveaxis(x, start, end)
    order = [k for k in range(len(x.sample)) if k != start]
    order.insert(end, start)
    return permuted(x, order)


def shape(x: Any) -> tuple[int | None, ...]:
    """Shape of an array or a value.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    tuple of int
        The lengths of the axes; of values that of the batch is None.

    Examples
    --------
    >>> shape([[1.0, 2.0]])
    (1, 2)
    """
    lengths: tuple[int | None, ...] = any_kind("x", x).shape
    return lengths


def ndim(x: Any) -> int:
    """Return how many axes an array or a value has.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    int
        How many there are, with that of the batch.

    Examples
    --------
    >>> ndim([[1.0, 2.0]])
    2
    """
    count: int = any_kind("x", x).ndim
    return count


def size(x: Any) -> int:
    """How many numbers there are in an array.

    Parameters
    ----------
    x : array_like or Value
        The numbers; of values of batches nobody knows.

    Returns
    -------
    int
        How many there are.

    Examples
    --------
    >>> size([[1.0, 2.0]])
    2
    """
    x = any_kind("x", x)
    axes_of(x, None)  # refuses values of batches
    return int(np.prod(sample_of(x), dtype=int))


def permuted(x: Value, order: Sequence[int]) -> Any:
    """Return a value whose samples have their axes in another order."""
    if [*order] == [*range(len(order))]:
        return x
    dims = [axis + 1 for axis in order]
    return apply(lambda **name: layers.Permute(dims, **name), [x])


def taken(x: Value, places: Iterable[int], axis: int) -> Any:
    indices = tuple(places)
    if indices == tuple(range(x.sample[axis])):
        return x
    return operate("take", [x], axis=axis, indices=indices)


def any_kind(name: str, x: Any) -> Any:
    """Return a value, or an array of numbers of any kind."""
    x = resolved(x)
    return x if isinstance(x, Value) else _checks.numeric(name, x)


def _several(name: str, given: Any) -> list[Any]:
    parts = None if isinstance(given, Value) else _checks.several(given)
    if not parts:
        raise TypeError(
            f"{name}: expected a list of arrays or values, found {_checks.found(given)}"
        )
    parts = [resolved(part) for part in parts]
    values = [isinstance(part, Value) for part in parts]
    if any(values) and not all(values):
        raise TypeError(f"{name}: expected all values or all arrays, found both")
    return [any_kind(f"{name}[{k}]", part) for k, part in enumerate(parts)]
