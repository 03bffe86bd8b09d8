"""Areas under curves."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from fanin import _checks
from fanin.metrics._confusion import Confusion, Matrix
from fanin.metrics._counts import Sums, optional_count, ratio
from fanin.metrics._counts import thresholds as _thresholds

_EPSILON = 1e-7
"""How far the lowest threshold is below 0, and the highest above 1."""

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMMATIONS = ("interpolation", "minoring", "majoring")


def _curve(name: str, value: Any) -> str:
    return _checks.one_of(name, value.upper() if isinstance(value, str) else value, _CURVES)


def _summation(name: str, value: Any) -> str:
    return _checks.one_of(name, value.lower() if isinstance(value, str) else value, _SUMMATIONS)


def _list(name: str, value: Any) -> list[float] | None:
    found = _thresholds(name, value)
    return [found] if isinstance(found, float) else found


def _weights(name: str, value: Any) -> list[float] | None:
    if value is None:
        return None
    several = _checks.several(value)
    if not several:
        raise TypeError(f"{name}: expected numbers, one a label, found {_checks.found(value)}")
    return [_checks.number(name, each, at_least=0.0) for each in several]


class AUC(Confusion):
    """Area under a curve of two rates at many thresholds, as Keras interpolates it.

    Outputs are probabilities, counted between thresholds; all outputs are one set of answers unless
    `multi_label` says otherwise. Targets between 0 and 1 are yes and no in part.

    Parameters
    ----------
    num_thresholds : int, default 200
        How many thresholds there are, evenly from 0 to 1, with the first just below and the last
        just above.
    curve : {"ROC", "PR", "PRGAIN"}, default "ROC"
        Recall over the false positive rate; precision over recall; or their gains.
    summation_method : {"interpolation", "minoring", "majoring"}, default "interpolation"
        Straight lines between the points, of counts in the case of PR (Davis and Goadrich), or the
        lower or the upper of two neighbours.
    name : str, optional
        What it is called in logs.
    dtype : None
        See `Metric`.
    thresholds : sequence of float, optional
        Thresholds between the first and the last, in the place of `num_thresholds`.
    multi_label : bool, default False
        Whether each output has a curve of its own; the areas are averaged.
    num_labels : int, optional
        The number of outputs, with `multi_label`.
    label_weights : sequence of float, optional
        What each output counts: in the average with `multi_label`, else in the counts.
    from_logits : bool, default False
        Whether outputs are logits, of which the sigmoid is taken.

    References
    ----------
    Davis and Goadrich (2006), The relationship between precision-recall and ROC curves, ICML.

    Examples
    --------
    >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.75
    """

    kind = "auc"
    larger_is_better: ClassVar[bool | None] = True
    _options: ClassVar[Mapping[str, Any]] = {
        "num_thresholds": partial(_checks.integer, minimum=2, maximum=1_000_000),
        "curve": _curve,
        "summation_method": _summation,
        "thresholds": _list,
        "multi_label": _checks.flag,
        "num_labels": partial(optional_count, minimum=1),
        "label_weights": _weights,
        "from_logits": _checks.flag,
    }

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.num_thresholds = num_thresholds
        self.curve = curve
        self.summation_method = summation_method
        self.thresholds = thresholds
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        if num_labels is not None and not self.multi_label:
            raise ValueError(
                f"num_labels: expected None without multi_label=True, found {num_labels}"
            )

    def _levels(self) -> list[float]:
        between = self.thresholds
        if between is None:
            last = self.num_thresholds - 1
            between = [i / last for i in range(1, last)]
        return [-_EPSILON, *sorted(between), 1.0 + _EPSILON]

    def settings(self) -> dict[str, object]:
        """Return the settings of this object for the core.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        weighs = self.label_weights is not None and not self.multi_label
        return {
            **super().settings(),
            "soft": True,
            "by_label": self.multi_label,
            "weighs_labels": weighs,
            "label_weights": tuple(self.label_weights or ()) if weighs else (),
            "from_logits": self.from_logits,
        }

    def _length(self, width: int) -> int:
        return super()._length(width) * (width if self.multi_label else 1)

    def _check(self, width: int) -> None:
        if self.num_labels not in (None, width):
            raise ValueError(
                f"num_labels: expected {width}, the number of outputs, found {self.num_labels}"
            )
        if self.label_weights is not None and len(self.label_weights) != width:
            raise ValueError(
                f"label_weights: expected {width}, one an output, found {len(self.label_weights)}"
            )

    def _score(self, sums: Sums) -> float:
        matrix = self._matrix(sums)
        if self.curve == "PR" and self.summation_method == "interpolation":
            terms = _between_counts(matrix)
        else:
            x, y = _points(matrix, self.curve)
            terms = (x[:-1] - x[1:]) * _heights(y, self.summation_method)
        areas = terms.sum(axis=0)
        if not self.multi_label:
            return float(areas)
        if self.label_weights is None:
            return float(areas.mean())
        weights = np.array(self.label_weights)
        return float(ratio(areas @ weights, weights.sum()))


def _points(matrix: Matrix, curve: str) -> tuple[Sums, Sums]:
    """Return the points of a curve, from the lowest threshold."""
    if curve == "ROC":
        false = matrix.false_positives
        return ratio(false, false + matrix.true_negatives), matrix.recall
    if curve == "PR":
        return matrix.recall, matrix.precision
    hits, false, _, missed = matrix
    scale = ratio(hits + missed, matrix.true_negatives + false)
    # Without a hit nothing is gained, and nothing lost; worse than always yes is no gain.
    recall = np.where(hits == 0, 0.0, np.maximum(1.0 - scale * ratio(missed, hits), 0.0))
    precision = np.where(hits == 0, 1.0, 1.0 - scale * ratio(false, hits))
    return recall, precision


def _heights(y: Sums, summation: str) -> Sums:
    found: Sums
    if summation == "interpolation":
        found = (y[:-1] + y[1:]) / 2
    elif summation == "minoring":
        found = np.minimum(y[:-1], y[1:])
    else:
        found = np.maximum(y[:-1], y[1:])
    return found


def _between_counts(matrix: Matrix) -> Sums:
    """Return the areas below precision over recall, with counts on lines between thresholds.

    Between two of them, with h hits of p that are said to be yes, h = a + s p, and the area is the
    integral of h / p over h, divided by all that is yes: s (dh + a log(p / p')).
    """
    hits, said = matrix.true_positives, matrix.true_positives + matrix.false_positives
    of_hits = hits[:-1] - hits[1:]
    slope = ratio(of_hits, np.maximum(said[:-1] - said[1:], 0.0))
    start = hits[1:] - slope * said[1:]
    both = (said[:-1] > 0) & (said[1:] > 0)
    growth = np.where(both, ratio(said[:-1], said[1:]), 1.0)
    found: Sums = ratio(
        slope * (of_hits + start * np.log(growth)), hits[1:] + matrix.false_negatives[1:]
    )
    return found
