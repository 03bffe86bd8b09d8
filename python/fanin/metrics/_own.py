"""Metrics that users write: what `fit` and `evaluate` ask of them; functions as metrics."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks
from fanin._members._registry import snake
from fanin.errors import ShapeError
from fanin.losses import _targets
from fanin.metrics._base import Metric

_METHODS = ("update_state", "result", "reset_state")
_counting: dict[int, object] = {}
"""By id, which run counts with a metric of a user's."""


def is_own(metric: Metric) -> bool:
    """Return whether a method of a metric is the user's, so that Python calls it."""
    base = metric._own_base
    return not base.kind or any(
        getattr(getattr(metric, name), "__func__", None) is not getattr(base, name)
        for name in _METHODS
    )


def check(metric: Metric) -> None:
    """Refuse an object that logs and monitors cannot use."""
    metric._check_logs()
    kind = type(metric).__name__
    name = getattr(metric, "name", None)
    if not isinstance(name, str):
        raise TypeError(
            f"name of {kind}: expected text, found {_checks.found(name)}; its __init__ calls "
            "super().__init__(name)"
        )
    if metric.larger_is_better is not None:
        _checks.flag(f"larger_is_better of {kind}", metric.larger_is_better)


def check_takes_weights(metric: Metric) -> None:
    """Refuse weights that the `update_state` of a weighted metric would not get."""
    import inspect

    parameters = inspect.signature(metric.update_state).parameters
    if "sample_weight" not in parameters and not any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    ):
        raise ValueError(
            f"weighted_metrics: expected metrics that take weights, found {metric.name!r}, whose "
            "update_state takes no sample_weight; write update_state(self, y_true, y_pred, "
            "sample_weight=None)"
        )


def result_of(metric: Metric) -> float:
    """Return the result of a user's metric, if it is a number; NaN is one."""
    result: Any = metric.result()
    if isinstance(result, int | float | np.number | np.ndarray):
        array = np.asarray(result)
        if array.ndim == 0 and array.dtype.kind in "fiub":
            return float(array)
    raise TypeError(
        f"result of {type(metric).__name__}: expected a number, found {_checks.found(result)}"
    )


@contextmanager
def counting(metrics: Sequence[Metric]) -> Iterator[list[Metric]]:
    """Let one run count with metrics; it gets copies of those with which another one counts.

    Others are networks of the same `fit_many`, an `evaluate` in a callback, or another thread.
    """
    run = object()
    try:
        # One call of a dict's method: of two threads, one is the first.
        yield [
            metric if _counting.setdefault(id(metric), run) is run else copy.deepcopy(metric)
            for metric in metrics
        ]
    finally:
        for metric in metrics:
            if _counting.get(id(metric)) is run:
                del _counting[id(metric)]


class FunctionMetric(Metric):
    """The mean of what a function of arrays returns.

    Parameters
    ----------
    function : callable
        ``f(y_true, y_pred)``: a number, the mean of its batch; or an array of one entry a sample.
    name : str, optional
        That of the function if not given.
    """

    @classmethod
    def _usable(cls) -> bool:
        return True

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        super().__init__(function_name(function) if name is None else name)
        self.function = function

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take further samples into account.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like of shape (batch,), optional
            Weights of the samples in the mean, of a function that returns one number a sample.
        """
        samples, name = len(np.asarray(y_pred)), f"the result of {self.name}"
        found: Any = self.function(y_true, y_pred)
        if not isinstance(found, int | float | np.number | np.ndarray | list):
            raise TypeError(
                f"{name}: expected a number or an array of one number a sample, found "
                f"{_checks.found(found)}"
            )
        values = _checks.floats(name, found, "float64", finite=False)
        if values.ndim and len(values) != samples:
            raise ShapeError(
                f"{name}: expected a number or one number for each of the {samples} samples, found "
                f"shape {values.shape}"
            )
        if sample_weight is None:
            self._sum += float(values.mean() if values.ndim else values) * samples
            self._weight += samples
            return
        if not values.ndim:
            raise ValueError(
                "sample_weight: expected None for a function that returns one number a batch, "
                f"found weights for {self.name}"
            )
        rows = values.reshape(samples, -1).mean(axis=1)
        weights = _targets.row_weights("sample_weight", sample_weight, rows.shape, "float64")
        self._sum += float(np.sum(rows * weights))
        self._weight += float(np.sum(weights))


def function_name(function: Any) -> str:
    """Return what a function is called; of an object that is called, its name or its class's."""
    for name in ("__name__", "name"):
        found = getattr(function, name, None)
        if isinstance(found, str):
            return found
    inner = getattr(function, "func", None)  # functools.partial
    return snake(type(function).__name__) if inner is None else function_name(inner)
