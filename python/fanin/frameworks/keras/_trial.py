"""The next step of an optimizer of Keras, taken by copies of the variables."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fanin import _checks
from fanin.frameworks._framework import Moved
from fanin.frameworks._trace import Trace
from fanin.frameworks._trial import clipping_of
from fanin.frameworks.keras._arrays import copied
from fanin.frameworks.keras._batch import Batch, batch_of
from fanin.frameworks.keras._calls import undisturbed
from fanin.frameworks.keras._trace import Passed

Array = NDArray[Any]

_AT_STEPS = (0, 100, 1000)
"""Steps of a schedule that are looked at for its largest rate."""


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
) -> "KerasTrial | None":
    """Try the next step of the optimizer that is given, or else compiled; see `_open.trial`.

    The gradient is taken anew, of the first samples.
    """
    given = optimizer
    if given is None:
        given = getattr(model, "optimizer", None)
    if given is None and rate is not None:
        given = keras.optimizers.SGD(rate)
    if y is None or given is None or not model.trainable_variables:
        return None
    given = keras.optimizers.get(given) if isinstance(given, (str, dict)) else given
    if not isinstance(given, keras.optimizers.Optimizer):
        raise TypeError(f"optimizer: expected one of Keras, found {_checks.found(given)}")
    batch = batch_of(model, x)
    return KerasTrial(model, batch.first(samples), _first(y, samples), loss, training, given, rate)


def _first(y: Any, samples: int) -> Any:
    """Return the first targets, of each output if they are of several."""
    if isinstance(y, dict):
        return {name: None if part is None else part[:samples] for name, part in y.items()}
    if isinstance(y, list | tuple) and any(part is None or hasattr(part, "ndim") for part in y):
        return [None if part is None else part[:samples] for part in y]
    return np.asarray(y)[:samples]


class KerasTrial:
    """See `Trial`."""

    def __init__(
        self,
        model: Any,
        batch: Batch,
        y: Any,
        loss: Any,
        training: bool,
        optimizer: Any,
        rate: float | None,
    ) -> None:
        self._model, self._batch, self._y = model, batch, y
        self._loss, self._training = loss, training
        self._given, self._rate = optimizer, rate
        self.optimizer = type(optimizer).__name__
        self.learning_rate, self.peak_rate = _rates(optimizer, rate)
        self.momentum = float(getattr(optimizer, "momentum", 0.0) or 0.0)
        self.clipping, self.unclipped = clipping_of(optimizer)
        self.weight_decay = float(optimizer.weight_decay or 0.0)
        self.decay_remedy = "model.optimizer.weight_decay = {value}"
        self.left_out: Sequence[str] = ()
        known = rate is None and optimizer is getattr(model, "optimizer", None)
        self.remedy = (
            "model.optimizer.learning_rate = {rate}"
            if known
            else f"optimizer = keras.optimizers.{self.optimizer}({{rate}})"
        )
        self._start = [copied(variable) for variable in model.trainable_variables]
        self.loss, self._gradients = self._differentiate()
        self._change = self._stepped(1.0)

    def _forward(self) -> Passed:
        return Passed(self._model, self._batch, self._y, self._loss, self._training)

    def _differentiate(self) -> tuple[float, list[Array]]:
        with undisturbed(self._model):
            passed = self._forward()
            found = passed.tape.gradients(passed.ends, [])[1]
        count = len(self._batch)
        gradients = [
            np.zeros_like(values)
            if gradient is None
            else gradient / np.asarray(count, values.dtype)
            for gradient, values in zip(found, self._start, strict=True)
        ]
        return float(passed.aim.value or 0.0), gradients

    def _stepped(self, scale: float, clipping: bool = True) -> list[Array]:
        """Return what the step adds to each variable."""
        variables = [keras.Variable(values, trainable=True) for values in self._start]
        config = self._given.get_config()
        if self._rate is not None:
            config["learning_rate"] = self._rate
        if not clipping:
            config |= dict.fromkeys(("clipnorm", "clipvalue", "global_clipnorm"))
        optimizer = type(self._given).from_config(config)
        optimizer.build(variables)
        gradients = [
            keras.ops.convert_to_tensor(np.asarray(scale * gradient, values.dtype))
            for gradient, values in zip(self._gradients, self._start, strict=True)
        ]
        optimizer.apply(gradients, variables)
        return [copied(new) - old for new, old in zip(variables, self._start, strict=True)]

    def step(self, scale: float = 1.0, clipping: bool = True) -> list[Moved]:
        """See `Trial`."""
        known = scale == 1 and clipping
        changes = self._change if known else self._stepped(scale, clipping)
        return [
            Moved(int(np.prod(values.shape[:-1])), values, change)
            for values, change in zip(self._start, changes, strict=True)
            if values.ndim > 1 and values.size
        ]

    def decay(self) -> float:
        """See `Trial`."""
        return self.learning_rate * self.weight_decay

    def loss_after(self, factor: float) -> float:
        """See `Trial`."""
        variables = self._model.trainable_variables
        try:
            for variable, was, change in zip(variables, self._start, self._change, strict=True):
                variable.assign(was + np.asarray(factor, change.dtype) * change)
            with undisturbed(self._model):
                return float(self._forward().aim.value or 0.0)
        finally:
            for variable, was in zip(variables, self._start, strict=True):
                variable.assign(was)


def _rates(optimizer: Any, rate: float | None) -> tuple[float, float]:
    """Return the learning rate, and the largest one of a schedule."""
    if rate is not None:
        return rate, rate
    schedule = optimizer._learning_rate
    if callable(schedule):
        rates = [float(keras.ops.convert_to_numpy(schedule(step))) for step in _AT_STEPS]
        return rates[0], max(rates)
    own = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    return own, own
