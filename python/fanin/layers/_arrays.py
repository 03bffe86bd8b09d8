"""A layer's arrays: views of flat ones, by name; writing into them all or not at all."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _core, random
from fanin.errors import ShapeError
from fanin.streams import Replay

Array = NDArray[Any]


class Weight:
    """A layer's array by name: reading gives the view, assigning writes into it."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        if not layer.built:
            raise AttributeError(f"layer {layer.name!r} has no {self.name} before it is built")
        return layer.arrays.get(self.name)

    def __set__(self, layer: Any, value: ArrayLike) -> None:
        view = self.__get__(layer)
        if view is None:
            raise AttributeError(f"layer {layer.name!r} has no {self.name}")
        view[...] = like(f"{layer.name}/{self.name}", value, view)


def at(source: Any, path: str) -> Any:
    """Return the stream or key at `path` below `source`; a generator is consumed as it is."""
    return source.at(path) if isinstance(source, (random.Stream, Replay)) else source


def empty(plan: _core.Plan) -> tuple[Array, Array]:
    """Allocate the two flat arrays of a plan."""
    return np.empty(plan.parameter_count, plan.dtype), np.empty(plan.state_count, plan.dtype)


def views(
    plan: _core.Plan, params: Array, state: Array, *, state_too: bool = True
) -> dict[str, Array]:
    """Return a one-layer plan's arrays by role, as views of its two flat arrays."""
    found = {}
    for entries, flat in ((plan.parameters, params), (plan.state if state_too else [], state)):
        for _, role, offset, shape in entries:
            size = math.prod(shape)
            found[role] = flat[offset : offset + size].reshape(shape)
    return found


def like(name: str, values: ArrayLike, view: Array) -> Array:
    """Return `values` if they can be written into `view` element by element."""
    array = _checks.numeric(name, values)
    if array.shape != view.shape:
        raise ShapeError(f"{name} must have shape {view.shape}, got {array.shape}")
    return array


def write_all(targets: Sequence[tuple[str, Array]], values: Sequence[ArrayLike]) -> None:
    """Check all values against all targets, then write; nothing is written if one does not fit."""
    if len(values) != len(targets):
        names = ", ".join(name for name, _ in targets)
        raise ValueError(
            f"expected {len(targets)} arrays ({names}), got {len(values)}; nothing was changed"
        )
    checked = [like(name, v, view) for (name, view), v in zip(targets, values, strict=True)]
    for (_, view), array in zip(targets, checked, strict=True):
        view[...] = array
