"""Memory of other libraries' arrays, to write into."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.frameworks.torch import is_tensor

Array = NDArray[Any]


def writeable(name: str, given: Any) -> Array:
    """Return a NumPy array that shares the memory of what was given.

    Parameters
    ----------
    name : str
        What to call it in messages.
    given : ndarray, torch.Tensor, or anything with the buffer protocol or DLPack
        On the CPU, dense, and writeable.

    Returns
    -------
    ndarray
        A view: writing to it writes to `given`. bfloat16 is that of ml_dtypes.

    Raises
    ------
    TypeError
        If it is no such array.
    ValueError
        If it is read-only, not on the CPU, or several of its elements share memory.

    Warns
    -----
    UserWarning
        If it is a tensor that was computed, and not kept.
    """
    if isinstance(given, np.ndarray):
        view = given
    elif is_tensor(given):
        from fanin.frameworks.torch._memory import memory_of

        view = memory_of(name, given)
    else:
        view = _of_protocols(name, given)
    if not view.flags.writeable:
        raise ValueError(f"{name}: expected an array that can be written to, found a read-only one")
    steps = zip(view.shape, view.strides, strict=True)
    if view.size and view.itemsize + sum((n - 1) * abs(s) for n, s in steps) < view.nbytes:
        raise ValueError(
            f"{name}: expected one whose elements have memory of their own, found that several "
            "refer to the same memory, as in one that was expanded; clone it first"
        )
    if is_tensor(given):
        from fanin.frameworks.torch._memory import warn_if_computed

        warn_if_computed(name, given)
    return view


def was_written(given: Any) -> None:
    """Tell the owner that its values changed."""
    if is_tensor(given):
        from fanin.frameworks.torch._memory import was_written

        was_written(given)


def _of_protocols(name: str, given: Any) -> Array:
    try:
        return np.asarray(memoryview(given))
    except TypeError:
        pass
    if hasattr(given, "__dlpack_device__") and given.__dlpack_device__()[0] != _CPU:
        raise ValueError(f"{name}: expected an array on the CPU, found one on another device")
    if hasattr(given, "__dlpack__"):
        try:
            view = np.from_dlpack(given)
        except (BufferError, RuntimeError, TypeError) as error:
            raise TypeError(
                f"{name}: expected an array whose memory can be had, found that it cannot: {error}"
            ) from None
        if not view.flags.writeable:
            raise ValueError(
                f"{name}: expected memory that can be written to, found what DLPack calls "
                "read-only, as NumPy takes all that comes by DLPack before version 1.0 to be"
            )
        return view
    raise TypeError(
        f"{name}: expected an array (NumPy, torch, or with the buffer protocol or DLPack), "
        f"found {type(given).__name__}"
    )


_CPU = 1
"""``kDLCPU`` of the DLPack standard."""
