"""Initializers without anything random."""

import math

import numpy as np
import numpy.typing as npt

from fanin import _core
from fanin._checks import floats, number
from fanin.errors import ShapeError
from fanin.initializers._arguments import Array, round_to
from fanin.initializers._base import FixedInitializer
from fanin.initializers._facts import Facts


class Constant(FixedInitializer):
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
        if not isinstance(value, list | tuple) and np.ndim(value) == 0:
            self.value: float | Array = number("value", value)
        else:
            self.value = np.array(floats("value", value, "float64"))

    def _config_value(self, name: str) -> object:
        return self.value if isinstance(self.value, float) else self.value.tolist()

    def _make(self, shape: tuple[int, ...], dtype: str) -> Array:
        if isinstance(self.value, float):
            return _core.constant(shape, dtype, self.value)
        return round_to(np.array(self._spread(shape, self.value)), dtype)

    def _spread(self, shape: tuple[int, ...], value: Array) -> Array:
        try:
            return np.broadcast_to(value, shape)
        except ValueError:
            raise ShapeError(
                f"value: expected an array that broadcasts to {shape}, found {value.shape}"
            ) from None

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        if isinstance(self.value, float):
            return Facts.constant(self.value)
        return Facts.of_values("w = value, broadcast", self._spread(shape, self.value))


class Zeros(FixedInitializer):
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

    def _make(self, shape: tuple[int, ...], dtype: str) -> Array:
        return _core.constant(shape, dtype, 0.0)

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        return Facts.constant(0.0)


class Ones(FixedInitializer):
    """One everywhere.

    Examples
    --------
    >>> Ones()(3)
    array([1., 1., 1.], dtype=float32)
    """

    def _make(self, shape: tuple[int, ...], dtype: str) -> Array:
        return _core.constant(shape, dtype, 1.0)

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        return Facts.constant(1.0)


class Identity(FixedInitializer):
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
        self.gain: float = number("gain", gain)

    def _make(self, shape: tuple[int, ...], dtype: str) -> Array:
        return _core.identity(shape, dtype, self.gain)

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        if len(shape) != 2:
            raise ShapeError(f"shape: expected 2 dimensions, found {shape}")
        return Facts.of_few("w = gain on the diagonal", self.gain, min(shape), math.prod(shape))
