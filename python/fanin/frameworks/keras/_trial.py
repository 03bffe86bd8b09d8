"""The next step of an optimizer of Keras, taken by copies of the variables."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fanin import _checks
from fanin.frameworks._framework import Moved
from fanin.frameworks._objective import fitting_loss, sum_gradient
from fanin.frameworks._trace import Trace
from fanin.frameworks.keras._arrays import copied
from fanin.frameworks.keras._trace import _differentiable, _loss

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
    inputs, targets = np.asarray(x)[:samples], np.asarray(y)[:samples]
    return KerasTrial(model, inputs, targets, loss, training, given, rate)


class KerasTrial:
    """See `Trial`."""

    def __init__(
        self,
        model: Any,
        x: Array,
        y: Array,
        loss: Any,
        training: bool,
        optimizer: Any,
        rate: float | None,
    ) -> None:
        self._model, self._y, self._training = model, y, training
        self._x = x.astype(model.compute_dtype, copy=False) if x.dtype.kind == "f" else x
        self._given, self._rate = optimizer, rate
        self.optimizer = type(optimizer).__name__
        self.learning_rate, self.peak_rate = _rates(optimizer, rate)
        self.momentum = float(getattr(optimizer, "momentum", 0.0) or 0.0)
        known = rate is None and optimizer is getattr(model, "optimizer", None)
        self.remedy = (
            "model.optimizer.learning_rate = {rate}"
            if known
            else f"optimizer = keras.optimizers.{self.optimizer}({{rate}})"
        )
        self._start = [copied(variable) for variable in model.trainable_variables]
        self._aim = _loss(model, loss)
        self.loss, self._gradients = self._differentiate()
        self._change = self._stepped(1.0)

    def _differentiate(self) -> tuple[float, list[Array]]:
        held = [(variable, copied(variable)) for variable in self._model.variables]
        try:
            outputs, pullback = _differentiable(self._model, self._x, self._training)
            # Where the last activation is not known, the loss that fits is one of its outputs.
            last = getattr(getattr(self._model.layers[-1], "activation", None), "__name__", "")
            fitting = {"kind": last} if last in ("softmax", "sigmoid") else None
            aim = self._aim or fitting_loss(self._y, outputs.shape, fitting)
            value, dy = sum_gradient(aim, self._y, outputs)
            gradients = pullback(dy / np.asarray(len(dy), dy.dtype))[1]
        finally:
            for variable, was in held:
                if not np.array_equal(copied(variable), was, equal_nan=True):
                    variable.assign(was)
        return value, gradients

    def _stepped(self, scale: float) -> list[Array]:
        """Return what the step adds to each variable."""
        variables = [keras.Variable(values, trainable=True) for values in self._start]
        config = self._given.get_config()
        if self._rate is not None:
            config["learning_rate"] = self._rate
        optimizer = type(self._given).from_config(config)
        optimizer.build(variables)
        gradients = [
            keras.ops.convert_to_tensor(np.asarray(scale * gradient, values.dtype))
            for gradient, values in zip(self._gradients, self._start, strict=True)
        ]
        optimizer.apply(gradients, variables)
        return [copied(new) - old for new, old in zip(variables, self._start, strict=True)]

    def step(self, scale: float = 1.0) -> list[Moved]:
        """See `Trial`."""
        changes = self._change if scale == 1 else self._stepped(scale)
        return [
            Moved(int(np.prod(values.shape[:-1])), values, change)
            for values, change in zip(self._start, changes, strict=True)
            if values.ndim > 1 and values.size
        ]

    def loss_after(self, factor: float) -> float:
        """See `Trial`."""
        variables = self._model.trainable_variables
        try:
            for variable, was, change in zip(variables, self._start, self._change, strict=True):
                variable.assign(was + np.asarray(factor, change.dtype) * change)
            return self._differentiate()[0]
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
