"""Metrics of numbers beyond the mean squares and absolute values."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from fanin import _checks
from fanin.losses._base import check_last_axis
from fanin.metrics._base import Metric
from fanin.metrics._counts import Counting, Sums, check_single


class RootMeanSquaredError(Metric):
    """Square root of the mean of squared differences.

    Parameters
    ----------
    name : str, default "root_mean_squared_error"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> round(RootMeanSquaredError()([[0.0, 2.0]], [[0.0, 0.0]]), 4)
    1.4142
    """

    kind = "root_mean_squared_error"
    larger_is_better: ClassVar[bool | None] = False

    def _value(self, sums: Any, counted: float) -> float:
        return math.sqrt(super()._value(sums, counted))


class MeanAbsolutePercentageError(Metric):
    """Mean of absolute differences in percent of the targets.

    Parameters
    ----------
    name : str, default "mean_absolute_percentage_error"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]])
    37.5
    """

    kind = "mean_absolute_percentage_error"
    larger_is_better: ClassVar[bool | None] = False


class MeanSquaredLogarithmicError(Metric):
    """Mean of squared differences of the logarithms of 1 + y.

    Parameters
    ----------
    name : str, default "mean_squared_logarithmic_error"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> round(MeanSquaredLogarithmicError()([[0.0, 1.0]], [[0.0, 3.0]]), 4)
    0.2402
    """

    kind = "mean_squared_logarithmic_error"
    larger_is_better: ClassVar[bool | None] = False


class LogCoshError(Metric):
    """Mean logarithm of the hyperbolic cosine of the errors; see `fanin.losses.LogCosh`.

    Parameters
    ----------
    name : str, default "logcosh"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> round(LogCoshError()([[0.0, 0.0]], [[1.0, 0.0]]), 4)
    0.2169
    """

    kind = "log_cosh_error"
    larger_is_better: ClassVar[bool | None] = False

    def __init__(self, name: str | None = None, dtype: None = None) -> None:
        super().__init__("logcosh" if name is None else name, dtype)


class CosineSimilarity(Metric):
    """Mean cosine of the angle between targets and outputs: 1 is the best.

    The loss of this name has the other sign.

    Parameters
    ----------
    name : str, default "cosine_similarity"
        What it is called in logs.
    dtype : None
        See `Metric`.
    axis : -1
        The axis of the vectors; only the last is supported.

    Examples
    --------
    >>> CosineSimilarity()([[0.0, 1.0], [1.0, 0.0]], [[0.0, 2.0], [0.0, 3.0]])
    0.5
    """

    kind = "cosine_similarity"
    larger_is_better: ClassVar[bool | None] = True
    _left_out = ("axis",)

    def __init__(self, name: str | None = None, dtype: None = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        check_last_axis(axis)


def _aggregation(name: str, value: Any) -> str | None:
    choices = ("uniform_average", "variance_weighted_average")
    return None if value is None else _checks.one_of(name, value, choices)


class R2Score(Counting):
    """Coefficient of determination: one less the squared errors over those of the targets' mean.

    1 is the best, 0 as good as the mean, and there is no worst. An output whose targets do not vary
    has the score 0 where there are errors, as in Keras.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average", None}, optional
        How the scores of the outputs are joined; None gives one an output, by hand.
    num_regressors : int, default 0
        Regressors of the adjusted score; 0 is the usual one.
    name : str, default "r2_score"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> round(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]), 4)
    0.5714
    """

    kind = "r2_score"
    larger_is_better: ClassVar[bool | None] = True
    _options: ClassVar[Mapping[str, Any]] = {
        "class_aggregation": _aggregation,
        "num_regressors": partial(_checks.integer, minimum=0),
    }

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.class_aggregation = class_aggregation
        self.num_regressors: int = num_regressors

    def settings(self) -> dict[str, object]:
        """Return the settings of this object for the core.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        return {"kind": self.kind}

    def _length(self, width: int) -> int:
        return 4 * width + 1

    def _check_logs(self) -> None:
        check_single(self, self.class_aggregation is None, "there is one an output: aggregate them")

    def _score(self, sums: Sums) -> Any:
        counted, total, squares, errors = sums[:-1].reshape(4, -1)
        with np.errstate(all="ignore"):
            spread = squares - total * (total / counted)
            scores = 1 - errors / spread
            scores = np.where(np.isinf(scores), 0.0, scores)
            if self.class_aggregation == "uniform_average":
                scores = scores.mean()
            elif self.class_aggregation == "variance_weighted_average":
                scores = (spread * scores).sum() / spread.sum()
        scores = self._adjusted(scores, float(sums[-1]))
        return scores if self.class_aggregation is None else float(scores)

    def _adjusted(self, scores: Any, targets: float) -> Any:
        """Return the scores with the price of regressors, if there are targets enough."""
        if self.num_regressors == 0:
            return scores
        free = targets - self.num_regressors - 1
        if free <= 0:
            _checks.warn(
                f"num_regressors: expected fewer than {targets - 1:g} for {targets:g} targets, "
                f"found {self.num_regressors}; the score is not adjusted"
            )
            return scores
        return 1 - (1 - scores) * (targets - 1) / free
