"""Bodies: what a layer of a user's computes for inputs of certain shapes, and its parts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fanin import _core
from fanin._members._undo import as_before
from fanin.layers import _tracing
from fanin.layers._arrays import Array
from fanin.layers._base import Layer, Shape
from fanin.layers._dropout import DRAWING
from fanin.layers._merging import Merge
from fanin.layers._runs import compare, without_masks
from fanin.layers._traces import Found, trace
from fanin.layers._tracing import Trace
from fanin.layers._users import Given, Itself, are_several, formed, made_before
from fanin.layers._value import Value
from fanin.layers._variable import Use, Variable


@dataclass(eq=False, repr=False)
class Body:
    """What a layer computes for inputs of certain shapes."""

    shape: Shape
    parts: list[tuple[str, Any, Shape]]
    """Weights, itself, layers: what their arrays' names begin with, and what they are given."""
    calls: tuple[int, ...]
    """As the core takes them."""
    modes: dict[int, bool]
    """The parts that run in one mode, whatever the network does."""
    seen: list[tuple[Any, int, Any]]
    """The objects that the trace read, as they were."""
    models: list[tuple[Any, Any, list[tuple[int, ...]]]]
    """The models that were called: how their inputs were given, and the shapes of these."""
    returned: tuple[Any, list[tuple[int, ...]]]
    """The form in which `call` returns outputs, and their shapes: several lie side by side."""

    def is_fresh(self) -> bool:
        """Whether nothing that the trace read was set since."""
        return all(
            thing.__dict__.get("_version", 0) == version and _tracing.contents(thing) == held
            for thing, version, held in self.seen
        )

    def settings(self, trainable: bool) -> dict[str, object]:
        """Return the settings for the core."""
        parts: dict[str, object] = {}
        for place, (prefix, part, _) in enumerate(self.parts):
            own: dict[str, Any]
            if isinstance(part, Variable):
                own = part.settings()
            elif isinstance(part, Itself):
                own = part.layer.settings()
                own.pop("activity_regularizer", None)  # which is on what `call` returns
            else:
                own = part._settings()
            own = {**own, "part": prefix}
            if place in self.modes:
                own = in_mode(own, self.modes[place])
            parts[str(place)] = own if trainable else _frozen(own)
        return {"kind": "traced", "parts": parts, "calls": self.calls}

    def slices(
        self, dtype: str, params: Array, state: Array
    ) -> Iterator[tuple[str, Any, Shape, _core.Plan | None, Array, Array]]:
        """Walk the parts with their plans and their slices of flat arrays."""
        start = first = 0
        for prefix, part, shape in self.parts:
            plan: _core.Plan | None = None
            size, averages = 0, 0
            if isinstance(part, Variable):
                size = int(np.prod(part.shape, dtype=int))
            else:
                itself = isinstance(part, Itself)
                plan = part.plan(shape, dtype) if itself else part._own_plan(shape, dtype)
                size, averages = plan.parameter_count, plan.state_count
            stop, last = start + size, first + averages
            yield prefix, part, shape, plan, params[start:stop], state[first:last]
            start, first = stop, last


def in_mode(settings: Mapping[str, Any], mode: bool) -> dict[str, Any]:
    """Return settings of what runs in one mode, whatever the network does."""
    if settings.get("kind") == "traced":
        parts = {key: in_mode(part, mode) for key, part in settings["parts"].items()}
        return {**settings, "parts": parts}
    by_mode = settings.get("kind") in ("batch_normalization", "select", *DRAWING)
    return {"mode": mode, **settings} if by_mode else {**settings}


