"""Memory of other libraries' arrays, to write into."""

import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    elif is_torch(given):
        view = _of_torch(name, given)
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
    if operation := _computed_by(given):
        warnings.warn(
            f"{name}: expected a parameter or another tensor that is kept, found what "
            f"{operation} computed; weight_norm, spectral_norm, orthogonal and pruning compute a "
            "module's weight again each time, so that what is written here is lost: fill what they "
            "compute it from, which the module's named_parameters() lists",
            UserWarning,
            stacklevel=_level_outside(),
        )
    return view


def _computed_by(given: Any) -> str:
    """Name the operation of torch whose result this is, or a view of it; empty for what is kept.

    Only what autograd recorded can be told: under ``torch.no_grad()`` a result is like any tensor.
    """
    if not is_torch(given):
        return ""
    base = given._base if given._is_view() else given
    return "" if base.grad_fn is None else type(base.grad_fn).__name__


def _level_outside() -> int:
    """Return the stack level of the code that called this package, for a warning by the caller."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("fanin."):
        frame, level = frame.f_back, level + 1
    return level


def is_torch(given: Any) -> bool:
    """Whether this is a tensor of torch, without importing torch."""
    return any(base.__module__ == "torch" for base in type(given).__mro__)


def was_written(given: Any) -> None:
    """Tell the owner that its values changed: autograd refuses to use old ones."""
    if is_torch(given):
        from torch.autograd.graph import increment_version

        increment_version(given)


def _of_torch(name: str, tensor: Any) -> Array:
    import torch

    if hasattr(tensor, "materialize"):  # a parameter of a lazy module
        raise ValueError(
            f"{name}: expected a tensor that has a shape, found a parameter that has none yet; run "
            "a batch through its module first"
        )
    if tensor.device.type != "cpu":
        raise ValueError(
            f"{name}: expected a tensor on the CPU, found one on {tensor.device}; fill it there "
            "and copy it over"
        )
    if tensor.layout is not torch.strided:
        raise ValueError(f"{name}: expected a dense tensor, found one of layout {tensor.layout}")
    if tensor.is_inference() and not torch.is_inference_mode_enabled():
        raise ValueError(
            f"{name}: expected a tensor that can be written to, found an inference one"
        )
    values = tensor.detach()
    if values.dtype == torch.bfloat16:
        # NumPy does not have it: the same memory as integers, and those as the type of ml_dtypes.
        return values.view(torch.int16).numpy().view(_bfloat16(name))  # type: ignore[no-any-return]
    if values.is_conj() or values.is_neg():
        raise ValueError(
            f"{name}: expected a tensor of its own, found a lazy conjugate or negative"
        )
    return values.numpy()  # type: ignore[no-any-return]


def _bfloat16(name: str) -> Any:
    try:
        import ml_dtypes
    except ImportError:
        raise TypeError(
            f"{name}: expected the package ml_dtypes for bfloat16, found that it is not installed"
        ) from None
    return ml_dtypes.bfloat16


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
