"""Normalizations: running averages that are not those of the data, and what they multiply by."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fanin.diagnosis.findings._finding import Finding, graded, named
from fanin.diagnosis.findings._fixes import filled, recalibration
from fanin.diagnosis.findings._places import ends_branch

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements

_SOURCE = "Ioffe and Szegedy 2015; Wu and Johnson 2021, arXiv:2105.07576, section 3"


def one_sample(measured: "Measurements") -> list[Finding]:
    """Find a normalization by the statistics of a single sample."""
    layers = tuple(layer.name for layer in measured.layers if layer.kind == "batch_normalization")
    flat = [name for name in layers if measured[name].output.varying == 0]
    if measured.batch > 1 or not measured.training or not flat or measured[flat[0]].samples > 1:
        return []
    text = (
        f"{named(layers)} in training takes the mean of one sample, itself, away: only zeros go "
        "on, and nothing can be said of what follows. Give two samples or more."
    )
    source = "Ioffe and Szegedy 2015, algorithm 1"
    return [Finding("one_sample", "warning", layers, 1, 2, text, source, _INFERENCE)]


_INFERENCE = "fanin.diagnose(model, x, y, training=False)"


def lagging(measured: "Measurements") -> list[Finding]:
    """Compare running averages with the batch's statistics: stale ones apart from fresh ones."""
    if measured.batch < 2:
        return []
    gaps = {layer.name: gap for layer in measured.layers if (gap := _gap(layer)) >= 0.5}
    found = []
    for severity, age in (("warning", "stale"), ("note", "young"), ("note", "fresh")):
        of_age = {name: gap for name, gap in gaps.items() if _age(measured[name]) == age}
        found += _lagging(of_age, severity, age, measured)
    return found


def _lagging(
    gaps: dict[str, float], severity: str, age: str, measured: "Measurements"
) -> list[Finding]:
    if not gaps:
        return []
    worst, names = max(gaps, key=lambda name: gaps[name]), tuple(gaps)
    text = (
        f"The running averages of {named(names)} are not the batch's (worst in {worst}: off by "
        f"{gaps[worst]:.3g} standard deviations): {_why(measured[worst], age)}."
    )
    fix = recalibration(measured.framework)
    return [Finding("batch_norm_lag", severity, names, gaps[worst], 0.5, text, _SOURCE, fix)]


def _why(layer: "LayerReport", age: str) -> str:
    """Say what is known of the batches that went into running averages."""
    batches = _batches(layer)
    if age == "fresh":
        known = "," if batches is not None else ", as far as their values tell,"
        return f"they are at their start{known} so predictions before training differ from training"
    if age == "young":
        return (
            f"after {_in_words(batches)} {_start_left(layer):.0%} of them is still their start, so "
            "predictions differ from training for now"
        )
    differ = "predictions differ from what was trained"
    if batches is None:
        return differ
    if batches == 0:
        return f"no batch was counted, they come from elsewhere, and {differ}"
    return f"{_in_words(batches)} went into them, and {differ}"


def _in_words(batches: int | None) -> str:
    return "1 batch" if batches == 1 else f"{batches} batches"


def _age(layer: "LayerReport") -> str:
    """Return whether averages are ``fresh``, ``young``, with much of their start, or ``stale``.

    A count of batches tells, where the framework keeps one; else whether values are the first ones.
    """
    batches = _batches(layer)
    if batches:
        return "young" if _start_left(layer) > _YOUNG else "stale"
    weights = layer.weights
    first = (weights["moving_mean"].values == 0).all() and (
        weights["moving_variance"].values == 1
    ).all()
    return "fresh" if first else "stale"


def _batches(layer: "LayerReport") -> int | None:
    batches = layer.settings.get("batches")
    return batches if isinstance(batches, int) else None


def _start_left(layer: "LayerReport") -> float:
    """Return the share of the start in averages of so many batches."""
    momentum = layer.settings.get("momentum")
    return momentum ** (_batches(layer) or 0) if isinstance(momentum, float) else 0.0


_YOUNG = 0.05
"""Share of their start from which on averages are still on their way."""


def _gap(layer: "LayerReport") -> float:
    """Return the larger of the mean's distance and the change of scale, in standard deviations."""
    if "moving_mean" not in layer.weights or layer.inputs is None:
        return 0.0
    mean = layer.weights["moving_mean"].values
    variance = layer.weights["moving_variance"].values
    std = np.sqrt(np.square(layer.inputs.unit_std) + 1e-12)
    if not (np.isfinite(std).all() and np.isfinite(mean).all() and np.isfinite(variance).all()):
        return 0.0
    shift = np.abs(mean - layer.inputs.unit_mean) / std
    scale = np.abs(np.log(np.maximum(variance, 1e-12)) - 2 * np.log(std))
    return float(max(np.median(shift), np.median(scale)))


def multiplied(measured: "Measurements") -> list[Finding]:
    """Find normalizations whose γ is at zero, or far from 1, where they begin.

    What a normalization hands on has the size of γ, whatever comes in. At zero it hands on the
    same for all samples, and what is before gets no gradient. The last of a branch may begin so
    (Goyal et al. 2017): the sum goes past it.
    """
    found = []
    for layer in measured.layers:
        gamma = _gamma(layer)
        if gamma is None or not np.isfinite(gamma).all() or ends_branch(measured, layer):
            continue
        size, none = float(np.sqrt(np.square(gamma).mean())), float((gamma == 0).mean())
        far = max(size, 1 / size) if size > 0 else math.inf
        severity = graded(far, _FAR, 1000.0) or ("warning" if none >= _MANY else None)
        if severity is None:
            continue
        if size == 0:
            does = "zero: what is behind is the same for all samples"
        elif far >= _FAR:
            does = f"{size:.3g} in size: what is behind is so many times as {_as(size)}"
        else:
            does = f"zero in {none:.0%} of its units"
        text = f"gamma of {layer.name} is {does}. A normalization begins with gamma = 1."
        fix = filled(layer, "gamma", 1.0, measured.framework)
        found.append(
            Finding("normalization", severity, (layer.name,), size, _FAR, text, _GOYAL, fix)
        )
    return found


def _as(size: float) -> str:
    return "large" if size > 1 else "small"


def _gamma(layer: "LayerReport") -> NDArray[np.float64] | None:
    """Return what a normalization multiplies by, also of a class that is not known.

    A user's own RMSNorm, say, has its name and one array of a weight a unit: γ it is if outputs
    have its size (one that multiplies by 1 + w has not).
    """
    known = layer.weights.get("gamma")
    if known is not None:
        return np.asarray(known.values, np.float64).reshape(-1)
    weight = layer.weights.get("weight") or layer.weights.get("scale")
    if weight is None or "norm" not in layer.kind.lower() or weight.values.ndim != 1:
        return None
    gamma = np.asarray(weight.values, np.float64)
    size, handed = math.sqrt(weight.second_moment), layer.output.rms
    return gamma if size / 3 <= handed <= 3 * size else None


_FAR = 10.0
"""A change of scale by γ that is a warning: that of `exploding`."""

_MANY = 0.4
"""Share of units without γ that is a warning: that of dead units, which these are."""

_GOYAL = (
    "Ioffe and Szegedy 2015: gamma = 1 keeps unit variance; "
    "Goyal et al. 2017, arXiv:1706.02677, 5.1"
)
