"""Statistics of a layer's signals and weights."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin._checks import FloatArray
from fanin.frameworks._trace import as_matrix
from fanin.show.results import Result
from fanin.show.text import counted

Array = NDArray[Any]
Measures: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int64]
"""Of units: of each the first one that it equals."""

BINS = 64
"""Bins of a histogram."""

SMALL_SLOPE = 0.1
"""An element is saturated where the activation's derivative is below this in size."""

_BOUNDED = ("sigmoid", "tanh", "softsign")
"""Activations that saturate: their derivative tends to 0 on both sides."""


@dataclass(frozen=True, repr=False)
class Signal(Result):
    """What one signal of a layer is like over the batch.

    Attributes
    ----------
    mean, std, second_moment : float
        Over all elements; accurate for a mean far above the spread.
    minimum, maximum : float
        The range.
    zeros : float
        Share of elements that are exactly 0.
    unit_mean, unit_std : ndarray of shape (units,)
        Of each unit over the batch.
    counts, edges : ndarray of shape (64,) and (65,)
        A histogram over the range; empty where that is not finite, and for gradients.
    first_non_finite : tuple of int or None
        Row and unit of the first element that is NaN or infinite.
    """

    mean: float
    std: float
    second_moment: float
    minimum: float
    maximum: float
    zeros: float
    unit_mean: Measures
    unit_std: Measures
    counts: NDArray[np.int64]
    edges: Measures
    first_non_finite: tuple[int, int] | None

    def _says(self) -> str:
        return (
            f"{counted(len(self.unit_mean), 'unit')}: mean {self.mean:.4g}, std {self.std:.4g}, "
            f"from {self.minimum:.4g} to {self.maximum:.4g}, {self.zeros:.0%} zeros"
        )

    @property
    def rms(self) -> float:
        """Root mean square of all elements."""
        return math.sqrt(self.second_moment)

    @property
    def varying(self) -> float:
        """Root mean square of what differs between samples: the part that carries information."""
        return float(np.sqrt(np.square(self.unit_std).mean()))

    @classmethod
    def of(cls, array: Array, *, bins: int = BINS) -> "Signal":
        """Measure a matrix, a row a sample; with a histogram unless `bins` is 0."""
        x = as_matrix(array)
        units, (mean, variance, second_moment, minimum, maximum, zeros) = _core.moments(x)
        # These may overflow where all elements are finite; where one is not, neither are they.
        bad = None if math.isfinite(mean + variance) else _core.first_non_finite(x)
        counts, edges = np.empty(0, np.int64), np.empty(0)
        if bins and bad is None and math.isfinite(maximum - minimum):
            counts = np.array(_core.histogram(x, minimum, maximum, bins))
            edges = np.linspace(minimum, maximum, bins + 1)
        return cls(
            mean=mean,
            std=math.sqrt(variance),
            second_moment=second_moment,
            minimum=minimum,
            maximum=maximum,
            zeros=zeros,
            unit_mean=units[:, 0].copy(),
            unit_std=np.sqrt(units[:, 1]),
            counts=counts,
            edges=edges,
            first_non_finite=None if bad is None else divmod(bad, x.shape[1]),
        )


@dataclass(frozen=True, repr=False)
class Slopes(Result):
    """Where an activation passes little or no gradient on.

    Attributes
    ----------
    dead_units : ndarray of bool of shape (units,)
        Units whose derivative is 0 for the whole batch: no sample can change them.
    saturated_units : ndarray of shape (units,)
        Share of the batch at which a unit's derivative is below 0.1 in size; only of activations
        that are flat on both sides (sigmoid, tanh, softsign), else 0.
    off_units : ndarray of shape (units,)
        Share of the batch at which the derivative is exactly 0.
    second_moment : float
        Mean of the squared derivative: the factor by which it changes a gradient's second moment.
    """

    dead_units: NDArray[np.bool_]
    saturated_units: Measures
    off_units: Measures
    second_moment: float

    def _says(self) -> str:
        return (
            f"{counted(len(self.dead_units), 'unit')}: {self.dead:.0%} dead, {self.saturated:.0%} "
            f"saturated, second moment of the slope {self.second_moment:.4g}"
        )

    @property
    def dead(self) -> float:
        """Share of dead units."""
        return float(self.dead_units.mean())

    @property
    def saturated(self) -> float:
        """Share of saturated elements."""
        return float(self.saturated_units.mean())

    @classmethod
    def of(cls, activation: Mapping[str, Any], pre_activation: Array) -> "Slopes":
        """Evaluate the derivative of `activation` at each element."""
        z = as_matrix(pre_activation)
        flat, small, squares = _core.unit_slopes(activation, z, SMALL_SLOPE).T / len(z)
        bounded = activation["kind"] in _BOUNDED
        return cls(
            dead_units=flat == 1.0,
            saturated_units=small if bounded else np.zeros_like(small),
            off_units=flat,
            second_moment=float(squares.mean()),
        )


