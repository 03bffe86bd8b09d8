"""torch's generator on the CPU."""

import math
from dataclasses import dataclass
from typing import Any

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
)


@dataclass(eq=False, repr=False)
class TorchCpu(Replay):
    """torch's generator on the CPU: consecutive draws go on where the last one stopped.

    Made by :func:`torch_cpu`. A copy goes on by itself.
    """

    _state: npt.NDArray[np.uint32]
    _spare: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_state": self._state.copy(), "_spare": self._spare}

    def __repr__(self) -> str:
        return "<fanin.streams.TorchCpu>"

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
        check_order(low, high)
        return _core.torch_uniform(self._state, shape, dtype, low, high)

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
        check_std(std)
        if contiguous and math.prod(shape) >= 16:
            return _core.torch_normal(self._state, shape, dtype, mean, std)
        numbers, self._spare = _core.torch_serial_normal(self._state, self._spare, shape, mean, std)
        return numbers.astype(dtype, copy=False)

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
        return self.trunc_normal(shape, mean, std, mean + low * std, mean + high * std, dtype)

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
            Bounds, as values.
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
            If `std` is negative or `a` not below `b`.
        """
        check_std(std)
        if std == 0:
            return np.full(shape, min(max(mean, a), b), dtype)
        check_order(a, b, strictly=True)
        if _cdf((b - mean) / std) - _cdf((a - mean) / std) > 0.3:
            again = contiguous or not dense
            return self._rejecting_normals(shape, mean, std, a, b, dtype, contiguous, again)
        return self._rejecting_uniforms(shape, mean, std, a, b, dtype)

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
        number = np.dtype(dtype).type
        peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
        found = np.empty(shape, dtype)
        pending = np.ones(shape, bool)
        while pending.any():
            candidates = self.uniform(shape, a, b, dtype)
            z = (candidates - number(mean)) / number(std)
            log_density = z * z * number(-0.5) - number(peak)
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
        return _core.torch_permutation(self._state, n)

    def bits(self, n: int) -> npt.NDArray[np.uint32]:
        """Draw the generator's next `n` words."""
        return _core.mt19937_words(self._state, n)

    def gaussian(self, rows: int, columns: int, dtype: str) -> Array:
        """Draw what ``torch.nn.init.orthogonal_`` draws."""
        drawn = self.normal((rows, columns), 0.0, 1.0, dtype)
        return drawn.T if rows < columns else drawn

    def scaled(self, shape: Shape, variance: float, distribution: str, dtype: str) -> Array:
        """Draw as ``xavier_*_`` and ``kaiming_*_``, truncated normals as ``trunc_normal_``."""
        std = math.sqrt(variance)
        if distribution == "uniform":
            limit = math.sqrt(3.0) * std
            return self.uniform(shape, -limit, limit, dtype)
        if distribution == "untruncated_normal":
            return self.normal(shape, 0.0, std, dtype)
        return self.truncated_normal(shape, 0.0, std / STD_WITHIN_TWO, dtype=dtype)


def _cdf(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0
