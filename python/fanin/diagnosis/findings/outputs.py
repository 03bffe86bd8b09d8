"""Outputs that begin far from what a network that knows nothing should say."""

import math
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._finding import Finding, graded
from fanin.diagnosis.findings._fixes import smaller_outputs

if TYPE_CHECKING:
    from fanin.diagnosis._measurements import Measurements

_CHANCE = "the cross-entropy of guessing all K classes evenly is ln K"


def badly_scaled(measured: "Measurements") -> list[Finding]:
    """Find a loss far above that of guessing."""
    if measured.loss_value is None or not math.isfinite(measured.loss_value) or not measured.layers:
        return []
    last = measured.layers[-1]
    if "cross" not in measured.loss.lower():
        return []
    classes = 2 if "binary" in measured.loss.lower() else last.units
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
