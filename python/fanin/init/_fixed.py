"""Functions that draw nothing: constants, identities."""

from typing import Any, TypeVar

import numpy as np

from fanin._checks import found, integer, number
from fanin.frameworks._memory import was_written, writeable

T = TypeVar("T")


def constant_(tensor: T, val: float) -> T:
    """Fill a tensor with one value.

    Parameters
    ----------
    tensor : array
        Filled in place.
    val : float
        The value; an array of integers takes whole numbers only. Infinity is one, as in torch.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of numbers.
    ValueError
        If it cannot be written to, or cannot hold `val`; it is not touched.

    Examples
    --------
    >>> constant_(np.empty(3), 0.3)
    array([0.3, 0.3, 0.3])
    """
    view = numbers(tensor)
    # NumPy makes an object of a whole number beyond 64 bits.
    large = type(val) is int and not -(2**63) <= val < 2**64
    try:
        value = np.asarray(number("val", val) if large else val)
    except (RuntimeError, ValueError):  # of what cannot be read, as a tensor on a GPU
        value = np.asarray(None)
    if value.ndim or value.dtype.kind not in "iubf":
        raise TypeError(f"val: expected a number, found {found(val)}")
    with np.errstate(over="ignore", invalid="ignore"):
        held = value.astype(view.dtype)
    overflown = np.isinf(held) and not np.isinf(value)
    if overflown or (view.dtype.kind in "iub" and not held == value):
        raise ValueError(f"val: expected a value that {view.dtype} holds, found {found(val)}")
    view[...] = held
    was_written(tensor)
    return tensor


def ones_(tensor: T) -> T:
    """Fill a tensor with 1.

    Parameters
    ----------
    tensor : array
        Filled in place.

    Returns
    -------
    array
        `tensor`.

    Examples
    --------
    >>> ones_(np.empty(2))
    array([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: T) -> T:
    """Fill a tensor with 0.

    Parameters
    ----------
    tensor : array
        Filled in place.

    Returns
    -------
    array
        `tensor`.

    Examples
    --------
    >>> zeros_(np.empty(2))
    array([0., 0.])
    """
    return constant_(tensor, 0.0)


def eye_(tensor: T) -> T:
    """Fill a matrix with the identity: a linear layer passes as many inputs on as it can.

    Parameters
    ----------
    tensor : array of 2 dimensions
        Filled in place.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    ValueError
        If it has another number of dimensions.

    Examples
    --------
    >>> eye_(np.empty((2, 3)))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    view = numbers(tensor)
    if view.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    view[...] = 0
    np.einsum("ii->i", view[: min(view.shape), : min(view.shape)])[...] = 1
    was_written(tensor)
    return tensor


def dirac_(tensor: T, groups: int = 1) -> T:
    """Fill a kernel so that a convolution passes as many channels on as it can.

    Parameters
    ----------
    tensor : array of 3, 4 or 5 dimensions (out, in, ...)
        Filled in place.
    groups : int, default 1
        Groups of the convolution.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    ValueError
        If it has another number of dimensions, or `groups` does not divide the first.

    Examples
    --------
    >>> dirac_(np.empty((2, 2, 3)))[:, :, 1]
    array([[1., 0.],
           [0., 1.]])
    """
    view = numbers(tensor)
    if view.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    groups = integer("groups", groups, minimum=1)
    if view.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    outputs = view.shape[0] // groups
    passed = np.arange(min(outputs, view.shape[1]))
    centre = tuple(size // 2 for size in view.shape[2:])
    view[...] = 0
    for first in range(0, view.shape[0] if view.size else 0, max(outputs, 1)):
        view[(first + passed, passed, *centre)] = 1
    was_written(tensor)
    return tensor


def numbers(tensor: Any) -> np.ndarray[Any, Any]:
    """Return the memory of a tensor of numbers."""
    view = writeable("tensor", tensor)
    if view.dtype.kind not in "iubf" and view.dtype.name != "bfloat16":
        raise TypeError(f"tensor: expected an array of numbers, found {view.dtype}")
    return view
