"""The arrays of a torch module. Imported only where there is such a module.

This file says how torch lays things out: a kernel is ``(outputs, inputs, spatial...)``, one of a
transposed convolution ``(inputs, outputs, spatial...)``, with the inputs or outputs of one group.
"""

from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]

from fanin import _core
from fanin.frameworks._arrays import Array, Model, Parameter, Row, in_our_order
from fanin.frameworks._layout import from_out_in
from fanin.frameworks._trace import rows
from fanin.frameworks.torch._kinds import KINDS
from fanin.frameworks.torch._memory import was_written
from fanin.initializers._fans import FanOptions

_WEIGHTS = {"weight": "kernel", "bias": "bias"}
_NORMALIZING = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
    "num_batches_tracked": "batches",
}
_ROLES = {
    "dense": _WEIGHTS,
    "convolution": _WEIGHTS,
    "transposed_convolution": _WEIGHTS,
    "embedding": {"weight": "embeddings"},
    "normalization": _NORMALIZING,
    "batch_normalization": _NORMALIZING,
    "attention": {"in_proj_weight": "kernel", "in_proj_bias": "bias"},
}


def open_torch(model: Any) -> Model:
    """See the parameters, and the running statistics, of a module and those inside it."""
    row = Row()
    seen: set[int] = set()
    for path, module in model.named_modules():
        found = []
        for name, tensor in tensors_of(module).items():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                full = f"{path}.{name}" if path else name
                _check(full, tensor)
                found.append(parameter_of(module, name, tensor, full))
        row.add(KINDS.of(module), path, found, module)
    return Model(layers=row.layers, result=lambda: model)


def tensors_of(module: Any) -> dict[str, Any]:
    """Return the tensors of the module itself: kernel before bias, statistics last."""
    tensors = dict(module.named_parameters(recurse=False))
    if _roles(module) is _NORMALIZING:
        tensors |= dict(module.named_buffers(recurse=False))
    return tensors


def computed_of(module: Any) -> dict[str, Any]:
    """Return weights that are no parameters, as weight_norm makes them of others."""
    if "weight" in module._parameters or not _roles(module):
        return {}
    with torch.no_grad():
        weight = getattr(module, "weight", None)
    return {"weight": weight.detach()} if isinstance(weight, torch.Tensor) else {}


def _roles(module: Any) -> dict[str, str]:
    return _ROLES.get(KINDS.of(module), {})


def parameter_of(module: Any, name: str, tensor: Any, full: str) -> Parameter:
    """Return one tensor of a module as a parameter, which messages call by its `full` name."""
    known = _roles(module)
    role = known.get(name, name)
    return in_our_order(
        role=role,
        name=full,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        get=lambda: read(tensor),
        put=lambda values: _write(tensor, values),
        # Who calls it kernel by themselves has inputs first, as those who call it so.
        order=from_out_in(tensor.ndim) if role == "kernel" and known else None,
        fans=_fans(module, KINDS.of(module), role, tensor) if known else FanOptions(),
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
        return FanOptions(groups=module.groups, transposed=kind == "transposed_convolution")
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


def measured(tensor: Any) -> Array:
    """Return the values as the core measures them: in float32, unless they are in float64."""
    tensor = tensor.detach().cpu()
    known = tensor.dtype in (torch.float32, torch.float64)
    array: Array = (tensor if known else tensor.float()).numpy()
    return array


def rows_of(tensor: Any, last: bool) -> Array:
    """Return the values as `rows`."""
    return rows(measured(tensor), last)


def _write(tensor: Any, values: Array) -> None:
    ours = values.transpose(from_out_in(values.ndim)) if values.ndim > 1 else values
    turned = ours.flags.c_contiguous and not values.flags.c_contiguous
    if turned and tensor.is_contiguous() and tensor.dtype in (torch.float32, torch.float64):
        kernel = np.asarray(ours, str(tensor.dtype).removeprefix("torch."))
        _core.outputs_first(kernel, tensor.detach().numpy())
        was_written(tensor)
    else:
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(values))
