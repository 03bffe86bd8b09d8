"""Outputs that begin far from what a network that knows nothing should say."""

import math
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._finding import Finding, graded
from fanin.diagnosis.findings._fixes import smaller_outputs

if TYPE_CHECKING:
    from fanin.diagnosis._report import Report

_CHANCE = "the cross-entropy of guessing all K classes evenly is ln K"


def badly_scaled(report: "Report") -> list[Finding]:
    """Find a loss far above that of guessing."""
    if report.loss_value is None or not math.isfinite(report.loss_value) or not report.layers:
        return []
    last = report.layers[-1]
    if "cross" not in report.loss.lower():
        return []
    classes = 2 if "binary" in report.loss.lower() else last.units
    chance = math.log(max(classes, 2))
    ratio = report.loss_value / chance
    severity = graded(ratio, 2.0, 10.0)
    if severity is None:
        return []
    text = (
        f"The loss is {report.loss_value:.3g}, {ratio:.3g} times ln {classes} = {chance:.3g}: "
        f"the outputs of {last.name} are sure of what they cannot know (rms of what goes into the "
        f"loss: {last.signal.rms:.3g})."
    )
    fix = smaller_outputs(report)
    return [Finding("output_scale", severity, (last.name,), ratio, 2.0, text, _CHANCE, fix)]
