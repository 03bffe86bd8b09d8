"""Learning rates that do not suit a network: by the loss's curvature, and by the next step."""

import math
from typing import TYPE_CHECKING

from fanin.diagnosis._first_step import LEAPS, OVERWRITES, STANDS_STILL, WORSE
from fanin.diagnosis.findings._finding import Finding, graded

if TYPE_CHECKING:
    from fanin.diagnosis._first_step import FirstStep
    from fanin.diagnosis._measurements import Measurements

_LIMIT = (
    "LeCun et al. 1998, Efficient BackProp, section 5: gradient descent diverges above 2 / lambda; "
    "Cohen et al. 2021, arXiv:2103.00065"
)
_STEP = (
    "You et al. 2017, arXiv:1708.03888, and Bernstein et al. 2020, arXiv:2002.03432: what training "
    "bears is a step's size by that of the weights"
)


def wrong(measured: "Measurements") -> list[Finding]:
    """Find a learning rate that is too large, or too small, for any optimizer.

    An optimizer like Adam takes steps whose size does not depend on the gradient's. Where such a
    step is as long as the weights, it overwrites them, whatever the loss; where it is ten thousand
    times shorter, nothing comes of a usual number of steps. For all optimizers a step that makes
    the loss of its own samples several times larger has left the range in which the gradient says
    anything. Gradient descent diverges from a rate of 2 / lambda on (`_too_large`).
    """
    found = measured.first_step
    if found is None or not (found.too_long or found.too_short):
        return _too_large(measured)
    return [_too_long(found) if found.too_long else _too_short(found)]


def _too_long(found: "FirstStep") -> Finding:
    overwrites = found.change >= OVERWRITES
    severe = (overwrites and found.growth >= 2) or found.growth >= 20 * WORSE
    after = f"{found.loss_after:.3g}" if math.isfinite(found.loss_after) else "no number"
    text = (
        f"The learning rate of {found.learning_rate:.3g} is too large: the next step of "
        f"{found.optimizer} changes kernels by {found.change:.3g} times their size, and takes the "
        f"loss of its own samples from {found.loss:.3g} to {after}. {found.suggestion:.1g} lowers "
        "it."
    )
    value, threshold = (found.change, OVERWRITES) if overwrites else (found.growth, WORSE)
    severity = "severe" if severe else "warning"
    return Finding("learning_rate", severity, (), value, threshold, text, _STEP, found.remedy)


def _too_short(found: "FirstStep") -> Finding:
    if found.clipped:
        text = (
            f"Gradients are clipped to {found.clipped}: a step of {found.optimizer} changes "
            f"kernels by {found.change:.3g} of their size, and without clipping by enough."
        )
        severity = "severe" if found.change < STANDS_STILL / 100 else "warning"
        return Finding(
            "learning_rate", severity, (), found.change, STANDS_STILL, text, _STEP, found.remedy
        )
    text = (
        f"The learning rate of {found.learning_rate:.3g} is too small: a step of {found.optimizer} "
        f"changes kernels by {found.change:.3g} of their size, so that {1 / found.change:.1g} of "
        f"them in one direction are as much as was drawn. {found.suggestion:.1g} learns, and "
        "lowers the loss just as surely."
    )
    severity = "severe" if found.change < STANDS_STILL / 100 else "warning"
    return Finding(
        "learning_rate", severity, (), found.change, STANDS_STILL, text, _STEP, found.remedy
    )


def _too_large(measured: "Measurements") -> list[Finding]:
    """Compare the learning rate with the largest that gradient descent bears.

    A power iteration that has not come to an eigenvalue says nothing.
    """
    found = measured.curvature
    if found is None or not math.isfinite(found.limit) or not found.converged:
        return []
    ratio = found.learning_rate / found.limit
    severity = graded(ratio, 1.0, 10.0)
    step = measured.first_step
    if severity == "warning" and ratio < _EDGE and step is not None and step.growth < 1:
        severity = None  # training goes there by itself, and goes on (Cohen et al. 2021)
    if severity is None:
        return []
    text = (
        f"The learning rate of {found.learning_rate:.3g} is {ratio:.3g} times what the loss bears "
        f"where it curves most (lambda = {found.sharpness:.3g}, limit {found.limit:.3g})."
    )
    fix = f"model.optimizer.learning_rate = {_below(found.limit):.1g}"
    return [Finding("learning_rate", severity, (), ratio, 1.0, text, _LIMIT, fix)]


def forgetting(measured: "Measurements") -> list[Finding]:
    """Find weight decay that takes away what was drawn and learned within a hundred steps.

    Weights are an average of what the steps of 1 / (rate * decay) batches added to them: a thousand
    batches and more are usual, and one that is forgotten within ten is not learned from.
    """
    found = measured.first_step
    severity = None if found is None else graded(found.decay, _FORGETS, 10 * _FORGETS)
    if found is None or severity is None:
        return []
    text = (
        f"Weight decay of {found.weight_decay:.3g} takes {found.decay:.1%} of each weight away in "
        f"a step of {found.optimizer}: what is learned is forgotten after {1 / found.decay:.2g} of "
        "them."
    )
    return [
        Finding(
            "weight_decay", severity, (), found.decay, _FORGETS, text, _WANG, found.decay_remedy
        )
    ]


_FORGETS = 0.01
"""Share of the weights that a step takes away; usual are 1e-6 to 1e-3."""
_WANG = (
    "Wang and Aitchison 2024, arXiv:2405.13698: weights are an average over 1 / (rate * decay) "
    "steps; Loshchilov and Hutter 2019, arXiv:1711.05101"
)


_EDGE = 2.0
"""So many times the limit training bears for a while, where a step lowers the loss all the same."""


def explained(found: Finding, measured: "Measurements", others: list[Finding]) -> bool:
    """Return whether a learning rate does not suit because of something else that is wrong.

    Where inputs, weights or targets are too large, or signals vanish, gradients are too large or
    too small, and with them the steps of gradient descent; those of optimizers that divide by the
    gradient's size are not.
    """
    step = measured.first_step
    if found.kind != "learning_rate":
        return False
    if step is not None and step.scale_free and (step.too_short or step.change >= 10 * LEAPS):
        return False
    return any(other.kind != "learning_rate" and other.severity != "note" for other in others)


def _below(limit: float) -> float:
    """Return half of the limit, as a number with one digit."""
    return float(f"{limit / 2:.0e}")
