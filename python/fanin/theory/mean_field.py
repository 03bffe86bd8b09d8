"""The limit of infinite width: scale and similarity of signals from layer to layer."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks
from fanin.show.results import Result
from fanin.theory.moments import moments, pair_moments
from fanin.theory.nonlinearity import Nonlinearity, resolve

if TYPE_CHECKING:
    from fanin.typing import NonlinearityLike

Array = NDArray[np.float64]

_LOWEST, _HIGHEST = math.log(1e-8), math.log(1e12)
_FLAT = 1e-9
_CRITICAL = 1e-6


@dataclass(frozen=True, repr=False)
class FixedPoint(Result):
    """A second moment of pre-activations that a layer leaves as it is.

    Parameters
    ----------
    q : float
        The second moment.
    stable : bool
        Whether the moments near it come nearer.
    """

    q: float
    stable: bool


@dataclass(frozen=True, repr=False)
class MeanField(Result):
    """What infinitely wide layers of one kind do to signals and gradients [1]_, [2]_.

    Parameters
    ----------
    activation : str
        Name of the activation.
    sigma_w2, sigma_b2 : float
        Variance of a weight times the fan-in, and of a bias.
    fixed_points : tuple of FixedPoint
        Those between 1e-8 and 1e12, and 0 where it is one, in order; empty where every moment is
        one.
    every_point_fixed : bool
        Whether any second moment stays as it is, as for ReLU with ``sigma_w2=2``.
    q_star : float
        Where the second moment goes from the one that was given: 0, a fixed point or infinity.
    chi : float
        χ = σw² E φ'(√q* z)²: factor of a gradient's second moment in a layer of equal width.
    phase : str
        "ordered" (χ < 1: gradients vanish, inputs become alike), "critical", or "chaotic" (χ > 1:
        gradients explode).
    c_star : float
        Where the correlation of two inputs goes; NaN where the signal itself has no limit.
    xi_q, xi_c : float
        Depth scales: in so many layers the distance from `q_star`, and of the correlation from
        `c_star`, shrinks by e. Infinite where it does not, or slower than any exponential.

    References
    ----------
    .. [1] B. Poole et al., "Exponential expressivity in deep neural networks through transient
       chaos", NeurIPS 2016, arXiv:1606.05340.
    .. [2] S. Schoenholz et al., "Deep information propagation", ICLR 2017, arXiv:1611.01232.
    """

    activation: str
    sigma_w2: float
    sigma_b2: float
    fixed_points: tuple[FixedPoint, ...]
    every_point_fixed: bool
    q_star: float
    chi: float
    phase: str
    c_star: float
    xi_q: float
    xi_c: float

    def _says(self) -> str:
        return str(self)

    def __str__(self) -> str:
        where = f"{self.activation}, sigma_w2 = {self.sigma_w2:g}, sigma_b2 = {self.sigma_b2:g}"
        if self.every_point_fixed:
            signal = "every scale of the signal stays as it is"
        elif self.q_star == math.inf:
            signal = "the signal grows without bound"
        elif self.q_star == 0:
            signal = "the signal goes to 0"
        else:
            signal = f"the signal's second moment goes to q* = {self.q_star:.4g}"
        return f"{where}: {signal}; chi = {self.chi:.4g}, {self.phase}"


def mean_field(
    activation: "NonlinearityLike | None",
    sigma_w2: float,
    sigma_b2: float = 0.0,
    *,
    q: float = 1.0,
    **params: float,
) -> MeanField:
    """Find fixed points, phase and depth scales of an activation and a scale of weights.

    Parameters
    ----------
    activation : str, callable, dict, layer or None
        As for `fanin.gain`.
    sigma_w2 : float
        Variance of a weight times the fan-in.
    sigma_b2 : float, default 0.0
        Variance of a bias.
    q : float, default 1.0
        Second moment of the pre-activations to start from: where there are several fixed points it
        says which one is reached.
    **params
        Options of a named activation.

    Returns
    -------
    MeanField

    Raises
    ------
    ValueError
        If a variance is negative or not finite, or as for `fanin.gain`.

    Examples
    --------
    >>> print(mean_field("relu", 2.0))
    relu, sigma_w2 = 2, sigma_b2 = 0: every scale of the signal stays as it is; chi = 1, critical
    >>> found = mean_field("tanh", 1.5, 0.05)
    >>> round(found.q_star, 3), round(found.chi, 4), found.phase
    (0.418, 0.9386, 'ordered')
    """
    phi = resolve(activation, None, **params)
    w, b = _variances(sigma_w2, sigma_b2)
    start = _checks.number("q", q, above=0.0)
    points, flat = _fixed_points(phi, w, b)
    target = start if flat else _reached(phi, w, b, points, start)
    # The limits at 0 and infinity are those of a very small and a very large signal.
    log_q = min(max(_log(target), -130.0), 130.0)
    found = moments(phi, log_q)
    chi = w * _exp(found.log_slope)
    at_rest = b == 0 and target == 0 and found.elasticity > 0
    pull = w * _exp(found.log_square - log_q) * found.elasticity if target > 0 or at_rest else 0.0
    if target == math.inf:
        pull = 1.0
    c_star, xi_c = _correlation_limit(phi, w, b, target, flat)
    return MeanField(
        activation=phi.name,
        sigma_w2=w,
        sigma_b2=b,
        fixed_points=points,
        every_point_fixed=flat,
        q_star=target,
        chi=chi,
        phase=phase(chi),
        c_star=c_star,
        xi_q=_depth_scale(pull),
        xi_c=xi_c,
    )


def susceptibilities(
    phi: Nonlinearity, sigma_w2: Array, sigma_b2: Array, start: float = 1.0
) -> Array:
    """Return χ for many scales at once, from one table of the activation's moments.

    Parameters
    ----------
    phi : Nonlinearity
        The activation.
    sigma_w2, sigma_b2 : ndarray of shape (n,)
        The scales, in pairs.
    start : float, default 1.0
        Second moment that signals start from.

    Returns
    -------
    ndarray of shape (n,)
        As `mean_field` gives it, with q* interpolated: good to about 1e-4.
    """
    log_q = np.linspace(-130.0, 130.0, 261)
    # Fine where signals usually are, so that a straight line between two places will do.
    log_q = np.unique(np.r_[log_q, np.linspace(_LOWEST / 2, -_LOWEST / 2, 521), math.log(start)])
    found = [moments(phi, float(t)) for t in log_q]
    squares = np.array([m.log_square for m in found])
    slopes = np.array([m.log_slope for m in found])
    origin = int(np.searchsorted(log_q, math.log(start)))
    chi = np.empty(len(sigma_w2))
    for k, (w, b) in enumerate(zip(sigma_w2, sigma_b2, strict=True)):
        growth = np.logaddexp(_log(w) + squares, _log(b)) - log_q
        chi[k] = w * _exp(_slope_reached(log_q, growth, slopes, origin))
    return chi


def _slope_reached(log_q: Array, growth: Array, slopes: Array, origin: int) -> float:
    """Walk from `origin` the way the signal goes, and return log E φ'² where it stops."""
    if abs(growth[origin]) < _FLAT:
        return float(slopes[origin])
    way = 1 if growth[origin] > 0 else -1
    path = np.arange(origin, len(log_q) if way > 0 else -1, way)
    over = np.flatnonzero(np.sign(growth[path]) != way)
    if not over.size:
        return float(slopes[path[-1]])
    there, here = path[over[0]], path[over[0] - 1]
    share = growth[here] / (growth[here] - growth[there])
    return float(slopes[here] + share * (slopes[there] - slopes[here]))


