"""Units that are wasted: equal to others, or off."""

import math
import re
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._biases import DROWNED, MANY, blamed, drowned_share
from fanin.diagnosis.findings._finding import Finding, also, graded
from fanin.diagnosis.findings._fixes import filled, redrawn
from fanin.diagnosis.findings._places import activated_behind, behind, normalized_behind

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements

_LU = "Lu et al. 2019, arXiv:1903.06733: dead ReLU units never recover"


def symmetric(measured: "Measurements") -> list[Finding]:
    """Find hidden layers whose units are equal and get equal gradients."""
    ends = measured.ends
    hidden = [layer for layer in measured.kernels if layer not in ends]
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
    alike = worst.distinct == 1 and worst.units >= _SEVERAL
    # Of a size that no initializer gives, one direction drowns what the first step parts.
    severity = "warning" if alike and worst.gain > _HIGHEST else "note"
    return [_symmetric(severity, equal, worst, worst.distinct, text, measured)]


def _parted_by_noise(layer: "LayerReport", measured: "Measurements") -> bool:
    """Return whether noise, switched off here, falls on equal units of a layer one by one.

    In training mode gradients show what it does. Of what is behind the next kernel all of them get
    the same.
    """
    if measured.training:
        return False
    after = (one for one in behind(measured, layer) if "kernel" not in one.weights)
    words = (f"{one.kind} {one.name}" for one in after)
    return any(re.search("dropout|noise", word, re.IGNORECASE) for word in words)


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
    """Find rectified units that are off for the whole batch, in the layers where that begins.

    Behind a layer without a living unit nothing differs between samples, and units are off or on
    for all of them by their biases alone: that is an effect, and not named.
    """
    if measured.inputs.varying == 0:
        return []  # a unit may be off for a single sample
    # Units that are so far out that a bounded activation has no slope at all are saturated ones.
    off = [
        layer
        for layer in measured.hidden
        if layer.dead >= (0.4 if layer.units >= _SEVERAL else _MOST) and layer.saturated < 0.25
    ]
    if measured.batch < 32:
        # In a small batch a unit may be off by chance, if not by its bias.
        off = [layer for layer in off if blamed(measured, layer)[1]]
    layers = [layer for layer in off if _varies(layer)] or off
    if not layers:
        return []
    worst = max(layers, key=lambda layer: layer.dead)
    severity = graded(worst.dead, 0.4, 0.9) or "warning"
    names = _names(layers)
    why, fix = blamed(measured, worst)
    text = (
        f"{worst.dead:.0%} of the units of {worst.name} are off for all {measured.batch} samples"
        f"{also(worst.name, names)}: they get no gradient{why}."
    )
    # The weights, and the bias with them: a leaky unit that is off for all samples learns slowly.
    fix = fix or redrawn((worst.name,), measured)
    return [Finding("dead", severity, names, worst.dead, 0.4, text, _LU, fix)]


_HIGHEST = 2.0
"""Gain above all that initializers give, as of `scale`."""
_SEVERAL, _MOST = 8, 0.8
"""Of fewer units some are off by chance where little differs between samples, as in gates of means:
then most of them must be."""


def _varies(layer: "LayerReport") -> bool:
    """Return whether what gets to a layer's activation differs between samples beyond rounding."""
    return layer.signal.varying > 1e-6 * layer.signal.rms


def drowned(measured: "Measurements") -> list[Finding]:
    """Find layers whose biases outweigh what comes in, so that units hardly tell samples apart.

    Where |b| is above five standard deviations of what comes in, a unit never crosses zero: it is
    linear, nearly off or nearly flat for all samples. What is quite off or flat is found as such.
    A layer without an activation, or with a function that no sample shows to be one, hands its
    biases on, and the next layer gets little else.
    """
    found: list[Finding] = []
    ends = measured.ends
    bare = [la for la in measured.kernels if la not in ends and _is_bare(measured, la)]
    for layer in [*measured.hidden, *bare] if measured.batch > 1 else []:
        share, source, role = drowned_share(measured, layer)
        if source is None or share < MANY or layer.dead >= 0.4 or layer.saturated >= 0.25:
            continue
        # A gate is no less open or shut for that; where it is flat it is saturated.
        if layer.activation == "sigmoid" or any(source.name in one.layers for one in found):
            continue
        size, spread = math.sqrt(source.weights[role].second_moment), layer.signal.varying
        what = "biases" if role == "bias" else role
        text = (
            f"The {what} of {source.name} (rms {size:.3g}) outweigh what differs between samples "
            f"(rms {spread:.3g}): {share:.0%} of its units never cross zero."
        )
        fix = filled(source, role, 0.0, measured.framework)
        severity = graded(size / spread, DROWNED, 100 * DROWNED) or "warning"
        found.append(Finding("bias", severity, (source.name,), share, MANY, text, _AT_ZERO, fix))
    return found


def _is_bare(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether a kernel's outputs are neither activated nor normalized."""
    if layer in measured.hidden or normalized_behind(measured, layer):
        return False
    return activated_behind(measured, layer) is None


_AT_ZERO = "biases begin at or near zero: Glorot and Bengio 2010; He et al. 2015, arXiv:1502.01852"
