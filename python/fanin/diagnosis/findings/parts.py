"""Parts with formulas of their own: attention, recurrent layers, and a softmax inside."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fanin.diagnosis.findings._finding import Finding, also, graded
from fanin.diagnosis.findings._fixes import filled, multiplied, rectified
from fanin.diagnosis.findings._places import behind, joins, multiplies, normalizes
from fanin.diagnosis.findings.signals import FACTOR, SEVERE_FACTOR

if TYPE_CHECKING:
    from fanin.diagnosis._attention import AttentionReport
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements
    from fanin.diagnosis._recurrence import RecurrenceReport

_VASWANI = (
    "Vaswani et al. 2017, arXiv:1706.03762, 3.2.1: scores of unit variance, as large ones push a "
    "softmax to where it is flat; Derrida 1981: it freezes at a spread of sqrt(2 ln n)"
)
_FROZEN = 0.25
"""Share of ln n from which the entropy of attention to n keys is too small: one key in n^(3/4) is
looked at. Of Gaussian scores of spread s it is about 1 - s^2 / (2 ln n), 0.8 to 1 of those that
begin with unit variance, as all usual weights give them."""

_GLOROT = "Glorot and Bengio 2010, section 3: saturated layers hardly learn"
_SAXE = (
    "Le et al. 2015, arXiv:1504.00941; Saxe et al. 2014, arXiv:1312.6120: recurrent kernels begin "
    "orthogonal, or nearly, so that states neither grow nor fade"
)
_FLAT, _SEVERELY_FLAT = 0.25, 0.5
"""Of a gate's inputs, as of the inputs of `saturated` layers."""
_HIGHEST = 2.0
"""Gain above all that initializers give, as of `scale`."""
_LOWEST = 0.5
"""Gain of one gate of four in an orthogonal kernel; an independent draw of 1 / n gives 1."""
_USUAL = 3**-0.5
"""Gain of torch's draw, and of one gate of three in an orthogonal kernel."""

_SIMPLEX = (
    "Bridle 1990: softmax is for what chooses. The weights of n units add up to 1, so each varies "
    "by about 1 / n, and so do gradients"
)


def attention(measured: "Measurements") -> list[Finding]:
    """Find attention that looks at one key: the softmax of its scores is flat, as they are large.

    Where queries look at one key each, no gradient moves them to another. Scores are products of
    queries and keys, so the kernels of both make them small again, whatever made them large: the
    weights, or a scale of 1 / sqrt(d) that was left out.
    """
    found = [one for one in measured.attentions if one.entropy < _FROZEN]
    if not found:
        return []
    worst = min(found, key=lambda one: one.entropy)
    names = tuple(dict.fromkeys(name for one in found for name in one.layers))
    text = (
        f"The attention of {' and '.join(worst.layers)} has {worst.entropy:.2g} of the entropy of "
        f"equal weights for {worst.keys} keys: {worst.sharp:.0%} of the queries look at one key "
        f"only, where its scores (spread {worst.spread:.3g}) pass no gradient on."
    )
    lines = dict.fromkeys(line for one in found for line in _softer(one, measured))
    fix = "; ".join(lines)
    return [Finding("attention", "warning", names, worst.entropy, _FROZEN, text, _VASWANI, fix)]


def _softer(found: "AttentionReport", measured: "Measurements") -> Iterator[str]:
    """Go through lines that give scores unit spread, and kernels no more than a gain of 1."""
    layers = [measured[name] for name in found.layers]
    whole = layers[0].weights.get(found.together)
    framework = measured.framework
    if whole is not None:
        parts = np.split(whole.values.astype(np.float64), 3, axis=1)
        query, key, value = (math.sqrt(len(part) * np.square(part).mean()) for part in parts)
        if value >= FACTOR**0.5:  # all of it is off
            factor = min(_factor(found, query * key), 1 / value)
            yield multiplied(layers[0], found.together, factor, framework)
            return
        rows = f"{found.together}[:{2 * parts[0].shape[1]}]"
        yield multiplied(layers[0], rows, _factor(found, query * key), framework)
        return
    own = ("kernel", "q_proj_weight", "k_proj_weight")
    kernels = [(layer, role) for layer in layers for role in own if role in layer.weights]
    gains = math.prod(_gain(*one) for one in kernels) ** (2 / max(len(kernels), 1))
    for layer, role in kernels:
        yield multiplied(layer, role, _factor(found, gains), framework)


def _gain(layer: "LayerReport", role: str) -> float:
    kernel = layer.weights[role]
    fan_in = kernel.values.shape[0 if role == "kernel" else 1]
    return math.sqrt(fan_in * kernel.second_moment)


def _factor(found: "AttentionReport", gains: float) -> float:
    """Return by what queries and keys are to be multiplied: scores change by its square."""
    return float(max(found.spread, gains, 1.0) ** -0.5)