def phase(chi: float) -> str:
    """Name the phase that a gradient factor χ means."""
    if math.isnan(chi):
        return "undefined"
    if abs(chi - 1) < _CRITICAL:
        return "critical"
    return "ordered" if chi < 1 else "chaotic"


def length_map(
    activation: "NonlinearityLike | None",
    q: ArrayLike,
    sigma_w2: float,
    sigma_b2: float = 0.0,
    **params: float,
) -> Array:
    """Return the second moment of the next layer's pre-activations, ``σw² E φ(√q z)² + σb²``.

    Parameters
    ----------
    activation : str, callable, dict, layer or None
        As for `fanin.gain`.
    q : array_like
        Second moments of this layer's pre-activations, 0 or more.
    sigma_w2 : float
        Variance of a weight times the fan-in.
    sigma_b2 : float, default 0.0
        Variance of a bias.
    **params
        Options of a named activation.

    Returns
    -------
    ndarray of the shape of `q`
        The second moments one layer on.

    Raises
    ------
    ValueError
        If a moment or a variance is negative or not finite.

    Examples
    --------
    >>> length_map("relu", [1.0, 4.0], 2.0).round(9)
    array([1., 4.])
    """
    phi = resolve(activation, None, **params)
    w, b = _variances(sigma_w2, sigma_b2)
    values = _between("q", q, 0.0, np.finfo(np.float64).max)
    found = [w * _exp(moments(phi, _log(float(v))).log_square) + b for v in values.flat]
    return np.array(found).reshape(values.shape)


