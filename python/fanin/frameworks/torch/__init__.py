"""Modules of torch, which is imported by the files beside this one, when there is such a module."""

import sys
from typing import Any

from fanin.frameworks._advice import Advice
from fanin.frameworks._arrays import Model
from fanin.frameworks._trace import Trace
from fanin.frameworks._visit import Pass

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


def open_model(model: Any) -> Model:
    """See the parameters, and the running statistics, of a module and those inside it."""
    from fanin.frameworks.torch._arrays import open_torch

    return open_torch(model)


def trace(model: Any, x: Any, y: Any, loss: Any, training: bool) -> Trace:
    """Run a module forward and back; nothing of it changes."""
    from fanin.frameworks.torch._trace import trace_torch

    return trace_torch(model, x, y, loss, training)


def open_pass(model: Any, x: Any) -> Pass:
    """Make ready a pass that stops at each linear or convolutional layer."""
    from fanin.frameworks.torch._visit import TorchPass

    return TorchPass(model, x)
