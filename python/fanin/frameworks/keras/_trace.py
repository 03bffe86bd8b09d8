"""Tracing a Keras model: its layers are called as ever, with someone beside them who takes notes.

A chain is a model like any other. Gradients come from Keras's own backend, in one pass back.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import keras
import numpy as np

import fanin.layers
from fanin import _checks, initializers, losses
from fanin.frameworks._arrays import Parameter, distinct
from fanin.frameworks._ending import Ending
from fanin.frameworks._objective import Objective, fitting_loss, objective, random_direction
from fanin.frameworks._trace import Array, LayerTrace, Source, Trace, rows
from fanin.frameworks.keras._arrays import measured, parameter_of
from fanin.frameworks.keras._batch import Batch, Chosen, batch_of, build, choose, named_outputs
from fanin.frameworks.keras._calls import activation_of, around_calls, call_in_two, run, undisturbed
from fanin.frameworks.keras._kinds import KINDS, unit_axes, units_last
from fanin.frameworks.keras._links import (
    Between,
    activated,
    following,
    gradient_rows,
    linked,
    recognized,
    same,
)
from fanin.frameworks.keras._parts import attentions_of, recurrences_of
from fanin.frameworks.keras._places import Place, leaves, step_of
from fanin.frameworks.keras._tapes import Ends, is_floating, tape_of
from fanin.losses import _targets
from fanin.losses._base import is_own, kind_of


def trace_keras(model: Any, x: Any, y: Any, loss: Any, training: bool) -> Trace:
    """Run a Keras model forward and back; its variables do not change.

    Parameters
    ----------
    model : keras.Model
        A Sequential, a functional model or one of a class of its own.
    x : array_like of shape (batch, ...), or list, tuple or dict of these
        The samples, as the model takes them.
    y : array_like, dict, list or None
        Targets; of a model of several outputs those of one, by its name. Without them the gradient
        is that of a random direction of the outputs.
    loss : str, Loss, keras.losses.Loss, dict, list or None
        The loss; None takes the one the model is compiled with, else one that fits.
    training : bool
        Whether layers behave as in training.

    Returns
    -------
    Trace
        The layers that compute, in the order in which they ran, and what happens to signals between
        them. Layers that lead to another output alone are left out.
    """
    batch = batch_of(model, x)
    build(model, batch)
    with undisturbed(model):
        passed = Passed(model, batch, y, loss, training)
        gradients = passed.gradients()
        steps = passed.steps(gradients)
    layers = [step.trace(gradients, len(batch)) for step in steps]
    aim, chosen = passed.aim, passed.chosen
    ending = Ending(
        rows(measured(passed.output), not steps or steps[-1].last),
        None if chosen.targets is None else np.asarray(chosen.targets),
        aim.takes,
        len(batch),
        passed.whole,
    )
    return Trace(
        model.name,
        batch.samples(),
        layers,
        aim.loss,
        aim.value,
        ending=ending,
        attentions=list(attentions_of(model, passed.calls)),
        recurrences=list(recurrences_of(passed.calls)),
        trainable=_counts(model),
        indices=not any(array.dtype.kind == "f" for array in batch.arrays),
        sources=[
            Source(name, array.reshape(len(array), -1), code)
            for name, code, array in batch.named()
            if array.dtype.kind == "f"
        ],
    )


class Passed:
    """One pass forward through a model, and what is to go in for the pass back."""

    def __init__(self, model: Any, batch: Batch, y: Any, loss: Any, training: bool) -> None:
        self.model, self.tape = model, tape_of(model)
        places = leaves(model)

        def forward() -> tuple[list[Call], list[Any], dict[str, Any]]:
            calls: list[Call] = []
            inputs = keras.tree.map_structure(keras.ops.convert_to_tensor, batch.inputs)
            inputs = keras.tree.map_structure(self.tape.watch, _own(inputs))
            with around_calls(places, lambda *given, **more: self._note(calls, given, more)):
                outputs = named_outputs(model, run(model, inputs, training))
            outputs = {name: self.tape.watch(output) for name, output in outputs.items()}
            return calls, keras.tree.flatten(inputs), outputs

        self.calls, self.samples, self.outputs = self.tape.forward(forward)
        self.chosen: Chosen = choose(model, list(self.outputs), y, loss)
        self.end: Between | None = None
        """The activation behind the last layer, where it is called as a function."""
        self._find_end()
        self.aim, self.ends = self._aim()

    def _note(self, calls: list["Call"], given: Any, kwargs: Any) -> Any:
        """Call a layer, and take note of it."""
        place, call, *args = given
        args, kwargs = keras.tree.map_structure(self._watched, (args, kwargs))
        returned, before = call_in_two(place.layer, call, args, kwargs, self._watched)
        # What else a recurrent layer returns is its state.
        first = returned[0] if isinstance(returned, list | tuple) and returned else returned
        if not keras.ops.is_tensor(first):
            return returned
        tensors = [t for t in keras.tree.flatten((args, kwargs)) if keras.ops.is_tensor(t)]
        outputs = self._watched(first)
        if tensors and len(outputs.shape) > 1:
            after = calls[-1].outputs if calls else None
            calls.append(Call(place, tensors, outputs, before, after))
        if first is returned:
            return outputs
        return type(returned)([outputs, *returned[1:]])

    def _watched(self, value: Any) -> Any:
        return self.tape.watch(value) if keras.ops.is_tensor(value) else value

    def _find_end(self) -> None:
        """Find the output that the loss is of, and the last layer before it."""
        last = self.calls[-1] if self.calls else None
        name = self.chosen.name
        if name:
            self.output = self.outputs[name]
        else:
            of_last = (out for out in self.outputs.values() if last and out is last.outputs)
            self.output = next(of_last, next(iter(self.outputs.values())))
        self.last = next((call for call in self.calls if call.outputs is self.output), last)
        self.whole = self.last is not None and same(self.last.outputs, self.output)
        if self.last is None or self.whole or not is_floating(self.output):
            return
        activation = recognized(self.last.outputs, self.output, ending=True)
        if activation is not None:
            self.end = activated(self.last.name, self.last.outputs, self.output, activation)

    def _aim(self) -> tuple[Objective, Ends]:
        """Return the loss, and what goes in where."""
        output, chosen = measured(self.output), self.chosen
        if chosen.targets is None and len(self.outputs) > 1:
            arrays = {name: measured(out) for name, out in self.outputs.items()}
            aim = Objective("", None, random_direction(output), False)
            return aim, [(self.outputs[n], random_direction(a)) for n, a in arrays.items()]
        end: Any = self.end or (self.last if self.whole else None)
        activation = None if end is None else end.activation
        before = self.output if activation is None else end.before
        loss = chosen.loss
        if chosen.targets is not None:
            loss = loss or fitting_loss(chosen.targets, output.shape, activation)
            _check_targets(chosen.targets, loss, output)
        aim = objective(chosen.targets, loss, measured(before), output, activation)
        return aim, [(before if aim.before_activation else self.output, aim.gradient)]

    def gradients(self) -> dict[int, Array]:
        """Pass back: return gradients by the ids of tensors and of trainable variables.

        Those of what the loss does not depend on are missing.
        """
        tensors = {
            id(tensor): tensor
            for call in self.calls
            for tensor in (call.inputs, call.before, call.outputs)
            if tensor is not None and is_floating(tensor)
        }
        variables = self.model.trainable_variables
        found = self.tape.gradients(self.ends, list(tensors.values()))
        ids = (*tensors, *map(id, variables))
        pairs = zip(ids, (*found[0], *found[1]), strict=True)
        return {key: gradient for key, gradient in pairs if gradient is not None}

    def steps(self, gradients: Mapping[int, Array]) -> list[Any]:
        """Return the calls, and what is between them.

        Of a model of several outputs only those are left that the loss depends on.
        """
        calls = self.calls
        if len(self.outputs) > 1:
            calls = [c for c in calls if id(c.outputs) in gradients or id(c.before) in gradients]
        steps = linked(calls, self.samples)
        if self.end is not None:
            self.end.last, self.end.axes = steps[-1].last, (steps[-1].axes[1],) * 2
            steps.append(self.end)
        return steps


def _check_targets(y: Any, loss: losses.Loss, outputs: Array) -> None:
    if not is_own(loss):
        targets = _checks.numeric("y", y)
        _targets.prepare("y", targets, kind_of(loss), outputs.shape, outputs.dtype.name)


def _own(inputs: Any) -> Any:
    """Return tensors in memory of their own: layers may be of a user's, and write into them."""
    return keras.tree.map_structure(keras.ops.copy, inputs)


