"""How a batch of signals, and the gradients that come back, pass a layer of finite width.

All second moments are over units and samples. Beside each goes what one draw of weights makes of
it:

* ``spread``: variance, over draws of the weights, of the logarithm of the batch's second moment;
* ``unequal``: variance, over the samples of one batch, of the logarithm of a sample's own;
* ``c`` and ``c_variance``: mean and variance, over pairs of samples, of their correlation.

A layer of n units adds noise of order 1/n to each [1]_; how much, docs/theory.md derives.

References
----------
.. [1] B. Hanin, M. Nica, "Products of many large random matrices and gradients in deep neural
   networks", Communications in Mathematical Physics 376 (2020), arXiv:1812.05994.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin.show.results import Result
from fanin.theory.laws import WeightLaw
from fanin.theory.moments import Moments, PairMoments, moments, pair_moments
from fanin.theory.nonlinearity import Nonlinearity

_SAME_WEIGHTS = 3.0
"""Theory takes gradients to be independent of signals. Measured, the second moment of a gradient
differs from that by up to some 7 / units a layer (GELU; ReLU: none): so much is two deviations."""

_LEFT = 0.1
"""At least this share of the noise stays, however much an orthogonal matrix takes away: the rows
of one matrix are not independent of each other, which the formulas do not see."""

# Gauss's rule of three nodes for a standard normal.
_NODES = (-math.sqrt(3), 0.0, math.sqrt(3))
_WEIGHTS = (1 / 6, 2 / 3, 1 / 6)


@dataclass(frozen=True, repr=False)
class Signal(Result):
    """What is known of a batch of signals at one place; see the module.

    Parameters
    ----------
    log_square : float
        Logarithm of the second moment.
    mean : float
        Mean over units and samples.
    spread, unequal, c, c_variance : float
        See the module.
    batch : int
        Number of samples.
    """

    log_square: float
    mean: float
    spread: float
    unequal: float
    c: float
    c_variance: float
    batch: int

    @property
    def zero(self) -> bool:
        """Whether nothing comes through."""
        return self.log_square == -math.inf

    def likeness(self) -> float:
        """Return the mean square correlation of all pairs, a sample with itself included."""
        own = 1 / self.batch
        return own * (1 + self.unequal) + (1 - own) * (self.c**2 + self.c_variance)

    def correlations(self) -> list[tuple[float, float]]:
        """Return correlations and weights that stand for all pairs of different samples."""
        # Not beyond ±1, and even on both sides: the mean stays what it is.
        reach = min(math.sqrt(3 * self.c_variance), 1 - abs(self.c))
        if reach < 1e-4:
            return [(min(max(self.c, -1.0), 1.0), 1.0)]
        return list(zip((self.c - reach, self.c, self.c + reach), _WEIGHTS, strict=True))

    def log_squares(self) -> list[tuple[float, float]]:
        """Return logarithms of second moments, and weights, whose mean is this signal's."""
        variance = self.spread + self.unequal
        if variance < 1e-8 or self.zero:
            return [(self.log_square, 1.0)]
        std = math.sqrt(variance)
        # Normalized, so that what is linear in the moment is exact however wide the spread.
        norm = math.log(sum(w * math.exp(std * n) for n, w in zip(_NODES, _WEIGHTS, strict=True)))
        return [
            (self.log_square + std * n - norm, w) for n, w in zip(_NODES, _WEIGHTS, strict=True)
        ]


@dataclass(frozen=True, repr=False)
class Slopes(Result):
    """What gradients meet on their way back through an activation.

    Parameters
    ----------
    log_slope : float
        log E φ'².
    elasticity : float
        d log E φ'² / d log q.
    spread : float
        Variance over draws of the logarithm of the second moment q that it is taken at.
    kurtosis : float
        E φ'⁴ / (E φ'²)².
    product, square : float
        Means over pairs of E φ'₁φ'₂ / E φ'² and E φ'₁²φ'₂² / (E φ'²)².
    """

    log_slope: float
    elasticity: float
    spread: float
    kurtosis: float
    product: float
    square: float


def measure(x: NDArray[np.floating]) -> Signal:
    """Read the signal off a batch of inputs.

    Parameters
    ----------
    x : ndarray of shape (batch, features)
        The inputs.

    Returns
    -------
    Signal
        Exact, hence without spread. Of more than 256 samples, the correlations are those of 256
        that are spread evenly.
    """
    rows = x.astype(np.float64)
    squares = np.einsum("ij,ij->i", rows, rows) / rows.shape[1]
    mean_square = float(squares.mean())
    if mean_square == 0:
        return Signal(-math.inf, 0.0, 0.0, 0.0, 1.0, 0.0, len(x))
    chosen = rows[np.linspace(0, len(x) - 1, min(len(x), 256)).astype(int)]
    c, c_variance = _core.row_cosines(chosen) if len(chosen) > 1 else (1.0, 0.0)
    return Signal(
        math.log(mean_square),
        float(rows.mean()),
        0.0,
        math.log1p(float(squares.var()) / mean_square**2),
        c,
        c_variance,
        len(x),
    )


