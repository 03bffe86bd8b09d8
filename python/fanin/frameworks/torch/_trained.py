"""What of a torch module is trained, though no layer that is known has it: factors, adapters."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from fanin.frameworks.torch._kinds import layers_of


def mark_adapted(model: Any, records: Sequence[Any]) -> None:
    """Mark frozen layers that others beside them are trained for, as LoRA does it."""
    parents = dict(model.named_modules())
    for step in records:
        if "." in step.name:
            own = list(step.module.parameters(recurse=False))
            parent = parents.get(step.name.rpartition(".")[0])
            alone = parent is None or isinstance(parent, torch.nn.Sequential)
            if own and not alone and not any(p.requires_grad for p in own):
                beside = [] if parent is None else parent.parameters()
                step.adapted = any(p.requires_grad for p in beside)


def waking(model: Any, gradients: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the modules that have a parameter of zeros, and no layer's, that gets a gradient."""
    known = {name for name, module in layers_of(model)}
    return tuple(
        name.rpartition(".")[0]
        for name, parameter in model.named_parameters()
        if name.rpartition(".")[0] not in known
        and gradients.get(name) is not None
        and not bool(parameter.detach().any())
        and bool(gradients[name].any())
    )


def still(gradients: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the modules of what is trained, if nothing of it gets a gradient."""
    if any(gradient is not None and bool(gradient.any()) for gradient in gradients.values()):
        return ()
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in gradients))
