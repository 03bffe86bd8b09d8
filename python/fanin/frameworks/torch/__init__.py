"""Modules of torch, which is imported by the files beside this one, when there is such a module."""

import sys

from fanin.frameworks._framework import Advice, Entry

NAME = "torch"

_MODULES = {"sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign"}
_SET = 'setattr(model.get_submodule("{parent}"), "{own}", torch.nn.%s)'
_LOSSES = {
    ("classes", "logits"): "torch.nn.functional.cross_entropy",
    ("classes", "log_probabilities"): "torch.nn.functional.nll_loss",
    ("classes", "probabilities"): (
        "lambda p, y: torch.nn.functional.nll_loss(p.clamp_min(1e-12).log(), y)"
    ),
    ("binary", "logits"): "torch.nn.functional.binary_cross_entropy_with_logits",
    ("binary", "probabilities"): "torch.nn.functional.binary_cross_entropy",
}


def _loss(name: str, task: str, looks: str) -> str:
    code = _LOSSES.get((task, looks))
    return f"loss = {code}" if code else ""


ADVICE = Advice(
    bare=_SET % "Identity()",
    bare_alone=_SET % "Identity()",
    rectified=_SET % "ReLU()",
    rectified_alone=_SET % "ReLU()",
    sigmoid=_SET % "Sigmoid()",
    sigmoid_alone=_SET % "Sigmoid()",
    activated='model.set_submodule("{name}", torch.nn.Sequential('
    'model.get_submodule("{name}"), torch.nn.{module}()))',
    dropped='model.get_submodule("{name}").p = {value}',
    over_classes=_SET % "Softmax(1)",
    known_targets=(
        "known = torch.isfinite(y).reshape(len(y), -1).all(1); x, y = x[known], y[known]"
    ),
    thawed="for parameter in model.parameters(): parameter.requires_grad_(True)",
    loss=_loss,
    normalized="torch.nn.Sequential(torch.nn.LazyLinear({units}, bias=False), "
    "torch.nn.BatchNorm1d({units}), torch.nn.{activation}())",
    smaller='model.get_submodule("{name}").weight.data.mul_({factor})',
    redrawn='fanin.initialize(model.get_submodule("{name}"), {initializer}, seed=0)',
    widened='model.set_submodule("{name}", torch.nn.Linear({inputs}, {units})); '
    'model.set_submodule("{behind}", torch.nn.Linear({units}, {outputs})); '
    "optimizer = type(optimizer)(model.parameters(), lr=optimizer.param_groups[0]['lr'])",
    finite_inputs="x = torch.nan_to_num(torch.as_tensor(x), nan=0.0, posinf=0.0, neginf=0.0)",
    recalibrated="x = torch.as_tensor(x); torch.optim.swa_utils.update_bn("
    "[x.to(next(model.parameters()).dtype) if x.is_floating_point() else x], model)",
    multiplied='model.get_submodule("{name}").{role}.data.mul_({factor})',
    filled='model.get_submodule("{name}").{role}.data.fill_({value})',
    roles={"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"},
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
    from fanin.frameworks.torch._trial import open_trial
    from fanin.frameworks.torch._visit import TorchPass
    from fanin.frameworks.torch._watch import TorchWatcher
    from fanin.frameworks.torch._workshop import TorchWorkshop

    return Entry(
        open_torch,
        TorchPass,
        trace_torch,
        trial=open_trial,
        workshop=TorchWorkshop,
        watch=TorchWatcher,
    )
