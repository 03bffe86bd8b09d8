"""Random numbers from outside: NumPy generators and replayed streams, behind one set of methods."""

import math
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from fanin.random import RandomSource

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


class Source(Protocol):
    """What is drawn from by its own methods, one call after the other."""

    def uniform(self, shape: Shape, low: float, high: float, dtype: str) -> Array:
        """Draw from [low, high)."""

    def normal(self, shape: Shape, mean: float, std: float, dtype: str) -> Array:
        """Draw from a normal distribution."""

    def truncated_normal(
        self, shape: Shape, mean: float, std: float, low: float, high: float, dtype: str
    ) -> Array:
        """Draw within `low` and `high` standard deviations of the mean."""

    def permutation(self, n: int) -> Array:
        """Return the numbers below `n` in a random order."""


class NumPySource:
    """A NumPy generator: float64, in the order in which NumPy code draws."""

    def __init__(self, rng: np.random.Generator | np.random.RandomState) -> None:
        self.rng = rng

    def uniform(self, shape: Shape, low: float, high: float, dtype: str) -> Array:
        """Draw from [low, high)."""
        return np.asarray(self.rng.uniform(low, high, size=shape))

    def normal(self, shape: Shape, mean: float, std: float, dtype: str) -> Array:
        """Draw from a normal distribution."""
        return np.asarray(self.rng.normal(mean, std, size=shape))

    def truncated_normal(
        self, shape: Shape, mean: float, std: float, low: float, high: float, dtype: str
    ) -> Array:
        """Draw a proposal for each element, and again for those that are not accepted."""
        z = np.empty(shape)
        flat = z.reshape(-1)
        missing = np.arange(flat.size)
        while missing.size:
            proposal, accepted = self._propose(missing.size, low, high)
            flat[missing[accepted]] = proposal[accepted]
            missing = missing[~accepted]
        return mean + std * z

    def _propose(self, n: int, low: float, high: float) -> tuple[Array, Array]:
        """Propose standard normals within the bounds, so that a good part is accepted.

        The normal itself where it often lies within; else, after C. P. Robert, "Simulation of
        truncated normal variables", Statistics and Computing 5 (1995), uniform on a short interval
        and exponential on a long tail.
        """
        if 0.5 * (math.erfc(low / math.sqrt(2)) - math.erfc(high / math.sqrt(2))) > 0.25:
            z = np.asarray(self.rng.normal(size=n))
            return z, (low <= z) & (z <= high)
        if high < -low:  # the left tail is the right one seen in a mirror
            z, accepted = self._propose(n, -high, -low)
            return -z, accepted
        nearest = max(low, 0.0)
        rate = 0.5 * (nearest + math.sqrt(nearest**2 + 4))
        if (high - low) * rate < 2:
            z = np.asarray(self.rng.uniform(low, high, size=n))
            chance = np.exp(0.5 * (nearest**2 - z**2))
        else:
            z = low + np.asarray(self.rng.exponential(1 / rate, size=n))
            chance = np.exp(-0.5 * (z - rate) ** 2)
        return z, (np.asarray(self.rng.uniform(size=n)) < chance) & (z <= high)

    def permutation(self, n: int) -> Array:
        """Return the numbers below `n` in a random order."""
        return self.rng.permutation(n)


def as_source(rng: RandomSource | Source) -> Source:
    """Return a source for what :func:`fanin.random.resolve` found, which is not a stream."""
    if isinstance(rng, (np.random.Generator, np.random.RandomState)):
        return NumPySource(rng)
    return cast("Source", rng)
