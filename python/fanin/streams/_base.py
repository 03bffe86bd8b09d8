"""What every source of another framework's numbers is, and what all of them ask of arguments."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Set
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from fanin import _checks
from fanin.errors import ShapeError

Array: TypeAlias = npt.NDArray[np.float32 | np.float64]
Shape: TypeAlias = tuple[int, ...]

STD_WITHIN_TWO = 0.87962566103423978
"""What truncation at two standard deviations leaves of a normal's own."""


DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class Replay(ABC):
    """A source of another framework's random numbers.

    Arrays are of shape `shape` and of `dtype` ``"float32"`` or ``"float64"``.

    Examples
    --------
    >>> from fanin import streams
    >>> isinstance(streams.torch_cpu(0), streams.Replay)
    True
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

    def get_config(self) -> dict[str, object]:
        """Describe the numbers to come, in values that JSON can hold.

        Raises
        ------
        TypeError
            If this is a class of the user's own that does not define it.
        """
        raise TypeError(
            f"seed: expected one that JSON can hold, found {self!r} of type "
            f"{type(self).__name__}, which has no get_config"
        )

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Make the source that :meth:`get_config` describes."""
        raise TypeError(f"seed: {cls.__name__} has no from_config")

    def snapshot(self) -> object:
        """Return what :meth:`restore` needs; nothing for a source that is not consumed."""
        return None

    def restore(self, snapshot: object) -> None:  # noqa: B027 (not abstract: for pure ones)
        """Go back to where :meth:`snapshot` was taken."""


def checked_path(path: object) -> str:
    """Return the path of a part of a network, which is hashed as UTF-8."""
    text = _checks.text("path", path)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"path: expected text that UTF-8 can hold, found {text!r}") from None
    return text


_MOST = 2**63


def sizes(shape: object) -> Shape:
    """Return a shape as a tuple of sizes, or say what is wrong with it."""
    if type(shape) is tuple:  # as nearly always
        for n in shape:
            if type(n) is not int or not 0 <= n < _MOST:
                break
        else:
            return shape
    try:
        if isinstance(shape, str | bytes | bytearray | Mapping | Set):
            raise TypeError
        given: Iterable[Any] = shape if isinstance(shape, Iterable) else (shape,)
        found = tuple(n if type(n) is int else _checks.integer("shape", n) for n in given)
    except TypeError:
        raise TypeError(f"shape: expected whole numbers, found {_checks.found(shape)}") from None
    if any(not 0 <= n < _MOST for n in found):
        raise ShapeError(f"shape: expected sizes from 0 to 2**63 - 1, found {_checks.found(shape)}")
    return found


def words(config: object, key: str) -> list[int]:
    """Return the words of 32 bits that a configuration of a source holds."""
    if not isinstance(config, Mapping) or key not in config:
        raise TypeError(f"config: expected a dict with {key!r}, found {_checks.found(config)}")
    given = _checks.several(config[key])
    if given is None:
        raise TypeError(f"{key}: expected a list of words, found {_checks.found(config[key])}")
    return [_checks.integer(key, word, minimum=0, maximum=2**32 - 1) for word in given]


def ordered(
    low: object, high: object, *, strictly: bool = False, names: tuple[str, str] = ("low", "high")
) -> tuple[float, float]:
    """Return two finite bounds, the first not above (or below) the second."""
    first, second = (
        _checks.number(name, value) for name, value in zip(names, (low, high), strict=True)
    )
    check_order(first, second, strictly=strictly, names=names)
    return first, second


def check_order(
    low: float, high: float, *, strictly: bool = False, names: tuple[str, str] = ("low", "high")
) -> None:
    """Refuse bounds of which the first is above the second, or, strictly, not below it."""
    if not (low < high if strictly else low <= high):
        relation = "below" if strictly else "not above"
        raise ValueError(
            f"{' and '.join(names)}: expected the first {relation} the second, found {low:g} "
            f"and {high:g}"
        )
