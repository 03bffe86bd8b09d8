"""How gradients that come back pass a layer of finite width.

Gradients are not independent of signals: both pass the same weights. Given ``z = x W``, the part of
``δ Wᵀ`` along x is ``x (z · δ) / |x|²``, and where φ is steeper for large units than for small ones
that part passes better than the rest. So besides the size of a sample's gradient goes its
*alignment*, n (z · δ)² / (|z|² |δ|²) of n units: 1 for independent directions, n for equal ones.
And besides the noise of a layer goes how strongly all layers behind respond to a signal's size.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fanin.show.results import Result
from fanin.theory.laws import WeightLaw
from fanin.theory.signals import (
    Signal,
    Slopes,
    apart,
    log_mean,
    log_means_of,
    over_pairs,
    shares,
)

Array = NDArray[np.float64]

Scale = tuple[float, float]
"""Logarithm of a second moment, and variance of it over draws."""

_CLASSES = 0.05
"""A normalization takes out what of a unit's gradients goes with its outputs. Samples of one class
are alike in both, which one correlation for all pairs does not see: measured on digits, up to 10 %
of the second moment, which is two deviations."""


@dataclass(frozen=True, repr=False)
class Gradient(Result):
    """What is known of a batch's gradients at one place; arrays are by sample.

    Parameters
    ----------
    log_squares : ndarray of shape (samples,)
        Logarithm of each sample's second moment where signals have the size that they should.
    alignment : ndarray of shape (samples,)
        See the module; with what the weights give to z.
    response : ndarray of shape (samples,)
        Change of `log_squares` with the logarithm of the signal's second moment at this place.
    leaning : ndarray of shape (samples,)
        The same of the logarithm of (z · δ)².
    covariance : ndarray of shape (2, 2)
        Covariance over draws of the logarithms of the batch's |δ|² and (z · δ)², but for what
        `response` brings.
    bent : ndarray of shape (samples,)
        The part of the variance that makes the mean over draws larger than what is at the mean.
    signal : ndarray of shape (samples, samples)
        Covariance, over draws, of the logarithms of the signal's second moments at this place.
    c, c_variance : float
        Mean and variance of the correlation of two samples.
    drift : float
        Deviation of the logarithm that is the same error in each normalization, hence adds up.
    masked : float
        E m⁴ / (E m²)² of the masks of a Dropout that gradients passed since the last activation.
    batch : int
        Number of samples.
    """

    log_squares: Array
    alignment: Array
    response: Array
    leaning: Array
    covariance: Array
    bent: Array
    signal: Array
    c: float
    c_variance: float
    drift: float
    masked: float
    batch: int

    @classmethod
    def start(
        cls,
        log_squares: Array,
        batch: int,
        c: float = 0.0,
        c_variance: float = 0.0,
        alignment: float | Array = 1.0,
    ) -> "Gradient":
        """Return gradients of which nothing varies over draws."""
        n = len(log_squares)
        none = np.zeros((n, n))
        return cls(
            log_squares=log_squares,
            alignment=np.zeros(n) + alignment,
            response=np.zeros(n),
            leaning=np.ones(n),
            covariance=np.zeros((2, 2)),
            bent=np.zeros(n),
            signal=none,
            c=c,
            c_variance=c_variance,
            drift=0.0,
            masked=1.0,
            batch=batch,
        )

    @classmethod
    def even(cls, start: Signal, log_square: float, c: float, units: int) -> "Gradient":
        """Return gradients of equal size, their directions random but for their mean correlation.

        Parameters
        ----------
        start : Signal
            Of as many samples.
        log_square : float
            Logarithm of the second moment.
        c : float
            The correlation.
        units : int
            Number of units.

        Returns
        -------
        Gradient
        """
        log_squares = np.full(len(start.log_squares), log_square)
        return cls.start(log_squares, start.batch, c, (1 - c * c) ** 2 / units)

    @classmethod
    def measured(cls, gradient: Array, z: Array, groups: NDArray[np.intp]) -> "Gradient":
        """Read the gradients off an array.

        Parameters
        ----------
        gradient : ndarray of shape (batch, units)
            Gradients with respect to pre-activations.
        z : ndarray of shape (batch, units)
            What the weights give to those pre-activations.
        groups : ndarray of int of shape (batch,)
            Which of the samples that the signal is known by stands for each.

        Returns
        -------
        Gradient
        """
        d, z = gradient.astype(np.float64), z.astype(np.float64)
        batch, units = d.shape
        squares = np.einsum("ij,ij->i", d, d)
        log_squares = log_means_of(groups, squares / units)
        sizes = np.einsum("ij,ij->i", z, z) * squares
        along = np.einsum("ij,ij->i", z, d) ** 2
        totals = np.bincount(groups, sizes).astype(np.float64)
        alignment: Array = np.ones(len(totals))
        np.divide(units * np.bincount(groups, along), totals, out=alignment, where=totals > 0)
        rows = d / np.sqrt(np.where(squares > 0, squares, 1.0))[:, None]
        pairs = batch * (batch - 1)
        c, alike = 0.0, 0.0
        if pairs:
            ones = float((squares > 0).sum())
            c = (float(np.square(rows.sum(axis=0)).sum()) - ones) / pairs
            alike = (float(np.square(rows.T @ rows).sum()) - ones) / pairs
        return cls.start(log_squares, batch, c, max(alike - c * c, 0.0), alignment)

    @property
    def zero(self) -> bool:
        """Whether nothing comes back."""
        return bool(np.isneginf(self.log_squares).all())

    def scale(self) -> Scale:
        """Return the logarithm of the batch's mean over draws, and its variance."""
        means = self.means()
        moved = shares(means) * self.response
        variance = over_pairs(moved[:, None] * moved * self.signal, self.batch)
        return log_mean(means), max(variance, 0.0) + float(self.covariance[0, 0]) + self.drift**2

    def means(self) -> Array:
        """Return the logarithm of each sample's mean over draws."""
        bent = self.bent + self.response**2 * np.diagonal(self.signal)
        return np.asarray(self.log_squares + bent / 2)

    def likeness(self) -> float:
        """Return the mean square correlation of all pairs, a sample with itself included."""
        own = 1 / self.batch
        u = shares(self.log_squares)
        return own * float((u**2).mean()) + (1 - own) * (self.c**2 + self.c_variance)


