"""Formulas of the losses over operations, for values: a number a row, with a derivative."""

import math
from collections.abc import Callable
from typing import Any

from fanin import ops
from fanin.errors import ShapeError
from fanin.layers._value import Value

_EPSILON = 1e-7
"""How near probabilities come to 0 and 1, as in the core."""


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


def _of_errors(term: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Return the mean over outputs of a term of the error y - t."""

    def formula(loss: Any, y_true: Any, y_pred: Any) -> Any:
        t, y = _alike(y_true, y_pred)
        return ops.mean(term(loss, ops.subtract(y, t)), -1)

    return formula


def _huber(loss: Any, error: Any) -> Any:
    size, delta = ops.absolute(error), loss.delta
    near = ops.multiply(0.5, ops.square(error))
    far = ops.multiply(delta, ops.subtract(size, 0.5 * delta))
    return ops.where(ops.less_equal(size, delta), near, far)


def _log_cosh(loss: Any, error: Any) -> Any:
    size = ops.absolute(error)
    return ops.add(ops.softplus(ops.multiply(-2.0, size)), ops.subtract(size, math.log(2.0)))


def _pinball(loss: Any, error: Any) -> Any:
    above = ops.multiply(1.0 - loss.alpha, error)
    return ops.where(ops.greater(error, 0.0), above, ops.multiply(-loss.alpha, error))


def _of_pairs(term: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Return the mean over outputs of a term of a target and an output."""

    def formula(loss: Any, y_true: Any, y_pred: Any) -> Any:
        return ops.mean(term(*_alike(y_true, y_pred)), -1)

    return formula


def _hinge(t: Any, y: Any) -> Any:
    side = ops.where(ops.equal(t, 0.0), -1.0, t)
    return ops.maximum(ops.subtract(1.0, ops.multiply(side, y)), 0.0)


def _poisson(t: Any, y: Any) -> Any:
    return ops.subtract(y, ops.multiply(t, ops.log(ops.add(y, _EPSILON))))


def _percentage(t: Any, y: Any) -> Any:
    size = ops.maximum(ops.absolute(t), _EPSILON)
    return ops.multiply(100.0, ops.absolute(ops.divide(ops.subtract(y, t), size)))


def _logarithmic(t: Any, y: Any) -> Any:
    t, y = (ops.log1p(ops.maximum(x, _EPSILON)) for x in (t, y))
    return ops.square(ops.subtract(y, t))


def _divergence(loss: Any, y_true: Any, y_pred: Any) -> Any:
    t, y = (ops.clip(x, _EPSILON, 1.0) for x in _alike(y_true, y_pred))
    return ops.sum(ops.multiply(t, ops.log(ops.divide(t, y))), -1)


def _cosine(loss: Any, y_true: Any, y_pred: Any) -> Any:
    t, y = (ops.normalize(x, axis=-1, epsilon=_EPSILON) for x in _alike(y_true, y_pred))
    return ops.negative(ops.sum(ops.multiply(t, y), -1))


def _categorical_hinge(loss: Any, y_true: Any, y_pred: Any) -> Any:
    t, y = _alike(y_true, y_pred)
    right = ops.sum(ops.multiply(t, y), -1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, t), y), -1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


def _binary_focal(loss: Any, y_true: Any, y_pred: Any) -> Any:
    t, y = _alike(y_true, y_pred)
    if loss.label_smoothing:
        t = ops.add(ops.multiply(t, 1.0 - loss.label_smoothing), loss.label_smoothing / 2.0)
    other = ops.subtract(1.0, t)
    if loss.from_logits:
        yes, no = ops.softplus(ops.negative(y)), ops.softplus(y)
        p, q = ops.sigmoid(y), ops.sigmoid(ops.negative(y))
    else:
        p, q = y, ops.subtract(1.0, y)
        near = ops.clip(y, _EPSILON, 1.0 - _EPSILON)
        yes, no = ops.negative(ops.log(near)), ops.negative(ops.log(ops.subtract(1.0, near)))
    entropy = ops.add(ops.multiply(t, yes), ops.multiply(other, no))
    missed = ops.add(ops.multiply(t, q), ops.multiply(other, p))
    terms = ops.multiply(ops.power(missed, loss.gamma), entropy)
    if loss.apply_class_balancing:
        weights = ops.add(ops.multiply(t, loss.alpha), ops.multiply(other, 1.0 - loss.alpha))
        terms = ops.multiply(weights, terms)
    return ops.mean(terms, -1)


def _categorical_focal(loss: Any, y_true: Any, y_pred: Any) -> Any:
    t, y = _alike(y_true, y_pred)
    if loss.label_smoothing:
        share = loss.label_smoothing / y.shape[-1]
        t = ops.add(ops.multiply(t, 1.0 - loss.label_smoothing), share)
    logarithms = _logarithms(loss, y)
    missed = ops.subtract(1.0, ops.exp(logarithms))
    terms = ops.multiply(ops.power(missed, loss.gamma), logarithms)
    terms = ops.where(ops.equal(t, 0.0), 0.0, ops.multiply(t, terms))
    return ops.multiply(-loss.alpha, ops.sum(terms, -1))


FORMULAS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "binary_crossentropy": _binary,
    "binary_focal_crossentropy": _binary_focal,
    "categorical_crossentropy": _categorical,
    "categorical_focal_crossentropy": _categorical_focal,
    "categorical_hinge": _categorical_hinge,
    "cosine_similarity": _cosine,
    "hinge": _of_pairs(_hinge),
    "huber": _of_errors(_huber),
    "kl_divergence": _divergence,
    "log_cosh": _of_errors(_log_cosh),
    "mean_absolute_error": _absolute,
    "mean_absolute_percentage_error": _of_pairs(_percentage),
    "mean_pinball_loss": _of_errors(_pinball),
    "mean_squared_error": _squared,
    "mean_squared_logarithmic_error": _of_pairs(_logarithmic),
    "poisson": _of_pairs(_poisson),
    "sparse_categorical_crossentropy": _sparse,
    "squared_hinge": _of_pairs(lambda t, y: ops.square(_hinge(t, y))),
}
"""By the kinds of losses."""
