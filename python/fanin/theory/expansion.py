"""Moments of an activation for many samples at once, each with a variance of its own.

What is smooth in the logarithm of a variance is computed at knots and interpolated; what belongs to
a pair of samples is a power series in their correlation. With ``φ(√q z) = Σ aₖ(q) hₖ(z)``, hₖ
Hermite's polynomials of unit norm, ``E φ(x₁)φ(x₂) = Σ aₖ(q₁) aₖ(q₂) cᵏ`` [1]_.

References
----------
.. [1] F. G. Mehler, "Ueber die Entwicklung einer Function von beliebig vielen Variablen nach
   Laplaceschen Functionen höherer Ordnung", 1866.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fanin.show.results import Result
from fanin.theory.moments import (
    LOG_LIMIT,
    LOG_PAIRS,
    Moments,
    moments,
    pairs_of_two_slopes,
    quadrature,
    scales,
)
from fanin.theory.nonlinearity import Nonlinearity

Array = NDArray[np.float64]

_KNOT = 0.25
"""Distance of knots in log q: the cubic through values and slopes is good to 1e-5 or so."""

_DEGREE = 24
"""The last of Hermite's polynomials. What is left (of kinks) is put at twice this power."""


@dataclass(frozen=True, repr=False)
class Sites(Result):
    """`fanin.theory.moments.Moments` of many variances: an array each."""

    mean: Array
    log_square: Array
    elasticity: Array
    curvature: Array
    excess: Array
    log_slope: Array
    slope_elasticity: Array
    slope_kurtosis: Array
    together: Array


@dataclass(frozen=True, repr=False)
class Pairs(Result):
    """Moments of φ at pairs of samples, ``PairMoments`` as matrices.

    Parameters
    ----------
    product : ndarray of shape (samples, samples)
        E φ₁φ₂ / √(E φ₁² E φ₂²).
    square : ndarray of shape (samples, samples)
        Cov(φ₁², φ₂²) / (E φ₁² E φ₂²).
    slope, slope_square : ndarray of shape (samples, samples)
        The same of φ', but for the mean, which the last has in it.
    """

    product: Array
    square: Array
    slope: Array
    slope_square: Array


def sites(phi: Nonlinearity, log_q: Array) -> Sites:
    """Return the moments of `phi` at many variances.

    Parameters
    ----------
    phi : Nonlinearity
        The activation.
    log_q : ndarray
        Logarithms of variances; minus infinity where the input is always 0.

    Returns
    -------
    Sites
        Arrays of the shape of `log_q`.
    """
    silent = np.isneginf(log_q)
    found = _scaled(phi, log_q) if scales(phi) else _interpolated(phi, log_q)
    if silent.any():
        at_zero = _fields(moments(phi, -math.inf))
        found = [np.where(silent, z, f) for z, f in zip(at_zero, found, strict=True)]
    return Sites(*found)


def pairs(phi: Nonlinearity, log_q: Array, c: Array) -> Pairs:
    """Return the moments of `phi` at all pairs of samples.

    Parameters
    ----------
    phi : Nonlinearity
        The activation.
    log_q : ndarray of shape (samples,)
        Logarithms of variances.
    c : ndarray of shape (samples, samples)
        Correlations.

    Returns
    -------
    Pairs
        Good to 1e-3 or so near correlations of 1 where φ or φ' has a kink or a jump, else better.
    """
    if scales(phi):
        return Pairs(*pairs_of_two_slopes(phi, c))
    knots, place, share = _between(phi, np.clip(log_q, -LOG_PAIRS, LOG_PAIRS))
    silent = np.isneginf(log_q)
    share = share[:, None]
    rest = 1 - share
    powers = np.empty((_DEGREE + 2, *c.shape))
    powers[0] = 1.0
    for k in range(1, _DEGREE + 1):
        np.multiply(powers[k - 1], c, out=powers[k])
    powers[-1] = powers[_DEGREE] ** 2
    found = []
    for which in range(4):
        low = np.stack([knot.coefficients[which] for knot in knots])
        a = rest * low[place] + share * low[place + 1]
        # Between knots, coefficients are as large together as their squares say.
        total = (rest * low[place] ** 2 + share * low[place + 1] ** 2).sum(axis=1)
        a *= np.sqrt(total / np.maximum((a * a).sum(axis=1), 1e-300))[:, None]
        if silent.any():
            a[silent] = 0.0
            a[silent, 0] = 1.0
        found.append(np.einsum("ik,jk,kij->ij", a, a, powers))
    product, square, slope, slope_square = found
    return Pairs(product, square - 1, slope, slope_square)


