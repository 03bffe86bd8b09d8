"""Networks of this package: their arrays, a pass layer by layer, a trace in compiled code."""

import math
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core
from fanin.frameworks._arrays import Model, Parameter, Row, in_our_order
from fanin.frameworks._ending import Ending
from fanin.frameworks._framework import Advice, Entry, told
from fanin.frameworks._objective import fitting_loss, objective
from fanin.frameworks._trace import LayerTrace, Source, Trace, matrix
from fanin.frameworks._visit import Visit, Visitor
from fanin.initializers._fans import FanOptions
from fanin.layers import Layer
from fanin.losses import Loss, _targets, resolve
from fanin.losses._base import kind_of
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


def refuse_several(model: object) -> None:
    """Refuse one of our models that has several outputs."""
    if isinstance(model, Layered) and model._branched and len(model.outputs) > 1:
        raise TypeError(
            f"model: expected a network of one output, found {model.name!r}, which has "
            f"{len(model.outputs)}: make a fanin.Model of each of them, of the same layers"
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
    refuse_several(model)
    inputs = model.take(x, finite=False)
    if y is not None:  # a refused call builds nothing
        y, loss = checked_targets(model, inputs, y, loss)
    model.build((None, *inputs.shape[1:]))
    # A copy: the network may be trained meanwhile, on another thread.
    network = model.network.copy()
    arrays = network.params, network.state
    found = trace_network(model, arrays, inputs, y, loss, training, isinstance(x, Mapping))
    return replace(found, arrays=arrays)


def trace_network(
    model: Layered,
    arrays: tuple[Array, Array],
    x: Array,
    y: Any,
    loss: Any,
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
    y : array_like or None
        Targets; without them the gradient is that of a random direction of the outputs.
    loss : str, Loss or None
        The loss; None takes the one the network is compiled with, else one that fits.
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
    shape, last = (len(x), *plan.output_shapes[-1]), layers[-1]
    before = last.outputs if last.pre_activation is None else last.pre_activation
    chosen, outputs = chosen_before(model, loss), last.outputs.reshape(shape)
    aim = objective(y, chosen, before.reshape(shape), outputs, last.activation)
    gradients, flat = plan.gradients(params, cache, aim.gradient, aim.before_activation)
    flat /= len(x)  # from the samples' own losses to their mean
    of_parameters = _by_layer(plan.parameters, flat)
    for (place, _), traced, found in zip(calls, layers, gradients, strict=True):
        traced.pre_activation_gradient, traced.output_gradient = found
        traced.gradients = of_parameters[place]
    ending = Ending(last.outputs, None if y is None else np.asarray(y), aim.takes, len(x))
    trainable = sum(
        math.prod(shape) for layer, _, _, shape in plan.parameters if row[layer].trainable
    )
    return Trace(
        model.name,
        x.reshape(len(x), -1),
        layers,
        aim.loss,
        aim.value,
        ending=ending,
        trainable=(trainable, sum(math.prod(shape) for *_, shape in plan.parameters)),
        sources=_sources(model, given, named),
        gradient=flat,
    )


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


def chosen_before(network: Layered, loss: Any) -> Loss | None:
    """Return the loss that was asked for, or is compiled."""
    if loss is not None:
        return resolve(loss)
    compiled = getattr(network, "_compiled", None)
    return None if compiled is None else compiled.loss


def checked_targets(network: Layered, x: Array, y: Any, loss: Any) -> tuple[Array, Loss]:
    """Check targets against a network that may not be built yet; nothing of it changes.

    Parameters
    ----------
    network : Layered
        The network.
    x : ndarray of shape (batch, ...)
        The samples.
    y : array_like
        Their targets.
    loss : str, Loss or None
        As for `trace`.

    Returns
    -------
    ndarray
        The targets as an array.
    Loss
        The loss that they fit.
    """
    plan = network.plan_for(x.shape[1:])
    targets, outputs = _checks.numeric("y", y), (len(x), *plan.output_shapes[-1])
    last = network._last_layer.settings().get("activation")
    chosen = chosen_before(network, loss) or fitting_loss(targets, outputs, last)
    _targets.prepare("y", targets, kind_of(chosen), outputs, plan.dtype)
    return targets, chosen
