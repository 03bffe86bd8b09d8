"""Outputs that begin far from what a network that knows nothing should say."""

import math
from typing import TYPE_CHECKING

from fanin.diagnosis.findings import loss, signals, targets
from fanin.diagnosis.findings._finding import Finding, graded
from fanin.diagnosis.findings._fixes import redrawn, smaller_outputs
from fanin.show.text import counted

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements
    from fanin.diagnosis._signals import Signal

_CHANCE = "the cross-entropy of guessing all K classes evenly is ln K"
_VARIANCE = "the mean squared error of guessing is the targets' variance"

_ROUNDING = 1e-6
"""What differs by less, in units of its size, is the same but for the rounding of float32."""

_STRAW = 1e-3
"""What varied by less was nearly lost before: most of the decades to rounding are of others."""

_NOTHING = 1e-18
"""What is smaller has vanished: its square is at the end of what float32 holds."""


def badly_scaled(measured: "Measurements") -> list[Finding]:
    """Find a loss far above that of guessing, or outputs far larger than the targets."""
    if not measured.layers or loss.misfit(measured):
        return []
    ending = measured.ending
    if ending is not None and ending.task == "values":
        return _larger_than_targets(measured)
    if measured.loss_value is None or not math.isfinite(measured.loss_value):
        return []
    last = measured.layers[-1]
    known = ending is not None and ending.task in ("classes", "binary")
    if not known and "cross" not in measured.loss.lower():
        return []
    binary = "binary" in measured.loss.lower() or (ending is not None and ending.task == "binary")
    classes = 2 if binary else last.units
    chance = math.log(max(classes, 2))
    ratio = measured.loss_value / chance
    severity = graded(ratio, 2.0, 10.0)
    if severity is None:
        return []
    text = (
        f"The loss is {measured.loss_value:.3g}, {ratio:.3g} times ln {classes} = {chance:.3g}: "
        f"the outputs of {last.name} are sure of what they cannot know (rms of what goes into the "
        f"loss: {last.signal.rms:.3g})."
    )
    fix = smaller_outputs(measured)
    return [Finding("output_scale", severity, (last.name,), ratio, 2.0, text, _CHANCE, fix)]


def _larger_than_targets(measured: "Measurements") -> list[Finding]:
    """Find outputs of a regression that are far larger than the targets.

    Outputs r times as large as the targets, and independent of them, have (1 + r²) times the mean
    squared error of guessing: at r = 5 the first epochs only take them back.
    """
    ending = measured.ending
    if ending is None or ending.targets is None or ending.targets.missing:
        return []
    if targets.unscaled(measured):
        return []  # it is the targets that are small
    size = ending.targets.values.rms
    if size == 0 or not math.isfinite(ending.outputs.rms):
        return []
    ratio, last = ending.outputs.rms / size, measured.layers[-1]
    # Where signals grow on their way, that is why, and comes first.
    severity = graded(ratio, 5.0, math.inf if signals.exploding(measured) else 20.0)
    if severity is None:
        return []
    text = (
        f"The outputs of {last.name} have a root mean square of {ending.outputs.rms:.3g}, "
        f"{ratio:.3g} times that of the targets: a loss {1 + ratio**2:.3g} times that of guessing."
    )
    fix = smaller_outputs(measured)
    return [Finding("output_scale", severity, (last.name,), ratio, 5.0, text, _VARIANCE, fix)]


def constant(measured: "Measurements") -> list[Finding]:
    """Find outputs that are the same for all samples, and the layer behind which they are.

    A last layer that begins at zero is good practice: it gets a gradient, and moves in the first
    step. Outputs that are the same for another reason hide the samples from the loss.
    """
    first = _first_flat(measured)
    if first is None or _is_faint(measured, first):
        return []
    return [_constant(measured, first)]


def faint(measured: "Measurements") -> list[Finding]:
    """Find outputs that are the same but for rounding, with no layer that alone makes them so.

    Signals that vanish on their way say more of the cause, and come first.
    """
    first = _first_flat(measured)
    if first is None or not _is_faint(measured, first):
        return []
    return [_constant(measured, first)]


def _constant(measured: "Measurements", first: "LayerReport") -> Finding:
    text = (
        f"The outputs are the same for all {measured.batch} samples: behind {first.name} nothing "
        "is left of what tells them apart."
    )
    source = "what is the same for all samples tells nothing of them"
    fix = redrawn((first.name,), measured)
    return Finding("constant_output", "severe", (first.name,), 0.0, 0.0, text, source, fix)


def _first_flat(measured: "Measurements") -> "LayerReport | None":
    """Return the first layer from which on nothing varies up to the outputs; None if they do."""
    ending, layers = measured.ending, measured.layers
    if ending is None or measured.batch < 2 or _is_flat(measured.inputs):
        return None
    if not _is_flat(ending.outputs) or layers[-1].samples < 2:
        return None
    first = layers[-1]
    if _is_flat(first.output):
        first = _origin(measured, first)
    if _begins_at_zero(measured, first) or _is_named(loss.misfit(measured), first):
        return None
    return first


