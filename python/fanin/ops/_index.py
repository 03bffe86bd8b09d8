"""Parts of values: what their index asks for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fanin import _checks
from fanin.layers._value import Value
from fanin.ops._apply import reshaped
from fanin.ops._shapes import taken


def part(x: Value, key: Any) -> Any:
    """Return a part of a value, as ``x[key]`` asks for it."""
    keys = [_key(one) for one in (key if isinstance(key, tuple) else [key])]
    rest = [k for k, one in enumerate(keys) if one is Ellipsis]
    count = sum(one is not None and one is not Ellipsis for one in keys)
    if count > x.ndim or len(rest) > 1:
        raise IndexError(f"index: expected one of {x.ndim} axes, found {_checks.found(key)}")
    whole = [slice(None)] * (x.ndim - count)
    at = rest[0] if rest else len(keys)
    keys = [*keys[:at], *whole, *keys[at + 1 :]]
    _check_lists(keys)
    if x.batched:
        if not isinstance(keys[0], slice) or keys[0] != slice(None):
            raise IndexError(
                "index: expected : first, since values stand for batches of any length, found "
                f"{_checks.found(keys[0])}"
            )
        keys = keys[1:]
    shape: list[int] = []
    axis = 0
    for one in keys:
        if one is None:
            shape.append(1)
            continue
        places, lengths = _places(one, x.sample[axis])
        shape += lengths
        x = taken(x, places, axis)
        axis += 1
    return reshaped(x, tuple(shape))


def _key(one: Any) -> Any:
    """Return a part of an index: a slice, a number, None, an ellipsis, or an array of numbers."""
    if one is None or one is Ellipsis or isinstance(one, slice):
        return one
    if isinstance(one, int | np.integer) and not isinstance(one, bool):
        return int(one)
    found = np.asarray(one) if isinstance(one, list | np.ndarray) else None
    if found is None or found.dtype.kind not in "iub" or not found.ndim:
        raise TypeError(
            f"index: expected slices, whole numbers and lists of them, found {_checks.found(one)}"
        )
    return found


def _check_lists(keys: Sequence[Any]) -> None:
    """Refuse several lists, and lists apart from numbers, of which NumPy makes another order."""
    lists = [k for k, one in enumerate(keys) if isinstance(one, np.ndarray)]
    if not lists:
        return
    apart = [k for k, one in enumerate(keys) if isinstance(one, int | np.ndarray)]
    if len(lists) > 1 or apart[-1] - apart[0] >= len(apart):
        raise IndexError(
            "index: expected one list, beside slices or next to whole numbers, found "
            f"{len(lists)} and {len(apart) - len(lists)} whole numbers"
        )


def _places(one: Any, length: int) -> tuple[Sequence[int], list[int]]:
    """Return which places of an axis are taken, and the axes that these make."""
    if isinstance(one, slice):
        places = range(*one.indices(length))
        if not places:
            raise IndexError(f"index: expected a part of {length} places, found {one}")
        return places, [len(places)]
    if isinstance(one, int):
        place = _checks.integer("index", one, minimum=-length, maximum=length - 1)
        return [place % length], []
    if one.dtype.kind == "b":
        if one.shape != (length,) or not one.any():
            raise IndexError(
                f"index: expected flags for {length} places, one of them True, found {one.shape}"
            )
        one = np.flatnonzero(one)
    if not one.size:
        raise IndexError(f"index: expected a part of {length} places, found an empty list")
    for place in (int(one.min()), int(one.max())):
        _checks.integer("index", place, minimum=-length, maximum=length - 1)
    return (one.ravel() % length).tolist(), [*one.shape]
