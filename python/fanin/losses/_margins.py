"""Losses of margins: hinges."""

from numpy.typing import ArrayLike

from fanin._checks import FloatArray
from fanin.losses._base import compute_rows
from fanin.losses._regression import _Regression


class Hinge(_Regression):
    """What is missing to a margin of 1, averaged over the last axis.

    ``mean(max(1 - t * y, 0))`` a row, with targets -1 and 1; a target of 0 means -1.
    (Keras takes 0 for -1 where all targets of a batch are 0 or 1.)

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
    >>> Hinge()([[1.0, 0.0]], [[0.25, 0.5]])
    1.125
    """

    kind = "hinge"


class SquaredHinge(_Regression):
    """Squares of what is missing to a margin of 1, averaged over the last axis.

    ``mean(max(1 - t * y, 0)**2)`` a row, with targets as `Hinge` takes them.

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
    >>> SquaredHinge()([[1.0, 0.0]], [[0.5, 0.0]])
    0.625
    """

    kind = "squared_hinge"


class CategoricalHinge(_Regression):
    """What the right class lacks to a margin of 1 above the largest other.

    ``max(max((1 - t) * y) - sum(t * y) + 1, 0)`` a row, with one-hot targets.

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
    >>> CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]])
    0.5
    """

    kind = "categorical_hinge"


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the mean hinge loss of each row; see `Hinge`.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        -1 or 0 for no, 1 for yes.
    y_pred : array_like of shape (batch, outputs)
        Predictions.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> hinge([[1.0, 0.0]], [[0.25, 0.5]])
    array([1.125])
    """
    return compute_rows(Hinge("none"), y_true, y_pred)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the mean squared hinge loss of each row; see `SquaredHinge`.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        -1 or 0 for no, 1 for yes.
    y_pred : array_like of shape (batch, outputs)
        Predictions.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> squared_hinge([[1.0, 0.0]], [[0.5, 0.0]])
    array([0.625])
    """
    return compute_rows(SquaredHinge("none"), y_true, y_pred)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the hinge loss of each row's classes; see `CategoricalHinge`.

    Parameters
    ----------
    y_true : array_like of shape (batch, classes)
        One-hot targets.
    y_pred : array_like of shape (batch, classes)
        Predictions.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]])
    array([0.5])
    """
    return compute_rows(CategoricalHinge("none"), y_true, y_pred)
