"""The best of one rate where another is enough, over many thresholds."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from fanin import _checks
from fanin.metrics._confusion import Confusion
from fanin.metrics._counts import Sums, optional_count


class _Best(Confusion):
    """The most of one rate where another one is at least a value, over many thresholds."""

    larger_is_better: ClassVar[bool | None] = True
    _wanted: ClassVar[str]
    _bound: ClassVar[str]
    _options: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(
            ("precision", "recall", "sensitivity", "specificity"),
            partial(_checks.number, at_least=0.0, at_most=1.0),
        ),
        "num_thresholds": partial(_checks.integer, minimum=1, maximum=1_000_000),
        "class_id": partial(optional_count, minimum=0),
    }

    def _levels(self) -> list[float]:
        count: int = self.num_thresholds  # type: ignore[attr-defined]
        if count == 1:
            return [0.5]
        return [i / (count - 1) for i in range(count)]

    def settings(self) -> dict[str, object]:
        """Return the settings of this object for the core.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        return {**super().settings(), "soft": True}

    def _score(self, sums: Sums) -> float:
        matrix = self._matrix(sums)
        rates = {
            "precision": matrix.precision,
            "recall": matrix.recall,
            "sensitivity": matrix.recall,
            "specificity": matrix.specificity,
        }
        enough = rates[self._bound] >= getattr(self, self._bound)
        return float(np.where(enough, rates[self._wanted], 0.0).max())


class SensitivityAtSpecificity(_Best):
    """Largest sensitivity of thresholds at which the specificity is at least a value.

    The thresholds are even from 0 to 1. Where none is enough it is 0.

    Parameters
    ----------
    specificity : float
        The value, from 0 to 1.
    num_thresholds : int, default 200
        How many thresholds are looked at.
    class_id : int, optional
        The only output that counts.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> SensitivityAtSpecificity(0.5)([0, 0, 1], [0.1, 0.8, 0.6])
    1.0
    """

    kind = "sensitivity_at_specificity"
    _wanted, _bound = "sensitivity", "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.specificity = specificity
        self.num_thresholds = num_thresholds
        self.class_id = class_id


class SpecificityAtSensitivity(_Best):
    """Largest specificity of thresholds at which the sensitivity is at least a value.

    The thresholds are even from 0 to 1. Where none is enough it is 0.

    Parameters
    ----------
    sensitivity : float
        The value, from 0 to 1.
    num_thresholds : int, default 200
        How many thresholds are looked at.
    class_id : int, optional
        The only output that counts.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> SpecificityAtSensitivity(0.5)([0, 0, 1], [0.1, 0.8, 0.6])
    0.5
    """

    kind = "specificity_at_sensitivity"
    _wanted, _bound = "specificity", "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.sensitivity = sensitivity
        self.num_thresholds = num_thresholds
        self.class_id = class_id


class PrecisionAtRecall(_Best):
    """Largest precision of thresholds at which the recall is at least a value.

    The thresholds are even from 0 to 1. Where none is enough it is 0.

    Parameters
    ----------
    recall : float
        The value, from 0 to 1.
    num_thresholds : int, default 200
        How many thresholds are looked at.
    class_id : int, optional
        The only output that counts.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> PrecisionAtRecall(0.5)([0, 0, 1], [0.1, 0.8, 0.6])
    0.5
    """

    kind = "precision_at_recall"
    _wanted, _bound = "precision", "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.recall = recall
        self.num_thresholds = num_thresholds
        self.class_id = class_id


class RecallAtPrecision(_Best):
    """Largest recall of thresholds at which the precision is at least a value.

    The thresholds are even from 0 to 1. Where none is enough it is 0.

    Parameters
    ----------
    precision : float
        The value, from 0 to 1.
    num_thresholds : int, default 200
        How many thresholds are looked at.
    class_id : int, optional
        The only output that counts.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> RecallAtPrecision(0.5)([0, 0, 1], [0.1, 0.8, 0.6])
    1.0
    """

    kind = "recall_at_precision"
    _wanted, _bound = "recall", "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.precision = precision
        self.num_thresholds = num_thresholds
        self.class_id = class_id
