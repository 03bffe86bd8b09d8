"""Networks of this package: their arrays, a pass layer by layer, a trace in compiled code."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core
from fanin.frameworks._aims import Aim, End, Found, aims_of, begin_back
from fanin.frameworks._arrays import Model, Parameter, Row, in_our_order
from fanin.frameworks._ending import UNKNOWN, Ending
from fanin.frameworks._framework import Advice, Entry, told
from fanin.frameworks._trace import LayerTrace, OutputTrace, Source, Trace, matrix
from fanin.frameworks._visit import Visit, Visitor
from fanin.initializers._fans import FanOptions
from fanin.layers import Layer
from fanin.models._building import plan_of_call
from fanin.models._layered import Layered

Array = NDArray[Any]

NAME = "fanin"
_DENSE = "Dense({units}{ended}, kernel_initializer={initializer})"
ADVICE = Advice(
    dense=_DENSE,
    smaller=_DENSE.replace("{initializer}", "fanin.initializers.VarianceScaling({scale})"),
    recalibrated="model.recalibrate(x)",
    bare="Dense({units})",
    bare_alone='Activation("linear")',
    rectified='Dense({units}, activation="relu", kernel_initializer="he_normal")',
    rectified_alone='Activation("relu")',
    sigmoid='Dense({units}, activation="sigmoid")',
    sigmoid_alone='Activation("sigmoid")',
    activated='Dense({units}, activation="{activation}", kernel_initializer="he_normal")',
    dropped='model.get_layer("{name}").rate = {value}',
    thawed="for layer in model.layers: layer.trainable = True",
    loss=told("fanin.losses"),
    multiplied='model.get_layer("{name}").{role}[...] *= {factor}',
    filled='model.get_layer("{name}").{role}[...] = {value}',
    redrawn=_DENSE,
    replaces=True,
    widened=_DENSE,
)


def owns(model: object) -> TypeGuard[Layered]:
    """Whether this is a network of this package."""
    return isinstance(model, Layered)


def open_model(model: Layered) -> Model:
    """See the arrays of a built network."""
    model.ready()
    row = Row()
    for layer in model.computing:
        arrays = [_parameter(layer, role, view) for role, view in layer.arrays.items()]
        row.add(_kind(layer), layer.name, arrays, layer)
    return Model(
        layers=row.layers, result=lambda: model, alone=lambda: model.network.writing(model.name)
    )


def _kind(layer: Layer) -> str:
    """Return what the core calls it: the words of `_kinds` are the core's."""
    return str(layer.settings()["kind"])


def _parameter(layer: Layer, role: str, view: Array) -> Parameter:
    def put(values: Any) -> None:
        writing = layer._writing()
        assert writing is not None
        with writing:
            writing.turn(np.copyto, view, values, "same_kind")

    # A lookup is a product with one input that is 1: the others do not add up.
    table = role == "embeddings"
    return in_our_order(
        fans=FanOptions(fan_in=1.0, fan_out=float(view.shape[1])) if table else None,
        role=role,
        name=f"{layer.name}.{role}",
        shape=view.shape,
        dtype=view.dtype.name,
        get=lambda: view,
        put=put,
    )


def _warn_of_left(row: list[Layer]) -> None:
    """Warn of matrices within layers of users' classes, whose scale nobody knows how to set."""
    left = [
        f"{layer.name}/{role}"
        for layer in row
        if layer._traced
        for role, array in layer.arrays.items()
        if array.ndim > 1 and layer.is_trained(role)
    ]
    if left:
        shown = ", ".join(left[:4]) + (", ..." if len(left) > 4 else "")
        _checks.warn(
            f"the weights of layers of your own stay as they are: {shown}; only layers of the "
            "package, outside of such layers, are scaled by what they make of a batch"
        )


