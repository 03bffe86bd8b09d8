"""Targets that cannot be learned, or hardly: missing, of one class, of another scale."""

import math
from typing import TYPE_CHECKING

import numpy as np

from fanin.diagnosis.findings._finding import Finding, graded
from fanin.frameworks._open import advice_of

if TYPE_CHECKING:
    from fanin.diagnosis._ending import Targets
    from fanin.diagnosis._measurements import Measurements

_LECUN = "LeCun et al. 1998, Efficient BackProp, sections 4.3 and 4.5"
_STANDARDIZE = "y = (y - y.mean(axis=0)) / (y.std(axis=0) + 1e-7)"
_ENOUGH = 16
"""Samples from which on one class is no chance: with two even classes it is one of 2 in 2^16."""


def _of(measured: "Measurements") -> "Targets | None":
    return None if measured.ending is None else measured.ending.targets


def non_finite(measured: "Measurements") -> list[Finding]:
    """Find targets that are NaN or infinite: the loss is then NaN, and all weights after a step."""
    targets = _of(measured)
    if targets is None or not targets.missing:
        return []
    place = targets.values.first_non_finite
    where = "" if place is None else f", first at row {place[0]}, column {place[1]}"
    text = (
        f"The targets hold NaN or infinity, {targets.missing} times{where}: so is the loss, and "
        "after one step each weight."
    )
    fix = advice_of(measured.framework).known_targets
    return [
        Finding("non_finite_targets", "severe", (), targets.missing, 1.0, text, "arithmetic", fix)
    ]


def one_answer(measured: "Measurements") -> list[Finding]:
    """Find targets that are all the same: the last bias learns them, and no weight has to."""
    targets = _of(measured)
    if targets is None or targets.missing or measured.batch < 2:
        return []
    source = "what is the same for all samples tells nothing of them"
    if targets.counts is not None:
        if len(targets.counts) > 1:
            return []
        severity = "severe" if measured.batch >= _ENOUGH else "note"
        text = (
            f"All {measured.batch} labels are of one class: a bias learns that, and nothing tells "
            "classes apart. If samples are sorted by class, shuffle them."
        )
        return [Finding("labels", severity, (), 1.0, 1.0, text, source)]
    if measured.batch < _ENOUGH or _task(measured) != "values" or targets.values.unit_std.any():
        return []
    text = f"All {measured.batch} targets are the same: a bias learns them, and nothing else."
    return [Finding("targets", "severe", (), 0.0, 0.0, text, source)]


def _task(measured: "Measurements") -> str:
    return "" if measured.ending is None else measured.ending.task


def imbalanced(measured: "Measurements") -> list[Finding]:
    """Find labels of which nearly all are of one class.

    The others are then hardly in the gradient: with nine of ten labels it is outweighed nine to
    one, and who always says the one class is right that often. A batch is a sample: the lower end
    of Wilson's 95 % interval for the share counts, so that chance in a small one raises no alarm.
    """
    targets = _of(measured)
    if targets is None or targets.counts is None or len(targets.counts) < 2:
        return []
    most, count = int(targets.counts.max()), int(targets.counts.sum())
    low = _wilson_low(most / count, count)
    severity = graded(low, 0.9, math.inf)
    if severity is None:
        return []
    text = (
        f"{most} of {count} labels are of one class: who always says it is right "
        f"{most / count:.1%} of the time, and the others hardly count in the loss. Weigh or sample "
        "classes, and look at more than accuracy."
    )
    source = "He and Garcia 2009, Learning from imbalanced data; Wilson 1927"
    return [Finding("imbalance", severity, (), most / count, 0.9, text, source)]


def _wilson_low(share: float, count: int, z: float = 1.96) -> float:
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle - half) / (1 + z * z / count)


def unscaled(measured: "Measurements") -> list[Finding]:
    """Find targets of regression that are far from what outputs are at the start.

    Initializers give outputs of a size about 1. Until they have that of the targets a network
    learns nothing else: a step of Adam moves an output by about the learning rate times its inputs,
    so that 10 are some hundred steps away and 1000 some ten thousand; with gradient descent the
    gradient is as many times larger. Where targets are as much smaller, a step jumps over all of
    them. What counts is the distance from the outputs, in units of what these vary by: a last bias
    at the targets' mean, or a layer that multiplies, are as good as targets that are scaled.
    It is no more than the targets' own distance from zero: beyond that outputs are where they
    should not be.
    """
    targets, ending = _of(measured), measured.ending
    if targets is None or ending is None or ending.task != "values" or targets.missing:
        return []
    if targets.values.unit_mean.shape != ending.outputs.unit_mean.shape or measured.batch < 2:
        return []
    shift = targets.values.unit_mean - ending.outputs.unit_mean
    spread = np.square(targets.values.unit_std)
    away = math.sqrt(float((np.square(shift) + spread).mean()))
    size = math.sqrt(float(spread.mean()))
    unit = max(1.0, ending.outputs.varying)
    if not (math.isfinite(away) and size > 0):
        return []
    # Outputs that are far out themselves, as by a large bias, are no fault of the targets.
    value = min(away, targets.values.rms) / unit
    severity = graded(value, 10.0, 100.0)
    if severity is None and (ending.outputs.varying == 0 or ending.outputs.varying > 10 * size):
        severity, value = graded(1 / size, 100.0, 1e4), size
    if severity is None:
        return []
    text = (
        f"The targets have mean {targets.values.mean:.3g} and standard deviation {size:.3g}, where "
        f"the outputs begin at {ending.outputs.mean:.3g} and vary by {ending.outputs.varying:.3g}: "
        "networks are made for targets of about 1, and learn their size before all else."
    )
    return [Finding("target_scale", severity, (), value, 10.0, text, _LECUN, _STANDARDIZE)]
