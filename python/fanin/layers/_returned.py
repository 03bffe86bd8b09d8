"""Layers of users' whose `call` returns several outputs: these lie side by side in one value."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fanin import _checks, ops
from fanin.errors import ShapeError
from fanin.layers._arrays import Array
from fanin.layers._merging import Concatenate, side_by_side
from fanin.layers._merging import apart as apart_arrays
from fanin.layers._value import Value, call


def together(ends: Sequence[Value]) -> Value:
    """Return one value that has the numbers of all; of one that is it."""
    if len(ends) == 1:
        return ends[0]
    rows = [_of_shape(end, (math.prod(end.sample),)) for end in ends]
    return call(Concatenate(name="outputs"), rows)


def _of_shape(value: Value, sample: tuple[int, ...]) -> Any:
    return value if value.sample == sample else ops.reshape(value, (-1, *sample))


def _formed(form: Any, parts: Sequence[Any]) -> Any:
    """Return outputs in the form in which `call` returns them."""
    if isinstance(form, tuple):
        return dict(zip(form, parts, strict=True))
    return tuple(parts) if form == "tuple" else [*parts]


def values(layer: Any, made: Value) -> Any:
    """Return the outputs of a layer, of the value that has all of them."""
    form, samples = layer._body.returned
    if len(samples) == 1:
        return _formed(form, [made])
    parts, start = [], 0
    for sample in samples:
        stop = start + math.prod(sample)
        parts.append(_of_shape(made[:, start:stop], sample))
        start = stop
    return _formed(form, parts)


def arrays(layer: Any, y: Array) -> Any:
    """Return the outputs of a layer, of the array that has all of them."""
    form, samples = layer._body.returned
    parts = apart_arrays(y, samples) if len(samples) > 1 else [y]
    return _formed(form, [np.ascontiguousarray(part) for part in parts])


def shapes(layer: Any, count: int | None) -> Any:
    """Return the shapes of the outputs, with the batch axis in front."""
    form, samples = layer._body.returned
    return _formed(form, [(count, *sample) for sample in samples])


def gradient(layer: Any, dy: Any, dtype: str) -> Array:
    """Return gradients of the outputs as that of the array that has all of them."""
    form, samples = layer._body.returned
    named = isinstance(form, tuple)
    given = [dy[key] for key in form] if named and isinstance(dy, dict) else [*dy]
    parts = [
        _checks.floats(f"dy[{place}]", part, dtype, finite=False)
        for place, part in enumerate(given)
    ]
    found = [part.shape for part in parts]
    if [shape[1:] for shape in found] != samples or len({shape[0] for shape in found}) > 1:
        raise ShapeError(f"dy: expected gradients of outputs of shapes {samples}, found {found}")
    return side_by_side(parts) if len(parts) > 1 else parts[0]
