"""Modules of torch, which is imported by the files beside this one, when there is such a module."""

import sys

from fanin.frameworks._framework import Advice, Entry

NAME = "torch"

_MODULES = {"sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign"}
ADVICE = Advice(
    normalized="torch.nn.Sequential(torch.nn.LazyLinear({units}, bias=False), "
    "torch.nn.BatchNorm1d({units}), torch.nn.{activation}())",
    leaky="torch.nn.LeakyReLU(0.1)",
    smaller='model.get_submodule("{name}").weight.data.mul_({factor})',
    recalibrated="torch.optim.swa_utils.update_bn([x], model)",
    activation=lambda name: _MODULES.get(name, name.capitalize()),
)


def owns(model: object) -> bool:
    """Whether this is a module of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def is_tensor(given: object) -> bool:
    """Whether this is a tensor of torch."""
    return any(base.__module__ == "torch" for base in type(given).__mro__)


def entry() -> Entry:
    """Return the ways into a model."""
    from fanin.frameworks.torch._arrays import open_torch
    from fanin.frameworks.torch._trace import trace_torch
    from fanin.frameworks.torch._visit import TorchPass
    from fanin.frameworks.torch._watch import TorchWatcher

    return Entry(open_torch, TorchPass, trace_torch, watch=TorchWatcher)