def correlation_map(
    activation: "NonlinearityLike | None",
    c: ArrayLike,
    sigma_w2: float,
    sigma_b2: float = 0.0,
    *,
    q: float | None = None,
    **params: float,
) -> Array:
    """Return the correlation of two inputs' pre-activations in the next layer.

    ``(σw² E φ(x₁)φ(x₂) + σb²) / (σw² E φ(x₁)² + σb²)`` where x₁ and x₂ have variance q and
    correlation c.

    Parameters
    ----------
    activation : str, callable, dict, layer or None
        As for `fanin.gain`.
    c : array_like
        Correlations in this layer, from −1 to 1.
    sigma_w2 : float
        Variance of a weight times the fan-in.
    sigma_b2 : float, default 0.0
        Variance of a bias.
    q : float, optional
        Second moment of this layer's pre-activations; the fixed point reached from 1 if None.
    **params
        Options of a named activation.

    Returns
    -------
    ndarray of the shape of `c`
        The correlations one layer on.

    Raises
    ------
    ValueError
        If a correlation is not one, or a variance is negative or not finite.

    Examples
    --------
    >>> correlation_map("relu", [0.0, 1.0], 2.0).round(6)
    array([0.31831, 1.     ])
    """
    phi = resolve(activation, None, **params)
    w, b = _variances(sigma_w2, sigma_b2)
    values = _between("c", c, -1.0, 1.0)
    if q is None:
        target = mean_field(phi, w, b).q_star
        log_q = min(max(_log(target), -130.0), 130.0)
    else:
        log_q = math.log(_checks.number("q", q, above=0.0))
    found = [_correlation_step(phi, w, b, log_q, float(v))[0] for v in values.flat]
    return np.array(found).reshape(values.shape)


def critical_sigma_w2(
    activation: "NonlinearityLike | None", sigma_b2: float = 0.0, **params: float
) -> float:
    """Return the scale of weights at which χ = 1: the edge of chaos.

    Parameters
    ----------
    activation : str, callable, dict, layer or None
        As for `fanin.gain`.
    sigma_b2 : float, default 0.0
        Variance of a bias.
    **params
        Options of a named activation.

    Returns
    -------
    float
        σw², for signals that start at a second moment of 1. Where χ passes 1 more than once, the
        smallest; for functions with several fixed points, such as GELU, χ may pass 1 in a jump.

    Raises
    ------
    ValueError
        If there is none up to 1e4.

    Examples
    --------
    >>> round(critical_sigma_w2("relu"), 6), round(critical_sigma_w2("tanh"), 3)
    (2.0, 1.0)
    >>> round(critical_sigma_w2("tanh", 0.05), 3)
    1.761
    """
    phi = resolve(activation, None, **params)
    _, b = _variances(1.0, sigma_b2)

    def above(w: float) -> float:
        points, flat = _fixed_points(phi, w, b)
        target = 1.0 if flat else _reached(phi, w, b, points, 1.0)
        return w * _exp(moments(phi, min(max(_log(target), -130.0), 130.0)).log_slope) - 1

    scales = np.geomspace(1e-2, 1e4, 301)
    chaotic = np.flatnonzero(susceptibilities(phi, scales, np.full(301, b)) >= 1)
    if chaotic.size and chaotic[0]:
        last = min(int(chaotic[0]) + 1, 300)
        return _bisect(above, float(scales[chaotic[0] - 1]), float(scales[last]), 30)
    raise ValueError(
        f"activation: expected one whose chi passes 1 below sigma_w2 = 1e4 at sigma_b2 = {b:g}, "
        f"found {phi.name!r}"
    )


