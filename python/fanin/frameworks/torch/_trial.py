"""The next step of an optimizer of torch, taken by copies of the parameters."""

import copy
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.func import functional_call  # type: ignore[import-not-found,unused-ignore]

from fanin import _checks
from fanin.frameworks._framework import Moved
from fanin.frameworks._trace import Trace
from fanin.frameworks.torch._batch import arguments, batch_of, first, targets_of
from fanin.frameworks.torch._trace import _objective, undisturbed


def open_trial(
    model: Any,
    x: Any,
    y: Any,
    loss: Any,
    training: bool,
    optimizer: Any,
    rate: float | None,
    samples: int,
    trace: Trace,
) -> "TorchTrial | None":
    """Try the next step of an optimizer, or that of gradient descent; see `_open.trial`.

    None for an optimizer that must be given a closure, for a model that does not train, and where
    the loss refuses the outputs.
    """
    if y is None or (optimizer is None and rate is None):
        return None
    names = {id(p): n for n, p in model.named_parameters() if p.requires_grad}
    left_out: list[str] = []
    if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer: expected a torch.optim.Optimizer, found {_checks.found(optimizer)}"
        )
    if optimizer is not None:
        its = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if its.isdisjoint(map(id, model.parameters())):
            raise ValueError("optimizer: expected one of the model's parameters, found none there")
        left_out = [name for key, name in names.items() if key not in its]
        names = {key: name for key, name in names.items() if key in its}
    if not names or trace.gradient is None:
        return None
    few = first(batch_of(x, model), samples), first(targets_of(y), samples)
    trial = TorchTrial(model, *few, loss, training, names, trace.gradient)
    trial.left_out = left_out
    return trial if trial.take(optimizer, rate) else None


class TorchTrial:
    """See `Trial`."""

    clipping: str = ""  # which is in the loop, and not the optimizer's
    unclipped: str = ""
    decay_remedy: str = 'for group in optimizer.param_groups: group["weight_decay"] = {value}'

    def __init__(
        self,
        model: Any,
        x: Any,
        y: Any,
        loss: Any,
        training: bool,
        names: dict[int, str],
        gradients: Mapping[str, Any],
    ) -> None:
        self._model, self._x, self._y = model, x, y
        self._aim, self._training = loss, training
        params = dict(model.named_parameters())
        self._start = {name: params[name].detach().clone() for name in names.values()}
        self._names, self._gradients = names, gradients
        self.left_out: Sequence[str] = ()
        # Anew: of fewer samples, and with the chance that steps are compared under.
        self.loss = self._loss(self._start)

    def take(self, optimizer: Any, rate: float | None) -> bool:
        """Let the optimizer take its step; return whether it could."""
        self._given, self._rate = optimizer, rate
        self.optimizer = "SGD" if optimizer is None else type(optimizer).__name__
        groups: list[dict[str, Any]] = [{"lr": rate}]
        if optimizer is not None:
            groups = optimizer.param_groups
        rates = [float(group["lr"]) if rate is None else rate for group in groups]
        peaks = [float(g.get(key, 0.0)) for g in groups for key in ("initial_lr", "max_lr")]
        self.learning_rate, self.peak_rate = max(rates), max(rates + peaks)
        self.momentum = max(float(group.get("momentum", 0.0)) for group in groups)
        self.weight_decay = max(float(group.get("weight_decay", 0.0)) for group in groups)
        self._coupled = self._is_coupled()
        self.remedy = (
            'for group in optimizer.param_groups: group["lr"] *= {factor}'
            if rate is None
            else "learning_rate = {rate}"
        )
        try:
            self._change = self._stepped(1.0)
        except TypeError:  # a closure is missing, or what its class is made with is not known
            return False
        return True

    def _stepped(self, scale: float) -> dict[str, Any]:
        """Return what the step adds to each parameter."""
        clones = {name: tensor.clone() for name, tensor in self._start.items()}
        for name, clone in clones.items():
            gradient = self._gradients[name]
            clone.grad = None if gradient is None else scale * gradient
        self._copied(clones).step()
        return {name: clone - self._start[name] for name, clone in clones.items()}

    def _copied(self, clones: dict[str, Any]) -> Any:
        """Return an optimizer like the one given, in the same state, of other parameters."""
        if self._given is None:
            return torch.optim.SGD(clones.values(), lr=self._rate)
        groups, states = [], {}
        for group in self._given.param_groups:
            names = [self._names[id(p)] for p in group["params"] if id(p) in self._names]
            if names:
                rate = {} if self._rate is None else {"lr": self._rate}
                groups.append({**group, **rate, "params": [clones[name] for name in names]})
            for parameter in group["params"]:
                if id(parameter) in self._names and parameter in self._given.state:
                    state = copy.deepcopy(self._given.state[parameter])
                    states[clones[self._names[id(parameter)]]] = state
        known = inspect.signature(type(self._given)).parameters
        options = {k: v for k, v in self._given.defaults.items() if k in known}
        made = type(self._given)(groups, **options)
        made.state.update(states)
        return made

    def _loss(self, params: dict[str, Any]) -> float:
        buffers = {name: tensor.clone() for name, tensor in self._model.named_buffers()}
        with undisturbed(self._model, self._training), torch.enable_grad():
            # One mask of Dropout for all: a loss that changes at random says nothing of a step.
            torch.manual_seed(0)
            given = arguments(self._model, self._x)
            outputs = functional_call(self._model, {**params, **buffers}, *given)
            number = _objective(outputs, self._y, self._aim).number
        return math.nan if number is None else number

    def _is_coupled(self) -> bool:
        """Whether decay is part of a gradient whose size an optimizer like Adam takes away."""
        given = self._given
        if given is None or isinstance(given, torch.optim.SGD | torch.optim.AdamW):
            return False
        return not given.defaults.get("decoupled_weight_decay", False)

    def decay(self) -> float:
        """See `Trial`.

        Where it is part of a gradient whose size does not count, it is all of the step if it is
        much larger than the loss's, and else hardly anything.
        """
        if not self._coupled:
            share = self.learning_rate * self.weight_decay
            return share / (1 - min(self.momentum, 0.99)) if self.momentum else share
        kernels = [(name, w) for name, w in self._start.items() if w.ndim > 1 and w.numel()]
        shares, moves = [], []
        for name, weights in kernels:
            gradient, size = self._gradients[name], float(weights.norm())
            if gradient is not None and size > 0:
                shares.append(self.weight_decay * size / max(float(gradient.norm()), 1e-30))
                moves.append(float(self._change[name].norm()) / size)
        drowned = shares and float(np.median(shares)) > _DROWNS
        return float(np.median(moves)) if drowned else 0.0

    def step(self, scale: float = 1.0, clipping: bool = True) -> list[Moved]:
        """See `Trial`."""
        change = self._change if scale == 1 else self._stepped(scale)
        return [
            Moved(tensor[0].numel(), _array(tensor), _array(change[name]))
            for name, tensor in self._start.items()
            if tensor.ndim > 1 and tensor.numel()
        ]

    def loss_after(self, factor: float) -> float:
        """See `Trial`."""
        moved = {n: t + factor * self._change[n] for n, t in self._start.items()}
        return self._loss(moved)


_DROWNS = 10.0
"""So many times the loss's gradient, decay is what a step is made of."""


def _array(tensor: Any) -> Any:
    return np.asarray(tensor.detach().float().numpy())