def recurrence(measured: "Measurements") -> list[Finding]:
    """Find kernels of recurrent layers that are too large or too small.

    What a kernel gives to the gates is known from its inputs, or from the states that the layer
    returns. Where that alone makes gates flat, as saturated layers are, it is too large; biases are
    left out, as one of 1 and more keeps the memory of an LSTM open. Where nobody sees what it
    multiplies, and of a rectifier, its gain must do. One that is far too small sees nothing of the
    states before: a plain layer then forgets in one step, and gates depend on the inputs alone.
    """
    found = []
    for one in measured.recurrences:
        if one.shut >= _MANY_SHUT:
            found.append(_shut(one, measured))
            continue
        severity, size = _graded(one)
        if severity is None or (not one.states and one.gain <= _HIGHEST):
            continue  # inputs of another size are not the kernel's fault
        flat = one.flat >= _FLAT
        value = one.flat if flat else one.gain
        limit = _FLAT if flat else _limit(one) if size == "large" else _LOWEST / FACTOR
        text, source = _said(one, size), _GLOROT if flat else _SAXE
        fix = _rescaled(one, measured[one.layer], measured)
        found.append(Finding("recurrence", severity, (one.layer,), value, limit, text, source, fix))
    return found


_MANY_SHUT = 0.4
"""Share of a gate's units: that of dead units, which these are."""


def _shut(one: "RecurrenceReport", measured: "Measurements") -> Finding:
    text = (
        f"Biases hold {one.shut:.0%} of a gate of {one.layer} shut: it is below 1 % whatever comes "
        "in, and passes no gradient on."
    )
    layer, framework = measured[one.layer], measured.framework
    fix = "; ".join(filled(layer, role, 0.0, framework) for role in one.bias_roles)
    severity = "severe" if one.shut > 0.9 else "warning"
    value = one.shut
    return Finding("recurrence", severity, (one.layer,), value, _MANY_SHUT, text, _GERS, fix)


_GERS = "Gers et al. 2000, Learning to forget: gates begin open, with biases of 0 or above"


def _said(one: "RecurrenceReport", size: str) -> str:
    """Say what is wrong with a kernel, or with functions that are seen inside of a layer."""
    if not one.role:
        return f"{one.flat:.0%} of the functions inside of {one.layer} are flat, time after time."
    does = f"multiplies the size of what comes in by {one.gain:.3g}, time after time"
    if size == "small":
        does = f"multiplies the size of what comes in by {one.gain:.3g}: states hardly count"
    elif one.flat >= _FLAT:
        does = f"alone makes its gates flat for {one.flat:.0%} of what comes in"
    return f"The kernel {one.role} of {one.layer} is too {size}: it {does}."


def _limit(one: "RecurrenceReport") -> float:
    """Return the gain that is too large: where nothing bounds states, what grows does for good."""
    return FACTOR if one.bounded else _HIGHEST


def _graded(one: "RecurrenceReport") -> tuple[str | None, str]:
    if one.flat >= _FLAT:
        return graded(one.flat, _FLAT, _SEVERELY_FLAT), "large"
    if one.gain >= _limit(one):
        return graded(one.gain, _limit(one), SEVERE_FACTOR), "large"
    if one.states and one.gain <= _LOWEST / FACTOR:
        return "warning", "small"
    return None, ""


def _rescaled(one: "RecurrenceReport", layer: "LayerReport", measured: "Measurements") -> str:
    """Return code that gives a kernel its usual size; none where that is not known, or it is 0."""
    role, gain = one.role, one.gain
    if not role and multiplies(layer):
        role, gain = "kernel", layer.gain
    if not role or not gain > 0 or (one.states and _LOWEST <= gain <= 1):
        return ""
    target = 1.0 if one.gates == 1 else _USUAL
    return multiplied(layer, role, target / gain, measured.framework)


def softmax_inside(measured: "Measurements") -> list[Finding]:
    """Find a softmax that is a hidden layer's activation.

    As the weights of a mean, in attention or of experts, it multiplies something else; at the end
    it gives probabilities. In front of a layer with weights it is an activation, and shrinks what
    differs between samples, and gradients, by about the number of its units.
    """
    inside = [layer for layer in measured.layers if _is_inside(measured, layer)]
    if not inside:
        return []
    shrinks = {layer.name: _shrinks(layer) for layer in inside}
    names, worst = tuple(shrinks), max(shrinks, key=lambda name: shrinks[name])
    text = (
        f"The activation of {worst} is a softmax in the middle of the network{also(worst, names)}: "
        f"what differs between samples gets {shrinks[worst]:.3g} times smaller, in shares of 1."
    )
    fix = "; ".join(filter(None, (rectified(layer, measured) for layer in inside)))
    return [Finding("activation", "warning", names, 1 / shrinks[worst], 1.0, text, _SIMPLEX, fix)]


def _is_inside(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether a softmax goes into a layer with weights, through nothing that mixes it."""
    if layer.activation != "softmax":
        return False
    for after in behind(measured, layer):
        if multiplies(after) or normalizes(after) or after.kind == "recurrent":
            return True
        if joins(after) and not after.settings.get("alone"):
            return False
    return False


def _shrinks(layer: "LayerReport") -> float:
    """Return how many times less its outputs differ between samples than what it gets."""
    given = layer.signal.varying
    return given / layer.output.varying if layer.output.varying > 0 else math.inf
