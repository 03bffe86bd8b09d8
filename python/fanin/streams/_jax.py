"""JAX's keys."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from fanin import _core
from fanin._checks import count, float_dtype, integer, number, number_or_infinity, one_of
from fanin.streams._base import (
    DISTRIBUTIONS,
    STD_WITHIN_TWO,
    Array,
    Replay,
    Shape,
    check_order,
    checked_path,
    ordered,
    sizes,
    words,
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

    def get_config(self) -> dict[str, object]:
        """Describe the key, in values that JSON can hold."""
        return {"replay": "jax", "words": list(self.words)}

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Make the key that :meth:`get_config` describes."""
        given = words(config, "words")
        if len(given) != 2:
            raise ValueError(f"words: expected two, found {len(given)}")
        return cls((given[0], given[1]))

    def split(self, num: int = 2) -> "tuple[Jax, ...]":
        """Make `num` keys, as ``jax.random.split(key, num)`` does.

        Examples
        --------
        >>> from fanin.streams import jax
        >>> jax(0).split()
        (Jax(words=(1797259609, 2579123966)), Jax(words=(928981903, 3453687069)))
        """
        keys = _core.threefry_words(self.words, 0, count("num", num))
        return tuple(map(from_bits, keys.tolist()))

    def fold_in(self, data: int) -> "Jax":
        """Make a key of this one and a number, as ``jax.random.fold_in(key, data)`` does.

        Raises
        ------
        ValueError
            If `data` is not from 0 to 2**32 - 1.
        """
        counted = integer("data", data, minimum=0, maximum=2**32 - 1)
        return from_bits(int(_core.threefry_words(self.words, counted, 1)[0]))

    def at(self, path: str) -> "Jax":
        """Fold in the first four bytes of the path's SHA-256, read as a big-endian number."""
        import hashlib  # an eighth of what `import fanin` takes

        digest = hashlib.sha256(checked_path(path).encode()).digest()
        return self.fold_in(int.from_bytes(digest[:4], "big"))

    def uniform(self, shape: Shape, low: float, high: float, dtype: str = "float32") -> Array:
        """Draw as ``jax.random.uniform(key, shape, dtype, low, high)`` does.

        Raises
        ------
        ValueError
            If `low` is above `high`.
        """
        first, last = ordered(low, high)
        return _core.jax_uniform(self.words, sizes(shape), float_dtype("dtype", dtype), first, last)

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
        middle, spread = number("mean", mean), number("std", std, at_least=0.0)
        kind = float_dtype("dtype", dtype)
        return _moved(_core.jax_normal(self.words, sizes(shape), kind), middle, spread)

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
            If `std` is negative or `low` not below `high`, or if JAX has no number between them:
            where no more is left of the normal than `dtype` can tell from nothing, JAX gives the
            largest number that there is.
        """
        middle, spread = number("mean", mean), number("std", std, at_least=0.0)
        first, last = number_or_infinity("low", low), number_or_infinity("high", high)
        check_order(first, last, strictly=True)
        kind = float_dtype("dtype", dtype)
        standard = _core.jax_truncated_normal(self.words, sizes(shape), kind, first, last)
        if math.isinf(first) or math.isinf(last):
            largest = np.finfo(standard.dtype).max
            if (np.abs(standard) == largest).any():
                raise ValueError(
                    f"low and high: expected bounds between which JAX's {kind} tells the normal "
                    f"distribution from nothing, found {first:g} and {last:g}"
                )
        return _moved(standard, middle, spread)

    def permutation(self, n: int) -> npt.NDArray[np.int64]:
        """Draw as ``jax.random.permutation(key, n)`` does.

        Examples
        --------
        >>> from fanin.streams import jax
        >>> jax(0).permutation(4)
        array([0, 1, 3, 2])
        """
        size = count("n", n)
        order = np.arange(size)
        key = self
        for _ in range(math.ceil(3 * math.log(max(1, size)) / math.log(2**32 - 1))):
            key, subkey = key.split()
            order = order[np.argsort(subkey.bits(size), kind="stable")]
        return order

    def bits(self, n: int) -> npt.NDArray[np.uint32]:
        """Draw as ``jax.random.bits(key, (n,))`` does."""
        drawn = _core.threefry_words(self.words, 0, count("n", n))
        return (drawn ^ drawn >> np.uint64(32)).astype(np.uint32)

    def gaussian(self, rows: int, columns: int, dtype: str) -> Array:
        """Draw what ``jax.random.orthogonal`` draws."""
        high, wide = count("rows", rows), count("columns", columns)
        return self.normal((max(high, wide), min(high, wide)), dtype=dtype)

    def scaled(self, shape: Shape, variance: float, distribution: str, dtype: str) -> Array:
        """Draw as ``jax.nn.initializers.variance_scaling`` does, rounded where it rounds."""
        kind = np.dtype(float_dtype("dtype", dtype)).type
        rounded = kind(number("variance", variance, at_least=0.0))
        one_of("distribution", distribution, DISTRIBUTIONS)
        if distribution == "uniform":
            drawn = self.uniform(shape, -1.0, 1.0, dtype)
            return _moved(drawn, 0.0, np.sqrt(kind(3) * rounded))
        if distribution == "untruncated_normal":
            return self.normal(shape, 0.0, np.sqrt(rounded), dtype)
        spread = np.sqrt(rounded) / kind(STD_WITHIN_TWO)
        return self.truncated_normal(shape, 0.0, spread, dtype=dtype)


def from_bits(words: int) -> Jax:
    return Jax((words >> 32, words & 0xFFFFFFFF))


def _moved(standard: Array, mean: float, std: float) -> Array:
    kind = standard.dtype.type
    standard *= kind(std)
    if mean:
        standard += kind(mean)
    return standard