@dataclass(frozen=True)
class _Knot:
    numbers: Array
    """The fields of `Sites`."""
    coefficients: Array
    """Of φ, φ², φ' and φ'², each over its root mean square or its mean: shape (4, degree + 2).
    The last is what is left."""


# Layers of one network, and of the networks that are compared, ask for the same ones.
@lru_cache(maxsize=2048)
def _knot(phi: Nonlinearity, index: int) -> _Knot:
    log_q = index * _KNOT
    found = moments(phi, log_q)
    z, weights, y, slope = quadrature(phi, math.exp(log_q))
    h = _hermite(z)
    with np.errstate(all="ignore"):
        functions = [y, y * y]
        functions += [np.zeros_like(y)] * 2 if slope is None else [slope, slope * slope]
        norms = [_root((weights * y * y).sum()), float((weights * y * y).sum())]
        norms += [1.0, 1.0] if slope is None else [_root(s := (weights * slope**2).sum()), float(s)]
        rows = [
            _coefficients(h, weights, f / norm if norm > 0 else np.ones_like(f))
            for f, norm in zip(functions, norms, strict=True)
        ]
    return _Knot(np.array(_fields(found)), np.nan_to_num(np.stack(rows)))


def _root(value: float) -> float:
    return math.sqrt(value)


def _coefficients(h: Array, weights: Array, f: Array) -> Array:
    a = h @ (weights * f)
    left = float((weights * f * f).sum()) - float(a @ a)
    return np.append(a, math.sqrt(max(left, 0.0)) if math.isfinite(left) else 0.0)


@lru_cache(maxsize=8)
def _hermite_of(data: bytes) -> Array:
    z = np.frombuffer(data)
    h = np.empty((_DEGREE + 1, z.size))
    h[0], h[1] = 1.0, z
    for k in range(1, _DEGREE):
        h[k + 1] = (z * h[k] - math.sqrt(k) * h[k - 1]) / math.sqrt(k + 1)
    return h


def _hermite(z: Array) -> Array:
    return _hermite_of(z.tobytes())


def _fields(found: Moments) -> list[float]:
    return [getattr(found, name) for name in Sites.__dataclass_fields__]


def _scaled(phi: Nonlinearity, log_q: Array) -> list[Array]:
    one = moments(phi, 0.0)
    found = [np.full(log_q.shape, value) for value in _fields(one)]
    with np.errstate(over="ignore"):
        found[0] = one.mean * np.exp(log_q / 2)
    found[1] = one.log_square + log_q
    return found


def _between(phi: Nonlinearity, log_q: Array) -> tuple[list[_Knot], NDArray[np.int64], Array]:
    """Return the knots around each of `log_q`: a list, the place of the lower one, the way on."""
    exact = log_q / _KNOT
    index = np.floor(exact).astype(np.int64)
    needed = np.unique(np.concatenate([index.ravel(), index.ravel() + 1]))
    return [_knot(phi, int(i)) for i in needed], np.searchsorted(needed, index), exact - index


def _interpolated(phi: Nonlinearity, log_q: Array) -> list[Array]:
    inside = np.clip(log_q, -LOG_LIMIT, LOG_LIMIT)
    knots, place, share = _between(phi, inside)
    numbers = np.stack([knot.numbers for knot in knots], axis=1)
    low, high = numbers[:, place], numbers[:, place + 1]
    with np.errstate(invalid="ignore"):
        found = list((1 - share) * low + share * high)
        # Logarithms of the moments, by their slopes too.
        for value, slope in ((1, 2), (5, 6)):
            found[value] = _cubic(low[value], high[value], low[slope], high[slope], share)
            found[value] += np.where(log_q == inside, 0.0, (log_q - inside) * found[slope])
    beyond = np.where(np.isneginf(log_q), 0.0, log_q - inside)
    found[0] = found[0] * np.exp(np.minimum(beyond * found[2] / 2, 700.0))
    return found


def _cubic(low: Array, high: Array, rise: Array, end: Array, share: Array) -> Array:
    """Return the cubic between two knots with given values and slopes."""
    rest = 1 - share
    straight = rest * low + share * high
    step = high - low
    bend = rest * (_KNOT * rise - step) - share * (_KNOT * end - step)
    return np.where(np.isfinite(step), straight + share * rest * bend, straight)
