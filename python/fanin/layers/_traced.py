"""What `Layer` asks of a class of a user's that says in `call` what it computes.

`call` is run on values, as in training and as in inference (`_traces`), and what both make is one
graph, the body of the layer (`_bodies`), which is compared with runs on arrays (`_runs`). The core
gets it as the settings of one layer, whose arrays are its weights and those of its parts.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fanin import _checks, _core
from fanin.errors import ShapeError
from fanin.layers._arrays import Array, at, like
from fanin.layers._base import Layer, Shape
from fanin.layers._bodies import Body, body_of
from fanin.layers._dropout import Drawing
from fanin.layers._merging import side_by_side
from fanin.layers._users import Itself, are_several, form_of, layers_of, note_form
from fanin.layers._variable import Variable


def settings_of(layer: Any) -> dict[str, object]:
    """Return the settings of a layer for the core; before it is traced there are none."""
    body: Body | None = layer._body
    if body is None:
        return {"kind": "traced"}
    return _settings(layer, body.shape)


def _settings(layer: Any, shape: Shape) -> dict[str, object]:
    own, penalty = body_of(layer, shape).settings(layer.trainable), layer.activity_regularizer
    return own if penalty is None else {**own, "activity_regularizer": penalty._settings()}


def plan_of(layer: Any, shape: Shape, dtype: str) -> _core.Plan:
    """Return the plan of a layer by itself."""
    settings = _settings(layer, shape)
    shapes = [*shape] if are_several(shape) else [shape]
    return _core.Plan(shapes, [settings], dtype, [(0, tuple(range(len(shapes))))])


def shape_of(layer: Any, shapes: Sequence[tuple[int, ...]]) -> Shape:
    """Return the shapes of inputs as `plan_of` takes them."""
    if layer._form is None and len(shapes) > 1:
        layer._form = "list"
    return shapes[0] if layer._form in (None, "one") else tuple(shapes)


def shapes_from(layer: Any, input_shape: Any) -> Shape:
    """Return shapes with the batch axis in front, of one input or several, as `plan_of` does."""
    if isinstance(input_shape, Mapping):
        note_form(layer, tuple(input_shape))
        input_shape = [*input_shape.values()]
    elif isinstance(input_shape, list) and all(isinstance(s, tuple | list) for s in input_shape):
        note_form(layer, "list")
    else:
        return _checks.batched_shape("input_shape", input_shape)
    return tuple(_checks.batched_shape("input_shape", one) for one in input_shape)


def inputs_of(layer: Any, x: Any) -> tuple[Array, Shape]:
    """Return the inputs that a layer is called on as one array, and their shapes."""
    form = form_of(x, lambda x: isinstance(x, list | tuple) and hasattr((*x, None)[0], "shape"))
    note_form(layer, form)
    given = [x] if form == "one" else [*x.values()] if isinstance(x, Mapping) else [*x]
    names = ["x"] if form == "one" else [f"x[{i}]" for i in range(len(given))]
    arrays = [
        _checks.floats(name, part, layer.dtype, finite=False)
        for name, part in zip(names, given, strict=True)
    ]
    if any(array.ndim < 2 for array in arrays) or len({len(array) for array in arrays}) > 1:
        found = [array.shape for array in arrays]
        raise ShapeError(
            f"x: expected arrays of shape (batch, ...), of as many samples each, found {found}"
        )
    shapes = [array.shape[1:] for array in arrays]
    shape: Shape = shapes[0] if form == "one" else tuple(shapes)
    if layer.built and shape != layer._feature_shape:
        raise ShapeError(
            f"x: expected samples of shape {layer._feature_shape} for layer {layer.name!r}, found "
            f"{shape}"
        )
    return side_by_side(arrays), shape


def fill(
    layer: Any, shape: Shape, dtype: str, params: Array, state: Array, source: Any, prefix: str
) -> None:
    """Write the values of a layer that is not built: initial ones, or those that parts have."""
    body = body_of(layer, shape)
    for name, part, sees, plan, own, averages in body.slices(dtype, params, state):
        if isinstance(part, Variable):
            view = own.reshape(part.shape)
            path = prefix + part.name
            values = part.initializer.for_parameter(view.shape, dtype, at(source, path), path=path)
            what = f"initializer of weight {part.name!r} of layer {layer.name!r}"
            view[...] = like(what, values, view, finite=True)
        elif isinstance(part, Itself):
            assert plan is not None
            Layer._fill_own(part.layer, plan, own, averages, source, prefix)
        else:
            assert plan is not None
            part.fill(plan, own, averages, source, prefix=prefix + name)
        del sees


def tie(layer: Any, shape: Shape, params: Array, state: Array, owner: Any) -> None:
    """Make slices of a layer's arrays those of its weights and parts."""
    network = layer._network
    dtype = network.dtype
    named: dict[int, dict[str, Array]] = {}
    for prefix, part, sees, plan, own, averages in body_of(layer, shape).slices(
        dtype, params, state
    ):
        if isinstance(part, Variable):
            part.tie(network, own.reshape(part.shape))
        elif not isinstance(part, Itself):
            assert plan is not None
            part.tie(sees, plan, own, averages, owner=owner)
            named[id(part)] = {f"{prefix}{role}": a for role, a in part.arrays.items()}
    # As Keras lists them: its own, then those of its layers in the order of its attributes.
    of_parts = {name: array for arrays in named.values() for name, array in arrays.items()}
    fixed = {v.name for v in layer._own_weights if not v.trainable}
    own_arrays = {name: array for name, array in layer.arrays.items() if name not in of_parts}
    ordered = {name: array for name, array in own_arrays.items() if name not in fixed}
    ordered |= {name: array for name, array in own_arrays.items() if name in fixed}
    for _, part in layers_of(layer):
        ordered |= named.pop(id(part), {})
    for arrays in named.values():
        ordered |= arrays
    layer.arrays = ordered
    for model, _, _ in body_of(layer, shape).models:
        known = model._network
        if known is not None and model._home is None:
            model._forget_arrays()  # it has parts of these, once it is used


