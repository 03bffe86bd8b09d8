"""Signals and gradients that grow, shrink, get flat, or are no numbers."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._biases import blamed
from fanin.diagnosis.findings._finding import Finding, also, graded
from fanin.diagnosis.findings._fixes import dense_with, finite_inputs, redrawn
from fanin.diagnosis.findings._places import in_branch, multiplies, normalizes

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements

FACTOR, SEVERE_FACTOR = 10.0, 1000.0
"""A change of scale from the first hidden layer to the last that is a warning, and severe."""

_GLOROT = "Glorot and Bengio 2010: variances should be equal in all layers, forward and back"
_HANIN = "Hanin and Rolnick 2018, arXiv:1803.01719: both are failures to start training"


def non_finite(measured: "Measurements") -> list[Finding]:
    """Find the first place where a number is NaN or infinite."""
    for where, layers, place in _places(measured):
        text = f"{where} NaN or infinity{place}: nothing behind that can be measured."
        fix = _finite(where, layers, measured)
        finding = Finding("non_finite", "severe", layers, math.nan, math.inf, text, "arithmetic")
        return [replace(finding, fix=fix)]
    return []


def _finite(where: str, layers: tuple[str, ...], measured: "Measurements") -> str:
    """Return code that makes finite what is not: inputs, or else weights."""
    if not layers:
        return finite_inputs(measured)
    # Weights that are numbers, and give none, are too large.
    return redrawn(layers, measured) if where.startswith(("The", "Activations")) else ""


def _places(
    measured: "Measurements",
) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Go forward through inputs, weights and activations, then back through the gradients."""
    if measured.inputs.first_non_finite is not None:
        yield "The inputs hold", (), _at(measured.inputs.first_non_finite)
    for layer in measured.layers:
        for role, weights in layer.weights.items():
            if weights.first_non_finite is not None:
                index = ", ".join(map(str, weights.first_non_finite))
                yield f"The {role} of {layer.name} holds", (layer.name,), f" (first at [{index}])"
        for signal in (layer.pre_activation, layer.output):
            if signal is not None and signal.first_non_finite is not None:
                place = _at(signal.first_non_finite)
                yield f"Activations of {layer.name} hold", (layer.name,), place
    for layer in reversed(measured.layers):
        gradient = layer.gradient
        if gradient is not None and gradient.first_non_finite is not None:
            place = _at(gradient.first_non_finite)
            yield f"Gradients of {layer.name} hold", (layer.name,), place


def _at(place: tuple[int, int]) -> str:
    return f" (first at row {place[0]}, column {place[1]})"


def exploding(measured: "Measurements") -> list[Finding]:
    """Find signals that grow on their way forward, and gradients on their way back."""
    found = []
    for way in _ways(measured):
        growth = way.sizes[-1] / way.sizes[0] if way.sizes[0] > 0 else 0.0
        severity = way.graded(growth) if math.isfinite(growth) else None
        if severity:
            layers, text = _placed(way, growth, "grow")
            found.append(_finding("exploding", severity, layers, growth, way.limit, text, measured))
    return found


def vanishing(measured: "Measurements") -> list[Finding]:
    """Find signals that shrink on their way forward, and gradients on their way back."""
    found = []
    for way in _ways(measured):
        first, last = way.sizes[0], way.sizes[-1]
        shrink = first / last if last > 0 else math.inf
        if first == 0 or not all(map(math.isfinite, way.sizes)):
            continue
        way = replace(way, limit=way.limit * _fading(way) * _averaging(way, measured))
        severity = way.graded(shrink)
        if severity:
            layers, text = _placed(way, shrink, "shrink")
            found.append(
                _finding("vanishing", severity, layers, 1 / shrink, 1 / way.limit, text, measured)
            )
    return found


