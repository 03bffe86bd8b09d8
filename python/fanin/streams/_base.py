"""What every source of another framework's numbers is, and what all of them ask of arguments."""

import operator
from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

STD_WITHIN_TWO = 0.87962566103423978
"""What truncation at two standard deviations leaves of a normal's own."""


class Replay(ABC):
    """A source of another framework's random numbers.

    Arrays are of shape `shape` and of `dtype` ``"float32"`` or ``"float64"``.
    """

    @abstractmethod
    def uniform(self, shape: Shape, low: float, high: float, dtype: str) -> Array:
        """Draw from the uniform distribution on [`low`, `high`)."""

    @abstractmethod
    def normal(self, shape: Shape, mean: float, std: float, dtype: str) -> Array:
        """Draw from a normal distribution."""

    @abstractmethod
    def truncated_normal(
        self, shape: Shape, mean: float, std: float, low: float, high: float, dtype: str
    ) -> Array:
        """Draw from a normal between `low` and `high`, in standard deviations from `mean`."""

    @abstractmethod
    def permutation(self, n: int) -> npt.NDArray[np.int64]:
        """Draw an order of the numbers below `n`."""

    @abstractmethod
    def bits(self, n: int) -> npt.NDArray[np.uint32]:
        """Draw `n` words of 32 random bits."""

    @abstractmethod
    def gaussian(self, rows: int, columns: int, dtype: str) -> Array:
        """Draw the matrix, at least as high as wide, whose Q is an orthogonal initializer's."""

    @abstractmethod
    def scaled(self, shape: Shape, variance: float, distribution: str, dtype: str) -> Array:
        """Draw with mean 0 and `variance` from a distribution of ``VarianceScaling``."""

    def at(self, path: str) -> "Replay":
        """Return what the part of a network at `path` draws from: itself, if it is consumed."""
        return self


def whole_number(value: object, least: int, most: int, name: str) -> int:
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name}: expected a whole number, found {value!r}") from None
    if not least <= number <= most:
        shown = number if abs(number) < 2**70 else f"one of {number.bit_length()} bits"
        raise ValueError(f"{name}: expected a whole number from {least} to {most}, found {shown}")
    return number


def check_order(low: float, high: float, *, strictly: bool = False) -> None:
    if not (low < high if strictly else low <= high):
        relation = "below" if strictly else "not above"
        raise ValueError(
            f"low and high: expected the first {relation} the second, found {low} and {high}"
        )


def check_std(std: float) -> None:
    if not std >= 0:
        raise ValueError(f"std: expected a number of at least 0, found {std}")
