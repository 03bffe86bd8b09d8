"""Integrals against a Gaussian: adaptive where accuracy is promised, fixed where speed is.

Gains end in weights, so the adaptive ones have the same bits on every machine: exponentials of the
core, sums in order or rounded once (`math.fsum`), nothing that NumPy adds up.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin.theory.nonlinearity import Nonlinearity

Array = NDArray[np.float64]
Integrand = Callable[[Array, Array], Array]
"""Of nodes, shape (pieces, nodes), and of the pieces' half widths: values at the nodes."""

_REACH = 16.0
"""Beyond so many standard deviations the density is under 1e-56."""

_ROUNDS = 60
_MOST_PIECES = 1 << 15


# A rule that contains Gauss's of order 10: its nodes, and one between each two of them, in the
# middle of their angles (Kronrod's places would gain a few orders; these are as good for halving).
# Digits instead of a computation, which would end in NumPy's linear algebra, whose last bits are
# those of the machine. scripts/quadrature_nodes.py prints them: node, weight, weight in Gauss's.
_HALF = (
    (0.0, 0.1502519037281995, 0.0),
    (0.14887433898163122, 0.1469280596012548, 0.29552422471475287),
    (0.2944150802116544, 0.1436513090364439, 0.0),
    (0.4333953941292472, 0.13371669415563195, 0.26926671930999635),
    (0.5626661061381516, 0.1244593527106057, 0.0),
    (0.6794095682990244, 0.10841178055838696, 0.21908636251598204),
    (0.7809074047107348, 0.09448533952189234, 0.0),
    (0.8650633666889845, 0.07304251827819626, 0.1494513491505806),
    (0.9296877928973983, 0.056836158950202414, 0.0),
    (0.9739065285171717, 0.029057523989818097, 0.06667134430868814),
    (0.9934552150241026, 0.014285311333467816, 0.0),
)
_RULE = np.array([(-x, *weights) for x, *weights in _HALF[:0:-1]] + [*_HALF])
_NODES, _FINE, _COARSE = (np.ascontiguousarray(column) for column in _RULE.T)


def combine(values: Array, weights: Array) -> Array:
    """Return ``values @ weights``, its terms added in their order on every machine."""
    total: Array = values[..., 0, None] * weights[0]
    for j in range(1, len(weights)):
        total += values[..., j, None] * weights[j]
    return total


_WEIGHTS = np.stack([_FINE, _COARSE], axis=1)


def differentiation(nodes: Array) -> Array:
    """Return the matrix that takes values at `nodes` to the derivative of their interpolant."""
    gaps = nodes[:, None] - nodes[None, :]
    np.fill_diagonal(gaps, 1.0)
    weights = 1 / np.array([math.prod(row) for row in gaps.tolist()])
    matrix = weights[None, :] / weights[:, None] / gaps
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, [-math.fsum(row) for row in matrix])
    return np.asarray(matrix)


_DERIVATIVE = differentiation(_NODES)


def slope_at(phi: Nonlinearity, x: Array, half: Array, matrix: Array | None = None) -> Array:
    """Return φ' at the nodes of smooth pieces: exactly, or from the values on each piece."""
    if phi.slope is not None:
        return phi.slope(x)
    rise = combine(phi.value(x), (_DERIVATIVE if matrix is None else matrix).T)
    # A piece of no width weighs nothing.
    return np.asarray(
        np.divide(rise, half[..., None], out=np.zeros_like(rise), where=half[..., None] > 0)
    )


def starting_edges(q: float, bends: tuple[float, ...]) -> Array:
    """Return edges of pieces in units of the standard deviation √q.

    Pieces of width 1, cut at the bends, and finer towards 0 where √q is so large that all that
    happens does so near 0.
    """
    std = math.sqrt(q)
    places = [np.arange(-_REACH, _REACH + 1)]
    if std > 1:
        steps = np.arange(-1, math.ceil(math.log2(_REACH * std)) + 1)
        near = np.ldexp(1.0, steps) / std
        places += [near, -near]
    if std > 0 and bends:
        places.append(np.asarray(bends) / std)
    edges = np.unique(np.concatenate(places))
    return np.asarray(edges[np.abs(edges) <= _REACH])


