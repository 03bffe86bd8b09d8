"""The next step of a network of this package, tried on copies of its arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import optimizers
from fanin.frameworks._fanin import checked_targets
from fanin.frameworks._framework import Moved
from fanin.frameworks._objective import objective
from fanin.models import Sequential

Array = NDArray[Any]

SCHEDULED = 1000
"""Steps of a schedule that are looked at for its largest rate."""


def open_trial(
    model: Sequential,
    x: Any,
    y: Any,
    loss: Any,
    training: bool,
    optimizer: Any,
    rate: float | None,
    samples: int,
) -> "NetworkTrial | None":
    """Try the next step of the optimizer that is given, or else compiled; see `_open.trial`."""
    chosen, remedy = _optimizer(model, optimizer, rate)
    if chosen is None or y is None:
        return None
    inputs = model.take(x, finite=False)[:samples]
    targets, aim = checked_targets(model, inputs, np.asarray(y)[:samples], loss)
    return NetworkTrial(model, inputs, targets, aim, training, chosen, remedy)


def _optimizer(
    model: Sequential, given: Any, rate: float | None
) -> tuple[optimizers.Optimizer | None, str]:
    """Return the optimizer, and code that sets another rate."""
    chosen: optimizers.Optimizer | None
    if given is not None:
        chosen = optimizers.get(given)
    elif model.compiled:
        chosen = model.optimizer
    else:
        chosen = None if rate is None else optimizers.SGD(rate)
    if chosen is None:
        return None, ""
    if rate is not None:
        chosen = type(chosen).from_config({**chosen.get_config(), "learning_rate": rate})
    kind = type(chosen).__name__
    if given is None and rate is None and not callable(chosen.learning_rate):
        return chosen, "model.optimizer.learning_rate = {rate}"
    return chosen, f"optimizer = fanin.optimizers.{kind}({{rate}})"


class NetworkTrial:
    """See `Trial`."""

    def __init__(
        self,
        model: Sequential,
        x: Array,
        y: Array,
        aim: Any,
        training: bool,
        optimizer: optimizers.Optimizer,
        remedy: str,
    ) -> None:
        self.optimizer, self.remedy = type(optimizer).__name__, remedy
        rates = optimizer.learning_rates(0, SCHEDULED if callable(optimizer.learning_rate) else 1)
        self.learning_rate, self.peak_rate = float(rates[0]), float(rates.max())
        self.momentum = float(getattr(optimizer, "momentum", 0.0) or 0.0)
        self._with, self._plan, self._last = optimizer, model.ready(), model.layers[-1].settings()
        self._x, self._y, self._aim, self._training = x, y, aim, training
        # A copy: the network may be trained meanwhile, on another thread.
        network = model.network.copy()
        self._params, self._state = network.params, network.state
        self.loss, self._gradient = self._differentiate()
        self._change = self._step(self._gradient)

    def _objective(self, params: Array) -> tuple[Any, Any]:
        signals, cache = self._plan.trace(params, self._state.copy(), self._x, self._training)
        before, outputs = signals[-1]
        shape = (len(self._x), *self._plan.output_shapes[-1])
        activation = None if before is None else self._last["activation"]
        before = (outputs if before is None else before).reshape(shape)
        return objective(self._y, self._aim, before, outputs.reshape(shape), activation), cache

    def _differentiate(self) -> tuple[float, Array]:
        aim, cache = self._objective(self._params)
        _, flat = self._plan.gradients(self._params, cache, aim.gradient, aim.before_activation)
        return float(aim.value), flat / np.asarray(len(self._x), flat.dtype)

    def _step(self, gradient: Array) -> Array:
        """Return what a first step adds to all parameters."""
        after = self._params.copy()
        parts = [slice(None)]
        if not self._with.global_clipnorm:  # which is of all together
            places = self._plan.parameters
            parts = [slice(at, at + int(np.prod(shape))) for _, _, at, shape in places]
        for part in parts:
            array = after[part]
            self._with.step(array, gradient[part], self._with.init(array))
        return after - self._params

    def step(self, scale: float = 1.0) -> list[Moved]:
        """See `Trial`."""
        change = self._change if scale == 1 else self._step(self._gradient * np.float32(scale))
        found = []
        for _, role, at, shape in self._plan.parameters:
            if role == "kernel":
                part = slice(at, at + int(np.prod(shape)))
                fan_in = int(np.prod(shape[:-1]))
                found.append(Moved(fan_in, self._params[part], change[part]))
        return found

    def loss_after(self, factor: float) -> float:
        """See `Trial`."""
        moved = self._params + np.asarray(factor, self._params.dtype) * self._change
        return float(self._objective(moved)[0].value)
