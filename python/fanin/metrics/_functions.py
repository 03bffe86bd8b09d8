"""Metrics as functions: one value a row."""

from typing import Any

from numpy.typing import ArrayLike

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin.errors import ShapeError
from fanin.losses import _targets
from fanin.metrics._base import Metric, as_rows
from fanin.metrics._means import CategoricalAccuracy, SparseCategoricalAccuracy
from fanin.metrics._top import SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy


def _rows(metric: Metric, y_true: Any, y_pred: Any) -> FloatArray:
    outputs, y_true = as_rows(metric.kind, y_true, y_pred)
    targets = _targets.prepare("y_true", y_true, metric.kind, outputs.shape, outputs.dtype.name)
    found: FloatArray = _core.metric_rows(metric.settings(), outputs, targets)
    return found


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> FloatArray:
    """Return where outputs are on the same side of the threshold as their targets.

    Parameters
    ----------
    y_true : array_like
        Targets, 0 or 1.
    y_pred : array_like
        Outputs, of the same shape.
    threshold : float, default 0.5
        Outputs above it mean yes.

    Returns
    -------
    ndarray of the shape of `y_pred`
        1 where they are, else 0.

    Examples
    --------
    >>> binary_accuracy([[1], [0]], [[0.9], [0.8]]).tolist()
    [[1.0], [0.0]]
    """
    outputs = _checks.free_floats("y_pred", y_pred)
    targets = _checks.numeric("y_true", y_true)
    level = _checks.number("threshold", threshold)
    if targets.shape != outputs.shape and targets.size == outputs.size:
        targets = targets.reshape(outputs.shape)  # a last axis of 1, as everywhere
    if targets.shape != outputs.shape:
        raise ShapeError(
            f"y_true: expected the shape of y_pred, {outputs.shape}, found {targets.shape}"
        )
    found: FloatArray = ((outputs > level) == targets).astype(outputs.dtype)
    return found


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return where the largest output is where the one-hot target is.

    Parameters
    ----------
    y_true : array_like of shape (batch, classes)
        One-hot targets.
    y_pred : array_like of shape (batch, classes)
        Outputs.

    Returns
    -------
    ndarray of shape (batch,)
        1 or 0 a row.

    Examples
    --------
    >>> categorical_accuracy([[0, 1, 0], [1, 0, 0]], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]).tolist()
    [1.0, 0.0]
    """
    return _rows(CategoricalAccuracy(), y_true, y_pred)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return where the largest output is the target class.

    Parameters
    ----------
    y_true : array_like of shape (batch,)
        Classes.
    y_pred : array_like of shape (batch, classes)
        Outputs.

    Returns
    -------
    ndarray of shape (batch,)
        1 or 0 a row.

    Examples
    --------
    >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]).tolist()
    [1.0, 0.0]
    """
    return _rows(SparseCategoricalAccuracy(), y_true, y_pred)


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> FloatArray:
    """Return where the one-hot target's output is among the k largest.

    Parameters
    ----------
    y_true : array_like of shape (batch, classes)
        One-hot targets.
    y_pred : array_like of shape (batch, classes)
        Outputs.
    k : int, default 5
        How many outputs are looked at.

    Returns
    -------
    ndarray of shape (batch,)
        1 or 0 a row.

    Examples
    --------
    >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.6, 0.3]], k=2).tolist()
    [1.0]
    """
    return _rows(TopKCategoricalAccuracy(k), y_true, y_pred)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5
) -> FloatArray:
    """Return where the target class's output is among the k largest.

    Parameters
    ----------
    y_true : array_like of shape (batch,)
        Classes.
    y_pred : array_like of shape (batch, classes)
        Outputs.
    k : int, default 5
        How many outputs are looked at.

    Returns
    -------
    ndarray of shape (batch,)
        1 or 0 a row.

    Examples
    --------
    >>> sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]], k=2).tolist()
    [1.0, 0.0]
    """
    return _rows(SparseTopKCategoricalAccuracy(k), y_true, y_pred)
