"""Tracing a Keras model: a chain of layers, each differentiated by Keras's own backend."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

import fanin.layers
from fanin import initializers, losses
from fanin.errors import ShapeError
from fanin.frameworks._ending import Ending
from fanin.frameworks._objective import Objective, objective
from fanin.frameworks._trace import LayerTrace, Trace, matrix
from fanin.frameworks.keras._arrays import copied, parameter_of
from fanin.frameworks.keras._kinds import KINDS

Array = NDArray[Any]
Pullback = Callable[[Array], tuple[Array | None, list[Array]]]
"""From the gradient of the outputs to those of the inputs and of the trainable variables."""


def trace_keras(model: Any, x: Any, y: Any, loss: Any, training: bool) -> Trace:
    """Run a Keras model forward and back; its variables do not change.

    Parameters
    ----------
    model : keras.Sequential or keras.Model
        A chain of layers.
    x : array_like of shape (batch, ...)
        The samples.
    y : array_like or None
        Targets; without them the gradient is that of a random direction of the outputs.
    loss : str, Loss, keras.losses.Loss or None
        The loss; None takes the one the model is compiled with, else one that fits.
    training : bool
        Whether layers behave as in training.

    Returns
    -------
    Trace
        All layers but the inputs.
    """
    check_model(model)
    inputs = np.asarray(x)
    if inputs.ndim < 2 or not len(inputs):
        raise ShapeError(f"x: expected a batch of samples, found shape {inputs.shape}")
    if inputs.dtype.kind == "f":
        inputs = inputs.astype(model.compute_dtype, copy=False)
    if not model.built:
        model.build((None, *inputs.shape[1:]))
    variables = [(variable, copied(variable)) for variable in model.variables]
    steps: list[_KerasStep] = []
    try:
        for layer in chain(model, inputs):
            steps.extend(_steps(layer))
        aim = _pass_through(steps, inputs, y, _loss(model, loss), training)
    finally:
        for variable, was in variables:
            if not np.array_equal(copied(variable), was, equal_nan=True):
                variable.assign(was)
    layers = [_joined([s for s in steps if s.layer is layer]) for layer in _unique(steps)]
    samples = inputs.reshape(len(inputs), -1)
    targets = None if y is None else np.asarray(y)
    return Trace(
        model.name,
        samples,
        layers,
        aim.loss,
        aim.value,
        ending=Ending(layers[-1].outputs, targets, aim.takes, len(inputs)),
        trainable=_counts(model),
    )


def _counts(model: Any) -> tuple[int, int]:
    """Return how many parameters are trained, and how many could be."""
    sizes = [
        (variable.trainable, int(np.prod(variable.shape)))
        for variable in model.variables
        if _is_parameter(variable)
    ]
    return sum(size for trained, size in sizes if trained), sum(size for _, size in sizes)


def _is_parameter(variable: Any) -> bool:
    """Whether a variable is there to be trained: no running average, no state of a generator."""
    return "float" in str(variable.dtype) and not variable.name.startswith("moving_")


class _KerasStep:
    """A layer, or the part of it before or behind its activation."""

    def __init__(self, layer: Any, runs: Any, activation: Any, linear: bool = False) -> None:
        self.layer, self.runs, self.activation, self.linear = layer, runs, activation, linear
        self.inputs = self.outputs = np.empty(0)
        self.dx: Array | None = None
        self.dy: Array | None = None
        self.gradients: dict[str, Array] = {}

    def forward(self, x: Array, training: bool) -> Array:
        self.inputs = x
        with linear(self.runs) if self.linear else _as_it_is():
            self.outputs, self._pullback = _differentiable(self.runs, x, training)
        return self.outputs

    def backward(self, dy: Array) -> Array:
        self.dy = dy
        with linear(self.runs) if self.linear else _as_it_is():
            self.dx, gradients = self._pullback(np.asarray(dy, self.outputs.dtype))
        for variable, gradient in zip(self.runs.trainable_variables, gradients, strict=True):
            parameter = parameter_of(self.runs, variable)
            ours = parameter.matrix(parameter.ours(gradient))
            self.gradients[parameter.role] = ours / len(dy)
        return np.zeros_like(self.inputs) if self.dx is None else self.dx


def _pass_through(
    steps: Sequence[_KerasStep], x: Array, y: Any, loss: losses.Loss | None, training: bool
) -> Objective:
    """Run steps forward and back; return what went in at the end."""
    outputs = x
    for step in steps:
        outputs = step.forward(outputs, training)
    last = steps[-1]
    aim = objective(y, loss, last.inputs, outputs, last.activation)
    dy = aim.gradient
    if aim.before_activation:
        last.dx = dy
    for step in reversed(steps[:-1] if aim.before_activation else steps):
        dy = step.backward(dy)
    return aim


def check_model(model: Any) -> None:
    """Refuse a layer, which has no layers to go through."""
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"model: expected a keras.Model, found a layer, {type(model).__name__} {model.name!r}; "
            "give keras.Sequential([layer])"
        )


def chain(model: Any, x: Array) -> Sequence[Any]:
    """Return the layers of a model, if they are one behind the other."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    y: Any = x
    try:
        for layer in layers:
            y = layer(y, training=False) if takes_training(layer) else layer(y)
        whole = model(x, training=False)
        chained = np.allclose(copied(y), copied(whole), rtol=1e-4, atol=1e-6, equal_nan=True)
    except (TypeError, ValueError):
        chained = False
    if not chained:
        raise TypeError(
            f"model: expected a chain of layers, and {model.name!r} is more than that: "
            "its layers one after the other do not give its outputs"
        )
    return layers


