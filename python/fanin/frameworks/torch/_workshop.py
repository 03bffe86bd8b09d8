"""A copy of a module of torch to be mended: fixes are run as printed, then it trains."""

import copy
import inspect
from typing import Any

import numpy as np
import torch

import fanin
from fanin.frameworks._workshop import run
from fanin.frameworks.torch._batch import arguments, batch_of, first, targets_of
from fanin.frameworks.torch._trace import _objective


class TorchWorkshop:
    """See `Workshop`."""

    def __init__(
        self, model: Any, x: Any, y: Any, loss: Any, optimizer: Any, rate: float | None
    ) -> None:
        self.model, self.x, self.y = copy.deepcopy(model), batch_of(x, model), targets_of(y)
        self.loss, self._rate = loss, rate
        made = torch.optim.SGD if rate is not None else torch.optim.Adam
        self._make = type(optimizer) if optimizer is not None else made
        options = {} if optimizer is None else dict(optimizer.defaults)
        if optimizer is not None:
            options["lr"] = optimizer.param_groups[0]["lr"]
        if rate is not None:
            options["lr"] = rate
        known = inspect.signature(self._make).parameters
        self._options = {name: value for name, value in options.items() if name in known}
        self.optimizer: Any = self._optimizer(self.model, 1.0)

    def _optimizer(self, model: Any, factor: float) -> Any:
        parameters = [p for p in model.parameters() if p.requires_grad]
        parameters = parameters or list(model.parameters())
        made = self._make(parameters, **self._options)
        for group in made.param_groups:
            group["lr"] *= factor
        return made

    def apply(self, code: str, names: tuple[str, ...]) -> None:
        """See `Workshop`."""
        before = self._options.get("lr", self.optimizer.param_groups[0]["lr"])
        value = run(self, code, {"fanin": fanin, "torch": torch, "np": np})
        if isinstance(value, torch.nn.Module) and self._stands_alone(value):
            for name in names:
                parent, _, own = name.rpartition(".")
                setattr(self.model.get_submodule(parent), own, copy.deepcopy(value))
            with torch.no_grad():
                _call(self.model, first(self.x, 2))  # lazy modules get their sizes
        self._options["lr"] = self.optimizer.param_groups[0]["lr"] if before else before

    def _stands_alone(self, module: Any) -> bool:
        return all(module is not own for own in self.model.modules())

    def loss_after(self, steps: int) -> float:
        """See `Workshop`."""
        trained = copy.deepcopy(self.model).train()
        optimizer = self._optimizer(trained, 1.0)
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            for _ in range(steps):
                optimizer.zero_grad()
                value = _objective(_call(trained, self.x), self.y, self.loss)[2]
                if not value.requires_grad:
                    break
                value.backward()
                optimizer.step()
            return float(_objective(_call(trained, self.x), self.y, self.loss)[1] or 0.0)


def _call(model: Any, inputs: Any) -> Any:
    given, named = arguments(model, inputs)
    return model(*given, **named)
