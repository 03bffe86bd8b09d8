"""How a batch of signals passes a layer of finite width.

All second moments are over units. A batch is known by some of its samples: of each the second
moment, of each two the correlation, and what one draw of weights makes of them: the covariance,
over draws, of the logarithms of two samples' second moments. A layer of n units adds noise of order
1/n to it [1]_; how much, docs/theory.md derives.

References
----------
.. [1] B. Hanin, M. Nica, "Products of many large random matrices and gradients in deep neural
   networks", Communications in Mathematical Physics 376 (2020), arXiv:1812.05994.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fanin.show.results import Result
from fanin.theory.expansion import Pairs, pairs, sites
from fanin.theory.laws import WeightLaw
from fanin.theory.nonlinearity import Nonlinearity

Array = NDArray[np.float64]

SAMPLES = 32
"""Of many samples, so many stand for all."""

_MANY = 48
"""Of up to so many samples, each stands for itself."""

_STILL = 1e-4
"""Variance of a correlation that changes nothing."""

# Gauss's rule of three nodes for a standard normal.
_NODES = np.array([-math.sqrt(3), 0.0, math.sqrt(3)])
_WEIGHTS = np.array([1 / 6, 2 / 3, 1 / 6])


@dataclass(frozen=True, repr=False)
class Signal(Result):
    """What is known of a batch of signals at one place; see the module.

    Parameters
    ----------
    log_squares : ndarray of shape (samples,)
        Logarithm of the second moment of each sample: the mean over draws.
    cosines : ndarray of shape (samples, samples)
        Correlations of samples.
    spread : ndarray of shape (samples, samples)
        Covariance, over draws, of the logarithms of the second moments.
    wobble : float
        Variance, over draws, of the correlation of two samples.
    mean : float
        Mean over units and samples.
    batch : int
        Number of samples that these stand for.
    """

    log_squares: Array
    cosines: Array
    spread: Array
    wobble: float
    mean: float
    batch: int

    @classmethod
    def even(cls, log_square: float, c: float, batch: int) -> "Signal":
        """Return samples of equal second moments and correlations, of which nothing varies."""
        n = min(batch, 2)
        cosines = np.full((n, n), c)
        np.fill_diagonal(cosines, 1.0)
        return cls(np.full(n, log_square), cosines, np.zeros((n, n)), 0.0, 0.0, batch)

    @property
    def log_square(self) -> float:
        """Logarithm of the batch's second moment."""
        return log_mean(self.log_squares)

    @property
    def zero(self) -> bool:
        """Whether nothing comes through."""
        return bool(np.isneginf(self.log_squares).all())

    @property
    def shares(self) -> Array:
        """Second moment of each sample as a multiple of the batch's."""
        return shares(self.log_squares)

    @property
    def variance(self) -> float:
        """Variance, over draws, of the logarithm of the batch's second moment."""
        p = self.shares
        return max(self.over_pairs(p[:, None] * p * self.spread), 0.0)

    @property
    def c(self) -> float:
        """Mean correlation of two different samples; 1 where there is but one."""
        return apart(self.cosines) if self.batch > 1 else 1.0

    def over_pairs(self, values: Array) -> float:
        """Return the mean over all pairs of samples of the batch, one with itself included."""
        return over_pairs(values, self.batch)

    def likenesses(self) -> Array:
        """Return the mean square, over draws, of each correlation."""
        return np.asarray(self.cosines**2 + self.reach() ** 2)

    def reach(self) -> Array:
        """Return how far, by one deviation, each correlation is from its mean over draws."""
        if self.wobble < _STILL:
            return np.zeros_like(self.cosines)
        # Not beyond ±1, and even on both sides: the mean stays what it is.
        return np.asarray(np.minimum(math.sqrt(self.wobble), 1 - np.abs(self.cosines)))

    def nodes(self) -> Array:
        """Return logarithms of second moments whose weighted mean over draws is each sample's."""
        variance = np.diagonal(self.spread)
        if not variance.any():
            return self.log_squares[None]
        std = np.sqrt(np.maximum(variance, 0.0))
        away = _NODES[:, None] * std
        # Normalized, so that what is linear in the moment is exact however wide the spread.
        return np.asarray(self.log_squares + away - np.log(_WEIGHTS @ np.exp(away)))


