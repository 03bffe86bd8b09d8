"""Means of precision and recall."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from fanin import _checks
from fanin.metrics._counts import Counting, Sums, check_single

_EPSILON = 1e-7
_AVERAGES = ("micro", "macro", "weighted")


def _average(name: str, value: Any) -> str | None:
    return None if value is None else _checks.one_of(name, value, _AVERAGES)


def _threshold(name: str, value: Any) -> float | None:
    return None if value is None else _checks.number(name, value, above=0.0, at_most=1.0)


class FBetaScore(Counting):
    """Weighted harmonic mean of precision and recall, of each output.

    ``(1 + beta**2) * p * r / (beta**2 * p + r)``, where 1e-7 is added to what is divided by, as in
    Keras.

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}, optional
        None gives a score an output, by hand; "micro" counts all outputs together, "macro" averages
        their scores, and "weighted" does so by how often each should be chosen.
    beta : float, default 1.0
        How much more recall counts than precision.
    threshold : float, optional
        Outputs above it are chosen; without one the largest of a row is.
    name : str, default "fbeta_score"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> score = FBetaScore("macro", beta=2.0)
    >>> round(score([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), 4)
    0.6944
    """

    kind = "fbeta_score"
    larger_is_better: ClassVar[bool | None] = True
    _options: ClassVar[Mapping[str, Any]] = {
        "average": _average,
        "beta": partial(_checks.number, above=0.0),
        "threshold": _threshold,
    }

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.average = average
        self.beta: float = beta
        self.threshold = threshold

    def settings(self) -> dict[str, object]:
        """Return the settings of this object for the core.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        threshold = np.nan if self.threshold is None else self.threshold
        return {"kind": "fbeta_score", "threshold": threshold}

    def _length(self, width: int) -> int:
        return 3 * width

    def _check_logs(self) -> None:
        check_single(self, self.average is None, "there is one an output: give it average='macro'")

    def _score(self, sums: Sums) -> Any:
        right, wrong, missed = sums.reshape(3, -1)
        if self.average == "micro":
            right, wrong, missed = (part.sum(keepdims=True) for part in (right, wrong, missed))
        precision = right / (right + wrong + _EPSILON)
        recall = right / (right + missed + _EPSILON)
        square = self.beta**2
        scores = (1 + square) * precision * recall / (square * precision + recall + _EPSILON)
        if self.average is None:
            return scores
        if self.average == "weighted":
            wanted = right + missed
            return float((scores * wanted).sum() / (wanted.sum() + _EPSILON))
        return float(scores.mean())


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall, of each output; see `FBetaScore`.

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}, optional
        None gives a score an output, by hand; see `FBetaScore`.
    threshold : float, optional
        Outputs above it are chosen; without one the largest of a row is.
    name : str, default "f1_score"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> score = F1Score("micro")
    >>> round(score([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), 4)
    0.6667
    """

    kind = "f1_score"

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
