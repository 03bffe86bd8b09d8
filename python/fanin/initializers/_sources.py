"""Random numbers from outside: NumPy generators and other frameworks' streams, one set of methods.

A :class:`fanin.streams.Replay` has these methods by itself.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.random import RandomSource, Stream
from fanin.streams import Replay
from fanin.streams._base import STD_WITHIN_TWO, Array, Shape


class NumPySource:
    """A NumPy generator: float64, in the order in which NumPy code draws."""

    def __init__(self, rng: "np.random.Generator | np.random.RandomState") -> None:
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

    def _propose(
        self, n: int, low: float, high: float
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
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

    def inverse(self, shape: Shape, law: str, parameters: Sequence[float]) -> Array:
        """Draw from a distribution that the core draws by its inverse, by NumPy's method for it."""
        *own, first, second = parameters
        if law == "beta":
            a, b = own
            return np.asarray(first + (second - first) * self.rng.beta(a, b, size=shape))
        draws: dict[str, Callable[..., Any]] = {
            "cauchy": self.rng.standard_cauchy,
            "laplace": self.rng.laplace,
            "logistic": self.rng.logistic,
            "student_t": self.rng.standard_t,
        }
        return np.asarray(first + second * np.asarray(draws[law](*own, size=shape)))

    def gaussian(self, rows: int, columns: int, dtype: str) -> Array:
        """Draw the tall matrix whose Q is an orthogonal initializer's."""
        return self.normal((max(rows, columns), min(rows, columns)), 0.0, 1.0, dtype)

    def scaled(self, shape: Shape, variance: float, distribution: str, dtype: str) -> Array:
        """Draw with mean 0 and `variance` from a distribution of ``VarianceScaling``."""
        if distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return self.uniform(shape, -limit, limit, dtype)
        std = math.sqrt(variance)
        if distribution == "untruncated_normal":
            return self.normal(shape, 0.0, std, dtype)
        return self.truncated_normal(shape, 0.0, std / STD_WITHIN_TWO, -2.0, 2.0, dtype)

    def permutation(self, n: int) -> NDArray[np.int64]:
        """Return the numbers below `n` in a random order."""
        return self.rng.permutation(n)


Source: TypeAlias = Replay | NumPySource
"""What is drawn from by its own methods."""


def as_source(rng: RandomSource) -> Source:
    """Return a source for what :func:`fanin.random.resolve` found, which is not a stream."""
    assert not isinstance(rng, Stream)
    return rng if isinstance(rng, Replay) else NumPySource(rng)