def _growth(phi: Nonlinearity, w: float, b: float, log_q: float) -> float:
    """Return the logarithm of the next second moment over this one."""
    return _log(w * _exp(moments(phi, log_q).log_square - log_q) + b * _exp(-log_q))


def _fixed_points(phi: Nonlinearity, w: float, b: float) -> tuple[tuple[FixedPoint, ...], bool]:
    grid = np.linspace(_LOWEST, _HIGHEST, 93)
    growth = np.array([_growth(phi, w, b, float(t)) for t in grid])
    if (np.abs(growth) < _FLAT).all():
        return (), True
    points = []
    if b == 0 and (w == 0 or moments(phi, -math.inf).log_square == -math.inf):
        points.append(FixedPoint(0.0, bool(growth[0] < 0)))
    for i in np.flatnonzero((growth[:-1] > 0) != (growth[1:] > 0)):
        root = _bisect(lambda t: _growth(phi, w, b, t), float(grid[i]), float(grid[i + 1]))
        points.append(FixedPoint(math.exp(root), bool(growth[i] > 0)))
    return tuple(points), False


def _reached(
    phi: Nonlinearity, w: float, b: float, points: tuple[FixedPoint, ...], start: float
) -> float:
    """Return the fixed point that a signal of second moment `start` goes to."""
    growth = _growth(phi, w, b, _log(start))
    if abs(growth) < _FLAT:
        return start
    if growth > 0:
        return next((p.q for p in points if p.q > start), math.inf)
    return next((p.q for p in reversed(points) if p.q < start), 0.0)


def _correlation_step(
    phi: Nonlinearity, w: float, b: float, log_q: float, c: float, step: float = 1.0
) -> tuple[float, float]:
    """Return the next layer's correlation and how fast it changes with this one."""
    one, two = moments(phi, log_q), pair_moments(phi, log_q, c, step)
    signal = w * _exp(one.log_square)
    total = signal + b
    if total == 0:
        return 1.0, 0.0
    rate = w * _exp(one.log_slope + log_q) * two.slope / total
    return (signal * two.product + b) / total, rate


def _correlation_limit(
    phi: Nonlinearity, w: float, b: float, target: float, flat: bool
) -> tuple[float, float]:
    """Return where the correlation goes, and on what scale of depth."""
    if not (flat or 0 < target < math.inf):
        return math.nan, math.nan
    log_q = math.log(target)
    rate = _correlation_step(phi, w, b, log_q, 1.0)[1]
    if not rate > 1 + _CRITICAL:
        return 1.0, _depth_scale(rate)

    def above(c: float) -> float:
        return _correlation_step(phi, w, b, log_q, c, step=2.0)[0] - c

    # Just under 1 the map is below the diagonal, at -1 above it.
    c = _bisect(above, -1.0, 1 - 1e-9)
    return c, _depth_scale(abs(_correlation_step(phi, w, b, log_q, c)[1]))


def _depth_scale(rate: float) -> float:
    if math.isnan(rate):
        return math.nan
    if rate <= 0:
        return 0.0
    return math.inf if rate >= 1 - _CRITICAL else -1 / math.log(rate)


def _bisect(function: Any, low: float, high: float, halvings: int = 48) -> float:
    """Halve an interval at whose ends `function` has different signs."""
    sign = function(low) > 0
    for _ in range(halvings):
        middle = (low + high) / 2
        if (function(middle) > 0) == sign:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _variances(sigma_w2: object, sigma_b2: object) -> tuple[float, float]:
    return (
        _checks.number("sigma_w2", sigma_w2, at_least=0.0),
        _checks.number("sigma_b2", sigma_b2, at_least=0.0),
    )


def _between(name: str, values: ArrayLike, low: float, high: float) -> Array:
    array = _checks.numeric(name, values).astype(np.float64)
    outside = ~((array >= low) & (array <= high))
    if outside.any():
        raise ValueError(
            f"{name}: expected numbers from {low:g} to {high:g}, found {array[outside].flat[0]:g}"
        )
    return array


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf
