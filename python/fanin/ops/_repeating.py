"""Numbers again and again, moved along, beside others: larger arrays of smaller ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers._value import Value
from fanin.ops._apply import axes_of, axis_of, operate, reshaped, sample_of
from fanin.ops._comparisons import equal, where
from fanin.ops._making import full_like
from fanin.ops._reductions import sum as _sum
from fanin.ops._shapes import any_kind, concatenate, expand_dims, permuted, take


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each entry along an axis several times.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    repeats : int or sequence of int
        How often; one number for all entries, or one for each.
    axis : int, optional
        The axis, counted with that of the batch; of arrays None is all numbers in a row.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> repeat([1.0, 2.0], 2)
    array([1., 1., 2., 2.])
    """
    x = any_kind("x", x)
    if axis is None:
        axes_of(x, axis)  # refuses values of batches
        x, axis = _in_a_row(x), 0
    at = axis_of(x, axis)
    length = x.shape[axis]
    given = _checks.several(repeats)
    counts = [_checks.count("repeats", n) for n in ([repeats] if given is None else given)]
    if len(counts) not in (1, length):
        raise ShapeError(f"repeats: expected one number, or {length}, found {len(counts)}")
    places = np.repeat(np.arange(length), counts)
    if not isinstance(x, Value):
        return np.take(x, places, at)
    return take(x, places, axis)


def tile(x: Any, repeats: Any) -> Any:
    """All of it again and again, along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    repeats : int or sequence of int
        How often along each axis, the last ones if there are fewer numbers than axes; along
        that of the batch of values once.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> tile([1.0, 2.0], 2)
    array([1., 2., 1., 2.])
    """
    x = any_kind("x", x)
    given = _checks.several(repeats)
    counts = [_checks.count("repeats", n) for n in ([repeats] if given is None else given)]
    if not isinstance(x, Value):
        return np.tile(x, counts)
    if len(counts) > x.ndim:
        raise ShapeError(f"repeats: expected at most {x.ndim} numbers for values, found {counts}")
    for axis, count in zip(range(x.ndim - len(counts), x.ndim), counts, strict=True):
        if count != 1:
            at = axis_of(x, axis, name="repeats")
            x = take(x, [*range(x.sample[at])] * count, axis)
    return x


def pad(
    x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None
) -> Any:
    """Further numbers in front and behind along axes.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    pad_width : int or sequence
        How many: one number, or for each axis a pair (in front, behind); along the axis of the
        batch of values none.
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}, default "constant"
        What they are, as in `numpy.pad`.
    constant_values : float, optional
        The number of the mode "constant", 0 if not given.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> pad([1.0, 2.0], 1)
    array([0., 1., 2., 0.])
    """
    _checks.one_of("mode", mode, ("constant", "edge", "reflect", "symmetric", "wrap"))
    if constant_values is not None and mode != "constant":
        raise ValueError(f"constant_values: expected None for mode {mode!r}, found a number")
    number = 0.0 if constant_values is None else _checks.number("constant_values", constant_values)
    x = any_kind("x", x)
    pairs = _pairs(pad_width, x.ndim)
    if not isinstance(x, Value):
        return np.pad(
            x, pairs, **({"constant_values": number} if mode == "constant" else {"mode": mode})
        )
    for axis, (front, behind) in enumerate(pairs):
        if front or behind:
            at = axis_of(x, axis, name="pad_width")
            if mode != "constant":
                row: Any = np.arange(x.sample[at])
                places = np.pad(row, (front, behind), mode)  # type: ignore[call-overload]
                x = take(x, places, axis)
                continue
            parts = [
                full_like(take(x, [0] * count, axis), number) if count else None
                for count in (front, behind)
            ]
            x = concatenate([part for part in (parts[0], x, parts[1]) if part is not None], axis)
    return x


def roll(x: Any, shift: int, axis: int | None = None) -> Any:
    """Move numbers along an axis; those that leave come in again.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    shift : int
        How far.
    axis : int, optional
        The axis, counted with that of the batch; of arrays None is all numbers in a row.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> roll([1.0, 2.0, 3.0], 1)
    array([3., 1., 2.])
    """
    x, places = any_kind("x", x), _checks.integer("shift", shift)
    if not isinstance(x, Value):
        return np.roll(x, places, None if axis is None else axis_of(x, axis))
    if axis is None:
        axes_of(x, axis)  # refuses values of batches
        return reshaped(roll(_in_a_row(x), shift, 0), x.sample)
    return take(x, np.roll(np.arange(x.sample[axis_of(x, axis)]), places), axis)


