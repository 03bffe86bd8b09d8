"""Small helpers of scripts: one-hot targets, seeds, threads."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks
from fanin._absences import _absent
from fanin._checks import FloatArray
from fanin._core import get_num_threads, set_num_threads
from fanin._members._custom import (
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)
from fanin.losses import _targets
from fanin.random import set_random_seed

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "get_custom_objects",
    "get_num_threads",
    "normalize",
    "register_keras_serializable",
    "set_num_threads",
    "set_random_seed",
    "to_categorical",
]


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """Return integer classes as one-hot rows.

    Parameters
    ----------
    x : array_like of int
        Classes from 0; a last axis of length 1 is dropped.
    num_classes : int, optional
        Length of the rows; one more than the largest class if not given.

    Returns
    -------
    ndarray of shape (..., num_classes)
        Zeros, and a one at each class; float64 as in Keras.

    Raises
    ------
    ValueError
        If a class is negative, not an integer, or too large for `num_classes`.

    Examples
    --------
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    given = _checks.numeric("x", x)
    if given.size == 0:
        raise ValueError(f"x: expected some classes, found an empty array of shape {given.shape}")
    if given.dtype.kind == "f":
        whole = np.isfinite(given) & (given == np.floor(given))
        _targets.refuse_where("x", given, ~whole, "integer classes")
    if given.ndim > 1 and given.shape[-1] == 1:
        given = given[..., 0]
    length = int(given.max()) + 1
    if num_classes is not None:
        length = _checks.integer("num_classes", num_classes, minimum=1)
    _targets.refuse_where(
        "x", given, (given < 0) | (given >= length), f"classes from 0 to {length - 1}"
    )
    classes = given.astype(np.int64)
    rows = np.zeros((classes.size, length))
    rows[np.arange(classes.size), classes.reshape(-1)] = 1.0
    return rows.reshape(*classes.shape, length)


def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> FloatArray:
    """Return `x` divided by its norms along an axis; zeros stay zeros.

    Parameters
    ----------
    x : array_like
        The numbers.
    axis : int, default -1
        Along which to take norms.
    order : float, default 2
        Of the norm.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Examples
    --------
    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    array = _checks.numeric("x", x)
    power = _checks.number_or_infinity("order", order)
    norms = np.asarray(np.linalg.norm(array, power, _checks.axis_of(array, axis), keepdims=True))
    norms[norms == 0] = 1
    return np.asarray(array / norms)


_absent.guard(__name__)
