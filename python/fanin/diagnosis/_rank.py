"""How much of a matrix lies in its first few directions, without all of its singular values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.initializers import RandomNormal
from fanin.random import Stream

Array = NDArray[Any]

_SPARE = 2
"""Directions beyond those asked for: with them four rounds are enough (Halko et al. 2011)."""
_ROUNDS = 4


def leading_share(matrix: Array, count: int) -> float:
    """Return the share of a matrix's square sum that its first directions hold.

    Parameters
    ----------
    matrix : ndarray of shape (inputs, units)
        A kernel.
    count : int
        How many directions.

    Returns
    -------
    float
        The sum of the `count` largest squared singular values by that of all, by a subspace
        iteration [1]_: some passes over the matrix. NaN of what is zero or not finite. A sum of the
        largest is never too large, so that a high share is one.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Review
       53, 2011, algorithm 4.4.

    Examples
    --------
    >>> round(leading_share(np.outer([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 2.0, 0.5]), 1), 6)
    1.0
    >>> round(leading_share(np.eye(8), 2), 6)
    0.25
    """
    total = float(np.vdot(matrix, matrix))
    if not (np.isfinite(total) and total > 0):
        return float("nan")
    width = min(count + _SPARE, *matrix.shape)
    block = RandomNormal(0.0, 1.0)((matrix.shape[1], width), matrix.dtype, rng=Stream(0, "rank"))
    for _ in range(_ROUNDS):
        block = np.linalg.qr(matrix.T @ (matrix @ block))[0]
    values = np.linalg.svd((matrix @ block).astype(np.float64), compute_uv=False)
    return min(1.0, float(np.square(values[:count]).sum()) / total)
