"""Traces: a `call` of users' is run on values, in training and in inference; one graph of both."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers import _keywords, _tracing
from fanin.layers._base import Layer
from fanin.layers._draw import Draw
from fanin.layers._dropout import Drawing
from fanin.layers._merging import Merge
from fanin.layers._tracing import Trace
from fanin.layers._users import (
    Itself,
    Select,
    as_given,
    call_of,
    ends_of,
    form_of,
    formed,
    layers_of,
    made_before,
    models_of,
    note_form,
)
from fanin.layers._value import Value, are_values, as_values
from fanin.layers._variable import Use, Variable


@dataclass(eq=False, repr=False)
class Found:
    """What traces of a `call` found."""

    outputs: list[Value]
    form: Any
    """How they are returned: "one", "list", "tuple", or their names."""
    modes: dict[int, bool]
    """Which layers run in one mode, by `id`."""
    paths: dict[int, str]
    """Where the owner has them, by `id`."""
    seen: list[tuple[Any, int, Any]]
    models: list[tuple[Any, Any, list[tuple[int, ...]]]]
    """The models that were called: how their inputs were given, and the shapes of these."""


def trace(owner: Any, form: Any, inputs: Sequence[Value]) -> Found:
    """Run `call` of a user's layer or model in both modes on values; make one graph of both."""
    if owner._busy is not None:
        raise ValueError(f"call of {owner.name!r}: expected one that does not call itself")
    paths: dict[int, str] = {}
    owner._busy = "call"
    models = models_of(owner)
    try:
        ends = []
        called: dict[int, Any] = {}
        for training in (True, False):
            # What is made on the way in the second run is not counted among automatic names.
            counted = {key: copy.copy(value) for key, value in _keywords._counters.items()}
            paths.update((id(layer), path) for path, layer in layers_of(owner))
            known = frozenset(paths)
            for model in models:
                model._busy = "call"
            try:
                with (
                    _tracing.running(Trace(owner, training, None, known, inputs=inputs)) as run,
                    _tracing.Watch(owner, [owner, *models]),
                ):
                    end = call_of(owner, formed(form, inputs), training)
            finally:
                for model in models:
                    model._busy = None
            returned, how = _checked_ends(owner, end, inputs, known)
            if run.costs:
                from fanin.layers import _costs

                returned[0] = _costs.charged(returned[0], run.costs)
            ends.append((returned, how))
            if not training:
                _keywords._counters.update(counted)
            called.update(run.models)
        (in_training, form), (in_inference, other) = ends
        if form != other or len(in_training) != len(in_inference):
            raise ValueError(
                f"call of {owner.name!r}: expected outputs of one form in training and in "
                f"inference, found {_form_in_words(in_training, form)} and "
                f"{_form_in_words(in_inference, other)}"
            )
        outputs, modes = _merged(owner, in_training, in_inference, inputs, paths)
    finally:
        owner._busy = None
    _check_use(owner, outputs, inputs)
    users = [owner, *models]
    seen = [(thing, thing.__dict__.get("_version", 0), _tracing.contents(thing)) for thing in users]
    return Found(outputs, form, modes, paths, seen, [*called.values()])


def _form_in_words(ends: Sequence[Value], form: Any) -> str:
    words = f"a dict of {', '.join(map(repr, form))}" if isinstance(form, tuple) else f"a {form}"
    return "one value" if form == "one" else f"{words} ({len(ends)} values)"


def _checked_ends(
    owner: Any, made: Any, inputs: Sequence[Value], known: frozenset[int]
) -> tuple[list[Value], Any]:
    """Return the values that `call` returned in a list, and their form."""
    ends, form = ends_of(made)
    if not ends:
        raise TypeError(f"call of {owner.name!r}: expected outputs, found {made!r}")
    for name in form if isinstance(form, tuple) else ():
        if not isinstance(name, str):
            raise TypeError(
                f"call of {owner.name!r}: expected outputs by names, found {_checks.found(name)}"
            )
    ends = [end.now() if isinstance(end, Variable) else end for end in ends]
    return [_checked_end(owner, end, inputs, known) for end in ends], form


def _checked_end(owner: Any, end: Any, inputs: Sequence[Value], known: frozenset[int]) -> Value:
    """Return what `call` returned, if it is one value, made of what the owner has."""
    if not isinstance(end, Value):
        found = _checks.found(end)
        raise TypeError(
            f"call of {owner.name!r}: expected it to return a value, such as layers and operators "
            f"make of its inputs, found {found}"
        )
    given = {id(value) for value in inputs}
    for value in made_before(end):
        layer: Any = value.layer
        if not value.reads and id(value) not in given and not isinstance(layer, Use):
            raise ValueError(
                f"call of {owner.name!r}: expected values made of its inputs, found what depends "
                f"on {value.name!r}, a value from outside"
            )
        if not isinstance(layer, Layer) or id(layer) in known:
            continue
        if layer._by_mode or layer._traced or layer._holds():
            raise ValueError(
                f"call of {owner.name!r}: expected layers that it has: attributes, or in lists or "
                f"dicts that are attributes, made before it is called; found {layer.name!r}, which "
                f"would be another one in each call{value.where}"
            )
    return end