def swallowed(measured: "Measurements") -> list[Finding]:
    """Find a layer of a user's own, with weights, that hands on hardly anything of its inputs.

    What it computes is not known; its signals are. What it gets differs between samples, and what
    comes out by a hundredth of that or less, where a kernel reads it: bumps that no sample hits.
    """
    for layer in measured.once:
        own = layer.weights and layer.kind not in _KNOWN and not multiplies(layer)
        if not own or normalizes(layer) or measured.batch < 2:
            continue
        given, handed = measured.coming(layer).varying, layer.output.varying
        reads = any(multiplies(after) for after in measured.readers(layer))
        if reads and 0 < given < math.inf and handed < given / (10 * FACTOR):
            ratio = handed / given
            text = (
                f"{layer.name} hands on {ratio:.3g} of what differs between samples: from "
                f"{_span([given, handed])}."
            )
            limit = 1 / (10 * FACTOR)
            return [Finding("vanishing", "warning", (layer.name,), ratio, limit, text, _GLOROT)]
    return []


_KNOWN = (
    *("embedding", "recurrent", "attention", "einsum", "dense", "convolution"),
    *("transposed_convolution", "normalization", "batch_normalization", "activation"),
)


@dataclass(frozen=True)
class _Way:
    """Sizes along a way through the network, and where a change of them begins to be one."""

    what: str
    layers: list["LayerReport"]
    sizes: list[float]
    limit: float

    def graded(self, change: float) -> str | None:
        return graded(change, self.limit, max(SEVERE_FACTOR, self.limit))


def _ways(measured: "Measurements") -> list[_Way]:
    """Return the signals from first to last hidden layer, and the gradients from last to first.

    What something leads past has sizes of its own (branches that begin small are good practice), so
    these are of the layers that all signals pass; and of those that run once, as the steps of what
    repeats are not its depth. In a graph they are of the longest way, and of what others have
    besides, such as the tower of another input.
    """
    ways = []
    for hidden in _passed(measured):
        if len(hidden) < 2:
            continue
        if measured.batch > 1:
            # What differs between samples: a sigmoid's constant 1/2 says nothing.
            sizes = [layer.signal.varying for layer in hidden]
            ways.append(_Way("Signals", hidden, sizes, FACTOR))
        whole = [layer for layer in reversed(hidden) if layer.gradient is not None]
        for _, part in itertools.groupby(whole, lambda layer: _outputs_behind(measured, layer)):
            back = [*part]
            if len(back) > 1:
                sizes = [_gradient_of_sample(layer, measured.batch) for layer in back]
                ways.append(_Way("Gradients", back, sizes, FACTOR * _noise_of_gradients(back)))
    return ways


def _outputs_behind(measured: "Measurements", layer: "LayerReport") -> frozenset[int]:
    """Return which outputs a layer leads to: gradients of their losses add up in it."""
    flow = measured.flow
    return frozenset(end for end in flow.outputs if flow.leads(layer.index, end))


def _averaging(way: _Way, measured: "Measurements") -> float:
    """Return by what factor means over places or members make signals and gradients smaller.

    The mean of n that do not depend on each other has a root of n less of what differs, and so has
    the gradient of all of them.
    """
    ends = sorted((way.layers[0].index, way.layers[-1].index))
    factor, span = 1.0, range(*ends)
    for layer in measured.layers:
        if layer.index not in span or layer.weights or layer.kind in ("activation", "flatten"):
            continue
        for before in measured.given(layer):
            if before.units == layer.units and before.samples > layer.samples:
                factor *= math.sqrt(before.samples / layer.samples)
    return factor


_ODD = ("tanh", "softsign")
"""Bounded activations whose slope at 0 is 1: signals are passed on but for what is cut off."""


