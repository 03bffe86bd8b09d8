"""Signals and gradients that grow, shrink, get flat, or are no numbers."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fanin.diagnosis.findings._finding import Finding, graded, named
from fanin.diagnosis.findings._fixes import dense_with

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._report import Report

FACTOR, SEVERE_FACTOR = 10.0, 1000.0
"""A change of scale from the first hidden layer to the last that is a warning, and severe."""

_GLOROT = "Glorot and Bengio 2010: variances should be equal in all layers, forward and back"
_HANIN = "Hanin and Rolnick 2018, arXiv:1803.01719: both are failures to start training"


def non_finite(report: "Report") -> list[Finding]:
    """Find the first place where a number is NaN or infinite."""
    for where, layers, place in _places(report):
        row = f" (first at row {place[0]}, column {place[1]})" if place else ""
        text = f"{where} hold NaN or infinity{row}; what follows from them is not shown."
        return [Finding("non_finite", "severe", layers, math.nan, math.inf, text, "arithmetic")]
    return []


def _places(
    report: "Report",
) -> Iterator[tuple[str, tuple[str, ...], tuple[int, int] | None]]:
    """Go forward through inputs, weights and activations, then back through the gradients."""
    if report.inputs.first_non_finite is not None:
        yield "The inputs", (), report.inputs.first_non_finite
    for layer in report.layers:
        for role, weights in layer.weights.items():
            if not math.isfinite(weights.second_moment):
                yield f"The {role} of {layer.name}", (layer.name,), None
        for signal in (layer.pre_activation, layer.output):
            if signal is not None and signal.first_non_finite is not None:
                yield f"Activations of {layer.name}", (layer.name,), signal.first_non_finite
    for layer in reversed(report.layers):
        gradient = layer.gradient
        if gradient is not None and gradient.first_non_finite is not None:
            yield f"Gradients of {layer.name}", (layer.name,), gradient.first_non_finite


def exploding(report: "Report") -> list[Finding]:
    """Find signals that grow on their way forward, and gradients on their way back."""
    found = []
    for what, hidden, sizes in _ways(report):
        growth = sizes[-1] / sizes[0] if sizes[0] > 0 else 0.0
        severity = graded(growth, FACTOR, SEVERE_FACTOR) if math.isfinite(growth) else None
        if severity:
            text = f"{what} grow {_times(growth, len(sizes))}: from {_span(sizes)}."
            found.append(_finding("exploding", severity, hidden, growth, FACTOR, text, report))
    return found


def vanishing(report: "Report") -> list[Finding]:
    """Find signals that shrink on their way forward, and gradients on their way back."""
    found = []
    for what, hidden, sizes in _ways(report):
        shrink = sizes[0] / sizes[-1] if sizes[-1] > 0 else math.inf
        if sizes[0] == 0 or not all(map(math.isfinite, sizes)):
            continue
        severity = graded(shrink, FACTOR, SEVERE_FACTOR)
        if severity:
            text = f"{what} shrink {_times(shrink, len(sizes))}: from {_span(sizes)}."
            found.append(
                _finding("vanishing", severity, hidden, 1 / shrink, 1 / FACTOR, text, report)
            )
    return found


def _ways(report: "Report") -> list[tuple[str, list["LayerReport"], list[float]]]:
    """Return the signals from first to last hidden layer, and the gradients from last to first."""
    hidden = report.hidden
    if len(hidden) < 2:
        return []
    ways = []
    if report.batch > 1:
        # What differs between samples: a sigmoid's constant 1/2 says nothing.
        ways.append(("Signals", hidden, [layer.signal.varying for layer in hidden]))
    back = [layer for layer in reversed(hidden) if layer.gradient is not None]
    if len(back) > 1:
        ways.append(("Gradients", back, [layer.gradient_rms for layer in back]))
    return ways


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
    report: "Report",
) -> Finding:
    names = tuple(layer.name for layer in layers)
    fix = dense_with(layers[0])
    return Finding(kind, severity, names, value, threshold, text, f"{_GLOROT}; {_HANIN}", fix)


def saturated(report: "Report") -> list[Finding]:
    """Find bounded activations that are flat for many inputs."""
    layers = [layer for layer in report.hidden if layer.saturated >= 0.25]
    if not layers:
        return []
    worst = max(layers, key=lambda layer: layer.saturated)
    severity = graded(worst.saturated, 0.25, 0.5) or "warning"
    names = tuple(layer.name for layer in layers)
    text = (
        f"{worst.activation} is flat for {worst.saturated:.0%} of its inputs in {worst.name} "
        f"(slope below 0.1; their rms is {worst.signal.rms:.3g})"
    )
    text += f", and in {named(names)}." if len(names) > 1 else "."
    source = "Glorot and Bengio 2010, section 3: saturated layers hardly learn"
    fix = dense_with(worst)
    return [Finding("saturated", severity, names, worst.saturated, 0.25, text, source, fix)]


def unexpected(report: "Report") -> list[Finding]:
    """Find the first layer whose signal is not what its initializer makes of what comes in."""
    if report.theory is None:
        return []
    for layer, predicted in zip(report.layers, report.theory.layers, strict=True):
        signal, band = layer.pre_activation, predicted.pre_activation
        if band is None:
            signal, band = layer.output, predicted.activation
        if band is None or signal is None or not math.isfinite(signal.second_moment):
            continue
        away = _sigmas(signal.second_moment, band.log_value, band.log_std)
        if away >= 5:
            text = (
                f"The second moment of {layer.name} is {signal.second_moment:.3g}, where "
                f"{band.low:.3g} to {band.high:.3g} was expected of its initializer: its weights "
                "were set or trained, or the inputs are unlike what theory takes them for."
            )
            source = "mean-field theory with the noise of finite widths, docs/theory.md"
            return [Finding("unexpected", "note", (layer.name,), away, 5.0, text, source)]
    return []


def _sigmas(value: float, log_value: float, log_std: float) -> float:
    """Return how many standard deviations of its logarithm a number is away."""
    if value <= 0 or not math.isfinite(log_value):
        return 0.0 if (value <= 0) == (log_value == -math.inf) else math.inf
    return float(abs(np.log(value) - log_value) / max(log_std, 1e-9))
