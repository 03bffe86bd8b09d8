"""BatchNormalization whose running averages are not those of the data."""

from typing import TYPE_CHECKING

import numpy as np

from fanin.diagnosis.findings._finding import Finding, named
from fanin.diagnosis.findings._fixes import recalibration

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
    """Compare running averages with the batch's statistics."""
    if measured.batch < 2:
        return []
    gaps = {layer.name: gap for layer in measured.layers if (gap := _gap(layer)) >= 0.5}
    if not gaps:
        return []
    fresh = all(_is_fresh(layer) for layer in measured.layers if layer.name in gaps)
    worst = max(gaps, key=lambda name: gaps[name])
    names = tuple(gaps)
    why = (
        "they are at their start, so predictions before training differ from training"
        if fresh
        else "predictions differ from what was trained"
    )
    text = (
        f"The running averages of {named(names)} are not the batch's (worst in {worst}: off by "
        f"{gaps[worst]:.3g} standard deviations): {why}."
    )
    severity = "note" if fresh else "warning"
    return [
        Finding(
            "batch_norm_lag",
            severity,
            names,
            gaps[worst],
            0.5,
            text,
            _SOURCE,
            recalibration(measured.framework),
        )
    ]


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


def _is_fresh(layer: "LayerReport") -> bool:
    weights = layer.weights
    return bool(
        (weights["moving_mean"].values == 0).all()
        and (weights["moving_variance"].values == 1).all()
    )