class Call:
    """One call of one layer."""

    def __init__(
        self, place: Place, given: list[Any], outputs: Any, before: Any, after: Any
    ) -> None:
        self.name, self.place, self.layer = place.name, place, step_of(place.layer)
        self.given, self.outputs = given, outputs
        self._after = after
        self.units_last, self.last = units_last(self.layer), True
        self.activation: Mapping[str, Any] | None = None
        self.before = before
        """What its activation gets; None if there is none."""
        if KINDS.traced(self.layer)[0] == "activation":
            self.activation, self.before = _own_activation(self.layer), self.inputs
        elif before is not None:
            self.activation = _known(activation_of(self.layer))
        if self.activation is None:
            self.before = None
        self.axes = unit_axes(self.layer)

    @cached_property
    def inputs(self) -> Any:
        """The tensor that it is given; found when asked for, as in a replay there are no values."""
        if isinstance(self.layer, keras.layers.RNN):
            return self.given[0]  # the others are states
        return following(self._after, self.given)

    def trace(self, gradients: Mapping[int, Array], batch: int) -> LayerTrace:
        """Hand the arrays over; gradients of variables become those of the mean loss."""
        kind, note = KINDS.traced(self.layer)
        if kind == "function":
            what = f"{type(self.layer).__name__} of {len(self.given)} signals"
            note = f"{what}, which theory does not follow"
        parameters = distinct([parameter_of(self.layer, v) for v in self.place.layer.weights])
        pairs = list(zip(parameters, self.place.layer.weights, strict=True))
        last, (coming, going) = self.last, self.axes
        return LayerTrace(
            name=self.name,
            kind=kind,
            inputs=rows(measured(self.inputs), last, coming),
            outputs=rows(measured(self.outputs), last, going),
            activation=self.activation,
            pre_activation=(
                None if self.before is None else rows(measured(self.before), last, going)
            ),
            output_gradient=gradient_rows(gradients, self.outputs, last, going),
            pre_activation_gradient=gradient_rows(gradients, self.before, last, going),
            parameters={p.role: _in_units(p, p.read().copy()) for p in parameters},
            gradients={
                p.role: _in_units(p, p.ours(gradients[id(v)])) / batch
                for p, v in pairs
                if id(v) in gradients
            },
            frozen=frozenset(p.role for p, v in pairs if _is_parameter(v) and not v.trainable),
            initializers=_initializers(self.layer),
            settings=_settings(kind, self.layer),
            note=note,
            code=self.place.code,
        )


