"""What is wrong with an initialization, by measurement: each with its number and a fix."""

from collections.abc import Callable

from fanin import _checks
from fanin.diagnosis._measurements import Measurements
from fanin.diagnosis.findings import (
    _causes,
    data,
    frozen,
    learning,
    loss,
    normalization,
    outputs,
    parts,
    rank,
    scale,
    signals,
    structure,
    targets,
    units,
)
from fanin.diagnosis.findings._finding import SEVERITIES, Finding
from fanin.show.text import counted

__all__ = ["SEVERITIES", "Finding", "counted", "find"]

_OF_INPUTS = (data.constant, data.features_differ, data.uncentred, data.unscaled, data.repeated)

# In the order in which causes come before effects: it ranks causes of equal severity.
_CHECKS: tuple[Callable[[Measurements], list[Finding]], ...] = (
    normalization.one_sample,
    *_OF_INPUTS,
    targets.one_answer,
    targets.imbalanced,
    targets.unscaled,
    loss.misfit,
    structure.mixed,
    frozen.frozen,
    frozen.left_out,
    scale.zero,
    units.symmetric,
    rank.found,
    normalization.multiplied,
    scale.off,
    structure.linear,
    structure.dropped,
    parts.softmax_inside,
    parts.recurrence,
    parts.attention,
    units.drowned,
    units.dead,
    outputs.constant,
    signals.saturated,
    signals.exploding,
    signals.vanishing,
    signals.swallowed,
    outputs.badly_scaled,
    learning.forgetting,
    learning.wrong,
    normalization.lagging,
    outputs.faint,
    outputs.without_gradient,
    loss.too_wide,
    signals.unexpected,
)


def find(report: Measurements) -> list[Finding]:
    """Return what is wrong: causes, most severe first, each before its effects.

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
    'zero'
    """
    if not isinstance(report, Measurements):
        raise TypeError(
            f"report: expected what fanin.diagnose returns, found {_checks.found(report)}"
        )
    missing, broken = targets.non_finite(report), signals.non_finite(report)
    if missing and report.ending is not None and report.ending.outputs.first_non_finite is None:
        broken = []  # the gradients are no numbers because the targets are none
    broken = missing + broken
    # What follows from NaN and infinity is not measured but made up.
    checks = _OF_INPUTS if broken else _CHECKS
    found = broken + [finding for check in checks for finding in check(report)]
    return _causes.order(found, report)
