"""All constraints: each is settings of one of the core's."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin._members._registry import CoreMember

_NORM = partial(_checks.number, at_least=0.0)


def _axis(name: str, value: Any) -> int | tuple[int, ...]:
    """Return an axis, or several as a tuple."""
    several = _checks.several(value)
    if several is None:
        return _checks.integer(name, value)
    axes = tuple(_checks.integer(name, axis) for axis in several)
    if not axes or len(set(axes)) < len(axes):
        raise ValueError(f"{name}: expected different axes, found {_checks.found(value)}")
    return axes


def _axes(axis: Any) -> tuple[int, ...]:
    return axis if isinstance(axis, tuple) else (axis,)


class Constraint(CoreMember):
    """Base class of the constraints: where weights are put back to after each step of training.

    Only weights that are trained are put back.

    Examples
    --------
    >>> from fanin.constraints import NonNeg
    >>> NonNeg()([-1.0, 2.0])
    array([0., 2.])
    """

    _family = "constraints"
    _honoured = ("settings", "get_config", "from_config")
    _reason = "weights are constrained in compiled code, which has its own constraints"
    _instead = "use one of those of fanin.constraints"

    def __call__(self, w: ArrayLike) -> FloatArray:
        """Return weights that are put back to where the constraint holds.

        Parameters
        ----------
        w : array_like
            Weights.

        Returns
        -------
        ndarray of the shape of `w`
            A new array.

        Raises
        ------
        ValueError
            If an axis is not one of the array's.
        """
        projected = _checks.free_floats("w", w).copy()
        _core.constrain(self._settings(), projected)
        return projected


class NonNeg(Constraint):
    """No weight below 0: ``maximum(w, 0)``.

    Examples
    --------
    >>> NonNeg()([[-1.0, 0.5]])
    array([[0. , 0.5]])
    """

    kind = "non_neg"


class MaxNorm(Constraint):
    """Norms along an axis that are at most a number.

    Weights are multiplied by ``minimum(norm, max_value) / (1e-7 + norm)``, as in Keras.

    Parameters
    ----------
    max_value : float, default 2
        The largest norm.
    axis : int or sequence of int, default 0
        Along which axes norms are taken: of a `Dense` kernel, 0 is the norm of each unit's weights.

    Raises
    ------
    ValueError
        If `max_value` is negative or not finite.

    Examples
    --------
    >>> MaxNorm(1.0)([[3.0, 0.3], [4.0, 0.4]]).round(4)
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    kind = "min_max_norm"
    _options: ClassVar[Mapping[str, Any]] = {"max_value": _NORM, "axis": _axis}

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def settings(self) -> dict[str, object]:
        """Return the settings for the core: those of `MinMaxNorm`."""
        own = {"min_value": 0.0, "rate": 1.0, "axis": _axes(self.axis)}
        return {**super().settings(), **own}


class UnitNorm(Constraint):
    """Norms along an axis that are 1: ``w / (1e-7 + norm)``, as in Keras.

    Parameters
    ----------
    axis : int or sequence of int, default 0
        Along which axes norms are taken: of a `Dense` kernel, 0 is the norm of each unit's weights.

    Examples
    --------
    >>> UnitNorm(axis=1)([[3.0, 4.0]]).round(4)
    array([[0.6, 0.8]])
    """

    kind = "unit_norm"
    _options: ClassVar[Mapping[str, Any]] = {"axis": _axis}

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = axis

    def settings(self) -> dict[str, object]:
        """Return the settings for the core."""
        return {**super().settings(), "axis": _axes(self.axis)}


class MinMaxNorm(Constraint):
    """Norms along an axis that are between two numbers.

    Weights are multiplied by ``(rate * clip(norm, min_value, max_value) + (1 - rate) * norm) /
    (1e-7 + norm)``, as in Keras.

    Parameters
    ----------
    min_value : float, default 0.0
        The smallest norm.
    max_value : float, default 1.0
        The largest norm.
    rate : float, default 1.0
        How much of the way norms are put back in a step, from 0 to 1.
    axis : int or sequence of int, default 0
        Along which axes norms are taken: of a `Dense` kernel, 0 is the norm of each unit's weights.

    Raises
    ------
    ValueError
        If a bound is negative or not finite, the first one is above the second, or the rate is not
        from 0 to 1.

    Examples
    --------
    >>> MinMaxNorm(1.0, 2.0)([[3.0, 0.3], [4.0, 0.4]]).round(4)
    array([[1.2, 0.6],
           [1.6, 0.8]])
    """

    kind = "min_max_norm"
    _options: ClassVar[Mapping[str, Any]] = {
        "min_value": _NORM,
        "max_value": _NORM,
        "rate": partial(_checks.number, at_least=0.0, at_most=1.0),
        "axis": _axis,
    }

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis
        if self.min_value > self.max_value:
            raise ValueError(
                f"min_value: expected at most max_value, {self.max_value:g}, found "
                f"{self.min_value:g}"
            )

    def settings(self) -> dict[str, object]:
        """Return the settings for the core."""
        return {**super().settings(), "axis": _axes(self.axis)}
