"""What is wrong with an initialization, by measurement: each with its number and a fix."""

import re
from collections.abc import Callable
from dataclasses import replace

from fanin import _checks
from fanin.diagnosis._measurements import Measurements, OutputReport
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


_OF_OUTPUTS = frozenset(
    (
        *(targets.one_answer, targets.imbalanced, targets.unscaled, loss.misfit, rank.found),
        *(outputs.constant, outputs.badly_scaled, outputs.faint, outputs.without_gradient),
        *(structure.linear, loss.too_wide),
    )
)
"""Those that look at the end of a network: of several outputs at that of each."""


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
    missing, broken = _found(targets.non_finite, report, True), signals.non_finite(report)
    ends = [one.ending for one in report.outputs] or [report.ending]
    if missing and all(e is not None and e.outputs.first_non_finite is None for e in ends):
        broken = []  # the gradients are no numbers because the targets are none
    broken = missing + broken
    # What follows from NaN and infinity is not measured but made up.
    checks = _OF_INPUTS if broken else _CHECKS
    found = broken + [
        finding for check in checks for finding in _found(check, report, check in _OF_OUTPUTS)
    ]
    return _causes.order(found, report)


def _found(
    check: Callable[[Measurements], list[Finding]], report: Measurements, of_outputs: bool
) -> list[Finding]:
    """Return what a check finds; of several outputs what it finds of each, by its name."""
    if not (of_outputs and report.outputs):
        return check(report)
    found: dict[object, Finding] = {}
    for output in report.outputs:
        if report.loss and not output.loss:
            continue  # it is looked at, and not trained
        for one in check(output.measured):
            # What several outputs have in common is found once.
            key = (one.kind, one.layers) if one.layers else (one.kind, output.name)
            found.setdefault(key, _of_output(one, output, report))
    return [*found.values()]


def _of_output(finding: Finding, output: OutputReport, report: Measurements) -> Finding:
    """Say of which output a finding is, if it is not of layers that lead to several."""
    inside = [
        {layer.name for layer in other.measured.layers}
        for other in report.outputs
        if other is not output
    ]
    if finding.layers and any(set(finding.layers) <= names for names in inside):
        return finding
    fix = re.sub(r"\by\b", output.code, finding.fix)
    if fix.startswith("loss = "):
        fix = fix.replace("loss", f"loss{output.code.removeprefix('y')}", 1)
    text = f"Output {output.name!r}: {finding.text}"
    return replace(finding, text=text, fix=fix, output=output.name)
