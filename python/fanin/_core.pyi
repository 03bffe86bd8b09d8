"""The native half of the package, as Python calls it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

def get_num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def simd_level() -> str: ...
def set_simd_level(name: str) -> str: ...

# Sampling and initializers: `dtype` is "float32" or "float64", `seed` and `path` name the stream.
def constant(shape: Sequence[int], dtype: str, value: float) -> npt.NDArray[Any]: ...
def identity(shape: Sequence[int], dtype: str, gain: float) -> npt.NDArray[Any]: ...
def random_uniform(
    shape: Sequence[int], dtype: str, seed: str, path: str, low: float, high: float
) -> npt.NDArray[Any]: ...
def random_normal(
    shape: Sequence[int], dtype: str, seed: str, path: str, mean: float, std: float
) -> npt.NDArray[Any]: ...
def truncated_normal(
    shape: Sequence[int],
    dtype: str,
    seed: str,
    path: str,
    mean: float,
    std: float,
    low: float,
    high: float,
) -> npt.NDArray[Any]: ...
def variance_scaling(
    shape: Sequence[int],
    dtype: str,
    seed: str,
    path: str,
    scale: float,
    mode: str,
    distribution: str,
) -> npt.NDArray[Any]: ...
def variance_scaling_spread(
    shape: Sequence[int], scale: float, mode: str, distribution: str
) -> float: ...
def orthogonal(
    shape: Sequence[int], dtype: str, seed: str, path: str, gain: float
) -> npt.NDArray[Any]: ...
def orthogonalize(
    gaussian: npt.NDArray[np.float64], shape: Sequence[int], gain: float
) -> npt.NDArray[np.float64]: ...
def fans(shape: Sequence[int]) -> tuple[float, float]: ...
def philox_words(seed: str, path: str, start: int, count: int) -> npt.NDArray[np.uint32]: ...
