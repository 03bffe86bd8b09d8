"""Units that are wasted: equal to others, or off."""

from typing import TYPE_CHECKING

from fanin.diagnosis.findings._finding import Finding, graded, named
from fanin.diagnosis.findings._fixes import dense_with

if TYPE_CHECKING:
    from fanin.diagnosis._report import Report

_LU = "Lu et al. 2019, arXiv:1903.06733: dead ReLU units never recover"


def symmetric(report: "Report") -> list[Finding]:
    """Find hidden layers with equal units; `fanin.symmetry` shows whether they stay equal."""
    layers = [layer for layer in report.kernels[:-1] if layer.distinct < layer.units]
    if not layers:
        return []
    worst = min(layers, key=lambda layer: layer.distinct / layer.units)
    severity = "severe" if worst.distinct <= max(1, worst.units // 2) else "warning"
    names = tuple(layer.name for layer in layers)
    more = f" (so have {named(names)})" if len(names) > 1 else ""
    text = (
        f"{worst.name} has {worst.units} units of which {worst.distinct} "
        f"{'is' if worst.distinct == 1 else 'are'} distinct{more}: equal units get equal gradients "
        "and stay equal."
    )
    source = "Goodfellow, Bengio and Courville 2016, section 8.4: weights must break symmetry"
    share = worst.distinct / worst.units
    return [Finding("symmetric", severity, names, share, 1.0, text, source, dense_with(worst))]


def dead(report: "Report") -> list[Finding]:
    """Find rectified units that are off for the whole batch."""
    if report.batch < 32:
        return []  # in a small batch a unit may be off by chance
    layers = [layer for layer in report.hidden if layer.dead >= 0.4]
    if not layers:
        return []
    worst = max(layers, key=lambda layer: layer.dead)
    severity = graded(worst.dead, 0.4, 0.9) or "warning"
    names = tuple(layer.name for layer in layers)
    more = f", as in {named(names)}" if len(names) > 1 else ""
    text = (
        f"{worst.dead:.0%} of the units of {worst.name} are off for all {report.batch} samples"
        f"{more}: they get no gradient."
    )
    fix = f'Dense({worst.units}, activation="leaky_relu", kernel_initializer="he_normal")'
    return [Finding("dead", severity, names, worst.dead, 0.4, text, _LU, fix)]
