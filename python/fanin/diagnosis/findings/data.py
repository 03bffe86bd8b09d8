"""Inputs that are not what networks want."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fanin.diagnosis.findings._finding import Finding, graded

if TYPE_CHECKING:
    from fanin.diagnosis._measurements import Measurements
    from fanin.diagnosis._signals import Signal

_LECUN = "LeCun et al. 1998, Efficient BackProp, section 4.3: mean near 0, variances near 1"
_STANDARDIZE = "{x} = ({x} - {x}.mean(axis=0)) / ({x}.std(axis=0) + 1e-7)"


class _Inputs(NamedTuple):
    """The samples, or what there is of them for one of several inputs."""

    signal: "Signal"
    words: str
    """What they are called: ``The inputs``."""
    code: str


def _each(measured: "Measurements") -> list[_Inputs]:
    """Return the inputs that have a size: indices of embeddings have none."""
    sources = [
        _Inputs(source.signal, f"The inputs {source.name!r}", source.code)
        for source in measured.sources
    ] or [_Inputs(measured.inputs, "The inputs", "x")]
    return [source for number, source in enumerate(sources) if not _indices(measured, -1 - number)]


def _found(
    measured: "Measurements", check: "Callable[[_Inputs, int], Finding | None]"
) -> list[Finding]:
    found = (check(inputs, measured.batch) for inputs in _each(measured))
    return [finding for finding in found if finding is not None]


def constant(measured: "Measurements") -> list[Finding]:
    """Find inputs that are the same in every sample."""
    return _found(measured, _constant)


def _constant(inputs: _Inputs, batch: int) -> Finding | None:
    if batch < 2 or inputs.signal.first_non_finite is not None:
        return None
    same = float((inputs.signal.unit_std == 0).mean())
    if same < 0.5:
        return None
    severity = "severe" if same == 1 else "note"
    of = inputs.words.removeprefix("The inputs")
    text = f"{same:.0%} of the features{of and f' of{of}'} are the same in all {batch} samples."
    x = inputs.code
    fix = "" if same == 1 or x != "x" else "x = x[:, x.std(axis=0) > 0]"
    source = "a feature that does not vary tells samples apart by nothing"
    return Finding("constant_input", severity, (), same, 0.5, text, source, fix)


def uncentred(measured: "Measurements") -> list[Finding]:
    """Find inputs whose mean is far from 0, compared with their spread."""
    return _found(measured, _uncentred)


def _uncentred(inputs: _Inputs, batch: int) -> Finding | None:
    signal = inputs.signal
    if batch < 2 or not np.isfinite(signal.second_moment) or signal.second_moment == 0:
        return None
    varying, shift = signal.varying, float(np.sqrt(np.square(signal.unit_mean).mean()))
    if varying == 0:
        return None
    severity = graded(shift / varying, 2.0, 50.0)
    if severity is None:
        return None
    text = (
        f"{inputs.words} are off centre: the features' means are {shift:.3g} (rms), "
        f"{shift / varying:.3g} times their spread of {varying:.3g}."
    )
    fix = _STANDARDIZE.format(x=inputs.code)
    return Finding("uncentred_input", severity, (), shift / varying, 2.0, text, _LECUN, fix)


def unscaled(measured: "Measurements") -> list[Finding]:
    """Find inputs that are very large or very small."""
    return _found(measured, _unscaled)


def _unscaled(inputs: _Inputs, batch: int) -> Finding | None:
    size = inputs.signal.rms
    if not np.isfinite(size) or size == 0:
        return None
    # A small one of several may be weights, such as shares of neighbours, and not features.
    small = 1 / size if inputs.code == "x" else 0.1 / size
    severity = graded(max(size, small), 10.0, 1e4)
    if severity is None:
        return None
    text = (
        f"{inputs.words} have a root mean square of {size:.3g}; initializers are made for about 1."
    )
    fix = _STANDARDIZE.format(x=inputs.code)
    return Finding("unscaled_input", severity, (), size, 10.0, text, _LECUN, fix)


def repeated(measured: "Measurements") -> list[Finding]:
    """Find samples that come more than twice on average: the network learns fewer than there seem.

    Features of few values leave few samples to choose from, as of a truth table: those repeat, and
    nothing is wrong. Features that depend on each other leave fewer yet: up to a tenth.
    """
    ending = measured.any_ending
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
    return _found(measured, _features_differ)


def _features_differ(inputs: _Inputs, batch: int) -> Finding | None:
    spread = inputs.signal.unit_std
    varying = spread[spread > 0]
    if batch < 2 or len(varying) < 3 or not np.isfinite(varying).all():
        return None
    usual, largest = float(np.median(varying)), float(varying.max())
    severity = graded(largest / usual, 30.0, 1000.0)
    if severity is None:
        return None
    of = inputs.words.removeprefix("The inputs")
    text = (
        f"Feature {int(np.argmax(spread))}{of and f' of{of}'} has a standard deviation of "
        f"{largest:.3g}, {largest / usual:.3g} times that of the usual one: it drowns the others."
    )
    fix = _STANDARDIZE.format(x=inputs.code)
    return Finding("feature_scale", severity, (), largest / usual, 30.0, text, _LECUN, fix)


def _indices(measured: "Measurements", number: int) -> bool:
    """Return whether an input is indices of embeddings, which have no size."""
    if measured.indices is False:
        return False  # those are left out where something else has a size
    readers = [la for la in measured.layers if number in measured.flow.reads[la.index]]
    return bool(readers) and all(layer.kind == "embedding" for layer in readers)