def through_dense(signal: Signal, kernel: WeightLaw, bias: WeightLaw, fan_in: int) -> Signal:
    """Return the pre-activations, less the mean of the bias, before units are sampled."""
    weights = signal.log_square + _log(fan_in * kernel.variance)
    log_square = np.logaddexp(weights, _log(bias.variance))
    if log_square == -math.inf:
        return replace(
            signal, log_square=-math.inf, mean=0.0, spread=0.0, unequal=0.0, c=1.0, c_variance=0.0
        )
    share = math.exp(weights - log_square)
    return replace(
        signal,
        log_square=float(log_square),
        mean=0.0,
        spread=share**2 * signal.spread,
        unequal=share**2 * signal.unequal,
        c=share * signal.c + 1 - share,
        c_variance=share**2 * signal.c_variance,
    )


def kept_length(kernel: WeightLaw, fan_in: int, units: int) -> float:
    """Return the share of the noise in a signal's length that an orthogonal matrix does not make.

    Independent weights: none. A matrix with at least as many columns as rows keeps all lengths; one
    with fewer keeps ``units / fan_in`` of a length, more or less.
    """
    return min(1.0, units / fan_in) if kernel.orthogonal else 0.0


def sampling_noise(signal: Signal, units: int, kept: float) -> float:
    """Return the relative variance that `units` Gaussian units give to the second moment."""
    return 0.0 if signal.zero else 2 * signal.likeness() * (1 - kept) / units


def through_activation(
    signal: Signal, phi: Nonlinearity, units: int, kept: float
) -> tuple[Signal, Slopes]:
    """Return the activations of `units` units, and what gradients will meet there."""
    places = [(moments(phi, t), w) for t, w in signal.log_squares()]
    middle = moments(phi, signal.log_square)
    pairs = [
        (pair_moments(phi, signal.log_square, c, step=3.0), w) for c, w in signal.correlations()
    ]
    own = 1 / signal.batch
    squares = _mean(pairs, "square")
    # Saturated units have none, which rounding may make less than none.
    noise = max(own * middle.excess + (1 - own) * squares, 0.0)
    # That part of the noise that goes with the length of z is not there if the length is kept.
    by_length = 2 * kept * middle.elasticity**2
    noise = max(noise - by_length * signal.likeness(), _LEFT * noise)
    apart = middle.excess - squares - by_length * (1 - signal.c**2 - signal.c_variance)
    product = _mean(pairs, "product")
    product_variance = sum(w * (p.product - product) ** 2 for p, w in pairs)
    # The noise of a correlation, which is 0 where it is ±1.
    wobble = sum(w * (1 + p.square) * (1 - p.product**2) ** 2 for p, w in pairs) / units
    activations = replace(
        signal,
        # Units on a sphere instead of Gaussian ones: the mean over lengths is not taken.
        log_square=_mean_log(places, "log_square") - kept * middle.curvature / units,
        mean=sum(w * m.mean for m, w in places),
        spread=middle.elasticity**2 * signal.spread + math.log1p(noise / units),
        unequal=middle.elasticity**2 * signal.unequal + math.log1p(max(apart, 0.0) / units),
        c=product,
        c_variance=min(product_variance + wobble, max(1 - product**2, 0.0)),
    )
    slopes = Slopes(
        _mean_log(places, "log_slope"),
        middle.slope_elasticity,
        signal.spread,
        middle.slope_kurtosis,
        _mean(pairs, "slope"),
        _mean(pairs, "slope_square"),
    )
    return activations, slopes


def back_through(
    gradient: Signal, slopes: Slopes, units: int, drift: float
) -> tuple[Signal, float]:
    """Return the gradients with respect to pre-activations, given those to activations.

    Parameters
    ----------
    gradient : Signal
        With respect to the activations.
    slopes : Slopes
        What `through_activation` said.
    units : int
        Number of units.
    drift : float
        Sum, over the layers behind, of how strongly the spread of q moves the gradient.

    Returns
    -------
    Signal
        With respect to the pre-activations.
    float
        The sum with this layer in it.
    """
    own = 1 / gradient.batch
    alike = gradient.c**2 + gradient.c_variance
    noise = own * (3 * slopes.kurtosis - 1) + (1 - own) * ((1 + 2 * alike) * slopes.square - 1)
    # The fluctuations of q in successive layers are the same ones: they add up, not their squares.
    # So does what comes of signals and gradients passing the same weights.
    further = drift + abs(slopes.elasticity) * math.sqrt(slopes.spread) + _SAME_WEIGHTS / units
    wobble = slopes.square * max(1 - (gradient.c * slopes.product) ** 2, 0.0) / units
    passed = replace(
        gradient,
        log_square=gradient.log_square + slopes.log_slope,
        spread=gradient.spread + math.log1p(max(noise, 0.0) / units),
        c=gradient.c * slopes.product,
        c_variance=min(gradient.c_variance * slopes.product**2 + wobble, 1.0),
    )
    return passed, further


def back_through_dense(gradient: Signal, kernel: WeightLaw, units: int) -> Signal:
    """Return the gradients with respect to a layer's inputs."""
    return replace(gradient, log_square=gradient.log_square + _log(units * kernel.variance))


def _mean(pairs: list[tuple[PairMoments, float]], name: str) -> float:
    return float(sum(w * getattr(p, name) for p, w in pairs))


def _mean_log(places: list[tuple[Moments, float]], name: str) -> float:
    logs = [getattr(m, name) + math.log(w) for m, w in places]
    return float(np.logaddexp.reduce(logs))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
