"""Units that are wasted: equal to others, or off."""

import re
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._finding import Finding, also, graded
from fanin.diagnosis.findings._fixes import redrawn

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements

_LU = "Lu et al. 2019, arXiv:1903.06733: dead ReLU units never recover"


def symmetric(measured: "Measurements") -> list[Finding]:
    """Find hidden layers whose units are equal and get equal gradients."""
    hidden = measured.kernels[:-1]
    tied = [la for la in hidden if la.free < la.units and not _parted_by_noise(la, measured)]
    if tied:
        worst = min(tied, key=lambda layer: layer.free / layer.units)
        severity = "severe" if worst.free <= max(1, worst.units // 2) else "warning"
        text = (
            f"The {worst.units} units of {worst.name} act as {worst.free}"
            f"{also(worst.name, _names(tied))}: equal units get equal gradients and stay equal."
        )
        return [_symmetric(severity, tied, worst, worst.free, text, measured)]
    equal = [layer for layer in hidden if layer.distinct < layer.units]
    if not equal:
        return []
    worst = min(equal, key=lambda layer: layer.distinct / layer.units)
    verb = "is" if worst.distinct == 1 else "are"
    text = (
        f"Only {worst.distinct} of the {worst.units} units of {worst.name} {verb} distinct"
        f"{also(worst.name, _names(equal))}, but their gradients differ: they part in the first "
        "step."
    )
    return [_symmetric("note", equal, worst, worst.distinct, text, measured)]


def _parted_by_noise(layer: "LayerReport", measured: "Measurements") -> bool:
    """Return whether noise, switched off here, falls on equal units of a layer one by one.

    In training mode gradients show what it does. Of what is behind the next kernel all of them get
    the same.
    """
    if measured.training:
        return False
    for behind in measured.layers[layer.index + 1 :]:
        if "kernel" in behind.weights:
            return False
        if re.search("dropout|noise", f"{behind.kind} {behind.name}", re.IGNORECASE):
            return True
    return False


def _names(layers: list["LayerReport"]) -> tuple[str, ...]:
    return tuple(layer.name for layer in layers)


def _symmetric(
    severity: str,
    layers: list["LayerReport"],
    worst: "LayerReport",
    distinct: int,
    text: str,
    measured: "Measurements",
) -> Finding:
    source = "Goodfellow, Bengio and Courville 2016, section 8.4: weights must break symmetry"
    fix = redrawn(_names(layers), measured)
    share = distinct / worst.units
    return Finding("symmetric", severity, _names(layers), share, 1.0, text, source, fix)


def dead(measured: "Measurements") -> list[Finding]:
    """Find rectified units that are off for the whole batch."""
    # In a small batch, or one of equal samples, a unit may be off by chance.
    if measured.batch < 32 or measured.inputs.varying == 0:
        return []
    layers = [layer for layer in measured.hidden if layer.dead >= 0.4]
    if not layers:
        return []
    worst = max(layers, key=lambda layer: layer.dead)
    severity = graded(worst.dead, 0.4, 0.9) or "warning"
    names = tuple(layer.name for layer in layers)
    text = (
        f"{worst.dead:.0%} of the units of {worst.name} are off for all {measured.batch} samples"
        f"{also(worst.name, names)}: they get no gradient."
    )
    # The weights, and the bias with them: a leaky unit that is off for all samples learns slowly.
    fix = redrawn((worst.name,), measured)
    return [Finding("dead", severity, names, worst.dead, 0.4, text, _LU, fix)]
