"""A pass through a torch module: hooks rescale its layers as they run."""

from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import numpy as np
import torch

from fanin.frameworks._trace import as_matrix
from fanin.frameworks._visit import Visit, Visitor
from fanin.frameworks.torch._arrays import parameter_of
from fanin.frameworks.torch._batch import arguments, batch_of
from fanin.frameworks.torch._kinds import KINDS, units_last
from fanin.frameworks.torch._trace import undisturbed

_WEIGHTED = ("dense", "convolution", "transposed_convolution")


class TorchPass:
    """A torch module that is passed through."""

    def __init__(self, model: Any, x: Any) -> None:
        self.model, self.inputs = model, batch_of(x, model)

    def alone(self) -> AbstractContextManager[object]:
        """Keep nothing away: whose threads these are is not ours to say."""
        return nullcontext()

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
                if KINDS.of(module) in _WEIGHTED:
                    handle = module.register_forward_hook(hook(name or type(module).__name__))
                    stack.callback(handle.remove)
            given, named = arguments(self.model, self.inputs)
            self.model(*given, **named)


def _rescaled(name: str, module: Any, outputs: Any, visit: Visitor) -> Any:
    for role in ("weight", "bias"):
        if role not in module._parameters:
            # What is written into a result of weight_norm, say, is lost when that is made again.
            raise TypeError(
                f"model: expected layers whose weights and biases are parameters, found {name}, "
                f"whose {role} is computed; remove its parametrization or pruning first"
            )
    array = outputs.numpy()
    rows = array if units_last(module) else np.moveaxis(array, 1, -1)
    has_bias = module.bias is not None
    factor, shift = visit(Visit(name, as_matrix(rows), has_bias))
    factor, shift = factor.astype(array.dtype), shift.astype(array.dtype)
    kernel = parameter_of(module, "weight", module.weight, name)
    kernel.write(kernel.read() * kernel.by_unit(factor))
    if has_bias:
        bias = parameter_of(module, "bias", module.bias, name)
        bias.write((bias.read() - shift) * factor)
    if rows is not array and factor.ndim:  # units are on axis 1
        places = (-1, *[1] * (array.ndim - 2))
        factor, shift = factor.reshape(places), shift.reshape(places)
    return outputs.sub(torch.from_numpy(shift)).mul_(torch.from_numpy(factor))