@dataclass(frozen=True, repr=False)
class Weights(Result):
    """One array of parameters, with its gradient.

    Attributes
    ----------
    values : ndarray
        The array.
    mean, std, second_moment : float
        Over all elements.
    gradient_second_moment : float or None
        Of the gradient of the batch's mean loss; None where there is no gradient.
    first_non_finite : tuple of int or None
        Index of the first element that is NaN or infinite.
    """

    values: FloatArray
    mean: float
    std: float
    second_moment: float
    gradient_second_moment: float | None
    first_non_finite: tuple[int, ...] | None

    def _says(self) -> str:
        ratio = "" if self.ratio is None else f", gradient / weights {self.ratio:.3g}"
        return (
            f"{self.values.dtype} {self.values.shape}: mean {self.mean:.4g}, std {self.std:.4g}"
            f"{ratio}"
        )

    @property
    def ratio(self) -> float | None:
        """Root mean square of the gradient by that of the weights; None without a gradient."""
        if self.gradient_second_moment is None or not self.second_moment:
            return None
        return float(np.sqrt(self.gradient_second_moment / self.second_moment))

    @cached_property
    def singular_values(self) -> Measures:
        """Singular values of the matrix, largest first; computed when first asked for."""
        values = self.values.reshape(-1, self.values.shape[-1])
        if not np.isfinite(values).all():
            return np.full(min(values.shape), np.nan)
        return np.linalg.svd(values.astype(np.float64), compute_uv=False)

    @property
    def condition(self) -> float:
        """Largest by smallest singular value; infinite for a matrix without full rank."""
        largest, smallest = self.singular_values[[0, -1]]
        # Below what rounding leaves of an exact zero.
        noise = largest * max(self.values.shape) * np.finfo(self.values.dtype).eps
        return float("inf") if smallest <= noise else float(largest / smallest)

    @classmethod
    def of(cls, values: Array, gradient: Array | None) -> "Weights":
        """Measure an array, and its gradient if there is one."""
        _, (mean, variance, own, *_) = _core.moments(as_matrix(values))
        back = None if gradient is None else _core.second_moment(as_matrix(gradient))
        bad = None
        if not math.isfinite(own):
            wrong = ~np.isfinite(values)
            bad = tuple(map(int, np.argwhere(wrong)[0])) if wrong.any() else None
        return cls(values, mean, math.sqrt(variance), own, back, bad)


def mean_cosine(array: Array) -> float:
    """Return the mean cosine of the angle between two samples: rows 0 and 1, 2 and 3, and so on.

    Parameters
    ----------
    array : ndarray of shape (rows, units)
        A signal.

    Returns
    -------
    float
        NaN for fewer than two rows, or where all are 0.
    """
    aa, bb, ab = _core.row_pairs(as_matrix(array)).T
    norms = np.sqrt(aa) * np.sqrt(bb)
    some = norms > 0
    with np.errstate(invalid="ignore"):
        return float((ab[some] / norms[some]).mean()) if some.any() else float("nan")


def effective_rank(array: Array) -> float:
    """Return the participation ratio of a signal: how many directions it uses.

    Parameters
    ----------
    array : ndarray of shape (rows, units)
        A signal.

    Returns
    -------
    float
        (Σλ)² / Σλ² over the eigenvalues of the units' covariance; at most the smaller of units and
        rows − 1, 0 where nothing varies.
    """
    return _core.participation_ratio(as_matrix(array))


def equal_units(kernel: Array, bias: Array | None, tolerance: float = 0.0) -> Places:
    """Find units with equal incoming weights and bias.

    Parameters
    ----------
    kernel : ndarray of shape (inputs, units)
        Weights.
    bias : ndarray of shape (units,) or None
        Biases.
    tolerance : float
        Of a difference, relative to the largest weight or bias.

    Returns
    -------
    ndarray of int of shape (units,)
        For each unit the first one that it equals.
    """
    columns = as_matrix(kernel)
    if bias is not None and bias.any():
        columns = np.vstack([columns, bias.astype(columns.dtype)])
    return np.array(_core.equal_columns(columns, tolerance))


def number_of_groups(groups: Places) -> int:
    """Return how many units are the first of their group, which `equal_units` names it after."""
    return int(np.count_nonzero(groups == np.arange(len(groups))))


def tied_units(groups: Places, gradient_groups: Places) -> Places:
    """Find the units that gradients do not part: an optimizer gives them the same step.

    Parameters
    ----------
    groups, gradient_groups : ndarray of int of shape (units,)
        For each unit the first one with equal weights, and with equal gradients.

    Returns
    -------
    ndarray of int of shape (units,)
        For each unit the first one of its group whose gradient is equal too.
    """
    pairs = np.stack([groups, gradient_groups], axis=1)
    _, first, place = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[place.reshape(-1)])