def _frozen(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of what is not trained."""
    changed = {**settings}
    if "trainable" in settings:
        changed["trainable"] = False
    if settings.get("kind") == "traced":
        changed["parts"] = {key: _frozen(part) for key, part in settings["parts"].items()}
    return changed


def body_of(layer: Any, shape: Shape) -> Body:
    """Return what a layer computes for inputs of `shape`, traced if need be."""
    body: Body | None = layer._body
    if body is not None and body.shape == shape and body.is_fresh():
        return body
    with as_before([layer]):
        body = _find_body(layer, shape)
    if layer.built and layer._body is not None:
        _check_same_arrays(layer, layer._body, body)
    layer._body = body
    return body


def _find_body(layer: Any, shape: Shape) -> Body:
    form = layer._form = layer._form or ("list" if are_several(shape) else "one")
    declare(layer, shape)
    if layer._to_tell is not None:
        from fanin.layers import _inner

        _inner.tell_rest(layer, layer._to_tell)
        layer._to_tell = None
    samples = [*shape] if are_several(shape) else [shape]
    if len(samples) != (1 if form == "one" else len(samples)):
        raise ValueError(f"inputs: expected one for layer {layer.name!r}, found {len(samples)}")
    inputs = [Value(Given(), (), sample) for sample in samples]  # type: ignore[arg-type]
    found = trace(layer, form, inputs)
    body = _body(layer, shape, inputs, found)
    _check_runs(layer, form, samples, body)
    return body


def declare(layer: Any, shape: Shape) -> None:
    """Let a layer add its weights, once; where there are no arrays yet, for another shape anew."""
    if layer._declared is not None and (layer._declared[1] == shape or layer.built):
        return
    if layer._declared is not None:
        layer._own_weights = layer._own_weights[: layer._declared[0]]
    own, before_build = type(layer)._users_build, len(layer._own_weights)
    before, layer._busy = layer._busy, "build"
    try:
        if own is not None:
            form = layer._form or ("list" if are_several(shape) else "one")
            samples = [*shape] if are_several(shape) else [shape]
            batched = [(None, *sample) for sample in samples]
            with _tracing.running(Trace(layer, False, building=True)):
                own(layer, formed(form, batched))
    finally:
        layer._busy = before
    layer._declared = before_build, shape


def _body(layer: Any, shape: Shape, inputs: Sequence[Value], found: Found) -> Body:
    end = found.outputs[0]
    if len(found.outputs) > 1:
        from fanin.layers import _returned

        end = _returned.together(found.outputs)
    values = made_before(end)
    parts: list[tuple[str, Any, Shape]] = [(v.name, v, v.shape) for v in layer._own_weights]
    places = {id(variable): place for place, (_, variable, _) in enumerate(parts)}
    modes: dict[int, bool] = {}
    numbers = {id(value): number for number, value in enumerate(inputs)}
    calls: list[int] = []
    used = set()
    names: set[str] = {name for name, _, _ in parts}
    for value in values:
        if id(value) in numbers:
            continue
        part: Any = value.layer
        form = 0
        if isinstance(part, Use):
            used.add(id(part.variable))
            if id(part.variable) not in places:
                raise ValueError(
                    f"call of {layer.name!r}: expected its own weights and layers, found weight "
                    f"{part.name!r} of another layer{value.where}"
                )
            form, part = part.form, part.variable
        elif id(part) not in places:
            given = [read.sample for read in value.reads]
            if isinstance(part, Itself):
                prefix, sees = "", tuple(given) if isinstance(part.layer, Merge) else given[0]
            else:
                prefix, sees = _prefix(part, found, names), part.shape_of_inputs(given)
            _refuse_foreign(layer, part, [model for model, _, _ in found.models])
            places[id(part)] = len(parts)
            if id(part) in found.modes:
                modes[len(parts)] = found.modes[id(part)]
            parts.append((prefix, part, sees))
        reads = [numbers[id(read)] for read in value.reads]
        calls += [places[id(part)], form, len(reads), *reads]
        numbers[id(value)] = len(numbers)
    if not calls:
        # What is given back as it is.
        parts.append(("", _identity(), inputs[0].sample))
        calls = [len(parts) - 1, 0, 1, 0]
    for variable in layer._own_weights:
        if id(variable) not in used:
            raise ValueError(
                f"call of {layer.name!r}: expected it to use all weights of its layer, found that "
                f"its output does not depend on {variable.name!r}"
            )
    returned = found.form, [end.sample for end in found.outputs]
    return Body(shape, parts, tuple(calls), modes, found.seen, found.models, returned)


def _refuse_foreign(layer: Any, part: Any, models: Sequence[Any]) -> None:
    owners = [] if isinstance(part, Itself) else part._networks()
    for owner in owners:
        if owner not in models and owner not in layer._networks():
            raise ValueError(
                f"call of {layer.name!r}: expected layers of its own, found {part.name!r}, which "
                f"belongs to network {owner.name!r}; give it a copy.deepcopy"
            )


def _identity() -> Layer:
    from fanin.layers._activation import Activation

    return Activation("linear")


def _prefix(part: Any, found: Found, names: set[str]) -> str:
    """Return what the names of the arrays of a part begin with."""
    name = found.paths.get(id(part), part.name)
    base, count = name, 0
    while name in names:
        count += 1
        name = f"{base}_{count}"
    names.add(name)
    return f"{name}/"


def _check_same_arrays(layer: Any, old: Body, new: Body) -> None:
    """Refuse a trace that found other arrays than there are."""

    def arrays(body: Body) -> list[int]:
        return [
            id(part.layer if isinstance(part, Itself) else part)
            for _, part, _ in body.parts
            if isinstance(part, Variable | Itself) or part._holds()
        ]

    if arrays(old) != arrays(new):
        raise ValueError(
            f"call of {layer.name!r}: expected the weights and layers that it had when it was "
            "built, found others since an attribute was set; make another layer"
        )


def _check_runs(layer: Any, form: Any, samples: Sequence[tuple[int, ...]], body: Body) -> None:
    """Compare a body with runs of `call` on arrays."""
    settings = without_masks(body.settings(True))
    plan = _core.Plan(samples, [settings], "float64", [(0, tuple(range(len(samples))))])

    def register(arrays: dict[int, Any], params: Array, state: Array) -> None:
        register_body(arrays, body, params, state)

    compare(layer, form, samples, plan, register)


def register_body(arrays: dict[int, Any], body: Body, params: Array, state: Array) -> None:
    """Tell which arrays the parts of a body have in a run on arrays."""
    for _, part, shape, _, own, averages in body.slices("float64", params, state):
        if isinstance(part, Variable):
            arrays[id(part)] = own.reshape(part.shape)
        elif isinstance(part, Itself):
            arrays[id(part.layer)] = own, averages
        else:
            register_layer(arrays, part, shape, own, averages)


def register_layer(
    arrays: dict[int, Any], layer: Any, shape: Shape, params: Array, state: Array
) -> None:
    """Tell which arrays a layer has in a run on arrays."""
    if layer._traced:
        register_body(arrays, body_of(layer, shape), params, state)
    else:
        arrays[id(layer)] = params, state
