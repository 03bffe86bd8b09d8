"""Where a layer stands: what follows it, and what leads past it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements

_NORMALIZATIONS = ("batch_normalization", "normalization")


def normalizes(layer: "LayerReport") -> bool:
    """Return whether a layer is a normalization that is known."""
    return layer.kind in _NORMALIZATIONS


def multiplies(layer: "LayerReport") -> bool:
    """Return whether a layer has weights that multiply what it gets."""
    return "kernel" in layer.weights


def behind(measured: "Measurements", layer: "LayerReport") -> Iterator["LayerReport"]:
    """Go through the layers after one, in the order in which they ran."""
    yield from measured.layers[layer.index + 1 :]


def normalized_behind(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether a normalization takes the layer's scale away again.

    What is between, such as pooling or Dropout, must keep proportions: an activation, another
    kernel, or a sum does not.
    """
    if layer.activation:
        return False
    for after in behind(measured, layer):
        if normalizes(after):
            return True
        if multiplies(after) or after.activation or after.kind == "function":
            return False
    return False


def ends_branch(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether a layer is the last of a branch that has weights.

    Such a one may begin at zero: the sum is then what the branch got, and gradients reach the layer
    (Goyal et al. 2017, arXiv:1706.02677, 5.1; Zhang et al. 2019, arXiv:1901.09321).
    """
    return any(
        layer.index in branch
        and not any(other.weights for other in measured.layers[layer.index + 1 : branch.last + 1])
        for branch in measured.branches
    )


def in_branch(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether something leads past a layer."""
    return any(layer.index in branch for branch in measured.branches)


def activated_behind(measured: "Measurements", layer: "LayerReport") -> "LayerReport | None":
    """Return the layer that applies an activation to what this one computes, or None.

    It is the layer itself where it ends with one.
    """
    if layer.pre_activation is not None:
        return layer
    for after in behind(measured, layer):
        if after.pre_activation is not None:
            return after
        if after.weights or after.kind == "function":
            return None
    return None


def feeding(measured: "Measurements", layer: "LayerReport") -> "LayerReport | None":
    """Return the layer whose kernel, or γ and β, make what an activation gets, or None."""
    for before in reversed(measured.layers[: layer.index + 1]):
        if multiplies(before) or normalizes(before):
            return before
        if before.kind == "function" or (before is not layer and before.activation):
            return None
    return None
