"""Losses of numbers, counts and directions beyond the mean squares and absolute values."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from fanin import _checks
from fanin._checks import FloatArray
from fanin.losses._base import Loss, check_last_axis, compute_rows
from fanin.losses._regression import _Regression


class Huber(Loss):
    """Squared near the target, absolute further away, averaged over the last axis.

    An error e gives ``e**2 / 2`` up to `delta`, and ``delta * abs(e) - delta**2 / 2`` beyond.
    Keras's, and torch's ``HuberLoss``; ``SmoothL1Loss(beta=delta)`` is this divided by `delta`.

    Parameters
    ----------
    delta : float, default 1.0
        Where the slope stops growing.
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    name : str, optional
        Name of the object, "huber_loss" if not given.
    dtype : None
        See `Loss`.

    References
    ----------
    Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35.

    Examples
    --------
    >>> Huber()([[0.0, 0.0]], [[1.0, 3.0]])
    1.5
    """

    kind = "huber"
    _options: ClassVar[Mapping[str, Any]] = {"delta": partial(_checks.number, above=0.0)}

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__("huber_loss" if name is None else name, reduction, dtype)
        self.delta: float = delta


class LogCosh(_Regression):
    """Logarithm of the hyperbolic cosine of the errors, averaged over the last axis.

    It is about ``e**2 / 2`` for small errors e and ``abs(e) - log(2)`` for large ones.

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
    >>> round(LogCosh()([[0.0, 0.0]], [[1.0, 0.0]]), 4)
    0.2169
    """

    kind = "log_cosh"


class MeanAbsolutePercentageError(_Regression):
    """Absolute differences in percent of the targets, averaged over the last axis.

    ``100 * mean(abs(t - y) / max(abs(t), 1e-7))`` a row.

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
    >>> round(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]]), 4)
    37.5
    """

    kind = "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(_Regression):
    """Squared differences of the logarithms of 1 + y, averaged over the last axis.

    ``mean((log(1 + t) - log(1 + y))**2)`` a row; what is below 1e-7 counts as that.

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
    >>> round(MeanSquaredLogarithmicError()([[0.0, 1.0]], [[0.0, 3.0]]), 4)
    0.2402
    """

    kind = "mean_squared_logarithmic_error"


class Poisson(_Regression):
    """What a Poisson distribution of mean y says against a count t, averaged over the last axis.

    ``mean(y - t * log(y + 1e-7))`` a row, the negative log-likelihood without what y does not
    change. torch's ``PoissonNLLLoss(log_input=False)``.

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
    >>> round(Poisson()([[2.0]], [[1.5]]), 4)
    0.6891
    """

    kind = "poisson"


class KLDivergence(_Regression):
    """Kullback-Leibler divergence of distributions, ``sum(t * log(t / y))`` a row.

    Targets and predictions are kept between 1e-7 and 1.

    Parameters
    ----------
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    name : str, optional
        Name of the object.
    dtype : None
        See `Loss`.

    References
    ----------
    Kullback and Leibler (1951), On information and sufficiency, Annals of Mathematical
    Statistics 22.

    Examples
    --------
    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 4)
    0.1438
    """

    kind = "kl_divergence"


class CosineSimilarity(Loss):
    """Cosine of the angle between targets and predictions, with a minus: -1 is the best.

    ``-sum(t * y) / (norm(t) * norm(y))`` a row, where no norm counts less than 1e-7.

    Parameters
    ----------
    axis : -1
        The axis of the vectors; only the last is supported.
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    name : str, optional
        Name of the object.
    dtype : None
        See `Loss`.

    Examples
    --------
    >>> CosineSimilarity()([[0.0, 1.0], [1.0, 0.0]], [[0.0, 2.0], [0.0, 3.0]])
    -0.5
    """

    kind = "cosine_similarity"
    _left_out = ("axis",)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        check_last_axis(axis)


class MeanPinballLoss(Loss):
    """Pinball loss of quantiles, averaged over the last axis; scikit-learn's, not Keras's.

    ``alpha * (t - y)`` where y is below its target, ``(1 - alpha) * (y - t)`` above. What makes it
    least is the `alpha`-quantile of the targets, which a network then learns to predict.

    Parameters
    ----------
    alpha : float, default 0.5
        Which quantile, from 0 to 1; 0.5 is the median, with half the absolute error.
    reduction : str, default "sum_over_batch_size"
        See `Loss`.
    name : str, optional
        Name of the object.
    dtype : None
        See `Loss`.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46.

    Examples
    --------
    >>> round(MeanPinballLoss(0.9)([[1.0], [1.0]], [[0.0], [2.0]]), 4)
    0.5
    """

    kind = "mean_pinball_loss"
    _options: ClassVar[Mapping[str, Any]] = {
        "alpha": partial(_checks.number, at_least=0.0, at_most=1.0)
    }

    def __init__(
        self,
        alpha: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha: float = alpha


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> FloatArray:
    """Return Huber's loss of each row; see `Huber`.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Targets.
    y_pred : array_like of shape (batch, outputs)
        Predictions.
    delta : float, default 1.0
        Where the slope stops growing.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
    array([1.5])
    """
    return compute_rows(Huber(delta, "none"), y_true, y_pred)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the mean log-cosh of the errors of each row; see `LogCosh`.

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
    >>> log_cosh([[0.0, 0.0]], [[1.0, 0.0]]).round(4)
    array([0.2169])
    """
    return compute_rows(LogCosh("none"), y_true, y_pred)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the mean absolute difference of each row in percent of the targets.

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
    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 5.0]])
    array([37.5])
    """
    return compute_rows(MeanAbsolutePercentageError("none"), y_true, y_pred)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the mean squared difference of logarithms of each row.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Targets above -1.
    y_pred : array_like of shape (batch, outputs)
        Predictions above -1.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> mean_squared_logarithmic_error([[0.0, 1.0]], [[0.0, 3.0]]).round(4)
    array([0.2402])
    """
    return compute_rows(MeanSquaredLogarithmicError("none"), y_true, y_pred)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the Poisson loss of each row; see `Poisson`.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Counts.
    y_pred : array_like of shape (batch, outputs)
        Means, which are positive.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> poisson([[2.0]], [[1.5]]).round(4)
    array([0.6891])
    """
    return compute_rows(Poisson("none"), y_true, y_pred)


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    """Return the divergence of each row; see `KLDivergence`.

    Parameters
    ----------
    y_true : array_like of shape (batch, classes)
        Probabilities.
    y_pred : array_like of shape (batch, classes)
        Probabilities.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).round(4)
    array([0.1438])
    """
    return compute_rows(KLDivergence("none"), y_true, y_pred)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> FloatArray:
    """Return the cosine of each row with a minus; see `CosineSimilarity`.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Targets.
    y_pred : array_like of shape (batch, outputs)
        Predictions.
    axis : -1
        The axis of the vectors; only the last is supported.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> cosine_similarity([[0.0, 1.0]], [[0.0, 2.0]])
    array([-1.])
    """
    return compute_rows(CosineSimilarity(axis, "none"), y_true, y_pred)


def mean_pinball_loss(y_true: ArrayLike, y_pred: ArrayLike, alpha: float = 0.5) -> FloatArray:
    """Return the pinball loss of each row; see `MeanPinballLoss`.

    Parameters
    ----------
    y_true : array_like of shape (batch, outputs)
        Targets.
    y_pred : array_like of shape (batch, outputs)
        Predictions.
    alpha : float, default 0.5
        Which quantile, from 0 to 1.

    Returns
    -------
    ndarray of shape (batch,)
        One value a row.

    Examples
    --------
    >>> mean_pinball_loss([[1.0]], [[0.0]], alpha=0.75)
    array([0.75])
    """
    return compute_rows(MeanPinballLoss(alpha, "none"), y_true, y_pred)