def broadcast_to(x: Any, shape: Sequence[int | None]) -> Any:
    """Broadcast numbers to a shape.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    shape : tuple of int
        The shape. Of values it begins with -1 or None, for the batch.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> broadcast_to([1.0, 2.0], (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    x = any_kind("x", x)
    given = _checks.several(shape)
    axes = [shape] if given is None else [*given]
    if not isinstance(x, Value):
        return np.broadcast_to(x, [_checks.count("shape", axis) for axis in axes]).copy()
    if x.batched:
        if not axes or axes[0] not in (-1, None):
            raise ValueError(
                "shape: expected -1 or None first, since values stand for batches of any length, "
                f"found {shape}"
            )
        axes = axes[1:]
    lengths = tuple(_checks.integer("shape", axis, minimum=1) for axis in axes)
    return x if lengths == x.sample else operate("broadcast", [x], target_shape=lengths)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """All entries along an axis, without that axis.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    num : int, optional
        How many there are.
    axis : int, default 0
        The axis, counted with that of the batch; of values not that one.

    Returns
    -------
    list of ndarray or Value
        The entries.

    Examples
    --------
    >>> unstack([1.0, 2.0])
    [array(1.), array(2.)]
    """
    x = any_kind("x", x)
    axis_of(x, axis)
    length = x.shape[axis]
    if num is not None and _checks.integer("num", num) != length:
        raise ValueError(f"num: expected None or {length}, the length of the axis, found {num}")
    if not isinstance(x, Value):
        return [np.asarray(part) for part in np.moveaxis(x, axis, 0)]
    return [take(x, place, axis) for place in range(length)]


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Take numbers at places along an axis, for each row its own.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    indices : array_like of int or Value
        The places, with as many axes as the numbers; shapes are broadcast but for the axis.
        Negative ones count from the end.
    axis : int, optional
        The axis, counted with that of the batch; of arrays None is all numbers in a row.

    Returns
    -------
    ndarray or Value
        The numbers, of the shape of the places; of values 0 where there is no such place.
        Gradients go where the numbers were.

    Examples
    --------
    >>> take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1)
    array([[2.],
           [3.]])
    """
    x, places = any_kind("x", x), any_kind("indices", indices)
    if axis is None:
        axes_of(x, axis)  # refuses values of batches
    if not isinstance(x, Value) and not isinstance(places, Value):
        return _along(x, places, axis)
    if axis is None or x.ndim != places.ndim:
        found = f"axis {axis} of {x.shape} and {places.shape}"
        raise ShapeError(f"indices: expected as many axes as x has, and one of them, found {found}")
    axis_of(x if isinstance(x, Value) else places, axis)
    length = x.shape[axis]
    # The axis of the numbers goes to the end, and what a place does not say is left out of a sum.
    along = _last(expand_dims(x, -1), axis)
    places = expand_dims(places, -1)
    places = where(places < 0, places + float(length), places)
    chosen = equal(places, np.arange(length, dtype="float64"))
    return _sum(where(chosen, along, 0.0), -1)


def _along(x: Any, places: Any, axis: int | None) -> Any:
    """Do what `take_along_axis` does with arrays."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    if places.dtype.kind not in "iu":
        raise TypeError(f"indices: expected whole numbers, found {_checks.found(places)}")
    at = axis_of(x, axis)
    rest = [[*array.shape[:at], 1, *array.shape[at + 1 :]] for array in (x, places)]
    fit = x.ndim == places.ndim and all(
        1 in pair or len({*pair}) == 1 for pair in zip(*rest, strict=False)
    )
    if not fit:
        raise ShapeError(
            f"indices: expected the shape of x, {x.shape}, or one that is broadcast to it, but for "
            f"axis {axis}, found {places.shape}"
        )
    for place in (int(places.min(initial=0)), int(places.max(initial=0))):
        _checks.integer("indices", place, minimum=-x.shape[at], maximum=x.shape[at] - 1)
    return np.take_along_axis(x, places, at)


def _last(x: Any, axis: int) -> Any:
    """Return numbers whose last axis, of length 1, and another one are in each other's place."""
    if not isinstance(x, Value):
        return np.swapaxes(x, axis_of(x, axis % (x.ndim - 1)), -1)
    at = axis_of(x, axis % (x.ndim - 1))
    order = [*range(len(x.sample))]
    order[at], order[-1] = order[-1], order[at]
    return permuted(x, order)


def _in_a_row(x: Any) -> Any:
    return reshaped(x, (int(np.prod(sample_of(x), dtype=int)),))


def _pairs(given: Any, axes: int) -> list[tuple[int, int]]:
    """Return how many numbers come in front and behind, for each axis."""
    rows = _checks.several(given)
    if rows is None:
        count = _checks.count("pad_width", given)
        return [(count, count)] * axes
    if len(rows) == 2 and all(_checks.several(row) is None for row in rows):
        rows = [rows] * axes  # as NumPy takes one pair
    pairs = [_checks.several(row) or [row, row] for row in rows]
    if len(pairs) == 1:
        pairs *= axes
    if len(pairs) != axes or any(len(pair) != 2 for pair in pairs):
        found = _checks.found(given)
        raise ShapeError(f"pad_width: expected a pair for each of {axes} axes, found {found}")
    return [(_checks.count("pad_width", a), _checks.count("pad_width", b)) for a, b in pairs]
