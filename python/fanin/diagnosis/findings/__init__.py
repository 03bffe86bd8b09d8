"""What is wrong with an initialization, by measurement: each with its number and a fix."""

from collections.abc import Callable

from fanin import _checks
from fanin.diagnosis._measurements import Measurements
from fanin.diagnosis.findings import (
    _causes,
    data,
    learning,
    normalization,
    outputs,
    scale,
    signals,
    units,
)
from fanin.diagnosis.findings._finding import SEVERITIES, Finding
from fanin.show.text import counted

__all__ = ["SEVERITIES", "Finding", "counted", "find"]

_OF_INPUTS = (data.constant, data.uncentred, data.unscaled)

# In the order in which causes come before effects: it ranks causes of equal severity.
_CHECKS: tuple[Callable[[Measurements], list[Finding]], ...] = (
    normalization.one_sample,
    *_OF_INPUTS,
    scale.zero,
    units.symmetric,
    normalization.multiplied,
    scale.off,
    units.drowned,
    units.dead,
    signals.saturated,
    signals.exploding,
    signals.vanishing,
    outputs.badly_scaled,
    learning.too_large,
    normalization.lagging,
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
    return _causes.order(found, report)
