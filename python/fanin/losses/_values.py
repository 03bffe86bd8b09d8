"""Built-in losses of values: what they are within losses, layers and models of users'."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fanin import _checks, ops
from fanin.errors import ShapeError
from fanin.layers._value import Value
from fanin.losses._base import Loss, is_own, says_call

_EPSILON = 1e-7
"""How near probabilities come to 0 and 1, as in the core."""


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
    formula = _FORMULAS.get(loss.kind)
    if formula is None or (is_own(loss) and not says_call(loss)):
        known = ", ".join(sorted(_FORMULAS))
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


def _alike(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return targets and predictions of one shape; a last axis of length 1 may be missing."""
    y_true, y_pred = (
        x if isinstance(x, Value) else ops.convert_to_tensor(x) for x in (y_true, y_pred)
    )
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        y_true, y_pred = _one_less(y_true, y_pred)
    elif y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        y_pred, y_true = _one_less(y_pred, y_true)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"y_true: expected the shape of y_pred, {y_pred.shape}, found {y_true.shape}"
        )
    return y_true, y_pred


def _one_less(more: Any, less: Any) -> tuple[Any, Any]:
    """Give two as many axes, as Keras does: what has one axis gets another one."""
    if less.ndim == 1:
        return more, ops.expand_dims(less, -1)
    return ops.squeeze(more, -1), less


def _squared(loss: Any, y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = _alike(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), -1)


def _absolute(loss: Any, y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = _alike(y_true, y_pred)
    return ops.mean(ops.absolute(ops.subtract(y_true, y_pred)), -1)


def _binary(loss: Any, y_true: Any, y_pred: Any) -> Any:
    t, p = _alike(y_true, y_pred)
    if loss.label_smoothing:
        t = ops.add(ops.multiply(t, 1.0 - loss.label_smoothing), loss.label_smoothing / 2.0)
    other = ops.subtract(1.0, t)
    if loss.from_logits:
        yes, no = ops.softplus(ops.negative(p)), ops.softplus(p)
    else:
        p = ops.clip(p, _EPSILON, 1.0 - _EPSILON)
        yes, no = ops.negative(ops.log(p)), ops.negative(ops.log(ops.subtract(1.0, p)))
    return ops.mean(ops.add(ops.multiply(t, yes), ops.multiply(other, no)), -1)


def _logarithms(loss: Any, y_pred: Any) -> Any:
    """Return the logarithms of probabilities of classes."""
    if loss.from_logits:
        return ops.log_softmax(y_pred, -1)
    shares = ops.divide(y_pred, ops.sum(y_pred, -1, keepdims=True))
    return ops.log(ops.clip(shares, _EPSILON, 1.0 - _EPSILON))


def _categorical(loss: Any, y_true: Any, y_pred: Any) -> Any:
    t, p = _alike(y_true, y_pred)
    if loss.label_smoothing:
        share = loss.label_smoothing / p.shape[-1]
        t = ops.add(ops.multiply(t, 1.0 - loss.label_smoothing), share)
    # A class without weight counts nothing, even where its logarithm is infinite.
    logarithms = ops.where(ops.equal(t, 0.0), 0.0, _logarithms(loss, p))
    return ops.negative(ops.sum(ops.multiply(t, logarithms), -1))


def _sparse(loss: Any, y_true: Any, y_pred: Any) -> Any:
    y_true = y_true if isinstance(y_true, Value) else ops.convert_to_tensor(y_true)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if y_true.shape != y_pred.shape[:-1]:
        raise ShapeError(
            f"y_true: expected one class a row, of shape {y_pred.shape[:-1]}, found {y_true.shape}"
        )
    chosen = ops.one_hot(y_true, y_pred.shape[-1])
    total = ops.sum(ops.where(chosen, _logarithms(loss, y_pred), 0.0), -1)
    # What is no class makes NaN, as nothing can be raised for numbers that come later.
    return ops.divide(ops.negative(total), ops.sum(chosen, -1))


_FORMULAS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "binary_crossentropy": _binary,
    "categorical_crossentropy": _categorical,
    "mean_absolute_error": _absolute,
    "mean_squared_error": _squared,
    "sparse_categorical_crossentropy": _sparse,
}
