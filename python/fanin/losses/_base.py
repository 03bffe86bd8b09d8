"""What every loss shares: options, rows, reduction."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin._members._registry import CoreMember
from fanin.errors import ShapeError
from fanin.losses import _targets

_REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none")


def _reduction(name: str, value: Any) -> str:
    return _checks.one_of(name, "none" if value is None else value, _REDUCTIONS)


class Loss(CoreMember):
    """Base class of the losses.

    Parameters
    ----------
    name : str, optional
        Name of the object.
    reduction : {"sum_over_batch_size", "mean", "sum", "none"}, default "sum_over_batch_size"
        How a call joins the values of the rows; the first two both divide by the number of rows.
        Training always minimizes the mean.
    dtype : None
        Here for Keras's signature: the loss is computed in the dtype of the predictions.

    Examples
    --------
    >>> from fanin.losses import MeanSquaredError
    >>> float(MeanSquaredError()([[0.0], [1.0]], [[0.0], [3.0]]))
    2.0
    """

    _family = "losses"
    _honoured = ("settings", "get_config", "from_config")
    _elsewhere = ("call",)
    _reason = "training runs in compiled code, which calls no method of a loss"
    _instead = (
        "use a loss of fanin.losses with sample_weight, or write the loop: model.forward, a "
        "gradient of your own, model.backward, optimizer.step"
    )

    _options: ClassVar[Mapping[str, Any]] = {"name": _checks.text, "reduction": _reduction}
    _left_out: ClassVar[tuple[str, ...]] = ("dtype",)

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: None = None,
    ) -> None:
        if dtype is not None:
            raise ValueError(
                "dtype: expected None, since a loss follows the predictions, found "
                f"{_checks.found(dtype)}"
            )
        self.name: str = self.kind if name is None else name
        self.reduction = reduction

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float | FloatArray:
        """Return the loss of `y_pred`, reduced over the rows.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like of shape (batch,) or of one weight a row, optional
            Factors of the rows' values.

        Returns
        -------
        float or ndarray
            A number, or with ``reduction="none"`` one a row.
        """
        values, _ = self.rows(y_true, y_pred, sample_weight)
        if self.reduction == "none":
            return values
        total = float(np.sum(values, dtype=np.float64))
        return total if self.reduction == "sum" else total / values.size

    def value_and_gradient(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[float, FloatArray]:
        """Return the loss and its gradient, the `dy` that a last layer's `backward` takes.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like, optional
            Factors of the rows' values.

        Returns
        -------
        value : float
            Mean over the rows, or their sum with ``reduction="sum"``.
        gradient : ndarray of the shape of `y_pred`
            Derivative of `value` with respect to `y_pred`.

        Examples
        --------
        >>> from fanin.losses import MeanSquaredError
        >>> value, dy = MeanSquaredError().value_and_gradient([[0.0, 1.0]], [[0.0, 0.0]])
        >>> value, dy.tolist()
        (0.5, [[0.0, -1.0]])
        """
        if self.reduction == "none":
            raise ValueError(
                "reduction: expected another than 'none' for value_and_gradient, found 'none'"
            )
        values, gradient = self.rows(y_true, y_pred, sample_weight)
        rows = 1 if self.reduction == "sum" else values.size
        return float(np.sum(values, dtype=np.float64)) / rows, gradient / gradient.dtype.type(rows)

    def rows(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the value of each row, and the gradient of their sum.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like, optional
            Factors of the rows' values.

        Returns
        -------
        values : ndarray of shape (batch, ...)
            One value a row.
        gradient : ndarray of the shape of `y_pred`
            Derivative of the sum of `values`.
        """
        outputs = _checks.free_floats("y_pred", y_pred)
        if outputs.ndim == 1 and np.ndim(y_true) in (0, 1) and self.kind not in _targets.SPARSE:
            # Keras's shape rule: one vector is one row of outputs.
            weights = None if sample_weight is None else np.reshape(sample_weight, -1)
            row = _checks.numeric("y_true", y_true).reshape(1, -1)
            values, gradient = self.rows(row, outputs.reshape(1, -1), weights)
            return values[0], gradient[0]
        if outputs.ndim < 2 or outputs.size == 0:
            raise ShapeError(
                "y_pred: expected a non-empty array of shape (batch, outputs), found shape "
                f"{outputs.shape}"
            )
        targets = _targets.prepare("y_true", y_true, self.kind, outputs.shape, outputs.dtype.name)
        values, gradient = _core.loss_rows(self.settings(), outputs, targets)
        if sample_weight is not None:
            weights = _targets.row_weights(
                "sample_weight", sample_weight, values.shape, outputs.dtype.name
            )
            values, gradient = values * weights, gradient * weights[..., np.newaxis]
        return values, gradient


def compute_rows(loss: Loss, y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the value of each row, whatever the reduction."""
    return loss.rows(y_true, y_pred)[0]


def check_last_axis(axis: int) -> None:
    """Refuse an axis that is not the last."""
    if _checks.integer("axis", axis) != -1:
        raise ValueError(f"axis: expected -1, the last axis, found {_checks.found(axis)}")
