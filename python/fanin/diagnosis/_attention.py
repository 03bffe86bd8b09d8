"""How sharp attention is: what share of its queries look at one key."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.diagnosis._signals import SMALL_SLOPE
from fanin.frameworks._trace import AttentionTrace
from fanin.show.results import Result
from fanin.show.text import counted

Array = NDArray[Any]

_FLAT = (1 + math.sqrt(1 - 4 * SMALL_SLOPE)) / 2
"""Largest weight from which a softmax is flat: where p (1 - p), its slope, falls below 0.1."""


_LOST = 52.0
"""Spread of two scores that are so far apart, by 104, that the smaller weight is 0 in float32."""


@dataclass(frozen=True, repr=False)
class AttentionReport(Result):
    """The weights that attention gives to keys.

    Attributes
    ----------
    layers : tuple of str
        The layer of attention, or the layers that make queries and keys.
    together : str
        Name of an array that has the kernels of queries and keys side by side; or empty.
    keys : int
        How many keys there are.
    entropy : float
        Mean entropy of a query's weights, by that of equal weights: 1 where all keys get the same,
        0 where one key gets all.
    sharp : float
        Share of the queries whose largest weight is above 0.887: no score has a slope above 0.1.
    spread : float
        Standard deviation of a query's scores, the median over queries. Where weights are no
        numbers any more, at least so much.
    """

    layers: tuple[str, ...]
    together: str
    keys: int
    entropy: float
    sharp: float
    spread: float

    def _says(self) -> str:
        return (
            f"{' and '.join(self.layers)}, {counted(self.keys, 'key')}: entropy {self.entropy:.3g} "
            f"of that of equal weights, {self.sharp:.0%} sharp"
        )

    @classmethod
    def of(cls, trace: AttentionTrace) -> "AttentionReport | None":
        """Measure an attention; None where no query has two keys to choose from.

        Which keys a query may look at is seen from the weights: all that get some weight from it in
        one of the matrices, but for those that no query of this matrix gives any, as padding.
        """
        logarithms = trace.logarithms.astype(np.float64)
        some = np.isfinite(logarithms)
        allowed = some.any(axis=0) & some.any(axis=1, keepdims=True)
        counts = allowed.sum(axis=-1)
        chosen = counts > 1
        if not chosen.any() or np.isnan(logarithms).any():
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.exp(logarithms)
            entropy = -np.where(some, weights * logarithms, 0.0).sum(axis=-1) / np.log(counts)
            spread = _spread(np.where(some, logarithms, np.nan)[chosen])
        return cls(
            layers=trace.layers,
            together=trace.together,
            keys=logarithms.shape[-1],
            entropy=float(entropy[chosen].mean()),
            sharp=float((weights.max(axis=-1)[chosen] > _FLAT).mean()),
            spread=spread,
        )


def _spread(scores: Array) -> float:
    """Return the median over rows of their standard deviations, of what is finite."""
    counts = np.isfinite(scores).sum(axis=-1)
    rows = scores[counts > 1]
    return float(np.median(np.nanstd(rows, axis=-1))) if len(rows) else _LOST