def _check_use(owner: Any, ends: Sequence[Value], inputs: Sequence[Value]) -> None:
    """Refuse a `call` that does not use what it is given."""
    reached = {id(value) for value in made_before(*ends)}
    for place, value in enumerate(inputs):
        if id(value) not in reached:
            which = "its input" if len(inputs) == 1 else f"input {place}"
            raise ValueError(
                f"call of {owner.name!r}: expected it to use all that it is given, found that its "
                f"output does not depend on {which}"
            )


def _merged(
    owner: Any,
    in_training: Sequence[Value],
    in_inference: Sequence[Value],
    inputs: Sequence[Value],
    known: Mapping[int, str],
) -> tuple[list[Value], dict[int, bool]]:
    """Make one graph of two: where they differ, a `Select` takes what its mode wants.

    Dropout and noise change nothing in inference, so that ``if training: x = self.dropout(x)`` is a
    dropout.
    """

    def name_of(layer: Any) -> tuple[Any, ...]:
        if isinstance(layer, Use):
            return "weight", id(layer.variable), layer.form
        if isinstance(layer, Itself):
            return "itself", id(layer.layer)
        if id(layer) in known or isinstance(layer, Draw):
            return "layer", id(layer)
        return "operation", type(layer), repr(layer._settings())

    runs = []
    for ends, training in ((in_training, True), (in_inference, False)):
        times: dict[tuple[Any, ...], int] = {}
        calls: dict[int, tuple[tuple[Any, ...], bool]] = {}
        values = made_before(*ends)
        for value in values:
            if _knows_mode(value):
                name = name_of(value.layer)
                times[name] = count = times.get(name, 0) + 1
                told = training if value.mode is None else value.mode
                calls[id(value)] = (*name, count), told
        runs.append((values, calls))
    (t_values, t_calls), (i_values, i_calls) = runs
    told_in_inference = dict(i_calls.values())
    modes = _modes(owner, t_values, t_calls, i_values, told_in_inference)

    numbers: dict[tuple[Any, ...], int] = {}
    places = {id(value): place for place, value in enumerate(inputs)}

    def number(values: Sequence[Value], calls: Mapping[int, Any]) -> dict[int, int]:
        """Give values that are the same in inference one number."""
        found: dict[int, int] = {}
        for value in values:
            if id(value) in places:
                key: tuple[Any, ...] = ("input", places[id(value)])
            else:
                reads = tuple(found[id(read)] for read in value.reads)
                call = calls[id(value)][0] if id(value) in calls else None
                if call is not None and _drops(value.layer) and not told_in_inference.get(call):
                    found[id(value)] = reads[0]
                    continue
                key = (name_of(value.layer), reads, call)
            found[id(value)] = numbers.setdefault(key, len(numbers))
        return found

    t_numbers, i_numbers = number(t_values, t_calls), number(i_values, i_calls)
    pairs = [*zip(in_training, in_inference, strict=True)]
    if all(t_numbers[id(one)] == i_numbers[id(other)] for one, other in pairs):
        return [*in_training], modes
    for one, other in pairs:
        if one.sample != other.sample:
            raise ShapeError(
                f"call of {owner.name!r}: expected values of one shape in training and in "
                f"inference, found {one.shape} and {other.shape}"
            )
    there: dict[int, Value] = {}
    for value in t_values:
        there.setdefault(t_numbers[id(value)], value)
    for value in i_values:
        mine = i_numbers[id(value)]
        if mine not in there:
            reads = [there[i_numbers[id(read)]] for read in value.reads]
            there[mine] = type(value)(value.layer, reads, value.sample)
    chosen = [there[i_numbers[id(other)]] for _, other in pairs]
    return [
        one
        if t_numbers[id(one)] == i_numbers[id(other)]
        else Value(Select(), [one, mine], one.sample)
        for (one, other), mine in zip(pairs, chosen, strict=True)
    ], modes


def _knows_mode(value: Value) -> bool:
    return value.mode is not None or getattr(value.layer, "_by_mode", False)


def _drops(layer: Any) -> bool:
    own = layer.layer if isinstance(layer, Itself) else layer
    return isinstance(own, Drawing) and (own is not layer or not own._traced)


