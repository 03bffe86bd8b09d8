"""The memory of torch's tensors, to write into."""

from typing import Any

from numpy.typing import NDArray

from fanin._checks import warn

Array = NDArray[Any]


def was_written(tensor: Any) -> None:
    """Tell autograd that the values changed: it refuses to use old ones."""
    from torch.autograd.graph import increment_version

    increment_version(tensor)


def memory_of(name: str, tensor: Any) -> Array:
    """Return an array that shares the memory of a tensor; bfloat16 is that of ml_dtypes."""
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


def warn_if_computed(name: str, tensor: Any) -> None:
    """Warn of a tensor that an operation returned, or a view of one.

    Only what autograd recorded can be told: under ``torch.no_grad()`` a result is like any tensor.
    """
    base = tensor._base if tensor._is_view() else tensor
    if base.grad_fn is not None:
        warn(
            f"{name}: expected a parameter or another tensor that is kept, found what "
            f"{type(base.grad_fn).__name__} computed; weight_norm, spectral_norm, orthogonal and "
            "pruning compute a module's weight again each time, so that what is written here is "
            "lost: fill what they compute it from, which the module's named_parameters() lists"
        )
