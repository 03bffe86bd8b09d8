"""Metrics that are functions of counts and other sums, no means: what they share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core
from fanin.losses import _targets
from fanin.metrics._base import Metric, as_rows

Sums = NDArray[np.float64]


class Counting(Metric):
    """A metric whose state is sums over rows, which the core counts in the pass of the loss."""

    _sums: Sums | None = None
    """None before anything is seen."""

    @classmethod
    def _usable(cls) -> bool:
        return bool(cls.kind)

    def reset_state(self) -> None:
        """Forget what was seen."""
        self._sums = None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take further rows into account.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like of shape (batch,) or of one weight a row, optional
            What the rows count.
        """
        outputs, y_true = as_rows(self.kind, y_true, y_pred)
        dtype = outputs.dtype.name
        targets = _targets.prepare("y_true", y_true, self.kind, outputs.shape, dtype)
        weights = None
        if sample_weight is not None:
            rows = outputs.shape[:-1]
            weights = _targets.row_weights("sample_weight", sample_weight, rows, dtype)
            weights = np.ascontiguousarray(np.broadcast_to(weights, rows)).ravel()
        self._check(outputs.shape[-1])
        sums = _core.metric_sums(self.settings(), outputs, targets, weights)
        if self._sums is not None:
            if self._sums.shape != sums.shape:
                raise ValueError(
                    "y_pred: expected as many outputs as before, found "
                    f"{outputs.shape[-1]}; reset_state() begins anew"
                )
            sums = sums + self._sums
        self._sums = sums

    def result(self) -> Any:
        """Return what was counted, as one number or, where several are asked for, an array.

        Returns
        -------
        float or ndarray
            0.0 if nothing was seen.
        """
        return 0.0 if self._sums is None else self._score(self._sums)

    def _score(self, sums: Sums) -> Any:
        """Return the result that sums say."""
        raise NotImplementedError

    def _value(self, sums: Any, counted: float) -> float:
        return float(self._score(np.array(sums, dtype=np.float64)))


def ratio(part: Any, whole: Any) -> Any:
    """Return part / whole, and 0 where the whole is 0."""
    whole = np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


def check_single(metric: Metric, several: bool, argument: str) -> None:
    """Refuse, for logs, a metric that gives several numbers."""
    if several:
        raise ValueError(
            f"metrics: expected metrics of one number, as logs hold, found {metric.name!r}, of "
            f"which {argument}"
        )


def thresholds(name: str, value: Any) -> float | list[float] | None:
    """Return a threshold, or several, from 0 to 1; None stays."""
    if value is None:
        return None
    several = _checks.several(value)
    if several is None:
        return _checks.number(name, value, at_least=0.0, at_most=1.0)
    if not several:
        raise ValueError(f"{name}: expected at least one number, found none")
    return [_checks.number(name, each, at_least=0.0, at_most=1.0) for each in several]


def optional_count(name: str, value: Any, minimum: int) -> int | None:
    """Return a whole number, or None."""
    return None if value is None else _checks.integer(name, value, minimum=minimum)