def _origin(measured: "Measurements", layer: "LayerReport") -> "LayerReport":
    """Return the first of the layers that make a flat one so: where all that one gets is flat."""
    first, todo, seen = layer, [layer], set[int]()
    while todo:
        layer = todo.pop()
        given = measured.given(layer)
        first = min(first, layer, key=lambda one: one.index)
        whole = len(given) == len(measured.flow.reads[layer.index])
        if layer.index not in seen and whole and all(_is_flat(one.output) for one in given):
            todo += given
        seen.add(layer.index)
    return first


def _is_faint(measured: "Measurements", first: "LayerReport") -> bool:
    """Return whether a layer is the last straw: what it gets hardly varied, or it only rounds."""
    if first.dead == 1 and first.signal.rms > _NOTHING:
        return False  # a rectifier that is off, however little varies where it is
    before = measured.coming(first)
    if before.rms < _NOTHING or before.varying < _STRAW * before.rms:
        return True
    given = first.pre_activation
    return given is not None and not _is_flat(given)


def _is_named(found: list[Finding], layer: "LayerReport") -> bool:
    return any(layer.name in finding.layers for finding in found)


def _is_flat(signal: "Signal") -> bool:
    """Return whether a signal is the same in all rows, but for rounding."""
    return signal.varying <= _ROUNDING * signal.rms


def _begins_at_zero(measured: "Measurements", layer: "LayerReport") -> bool:
    """Return whether a layer is the last with weights, has none but zeros, and gets a gradient."""
    kernels = measured.kernels
    if not kernels or layer is not kernels[-1]:
        return False
    kernel = layer.weights["kernel"]
    return kernel.second_moment == 0 and bool(kernel.gradient_second_moment)


def without_gradient(measured: "Measurements") -> list[Finding]:
    """Find layers that get no gradient at all, though they are to be trained.

    Behind them something is zero: a rectifier that is off for all samples, a slope that is below
    what numbers can hold. Where it is a kernel, or the scale of a normalization, that is zero and
    itself gets a gradient (a last layer or a residual branch that begins at zero), they wake up
    with the next step.
    """
    layers = measured.layers
    if measured.batch < 2:
        return []  # of what normalizes one sample, say
    wakes = [layer.index for layer in layers if _wakes(layer)]
    still = [
        layer
        for layer in layers
        if _gets_nothing(layer)
        and not any(measured.flow.leads(layer.index, at) for at in wakes)
        and not any(_is_in(layer.name, module) for module in measured.waking)
    ]
    if not still and measured.still and not _is_learned(measured):
        # What is trained is in no layer that is known, but in modules around them.
        still = [la for la in layers if any(_is_in(la.name, one) for one in measured.still)]
    if not still or _is_learned(measured) or loss.misfit(measured) or _first_flat(measured):
        return []
    kernels = [layer for layer in layers if _trained(layer)]
    verb = "gets" if len(still) == 1 else "get"
    which = f"{counted(len(still), 'layer')} {verb} no"
    if len(still) == len(kernels):
        which = "No layer gets a"
    names = tuple(layer.name for layer in still)
    text = f"{which} gradient, the first of them {names[0]}: what is behind passes none on."
    source = "a step of gradient descent is the learning rate times the gradient"
    # Where a value is detached no weights help.
    cut = all(layer.output_gradient is None for layer in still)
    fix = "" if cut else redrawn((still[-1].name,), measured)
    return [Finding("no_gradient", "severe", names, 0.0, 0.0, text, source, fix)]


def _is_in(name: str, module: str) -> bool:
    return not module or name.startswith(f"{module}.")


def _trained(layer: "LayerReport") -> bool:
    return any(role not in layer.frozen for role in _matrices(layer))


def _matrices(layer: "LayerReport") -> list[str]:
    return [role for role, weights in layer.weights.items() if weights.values.ndim > 1]


def _gets_nothing(layer: "LayerReport") -> bool:
    """Return whether all matrices of a layer that are trained get a gradient of zero."""
    found = [
        layer.weights[role].gradient_second_moment
        for role in _matrices(layer)
        if role not in layer.frozen
    ]
    return bool(found) and all(gradient == 0 for gradient in found)


def _wakes(layer: "LayerReport") -> bool:
    """Return whether a layer multiplies by zero now, and no more after the next step."""
    return any(
        role in layer.weights
        and layer.weights[role].second_moment == 0
        and bool(layer.weights[role].gradient_second_moment)
        for role in ("kernel", "gamma")
    )


def _is_learned(measured: "Measurements") -> bool:
    """Return whether the loss is at its end, where gradients are zero as they should be."""
    value = measured.loss_value
    return value is not None and abs(value) < _ROUNDING
