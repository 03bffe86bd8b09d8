"""Losses of real-valued targets."""

from numpy.typing import ArrayLike

from fanin._checks import FloatArray
from fanin.losses._base import Loss, compute_rows


class _Regression(Loss):
    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class MeanSquaredError(_Regression):
    """Squared differences, averaged over the last axis: ``mean((t - y)**2)`` a row.

    Parameters
    ----------
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    name : str, optional
        Name of the object.
    dtype : None
        See `Loss`.

    Examples
    --------
    >>> MeanSquaredError()([[0.0, 2.0]], [[0.0, 0.0]])
    2.0
    """

    kind = "mean_squared_error"


class MeanAbsoluteError(_Regression):
    """Absolute differences, averaged over the last axis: ``mean(abs(t - y))`` a row.

    Parameters
    ----------
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    name : str, optional
        Name of the object.
    dtype : None
        See `Loss`.

    Examples
    --------
    >>> MeanAbsoluteError()([[0.0, 2.0]], [[0.0, 0.0]])
    1.0
    """

    kind = "mean_absolute_error"


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the mean squared difference of each row.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Targets.
    y_pred : array_like of shape (batch, outputs)
        Predictions.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> mean_squared_error([[0.0, 2.0]], [[0.0, 0.0]])
    array([2.])
    """
    return compute_rows(MeanSquaredError("none"), y_true, y_pred)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the mean absolute difference of each row.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Targets.
    y_pred : array_like of shape (batch, outputs)
        Predictions.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> mean_absolute_error([[0.0, 2.0]], [[0.0, 0.0]])
    array([1.])
    """
    return compute_rows(MeanAbsoluteError("none"), y_true, y_pred)
