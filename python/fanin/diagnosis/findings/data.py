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


def repeated(measured: "Measurements") -> list[Finding]:
    """Find samples that come more than twice on average: the network learns fewer than there seem.

    Features of few values leave few samples to choose from, as of a truth table: those repeat, and
    nothing is wrong. Features that depend on each other leave fewer yet: up to a tenth.
    """
    ending = measured.ending
    if ending is None or not 1 < ending.distinct <= measured.batch / 2:
        return []
    if measured.batch < _ENOUGH or ending.combinations <= 10 * measured.batch:
        return []
    text = (
        f"Of {measured.batch} samples only {ending.distinct} differ: the others repeat them, and "
        "what is learned of them says little of new ones."
    )
    share = ending.distinct / measured.batch
    source = "a copy of a sample adds nothing to what is known"
    return [Finding("repeated_samples", "warning", (), share, 0.5, text, source)]


_ENOUGH = 16
"""Samples from which on copies are no chance."""


def features_differ(measured: "Measurements") -> list[Finding]:
    """Find features that vary far more than the others, and drown them.

    With inputs of variances s² the Hessian of a linear layer has these as its eigenvalues: gradient
    descent needs about as many steps as the largest by a usual one. At 30 times the spread that is
    a thousand, at 1000 times a million, and units see one feature only.
    """
    spread = measured.inputs.unit_std
    varying = spread[spread > 0]
    if measured.batch < 2 or len(varying) < 3 or not np.isfinite(varying).all():
        return []
    if _indices(measured):
        return []
    usual, largest = float(np.median(varying)), float(varying.max())
    severity = graded(largest / usual, 30.0, 1000.0)
    if severity is None:
        return []
    place = int(np.argmax(spread))
    text = (
        f"Feature {place} has a standard deviation of {largest:.3g}, {largest / usual:.3g} times "
        f"that of the usual one: it drowns the others."
    )
    return [
        Finding("feature_scale", severity, (), largest / usual, 30.0, text, _LECUN, _STANDARDIZE)
    ]


def _indices(measured: "Measurements") -> bool:
    """Return whether the inputs are indices of embeddings, which have no size."""
    return bool(measured.layers) and measured.layers[0].kind == "embedding"
