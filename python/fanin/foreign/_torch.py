"""The layers of a torch module. Imported only where there is such a module."""

from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]

from fanin import _core
from fanin._buffers import was_written
from fanin.foreign._base import Array, Model, Parameter, Row, in_our_order
from fanin.initializers._fans import FanOptions

_nn = torch.nn
_NORMALIZATIONS = tuple(
    kind
    for kind in (
        _nn.modules.batchnorm._NormBase,  # batch and instance normalization
        _nn.LayerNorm,
        _nn.GroupNorm,
        getattr(_nn, "RMSNorm", None),  # from torch 2.4
    )
    if kind is not None
)
_KINDS: tuple[tuple[Any, str], ...] = (
    (_nn.Linear, "dense"),
    # Before the convolutions, of which it is one.
    (_nn.modules.conv._ConvTransposeNd, "conv_transpose"),
    (_nn.modules.conv._ConvNd, "conv"),
    ((_nn.Embedding, _nn.EmbeddingBag), "embedding"),
    (_NORMALIZATIONS, "normalization"),
    (_nn.MultiheadAttention, "attention"),
)
_WEIGHTS = {"weight": "kernel", "bias": "bias"}
_ROLES = {
    "dense": _WEIGHTS,
    "conv": _WEIGHTS,
    "conv_transpose": _WEIGHTS,
    "embedding": {"weight": "embeddings"},
    "normalization": {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
        "num_batches_tracked": "batches",
    },
    "attention": {"in_proj_weight": "kernel", "in_proj_bias": "bias"},
    "other": {},
}


def opened_torch(model: Any) -> Model:
    """See the parameters, and the running statistics, of a module and those inside it."""
    row = Row()
    seen: set[int] = set()
    for path, module in model.named_modules():
        kind = next((kind for types, kind in _KINDS if isinstance(module, types)), "other")
        found = []
        for name, tensor in _own(module, kind):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                found.append(_parameter(module, kind, f"{path}.{name}" if path else name, tensor))
        row.add(kind, path, found, module)
    return Model(framework="torch", layers=row.layers, result=lambda: model)


def _own(module: Any, kind: str) -> list[tuple[str, Any]]:
    """List the tensors of the module itself: kernel before bias, statistics last."""
    tensors = dict(module.named_parameters(recurse=False))
    if kind == "normalization":
        tensors |= dict(module.named_buffers(recurse=False))
    return list(tensors.items())


def _parameter(module: Any, kind: str, name: str, tensor: Any) -> Parameter:
    _check(name, tensor)
    role = _ROLES[kind].get(name.rpartition(".")[2], name.rpartition(".")[2])
    # A kernel is (out, in, spatial...), or (in, out, spatial...) where it is transposed.
    order = (*range(2, tensor.ndim), 1, 0) if role == "kernel" else None
    return in_our_order(
        role=role,
        name=name,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        get=lambda: read(tensor),
        put=lambda values: _write(tensor, values),
        order=order,
        fans=_fans(module, kind, role, tensor),
        zero_row=getattr(module, "padding_idx", None) if role == "embeddings" else None,
    )


def _fans(module: Any, kind: str, role: str, tensor: Any) -> FanOptions:
    if role == "embeddings":
        # A lookup is a product with one input that is 1: the others do not add up.
        return FanOptions(fan_in=1.0, fan_out=float(tensor.shape[1]))
    if role == "kernel" and kind == "attention":
        # Three kernels side by side, of queries, keys and values.
        inputs = float(tensor.shape[1])
        return FanOptions(fan_in=inputs, fan_out=tensor.shape[0] / 3)
    if role == "kernel" and kind != "dense":
        return FanOptions(groups=module.groups, transposed=kind == "conv_transpose")
    return FanOptions()


def _check(name: str, tensor: Any) -> None:
    """Refuse what cannot be read and written."""
    if isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
        raise ValueError(
            f"model: expected parameters that have a shape, found {name}, which has no shape yet; "
            "run a batch through the model first"
        )
    if tensor.device.type == "meta":
        raise ValueError(
            f"model: expected parameters that have memory, found {name}, which has no memory; call "
            "model.to_empty(device='cpu') first"
        )
    if tensor.device.type != "cpu":
        raise ValueError(
            f"model: expected parameters on the CPU, found {name} on {tensor.device}; initialize "
            "there, then move it"
        )
    if tensor.layout is not torch.strided or tensor.is_inference():
        raise ValueError(
            f"model: expected parameters that can be written to, found {name}, {_oddity(tensor)}"
        )
    overlaps = [n for n, step in zip(tensor.shape, tensor.stride(), strict=True) if n > 1 > step]
    if overlaps:
        raise ValueError(
            f"model: expected parameters that can be written to, found {name}, whose elements "
            "share memory"
        )


def _oddity(tensor: Any) -> str:
    return "an inference tensor" if tensor.is_inference() else f"one of layout {tensor.layout}"


def read(tensor: Any) -> Array:
    """Return the values of a tensor, without a copy where NumPy has the type."""
    values = tensor.detach().cpu()
    if values.dtype == torch.bfloat16:  # which NumPy does not have
        values = values.float()
    array: Array = values.numpy()
    return array


def _write(tensor: Any, values: Array) -> None:
    ours = values.transpose(*range(2, values.ndim), 1, 0) if values.ndim > 1 else values
    turned = ours.flags.c_contiguous and not values.flags.c_contiguous
    if turned and tensor.is_contiguous() and tensor.dtype in (torch.float32, torch.float64):
        kernel = np.asarray(ours, str(tensor.dtype).removeprefix("torch."))
        _core.outputs_first(kernel, tensor.detach().numpy())
        was_written(tensor)
    else:
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(values))