class NetworkPass:
    """A network of this package that is passed through."""

    def __init__(self, model: Layered, x: Any) -> None:
        self.model, self.inputs = model, model.take(x)
        model.build((None, *self.inputs.shape[1:]))
        self.writing = model.network.writing(model.name)

    def alone(self) -> AbstractContextManager[object]:
        """Keep other threads from training and writing."""
        return self.writing

    def keep(self) -> list[Array]:
        """Copy what may change."""
        return [array.copy() for array in self.model.weights]

    def restore(self, kept: list[Array]) -> None:
        """Put it back."""
        self.model.set_weights(kept)

    def __call__(self, visit: Visitor) -> None:
        """Pass the batch through once; a layer that is called again keeps what it became."""
        row, seen = self.model.computing, set[int]()
        values = self.model.of_each_input(self.inputs)
        for place, reads in self.model.calls:
            layer, own = row[place], row[place].network
            plan, x = plan_of_call(self.model, place, [values[number] for number in reads])
            [(before, outputs)], _ = plan.trace(own.params, own.state.copy(), x, True)
            if "kernel" in layer.arrays and place not in seen and not layer._traced:
                outputs = self._visited(layer, outputs if before is None else before, visit)
                if before is not None:
                    outputs = _core.activate(_activation(layer), outputs)
            seen.add(place)
            values.append(outputs.reshape(len(x), *plan.output_shapes[-1]))

        _warn_of_left(row)

    def _visited(self, layer: Layer, outputs: Array, visit: Visitor) -> Array:
        """Change a layer as `visit` says, and with it what it computes before the activation."""
        kernel, bias = layer.arrays["kernel"], layer.arrays.get("bias")
        factor, shift = visit(Visit(layer.name, outputs, bias is not None))
        self.writing.turn(_rescale, kernel, bias, factor, shift)
        return ((outputs.astype(np.float64) - shift) * factor).astype(outputs.dtype)


def _rescale(kernel: Array, bias: Array | None, factor: Array, shift: Array) -> None:
    # In float64, rounded once: NumPy 1 and 2 do not agree on the type of a product with one number.
    wide = np.float64
    kernel[...] = kernel.astype(wide) * factor
    if bias is not None:
        bias[...] = (bias.astype(wide) - shift) * factor


def trace(model: Layered, x: Any, y: Any, loss: Any, training: bool) -> Trace:
    """Trace a network for samples that are not looked at yet; one that is not built is built."""
    inputs = model.take(x, finite=False)
    # A refused call builds nothing.
    aims = None if y is None else aims_of(model, inputs, y, loss)
    model.build((None, *inputs.shape[1:]))
    # A copy: the network may be trained meanwhile, on another thread.
    network = model.network.copy()
    arrays = network.params, network.state
    found = trace_network(model, arrays, inputs, aims, training, isinstance(x, Mapping))
    return replace(found, arrays=arrays)


def trace_network(
    model: Layered,
    arrays: tuple[Array, Array],
    x: Array,
    aims: Sequence[Aim] | None,
    training: bool,
    named: bool = False,
) -> Trace:
    """Run a network forward and back; neither its parameters nor its running averages change.

    Parameters
    ----------
    model : Layered
        Built for `x`.
    arrays : tuple of ndarray (parameters, state)
        Its own, which the trace then shows as they change, or others of their layout.
    x : ndarray of shape (batch, ...)
        The samples, in the network's dtype.
    aims : sequence of Aim or None
        Targets and losses; without them the gradient is that of a random direction of the outputs.
    training : bool
        Whether layers behave as in training.
    named : bool
        Whether several inputs were given by name.

    Returns
    -------
    Trace
        All arrays: a layer that is called several times is several of the trace.
    """
    plan, (params, state) = model.ready(), arrays
    row, calls = model.computing, model.calls
    given = [np.ascontiguousarray(part) for part in model.of_each_input(x)]
    # Of a copy, as a pass in training moves running averages.
    signals, cache = plan.trace(params, state.copy(), x, training)
    parameters, averages = _by_layer(plan.parameters, params), _by_layer(plan.state, state)
    layers: list[LayerTrace] = []
    for (place, numbers), (before, outputs) in zip(calls, signals, strict=True):
        layer, settings = row[place], row[place].settings()
        if "activation" not in settings:
            before = None  # of a function of `fanin.ops` that is computed as an activation
        reads = tuple(n - len(given) if n >= len(given) else -1 - n for n in numbers)
        traced = LayerTrace(
            name=layer.name,
            kind=str(settings["kind"]),
            inputs=layers[reads[0]].outputs if reads[0] >= 0 else matrix(given[-1 - reads[0]]),
            outputs=outputs,
            activation=None if before is None else _activation(layer),
            pre_activation=before,
            parameters=parameters[place] | averages[place],
            frozen=frozenset(parameters[place]) if not layer.trainable else frozenset(),
            initializers={role: layer._initializer_of(role) for role in layer.arrays},
            settings=settings,
            reads=reads,
        )
        layers.append(traced)
    places = places_of_outputs(model)
    ends = ends_of(model, plan, signals, given)
    back = begin_back(aims, ends)
    gradients, flat = plan.gradients(params, cache, back.gradient, back.before_activation)
    flat /= len(x)  # from the samples' own losses to their mean
    of_parameters = _by_layer(plan.parameters, flat)
    for (place, _), traced, found in zip(calls, layers, gradients, strict=True):
        traced.pre_activation_gradient, traced.output_gradient = found
        traced.gradients = of_parameters[place]
    found_ends = _outputs(model, layers, places, ends, aims, back)
    trainable = sum(
        math.prod(shape) for layer, _, _, shape in plan.parameters if row[layer].trainable
    )
    return Trace(
        model.name,
        x.reshape(len(x), -1),
        layers,
        back.loss,
        back.value,
        ending=None if len(places) > 1 else found_ends[0].ending,
        trainable=(trainable, sum(math.prod(shape) for *_, shape in plan.parameters)),
        sources=_sources(model, given, named),
        outputs=found_ends if len(places) > 1 else (),
        gradient=flat,
    )


