"""A learning rate that the loss's curvature does not allow."""

import math
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._finding import Finding, graded

if TYPE_CHECKING:
    from fanin.diagnosis._measurements import Measurements

_SOURCE = (
    "LeCun et al. 1998, Efficient BackProp, section 5: gradient descent diverges above 2 / lambda; "
    "Cohen et al. 2021, arXiv:2103.00065"
)


def too_large(measured: "Measurements") -> list[Finding]:
    """Compare the learning rate with the largest that gradient descent bears."""
    found = measured.curvature
    if found is None or not math.isfinite(found.limit):
        return []
    ratio = found.learning_rate / found.limit
    severity = graded(ratio, 1.0, 10.0)
    if severity is None:
        return []
    text = (
        f"The learning rate of {found.learning_rate:.3g} is {ratio:.3g} times what the loss bears "
        f"where it curves most (lambda = {found.sharpness:.3g}, limit {found.limit:.3g})."
    )
    fix = f"fanin.optimizers.SGD({_below(found.limit):.1g})"
    return [Finding("learning_rate", severity, (), ratio, 1.0, text, _SOURCE, fix)]


def _below(limit: float) -> float:
    """Return half of the limit, as a number with one digit."""
    return float(f"{limit / 2:.0e}")
