"""torch's generator on the CPU."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fanin import _core
from fanin._checks import count, flag, float_dtype, number, number_or_infinity, one_of
from fanin.streams._base import (
    DISTRIBUTIONS,
    STD_WITHIN_TWO,
    Array,
    Replay,
    Shape,
    check_order,
    ordered,
    sizes,
    words,
)


@dataclass(eq=False, repr=False)
class TorchCpu(Replay):
    """The generator of torch on the CPU: consecutive draws go on where the last one stopped.

    Made by :func:`torch_cpu`. A copy goes on by itself.
    """

    _state: npt.NDArray[np.uint32]
    _spare: float | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"_state": self._state.copy(), "_spare": self._spare}

    def __repr__(self) -> str:
        return "<fanin.streams.TorchCpu>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TorchCpu):
            return NotImplemented
        return self._spare == other._spare and np.array_equal(self._state, other._state)

    def __hash__(self) -> int:
        return hash(TorchCpu)  # where it stands changes as it is drawn from

    def get_config(self) -> dict[str, object]:
        """Describe where the generator stands, in values that JSON can hold."""
        return {"replay": "torch_cpu", "state": self._state.tolist(), "spare": self._spare}

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Make a generator that goes on from where :meth:`get_config` found one."""
        state = np.array(words(config, "state"), np.uint32)
        _core.mt19937_words(state.copy(), 0)  # refuses a state that is none
        spare = config.get("spare")
        return cls(state, None if spare is None else number("spare", spare))

    def snapshot(self) -> object:
        """Return what :meth:`restore` needs."""
        return self._state.copy(), self._spare

    def restore(self, snapshot: Any) -> None:
        """Go back to where :meth:`snapshot` was taken."""
        self._state[...], self._spare = snapshot

    def uniform(self, shape: Shape, low: float, high: float, dtype: str = "float32") -> Array:
        """Draw as ``tensor.uniform_(low, high)`` does.

        Raises
        ------
        ValueError
            If `low` is above `high`.

        Examples
        --------
        >>> from fanin.streams import torch_cpu
        >>> torch_cpu(0).uniform((2,), 0, 1)  # torch.manual_seed(0); torch.rand(2)
        array([0.4962566, 0.7682218], dtype=float32)
        """
        first, last = ordered(low, high)
        kind = float_dtype("dtype", dtype)
        return _core.torch_uniform(self._state, sizes(shape), kind, first, last)

    def normal(
        self,
        shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: str = "float32",
        *,
        contiguous: bool = True,
    ) -> Array:
        """Draw as ``tensor.normal_(mean, std)`` does.

        Parameters
        ----------
        shape : tuple of int
            Shape.
        mean, std : float, optional
            Mean and standard deviation.
        dtype : {"float32", "float64"}, optional
            Element type.
        contiguous : bool, optional
            Whether the tensor is; torch draws others one number at a time, as it does those of
            fewer than 16 elements, in the order in which they lie in memory.

        Raises
        ------
        ValueError
            If `std` is negative.

        Examples
        --------
        >>> from fanin.streams import torch_cpu
        >>> torch_cpu(0).normal((2,))  # torch.manual_seed(0); torch.randn(2)
        array([ 1.5409961, -0.2934289], dtype=float32)
        """
        axes, kind = sizes(shape), float_dtype("dtype", dtype)
        middle, spread = number("mean", mean), number("std", std, at_least=0.0)
        if flag("contiguous", contiguous) and math.prod(axes) >= 16:
            return _core.torch_normal(self._state, axes, kind, middle, spread)
        values, self._spare = _core.torch_serial_normal(
            self._state, self._spare, axes, middle, spread
        )
        return values.astype(kind, copy=False)

    def truncated_normal(
        self,
        shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        low: float = -2.0,
        high: float = 2.0,
        dtype: str = "float32",
    ) -> Array:
        """Draw as ``trunc_normal_`` does, the bounds in standard deviations from `mean`."""
        middle, spread = number("mean", mean), number("std", std, at_least=0.0)
        ends = [number_or_infinity(name, value) for name, value in (("low", low), ("high", high))]
        check_order(*ends, strictly=True)
        # An infinite bound of no spread is the mean, as a finite one is.
        a, b = (middle + end * spread if spread else middle for end in ends)
        return self.trunc_normal(shape, middle, spread, a, b, dtype)

    def trunc_normal(
        self,
        shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        a: float = -2.0,
        b: float = 2.0,
        dtype: str = "float32",
        *,
        contiguous: bool = True,
        dense: bool = True,
    ) -> Array:
        """Draw as ``torch.nn.init.trunc_normal_(tensor, mean, std, a, b)`` of torch 2.15 does.

        Parameters
        ----------
        shape : tuple of int
            Shape.
        mean, std : float, optional
            Mean and standard deviation of the normal.
        a, b : float, optional
            Bounds, as values; infinite where there is none.
        dtype : {"float32", "float64"}, optional
            Element type.
        contiguous : bool, optional
            Whether the tensor is, see :meth:`normal`.
        dense : bool, optional
            Whether one that is not contiguous fills its memory, as a transposed one does. For a
            slice torch draws again into a tensor that is contiguous.

        Raises
        ------
        ValueError
            If `std` is negative or `a` not below `b`; or if torch would draw from here to
            eternity, or from an infinite interval, where it too raises an error.
        """
        axes, kind = sizes(shape), float_dtype("dtype", dtype)
        middle, spread = number("mean", mean), number("std", std, at_least=0.0)
        low, high = number_or_infinity("a", a), number_or_infinity("b", b)
        whole, filled = flag("contiguous", contiguous), flag("dense", dense)
        if spread == 0:
            return np.full(axes, min(max(middle, low), high), kind)
        check_order(low, high, strictly=True, names=("a", "b"))
        if _cdf((high - middle) / spread) - _cdf((low - middle) / spread) > 0.3:
            again = whole or not filled
            return self._rejecting_normals(axes, middle, spread, low, high, kind, whole, again)
        _check_accepted(middle, spread, low, high)
        return self._rejecting_uniforms(axes, middle, spread, low, high, kind)

    def _rejecting_normals(
        self,
        shape: Shape,
        mean: float,
        std: float,
        a: float,
        b: float,
        dtype: str,
        contiguous: bool,
        contiguous_again: bool,
    ) -> Array:
        with np.errstate(over="ignore"):
            low, high = np.array([a, b], dtype)
        found = self.normal(shape, mean, std, dtype, contiguous=contiguous)
        while (outside := (found < low) | (found > high)).any():
            # The whole array is drawn again, whatever is kept of it.
            again = self.normal(shape, mean, std, dtype, contiguous=contiguous_again)
            np.copyto(found, again, where=outside)
        return found

    def _rejecting_uniforms(
        self, shape: Shape, mean: float, std: float, a: float, b: float, dtype: str
    ) -> Array:
        kind = np.dtype(dtype).type
        peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
        found = np.empty(shape, dtype)
        pending = np.ones(shape, bool)
        while pending.any():
            candidates = self.uniform(shape, a, b, dtype)
            z = (candidates - kind(mean)) / kind(std)
            log_density = z * z * kind(-0.5) - kind(peak)
            np.copyto(found, candidates, where=pending)
            with np.errstate(divide="ignore"):
                pending &= np.log(self.uniform(shape, 0.0, 1.0, dtype)) > log_density
        return found

    def permutation(self, n: int) -> npt.NDArray[np.int64]:
        """Draw as ``torch.randperm(n)`` does.

        Examples
        --------
        >>> from fanin.streams import torch_cpu
        >>> torch_cpu(0).permutation(4)
        array([0, 1, 3, 2])
        """
        return _core.torch_permutation(self._state, count("n", n))

    def bits(self, n: int) -> npt.NDArray[np.uint32]:
        """Draw the generator's next `n` words."""
        return _core.mt19937_words(self._state, count("n", n))

    def gaussian(self, rows: int, columns: int, dtype: str) -> Array:
        """Draw what ``torch.nn.init.orthogonal_`` draws."""
        high, wide = count("rows", rows), count("columns", columns)
        drawn = self.normal((high, wide), 0.0, 1.0, dtype)
        return drawn.T if high < wide else drawn

    def scaled(self, shape: Shape, variance: float, distribution: str, dtype: str) -> Array:
        """Draw as ``xavier_*_`` and ``kaiming_*_``, truncated normals as ``trunc_normal_``."""
        std = math.sqrt(number("variance", variance, at_least=0.0))
        one_of("distribution", distribution, DISTRIBUTIONS)
        if distribution == "uniform":
            limit = math.sqrt(3.0) * std
            return self.uniform(shape, -limit, limit, dtype)
        if distribution == "untruncated_normal":
            return self.normal(shape, 0.0, std, dtype)
        return self.truncated_normal(shape, 0.0, std / STD_WITHIN_TWO, dtype=dtype)


def _cdf(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _check_accepted(mean: float, std: float, a: float, b: float) -> None:
    """Refuse bounds of which torch, drawing uniformly between them, accepts next to nothing."""
    distance = max(a - mean, mean - b, 0.0) / std
    # The density falls to nothing over a width of about this, seen from its highest place.
    width = std * min(2.5, 1.0 / distance if distance else 2.5)
    if not width > 1e-5 * (b - a):
        raise ValueError(
            f"a and b: expected bounds that torch can draw between, found {a:g} and {b:g}, where "
            f"N({mean:g}, {std:g}**2) has next to nothing"
        )
