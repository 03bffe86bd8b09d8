"""JAX's keys."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fanin import _core
from fanin.streams._base import (
    STD_WITHIN_TWO,
    Array,
    Replay,
    Shape,
    check_order,
    check_std,
    whole_number,
)


@dataclass(frozen=True)
class Jax(Replay):
    """A key of JAX: pure, so that the same call gives the same numbers again.

    Made by :func:`jax`. In a network each parameter draws from a key of its own, see :meth:`at`.

    Parameters
    ----------
    words : tuple of two int
        What ``jax.random.key_data`` gives.
    """

    words: tuple[int, int]

    def split(self, num: int = 2) -> "tuple[Jax, ...]":
        """Make `num` keys, as ``jax.random.split(key, num)`` does.

        Examples
        --------
        >>> from fanin.streams import jax
        >>> jax(0).split()
        (Jax(words=(1797259609, 2579123966)), Jax(words=(928981903, 3453687069)))
        """
        return tuple(map(from_bits, _core.threefry_words(self.words, 0, num).tolist()))

    def fold_in(self, data: int) -> "Jax":
        """Make a key of this one and a number, as ``jax.random.fold_in(key, data)`` does.

        Raises
        ------
        ValueError
            If `data` is not from 0 to 2**32 - 1.
        """
        number = whole_number(data, 0, 2**32 - 1, "data")
        return from_bits(int(_core.threefry_words(self.words, number, 1)[0]))

    def at(self, path: str) -> "Jax":
        """Fold in the first four bytes of the path's SHA-256, read as a big-endian number."""
        import hashlib  # an eighth of what `import fanin` takes

        digest = hashlib.sha256(path.encode()).digest()
        return self.fold_in(int.from_bytes(digest[:4], "big"))

    def uniform(self, shape: Shape, low: float, high: float, dtype: str = "float32") -> Array:
        """Draw as ``jax.random.uniform(key, shape, dtype, low, high)`` does.

        Raises
        ------
        ValueError
            If `low` is above `high`.
        """
        check_order(low, high)
        return _core.jax_uniform(self.words, shape, dtype, low, high)

    def normal(
        self, shape: Shape, mean: float = 0.0, std: float = 1.0, dtype: str = "float32"
    ) -> Array:
        """Draw as ``mean + std * jax.random.normal(key, shape, dtype)`` does.

        Raises
        ------
        ValueError
            If `std` is negative.

        Examples
        --------
        >>> from fanin.streams import jax
        >>> jax(0).normal((2,))
        array([1.6226422, 2.0252647], dtype=float32)
        """
        return _moved(_core.jax_normal(self.words, shape, dtype), mean, std)

    def truncated_normal(
        self,
        shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        low: float = -2.0,
        high: float = 2.0,
        dtype: str = "float32",
    ) -> Array:
        """Draw as ``mean + std * jax.random.truncated_normal(key, low, high, shape, dtype)`` does.

        Raises
        ------
        ValueError
            If `std` is negative or `low` not below `high`.
        """
        standard = _core.jax_truncated_normal(self.words, shape, dtype, low, high)
        return _moved(standard, mean, std)

    def permutation(self, n: int) -> npt.NDArray[np.int64]:
        """Draw as ``jax.random.permutation(key, n)`` does.

        Examples
        --------
        >>> from fanin.streams import jax
        >>> jax(0).permutation(4)
        array([0, 1, 3, 2])
        """
        order = np.arange(n)
        key = self
        for _ in range(math.ceil(3 * math.log(max(1, n)) / math.log(2**32 - 1))):
            key, subkey = key.split()
            order = order[np.argsort(subkey.bits(n), kind="stable")]
        return order

    def bits(self, n: int) -> npt.NDArray[np.uint32]:
        """Draw as ``jax.random.bits(key, (n,))`` does."""
        words = _core.threefry_words(self.words, 0, n)
        return (words ^ words >> np.uint64(32)).astype(np.uint32)

    def gaussian(self, rows: int, columns: int, dtype: str) -> Array:
        """Draw what ``jax.random.orthogonal`` draws."""
        return self.normal((max(rows, columns), min(rows, columns)), dtype=dtype)

    def scaled(self, shape: Shape, variance: float, distribution: str, dtype: str) -> Array:
        """Draw as ``jax.nn.initializers.variance_scaling`` does, rounded where it rounds."""
        number = np.dtype(dtype).type
        rounded = number(variance)
        if distribution == "uniform":
            drawn = self.uniform(shape, -1.0, 1.0, dtype)
            return _moved(drawn, 0.0, np.sqrt(number(3) * rounded))
        if distribution == "untruncated_normal":
            return self.normal(shape, 0.0, np.sqrt(rounded), dtype)
        spread = np.sqrt(rounded) / number(STD_WITHIN_TWO)
        return self.truncated_normal(shape, 0.0, spread, dtype=dtype)


def from_bits(words: int) -> Jax:
    return Jax((words >> 32, words & 0xFFFFFFFF))


def _moved(standard: Array, mean: float, std: float) -> Array:
    check_std(std)
    number = standard.dtype.type
    standard *= number(std)
    if mean:
        standard += number(mean)
    return standard