def back_through_activation(gradient: Gradient, slopes: Slopes, kept: float) -> Gradient:
    """Return the gradients with respect to pre-activations, given those to activations.

    Parameters
    ----------
    gradient : Gradient
        With respect to the activations.
    slopes : Slopes
        What `fanin.theory.signals.through_activation` said.
    kept : float
        How much of a gradient's length the weights behind keep.

    Returns
    -------
    Gradient
        With respect to the pre-activations.
    """
    n, eta, e = slopes.units, slopes.sensitivity, slopes.elasticity
    k, alike, common = gradient.alignment, _alike(gradient), slopes.likenesses
    u = shares(gradient.log_squares)
    # The part along the signal passes by E φ²φ'² / E φ², the rest by E φ'².
    together = slopes.together * gradient.masked
    growth = np.maximum(1 + (together - kept) * (k - 1) / n, 1 / (n + 1))
    along = np.clip(together * k / n / growth, 0.0, 1.0)
    # (z · δ)² behind goes on into the one before, and the rest of δ adds to it by chance.
    old = slopes.aligned * k
    new = (slopes.stretch - slopes.aligned) * np.maximum(1 - kept * k / n, 0.0)
    inherited = old / np.maximum(old + new, 1e-300)
    alignment = np.clip((old + new) / growth, 0.0, n)
    # What the units do to the signal's size, all layers behind respond to. The part along the
    # signal is the smaller, the longer that is.
    size, product = gradient.response, gradient.leaning
    behind = (1 - along) * size + along * (product - 1)
    leans = inherited * product + (1 - inherited) * size
    # Noise of as many units as there are, less what goes with lengths that weights keep.
    fresh = (1 + 2 * alike) * slopes.slope_square - 1 - 2 * kept * alike
    np.fill_diagonal(fresh, 3 * slopes.kurtosis * gradient.masked - 1 - 2 * kept)
    fresh = np.log1p(np.maximum((fresh - 2 * slopes.kept * eta[:, None] * eta * common) / n, -0.5))
    # The same units make sizes and slopes.
    cross = (slopes.together - 1 - 2 * slopes.kept * e * eta)[:, None] * common / n

    def over(left: Array, right: Array, values: Array) -> float:
        return over_pairs((u * left)[:, None] * (u * right) * values, gradient.batch)

    f, t = float((u * along).mean()), float((u * inherited).mean())
    carry = np.array([[1 - f, f], [1 - t, t]])
    covariance = carry @ gradient.covariance @ carry.T
    rest, one = 1 - along, np.ones_like(k)
    covariance[0, 0] += max(
        over(rest, rest, fresh) + over(behind, behind, slopes.noise) + 2 * over(one, behind, cross),
        0.0,
    )
    both = over(behind, leans, slopes.noise) + over(one, leans, cross)
    by_chance = 2 * over(1 - inherited, 1 - inherited, alike * common)
    covariance[1, 1] += max(over(leans, leans, slopes.noise), 0.0) + by_chance
    most = math.sqrt(covariance[0, 0] * covariance[1, 1])
    covariance[0, 1] = covariance[1, 0] = min(max(covariance[0, 1] + both, -most), most)
    bent = behind**2 * np.diagonal(slopes.noise) + 2 * behind * np.diagonal(cross)
    mean_slope = apart(slopes.slope) if len(k) > 1 else 1.0
    added = apart(slopes.slope_square) * max(1 - (gradient.c * mean_slope) ** 2, 0.0) / n
    return replace(
        gradient,
        log_squares=gradient.log_squares + slopes.log_slopes + np.log(growth),
        alignment=alignment,
        response=eta + e * behind,
        leaning=inherited * (e * product + slopes.steepening)
        + (1 - inherited) * (1 + eta + e * size),
        covariance=covariance,
        bent=gradient.bent + bent,
        signal=slopes.spread,
        c=gradient.c * mean_slope,
        c_variance=min(gradient.c_variance * mean_slope**2 + added, 1.0),
        masked=1.0,
    )


