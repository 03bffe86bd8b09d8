"""The next step of a network of this package, tried on copies of its arrays."""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import optimizers
from fanin.frameworks._aims import Aim, aims_of, value_of
from fanin.frameworks._fanin import ends_of
from fanin.frameworks._framework import Moved
from fanin.frameworks._trace import LayerTrace, Trace
from fanin.layers._dropout import DRAWING
from fanin.models import Model

Array = NDArray[Any]

SCHEDULED = 1000
"""Steps of a schedule that are looked at for its largest rate."""


def open_trial(
    model: Model,
    x: Any,
    y: Any,
    loss: Any,
    training: bool,
    optimizer: Any,
    rate: float | None,
    samples: int,
    trace: Trace,
) -> "NetworkTrial | None":
    """Try the next step of the optimizer that is given, or else compiled; see `_open.trial`."""
    chosen, remedy = _optimizer(model, optimizer, rate)
    if chosen is None or y is None or trace.arrays is None:
        return None
    inputs = model.take(x, finite=False)
    aims = [aim.of(slice(samples)) for aim in aims_of(model, inputs, y, loss)]
    return NetworkTrial(model, inputs[:samples], aims, training, chosen, remedy, trace)


def _optimizer(
    model: Model, given: Any, rate: float | None
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


def clipping_of(optimizer: Any) -> tuple[str, str]:
    """Return how an optimizer clips gradients, and code that takes it away; empty if it does not.

    Its names are those of Keras.
    """
    for name in ("clipnorm", "clipvalue", "global_clipnorm"):
        value = getattr(optimizer, name, None)
        if value:
            return f"{name} = {value:.3g}", f"model.optimizer.{name} = None"
    return "", ""


class NetworkTrial:
    """See `Trial`."""

    def __init__(
        self,
        model: Model,
        x: Array,
        aims: list[Aim],
        training: bool,
        optimizer: optimizers.Optimizer,
        remedy: str,
        trace: Trace,
    ) -> None:
        self.optimizer, self.remedy = type(optimizer).__name__, remedy
        rates = optimizer.learning_rates(0, SCHEDULED if callable(optimizer.learning_rate) else 1)
        self.learning_rate, self.peak_rate = float(rates[0]), float(rates.max())
        self.momentum = float(getattr(optimizer, "momentum", 0.0) or 0.0)
        self.clipping, self.unclipped = clipping_of(optimizer)
        self.weight_decay = float(optimizer.weight_decay or 0.0)
        self.decay_remedy = "model.optimizer.weight_decay = {value}"
        self.left_out: Sequence[str] = ()
        self._with, self._plan, self._model = optimizer, model.ready(), model
        self._names = [layer.name for layer in model.computing]
        self._x, self._aims, self._training = x, aims, training
        self._given = model.of_each_input(x)
        self._batch = len(trace.inputs)
        assert trace.arrays is not None
        (self._params, self._state), self._gradient = trace.arrays, trace.gradient
        self._after = self._step(self._gradient)
        self.loss = self._loss_before(trace)

    def _loss_before(self, trace: Trace) -> float:
        """Return the loss that is compared with those of steps: of the same samples and functions.

        It is that of the outputs that the trace has, unless these depend on the rest of the batch,
        or on chance.
        """
        kinds = {layer.kind for layer in trace.layers}
        if self._training and kinds & {"batch_normalization", "traced", "draw", *DRAWING}:
            return self._loss(self._params)
        return self._value([self._first(layer) for layer in trace.layers])

    def _first(self, layer: LayerTrace) -> tuple[Array | None, Array]:
        """Return what a trace has of a layer, for the first samples."""
        rows = len(layer.outputs) // self._batch * len(self._x)
        before = layer.pre_activation
        return None if before is None else before[:rows], layer.outputs[:rows]

    def _loss(self, params: Array) -> float:
        signals, _ = self._plan.trace(params, self._state.copy(), self._x, self._training)
        return self._value(signals)

    def _value(self, signals: Sequence[tuple[Array | None, Array]]) -> float:
        """Return the loss of what a pass made, layer by layer."""
        return value_of(self._aims, ends_of(self._model, self._plan, signals, self._given))

    def _step(self, gradient: Array, clipping: bool = True) -> Array:
        """Return all parameters after a first step, which is none of a mean over batches."""
        after, rule = self._params.copy(), copy.copy(self._with)
        rule.gradient_accumulation_steps, rule.use_ema = None, False
        if not clipping:
            rule.clipnorm = rule.clipvalue = rule.global_clipnorm = None
        if rule.global_clipnorm:  # which is of all together
            norm = math.sqrt(float(np.square(gradient, dtype=np.float64).sum()))
            share = rule.global_clipnorm / max(norm, rule.global_clipnorm)
            gradient = gradient * gradient.dtype.type(share)
            rule.global_clipnorm = None
        for layer, role, at, shape in self._plan.parameters:
            part = slice(at, at + math.prod(shape))
            array = after[part].reshape(shape)
            path = f"{self._names[layer]}/{role}"
            rule._move(path, array, gradient[part].reshape(shape), rule.init(array), 0)
        return after

    def step(self, scale: float = 1.0, clipping: bool = True) -> Iterator[Moved]:
        """See `Trial`."""
        if scale == 1 and clipping:
            after = self._after
        else:
            after = self._step(self._gradient * np.float32(scale), clipping)
        for _, role, at, shape in self._plan.parameters:
            if role == "kernel":
                part = slice(at, at + math.prod(shape))
                fan_in = math.prod(shape[:-1])
                yield Moved(fan_in, self._params[part], after[part] - self._params[part])

    def decay(self) -> float:
        """See `Trial`."""
        return self.learning_rate * self.weight_decay

    def loss_after(self, factor: float) -> float:
        """See `Trial`."""
        if factor == 1:
            return self._loss(self._after)
        change = self._after - self._params
        return self._loss(self._params + np.asarray(factor, change.dtype) * change)