def log_mean(logs: Array) -> float:
    """Return the logarithm of the mean of what `logs` are the logarithms of."""
    most = float(logs.max())
    if not math.isfinite(most):
        return most
    return most + math.log(float(np.exp(logs - most).mean()))


def shares(logs: Array) -> Array:
    """Return each of what `logs` are the logarithms of as a multiple of their mean."""
    most = logs.max()
    if most == -math.inf:
        return np.ones_like(logs)
    found = np.exp(logs - most)
    return np.asarray(found * (len(found) / found.sum()))


def apart(values: Array) -> float:
    """Return the mean over pairs of different samples."""
    n = len(values)
    if n == 1:
        return float(values[0, 0])
    return (float(values.sum()) - float(values.trace())) / (n * (n - 1))


def over_pairs(values: Array, batch: int) -> float:
    """Return the mean over all pairs of `batch` samples, one with itself included."""
    own, n = 1 / batch, len(values)
    same = float(values.trace())
    others = (float(values.sum()) - same) / (n * (n - 1)) if n > 1 else same
    return own * same / n + (1 - own) * others


def _over_partners(values: Array, batch: int) -> Array:
    """Return, for each sample, the mean over all of the batch that it is paired with."""
    own, diagonal = 1 / batch, np.diagonal(values)
    others = (values.sum(axis=1) - diagonal) / max(len(values) - 1, 1)
    return np.asarray(own * diagonal + (1 - own) * others)


