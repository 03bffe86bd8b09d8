"""Initializers that draw from one distribution whatever the shape, and orthogonal matrices."""

import math
from typing import Any

import numpy as np

from fanin import _core
from fanin.errors import ShapeError
from fanin.initializers._base import Array, RandomInitializer, checked_number
from fanin.random import Rng, Stream
from fanin.streams import Replay


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
        self.minval = checked_number(minval, "minval")
        self.maxval = checked_number(maxval, "maxval")
        super().__init__(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        return _core.random_uniform(
            shape, dtype, stream.seed, stream.path, self.minval, self.maxval, out
        )

    def _replay(self, shape: tuple[int, ...], dtype: str, rng: Replay) -> Array:
        return rng.uniform(shape, self.minval, self.maxval, dtype)

    def _consume(
        self, shape: tuple[int, ...], rng: np.random.Generator | np.random.RandomState
    ) -> Array:
        return rng.uniform(self.minval, self.maxval, size=shape)


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
        self.mean = checked_number(mean, "mean")
        self.stddev = checked_number(stddev, "stddev")
        super().__init__(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        return _core.random_normal(
            shape, dtype, stream.seed, stream.path, self.mean, self.stddev, out
        )

    def _replay(self, shape: tuple[int, ...], dtype: str, rng: Replay) -> Array:
        return rng.normal(shape, self.mean, self.stddev, dtype)

    def _consume(
        self, shape: tuple[int, ...], rng: np.random.Generator | np.random.RandomState
    ) -> Array:
        return rng.normal(self.mean, self.stddev, size=shape)


class TruncatedNormal(RandomNormal):
    """Normal, without the values more than two standard deviations from the mean.

    Parameters
    ----------
    mean : float, optional
        Mean.
    stddev : float, optional
        Standard deviation *before* truncation, at least 0. What is left has 0.8796 of it; this
        initializer does not correct that, :class:`VarianceScaling` does.
    seed : optional
        See :class:`RandomInitializer`.

    Raises
    ------
    ValueError
        If a number is not finite or `stddev` is negative.

    Notes
    -----
    Keras's definition. Values are drawn by inversion, not by rejection; from a NumPy generator, by
    its ``normal`` with those outside drawn again.

    Examples
    --------
    >>> w = TruncatedNormal(stddev=1.0)((784, 128), rng=0)
    >>> float(abs(w).max()) <= 2
    True
    """

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        return _core.truncated_normal(
            shape, dtype, stream.seed, stream.path, self.mean, self.stddev, -2.0, 2.0, out
        )

    def _replay(self, shape: tuple[int, ...], dtype: str, rng: Replay) -> Array:
        return rng.truncated_normal(shape, self.mean, self.stddev, -2.0, 2.0, dtype)

    def _consume(
        self, shape: tuple[int, ...], rng: np.random.Generator | np.random.RandomState
    ) -> Array:
        return truncated_by_rejection(shape, rng, self.mean, self.stddev)


def truncated_by_rejection(
    shape: tuple[int, ...],
    rng: np.random.Generator | np.random.RandomState,
    mean: float,
    stddev: float,
) -> Array:
    """Draw normal numbers, and again those beyond two standard deviations."""
    z = np.asarray(rng.normal(size=shape))
    while (outside := np.abs(z) > 2).any():
        z[outside] = rng.normal(size=np.count_nonzero(outside))
    return mean + stddev * z


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix, times a gain.

    Columns are orthonormal, or rows where there are fewer of those. An array of more than two
    dimensions is a matrix of ``shape[-1]`` columns.

    Parameters
    ----------
    gain : float, optional
        Factor.
    seed : optional
        See :class:`RandomInitializer`.

    Raises
    ------
    ShapeError
        When called for fewer than 2 dimensions.

    Notes
    -----
    Every orthogonal matrix is equally likely [2]_: the Q of the QR factorisation of a Gaussian
    matrix, its columns times the signs of R's diagonal.

    References
    ----------
    .. [1] A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
       learning in deep linear neural networks", ICLR 2014.
    .. [2] F. Mezzadri, "How to generate random matrices from the classical compact groups", Notices
       of the AMS 54, 2007.

    Examples
    --------
    >>> q = Orthogonal()((4, 3), "float64", rng=0)
    >>> bool(np.allclose(q.T @ q, np.eye(3)))
    True
    """

    def __init__(self, gain: float = 1.0, seed: Rng = None) -> None:
        self.gain = checked_number(gain, "gain")
        super().__init__(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        return {"gain": self.gain, **super().get_config()}

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        return _core.orthogonal(shape, dtype, stream.seed, stream.path, self.gain, out)

    def _replay(self, shape: tuple[int, ...], dtype: str, rng: Replay) -> Array:
        rows, columns = _matrix(shape)
        vectors = rng.gaussian(rows, columns, dtype).T.astype(np.float64, order="C")
        return _core.orthogonalize(vectors, shape, self.gain).astype(dtype, copy=False)

    def _consume(
        self, shape: tuple[int, ...], rng: np.random.Generator | np.random.RandomState
    ) -> Array:
        rows, columns = _matrix(shape)
        gaussian = rng.normal(size=(max(rows, columns), min(rows, columns)))
        return _core.orthogonalize(np.ascontiguousarray(gaussian.T), shape, self.gain)


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the rows and columns of the matrix that an array is flattened to."""
    if len(shape) < 2:
        raise ShapeError(f"shape: expected at least 2 dimensions, found {shape}")
    return math.prod(shape[:-1]), shape[-1]
