"""Theory for a traced network: its layers as steps, and the prediction in a trace's units."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import theory
from fanin.activations import MIXING, of_settings
from fanin.diagnosis._flow import SUMS
from fanin.frameworks._trace import LayerTrace, Trace
from fanin.theory import signals
from fanin.theory.gradients import Gradient, back_through_scale
from fanin.theory.graphs import Node, predict_graph
from fanin.theory.laws import WeightLaw
from fanin.theory.prediction import predict_steps
from fanin.theory.steps import (
    ActivationStep,
    BatchNormStep,
    DenseStep,
    DropoutStep,
    LayerSteps,
    OtherStep,
    RowNormStep,
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
    steps = [LayerSteps(layer.name, _steps(layer)) for layer in trace.layers]
    chain = all(la.reads in (None, (place - 1,)) for place, la in enumerate(trace.layers))
    if trace.outputs or not chain:
        return _of_graph(trace, steps, training)
    first = _first(trace, steps)
    inputs = trace.layers[first].inputs if first else trace.inputs
    if not np.isfinite(inputs).all():
        return None
    start, groups = signals.measure(inputs.reshape(len(inputs), -1))
    given = _output_gradient(trace.layers[-1], groups)
    found = predict_steps(steps[first:], start, given, training=training)
    layers = tuple(_own_loss(layer, float(len(inputs)) ** 2) for layer in found.layers)
    begins = f"theory begins at what {trace.layers[first].name} gets, as it was measured"
    before = [theory.LayerPrediction.none(layer.name, begins) for layer in steps[:first]]
    return replace(found, layers=(*before, *layers))


def _of_graph(trace: Trace, steps: list[LayerSteps], training: bool) -> theory.Prediction | None:
    """Predict what a graph does, if its inputs are finite, and its gradients at the end."""
    if not np.isfinite(trace.inputs).all():
        return None
    squares = np.einsum("ij,ij->i", trace.inputs, trace.inputs, dtype=np.float64)
    like = signals.representatives(squares / trace.inputs.shape[1])
    last = len(trace.layers) - 1
    ends = dict.fromkeys(output.place for output in trace.outputs) or {last: None}
    known = [(e, _output_gradient(trace.layers[e], like[1])) for e in ends if e >= 0]
    given = [(end, gradient) for end, gradient in known if gradient is not None]
    if not given:
        return None
    count = len(trace.inputs)

    def measured(rows: NDArray[Any]) -> tuple[signals.Signal, int]:
        flat = rows.reshape(count, -1)
        return signals.measure(flat, like)[0], flat.shape[1]

    inputs = [measured(one.samples) for one in trace.sources] or [measured(trace.inputs)]
    nodes: list[Node] = []
    raw = set[int]()
    for place, (layer, own) in enumerate(zip(trace.layers, steps, strict=True)):
        reads = layer.reads or ()
        size = layer.outputs.size // count
        other = any(isinstance(step, OtherStep) for step in own.steps)
        joins = layer.kind if len(reads) > 1 or layer.kind in SUMS else ""
        # Before all weights what comes out is measured as inputs are.
        early = all(read < 0 or read in raw for read in reads) and not layer.parameters
        start = None
        if early and other and not joins and np.isfinite(layer.outputs).all():
            start = measured(layer.outputs)[0]
        if early:
            raw.add(place)
        nodes.append(Node(own, reads, size, joins, start))
    whole = measured(trace.inputs)[0]
    found = predict_graph(nodes, inputs, whole, given, training=training)
    return replace(found, layers=tuple(_own_loss(la, float(count) ** 2) for la in found.layers))


def _first(trace: Trace, steps: list[LayerSteps]) -> int:
    """Return the first Dense layer if only layers before it have no formula (Embedding), else 0."""
    dense = [i for i, layer in enumerate(trace.layers) if layer.kind == "dense"]
    if not dense or not any(isinstance(s, OtherStep) for la in steps[: dense[0]] for s in la.steps):
        return 0
    return dense[0]


def _output_gradient(last: LayerTrace, groups: NDArray[np.intp]) -> Gradient | None:
    """Return the mean loss's gradient at a layer that ends a network."""
    pair = last.pre_activation, last.pre_activation_gradient
    if pair[1] is None:
        pair = last.outputs, last.output_gradient
    z, gradient = pair
    if z is None or gradient is None or z.shape != gradient.shape:
        return None
    if not (np.isfinite(gradient).all() and np.isfinite(z).all()):
        return None
    bias = last.parameters.get("bias")
    z = z if bias is None else z - bias
    if len(z) == len(groups):
        found = Gradient.measured(gradient, z, groups)
    else:  # rows that samples are made of
        one = Gradient.measured(gradient, z, np.zeros(len(z), np.intp))
        even = np.full(groups.max() + 1, one.log_squares[0])
        found = Gradient.start(even, len(groups), one.c, one.c_variance, one.alignment[0])
    return back_through_scale(found, -2 * math.log(len(groups)))


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
    if layer.kind in ("flatten", "reshape"):
        return ()
    if layer.kind == "dropout":
        return (DropoutStep(float(layer.settings["rate"])),)
    if layer.kind == "batch_normalization":
        return (_batch_norm(layer),)
    if layer.kind in ("layer_normalization", "rms_normalization"):
        return (_row_norm(layer),)
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
    if settings["kind"] in MIXING:
        return OtherStep(f"{settings['kind']} mixes the units of a layer")
    return ActivationStep(theory.resolve(of_settings(settings)))


_FRESH = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
"""What the arrays of a normalization are before training."""


def _batch_norm(layer: LayerTrace) -> Step:
    step = BatchNormStep(float(layer.settings["epsilon"]))
    return _set(layer, "BatchNormalization") or step


def _row_norm(layer: LayerTrace) -> Step:
    centred = layer.kind == "layer_normalization"
    name = "LayerNormalization" if centred else "RMSNormalization"
    if tuple(layer.settings["axis"]) not in ((-1,), (1,)):
        return OtherStep(f"{name} over several axes")
    step = RowNormStep(float(layer.settings["epsilon"]), centred)
    return _set(layer, name) or step


def _set(layer: LayerTrace, name: str) -> Step | None:
    """Say which array of a normalization is another than before training, if one is."""
    for role, value in _FRESH.items():
        array = layer.parameters.get(role)
        if array is not None and not (array == value).all():
            return OtherStep(f"{name} whose {role} is not {value:g}")
    return None