def _alike(gradient: Gradient) -> Array:
    """Return mean square correlations of two samples' gradients."""
    n = len(gradient.log_squares)
    found = np.full((n, n), gradient.c**2 + gradient.c_variance)
    np.fill_diagonal(found, 1.0)
    return found


def back_through_dense(
    gradient: Gradient, kernel: WeightLaw, units: int, share: Array, came: Signal
) -> Gradient:
    """Return the gradients with respect to a layer's inputs.

    Parameters
    ----------
    gradient : Gradient
        With respect to its pre-activations.
    kernel : WeightLaw
        Its weights.
    units : int
        Number of units.
    share : ndarray of shape (samples,)
        What the weights, not the bias, give to the second moment of its pre-activations.
    came : Signal
        Its inputs.

    Returns
    -------
    Gradient
    """
    factor = units * kernel.variance
    return replace(
        gradient,
        log_squares=gradient.log_squares + (math.log(factor) if factor > 0 else -math.inf),
        response=gradient.response * share,
        leaning=gradient.leaning * share,
        signal=came.spread,
    )


def back_through_dropout(gradient: Gradient, rate: float) -> Gradient:
    """Return the gradients before a Dropout that drops a share `rate`."""
    return replace(
        gradient,
        log_squares=gradient.log_squares - math.log1p(-rate),
        c=gradient.c * (1 - rate),
        c_variance=gradient.c_variance * (1 - rate) ** 2,
        masked=gradient.masked / (1 - rate),
    )


def back_through_scale(gradient: Gradient, log_factor: float) -> Gradient:
    """Return the gradients before a multiplication."""
    return replace(gradient, log_squares=gradient.log_squares + log_factor)


def back_through_batch_norm(gradient: Gradient, log_factor: float, came: Signal) -> Gradient:
    """Return the gradients before a normalization that divides by the batch's spread."""
    # What is common to the batch and what goes with the unit's output are taken out.
    own = 1 / gradient.batch
    left = max(1 - own * (2 + (gradient.batch - 1) * gradient.c), own)
    return replace(
        gradient,
        log_squares=gradient.log_squares + log_factor + math.log(left),
        response=np.full_like(gradient.response, -1.0),
        leaning=np.zeros_like(gradient.response),
        signal=came.spread,
        c=-1 / max(gradient.batch - 1, 1),
        drift=gradient.drift + _CLASSES,
    )


def back_through_row_norm(
    gradient: Gradient, log_inverses: Array, came: Signal, units: int, centred: bool
) -> Gradient:
    """Return the gradients before a normalization within each sample of `units` numbers."""
    # What goes along the sample is taken out, and what is common to its units.
    out = (gradient.alignment + float(centred)) / units
    left = np.maximum(1 - out, 1 / units)
    return replace(
        gradient,
        log_squares=gradient.log_squares + log_inverses + np.log(left),
        alignment=np.zeros_like(gradient.alignment),
        response=np.full_like(gradient.response, -1.0),
        leaning=np.zeros_like(gradient.response),
        signal=came.spread,
    )
