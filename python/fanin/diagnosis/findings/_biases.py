"""Biases that outweigh what comes in, by themselves or as the reason of something else."""

from typing import TYPE_CHECKING

import numpy as np

from fanin.diagnosis.findings._fixes import filled
from fanin.diagnosis.findings._places import feeding, normalizes

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements

DROWNED = 5.0
"""A unit is drowned where its bias is so many standard deviations of what comes in: of a million
samples of a Gaussian not one gets to the other side of zero."""

MANY = 0.4
"""Share of drowned units from which a layer is: that of dead units."""


def drowned_share(
    measured: "Measurements", layer: "LayerReport"
) -> tuple[float, "LayerReport | None", str]:
    """Return the share of an activation's units that biases drown, whose biases, and their role.

    Only biases of more than 1 count, the size that a signal should have: none are drawn so large.
    There is no such layer where no bias reaches the activation, or nothing else does: then what is
    before is at fault.
    """
    source = feeding(measured, layer)
    role = "beta" if source is not None and normalizes(source) else "bias"
    bias = None if source is None else source.weights.get(role)
    spread = layer.signal.unit_std
    if bias is None or bias.values.shape != spread.shape or not layer.signal.varying > 0:
        return 0.0, None, role
    size = np.abs(bias.values)
    return float(((size >= 1) & (size >= DROWNED * spread)).mean()), source, role


def blamed(measured: "Measurements", layer: "LayerReport") -> tuple[str, str]:
    """Say that biases are the reason, and what code mends them; nothing where they are not."""
    share, source, role = drowned_share(measured, layer)
    if source is None or share < MANY:
        return "", ""
    why = (
        f"; the {'biases' if role == 'bias' else role} of {source.name}, of a root mean square of "
        f"{source.weights[role].second_moment ** 0.5:.3g}, outweigh what comes in"
    )
    return why, filled(source, role, 0.0, measured.framework)