def representatives(squares: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose samples that stand for all, each for as many whose size is near its own.

    Parameters
    ----------
    squares : ndarray of shape (batch,)
        Second moment of each sample.

    Returns
    -------
    chosen : ndarray of shape (samples,)
        Their places: of each stratum of sizes the middle one.
    groups : ndarray of int of shape (batch,)
        For each sample of the batch the place, in `chosen`, of the one that stands for it.
    """
    n = len(squares) if len(squares) <= _MANY else SAMPLES
    order = np.argsort(squares, kind="stable")
    groups = np.empty(len(squares), np.intp)
    groups[order] = np.arange(len(squares)) * n // len(squares)
    middle = (
        np.searchsorted(groups[order], np.arange(n))
        + np.searchsorted(groups[order], np.arange(n), side="right")
        - 1
    ) // 2
    return order[middle], groups


def log_means_of(groups: NDArray[np.intp], values: Array) -> Array:
    """Return the logarithm of the mean of `values` over each group; their mean is that of all."""
    with np.errstate(divide="ignore"):
        logs = np.log(np.bincount(groups, values) / np.bincount(groups))
    mean = float(values.mean())
    # Groups differ by one sample, as their number does not divide that of all.
    return np.asarray(logs + (math.log(mean) - log_mean(logs)) if mean > 0 else logs)


def measure(
    x: NDArray[np.floating], like: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None
) -> tuple[Signal, NDArray[np.intp]]:
    """Read the signal off a batch of inputs.

    Parameters
    ----------
    x : ndarray of shape (batch, features)
        The inputs.
    like : tuple of ndarray, optional
        Which samples stand for which, as `representatives` said of other numbers of the same
        samples.

    Returns
    -------
    Signal
        Exact, hence without spread; of many samples, by strata of their sizes.
    groups : ndarray of int of shape (batch,)
        Which of them stands for each sample.
    """
    squares = np.einsum("ij,ij->i", x, x, dtype=np.float64) / x.shape[1]
    chosen, groups = representatives(squares) if like is None else like
    rows = x[chosen].astype(np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.where(norms > 0, norms, 1.0)[:, None]
    cosines = rows @ rows.T
    if len(x) > len(chosen):  # as alike as all are
        sizes = np.sqrt(squares * x.shape[1])
        total = np.einsum("ij,i->j", x, 1 / np.where(sizes > 0, sizes, np.inf), dtype=np.float64)
        ones = float((sizes > 0).sum())
        cosines += (float(total @ total) - ones) / (len(x) * (len(x) - 1)) - apart(cosines)
    cosines = np.clip(cosines, -1.0, 1.0)
    np.fill_diagonal(cosines, 1.0)
    log_squares = log_means_of(groups, squares)
    n = len(chosen)
    mean = float(x.mean(dtype=np.float64))
    return Signal(log_squares, cosines, np.zeros((n, n)), 0.0, mean, len(x)), groups


def through_dense(
    signal: Signal, kernel: WeightLaw, bias: WeightLaw, fan_in: int
) -> tuple[Signal, Array]:
    """Return the pre-activations, less the mean of the bias, before units are sampled.

    Parameters
    ----------
    signal : Signal
        The inputs.
    kernel, bias : WeightLaw
        How the weights are drawn.
    fan_in : int
        Number of inputs.

    Returns
    -------
    Signal
        The pre-activations.
    share : ndarray of shape (samples,)
        What the weights give to their second moment; the rest is the bias's.
    """
    weights = signal.log_squares + _log(fan_in * kernel.variance)
    common = _log(bias.variance)
    log_squares = np.logaddexp(weights, common)
    silent = np.isneginf(log_squares)
    share = np.where(silent, 1.0, np.exp(weights - np.where(silent, 0.0, log_squares)))
    both = np.sqrt(share[:, None] * share)
    found = replace(
        signal,
        log_squares=log_squares,
        cosines=both * signal.cosines + np.sqrt((1 - share)[:, None] * (1 - share)),
        spread=share[:, None] * share * signal.spread,
        wobble=float((share**2).mean()) * signal.wobble,
        mean=0.0,
    )
    return found, share


def through_dropout(signal: Signal, rate: float, fourth: float) -> Signal:
    """Return the signal behind a Dropout, given E x⁴ / (E x²)² over the number of units."""
    # Masks of different samples and units are independent.
    own = np.eye(len(signal.log_squares))
    return replace(
        signal,
        log_squares=signal.log_squares - math.log1p(-rate),
        spread=signal.spread + own * fourth * rate / (1 - rate),
        cosines=signal.cosines * np.where(own, 1.0, 1 - rate),
        wobble=signal.wobble * (1 - rate) ** 2,
    )


def through_batch_norm(signal: Signal, epsilon: float) -> tuple[Signal, float] | None:
    """Return the signal behind a normalization by the batch; None where all samples are alike.

    Parameters
    ----------
    signal : Signal
        What comes in.
    epsilon : float
        What is added to a variance.

    Returns
    -------
    Signal
        Each unit has mean 0 and variance 1 over the batch.
    log_factor : float
        Logarithm of what second moments were multiplied by, the mean being taken out.
    """
    if signal.zero:
        return None
    most = signal.log_squares.max()
    sizes = np.exp((signal.log_squares - most) / 2)
    products = sizes[:, None] * sizes * signal.cosines
    n = len(sizes)
    means = _over_partners(products, signal.batch)
    centred = products - means[:, None] - means + means.mean()
    squares = np.diagonal(centred).copy()
    variance = float(squares.mean())
    if variance <= 1e-12 * float(sizes @ sizes) / n:
        return None
    squares = np.maximum(squares, 1e-12 * variance)
    norms = np.sqrt(squares)
    cosines = np.clip(centred / (norms[:, None] * norms), -1.0, 1.0)
    np.fill_diagonal(cosines, 1.0)
    log_factor = -float(np.logaddexp(math.log(variance) + most, _log(epsilon)))
    # What is common to all samples goes; what is each sample's own stays.
    p = signal.shares
    common = _over_partners(signal.spread * p, signal.batch)
    spread = signal.spread - common[:, None] - common + float((p * common).mean())
    wobble = min(signal.wobble * float((sizes @ sizes) / n / variance) ** 2, 1.0)
    found = Signal(np.log(squares) + most + log_factor, cosines, spread, wobble, 0.0, signal.batch)
    return found, log_factor


def through_row_norm(
    signal: Signal, epsilon: float, means: Array | None
) -> tuple[Signal, Array] | None:
    """Return the signal behind a normalization within each sample; None where one is 0.

    Parameters
    ----------
    signal : Signal
        What comes in.
    epsilon : float
        What is added to a variance.
    means : ndarray of shape (samples,) or None
        Mean over units of each sample, which is taken out; None where it stays.

    Returns
    -------
    Signal
        Each sample has second moment 1, but for epsilon.
    log_factors : ndarray of shape (samples,)
        Logarithm of what the squares of each sample were multiplied by.
    """
    if np.isneginf(signal.log_squares).any():
        return None
    logs, cosines = signal.log_squares, signal.cosines
    spread, wobble = signal.spread, signal.wobble
    if means is not None and means.any():
        # Shares of the second moment that are not the mean's; there is always some spread.
        away = means * np.exp(-logs / 2)
        left = np.maximum(1 - away**2, 1e-6)
        norms = np.sqrt(left[:, None] * left)
        cosines = np.clip((cosines - away[:, None] * away) / norms, -1.0, 1.0)
        np.fill_diagonal(cosines, 1.0)
        logs = logs + np.log(left)
        wobble = min(wobble / float(left.mean()) ** 2, 1.0)
    log_factors = -np.logaddexp(logs, _log(epsilon))
    kept = np.exp(_log(epsilon) + log_factors)  # what the sample's own size still tells
    found = replace(
        signal,
        log_squares=logs + log_factors,
        cosines=cosines,
        spread=kept[:, None] * kept * spread,
        wobble=wobble,
        mean=0.0 if means is not None else signal.mean * math.exp(float(log_factors.mean()) / 2),
    )
    return found, log_factors


def kept_length(kernel: WeightLaw, fan_in: int, units: int) -> float:
    """Return the share of the noise in a signal's length that an orthogonal matrix does not make.

    Independent weights: none. A matrix with at least as many columns as rows keeps all lengths; one
    with fewer keeps ``units / fan_in`` of a length, more or less.
    """
    return min(1.0, units / fan_in) if kernel.orthogonal else 0.0


def sampling_noise(signal: Signal, units: int, kept: float) -> float:
    """Return the relative variance that `units` Gaussian units give to the second moment."""
    if signal.zero:
        return 0.0
    p = signal.shares
    return 2 * signal.over_pairs(p[:, None] * p * signal.likenesses()) * (1 - kept) / units


@dataclass(frozen=True, repr=False)
class Slopes(Result):
    """What gradients meet on their way back through an activation; arrays are by sample.

    Parameters
    ----------
    log_slopes : ndarray of shape (samples,)
        log E φ'²: the mean over draws.
    sensitivity : ndarray of shape (samples,)
        d log E φ'² / d log q.
    kurtosis : ndarray of shape (samples,)
        E φ'⁴ / (E φ'²)².
    slope, slope_square : ndarray of shape (samples, samples)
        Of pairs, as in `fanin.theory.expansion.Pairs`.
    elasticity : ndarray of shape (samples,)
        d log E φ² / d log q.
    together : ndarray of shape (samples,)
        E φ²φ'² / (E φ² E φ'²).
    aligned : ndarray of shape (samples,)
        (E z φ φ')² / (E φ² q E φ'²), z without the bias.
    steepening : ndarray of shape (samples,)
        d log e² / d log q of the elasticity e.
    stretch : ndarray of shape (samples,)
        E z²φ'² / (q E φ'²), z without the bias.
    noise : ndarray of shape (samples, samples)
        Covariance of the logarithms of two samples' second moments that this layer added.
    likenesses : ndarray of shape (samples, samples)
        Mean square correlations of the pre-activations.
    spread : ndarray of shape (samples, samples)
        Covariance of what went in.
    units : int
        Number of units.
    kept : float
        How much of a length the weights keep.
    """

    log_slopes: Array
    sensitivity: Array
    kurtosis: Array
    slope: Array
    slope_square: Array
    elasticity: Array
    together: Array
    aligned: Array
    steepening: Array
    stretch: Array
    noise: Array
    likenesses: Array
    spread: Array
    units: int
    kept: float


@dataclass(frozen=True)
class Units:
    """Gaussian units that no activation has taken yet.

    Parameters
    ----------
    count : int
        How many.
    kept : float
        What of their length is kept, see `kept_length`.
    shift : float
        The mean that the bias gives them.
    share : ndarray of shape (samples,)
        What the weights give to their second moment, see `through_dense`.
    normalized : bool
        Whether each unit's second moment over the batch is 1.
    by_sample : bool
        Whether it is a normalization of each sample that keeps lengths, and no correlations.
    """

    count: int
    kept: float
    shift: float
    share: Array
    normalized: bool = False
    by_sample: bool = False


def through_activation(signal: Signal, phi: Nonlinearity, units: Units) -> tuple[Signal, Slopes]:
    """Return the activations of Gaussian units, and what gradients will meet there."""
    q, n, kept = signal.log_squares, units.count, units.kept
    around = sites(phi, signal.nodes())
    middle = sites(phi, q)
    both, product_variance = _pairs(phi, signal)
    e = middle.elasticity
    likenesses = signal.likenesses()
    square = both.square.copy()
    np.fill_diagonal(square, middle.excess)
    # That part of the noise that goes with the length of z is not there if the length is kept.
    noise = (square - 2 * kept * e[:, None] * e * likenesses) / n
    noise = np.log1p(np.maximum(noise, -0.5))
    diagonal = np.arange(len(q))
    noise[diagonal, diagonal] = np.maximum(noise[diagonal, diagonal], 0.0)
    weights = _WEIGHTS if len(around.mean) > 1 else np.ones(1)
    log_squares = np.logaddexp.reduce(around.log_square + np.log(weights)[:, None], axis=0)
    # Units on a sphere instead of Gaussian ones: the mean over lengths is not taken. Units of a
    # normalized batch are on one in the space of its samples.
    sphere = signal.over_pairs(likenesses) if units.normalized else kept / n
    product = np.clip(both.product, -1.0, 1.0)
    fresh = (1 + both.square) * (1 - product**2) ** 2 / n
    if kept and not (units.normalized or units.by_sample):
        # Weights that keep lengths keep correlations; two inputs move the product by E φ'₁φ'₂.
        with np.errstate(over="ignore", invalid="ignore"):
            steep = np.exp(np.minimum(q + middle.log_slope - middle.log_square, 50.0))
            moved = steep[:, None] * steep * both.slope**2 * (1 - signal.cosines**2) ** 2
        fresh = fresh - kept * np.nan_to_num(moved) / n
    wobble = product_variance + max(apart(fresh), 0.0)
    activations = replace(
        signal,
        log_squares=np.asarray(log_squares - sphere * middle.curvature),
        cosines=product,
        spread=e[:, None] * e * signal.spread + noise,
        wobble=min(wobble, max(apart(1 - product**2), 0.0)),
        mean=float((weights @ around.mean).mean()),
    )
    share = units.share
    with np.errstate(over="ignore", invalid="ignore"):
        aligned = np.exp(np.minimum(middle.log_square - q - middle.log_slope, 50.0)) * e**2
    aligned = np.nan_to_num(aligned)
    stretch = 1 + 2 * middle.slope_elasticity
    slopes = Slopes(
        log_slopes=weights @ around.log_slope,
        sensitivity=middle.slope_elasticity,
        kurtosis=middle.slope_kurtosis,
        slope=both.slope,
        slope_square=both.slope_square,
        elasticity=e,
        together=middle.together,
        aligned=share * np.minimum(aligned, stretch),
        steepening=2 * (middle.curvature + e - e * e) / np.maximum(e, 1e-3),
        stretch=share * stretch + 1 - share,
        noise=noise,
        likenesses=likenesses,
        spread=signal.spread,
        units=n,
        kept=kept,
    )
    return activations, slopes


def _pairs(phi: Nonlinearity, signal: Signal) -> tuple[Pairs, float]:
    """Return moments of pairs, their mean over draws, and the variance of the product."""
    q, c = signal.log_squares, signal.cosines
    if signal.wobble < _STILL:
        return pairs(phi, q, c), 0.0
    reach = signal.reach()
    low, high = pairs(phi, q, c - reach), pairs(phi, q, c + reach)
    found = Pairs(
        *((getattr(low, name) + getattr(high, name)) / 2 for name in Pairs.__dataclass_fields__)
    )
    return found, max(apart((high.product - low.product) ** 2) / 4, 0.0)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
