"""Mirrored matrices: a ReLU network that starts as a linear one."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from fanin._checks import number, one_of
from fanin.errors import ShapeError
from fanin.initializers._arguments import Array
from fanin.initializers._base import RandomInitializer
from fanin.initializers._facts import Facts
from fanin.initializers._orthogonal import Orthogonal
from fanin.initializers._sources import Source
from fanin.random import Rng, Stream

_MIRRORS = ("both", "outputs", "inputs")


class LooksLinear(RandomInitializer):
    """Mirrored orthogonal blocks, with which a ReLU network is linear at its start [1]_, [2]_.

    ReLU passes x on as relu(x) - relu(-x) where each unit has one with the opposite weights. In the
    first layer of a network mirror the outputs, in the last one the inputs, in between both:
    ``[[A, -A], [-A, A]]`` with A orthogonal. Signals and gradients then keep their lengths exactly,
    at any depth.

    Parameters
    ----------
    gain : float, optional
        Factor.
    seed : optional
        See :class:`RandomInitializer`.
    mirror : {"both", "outputs", "inputs"}, optional
        Which units come in pairs: number i and number i + n/2 of n.

    Raises
    ------
    ShapeError
        When called for other than 2 dimensions, or an odd number of mirrored units.

    References
    ----------
    .. [1] W. Shang, K. Sohn, D. Almeida, H. Lee, "Understanding and improving convolutional neural
       networks via concatenated rectified linear units", ICML 2016, arXiv:1603.05201.
    .. [2] D. Balduzzi, M. Frean, L. Leary, J. Lewis, K. Ma, B. McWilliams, "The shattered gradients
       problem", ICML 2017, arXiv:1702.08591.

    Examples
    --------
    >>> w = LooksLinear(mirror="outputs")((3, 6), "float64", rng=0)
    >>> x = np.array([[1.0, -2.0, 3.0]])
    >>> h = np.maximum(x @ w, 0)
    >>> back = LooksLinear(mirror="inputs")((6, 3), "float64", rng=1)
    >>> bool(np.isclose(np.linalg.norm(h @ back), np.linalg.norm(x)))
    True
    """

    _options: ClassVar[Mapping[str, Any]] = {"mirror": partial(one_of, choices=_MIRRORS)}

    def __init__(self, gain: float = 1.0, seed: Rng = None, *, mirror: str = "both") -> None:
        self.gain: float = number("gain", gain)
        self.mirror = mirror
        super().__init__(seed)

    def _check(self) -> None:
        """Check nothing more: the gain and the mirror are all there is."""

    def _block(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the shape of A."""
        if len(shape) != 2:
            raise ShapeError(f"shape: expected 2 dimensions, found {shape}")
        halves = []
        for size, side in zip(shape, ("inputs", "outputs"), strict=True):
            mirrored = self.mirror in ("both", side)
            if mirrored and size % 2:
                raise ShapeError(f"shape: expected an even number of {side}, found {shape}")
            halves.append(size // 2 if mirrored else size)
        return halves[0], halves[1]

    def _mirrored(self, block: Array, shape: tuple[int, ...], out: Array | None = None) -> Array:
        w = np.empty(shape, block.dtype) if out is None else out
        rows, columns = block.shape
        w[:rows, :columns] = block
        if self.mirror != "inputs":
            np.negative(w[:rows, :columns], out=w[:rows, columns:])
        if self.mirror != "outputs":
            np.negative(w[:rows], out=w[rows:])
        return w

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        block = Orthogonal(self.gain)._draw(self._block(shape), dtype, stream)
        return self._mirrored(block, shape, out)

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        block = Orthogonal(self.gain)._consume(self._block(shape), dtype, source)
        return self._mirrored(block, shape)

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        rows, columns = self._block(shape)
        formula = f"gain · A mirrored, A a random orthogonal matrix of {rows} × {columns}"
        variance = self.gain**2 / max(rows, columns, 1)
        return Facts(formula, 0.0, variance, -abs(self.gain), abs(self.gain))