def integrate(integrand: Integrand, edges: Array, tolerance: float, what: str) -> float:
    """Integrate by halving pieces until the error is small.

    Parameters
    ----------
    integrand : callable
        Of nodes of shape (pieces, nodes) and half widths of shape (pieces,).
    edges : ndarray
        Edges of the first pieces, in order.
    tolerance : float
        Relative error.
    what : str
        What is integrated, for messages.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the integrand is not finite, does not fall off at the ends, or the pieces get too many.
    """
    left, right = edges[:-1], edges[1:]
    total, lost = 0.0, 0.0
    for _ in range(_ROUNDS):
        half = (right - left) / 2
        y = integrand(((left + right) / 2)[:, None] + half[:, None] * _NODES, half)
        if not np.isfinite(y).all():
            raise ValueError(f"{what} is not finite")
        fine, coarse = (half[:, None] * combine(y, _WEIGHTS)).T
        error = np.abs(fine - coarse)
        scale = total + math.fsum(np.abs(fine))
        # Pieces share the tolerance; those narrower than rounding can tell apart are done.
        small = error <= np.maximum(tolerance * scale * 1e-3, 1e-300)
        narrow = half < 4e-15 * np.maximum(np.abs(left), 1e-3)
        done = small | narrow
        lost += math.fsum(error[done])
        total += math.fsum(fine[done])
        left, right = left[~done], right[~done]
        if not left.size:
            if lost > tolerance * max(abs(total), 1e-300):
                break
            return total
        if left.size > _MOST_PIECES:
            break
        middle = (left + right) / 2
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    raise ValueError(f"{what} does not converge: the integral cannot be found to {tolerance:g}")


def expectation(
    integrand: Integrand,
    q: float = 1.0,
    *,
    bends: tuple[float, ...] = (),
    tolerance: float = 1e-11,
    what: str = "the expectation",
) -> float:
    """Return the mean of a function of a Gaussian variable of mean 0 and variance `q`.

    Parameters
    ----------
    integrand : callable
        Function of x (shape (pieces, nodes)) and of the half widths of the pieces.
    q : float, default 1.0
        Variance of x.
    bends : tuple of float
        Where the function is not smooth.
    tolerance : float
        Relative error.
    what : str
        What it is, for messages.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it does not converge.

    Examples
    --------
    >>> round(expectation(lambda x, half: x**4), 9)
    3.0
    """
    std = math.sqrt(q)

    def weighted(z: Array, half: Array) -> Array:
        density = _core.elementary("exp", -z * z / 2) / math.sqrt(2 * math.pi)
        return integrand(std * z, std * half) * density

    edges = starting_edges(q, bends)
    total = integrate(weighted, edges, tolerance, what)
    half = np.full(2, 1e-3)
    tails = np.abs(weighted(np.array([[-_REACH], [_REACH]]) + 1e-3 * _NODES, half)).max()
    if not tails <= 1e-3 * tolerance * max(abs(total), 1e-300):
        raise ValueError(f"{what} does not exist: the function grows too fast for a Gaussian")
    return total


_GAUSS, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(12)
GAUSS_DERIVATIVE = differentiation(_GAUSS)


def pieces(edges: Array) -> tuple[Array, Array, Array]:
    """Lay 12 of Gauss's nodes into each piece.

    Parameters
    ----------
    edges : ndarray of shape (..., pieces + 1)
        Edges in order.

    Returns
    -------
    nodes, weights : ndarray of shape (..., pieces, 12)
    half : ndarray of shape (..., pieces)
        Half widths.
    """
    half = np.diff(edges) / 2
    middle = (edges[..., 1:] + edges[..., :-1]) / 2
    return (
        middle[..., None] + half[..., None] * _GAUSS,
        half[..., None] * _GAUSS_WEIGHTS,
        half,
    )
