"""Tracing a network of this package: its layers run one by one, in compiled code."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fanin import _core, initializers, losses
from fanin._network import Network
from fanin.diagnosis._trace import LayerTrace, Trace, matrix
from fanin.layers import Layer
from fanin.random import Stream

Array = NDArray[Any]


class Step(Protocol):
    """A layer, or the part of it before or behind its activation."""

    activation: Any
    inputs: Array
    outputs: Array
    dx: Array | None
    dy: Array | None

    def forward(self, x: Array, training: bool) -> Array:
        """Keep `x` and the outputs; return these."""

    def backward(self, dy: Array) -> Array:
        """Keep `dy`, and the gradients of inputs and parameters; return that of the inputs."""


class _Step:
    """A layer, or the part of it before or behind its activation."""

    def __init__(self, layer: Layer, settings: dict[str, Any], shape: tuple[int, ...]) -> None:
        self.layer = layer
        self.activation = settings.get("activation") if settings["kind"] == "activation" else None
        self.plan = _core.Plan(shape, [settings], layer.dtype)
        self.inputs = self.outputs = np.empty(0)
        self.dx: Array | None = None
        self.dy: Array | None = None
        self.gradients: dict[str, Array] = {}

    def forward(self, x: Array, training: bool) -> Array:
        self.inputs = x
        # A pass in training moves running averages: those of a copy.
        params, state = self._params(), self._state().copy()
        self.outputs, self._cache = self.plan.forward(params, state, x, training)
        return self.outputs

    def backward(self, dy: Array) -> Array:
        self.dy = dy
        self.dx, flat = self.plan.backward(self._params(), self._cache, dy)
        flat /= len(dy)  # from the samples' own losses to their mean
        for _, role, start, shape in self.plan.parameters:
            self.gradients[role] = flat[start : start + int(np.prod(shape))].reshape(shape)
        return self.dx

    def _params(self) -> Array:
        return self._own(self.layer._params, self.plan.parameter_count)

    def _state(self) -> Array:
        return self._own(self.layer._state, self.plan.state_count)

    def _own(self, array: Array | None, count: int) -> Array:
        # The activation's part of a layer has no arrays.
        return np.empty(0, self.plan.dtype) if array is None or not count else array


def trace_network(network: Network, x: Array, y: Any, loss: Any, training: bool) -> Trace:
    """Run a network forward and back; neither its parameters nor its running averages change.

    Parameters
    ----------
    network : Network
        Built for `x`.
    x : ndarray of shape (batch, ...)
        The samples, in the network's dtype.
    y : array_like or None
        Targets; without them the gradient is that of a random direction of the outputs.
    loss : str, Loss or None
        The loss; None takes the one the network is compiled with, else one that fits.
    training : bool
        Whether layers behave as in training.

    Returns
    -------
    Trace
        All arrays.
    """
    network.ready()
    steps = split_steps(network, x.shape[1:])
    name, value = pass_through(steps, x, y, chosen_before(network, loss), training)
    traced = [_joined([s for s in steps if s.layer is layer]) for layer in network.layers]
    return Trace(network.name, x.reshape(len(x), -1), traced, name, value)


def pass_through(
    steps: Sequence[Step], x: Array, y: Any, loss: losses.Loss | None, training: bool
) -> tuple[str, float | None]:
    """Run steps forward and back; return the name of the loss and its value."""
    outputs = x
    for step in steps:
        outputs = step.forward(outputs, training)
    name, value, rest = "", None, steps
    if y is None:
        dy = random_direction(outputs)
    else:
        chosen = loss or fitting_loss(y, outputs.shape, steps[-1].activation)
        before = before_activation(chosen, steps[-1].activation)
        if before is None:
            values, dy = chosen.rows(y, outputs)
        else:
            # One formula with the last activation: exact where probabilities underflow.
            values, dy = before.rows(y, steps[-1].inputs)
            steps[-1].dx, rest = dy, steps[:-1]
        name, value = chosen.kind, float(values.mean(dtype=np.float64))
    for step in reversed(rest):
        dy = step.backward(dy)
    return name, value


def split_steps(network: Network, shape: tuple[int, ...]) -> list[_Step]:
    """Return the layers of a network, those with an activation cut in two before it."""
    steps: list[_Step] = []
    for layer in network.layers:
        for settings in _parts(layer.settings()):
            steps.append(_Step(layer, settings, shape))
            shape = steps[-1].plan.output_shapes[-1]
    return steps


def _parts(settings: dict[str, Any]) -> list[dict[str, Any]]:
    if settings["kind"] != "dense" or settings["activation"]["kind"] == "linear":
        return [settings]
    return [
        {**settings, "activation": {"kind": "linear"}},
        {"kind": "activation", "activation": settings["activation"]},
    ]


def _joined(steps: list[_Step]) -> LayerTrace:
    """Put a layer together again."""
    layer, first, last = steps[0].layer, steps[0], steps[-1]
    activated = last.activation is not None
    settings = layer.settings()
    return LayerTrace(
        name=layer.name,
        kind=settings["kind"],
        inputs=matrix(first.inputs),
        outputs=matrix(last.outputs),
        activation=last.activation,
        pre_activation=matrix(last.inputs) if activated else None,
        output_gradient=None if last.dy is None else matrix(last.dy),
        pre_activation_gradient=matrix(last.dx) if activated and last.dx is not None else None,
        parameters=dict(layer.arrays),
        gradients=first.gradients,
        initializers=_initializers(layer),
        settings=settings,
    )


def _initializers(layer: Layer) -> dict[str, initializers.Initializer]:
    return {role: layer.initializer(role) for role in layer.arrays}


def random_direction(outputs: Array) -> Array:
    """Return the gradient of a random linear function of the outputs, always the same one."""
    normal = initializers.RandomNormal(0.0, 1.0)
    return normal(outputs.shape, outputs.dtype, rng=Stream(0, "diagnose"))


def chosen_before(network: Network, loss: Any) -> losses.Loss | None:
    """Return the loss that was asked for, or is compiled."""
    if loss is not None:
        return losses.resolve(loss)
    compiled = getattr(network, "_compiled", None)
    return None if compiled is None else compiled.loss


def fitting_loss(y: Any, shape: tuple[int, ...], activation: Any) -> losses.Loss:
    """Return a loss for these targets and outputs."""
    kind = None if activation is None else activation["kind"]
    array = np.asarray(y)
    classes = array.dtype.kind in "iub" and array.size == int(np.prod(shape[:-1]))
    if kind == "sigmoid":
        return losses.BinaryCrossentropy()
    if shape[-1] > 1 and classes:
        return losses.SparseCategoricalCrossentropy(from_logits=kind != "softmax")
    if kind == "softmax":
        return losses.CategoricalCrossentropy()
    return losses.MeanSquaredError()


def before_activation(loss: losses.Loss, activation: Any) -> losses.Loss | None:
    """Return the loss as a function of what goes into the last activation, if it is one formula."""
    kind = None if activation is None else activation["kind"]
    pairs = {
        "softmax": ("categorical_crossentropy", "sparse_categorical_crossentropy"),
        "sigmoid": ("binary_crossentropy",),
    }
    if loss.kind not in pairs.get(kind or "", ()) or loss.settings()["from_logits"]:
        return None
    return type(loss).from_config({**loss.get_config(), "from_logits": True})
