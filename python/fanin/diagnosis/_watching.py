"""The one way of watching a training: when a step is measured, and what is kept of it.

`SignalMonitor` watches `fit` with a batch of its own, `fanin.watch` anyone's loop with the batches
that are trained on; both end here.
"""

import math
import time
from collections.abc import Mapping

import numpy as np

from fanin import _checks
from fanin.callbacks._signals import STATISTICS, Signals
from fanin.diagnosis._layer import LayerReport
from fanin.diagnosis._measurements import collected
from fanin.diagnosis._noise import gradient_noise
from fanin.diagnosis.findings import Finding, find
from fanin.frameworks._trace import Trace

_BEHIND = ("batch_norm_lag",)
"""Findings that say nothing while a network trains: running averages are behind then."""


def checked_pace(every: object, cost: object) -> tuple[int | None, float]:
    """Return the two arguments that say how often to measure, checked."""
    steps = None if every is None else _checks.integer("every", every, minimum=1)
    return steps, _checks.number("cost", cost, above=0.0, at_most=1.0)


def is_due(signals: Signals, steps: int, every: int | None, cost: float, began: float) -> bool:
    """Return whether to measure now.

    Parameters
    ----------
    signals : Signals
        What is recorded already.
    steps : int
        Steps that were taken.
    every : int or None
        Steps between two records; None for as many as `cost` allows.
    cost : float
        Share of the time that recording may take.
    began : float
        When the training began, by `time.perf_counter`.
    """
    if every is not None:
        return steps % every == 0
    return signals.seconds <= cost * (time.perf_counter() - began)


def record(
    signals: Signals,
    steps: int,
    trace: Trace,
    *,
    training: bool = True,
    updates: Mapping[str, float] | None = None,
) -> None:
    """Measure a step, and add it to what is recorded.

    Parameters
    ----------
    signals : Signals
        The records so far.
    steps : int
        Steps that had been taken.
    trace : Trace
        A pass forward and one back.
    training : bool
        Whether layers behaved as in training.
    updates : mapping of str to float, optional
        By layer, see `Seen`.
    """
    with np.errstate(all="ignore"):  # a training may diverge
        reports = [LayerReport.of(place, layer) for place, layer in enumerate(trace.layers)]
        rows = _rows(trace, reports, updates or {})
        signals.add(steps, rows, _findings(trace, reports, training))


def _rows(
    trace: Trace, reports: list[LayerReport], updates: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for layer, report in zip(trace.layers, reports, strict=True):
        if layer.activation is not None or "kernel" in layer.parameters:
            row = _statistics(report)
            row["update"] = updates.get(layer.name, math.nan)
            row["noise"] = gradient_noise(layer, len(trace.inputs))
            rows[_free(layer.name, rows)] = row
    return rows


def _free(name: str, taken: Mapping[str, object]) -> str:
    """Return the name of a layer, with a number where it is not the first call of it."""
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name} ({count})"
    return found


def _statistics(report: LayerReport) -> dict[str, float]:
    found = dict.fromkeys(STATISTICS, math.nan)
    found["mean"], found["std"] = report.output.mean, report.output.std
    if report.slopes is not None:
        found["dead"], found["saturated"] = report.dead, report.saturated
    found["gradient"] = report.gradient_rms
    kernel = report.weights.get("kernel")
    if kernel is not None and kernel.ratio is not None:
        found["ratio"] = kernel.ratio
    return found


def _findings(trace: Trace, reports: list[LayerReport], training: bool) -> list[Finding]:
    """Find what one pass shows: what theory expects, and what takes more passes, is left out."""
    measured = collected(trace, reports, training)
    return [finding for finding in find(measured) if finding.kind not in _BEHIND]
