"""Integrals against a Gaussian: adaptive where accuracy is promised, fixed where speed is."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fanin.theory.nonlinearity import Nonlinearity

Array = NDArray[np.float64]
Integrand = Callable[[Array, Array], Array]
"""Of nodes, shape (pieces, nodes), and of the pieces' half widths: values at the nodes."""

_REACH = 16.0
"""Beyond so many standard deviations the density is under 1e-56."""

_ROUNDS = 60
_MOST_PIECES = 1 << 15


def _kronrod(order: int) -> tuple[Array, Array, Array]:
    """Return nodes and weights of Gauss's rule of `order` and of a rule that contains it.

    The larger rule interpolates through Gauss's nodes and one between each two of them (Kronrod's
    places would gain a few orders; these are as good for halving, and need no table).
    """
    gauss, weights = np.polynomial.legendre.leggauss(order)
    between = np.cos((np.arccos(np.r_[-1.0, gauss]) + np.arccos(np.r_[gauss, 1.0])) / 2)
    nodes = np.sort(np.r_[gauss, between])
    # Weights that integrate each Legendre polynomial exactly: 2 for the first, 0 for the others.
    vander = np.polynomial.legendre.legvander(nodes, len(nodes) - 1)
    moments = np.zeros(len(nodes))
    moments[0] = 2.0
    fine = np.linalg.solve(vander.T, moments)
    coarse = np.zeros(len(nodes))
    coarse[np.searchsorted(nodes, gauss - 1e-12)] = weights
    return np.asarray(nodes), np.asarray(fine, dtype=np.float64), coarse


_NODES, _FINE, _COARSE = _kronrod(10)


def differentiation(nodes: Array) -> Array:
    """Return the matrix that takes values at `nodes` to the derivative of their interpolant."""
    gaps = nodes[:, None] - nodes[None, :]
    np.fill_diagonal(gaps, 1.0)
    weights = 1 / gaps.prod(axis=1)
    matrix = weights[None, :] / weights[:, None] / gaps
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return np.asarray(matrix)


_DERIVATIVE = differentiation(_NODES)


def slope_at(phi: Nonlinearity, x: Array, half: Array, matrix: Array | None = None) -> Array:
    """Return φ' at the nodes of smooth pieces: exactly, or from the values on each piece."""
    if phi.slope is not None:
        return phi.slope(x)
    rise = phi.value(x) @ (_DERIVATIVE if matrix is None else matrix).T
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
        near = 2.0**steps / std
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
        fine, coarse = half * (y @ _FINE), half * (y @ _COARSE)
        error = np.abs(fine - coarse)
        scale = total + float(np.abs(fine).sum())
        # Pieces share the tolerance; those narrower than rounding can tell apart are done.
        small = error <= np.maximum(tolerance * scale * 1e-3, 1e-300)
        narrow = half < 4e-15 * np.maximum(np.abs(left), 1e-3)
        done = small | narrow
        lost += float(error[done].sum())
        total += float(fine[done].sum())
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
        return integrand(std * z, std * half) * (np.exp(-z * z / 2) / math.sqrt(2 * math.pi))

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
