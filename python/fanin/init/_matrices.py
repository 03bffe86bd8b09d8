"""Random matrices: orthogonal, sparse."""

from typing import TypeVar

from fanin import initializers
from fanin._checks import number
from fanin.init._fill import drawn, floats
from fanin.random import Rng

T = TypeVar("T")


def orthogonal_(tensor: T, gain: float = 1, generator: Rng = None) -> T:
    """Fill a tensor with a random orthogonal matrix of ``shape[0]`` rows, times a gain [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions
        Filled in place. Rows are orthonormal, or columns where there are fewer of those.
    gain : float
        Factor.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, or cannot be written to.

    References
    ----------
    .. [1] A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
       learning in deep linear neural networks", ICLR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> q = orthogonal_(np.empty((3, 5)), generator=0)
    >>> bool(np.allclose(q @ q.T, np.eye(3)))
    True
    """
    view = floats(tensor)
    if view.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    made = initializers.Orthogonal(number("gain", gain), flatten="trailing")
    return drawn(tensor, view, made, generator)


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Rng = None) -> T:
    """Fill a matrix from N(0, std²), and set a share of each column to 0 [1]_.

    Parameters
    ----------
    tensor : array of 2 dimensions
        Filled in place.
    sparsity : float
        Share of each column, from 0 to 1, rounded up to whole elements.
    std : float
        Standard deviation of the others.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has another number of dimensions, or `sparsity` or `std` is out of range.

    References
    ----------
    .. [1] J. Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> w = sparse_(np.empty((50, 4)), 0.9, generator=0)
    >>> (w == 0).sum(axis=0)
    array([45, 45, 45, 45])
    """
    view = floats(tensor)
    if view.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return drawn(tensor, view, initializers.Sparse(sparsity, std), generator)
