"""A pass through a torch module: hooks rescale its layers as they run."""

from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from fanin.data_dependent._models import Visit, Visitor
from fanin.diagnosis._signals import as_matrix
from fanin.diagnosis._torch import as_tensor, undisturbed

_CONVOLUTIONS = torch.nn.modules.conv._ConvNd
_TRANSPOSED = torch.nn.modules.conv._ConvTransposeNd


class TorchRun:
    """A torch module that is passed through."""

    def __init__(self, model: Any, x: Any) -> None:
        self.model, self.inputs = model, as_tensor(x, model)

    def keep(self) -> Any:
        """Copy what may change."""
        return [(p, p.detach().clone()) for p in self.model.parameters()]

    def restore(self, kept: Any) -> None:
        """Put it back."""
        with torch.no_grad():
            for parameter, was in kept:
                parameter.copy_(was)

    def __call__(self, visit: Visitor) -> None:
        """Pass the batch through once."""
        seen: set[int] = set()

        def hook(name: str) -> Any:
            def rescale(module: Any, _: Any, outputs: Any) -> Any:
                if id(module) in seen:
                    return outputs  # a layer that runs again keeps what its first run made of it
                seen.add(id(module))
                return _rescaled(name, module, outputs, visit)

            return rescale

        with undisturbed(self.model, training=True), ExitStack() as stack, torch.no_grad():
            for name, module in self.model.named_modules():
                if isinstance(module, (torch.nn.Linear, _CONVOLUTIONS)):
                    handle = module.register_forward_hook(hook(name or type(module).__name__))
                    stack.callback(handle.remove)
            self.model(self.inputs)


def _rescaled(name: str, module: Any, outputs: Any, visit: Visitor) -> Any:
    for role in ("weight", "bias"):
        if role not in module._parameters:
            # What is written into a result of weight_norm, say, is lost when that is made again.
            raise TypeError(
                f"model: expected layers whose weights and biases are parameters, found {name}, "
                f"whose {role} is computed; remove its parametrization or pruning first"
            )
    array = outputs.numpy()
    rows = np.moveaxis(array, 1, -1) if isinstance(module, _CONVOLUTIONS) else array
    has_bias = module.bias is not None
    factor, shift = visit(Visit(name, as_matrix(rows.reshape(-1, rows.shape[-1])), has_bias))
    by_unit, less = (torch.as_tensor(values, dtype=outputs.dtype) for values in (factor, shift))
    module.weight.mul_(_along(by_unit, module))
    if has_bias:
        module.bias.sub_(less).mul_(by_unit)
    if rows is not array and factor.ndim:  # units are on axis 1
        places = (-1, *[1] * (outputs.ndim - 2))
        by_unit, less = by_unit.reshape(places), less.reshape(places)
    return outputs.sub(less).mul_(by_unit)


def _along(factor: Any, module: Any) -> Any:
    """Give a factor of each unit the shape in which it multiplies the weights."""
    weight = module.weight
    if factor.ndim == 0:
        return factor
    if isinstance(module, _TRANSPOSED):
        # (in, out / groups, ...): the units of one group after the other.
        groups = module.groups
        by_group = factor.reshape(groups, 1, -1)
        rows = weight.shape[0] // groups
        whole = by_group.expand(groups, rows, -1).reshape(weight.shape[:2])
        return whole.reshape(*weight.shape[:2], *[1] * (weight.ndim - 2))
    return factor.reshape(-1, *[1] * (weight.ndim - 1))
