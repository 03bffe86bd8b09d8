"""Where a layer stands: what follows it, and what leads past it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fanin.diagnosis._flow import JOINS, SUMS

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements
    from fanin.diagnosis._signals import Signal

_NORMALIZATIONS = (
    *("batch_normalization", "normalization"),
    *("layer_normalization", "group_normalization", "rms_normalization", "unit_normalization"),
)


def normalizes(layer: "LayerReport") -> bool:
    """Return whether a layer is a normalization that is known."""
    return layer.kind in _NORMALIZATIONS


def joins(layer: "LayerReport") -> bool:
    """Return whether a layer mixes signals, or does what is not known."""
    return layer.kind in JOINS


def multiplies(layer: "LayerReport") -> bool:
    """Return whether a layer has weights that multiply what it gets."""
    return "kernel" in layer.weights


def behind(measured: "Measurements", layer: "LayerReport") -> Iterator["LayerReport"]:
    """Go through the layers that a signal gets to, up to the next kernels, nearest first."""
    todo, seen = measured.readers(layer), {layer.index}
    while todo:
        after = todo.pop(0)
        if after.index not in seen:
            seen.add(after.index)
            yield after
            todo += [] if multiplies(after) else measured.readers(after)


def normalized_behind(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether a normalization takes the layer's scale away again, wherever that goes.

    What is between, such as pooling or Dropout, must keep proportions: an activation, another
    kernel, or a sum does not.
    """
    todo = [layer]
    while todo:
        before = todo.pop()
        readers = measured.readers(before)
        if before.activation or not readers:
            return False
        for after in readers:
            if normalizes(after):
                continue
            if multiplies(after) or joins(after):
                return False
            todo.append(after)
    return True


def ends_branch(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether a layer is the last with weights of what leads to a sum.

    Such a one may begin at zero: the sum is then what goes past it, and gradients reach the layer
    (Goyal et al. 2017, arXiv:1706.02677, 5.1; Zhang et al. 2019, arXiv:1901.09321).
    """
    if measured.flow.told:
        return _is_added(measured, layer)
    return any(
        layer.index in branch
        and not any(other.weights for other in measured.layers[layer.index + 1 : branch.last + 1])
        for branch in measured.branches
    )


def _is_added(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether all that a layer hands on is added to something that does not depend on it."""
    flow, todo = measured.flow, [layer]
    calls = [one.index for one in measured.layers if one.name == layer.name]
    while todo:
        before = todo.pop()
        readers = measured.readers(before)
        if not readers:
            return False
        for after in readers:
            if after.weights:
                return False
            others = [place for place in flow.reads[after.index] if place != before.index]
            past = any(not any(flow.leads(call, place) for call in calls) for place in others)
            if after.kind not in SUMS or not past:
                todo.append(after)
    return True


def in_branch(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether something leads past a layer."""
    return any(layer.index in branch for branch in measured.branches)


def activated_behind(measured: "Measurements", layer: "LayerReport") -> "LayerReport | None":
    """Return the layer that applies an activation to what this one computes, or None.

    It is the layer itself where it ends with one.
    """
    if layer.pre_activation is not None:
        return layer
    for after in measured.readers(layer):
        if after.pre_activation is not None:
            return after
        if not (after.weights or joins(after)):
            found = activated_behind(measured, after)
            if found is not None:
                return found
    return None


def feeding(measured: "Measurements", layer: "LayerReport") -> "LayerReport | None":
    """Return the layer whose kernel, or γ and β, make what an activation gets, or None."""
    before = layer
    while not (multiplies(before) or normalizes(before)):
        given = measured.given(before)
        if joins(before) or (before is not layer and before.activation) or len(given) != 1:
            return None
        before = given[0]
    return before


def samples_of(measured: "Measurements", layer: "LayerReport") -> "Signal | None":
    """Return the samples, if a layer gets them without another's kernel in between, else None."""
    while True:
        given = measured.given(layer)
        if not given:
            return measured.coming(layer)
        layer = given[0]
        if multiplies(layer) or layer.kind == "embedding" or len(given) > 1:
            return None
