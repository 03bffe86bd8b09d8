"""Initializers without anything random."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fanin import _core
from fanin.errors import ShapeError
from fanin.initializers._base import (
    Array,
    Initializer,
    ShapeLike,
    checked_dtype,
    checked_number,
    checked_shape,
)
from fanin.random import Rng


class Constant(Initializer):
    """One value everywhere, or given values.

    Parameters
    ----------
    value : float or array-like, optional
        A finite number, or an array of finite numbers that broadcasts to the shape asked for.

    Raises
    ------
    ValueError
        If a value is not finite.

    Notes
    -----
    Weights that are all equal stay equal: every unit of the layer learns the same. Use it for
    biases.

    Examples
    --------
    >>> Constant(0.1)((2,), "float64")
    array([0.1, 0.1])
    """

    def __init__(self, value: float | npt.ArrayLike = 0.0) -> None:
        if np.ndim(value) == 0:
            self.value: float | Array = checked_number(value, "value")
        else:
            self.value = np.array(value, dtype=np.float64)
            if not np.isfinite(self.value).all():
                raise ValueError("value: expected finite numbers, found NaN or infinity")

    def __call__(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None = None, *, rng: Rng = None
    ) -> Array:
        """Return a new array of `shape`; `rng` is not needed."""
        sizes, name = checked_shape(shape), checked_dtype(dtype)
        if isinstance(self.value, float):
            return _core.constant(sizes, name, self.value)
        try:
            return np.array(np.broadcast_to(self.value, sizes), dtype=name)
        except ValueError:
            raise ShapeError(
                f"value: expected an array that broadcasts to {sizes}, found {self.value.shape}"
            ) from None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        return {"value": self.value if isinstance(self.value, float) else self.value.tolist()}


class Zeros(Initializer):
    """Zero everywhere.

    Notes
    -----
    The usual choice for biases. As weights of a hidden layer zeros keep all units equal, and a ReLU
    network does not learn at all.

    Examples
    --------
    >>> Zeros()((2, 2))
    array([[0., 0.],
           [0., 0.]], dtype=float32)
    """

    def __call__(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None = None, *, rng: Rng = None
    ) -> Array:
        """Return a new array of `shape`; `rng` is not needed."""
        return _core.constant(checked_shape(shape), checked_dtype(dtype), 0.0)


class Ones(Initializer):
    """One everywhere.

    Examples
    --------
    >>> Ones()(3)
    array([1., 1., 1.], dtype=float32)
    """

    def __call__(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None = None, *, rng: Rng = None
    ) -> Array:
        """Return a new array of `shape`; `rng` is not needed."""
        return _core.constant(checked_shape(shape), checked_dtype(dtype), 1.0)


class Identity(Initializer):
    """The identity matrix, times a gain; a matrix that is not square has its diagonal too.

    Parameters
    ----------
    gain : float, optional
        What the diagonal holds.

    Raises
    ------
    ShapeError
        When called for anything but 2 dimensions.

    Examples
    --------
    >>> Identity(0.5)((2, 3))
    array([[0.5, 0. , 0. ],
           [0. , 0.5, 0. ]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = checked_number(gain, "gain")

    def __call__(
        self, shape: ShapeLike, dtype: npt.DTypeLike | None = None, *, rng: Rng = None
    ) -> Array:
        """Return a new matrix of `shape`; `rng` is not needed."""
        return _core.identity(checked_shape(shape), checked_dtype(dtype), self.gain)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        return {"gain": self.gain}