def _fading(way: _Way) -> float:
    """Return by what factor signals fade in bounded layers that keep the size of small ones.

    With tanh x = x - x^3 / 3 a layer of gain 1 turns a variance q into q - 2 q^2: after L layers
    its inverse has grown by 2 L. Signals get smaller by a power of the depth, not by a factor a
    layer, and gradients stay as they are (Schoenholz et al. 2017, arXiv:1611.01232: at the edge of
    chaos): that is what the best start of deep ones does.
    """
    bounded = sum(layer.activation in _ODD for layer in way.layers)
    if way.what != "Signals":
        return 1.0
    return math.sqrt(1 + 2 * bounded * min(way.sizes[0], 1.0) ** 2)


def _passed(measured: "Measurements") -> list[list["LayerReport"]]:
    """Return the hidden layers that all signals of a way pass; where all are in branches, the sums.

    A layer that is called in several ways counts in the first of them.
    """
    if measured.flow.told:
        ways = [[measured.layers[place] for place in way] for way in measured.flow.ways()]
    else:
        ways = [measured.layers]
    found, named = [], set[str]()
    for way in ways:
        times = Counter(layer.name for layer in way)
        hidden = {layer.index for layer in measured.hidden}
        own = [
            layer
            for layer in way
            if layer.index in hidden
            and layer.name not in named
            and times[layer.name] == 1
            and not in_branch(measured, layer)
        ]
        ends = dict.fromkeys(branch.end for branch in measured.branches)
        places = {layer.index for layer in way}
        sums = [
            measured.layers[end]
            for end in ends
            if end in places and not _is_normalized(measured, end)
        ]
        outer = [layer for layer in sums if not in_branch(measured, layer)]
        found.append(own if len(own) >= len(outer) else outer)
        named.update(layer.name for layer in way)
    return found


def _is_normalized(measured: "Measurements", end: int) -> bool:
    """Return whether a sum goes into a normalization alone, which takes its size away."""
    after = measured.layers[end + 1 : end + 2]
    past = any(branch.first == end + 1 for branch in measured.branches)
    return bool(after) and normalizes(after[0]) and not past and not measured.flow.told


def _gradient_of_sample(layer: "LayerReport", batch: int) -> float:
    """Return the norm of a sample's gradient, over all units and places.

    This, not the size of an element, is what a kernel of variance 1 / fan_in or 2 / fan_in keeps
    on the way back, whatever the widths: an element of W g has variance fan_out Var[w] E[g²], and
    there are fan_in of them. Pooling and convolutions change the number of places, and keep it.
    """
    return layer.gradient_rms * math.sqrt(layer.units * max(layer.samples / batch, 1.0))


def _noise_of_gradients(layers: list["LayerReport"]) -> float:
    """Return by what factor finite widths alone change gradients, two standard deviations.

    The log of a squared gradient has a variance of about 5 Σ 1 / n over the layers' widths (Hanin
    2018, arXiv:1801.03744: it is what depth does at the best initialization), its root a quarter.
    """
    return math.exp(math.sqrt(5 * sum(1 / layer.units for layer in layers)))


def _placed(way: _Way, change: float, verb: str) -> tuple[list["LayerReport"], str]:
    """Say where sizes change: in one layer if that has most of it and all that is too much.

    Without that step there would be no finding; and it is more than half of the change, in orders
    of magnitude, so that it is not just the last straw.
    """
    steps = [
        (one / other if verb == "shrink" else other / one) if one > 0 and other > 0 else math.inf
        for one, other in itertools.pairwise(way.sizes)
    ]
    place = max(range(len(steps)), key=lambda i: steps[i])
    step, whole = steps[place], _times(change, len(way.layers))
    rest = max(way.sizes[0] / way.sizes[place], 1.0) if math.isinf(step) else change / step
    if len(steps) > 1 and step >= math.sqrt(change) and rest < way.limit:
        # Going back, what lies between two layers is the kernel of the one that was left.
        at = way.layers[place if way.what == "Gradients" else place + 1]
        amount = "to nothing" if math.isinf(step) else f"{step:.3g} times"
        return [
            at
        ], f"{way.what} {verb} {amount} in {at.name}: from {_span(way.sizes[place:][:2])}."
    return way.layers, f"{way.what} {verb} {whole}: from {_span(way.sizes)}."


