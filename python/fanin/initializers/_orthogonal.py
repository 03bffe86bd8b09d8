"""Orthogonal matrices, by themselves and at the centre of a kernel."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from fanin import _core
from fanin._checks import number, one_of
from fanin.errors import ShapeError
from fanin.initializers._arguments import Array
from fanin.initializers._base import RandomInitializer
from fanin.initializers._facts import Facts
from fanin.initializers._sources import Source
from fanin.random import Rng, Stream

_FLATTENINGS = ("leading", "trailing")


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix, times a gain.

    Columns are orthonormal, or rows where there are fewer of those.

    Parameters
    ----------
    gain : float, optional
        Factor.
    seed : optional
        See :class:`RandomInitializer`.
    flatten : {"leading", "trailing"}, optional
        How an array of more than two dimensions is a matrix: of ``shape[-1]`` columns, as in Keras
        and JAX, or of ``shape[0]`` rows, as in torch.

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

    _options: ClassVar[Mapping[str, Any]] = {"flatten": partial(one_of, choices=_FLATTENINGS)}

    def __init__(self, gain: float = 1.0, seed: Rng = None, *, flatten: str = "leading") -> None:
        self.gain: float = number("gain", gain)
        self.flatten = flatten
        super().__init__(seed)

    def _matrix(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the rows and columns of the matrix that an array of `shape` is."""
        if len(shape) < 2:
            raise ShapeError(f"shape: expected at least 2 dimensions, found {shape}")
        if self.flatten == "leading":
            return math.prod(shape[:-1]), shape[-1]
        return shape[0], math.prod(shape[1:])

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        if out is not None:
            _core.identity((0, 0), dtype, self.gain)  # refuses the gain before `out` is written to
        if self.flatten == "leading":
            return _core.orthogonal(shape, dtype, stream.seed, stream.path, self.gain, out)
        matrix = self._matrix(shape)
        view = None if out is None else out.reshape(matrix)
        q = _core.orthogonal(matrix, dtype, stream.seed, stream.path, self.gain, view)
        return q.reshape(shape)

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        rows, columns = self._matrix(shape)
        vectors = source.gaussian(rows, columns, dtype).T
        gaussian = np.ascontiguousarray(vectors, dtype=np.float64)
        return _core.orthogonalize(gaussian, (rows, columns), self.gain).reshape(shape)

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        rows, columns = self._matrix(shape)
        formula = f"gain · Q, a random orthogonal matrix of {rows} × {columns}"
        variance = self.gain**2 / max(rows, columns, 1)
        trailing = self.flatten == "trailing"
        fans = (columns, rows * math.prod(shape[2:])) if trailing else None
        return Facts(formula, 0.0, variance, -abs(self.gain), abs(self.gain), fans=fans)


class DeltaOrthogonal(RandomInitializer):
    """A kernel that is an orthogonal matrix at its centre and zero around it [1]_.

    A convolution with it changes no length, whatever the size of the kernel.

    Parameters
    ----------
    gain : float, optional
        Factor.
    seed : optional
        See :class:`RandomInitializer`.

    Raises
    ------
    ShapeError
        When called for other than 3, 4 or 5 dimensions, ``(..., inputs, outputs)``, or for more
        inputs than outputs.

    Notes
    -----
    As in JAX, the centre of a kernel of size k is ``(k - 1) // 2``.

    References
    ----------
    .. [1] L. Xiao, Y. Bahri, J. Sohl-Dickstein, S. Schoenholz, J. Pennington, "Dynamical isometry
       and a mean field theory of CNNs", ICML 2018.

    Examples
    --------
    >>> w = DeltaOrthogonal()((3, 2, 2), "float64", rng=0)
    >>> bool(np.allclose(w[1].T @ w[1], np.eye(2))), float(abs(w[0]).max())
    (True, 0.0)
    """

    def __init__(self, gain: float = 1.0, seed: Rng = None) -> None:
        self.gain: float = number("gain", gain)
        super().__init__(seed)

    def _check(self) -> None:
        """Check nothing more: the gain is all there is."""

    def _centre(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) not in (3, 4, 5):
            raise ShapeError(f"shape: expected 3, 4 or 5 dimensions, found {shape}")
        if shape[-2] > shape[-1]:
            raise ShapeError(f"shape: expected no more inputs than outputs, found {shape}")
        return tuple((size - 1) // 2 for size in shape[:-2])

    def _place(self, shape: tuple[int, ...], matrix: Array, out: Array | None = None) -> Array:
        kernel = np.empty(shape, matrix.dtype) if out is None else out
        kernel[...] = 0
        if kernel.size:
            kernel[self._centre(shape)] = matrix
        return kernel

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        self._centre(shape)
        q = _core.orthogonal(shape[-2:], dtype, stream.seed, stream.path, self.gain)
        return self._place(shape, q, out)

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        self._centre(shape)
        return self._place(shape, Orthogonal(self.gain)._consume(shape[-2:], dtype, source))

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        self._centre(shape)
        variance = self.gain**2 / max(shape[-1], 1) / max(math.prod(shape[:-2]), 1)
        formula = "gain · Q, a random orthogonal matrix, at the kernel's centre"
        return Facts(formula, 0.0, variance, -abs(self.gain), abs(self.gain))