def takes_training(layer: Any) -> bool:
    """Whether a layer does something else in training."""
    return bool(getattr(layer, "_call_has_training_arg", False))


def _steps(layer: Any) -> list[_KerasStep]:
    function = getattr(layer, "activation", None)
    # A recurrent layer only shows the activation of its cell, which does not end it.
    shown = isinstance(getattr(type(layer), "activation", None), property)
    if KINDS.traced(layer)[0] == "activation":
        return [_KerasStep(layer, layer, _activation(layer))]
    if function is None or shown or function is keras.activations.linear:
        return [_KerasStep(layer, layer, None)]
    last = keras.layers.Activation(function)
    return [_KerasStep(layer, layer, None, linear=True), _KerasStep(layer, last, _activation(last))]


def _activation(layer: Any) -> dict[str, Any] | None:
    """Return the activation as the core knows it; None if it does not."""
    config = layer.get_config()
    own = {"name", "activation", "negative_slope", "alpha", "axis", "max_value", "threshold"}
    try:
        made = getattr(fanin.layers, type(layer).__name__)
        settings = made(**{k: v for k, v in config.items() if k in own}).settings()
    except (AttributeError, TypeError, ValueError):
        return None
    found: dict[str, Any] = settings["activation"]
    return found


@contextmanager
def linear(layer: Any) -> Iterator[None]:
    """Leave a layer's activation out."""
    was = layer.activation
    layer.activation = keras.activations.linear
    try:
        yield
    finally:
        layer.activation = was


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


def _differentiable(layer: Any, x: Array, training: bool) -> tuple[Array, Pullback]:
    options = {"training": training} if takes_training(layer) else {}
    known = {"jax": _by_jax, "torch": _by_torch, "tensorflow": _by_tensorflow}
    if keras.backend.backend() not in known:
        raise TypeError(
            "model: expected Keras on JAX, torch or TensorFlow, which have gradients, found it on "
            f"{keras.backend.backend()}"
        )
    return known[keras.backend.backend()](layer, x, options)


def _by_jax(layer: Any, x: Array, options: dict[str, Any]) -> tuple[Array, Pullback]:
    import jax

    if not layer.built:
        layer.build(x.shape)
    rest = [variable.value for variable in layer.non_trainable_variables]

    def run(weights: Any, x: Any) -> Any:
        return layer.stateless_call(weights, rest, x, **options)[0]

    weights = [variable.value for variable in layer.trainable_variables]
    outputs, vjp = jax.vjp(run, weights, jax.numpy.asarray(x))

    def pullback(dy: Array) -> tuple[Array | None, list[Array]]:
        gradients, dx = vjp(jax.numpy.asarray(dy))
        return np.asarray(dx), [np.asarray(gradient) for gradient in gradients]

    return np.asarray(outputs), pullback


