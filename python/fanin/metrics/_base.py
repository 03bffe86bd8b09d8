"""What every metric shares: a name, a running mean."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core
from fanin._checks import FloatArray
from fanin._members._registry import CoreMember, snake
from fanin.errors import ShapeError
from fanin.losses import _targets


class Metric(CoreMember):
    """Base class of the metrics, a running mean of one value a row; and of those that you write.

    A metric of your own has the methods ``reset_state()``, which `fit` calls before each epoch and
    `evaluate` in the beginning, ``update_state(y_true, y_pred)``, called for each batch, and
    ``result()``, a number. Weights of samples count where it is one of the `weighted_metrics` of
    `compile`: ``update_state`` then gets ``sample_weight=`` as well, if there are weights.

    Parameters
    ----------
    name : str, optional
        What it is called in `History` and in logs.
    dtype : None
        Here for Keras's signature: the sums are float64.

    Examples
    --------
    >>> from fanin.metrics import MeanAbsoluteError
    >>> metric = MeanAbsoluteError()
    >>> metric.update_state([[0.0], [1.0]], [[0.0], [3.0]])
    >>> float(metric.result())
    1.0
    >>> class LargestError(Metric):
    ...     larger_is_better = False
    ...
    ...     def reset_state(self):
    ...         self._largest = 0.0
    ...
    ...     def update_state(self, y_true, y_pred):
    ...         self._largest = max(self._largest, float(np.abs(y_pred - y_true).max()))
    ...
    ...     def result(self):
    ...         return self._largest
    >>> LargestError().name
    'largest_error'
    """

    kind = ""  # of a metric of a user's, which the core does not know

    larger_is_better: ClassVar[bool | None] = None
    """Which direction callbacks take for the better one; None if ``mode=`` has to say it."""

    _family = "metrics"
    _honoured = (
        *("update_state", "result", "reset_state"),
        *("settings", "get_config", "from_config"),
    )
    _elsewhere = ("call", "reset_states", "merge_state")
    _reason = (
        "fit and evaluate count in compiled code, and call update_state, result and reset_state of "
        "metrics that it does not have"
    )
    _instead = "write update_state(y_true, y_pred), result() and reset_state(), all three"

    _numbered: ClassVar[bool] = False
    """Whether several without a name of their own are told apart by numbers."""

    _options: ClassVar[Mapping[str, Any]] = {"name": _checks.text}
    _left_out = ("dtype",)

    def __init__(self, name: str | None = None, dtype: None = None) -> None:
        if dtype is not None:
            raise ValueError(
                f"dtype: expected None, since the sums are float64, found {_checks.found(dtype)}"
            )
        self.name: str = (self.kind or snake(type(self).__name__)) if name is None else name
        Metric.reset_state(self)  # a user's may need what its constructor has yet to set

    @classmethod
    def _usable(cls) -> bool:
        return bool(cls.kind) or (
            cls.update_state is not Metric.update_state
            and cls.result is not Metric.result
            and cls.reset_state is not Metric.reset_state
        )

    def reset_state(self) -> None:
        """Forget what was seen."""
        self._sum = 0.0
        self._weight = 0.0

    # Any: what overrides it may say that it gets arrays.
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take further rows into account.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like of shape (batch,), optional
            Weights of the samples in the mean.
        """
        if not self.kind:
            raise TypeError(
                f"{type(self).__name__}: the update_state of Metric knows no value of a row to take"
            )
        outputs, y_true = as_rows(self.kind, y_true, y_pred)
        targets = _targets.prepare("y_true", y_true, self.kind, outputs.shape, outputs.dtype.name)
        rows = _core.metric_rows(self.settings(), outputs, targets).astype(np.float64)
        weights = np.ones_like(rows)
        if sample_weight is not None:
            weights = weights * _targets.row_weights(
                "sample_weight", sample_weight, rows.shape, "float64"
            )
        self._sum += float(np.sum(rows * weights))
        self._weight += float(np.sum(weights))

    def result(self) -> float:
        """Return the mean of what was seen.

        Returns
        -------
        float
            0.0 if nothing was seen.
        """
        return self._value([self._sum], self._weight)

    def _value(self, sums: Sequence[float], counted: float) -> float:
        """Return what sums say, of what weighs so much together."""
        return float(sums[0] / counted) if counted else 0.0

    def _length(self, width: int) -> int:
        """Return how many sums the core keeps of outputs of a width."""
        return 1

    def _check(self, width: int) -> None:
        """Refuse outputs of a width that the options do not fit."""

    def _check_logs(self) -> None:
        """Refuse to be in logs, which hold a number."""

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Take further rows into account and return the mean.

        Parameters
        ----------
        y_true, y_pred, sample_weight : array_like
            As in `update_state`.

        Returns
        -------
        float
            The mean of all rows seen.
        """
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.update_state(y_true, y_pred, **weights)
        return self.result()

    def _shown(self) -> dict[str, Any]:
        return {"name": self.name}


def as_rows(kind: str, y_true: Any, y_pred: Any) -> tuple[FloatArray, Any]:
    """Return outputs of two axes or more, and targets: two vectors are columns."""
    outputs = _checks.free_floats("y_pred", y_pred)
    if outputs.ndim == 1 and np.ndim(y_true) == 1 and kind not in _targets.SPARSE:
        outputs = outputs[:, np.newaxis]
        y_true = _checks.numeric("y_true", y_true)[:, np.newaxis]
    if outputs.ndim < 2 or outputs.size == 0:
        raise ShapeError(
            "y_pred: expected a non-empty array of shape (batch, outputs), found shape "
            f"{outputs.shape}"
        )
    return outputs, y_true
