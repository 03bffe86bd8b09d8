"""The metrics that the core computes: means of one value a row."""

from collections.abc import Mapping
from typing import Any, ClassVar

from fanin import _checks
from fanin.metrics._base import Metric


class CategoricalAccuracy(Metric):
    """Share of rows whose largest output is where the one-hot target is.

    Parameters
    ----------
    name : str, default "categorical_accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    kind = "categorical_accuracy"
    larger_is_better: ClassVar[bool | None] = True


class SparseCategoricalAccuracy(Metric):
    """Share of rows whose largest output is the target class.

    Parameters
    ----------
    name : str, default "sparse_categorical_accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    kind = "sparse_categorical_accuracy"
    larger_is_better: ClassVar[bool | None] = True


class BinaryAccuracy(Metric):
    """Share of outputs on the same side of the threshold as their targets.

    Parameters
    ----------
    name : str, default "binary_accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.
    threshold : float, default 0.5
        Outputs above it mean yes.

    Examples
    --------
    >>> BinaryAccuracy()([[1], [0]], [[0.9], [0.8]])
    0.5
    """

    kind = "binary_accuracy"
    larger_is_better: ClassVar[bool | None] = True
    _options: ClassVar[Mapping[str, Any]] = {"threshold": _checks.number}

    def __init__(self, name: str | None = None, dtype: None = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold


class MeanSquaredError(Metric):
    """Mean of squared differences.

    Parameters
    ----------
    name : str, default "mean_squared_error"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> MeanSquaredError()([[0.0, 2.0]], [[0.0, 0.0]])
    2.0
    """

    kind = "mean_squared_error"
    larger_is_better: ClassVar[bool | None] = False


class MeanAbsoluteError(Metric):
    """Mean of absolute differences.

    Parameters
    ----------
    name : str, default "mean_absolute_error"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> MeanAbsoluteError()([[0.0, 2.0]], [[0.0, 0.0]])
    1.0
    """

    kind = "mean_absolute_error"
    larger_is_better: ClassVar[bool | None] = False
