"""What is known of an initializer's values for one shape, without drawing them."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fanin.show.results import Result
from fanin.streams._base import STD_WITHIN_TWO


@dataclass(frozen=True, repr=False)
class Facts(Result):
    """Formula, moments and bounds of one array of weights."""

    formula: str
    mean: float
    variance: float
    low: float
    high: float
    truncation: str | None = None
    fans: tuple[float, float] | None = None
    tied: bool = False  # units of a layer are equal, and stay so

    @classmethod
    def constant(cls, value: float) -> Self:
        """Return the facts of an array of equal values."""
        return cls(f"w = {value:g}", value, 0.0, value, value, tied=True)

    @classmethod
    def of_few(cls, formula: str, value: float, count: int, size: int) -> Self:
        """Return the facts of an array of zeros with `count` elements of `value`."""
        share = count / size if size else 0.0
        low, high = min(0.0, value), max(0.0, value)
        return cls(formula, share * value, share * (1 - share) * value**2, low, high)

    @classmethod
    def of_values(cls, formula: str, values: npt.NDArray[Any]) -> Self:
        """Return the facts of these very values."""
        if values.size == 0:
            return cls(formula, 0.0, 0.0, 0.0, 0.0)
        units_equal = values.ndim > 1 and bool((values == values[..., :1]).all())
        low, high = float(values.min()), float(values.max())
        return cls(formula, float(values.mean()), float(values.var()), low, high, tied=units_equal)

    @classmethod
    def uniform(cls, formula: str, low: float, high: float) -> Self:
        """Return the facts of a uniform distribution."""
        return cls(formula, 0.5 * (low + high), (high - low) ** 2 / 12, low, high)

    @classmethod
    def normal(cls, formula: str, mean: float, std: float) -> Self:
        """Return the facts of a normal distribution."""
        infinite = math.inf if std > 0 else 0.0
        return cls(formula, mean, std**2, mean - infinite, mean + infinite)

    @classmethod
    def truncated(cls, formula: str, mean: float, std: float, low: float, high: float) -> Self:
        """Return the facts of a normal within `low` and `high` standard deviations of the mean."""
        if std == 0:
            return cls(formula, mean, 0.0, mean, mean)
        shift, left = _truncated_moments(low, high)
        note = f"between {low:g} and {high:g} std, which leaves {math.sqrt(left):.6g} of the std"
        bounds = (mean + std * low, mean + std * high)
        return cls(formula, mean + std * shift, std**2 * left, *bounds, truncation=note)


def _truncated_moments(low: float, high: float) -> tuple[float, float]:
    """Return mean and variance of a standard normal within these bounds."""
    if low > 0:
        mean, variance = _truncated_moments(-high, -low)
        return -mean, variance
    if low == -2 and high == 2:
        return 0.0, STD_WITHIN_TWO**2
    # Gauss and Legendre: exact to a few ulp on each panel, also where both tails are tiny. The
    # weight is scaled by its largest value; beyond 40 of its own scales nothing is left of it.
    nearest = min(max(0.0, low), high)
    reach = 40.0 / max(1.0, abs(nearest))
    a, b = max(low, nearest - reach), min(high, nearest + reach)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.linspace(a, b, 65)
    half = 0.5 * np.diff(edges)[:, None]
    offset = 0.5 * (edges[:-1] + edges[1:])[:, None] + half * nodes - nearest
    density = np.exp(-0.5 * offset * (offset + 2 * nearest)) * weights * half
    mass = density.sum()
    mean = (density * offset).sum() / mass
    variance = (density * (offset - mean) ** 2).sum() / mass
    return float(nearest + mean), float(variance)