def _in_units(parameter: Parameter, values: Array) -> Array:
    """Return a kernel as ``(inputs, units)``, and a bias as ``(units,)``: heads have units too."""
    return values.reshape(-1) if parameter.role == "bias" else parameter.matrix(values)


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


def _own_activation(layer: Any) -> dict[str, Any] | None:
    """Return what a layer is that is an activation, as the core knows it; None if it does not."""
    if isinstance(layer, keras.layers.Activation):
        return _known(layer.activation)
    own = {"negative_slope", "alpha", "axis", "max_value", "threshold"}
    config = {name: value for name, value in layer.get_config().items() if name in own}
    try:
        made = getattr(fanin.layers, type(layer).__name__)
        found: dict[str, Any] = made(**config).settings()["activation"]
    except (AttributeError, TypeError, ValueError):
        return None
    return found


def _known(function: Any) -> dict[str, Any] | None:
    """Return a function of Keras as the core knows it; None if it does not."""
    if isinstance(function, keras.Layer):
        return _own_activation(function)
    try:
        made = fanin.layers.Activation(keras.activations.serialize(function))
    except (AttributeError, TypeError, ValueError):
        return None
    found: Any = made.settings()["activation"]
    return dict(found)


def _initializers(layer: Any) -> dict[str, initializers.Initializer]:
    """Return what the layer draws from, where this package has one of that name."""
    found: dict[str, initializers.Initializer] = {}
    if KINDS.of(layer) == "einsum":
        return found  # drawn by the fans of another shape than the one that is shown
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