def _by_torch(layer: Any, x: Array, options: dict[str, Any]) -> tuple[Array, Pullback]:
    import torch

    with torch.enable_grad():
        inputs = torch.as_tensor(x).clone().requires_grad_(x.dtype.kind == "f")
        outputs = layer(inputs, **options)
    wanted = [variable.value for variable in layer.trainable_variables]

    def pullback(dy: Array) -> tuple[Array | None, list[Array]]:
        floating = [inputs] if inputs.requires_grad else []  # indices have no gradient
        found = torch.autograd.grad(
            outputs,
            [*floating, *wanted],
            torch.as_tensor(dy),
            allow_unused=True,
            materialize_grads=True,
        )
        gradients = [gradient.numpy() for gradient in found]
        return (gradients.pop(0) if floating else None), gradients

    return outputs.detach().numpy(), pullback


def _by_tensorflow(layer: Any, x: Array, options: dict[str, Any]) -> tuple[Array, Pullback]:
    import tensorflow as tf

    inputs = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, **options)
    wanted = [inputs, *(variable.value for variable in layer.trainable_variables)]

    def pullback(dy: Array) -> tuple[Array | None, list[Array]]:
        found = tape.gradient(
            outputs,
            wanted,
            tf.convert_to_tensor(dy),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        dx, *gradients = [gradient.numpy() for gradient in found]
        return dx, gradients

    return outputs.numpy(), pullback


def _loss(model: Any, loss: Any) -> losses.Loss | None:
    """Return the loss as one of this package: that of Keras by its configuration."""
    given = loss if loss is not None else getattr(model, "loss", None)
    if isinstance(given, keras.losses.Loss):
        given = {"class_name": type(given).__name__, "config": given.get_config()}
    return None if given is None else losses.resolve(given)


def _unique(steps: list[_KerasStep]) -> list[Any]:
    return list(dict.fromkeys(step.layer for step in steps))


def _joined(steps: list[_KerasStep]) -> LayerTrace:
    """Put a layer together again."""
    layer, first, last = steps[0].layer, steps[0], steps[-1]
    kind, note = KINDS.traced(layer)
    parameters = [parameter_of(layer, variable) for variable in layer.weights]
    activated = last.activation is not None
    return LayerTrace(
        name=layer.name,
        kind=kind,
        inputs=matrix(first.inputs),
        outputs=matrix(last.outputs),
        activation=last.activation,
        pre_activation=matrix(last.inputs) if activated else None,
        output_gradient=None if last.dy is None else matrix(last.dy),
        pre_activation_gradient=matrix(last.dx) if activated and last.dx is not None else None,
        parameters={p.role: p.matrix(p.read().copy()) for p in parameters},
        gradients=first.gradients,
        frozen=frozenset(
            p.role
            for p, variable in zip(parameters, layer.weights, strict=True)
            if _is_parameter(variable) and not variable.trainable
        ),
        initializers=_initializers(layer),
        settings=_settings(kind, layer),
        note=note,
    )


def _initializers(layer: Any) -> dict[str, initializers.Initializer]:
    """Return what the layer draws from, where this package has one of that name."""
    found = {}
    for role in ("kernel", "bias", "gamma", "beta"):
        theirs = getattr(layer, f"{role}_initializer", None)
        if theirs is None:
            continue
        try:
            made = initializers.deserialize(
                {
                    "class_name": type(theirs).__name__,
                    "config": keras.initializers.get(theirs).get_config(),
                }
            )
        except (TypeError, ValueError):
            continue
        found[role] = made
    return found


def _settings(kind: str, layer: Any) -> dict[str, Any]:
    if kind == "batch_normalization":
        return {"kind": kind, "epsilon": layer.epsilon, "momentum": layer.momentum}
    if kind == "dropout":
        return {"kind": kind, "rate": layer.rate}
    return {"kind": kind}
