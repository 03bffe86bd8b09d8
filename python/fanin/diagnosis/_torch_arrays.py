"""Tensors of torch as matrices, a row a sample."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def array_of(tensor: Any) -> Array:
    """Return the tensor's own memory, if NumPy knows its type."""
    import torch

    tensor = tensor.detach()
    known = (torch.float32, torch.float64)
    return (tensor if tensor.dtype in known else tensor.float()).numpy()  # type: ignore[no-any-return]


def rows_of(tensor: Any) -> Array:
    """Return a matrix with a column a unit; a channel of an image is one, and each place a row."""
    array = array_of(tensor)
    if array.ndim > 2:
        array = np.moveaxis(array, 1, -1)
    return array.reshape(-1, array.shape[-1])


def scaled_rows(gradient: Any, scale: float) -> Array | None:
    """Return `rows_of` a gradient, multiplied by a number; None for none."""
    if gradient is None:
        return None
    rows = rows_of(gradient)
    return rows if scale == 1.0 else rows * np.asarray(scale, rows.dtype)
