"""Built-in losses of values: what they are within losses, layers and models of users'."""

from typing import Any

import numpy as np

from fanin import _checks, ops
from fanin.losses._base import Loss, is_own, says_call
from fanin.losses._formulas import FORMULAS


def rows(loss: Loss, y_true: Any, y_pred: Any) -> Any:
    """Return what a loss makes of each row of values, by operations that have derivatives.

    Parameters
    ----------
    loss : Loss
        The loss.
    y_true, y_pred : Value or array_like
        Targets and predictions, one of which is a value.

    Returns
    -------
    Value
        A number a row.

    Raises
    ------
    TypeError
        If the loss has no formula of operations.
    ShapeError
        If shapes do not fit.
    """
    formula = FORMULAS.get(loss.kind)
    if formula is None or (is_own(loss) and not says_call(loss)):
        known = ", ".join(sorted(FORMULAS))
        raise TypeError(
            f"{loss.name}: expected arrays, as values are taken by the losses {known} alone, found "
            f"{_checks.found(y_pred)}"
        )
    return formula(loss, y_true, y_pred)


def reduced(loss: Loss, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
    """Return what the call of a loss makes of values: a number, unless ``reduction="none"``."""
    values = loss.call(y_true, y_pred)
    if sample_weight is not None:
        weights = sample_weight
        if np.ndim(weights) == values.ndim + 1 and weights.shape[-1] == 1:
            weights = ops.squeeze(weights, -1)
        values = ops.multiply(values, weights)
    if loss.reduction == "none":
        return values
    if values.batched:
        raise TypeError(
            f"{loss.name}: expected reduction='none' where it is called on values of a network, "
            f"which stand for batches of any length, found {loss.reduction!r}"
        )
    return ops.sum(values) if loss.reduction == "sum" else ops.mean(values)