def places_of_outputs(model: Layered) -> list[int]:
    """Return the places of the calls that make the outputs; of input number k that is -1 - k."""
    if model._wiring is None:
        return [len(model.calls) - 1]
    begin = len(model._wiring.inputs)
    return [n - begin if n >= begin else -1 - n for n in model._wiring.outputs]


def ends_of(
    model: Layered, plan: _core.Plan, signals: Sequence[Any], given: Sequence[Array]
) -> list[End]:
    """Return what a traced network ends in, output by output, in the shapes of the outputs."""
    count, begin = len(given[0]), len(given)
    found = []
    for place, shape in zip(places_of_outputs(model), plan.shapes_of_outputs, strict=True):
        whole = (count, *shape)
        if place < 0:
            outputs = given[-1 - place].reshape(whole)
            found.append(End(outputs, outputs, None))
            continue
        layer, outputs = _called(model, place), signals[place][1]
        if layer._is_cost:
            # What is added to the loss stands behind the activation.
            first = model.calls[place][1][0] - begin
            if first >= 0 and signals[first][1].shape == (count, math.prod(shape)):
                place, layer = first, _called(model, first)
        before, activation = outputs, None
        if signals[place][0] is not None and "activation" in layer.settings():
            before, activation = signals[place][0], _activation(layer)
        found.append(End(before.reshape(whole), outputs.reshape(whole), activation))
    return found


def _called(model: Layered, place: int) -> Layer:
    return model.computing[model.calls[place][0]]


def _outputs(
    model: Layered,
    layers: Sequence[LayerTrace],
    places: Sequence[int],
    ends: Sequence[End],
    aims: Sequence[Aim] | None,
    back: Found,
) -> list[OutputTrace]:
    """Return what was found of each output."""
    samples = len(ends[0].outputs)
    by_output = {aim.output: aim for aim in aims or ()}
    found = []
    for number, (place, end, name) in enumerate(zip(places, ends, model._ends.names, strict=True)):
        aim, part = by_output.get(number), back.parts.get(number)
        targets = None if aim is None else np.asarray(aim.targets)
        takes = UNKNOWN if part is None else part.takes
        rows = layers[place].outputs if place >= 0 else matrix(end.outputs)
        ending = Ending(rows, targets, takes, samples)
        weight, code = (1.0, "y") if aim is None else (aim.weight, aim.code)
        loss, value = ("", None) if part is None else (part.loss, part.value)
        found.append(OutputTrace(name, place, ending, loss, value, weight, code))
    return found


def _sources(model: Layered, given: list[Array], named: bool) -> tuple[Source, ...]:
    """Return the inputs of a network, where there are several."""
    if len(given) == 1:
        return ()
    names = [layer.name for layer in model._input_layers()]
    codes = [f"x[{name!r}]" if named else f"x[{number}]" for number, name in enumerate(names)]
    rows = [part.reshape(len(part), -1) for part in given]
    return tuple(map(Source, names, rows, codes))


def _activation(layer: Layer) -> Any:
    """Return the settings of the activation that ends a layer."""
    return layer.settings()["activation"]


def _by_layer(places: Any, flat: Array) -> dict[int, dict[str, Array]]:
    """Return the parts of a flat array by layer and role."""
    found: dict[int, dict[str, Array]] = defaultdict(dict)
    for layer, role, start, shape in places:
        found[layer][role] = flat[start : start + math.prod(shape)].reshape(shape)
    return found


def of_each(model: Layered, x: Array, named: bool = False) -> Any:
    """Return what `take` returned as fit takes it: of several inputs a list, or a dict by name."""
    parts = model.of_each_input(x)
    if len(parts) == 1:
        return x
    names = [layer.name for layer in model._input_layers()]
    return dict(zip(names, parts, strict=True)) if named else parts


def entry() -> Entry:
    """Return the ways into a network."""
    from fanin.frameworks import _trained
    from fanin.frameworks._trial import open_trial
    from fanin.frameworks._workshop import NetworkWorkshop

    return Entry(open_model, NetworkPass, trace, _trained, open_trial, NetworkWorkshop)
