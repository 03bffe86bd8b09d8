"""How often something is right: the largest outputs, or outputs themselves."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from fanin import _checks
from fanin.metrics._base import Metric

_COUNT = partial(_checks.integer, minimum=1)


class Accuracy(Metric):
    """Share of outputs that are equal to their targets.

    The name "accuracy" is not this in `compile`, but the accuracy that fits the loss.

    Parameters
    ----------
    name : str, default "accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> Accuracy()([[1], [2]], [[1], [3]])
    0.5
    """

    kind = "accuracy"
    larger_is_better: ClassVar[bool | None] = True


class TopKCategoricalAccuracy(Metric):
    """Share of rows where the one-hot target's output is among the k largest.

    Parameters
    ----------
    k : int, default 5
        How many outputs are looked at.
    name : str, default "top_k_categorical_accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> TopKCategoricalAccuracy(2)([[0, 0, 1], [1, 0, 0]], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]])
    0.5
    """

    kind = "top_k_categorical_accuracy"
    larger_is_better: ClassVar[bool | None] = True
    _options: ClassVar[Mapping[str, Any]] = {"k": _COUNT}

    def __init__(self, k: int = 5, name: str | None = None, dtype: None = None) -> None:
        super().__init__(name, dtype)
        self.k: int = k


class SparseTopKCategoricalAccuracy(Metric):
    """Share of rows where the target class's output is among the k largest.

    Parameters
    ----------
    k : int, default 5
        How many outputs are looked at.
    name : str, default "sparse_top_k_categorical_accuracy"
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> SparseTopKCategoricalAccuracy(2)([2, 0], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]])
    0.5
    """

    kind = "sparse_top_k_categorical_accuracy"
    larger_is_better: ClassVar[bool | None] = True
    _options: ClassVar[Mapping[str, Any]] = {"k": _COUNT}

    def __init__(self, k: int = 5, name: str | None = None, dtype: None = None) -> None:
        super().__init__(name, dtype)
        self.k: int = k
