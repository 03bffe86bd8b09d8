"""Losses that users write: what training asks of them, and how their answers are checked."""

import math
import sys
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Mapping

Array = NDArray[Any]

HOW = (
    "write a class with call(y_true, y_pred) over them, or with value_and_gradient(y_true, "
    "y_pred), which returns the mean loss of the batch and the gradient of that mean with respect "
    "to y_pred"
)


@runtime_checkable
class DifferentiableLoss(Protocol):
    """A loss of a user's: any object with this method.

    With weights of samples or classes it is also called with ``sample_weight=``, an array of one
    weight a sample.
    """

    def value_and_gradient(self, y_true: Any, y_pred: Any, /) -> tuple[Any, Any]:
        """Return the mean loss of a batch, and its gradient with respect to `y_pred`."""


def takes_weights(loss: DifferentiableLoss) -> bool:
    """Return whether the method of a loss has an argument `sample_weight`."""
    import inspect

    parameters = inspect.signature(loss.value_and_gradient).parameters
    return "sample_weight" in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )


def check_takes_weights(loss: DifferentiableLoss) -> None:
    """Refuse weights that the method of a loss would not get."""
    if not takes_weights(loss):
        name = type(loss).__name__
        raise ValueError(
            "sample_weight, class_weight: expected None, as value_and_gradient of "
            f"{name} takes no sample_weight, found weights; write "
            "value_and_gradient(self, y_true, y_pred, sample_weight=None)"
        )


def value_and_gradient(
    loss: DifferentiableLoss, y_true: Array, y_pred: FloatArray, weights: Array | None = None
) -> tuple[float, FloatArray]:
    """Call the method of a user's loss and check what it returns.

    Parameters
    ----------
    loss : object
        The loss.
    y_true, y_pred : ndarray
        Targets and outputs of a batch.
    weights : ndarray, optional
        One weight a sample; the method gets them as ``sample_weight=``.

    Returns
    -------
    value : float
        The mean loss.
    gradient : ndarray of the shape and dtype of `y_pred`
        The gradient of the mean.

    Raises
    ------
    TypeError
        If what it returns is of another kind.
    ShapeError
        If the gradient has another shape.
    ValueError
        If a number is not finite though the outputs are. (Outputs of a training that diverged are
        not: as with the package's own losses the history shows it.)
    """
    name = f"value_and_gradient of {type(loss).__name__}"
    given: Mapping[str, Array] = {} if weights is None else {"sample_weight": weights}
    result: Any = loss.value_and_gradient(y_true, y_pred, **given)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"{name}: expected a tuple (value, gradient), found {_checks.found(result)}"
        )
    value_name, name = f"the value of {name}", f"the gradient of {name}"
    value, gradient = _as_number(value_name, result[0]), result[1]
    if not isinstance(gradient, np.ndarray) or gradient.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{name}: expected an array of float32 or float64, found {_checks.found(gradient)}"
        )
    if gradient.shape != y_pred.shape:
        raise ShapeError(
            f"{name}: expected the shape of y_pred, {y_pred.shape}, found {gradient.shape}"
        )
    dy: FloatArray = gradient
    if gradient.dtype is not y_pred.dtype or not gradient.flags.carray:
        dy = _checks.floats(name, gradient, y_pred.dtype.name, finite=False)
    infinite = not math.isfinite(value) or _core.first_non_finite(dy) is not None
    if infinite and _core.first_non_finite(y_pred) is None:
        _checks.number(value_name, value)
        _checks.floats(name, gradient, y_pred.dtype.name)
    return value, dy


def _as_number(name: str, value: Any) -> float:
    """Return a value as a float; NaN and infinity are looked at later."""
    if isinstance(value, int | float | np.number | np.ndarray) and not isinstance(value, bool):
        array = np.asarray(value)
        if array.ndim == 0 and array.dtype.kind in "fiu":
            return float(array)
    found = _checks.found(value)
    raise TypeError(f"{name}: expected a number, the mean of the batch, found {found}")


def begin(loss: Any) -> None:
    """Let a loss that is traced be traced anew, as an epoch or an evaluation begins."""
    traced = sys.modules.get("fanin.losses._traced")
    if traced is not None:
        traced.begin(loss)
