"""What is wrong with an initialization, by measurement: each with its number and a fix."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fanin.diagnosis.findings import data, learning, normalization, outputs, signals, units
from fanin.diagnosis.findings._finding import SEVERITIES, Finding

if TYPE_CHECKING:
    from fanin.diagnosis._report import Report

__all__ = ["SEVERITIES", "Finding", "find"]

# In the order in which causes come before effects: it ranks findings of equal severity.
_CHECKS: tuple[Callable[["Report"], list[Finding]], ...] = (
    signals.non_finite,
    data.constant,
    data.uncentred,
    data.unscaled,
    units.symmetric,
    signals.saturated,
    signals.exploding,
    signals.vanishing,
    units.dead,
    outputs.badly_scaled,
    learning.too_large,
    normalization.lagging,
    signals.unexpected,
)


def find(report: "Report") -> list[Finding]:
    """Return what is wrong, most severe first."""
    found = [finding for check in _CHECKS for finding in check(report)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