def _modes(
    owner: Any,
    t_values: Sequence[Value],
    t_calls: Mapping[int, tuple[Any, bool]],
    i_values: Sequence[Value],
    told_in_inference: Mapping[Any, bool],
) -> dict[int, bool]:
    """Return the layers that are told to run in one mode, whatever the network does."""
    modes: dict[int, bool | None] = {}

    def settle(value: Value, mode: bool | None) -> None:
        layer: Any = value.layer
        if mode and not _drops(layer):
            raise ValueError(
                f"call of {owner.name!r}: expected layers that behave in inference as they do, "
                f"found {layer.name!r} with training=True, which only Dropout and layers of noise "
                f"can be given{value.where}"
            )
        if modes.setdefault(id(layer), mode) != mode:
            raise ValueError(
                f"call of {owner.name!r}: expected one training= in all calls of layer "
                f"{layer.name!r}, found several{value.where}"
            )

    done = set()
    for value in t_values:
        if id(value) not in t_calls:
            continue
        call, told = t_calls[id(value)]
        done.add(call)
        other = told_in_inference.get(call, False)
        if other and not told:
            raise ValueError(
                f"call of {owner.name!r}: expected layers that behave as in training in training, "
                f"found {value.name!r}, which does in inference alone{value.where}"
            )
        settle(value, None if told != other else told)
    if set(told_in_inference) - done:
        for value in i_values:
            if _knows_mode(value) and id(value.layer) not in modes:
                settle(value, True if value.mode else None)
    return {key: mode for key, mode in modes.items() if mode is not None}


def apply(module: Any, x: Any, training: Any, trace: Trace) -> Any:
    """Do what a layer or model does with values, in a run on values."""
    if isinstance(x, Variable):
        x = x.now()
    elif isinstance(x, list | tuple):
        x = [part.now() if isinstance(part, Variable) else part for part in x]
    told = trace.told if training is None else _tracing.flag_of(training)
    if not are_values(x):
        _tracing.refuse(
            f"that layer {module.name!r} is called on what the layers before make",
            _checks.found(x),
        )
    if not isinstance(module, Layer):
        return _apply_model(module, x, told, trace)
    values = as_values("x", x)
    if not any(value.batched for value in values) and not hasattr(module, "activation_settings"):
        _tracing.refuse(
            f"that layer {module.name!r} is called on what is made of the inputs", "weights alone"
        )
    if module._traced:
        note_form(module, form_of(x, lambda x: isinstance(x, list | tuple)))
    try:
        shape = module.shape_after([value.sample for value in values])
    except ShapeError as error:
        raise ShapeError(f"{module.name}: {error}") from None
    mode = told if module._by_mode or module._traced else None
    made = _tracing.called(module, values, mode, shape)
    return module._apart(made)


def _apply_model(model: Any, x: Any, training: bool | None, trace: Trace) -> Any:
    form = form_of(x, lambda x: isinstance(x, list | tuple))
    values = as_values("x", x)
    if id(model) in trace.stack or model is trace.owner:
        raise ValueError(f"call of {model.name!r}: expected one that does not call itself")
    told = model, form, [value.sample for value in values]
    if model._traced:
        trace.stack.append(id(model))
        try:
            with _tracing.told(trace, training):
                made = call_of(model, x, trace.training)
        finally:
            trace.stack.pop()
        if isinstance(made, Value):
            trace.models[id(model)] = told
        return made
    trace.models[id(model)] = told
    given = model._given_values(x)
    if model.known_shape() is not None:
        for entry, value in zip(model._input_layers(), given, strict=True):
            if value.sample != entry.shape:
                raise ShapeError(
                    f"x: expected samples of shape {entry.shape} for network {model.name!r}, "
                    f"found {value.sample}{_tracing.line()}"
                )
    for place, reads in model.calls:
        read = [given[number] for number in reads]
        mode = model._modes.get(place, training)
        layer = model._layers[place]
        given.append(apply(layer, as_given(layer, read), mode, trace))
    return given[-1]


def apply_itself(layer: Any, x: Any, training: Any, trace: Trace) -> Value:
    """Do what a layer of ours does whose `call` is overridden, in a run on values."""
    values = as_values("x", x)
    given = [value.sample for value in values]
    several = isinstance(layer, Merge)
    if layer._itself is None:
        layer._itself = Itself(layer)
    shape = layer._itself.plan(tuple(given) if several else given[0], layer.dtype).output_shapes[-1]
    told = trace.told if training is None else _tracing.flag_of(training)
    return _tracing.called(layer._itself, values, told if layer._by_mode else None, shape)
