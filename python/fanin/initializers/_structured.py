"""Initializers that are mostly zeros, or a pattern: Dirac, sparse, ZerO."""

import math

import numpy as np

from fanin import _core
from fanin._checks import count, flag, number
from fanin.errors import ShapeError
from fanin.initializers._arguments import Array
from fanin.initializers._base import FixedInitializer, RandomInitializer
from fanin.initializers._facts import Facts
from fanin.initializers._sources import Source
from fanin.random import Rng, Stream


class Dirac(FixedInitializer):
    """A kernel that passes each input on to the output of the same number.

    Parameters
    ----------
    groups : int, optional
        Parts into which inputs and outputs are split; each passes its inputs on.

    Raises
    ------
    ShapeError
        When called for other than 3, 4 or 5 dimensions, ``(..., inputs per group, outputs)``.
    ValueError
        If `groups` does not divide the outputs.

    Notes
    -----
    torch's ``dirac_`` in Keras's layout; the centre of a kernel of size k is ``k // 2``.

    Examples
    --------
    >>> Dirac()((3, 2, 2))[1]
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __init__(self, groups: int = 1) -> None:
        self.groups: int = count("groups", groups, minimum=1)

    def _parts(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the outputs of a group, and how many of them have an input to pass on."""
        if len(shape) not in (3, 4, 5):
            raise ShapeError(f"shape: expected 3, 4 or 5 dimensions, found {shape}")
        if shape[-1] % self.groups:
            raise ValueError(
                f"groups: expected a divisor of {shape[-1]}, the outputs of shape {shape}, "
                f"found {self.groups}"
            )
        outputs = shape[-1] // self.groups
        return outputs, min(outputs, shape[-2])

    def _make(self, shape: tuple[int, ...], dtype: str) -> Array:
        outputs, passed = self._parts(shape)
        kernel = _core.constant(shape, dtype, 0.0)
        centre = tuple(size // 2 for size in shape[:-2])
        if kernel.size:
            for first in range(0, shape[-1], outputs):
                kernel[centre][np.arange(passed), first + np.arange(passed)] = 1
        return kernel

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        _, passed = self._parts(shape)
        size = math.prod(shape)
        count = self.groups * passed if size else 0
        return Facts.of_few("w = 1 at the centre, from input i to output i", 1.0, count, size)


class Sparse(RandomInitializer):
    """Normal weights of which most are zero: every unit listens to a few inputs [1]_.

    Parameters
    ----------
    sparsity : float
        Share of each column, from 0 to 1, that is zero, rounded up to whole elements. A column
        holds the weights of one unit's inputs.
    stddev : float, optional
        Standard deviation of the other weights, at least 0.
    seed : optional
        See :class:`RandomInitializer`.

    Raises
    ------
    ValueError
        If `sparsity` is not from 0 to 1, or `stddev` is negative.
    ShapeError
        When called for anything but 2 dimensions.

    Notes
    -----
    What torch's ``sparse_`` does to the array. In torch's layout ``(out, in)`` a column holds the
    weights that leave one input; here, as in [1]_, those that enter one unit.

    References
    ----------
    .. [1] J. Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Examples
    --------
    >>> w = Sparse(0.9)((50, 4), rng=0)
    >>> (w == 0).sum(axis=0)
    array([45, 45, 45, 45])
    """

    def __init__(self, sparsity: float, stddev: float = 0.01, seed: Rng = None) -> None:
        self.sparsity: float = number("sparsity", sparsity, at_least=0.0, at_most=1.0)
        self.stddev: float = number("stddev", stddev, at_least=0.0)
        super().__init__(seed)

    def _zeros(self, shape: tuple[int, ...]) -> int:
        if len(shape) != 2:
            raise ShapeError(f"shape: expected 2 dimensions, found {shape}")
        return math.ceil(self.sparsity * shape[0])

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        zeros = self._zeros(shape)
        w = _core.random_normal(shape, dtype, stream.seed, stream.path, 0.0, self.stddev, out)
        for column in range(shape[1] if zeros else 0):
            place = stream.at(f"zeros/{column}")
            w[_core.permutation(place.seed, place.path, shape[0])[:zeros], column] = 0
        return w

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        zeros = self._zeros(shape)
        w = np.array(source.normal(shape, 0.0, self.stddev, dtype))
        for column in range(shape[1]):
            w[source.permutation(shape[0])[:zeros], column] = 0
        return w

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        zeros = self._zeros(shape)
        kept = 1 - zeros / shape[0] if shape[0] else 0.0
        formula = f"N(0, stddev²), {zeros} of the {shape[0]} weights of each unit set to 0"
        bound = math.inf if self.stddev > 0 and kept > 0 else 0.0
        return Facts(formula, 0.0, kept * self.stddev**2, -bound, bound)


class ZerO(FixedInitializer):
    """Zeros and ones, and a Hadamard matrix where a layer widens: nothing is random [1]_.

    A layer with no more outputs than inputs passes on the first of them (a partial identity). One
    with more outputs would have equal units that way, and gets the corner of a Hadamard matrix of
    size 2^m, m = ceil(log2(outputs)), times a factor c.

    Parameters
    ----------
    orthonormal : bool, optional
        Whether c = 2^(-m/2), as in the authors' published code: rows of length 1 where the outputs
        are a power of two. Otherwise c = 2^(-(m-1)/2), as algorithm 1 of the paper has it, which is
        larger by a factor of sqrt 2.

    Raises
    ------
    ShapeError
        When called for fewer than 2 dimensions, ``(..., inputs, outputs)``.

    Notes
    -----
    In an array of more than two dimensions the matrix is at the kernel's centre, ``k // 2``, and
    zeros around it (algorithm 2).

    References
    ----------
    .. [1] J. Zhao, F. Schäfer, A. Anandkumar, "ZerO initialization: initializing neural networks
       with only zeros and ones", TMLR 2022, arXiv:2110.12661.

    Examples
    --------
    >>> ZerO(orthonormal=True)((2, 4), "float64")
    array([[ 0.5,  0.5,  0.5,  0.5],
           [ 0.5, -0.5,  0.5, -0.5]])
    """

    def __init__(self, orthonormal: bool = False) -> None:
        self.orthonormal: bool = flag("orthonormal", orthonormal)

    def _gain(self, shape: tuple[int, ...]) -> float | None:
        """Return the factor of the Hadamard matrix; None where a partial identity does."""
        if len(shape) < 2:
            raise ShapeError(f"shape: expected at least 2 dimensions, found {shape}")
        inputs, outputs = shape[-2:]
        if outputs <= inputs:
            return None
        m = (outputs - 1).bit_length()
        return math.sqrt(0.5 ** (m if self.orthonormal else m - 1))

    def _make(self, shape: tuple[int, ...], dtype: str) -> Array:
        gain = self._gain(shape)
        if gain is None:
            matrix = _core.identity(shape[-2:], dtype, 1.0)
        else:
            matrix = _core.hadamard(shape[-2:], dtype, gain)
        if len(shape) == 2:
            return matrix
        kernel = _core.constant(shape, dtype, 0.0)
        if kernel.size:
            kernel[tuple(size // 2 for size in shape[:-2])] = matrix
        return kernel

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        gain = self._gain(shape)
        size = math.prod(shape)
        if gain is None:
            return Facts.of_few("a partial identity", 1.0, min(shape[-2:]) if size else 0, size)
        inputs, outputs = shape[-2:]
        # Row 0 of the matrix is all +c; below it a whole row would add up to 0.
        h = _core.hadamard((inputs, outputs), "float64", gain)
        mean = float(h.sum()) / size if size else 0.0
        power = gain**2 * inputs * outputs / size if size else 0.0
        return Facts(
            f"c · H, a corner of a Hadamard matrix, c = {gain:.6g}",
            mean,
            power - mean**2,
            -gain,
            gain,
        )
