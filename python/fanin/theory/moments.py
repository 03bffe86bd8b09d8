"""Moments of an activation whose input is Gaussian: of one unit, and of one unit at two samples.

Fixed grids that resolve bends and saturation: fast, and good to about 1e-9 for the activations of
this package.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fanin.show.results import Result
from fanin.theory.nonlinearity import Nonlinearity
from fanin.theory.quadrature import GAUSS_DERIVATIVE, pieces, slope_at

Array = NDArray[np.float64]

_REACH = 9.0
LOG_LIMIT = 138.0
"""Variances beyond exp(±138) = 10**±60 follow the power law found there."""

LOG_PAIRS = 46.0
"""Ratios of moments do not change beyond exp(±46) = 10**±20."""


@dataclass(frozen=True, repr=False)
class Moments(Result):
    """Moments of φ(x) for x of mean 0 and variance q, as logarithms where they can be extreme.

    Parameters
    ----------
    mean : float
        E φ.
    log_square : float
        log E φ².
    elasticity : float
        d log E φ² / d log q.
    curvature : float
        q² / E φ² · d² E φ² / dq².
    excess : float
        Var φ² / (E φ²)².
    log_slope : float
        log E φ'².
    slope_elasticity : float
        d log E φ'² / d log q.
    slope_kurtosis : float
        E φ'⁴ / (E φ'²)².
    together : float
        E φ²φ'² / (E φ² E φ'²).
    """

    mean: float
    log_square: float
    elasticity: float
    curvature: float
    excess: float
    log_slope: float
    slope_elasticity: float
    slope_kurtosis: float
    together: float


def moments(phi: Nonlinearity, log_q: float) -> Moments:
    """Return the moments of `phi` at input variance ``exp(log_q)``.

    Parameters
    ----------
    phi : Nonlinearity
        The activation.
    log_q : float
        Logarithm of the variance; minus infinity for an input that is always 0.

    Returns
    -------
    Moments
        NaN for the slopes of a function that jumps.
    """
    if log_q == -math.inf:
        return _at_zero(phi)
    limit = 0.0 if scales(phi) else LOG_LIMIT
    inside = min(max(log_q, -limit), limit)
    with np.errstate(over="ignore", invalid="ignore"):
        found = _moments(phi, math.exp(inside))
    beyond = log_q - inside
    if beyond == 0:
        return found
    return Moments(
        found.mean * math.exp(min(beyond * found.elasticity / 2, 700.0)),
        found.log_square + beyond * found.elasticity,
        found.elasticity,
        found.curvature,
        found.excess,
        found.log_slope + beyond * found.slope_elasticity,
        found.slope_elasticity,
        found.slope_kurtosis,
        found.together,
    )


def _at_zero(phi: Nonlinearity) -> Moments:
    zero = np.zeros((1, 1))
    value = float(phi.value(zero)[0, 0])
    slope = math.nan
    if not phi.jumps:
        # Without a given slope, that of a small piece around 0.
        nodes, _, half = pieces(np.array([-1e-4, 1e-4]))
        at = zero if phi.slope is not None else nodes
        slope = float(slope_at(phi, at, half, GAUSS_DERIVATIVE).mean())
    return Moments(value, _log(value**2), 0.0, 0.0, 0.0, _log(slope**2), 0.0, 1.0, 1.0)


# The layers of a network ask for the same ones: always of a function that scales, and near a fixed
# point.
@lru_cache(maxsize=256)
def _moments(phi: Nonlinearity, q: float) -> Moments:
    z, weights, y, slopes = quadrature(phi, q)
    square, mean = y * y, float((weights * y).sum())
    tilt = (z * z - 1) / 2  # E f(√q z)(z² − 1)/2 is the derivative of E f with respect to log q
    second, rise = float((weights * square).sum()), float((weights * tilt * square).sum())
    if not second < 1e150:  # such as exp at a large variance
        return Moments(mean, math.inf, *[math.nan] * 7)
    fourth = float((weights * square * square).sum())
    excess = fourth / second**2 - 1 if second > 0 else 0.0
    elasticity = rise / second if second > 0 else 0.0
    bend = (z**4 - 6 * z * z + 3) / 4  # likewise, for the second derivative
    curvature = float((weights * bend * square).sum()) / second if second > 0 else 0.0
    values = mean, _log(second), elasticity, curvature, excess
    if slopes is None:
        return Moments(*values, *[math.nan] * 4)
    slopes = slopes**2
    slope = float((weights * slopes).sum())
    if slope == 0:
        return Moments(*values, -math.inf, 0.0, 1.0, 1.0)
    both = float((weights * square * slopes).sum())
    return Moments(
        *values,
        math.log(slope),
        float((weights * tilt * slopes).sum()) / slope,
        float((weights * slopes * slopes).sum()) / slope**2,
        both / (second * slope) if second > 0 else 1.0,
    )


def quadrature(phi: Nonlinearity, q: float) -> tuple[Array, Array, Array, Array | None]:
    """Return what integrals over a Gaussian of variance `q` are sums of.

    Parameters
    ----------
    phi : Nonlinearity
        The activation.
    q : float
        The variance.

    Returns
    -------
    z, weights : ndarray of shape (nodes,)
        Nodes of a standard normal, and what each weighs.
    value, slope : ndarray of shape (nodes,)
        φ and φ' at ``√q z``; no slope of a function that jumps.
    """
    std = math.sqrt(q)
    edges = np.unique(np.clip(np.r_[_line(1.0), _structure(phi, std) / std], -_REACH, _REACH))
    z, weights, half = pieces(edges)
    weights = weights * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    y = phi.value(std * z).ravel()
    slope = None
    if not phi.jumps:
        slope = slope_at(phi, std * z, std * half, GAUSS_DERIVATIVE).ravel()
    return z.ravel(), weights.ravel(), y, slope


@dataclass(frozen=True, repr=False)
class PairMoments(Result):
    """Moments of φ at two samples whose inputs have variance q and correlation c.

    Parameters
    ----------
    product : float
        E φ₁φ₂ / E φ².
    square : float
        Cov(φ₁², φ₂²) / (E φ²)².
    slope : float
        E φ'₁φ'₂ / E φ'².
    slope_square : float
        E φ'₁²φ'₂² / (E φ'²)².
    """

    product: float
    square: float
    slope: float
    slope_square: float


def pair_moments(phi: Nonlinearity, log_q: float, c: float, step: float = 1.0) -> PairMoments:
    """Return moments of `phi` at two correlated samples.

    With half sum s and half difference d of the two inputs, which are independent, the integral
    over s is cut at ``bend ± d``, so that both factors are smooth on each piece, and what is left
    is smooth in d.

    Parameters
    ----------
    phi : Nonlinearity
        The activation.
    log_q : float
        Logarithm of the variance.
    c : float
        Correlation, from −1 to 1.
    step : float, default 1.0
        Width of the pieces in standard deviations; 3 is good to about 1e-5.

    Returns
    -------
    PairMoments
    """
    if log_q == -math.inf:
        return PairMoments(1.0, 0.0, 1.0, 1.0)
    if scales(phi):
        return PairMoments(*(float(m[0]) for m in pairs_of_two_slopes(phi, np.array([c]))))
    return _pairs_by_quadrature(phi, math.exp(min(max(log_q, -LOG_PAIRS), LOG_PAIRS)), c, step)


def pairs_of_two_slopes(phi: Nonlinearity, c: Array) -> tuple[Array, Array, Array, Array]:
    """Return the moments of ``φ(x) = a max(x, 0) + b max(-x, 0)``, whatever the variance.

    Arc-cosine kernels: Cho & Saul, "Kernel methods for deep learning", 2009.

    Parameters
    ----------
    phi : Nonlinearity
        The activation.
    c : ndarray
        Correlations.

    Returns
    -------
    product, square, slope, slope_square : ndarray
        As in `PairMoments`, of the shape of `c`.
    """
    a, b = phi.value(np.array([1.0, -1.0])).tolist()
    same, cross = a * a + b * b, 2 * a * b
    c = np.clip(c, -1.0, 1.0)
    one = np.ones_like(c)
    if same == 0:
        return 0 * one, 0 * one, one, one
    of_squares, of_cross = a**4 + b**4, 2 * a * a * b * b
    angle = np.arccos(c)
    sine, left = np.sqrt((1 - c) * (1 + c)), math.pi - angle
    # Kernels of order 0, 1 and 2 of both inputs on one side of 0, and of one on each.
    k0, cross0 = left / math.pi, angle / math.pi
    k1, cross1 = (sine + left * c) / math.pi, (sine - angle * c) / math.pi
    k2 = (3 * sine * c + left * (1 + 2 * c * c)) / math.pi
    cross2 = (-3 * sine * c + angle * (1 + 2 * c * c)) / math.pi
    return (
        (same * k1 + cross * cross1) / same,
        2 * (of_squares * k2 + of_cross * cross2) / same**2 - 1,
        (same * k0 - cross * cross0) / same,
        2 * (of_squares * k0 + of_cross * cross0) / same**2,
    )


def _pairs_by_quadrature(phi: Nonlinearity, q: float, c: float, step: float) -> PairMoments:
    # Of a width that is not quite 0, for c = ±1.
    wide = math.sqrt(q * max((1 + c) / 2, 1e-16))
    apart = math.sqrt(q * max((1 - c) / 2, 1e-16))
    d, d_weights = _half_line(apart, step, wide / apart, phi.bends)
    s, weights, half = _sum_grid(phi, wide, d, math.sqrt(q), step)
    weights = weights * d_weights[:, None, None]
    shift = d[:, None, None]
    y = phi.value(s + shift), phi.value(s - shift)
    squares = y[0] ** 2, y[1] ** 2
    # Both are E φ²; their mean has less rounding.
    second = float((weights * (squares[0] + squares[1])).sum()) / 2
    product = square = 0.0
    if second > 0:
        product = float((weights * y[0] * y[1]).sum()) / second
        square = float((weights * squares[0] * squares[1]).sum()) / second**2 - 1
    if phi.jumps:
        return PairMoments(product, square, math.nan, math.nan)
    g = tuple(slope_at(phi, s + sign * shift, half, GAUSS_DERIVATIVE) for sign in (1, -1))
    slope = float((weights * (g[0] ** 2 + g[1] ** 2)).sum()) / 2
    if slope == 0:
        return PairMoments(product, square, 1.0, 1.0)
    return PairMoments(
        product,
        square,
        float((weights * g[0] * g[1]).sum()) / slope,
        float((weights * g[0] ** 2 * g[1] ** 2).sum()) / slope**2,
    )


@lru_cache(maxsize=64)
def scales(phi: Nonlinearity) -> bool:
    """Say whether ``φ(a x) = a φ(x)`` for positive a, as for ReLU: then one variance tells all."""
    if phi.bends not in ((), (0.0,)):
        return False
    with np.errstate(all="ignore"):
        y = phi.value(_PROBES)
    return bool((y == np.where(_PROBES > 0, y[-1], y[0]) * np.abs(_PROBES) / 2.0**20).all())


_PROBES = np.r_[-(2.0 ** np.arange(20, -21, -4)), 2.0 ** np.arange(-20, 21, 4)]


def _half_line(
    std: float, step: float, narrow: float, bends: tuple[float, ...]
) -> tuple[Array, Array]:
    """Return nodes d > 0 and weights that stand for both signs of a Gaussian of `std`.

    Where the half sum is `narrow` times as wide, what is left to integrate changes within so many
    standard deviations of a bend: pieces get shorter by halves towards it.
    """
    edges = np.r_[np.arange(0, _REACH, step), _REACH]
    if std > 1:
        edges = np.unique(np.r_[edges, _octaves(_REACH * std) / std])
    if narrow < step / 2:
        away = narrow * 2.0 ** np.arange(math.ceil(math.log2(step / narrow)))
        centres = np.abs(bends)[:, None] / std
        near = np.concatenate([(centres - away).ravel(), (centres + away).ravel()])
        edges = np.unique(np.r_[edges, near[near > 0]])
    nodes, weights, _ = pieces(edges[edges <= _REACH])
    weights = weights * 2 * np.exp(-nodes * nodes / 2) / math.sqrt(2 * math.pi)
    return np.asarray(std * nodes.ravel()), np.asarray(weights.ravel())


def _sum_grid(
    phi: Nonlinearity, std: float, d: Array, scale: float, step: float
) -> tuple[Array, Array, Array]:
    """Return nodes, weights and half widths for s, cut anew for each d."""
    reach = _REACH * std
    places = _structure(phi, scale)
    line = np.broadcast_to(std * _line(step), (d.size, _line(step).size))
    edges = np.concatenate([line, places + d[:, None], places - d[:, None]], axis=1)
    s, weights, half = pieces(np.sort(np.clip(edges, -reach, reach), axis=1))
    u = s / std
    weights = weights * np.exp(-u * u / 2) / (std * math.sqrt(2 * math.pi))
    return s, weights, half


def _line(step: float) -> Array:
    return np.asarray(np.r_[np.arange(-_REACH, _REACH, step), _REACH])


def _structure(phi: Nonlinearity, std: float) -> Array:
    """Return where φ may change: at its bends, and on the way from 0 into saturation."""
    places = np.asarray(phi.bends)
    if std > 1:
        out = _octaves(_REACH * std)
        places = np.r_[places, out, -out]
    return places


def _octaves(reach: float) -> Array:
    return np.asarray(2.0 ** np.arange(-1, max(math.ceil(math.log2(reach)), 0) + 1, 1.5))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else (-math.inf if value == 0 else math.nan)
