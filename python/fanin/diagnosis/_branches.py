"""Where a traced network leads past layers: branches whose outputs are added to what they got."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fanin.diagnosis._flow import SUMS, Flow
from fanin.frameworks._trace import Array, LayerTrace
from fanin.show.results import Result

_ROWS = 32
"""Rows of a signal that are compared: that so many numbers agree is no chance."""

_ROUNDING = 1e-4
"""Of a sum's largest element: what float32 leaves of the difference of two sums of branches."""


@dataclass(frozen=True, repr=False)
class Branch(Result):
    """Layers that something leads past.

    Attributes
    ----------
    first, last : int
        Places of its first and last layer among the layers of the model.
    end : int
        Place of the function behind it: the sum, or what goes back to where the branch began.
    places : frozenset of int
        Places of its layers.
    """

    first: int
    last: int
    end: int
    places: frozenset[int]

    def _says(self) -> str:
        return f"layers {self.first} to {self.last}, ended by {self.end}"

    def __contains__(self, index: int) -> bool:
        return index in self.places


_BLOCK = 4
"""Kernels up to which what leads to a sum is a block of it; a longer way is one of its own."""


def find_branches(layers: Sequence[LayerTrace], flow: Flow) -> tuple[Branch, ...]:
    """Find what something leads past, on its way to a sum: from what reads what, if that is told.

    Parameters
    ----------
    layers : sequence of LayerTrace
        In the order in which they ran.
    flow : Flow
        What they read.

    Returns
    -------
    tuple of Branch
        In the order of their ends; inner ones before outer ones.
    """
    if not flow.told:
        return _by_values(layers)
    found = []
    for end, layer in enumerate(layers):
        if layer.settings.get("kind") not in SUMS:
            continue
        for read, places in flow.apart(end):
            kernels = sum("kernel" in layers[place].parameters for place in places)
            if 0 < kernels <= _BLOCK and flow.goes_past(end, read, places):
                found.append(Branch(min(places), max(places), end, places))
    return tuple(found)


def _by_values(layers: Sequence[LayerTrace]) -> tuple[Branch, ...]:
    """Find the branches of a trace by its values: no hook sees a sum, but both sides of it.

    What a layer gets, less what the layer before it returned, is what some layer before got: then
    the layers from there on are a branch, and this is the sum (He et al. 2016). Where a layer gets
    just what a layer before got, as the convolution of a shortcut does, those between are one.

    Parameters
    ----------
    layers : sequence of LayerTrace
        In the order in which they ran.

    Returns
    -------
    tuple of Branch
        In the order of their ends; inner ones before outer ones.
    """
    found = []
    for end, layer in enumerate(layers):
        if layer.kind != "function" or not end:
            continue
        added = _added(layer)
        for first in range(end - 1, -1, -1):
            began = layers[first].inputs
            if (
                _equal(layer.outputs, began)
                or (added is not None and _equal(added, began))
                or (added is not None and _is_rectified_sum(layer, began))
            ):
                found.append(Branch(first, end - 1, end, frozenset(range(first, end))))
                break
    return tuple(found)


def _is_rectified_sum(layer: LayerTrace, began: Array) -> bool:
    """Whether a sum with what a layer before got went through a ReLU, as blocks of ResNets end."""
    some = layer.inputs[:_ROWS]
    if began[:_ROWS].shape != some.shape or layer.outputs[:_ROWS].min(initial=0.0) < 0:
        return False
    return _equal(layer.outputs, np.maximum(some + began[:_ROWS], 0))


def _added(layer: LayerTrace) -> Array | None:
    """Return what was added to a signal, if its shape is still the same."""
    if layer.inputs.shape != layer.outputs.shape:
        return None
    added: Array = layer.outputs[:_ROWS] - layer.inputs[:_ROWS]
    return added


def _equal(one: Array, other: Array) -> bool:
    if one.shape[1:] != other.shape[1:]:
        return False
    one, other = one[:_ROWS], other[:_ROWS]
    size = float(np.abs(other).max(initial=0.0))
    return (
        one.shape == other.shape
        and size > 0
        and bool(np.abs(one - other).max(initial=0.0) <= _ROUNDING * size)
    )
