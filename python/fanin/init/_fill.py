"""Filling a tensor's memory from a stream, or as torch would."""

import math
from typing import Any, TypeVar

from numpy.typing import NDArray

from fanin import initializers
from fanin._checks import found, number, warn
from fanin.frameworks._memory import was_written, writeable
from fanin.initializers._arguments import check_finite
from fanin.random import Rng, drawing
from fanin.streams import Replay, TorchCpu

T = TypeVar("T")
Array = NDArray[Any]


def floats(tensor: Any) -> Array:
    """Return the memory of a tensor of floating-point numbers."""
    view = writeable("tensor", tensor)
    if view.dtype.name not in ("float32", "float64", "float16", "bfloat16"):
        raise TypeError(
            "tensor: expected an array of float32, float64, float16 or bfloat16, found "
            f"{view.dtype}"
        )
    return view


def is_empty(view: Array) -> bool:
    """Whether there is nothing to fill, which is warned of."""
    if view.size == 0:
        warn("Initializing zero-element tensors is a no-op")
    return view.size == 0


def normal(mean: float, std: float) -> initializers.Initializer:
    """Return the initializer of a normal distribution, with torch's words for a bad one."""
    spread = number("std", std)
    if spread < 0:
        raise ValueError(f"normal expects std >= 0.0, but found std {std}")
    return initializers.RandomNormal(mean, spread)


def drawn(tensor: T, view: Array, made: initializers.Initializer, generator: Rng) -> T:
    """Fill the memory, tell its owner, and return it."""
    with drawing(generator, "generator") as source:
        if isinstance(source, Replay) and view.dtype.itemsize == 2:
            raise TypeError(
                "generator: expected one of fanin's or NumPy's, since other frameworks' numbers "
                f"are replayed in float32 and float64, found {found(source)} for {view.dtype}"
            )
        if isinstance(source, TorchCpu) and not view.flags.c_contiguous:
            _replay_strided(view, made, source)
        else:
            made.fill(view, rng=source)
    was_written(tensor)
    return tensor


def _replay_strided(view: Array, made: initializers.Initializer, source: TorchCpu) -> None:
    """Draw as torch does for a tensor that is not contiguous: one by one, as they lie in memory."""
    if isinstance(made, initializers.Orthogonal):
        made.fill(view, rng=source)  # drawn into memory of its own
        return
    order = sorted(range(view.ndim), key=lambda axis: -abs(view.strides[axis]))
    laid = view.transpose(order)
    dtype = view.dtype.name
    if isinstance(made, initializers.RandomUniform):
        values = source.uniform(laid.shape, made.minval, made.maxval, dtype)
    elif isinstance(made, initializers.TruncatedNormal):
        dense = laid.flags.c_contiguous
        if not dense and order != sorted(order):
            raise ValueError(
                "tensor: expected one that torch's truncated normals are replayed for, found a "
                "slice of a transposed tensor; fill a copy"
            )
        settings = (made.mean, made.stddev, made.lower, made.upper, dtype)
        values = source.trunc_normal(laid.shape, *settings, contiguous=False, dense=dense)
    else:
        assert isinstance(made, initializers.RandomNormal | initializers.Sparse)
        mean = made.mean if isinstance(made, initializers.RandomNormal) else 0.0
        values = source.normal(laid.shape, mean, made.stddev, dtype, contiguous=False)
    check_finite(values, values)
    laid[...] = values
    if isinstance(made, initializers.Sparse):
        zeros = math.ceil(made.sparsity * view.shape[0])
        for column in range(view.shape[1]):
            view[source.permutation(view.shape[0])[:zeros], column] = 0
