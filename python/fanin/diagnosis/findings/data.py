"""Inputs that are not what networks want."""

from typing import TYPE_CHECKING

import numpy as np

from fanin.diagnosis.findings._finding import Finding, graded

if TYPE_CHECKING:
    from fanin.diagnosis._measurements import Measurements

_LECUN = "LeCun et al. 1998, Efficient BackProp, section 4.3: mean near 0, variances near 1"
_STANDARDIZE = "x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-7)"


def constant(measured: "Measurements") -> list[Finding]:
    """Find inputs that are the same in every sample."""
    if measured.batch < 2 or measured.inputs.first_non_finite is not None:
        return []
    if _indices(measured):
        return []
    same = float((measured.inputs.unit_std == 0).mean())
    if same < 0.5:
        return []
    severity = "severe" if same == 1 else "note"
    text = f"{same:.0%} of the features are the same in all {measured.batch} samples."
    fix = "" if same == 1 else "x = x[:, x.std(axis=0) > 0]"
    source = "a feature that does not vary tells samples apart by nothing"
    return [Finding("constant_input", severity, (), same, 0.5, text, source, fix)]


def uncentred(measured: "Measurements") -> list[Finding]:
    """Find inputs whose mean is far from 0, compared with their spread."""
    inputs = measured.inputs
    if measured.batch < 2 or not np.isfinite(inputs.second_moment) or inputs.second_moment == 0:
        return []
    if _indices(measured):
        return []
    varying, shift = inputs.varying, float(np.sqrt(np.square(inputs.unit_mean).mean()))
    if varying == 0:
        return []
    severity = graded(shift / varying, 2.0, 50.0)
    if severity is None:
        return []
    text = (
        f"The inputs are off centre: the features' means are {shift:.3g} (rms), "
        f"{shift / varying:.3g} times their spread of {varying:.3g}."
    )
    return [
        Finding("uncentred_input", severity, (), shift / varying, 2.0, text, _LECUN, _STANDARDIZE)
    ]


def unscaled(measured: "Measurements") -> list[Finding]:
    """Find inputs that are very large or very small."""
    size = measured.inputs.rms
    if not np.isfinite(size) or size == 0 or _indices(measured):
        return []
    severity = graded(max(size, 1 / size), 10.0, 1e4)
    if severity is None:
        return []
    text = f"The inputs have a root mean square of {size:.3g}; initializers are made for about 1."
    return [Finding("unscaled_input", severity, (), size, 10.0, text, _LECUN, _STANDARDIZE)]


def _indices(measured: "Measurements") -> bool:
    """Return whether the inputs are indices of embeddings, which have no size."""
    return bool(measured.layers) and measured.layers[0].kind == "embedding"