def lodge_models(layer: Any) -> None:
    """Make the models that are part of a layer by itself work alone: of parts of its arrays."""
    models = [*_models_in(layer)]
    if not models:
        return
    from fanin.models import _sharing, _subclassed

    network = layer._network
    home = _sharing.Home(network.params, network.state, network.lock, [], [])
    for model, form, shapes in models:
        if model._traced:
            _subclassed.settle(model, shapes, form)
        shape = model.known_shape() or shapes[0]
        model._feature_shape = shape
        _sharing._take_part(model, home, shape)
        model._home = None  # until the layer is part of a network


def _models_in(layer: Any) -> Iterator[tuple[Any, Any, list[tuple[int, ...]]]]:
    """Walk the models that a layer, and layers within it, call."""
    body: Body | None = layer._body
    if body is not None:
        yield from body.models
        for _, part, _ in body.parts:
            if isinstance(part, Layer) and part._traced:
                yield from _models_in(part)


def parts_of(layer: Any) -> list[tuple[str, Any, Shape]]:
    """Return the weights and parts of a layer that was traced."""
    return [] if layer._body is None else layer._body.parts


def part_called(layer: Any, role: str) -> tuple[Any, str]:
    """Return the part that the array called `role` is of, and what that calls it."""
    for prefix, part, _ in parts_of(layer):
        if isinstance(part, Variable) and part.name == role:
            return part, ""
        if not isinstance(part, Variable | Itself) and role.startswith(prefix):
            return part, role.removeprefix(prefix)
    return layer, role


def draws(layer: Any) -> bool:
    """Whether a layer draws numbers when it runs."""
    return any(
        isinstance(part.layer, Drawing) if isinstance(part, Itself) else part._draws()
        for _, part, _ in parts_of(layer)
        if not isinstance(part, Variable)
    )


def draw(layer: Any, source: Any, path: str) -> None:
    """Take what is drawn in training from `source`, part by part."""
    for place, (_, part, _) in enumerate(parts_of(layer)):
        if isinstance(part, Itself):
            part.layer.draw_from(source, path)
        elif not isinstance(part, Variable) and part._draws():
            part._draw(source, f"{path}/{place}")


def holds(layer: Any) -> bool:
    """Whether a layer that was traced has arrays, once it is built."""
    return any(
        part.holds() if isinstance(part, Itself) else isinstance(part, Variable) or part._holds()
        for _, part, _ in parts_of(layer)
    )
