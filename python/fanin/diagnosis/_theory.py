"""Theory for a traced network: its layers as steps, and the prediction in a trace's units."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from fanin import theory
from fanin.diagnosis._signals import Signal, mean_cosine
from fanin.frameworks._trace import LayerTrace, Trace
from fanin.theory.laws import WeightLaw
from fanin.theory.steps import (
    ActivationStep,
    BatchNormStep,
    DenseStep,
    DropoutStep,
    LayerSteps,
    OtherStep,
    Step,
)


def predict(trace: Trace, training: bool) -> theory.Prediction | None:
    """Predict what was traced, from initializers where they are known, else from the weights.

    Gradients are predicted from the measured one at the network's end, and are those of a sample's
    own loss as the trace's are.

    Parameters
    ----------
    trace : Trace
        A traced network.
    training : bool
        Whether its layers behaved as in training.

    Returns
    -------
    Prediction or None
        None for inputs that are not finite.
    """
    if not np.isfinite(trace.inputs).all():
        return None
    batch = len(trace.inputs)
    steps = [LayerSteps(layer.name, _steps(layer)) for layer in trace.layers]
    given = _output_gradient(trace, batch)
    found = theory.predict(steps, trace.inputs, training=training, output_gradient=given)
    layers = tuple(_own_loss(layer, float(batch) ** 2) for layer in found.layers)
    return replace(found, layers=layers)


def _output_gradient(trace: Trace, batch: int) -> tuple[float, float] | None:
    """Return second moment and correlation of the mean loss's gradient at the network's end."""
    last = trace.layers[-1]
    before = last.pre_activation_gradient
    gradient = last.output_gradient if before is None else before
    if gradient is None or not np.isfinite(gradient).all():
        return None
    cosine = mean_cosine(gradient)
    c = 0.0 if math.isnan(cosine) else min(max(cosine, -1.0), 1.0)
    return Signal.of(gradient, bins=0).second_moment / batch**2, c


def _own_loss(layer: theory.LayerPrediction, factor: float) -> theory.LayerPrediction:
    """Turn gradients of signals from those of the mean loss to those of each sample's own."""
    return replace(
        layer,
        gradient=_scaled(layer.gradient, factor),
        input_gradient=_scaled(layer.input_gradient, factor),
    )


def _scaled(band: theory.Band | None, factor: float) -> theory.Band | None:
    if band is None:
        return None
    return theory.Band(
        band.value * factor,
        band.low * factor,
        band.high * factor,
        band.log_value + math.log(factor),
        band.log_std,
    )


def _steps(layer: LayerTrace) -> tuple[Step, ...]:
    end = () if layer.activation is None else (_activation(layer.activation),)
    if layer.kind == "dense":
        return (_dense(layer), *end)
    if layer.kind == "flatten":
        return ()
    if layer.kind == "dropout":
        return (DropoutStep(float(layer.settings["rate"])),)
    if layer.kind == "batch_normalization":
        return (_batch_norm(layer),)
    if layer.kind == "activation" and end:
        return end
    if layer.kind == "function":
        return (OtherStep(layer.note),)
    return (OtherStep(f"there is no formula for a layer of type {layer.kind}"),)


def _dense(layer: LayerTrace) -> Step:
    kernel = layer.parameters["kernel"]
    bias = layer.parameters.get("bias")
    fan_in, units = kernel.shape
    return DenseStep(
        fan_in,
        units,
        _law(layer, "kernel"),
        WeightLaw(0.0, 0.0) if bias is None else _law(layer, "bias"),
    )


def _law(layer: LayerTrace, role: str) -> WeightLaw:
    values = layer.parameters[role]
    initializer = layer.initializers.get(role)
    if initializer is not None:
        return WeightLaw.of(initializer, values.shape)
    mean, variance = float(values.mean()), float(values.var())
    # A mean that the elements' spread explains is none.
    if abs(mean) < 4 * math.sqrt(variance / values.size):
        return WeightLaw(0.0, variance + mean**2)
    return WeightLaw(mean, variance)


def _activation(settings: Any) -> Step:
    if settings["kind"] == "softmax":
        return ActivationStep(None)
    options = {name: value for name, value in settings.items() if name != "kind"}
    return ActivationStep(theory.resolve(settings["kind"], **options))


def _batch_norm(layer: LayerTrace) -> Step:
    fresh = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
    for role, value in fresh.items():
        array = layer.parameters.get(role)
        if array is not None and not (array == value).all():
            return OtherStep(f"BatchNormalization whose {role} is not {value:g}")
    return BatchNormStep(float(layer.settings["epsilon"]))
