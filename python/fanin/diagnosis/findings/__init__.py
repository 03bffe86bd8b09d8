"""What is wrong with an initialization, by measurement: each with its number and a fix."""

from collections.abc import Callable
from dataclasses import replace

from fanin import _checks
from fanin.diagnosis._measurements import Measurements
from fanin.diagnosis.findings import (
    data,
    learning,
    normalization,
    outputs,
    rank,
    signals,
    units,
)
from fanin.diagnosis.findings._finding import SEVERITIES, Finding
from fanin.show.text import counted

__all__ = ["SEVERITIES", "Finding", "counted", "find"]

_OF_INPUTS = (data.constant, data.uncentred, data.unscaled)

# In the order in which causes come before effects: it ranks findings of equal severity.
_CHECKS: tuple[Callable[[Measurements], list[Finding]], ...] = (
    normalization.one_sample,
    *_OF_INPUTS,
    units.symmetric,
    rank.found,
    signals.saturated,
    signals.exploding,
    signals.vanishing,
    units.dead,
    outputs.badly_scaled,
    learning.wrong,
    normalization.lagging,
    signals.unexpected,
)


def find(report: Measurements) -> list[Finding]:
    """Return what is wrong, most severe first.

    Parameters
    ----------
    report : Report
        What `fanin.diagnose` returns, which has this as its ``findings``.

    Returns
    -------
    list of Finding
        Empty where nothing is wrong.

    Raises
    ------
    TypeError
        If it is no report.

    Examples
    --------
    >>> import fanin, numpy as np
    >>> from fanin.layers import Dense
    >>> model = fanin.Sequential([Dense(8, "tanh", kernel_initializer="zeros"), Dense(2)], rng=0)
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> find(fanin.diagnose(model, x))[0].kind
    'symmetric'
    """
    if not isinstance(report, Measurements):
        raise TypeError(
            f"report: expected what fanin.diagnose returns, found {_checks.found(report)}"
        )
    broken = signals.non_finite(report)
    # What follows from NaN and infinity is not measured but made up.
    checks = _OF_INPUTS if broken else _CHECKS
    found = broken + [finding for check in checks for finding in check(report)]
    found = _rates_last(found, report)
    return sorted(_causes_first(found), key=lambda finding: SEVERITIES.index(finding.severity))


def _rates_last(found: list[Finding], report: Measurements) -> list[Finding]:
    """Put learning rates that do not suit because of something else below all that is."""
    last = [finding for finding in found if learning.explained(finding, report, found)]
    rest = [finding for finding in found if finding not in last]
    return [*rest, *(replace(finding, severity="note") for finding in last)]


def _causes_first(found: list[Finding]) -> list[Finding]:
    """Make large inputs as severe as the outputs that are too large because of them."""
    outputs = [finding for finding in found if finding.kind == "output_scale"]
    if not outputs:
        return found
    worst = outputs[0].severity
    return [
        replace(finding, severity=worst)
        if finding.kind == "unscaled_input" and finding.value > 1 and finding.severity != "severe"
        else finding
        for finding in found
    ]