def _times(factor: float, layers: int) -> str:
    rate = factor ** (1 / (layers - 1)) if math.isfinite(factor) else math.inf
    shown = "to nothing" if math.isinf(factor) else f"{factor:.3g} times, {rate:.3g} times a layer,"
    return f"{shown} over {layers} layers"


def _span(sizes: list[float]) -> str:
    return f"{sizes[0]:.3g} to {sizes[-1]:.3g}"


def _finding(
    kind: str,
    severity: str,
    layers: list["LayerReport"],
    value: float,
    threshold: float,
    text: str,
    measured: "Measurements",
) -> Finding:
    names = tuple(layer.name for layer in layers)
    fix = dense_with(layers[0], measured.framework)
    return Finding(kind, severity, names, value, threshold, text, f"{_GLOROT}; {_HANIN}", fix)


def saturated(measured: "Measurements") -> list[Finding]:
    """Find bounded activations that are flat for many inputs."""
    layers = [layer for layer in measured.hidden if layer.saturated >= 0.25]
    if not layers:
        return []
    worst = max(layers, key=lambda layer: layer.saturated)
    severity = graded(worst.saturated, 0.25, 0.5) or "warning"
    names = tuple(layer.name for layer in layers)
    why, fix = blamed(measured, worst)
    text = (
        f"{worst.activation} is flat for {worst.saturated:.0%} of its inputs in {worst.name} "
        f"(slope below 0.1; their rms is {worst.signal.rms:.3g}){also(worst.name, names)}{why}."
    )
    source = "Glorot and Bengio 2010, section 3: saturated layers hardly learn"
    fix = fix or dense_with(worst, measured.framework)
    return [Finding("saturated", severity, names, worst.saturated, 0.25, text, source, fix)]


def unexpected(measured: "Measurements") -> list[Finding]:
    """Find the first layer that does not do to its inputs what its initializer makes expect."""
    if measured.theory is None:
        return []
    for layer, predicted in zip(measured.layers, measured.theory.layers, strict=True):
        band, given = predicted.activation, measured.given(layer)
        now = _log(layer.output.second_moment)
        if band is None or not (math.isfinite(band.log_value) and math.isfinite(now)):
            if measured.flow.told:
                continue  # it may be known of others
            return []
        if len(measured.flow.reads[layer.index]) > 1:
            continue  # what is joined has no initializer
        before = _log(measured.coming(layer).second_moment)
        expected_before, noise_before = before, 0.0  # inputs are what they are
        if normalizes(layer):
            before = expected_before = 0.0  # the size of what comes in does not count
        elif given:
            known = measured.theory.layers[given[0].index].activation
            if known is None:
                continue
            expected_before, noise_before = known.log_value, known.log_std
        if not (math.isfinite(before) and math.isfinite(expected_before)):
            continue
        # What this layer alone adds, and the variance that one draw of it adds.
        change, expected = now - before, band.log_value - expected_before
        noise = math.sqrt(max(band.log_std**2 - noise_before**2, 0.0) + _FLOOR**2)
        away = abs(change - expected) / noise
        if not away < _SIGMAS:
            text = (
                f"{layer.name} changes the second moment {math.exp(change):.3g} times, where "
                f"{math.exp(expected):.3g} was expected of its initializer: its weights were set "
                "or trained, or what comes in is unlike what theory takes it for."
            )
            source = "mean-field theory with the noise of finite widths, docs/theory.md"
            return [Finding("unexpected", "note", (layer.name,), away, _SIGMAS, text, source)]
    return []


_SIGMAS = 6.0
"""A layer is unexpected beyond so many standard deviations of one draw."""

_FLOOR = 0.05
"""Relative error of a second moment that theory is given for free at each layer."""


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
