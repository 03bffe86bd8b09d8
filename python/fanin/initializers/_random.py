"""Initializers that draw from one distribution whatever the shape."""

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fanin import _core
from fanin._checks import number, number_or_infinity, one_of
from fanin.initializers._arguments import Array
from fanin.initializers._base import RandomInitializer
from fanin.initializers._facts import Facts
from fanin.initializers._sources import Source
from fanin.random import Rng, Stream

if TYPE_CHECKING:
    from inspect import Parameter


class RandomUniform(RandomInitializer):
    """Uniform on [`minval`, `maxval`).

    Parameters
    ----------
    minval, maxval : float, optional
        Bounds; if they are equal, so are all values.
    seed : optional
        See :class:`RandomInitializer`.

    Raises
    ------
    ValueError
        If a bound is not finite or `minval` is above `maxval`.

    Examples
    --------
    >>> w = RandomUniform(-1, 1, seed=0)((784, 128))
    >>> bool(-1 <= w.min() < w.max() < 1)
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Rng = None) -> None:
        self.minval: float = number("minval", minval)
        self.maxval: float = number("maxval", maxval)
        super().__init__(seed)

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        return _core.random_uniform(
            shape, dtype, stream.seed, stream.path, self.minval, self.maxval, out
        )

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        return source.uniform(shape, self.minval, self.maxval, dtype)

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        return Facts.uniform("U[minval, maxval)", self.minval, self.maxval)


class RandomNormal(RandomInitializer):
    """Normal with the given mean and standard deviation.

    Parameters
    ----------
    mean : float, optional
        Mean.
    stddev : float, optional
        Standard deviation, at least 0; with 0 every value is the mean.
    seed : optional
        See :class:`RandomInitializer`.

    Raises
    ------
    ValueError
        If a number is not finite or `stddev` is negative.

    Examples
    --------
    >>> w = RandomNormal(stddev=1.0)((784, 128), rng=0)
    >>> abs(float(w.std()) - 1) < 0.01
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Rng = None) -> None:
        self.mean: float = number("mean", mean)
        self.stddev: float = number("stddev", stddev, at_least=0.0)
        super().__init__(seed)

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        return _core.random_normal(
            shape, dtype, stream.seed, stream.path, self.mean, self.stddev, out
        )

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        return source.normal(shape, self.mean, self.stddev, dtype)

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        return Facts.normal("N(mean, stddev²)", self.mean, self.stddev)


class TruncatedNormal(RandomNormal):
    """Normal, without the values outside two bounds: two standard deviations from the mean.

    Parameters
    ----------
    mean : float, optional
        Mean *before* truncation.
    stddev : float, optional
        Standard deviation *before* truncation, at least 0. What is left has 0.8796 of it with the
        default bounds; this initializer does not correct that, :class:`VarianceScaling` does.
    seed : optional
        See :class:`RandomInitializer`.
    lower, upper : float, optional
        Bounds; infinite where there is none.
    bounds : {"std", "absolute"}, optional
        Whether the bounds are multiples of `stddev` from the mean, as in Keras and JAX, or values,
        as in torch's ``trunc_normal_``.

    Raises
    ------
    ValueError
        If a number is not finite (bounds: not a number), `stddev` is negative, or nothing lies
        between the bounds.

    Notes
    -----
    The defaults are Keras's. Values are drawn by inversion, not by rejection; from a NumPy
    generator, by its ``normal`` with those outside drawn again.

    Examples
    --------
    >>> w = TruncatedNormal(stddev=1.0)((784, 128), rng=0)
    >>> float(abs(w).max()) <= 2
    True
    >>> w = TruncatedNormal(0.1, 0.05, lower=0.0, upper=0.3, bounds="absolute")((784, 128), rng=0)
    >>> bool(w.min() >= 0)
    True
    """

    _options: ClassVar[Mapping[str, Any]] = {"bounds": partial(one_of, choices=("std", "absolute"))}

    def __init__(
        self,
        mean: float = 0.0,
        stddev: float = 0.05,
        seed: Rng = None,
        *,
        lower: float = -2.0,
        upper: float = 2.0,
        bounds: str = "std",
    ) -> None:
        self.lower: float = number_or_infinity("lower", lower)
        self.upper: float = number_or_infinity("upper", upper)
        self.bounds = bounds
        if self.lower > self.upper:
            raise ValueError(
                f"upper: expected at least lower, {self.lower:g}, found {self.upper:g}"
            )
        super().__init__(mean, stddev, seed)

    def _is_default(self, parameter: "Parameter") -> bool:
        if parameter.name in ("lower", "upper", "bounds"):  # all three say something, or none
            return (self.lower, self.upper, self.bounds) == (-2.0, 2.0, "std")
        return super()._is_default(parameter)

    def _standard_bounds(self) -> tuple[float, float]:
        """Return the bounds in standard deviations from the mean."""
        if self.bounds == "std":
            return self.lower, self.upper
        if self.stddev > 0:
            return (self.lower - self.mean) / self.stddev, (self.upper - self.mean) / self.stddev
        if not self.lower <= self.mean <= self.upper:
            raise ValueError(
                f"mean: expected a number from {self.lower:g} to {self.upper:g} where stddev is 0, "
                f"found {self.mean:g}"
            )
        return -math.inf, math.inf

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        bounds = self._standard_bounds()
        values = _core.truncated_normal(
            shape, dtype, stream.seed, stream.path, self.mean, self.stddev, *bounds, out
        )
        return self._limited(values)

    def _limited(self, values: Array) -> Array:
        """Keep what was rounded on the way from going past an absolute bound."""
        if self.bounds == "absolute":
            np.clip(values, self.lower, self.upper, out=values)
        return values

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        bounds = self._standard_bounds()
        values = source.truncated_normal(shape, self.mean, self.stddev, *bounds, dtype)
        return self._limited(np.array(values))

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        formula = "N(mean, stddev²), truncated, not corrected"
        return Facts.truncated(formula, self.mean, self.stddev, *self._standard_bounds())
