"""Metrics of confusion matrices: how many are above thresholds, of yes and of no."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fanin.metrics._counts import (
    Counting,
    Sums,
    check_single,
    optional_count,
    ratio,
    thresholds,
)

_LOWEST = -1e10
"""What all outputs are above that are among the largest of their row."""


class Matrix(NamedTuple):
    """The confusion matrices of all thresholds, from the lowest; labels come after these."""

    true_positives: Sums
    false_positives: Sums
    true_negatives: Sums
    false_negatives: Sums

    @property
    def precision(self) -> Sums:
        """The share of what is said to be yes that is."""
        found: Sums = ratio(self.true_positives, self.true_positives + self.false_positives)
        return found

    @property
    def recall(self) -> Sums:
        """The share of what is yes that is said to be; sensitivity."""
        found: Sums = ratio(self.true_positives, self.true_positives + self.false_negatives)
        return found

    @property
    def specificity(self) -> Sums:
        """The share of what is no that is said to be."""
        found: Sums = ratio(self.true_negatives, self.true_negatives + self.false_positives)
        return found


class Confusion(Counting):
    """A metric of outputs that are above thresholds."""

    _numbered = True

    def _levels(self) -> list[float]:
        """Return the thresholds, in the order of the results."""
        raise NotImplementedError

    def settings(self) -> dict[str, object]:
        """Return the settings of this object for the core.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        top_k, class_id = getattr(self, "top_k", None), getattr(self, "class_id", None)
        return {
            "kind": "buckets",
            "thresholds": tuple(sorted(self._levels())),
            "soft": False,
            "top_k": top_k or 0,
            "class_id": -1 if class_id is None else class_id,
            "by_label": False,
            "weighs_labels": False,
            "label_weights": (),
            "from_logits": False,
        }

    def _length(self, width: int) -> int:
        return 2 * (len(self._levels()) + 1)

    def _matrix(self, sums: Sums) -> Matrix:
        """Return the matrices at the sorted thresholds."""
        buckets = np.moveaxis(sums.reshape(-1, 2, len(self._levels()) + 1), 0, -1)
        yes, no = buckets[:, :, 0] if buckets.shape[-1] == 1 else buckets
        above = [part[::-1].cumsum(axis=0)[::-1][1:] for part in (yes, no)]
        below = [part.cumsum(axis=0)[:-1] for part in (no, yes)]
        return Matrix(*above, *below)


class _AtThresholds(Confusion):
    """A number for each threshold."""

    def _levels(self) -> list[float]:
        given: Any = self.thresholds  # type: ignore[attr-defined]
        if given is None:
            return [0.5 if getattr(self, "top_k", None) is None else _LOWEST]
        return given if isinstance(given, list) else [given]

    def _of(self, matrix: Matrix) -> Sums:
        raise NotImplementedError

    def _score(self, sums: Sums) -> Any:
        values = self._of(self._matrix(sums))
        if len(values) == 1:
            return float(values[0])
        places = np.argsort(self._levels(), kind="stable")
        found = np.empty_like(values)
        found[places] = values
        return found

    def _check_logs(self) -> None:
        check_single(self, len(self._levels()) > 1, "there is one a threshold: give it one")


class _Count(_AtThresholds):
    """How many outputs are in one field of the confusion matrix."""

    _options: ClassVar[Mapping[str, Any]] = {"thresholds": thresholds}

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.thresholds = thresholds

    def _of(self, matrix: Matrix) -> Sums:
        found: Sums = getattr(matrix, self.kind)
        return found


class TruePositives(_Count):
    """How many outputs are above a threshold that should be.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        Outputs above it mean yes: 0.5 if not given. With several, by hand, `result` is an array.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> TruePositives()([1, 0, 0], [0.9, 0.8, 0.1])
    1.0
    """

    kind = "true_positives"
    larger_is_better: ClassVar[bool | None] = True


class FalsePositives(_Count):
    """How many outputs are above a threshold that should not be.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        Outputs above it mean yes: 0.5 if not given. With several, by hand, `result` is an array.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> FalsePositives()([1, 0, 0], [0.9, 0.8, 0.1])
    1.0
    """

    kind = "false_positives"
    larger_is_better: ClassVar[bool | None] = False


class TrueNegatives(_Count):
    """How many outputs are not above a threshold, as they should.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        Outputs above it mean yes: 0.5 if not given. With several, by hand, `result` is an array.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> TrueNegatives()([1, 0, 0], [0.9, 0.8, 0.1])
    1.0
    """

    kind = "true_negatives"
    larger_is_better: ClassVar[bool | None] = True


class FalseNegatives(_Count):
    """How many outputs are not above a threshold that should be.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        Outputs above it mean yes: 0.5 if not given. With several, by hand, `result` is an array.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> FalseNegatives()([1, 0, 0], [0.9, 0.8, 0.1])
    0.0
    """

    kind = "false_negatives"
    larger_is_better: ClassVar[bool | None] = False


class _Rate(_AtThresholds):
    """A share of the outputs that are above a threshold, or should be."""

    larger_is_better: ClassVar[bool | None] = True
    _options: ClassVar[Mapping[str, Any]] = {
        "thresholds": thresholds,
        "top_k": partial(optional_count, minimum=1),
        "class_id": partial(optional_count, minimum=0),
    }

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id


class Precision(_Rate):
    """Share of the outputs above a threshold that should be: ``tp / (tp + fp)``, 0 of none.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        Outputs above it mean yes: 0.5 if not given, or all of the `top_k`. (Of logits give 0.) With
        several, by hand, `result` is an array.
    top_k : int, optional
        Only so many outputs of a row, the largest, can mean yes.
    class_id : int, optional
        The only output that counts.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> Precision()([1, 0, 0], [0.9, 0.8, 0.1])
    0.5
    """

    kind = "precision"

    def _of(self, matrix: Matrix) -> Sums:
        return matrix.precision


class Recall(_Rate):
    """Share of the outputs that should be above a threshold that are: ``tp / (tp + fn)``.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        Outputs above it mean yes: 0.5 if not given, or all of the `top_k`. (Of logits give 0.) With
        several, by hand, `result` is an array.
    top_k : int, optional
        Only so many outputs of a row, the largest, can mean yes.
    class_id : int, optional
        The only output that counts.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.

    Examples
    --------
    >>> Recall()([1, 0, 0], [0.9, 0.8, 0.1])
    1.0
    """

    kind = "recall"

    def _of(self, matrix: Matrix) -> Sums:
        return matrix.recall
