"""Models of classes of users' that say in `call` what they compute: traced for certain inputs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fanin import _checks, _core, random
from fanin._members import _custom, _signatures
from fanin._members._registry import check_config, parse_serialized
from fanin.errors import NotReadyError, ShapeError
from fanin.layers import InputLayer, Layer, _inner, _tracing
from fanin.layers._arrays import Array
from fanin.layers._bodies import in_mode, register_layer
from fanin.layers._runs import compare, without_masks
from fanin.layers._traces import Found, trace
from fanin.layers._users import form_of, made_before, members_of
from fanin.layers._users import layers_of as all_layers
from fanin.layers._variable import Use
from fanin.models import _sharing, _wiring

if TYPE_CHECKING:
    from fanin.models._model import Model

Shapes = Sequence[tuple[int, ...]]


def settle(model: Any, shapes: Shapes, form: Any) -> None:
    """Find which layer reads what, for inputs of these shapes, unless it is known."""
    told = tuple(shapes), form
    if model._told is not None:
        known, seen, _ = model._told
        if known == told and seen is not None and _is_fresh(seen):
            return
    if model.built and model._told[0] != told:
        found = shapes[0] if form == "one" else list(shapes)
        raise ShapeError(
            f"x: expected samples of shape {model._told[0][0]} for network {model.name!r}, as it "
            f"was built for, found {found}"
        )
    names = [f"{model.name}_input{f'_{i}' if i else ''}" for i in range(len(shapes))]
    entries = [
        InputLayer(shape, name=name)
        for name, shape in zip(form if isinstance(form, tuple) else names, shapes, strict=True)
    ]
    inputs = [entry.output for entry in entries]
    traced = trace(model, form, inputs)
    for value in made_before(*traced.outputs):
        if isinstance(value.layer, Use):
            raise ValueError(
                f"call of {model.name!r}: expected weights in the call of their layers, found "
                f"{value.name!r}{value.where}"
            )
    given = {value.name: value for value in inputs} if isinstance(form, tuple) else inputs
    wiring, layers, _ = _wiring.trace(given, _as_returned(traced))
    modes = {
        place: traced.modes[id(layer)]
        for place, layer in enumerate(layers)
        if id(layer) in traced.modes
    }
    _check_runs(model, form, wiring, layers, modes)
    if model.built and _with_arrays(model._layers) != _with_arrays(layers):
        raise ValueError(
            f"call of {model.name!r}: expected the layers that it had when it was built, found "
            "others since an attribute was set; make another model"
        )
    model._wiring, model._layers, model._modes, model._values = wiring, layers, modes, None
    model._told = told, traced.seen, traced.models
    model._complete_compile()


def _as_returned(traced: Found) -> Any:
    """Return the outputs in the form in which `call` returns them."""
    if isinstance(traced.form, tuple):
        return dict(zip(traced.form, traced.outputs, strict=True))
    if traced.form == "one":
        return traced.outputs[0]
    return tuple(traced.outputs) if traced.form == "tuple" else traced.outputs


def _is_fresh(seen: Sequence[tuple[Any, int, Any]]) -> bool:
    return all(
        thing.__dict__.get("_version", 0) == version and _tracing.contents(thing) == held
        for thing, version, held in seen
    )


def _with_arrays(layers: Sequence[Any]) -> list[int]:
    return [id(layer) for layer in layers if layer._holds()]


def refresh(model: Any, shape: tuple[int, ...]) -> None:
    """Trace a model anew, if an attribute was set since it was; for one input if it never was."""
    shapes, form = ((shape,), "one") if model._told is None else model._told[0]
    settle(model, shapes, form)


def settle_for(model: Any, name: str, x: Any) -> None:
    """Trace a model for the inputs that it is given, if it does not know which they are."""
    if model._told is not None and model.built:
        settle(model, *model._told[0])
        return
    form = form_of(x, _are_arrays)
    parts = [x] if form == "one" else [*x.values()] if isinstance(x, Mapping) else [*x]
    names = [name] if form == "one" else [f"{name}[{i}]" for i in range(len(parts))]
    shapes = []
    for what, part in zip(names, parts, strict=True):
        array = _checks.numeric(what, part)
        if array.ndim < 2:
            hint = f"; use {what}.reshape(-1, 1)" if array.ndim == 1 else ""
            raise ShapeError(f"{what}: expected shape (n, ...), found {array.shape}{hint}")
        shapes.append(array.shape[1:])
    settle(model, shapes, form)


def _are_arrays(x: Any) -> bool:
    return isinstance(x, list | tuple) and bool(x) and all(hasattr(part, "shape") for part in x)


def settle_build(model: Any, input_shape: Any) -> None:
    """Trace a model for shapes with the batch axis in front."""
    form: Any = "one"
    given = [input_shape]
    if isinstance(input_shape, Mapping):
        form, given = tuple(input_shape), [*input_shape.values()]
    elif isinstance(input_shape, list) and all(isinstance(s, tuple | list) for s in input_shape):
        form, given = "list", input_shape
    settle(model, [_checks.batched_shape("input_shape", one) for one in given], form)


def of_values(model: Any, x: Any) -> None:
    """Trace a model for the values that it is called on outside of a trace."""
    form = form_of(x, lambda x: isinstance(x, list | tuple))
    values = [x] if form == "one" else [*x.values()] if isinstance(x, Mapping) else [*x]
    settle(model, [value.sample for value in values], form)


def _check_runs(
    model: Any,
    form: Any,
    wiring: _wiring.Wiring,
    layers: Sequence[Layer],
    modes: Mapping[int, bool],
) -> None:
    """Compare what was found with runs of `call` on arrays."""
    settings = [without_masks(layer._settings()) for layer in layers]
    for place, mode in modes.items():
        settings[place] = in_mode(settings[place], mode)
    given: dict[int, Any] = {}
    shapes = wiring.shapes
    for place, reads in wiring.calls:
        layer = layers[place]
        sees = layer.shape_of_inputs([shapes[number] for number in reads])
        given.setdefault(place, sees)
        shapes = [*shapes, layer._own_plan(sees, "float64").output_shapes[-1]]
    plan = _core.Plan(wiring.shapes, settings, "float64", wiring.calls, wiring.outputs)

    def register(arrays: dict[int, Any], params: Array, state: Array) -> None:
        start = first = 0
        for place, layer in enumerate(layers):
            own = layer._own_plan(given[place], "float64")
            stop, last = start + own.parameter_count, first + own.state_count
            register_layer(arrays, layer, given[place], params[start:stop], state[first:last])
            start, first = stop, last

    compare(model, form, wiring.shapes, plan, register)


def lodge_members(model: "Model") -> None:
    """Make the models that are part of one work by themselves: their arrays are parts of its."""
    assert model._told is not None
    for member, form, shapes in model._told[2]:
        if member.built:
            continue
        if member._traced:
            settle(member, shapes, form)
        inside = {id(layer) for layer in model.computing}
        if all(id(layer) in inside for layer in member.computing if layer._holds()):
            _sharing.lodge(member, model, member.known_shape() or shapes[0])


def layers_of(model: Any) -> list[Any]:
    """Return the layers and models that a model has, in the order of its attributes."""
    return [module for _, module in members_of(model)]


def holders_of(model: Any) -> list[Layer]:
    """Return the layers that compute, in the order of attributes."""
    inside = {id(layer): layer for layer in model._layers}
    found = [inside.pop(id(layer)) for _, layer in all_layers(model) if id(layer) in inside]
    return [*found, *inside.values()]


def check_settled(model: Any) -> None:
    """Refuse a model that was not called yet."""
    if model._wiring is None:
        raise NotReadyError(
            f"network {model.name!r} is not built: call it, fit it, or call build(input_shape)"
        )


# Files.


def describe(model: Any) -> dict[str, Any]:
    """Return what makes an equal model: its class, what `get_config` returns, and its inputs.

    And options of layers within, where they are others than the constructor gives them.
    """
    config = model.get_config()
    _inner.check_arguments(type(model), config)
    twin = _inner.again(model, config)
    told = None
    if model._told is not None:
        (shapes, form), _, _ = model._told
        with _inner.classes_of(model), _inner.names_as_before():
            settle(model, shapes, form)
            try:
                settle(twin, shapes, form)
            except (TypeError, ValueError) as error:
                raise _inner.unlike(model, str(error)) from error
        told = [[*map(list, shapes)], list(form) if isinstance(form, tuple) else form]
    parts = _inner.written(model, twin)
    found = {**_custom.names_of(type(model)), "config": config, "inputs": told}
    return {**found, "parts": parts} if parts else found


def is_described(config: Any) -> bool:
    """Whether a configuration is what `describe` returned."""
    return isinstance(config, Mapping) and "class_name" in config


def described(config: Mapping[str, Any], rng: Any = None) -> Any:
    """Make the model that `describe` was given, traced for its inputs, and not built."""
    from fanin.models._model import Model

    name, arguments = parse_serialized("model", config)
    found = _custom.find_described("model", (Model,), config, None)
    if found is None:
        raise _custom.unknown("model", name, ())
    model = found.from_config(arguments)
    if rng is not None:
        model._source = rng
    rest = _inner.tell(model, _inner.parse(config.get("parts", {})))
    told = config.get("inputs")
    if told is not None:
        rows = (list, tuple)
        if not isinstance(told, rows) or len(told) != 2 or not isinstance(told[0], rows):
            raise ValueError(f"inputs: expected shapes and a form, found {_checks.found(told)}")
        shapes, form = told
        given = [_checks.feature_shape("inputs", shape) for shape in shapes]
        settle(model, given, tuple(form) if isinstance(form, list) else form)
        _inner.tell_rest(model, rest)
    return model


def from_config(cls: Any, config: Any, custom_objects: Any, rng: Any) -> Any:
    """Do what `Model.from_config` says, of a class with a `call` of its own."""
    arguments = check_config("config", config)
    taken = _signatures.of(cls).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in taken.values()) and "name" not in taken:
        arguments.pop("name", None)  # what the constructor does not take it chooses itself
    with _custom.custom_object_scope(custom_objects):
        try:
            model = cls(**arguments)
        except TypeError as error:
            raise ValueError(f"config of {cls.__name__}: {error}") from error
    if rng is not None:
        model._source = random.resolve(rng)
    return model
