"""One layer that changes the size of signals, or that tells nothing on, by what its weights are."""

import math
from typing import TYPE_CHECKING

import numpy as np

from fanin.diagnosis.findings._finding import Finding, graded, named
from fanin.diagnosis.findings._fixes import dense_with, multiplied, suitable_gain
from fanin.diagnosis.findings._places import (
    activated_behind,
    ends_branch,
    normalized_behind,
    samples_of,
)
from fanin.diagnosis.findings.signals import FACTOR, SEVERE_FACTOR

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements

_SOURCE = (
    "Glorot and Bengio 2010, He et al. 2015: a kernel multiplies the size of what comes in by the "
    "root of fan_in E[w^2], which all known initializers put between 0.5 and 2"
)

_HIGHEST = 2.0
"""Gain above all that initializers give: He's is 1.41, that of torch for tanh 1.67."""

_LOWEST = 3**-0.5
"""The lowest gain of a usual initializer, torch's default, whose variance is 1 / (3 fan_in)."""


def off(measured: "Measurements") -> list[Finding]:
    """Find single layers whose weights are far larger or smaller than any initializer's.

    A kernel of independent weights multiplies the size of what comes in by √(fan_in E[w²]),
    whatever comes in: the gain is a layer's own, so it names the layer where the product of gains
    jumps, also where a layer behind undoes it or a bounded activation hides it. It is compared with
    what the layer's initializer gives where that is known, else with what all initializers give.

    Sound are: what a normalization scales again, the small end of a branch or of the network, and
    weights that bring small signals up or large ones down to about 1.
    """
    layers = measured.once
    away = {layer.name: _away(measured, layer) for layer in layers}
    found = []
    for sign in (1, -1):
        off = [layer for layer in layers if away[layer.name] ** sign >= FACTOR]
        ends = measured.ends
        hidden = [la for la in measured.kernels if la not in ends and _counts(measured, la)]
        alike = [layer for layer in hidden if away[layer.name] ** sign >= FACTOR**0.5]
        if off and len(alike) > 1 and 2 * len(alike) >= len(hidden):
            # Not one layer is unlike the others: that is how the network was drawn.
            off = [layer for layer in layers if layer in (*off, *alike)]
            found.append(_of_many(measured, off, [away[layer.name] for layer in off]))
        else:
            found += [_of_one(measured, layer, away[layer.name]) for layer in off]
    return found


def _counts(measured: "Measurements", layer: "LayerReport") -> bool:
    return not (normalized_behind(measured, layer) or ends_branch(measured, layer))


def _away(measured: "Measurements", layer: "LayerReport") -> float:
    """Return how many times too large a layer's weights are; 1 where they are sound."""
    if layer.kind == "embedding":
        # Vectors of words: small ones are usual.
        size = 1.0 if normalized_behind(measured, layer) else layer.output.rms
        return size if 1 <= size < math.inf else 1.0
    gain, drawn, signal = layer.gain, layer.drawn_gain, layer.signal
    if not 0 < gain < math.inf or normalized_behind(measured, layer):
        return 1.0
    # Weights that bring small signals up to 1, or large ones down to it, do what they should.
    size = _size_of_inputs(measured, layer)
    if gain > 1:
        gain *= min(size, 1.0)
        known = gain > _HIGHEST and 0 < drawn < _HIGHEST
        return max(gain / drawn if known else gain, 1.0) if signal.rms >= 1 else 1.0
    if layer in measured.ends or ends_branch(measured, layer) or signal.varying > 1:
        return 1.0
    if _is_enlarged(measured, layer):
        return 1.0
    fan_in, units = _fans(layer)
    usual = min(_LOWEST, math.sqrt(2 * fan_in / (fan_in + units)))  # Glorot's, of a wide layer
    return min(gain / usual * max(size, 1.0), 1.0)


def _is_enlarged(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether a function of what a layer gives alone makes it large again, as sin(30 z)."""
    return any(
        after.kind == "function"
        and bool(after.settings.get("alone"))
        and after.output.varying >= max(_LOWEST / 2, 3 * layer.output.varying)
        for after in measured.readers(layer)
    )


def _size_of_inputs(measured: "Measurements", layer: "LayerReport") -> float:
    """Return the size of the samples in front of a kernel that gets them; else 1."""
    samples = samples_of(measured, layer)
    return 1.0 if samples is None else samples.rms


def _fans(layer: "LayerReport") -> tuple[int, int]:
    shape = layer.weights["kernel"].values.shape
    return math.prod(shape[:-1]), shape[-1]


def _of_one(measured: "Measurements", layer: "LayerReport", away: float) -> Finding:
    size = "large" if away > 1 else "small"
    factor = away if away > 1 else 1 / away
    role = "embeddings" if layer.kind == "embedding" else "kernel"
    if role == "kernel":
        does = f"multiplies the size of what comes in by {layer.gain:.3g}"
        target = _target_gain(measured, layer)
        put = target / layer.gain
    else:
        does = f"gives vectors of a root mean square of {layer.output.rms:.3g}"
        put = 1 / away
    text = f"The weights of {layer.name} are about {factor:.2g} times too {size}: it {does}."
    return Finding(
        "scale",
        graded(factor, FACTOR, SEVERE_FACTOR) or "warning",
        (layer.name,),
        away,
        FACTOR if away > 1 else 1 / FACTOR,
        text,
        _SOURCE,
        multiplied(layer, role, put, measured.framework),
    )


def _target_gain(measured: "Measurements", layer: "LayerReport") -> float:
    """Return the gain that a layer should have: its initializer's, or what suits its activation."""
    if 1 / FACTOR < layer.drawn_gain <= _HIGHEST:
        return layer.drawn_gain
    after = activated_behind(measured, layer)
    return suitable_gain("" if after is None else after.activation)


def _of_many(measured: "Measurements", layers: list["LayerReport"], aways: list[float]) -> Finding:
    middle = float(np.exp(np.log(aways).mean()))
    size, factor = ("large", middle) if middle > 1 else ("small", 1 / middle)
    names = tuple(layer.name for layer in layers)
    text = f"The weights of {named(names)} are about {factor:.2g} times too {size}."
    after = activated_behind(measured, layers[0]) or layers[0]
    return Finding(
        "scale",
        graded(factor, FACTOR, SEVERE_FACTOR) or "warning",
        names,
        middle,
        FACTOR if middle > 1 else 1 / FACTOR,
        text,
        _SOURCE,
        dense_with(after, measured.framework),
    )


def zero(measured: "Measurements") -> list[Finding]:
    """Find hidden kernels that are zero: nothing passes them, neither forward nor back.

    The last kernel of the network or of a branch may begin so: gradients reach it, and nothing
    behind it needs what comes out. In front of others it makes all samples the same.
    """
    last = measured.ends
    found = [
        layer
        for layer in measured.kernels
        if layer not in last
        and layer.weights["kernel"].second_moment == 0
        and not ends_branch(measured, layer)
    ]
    if not found:
        return []
    first = found[0]
    names = tuple(layer.name for layer in found)
    after = activated_behind(measured, first)
    stuck = all(not layer.weights["kernel"].gradient_second_moment for layer in found)
    text = (
        f"All weights of {named(names)} are zero: what is behind is the same for all samples, and "
        f"no gradient gets to what is before{'; nor do its own weights get one' if stuck else ''}."
    )
    fix = dense_with(after or first, measured.framework)
    source = "Goodfellow, Bengio and Courville 2016, section 8.4: weights must break symmetry"
    severity = "severe" if stuck else "warning"
    return [Finding("zero", severity, names, 0.0, 0.0, text, source, fix)]
