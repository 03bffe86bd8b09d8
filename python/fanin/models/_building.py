"""Layers of a network: which can be, their dtype, plan and shape, values in two flat arrays."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fanin import _checks, _core, random
from fanin._checks import unknown
from fanin.errors import NotReadyError, ShapeError
from fanin.layers import InputLayer, Layer
from fanin.layers._arrays import Array
from fanin.layers._dropout import as_stream
from fanin.layers._module import Module
from fanin.layers._network import Network
from fanin.layers._options import check_name, name_option

if TYPE_CHECKING:
    from fanin.layers._base import Shape
    from fanin.models._layered import Layered
    from fanin.models._sequential import Sequential

Part: TypeAlias = tuple[Layer, tuple[Any, ...], _core.Plan, Array, Array]
"""A layer, the shape that it is given, its own plan, and its parts of the two arrays."""


def named_dtype(members: Iterable[Layer | InputLayer]) -> str:
    """Return the dtype that layers name, which is one."""
    named = {m.declared_dtype: m.name for m in members if m.declared_dtype is not None}
    if len(named) > 1:
        raise NotReadyError(
            f"dtype: expected one dtype of all layers, found several named by them: {named}"
        )
    return next(iter(named), "float32")


def check_layer(layer: object, network: "Sequential") -> None:
    """Refuse what cannot be appended to the layers of a network."""
    if not isinstance(layer, Layer):
        if isinstance(layer, Module):
            raise TypeError(
                f"layer: expected a layer, found the network {layer.name!r}; add its layers one by "
                "one, or call it on a value: fanin.Model"
            )
        hint = "; make one: it is a class" if isinstance(layer, type) else ""
        raise TypeError(f"layer: expected a layer, found {_checks.found(layer)}{hint}")
    layer._settings()  # refuses what the core does not know
    check_name(layer.name, network.layers)


def find_layer(row: Sequence[Layer], name: str | None, index: int | None) -> Layer:
    """Return the layer of a name, or at a place."""
    if (name is None) == (index is None):
        raise ValueError(
            "name and index: expected one of the two, found "
            f"{'neither' if name is None else 'both'}"
        )
    if index is not None:
        count = len(row)
        at = _checks.integer("index", index, minimum=-count, maximum=count - 1)
        return row[at]
    wanted = name_option("name", name)
    for layer in row:
        if layer.name == wanted:
            return layer
    raise unknown("layer", wanted, [layer.name for layer in row])


def check_entries(config: object, entries: Any) -> list[Mapping[str, object]]:
    """Return the descriptions of layers that a configuration has."""
    if not isinstance(entries, list | tuple):
        raise ValueError(f"config: expected a list of 'layers', found {_checks.found(config)}")
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise ValueError(f"config: expected dicts as 'layers', found {_checks.found(entry)}")
    return list(entries)


def walk(
    network: "Layered", shape: tuple[int, ...], dtype: str
) -> "Iterator[tuple[Layer, _core.Plan, Shape]]":
    """Walk the layers with the plan of each by itself and the shape that it is given."""
    wiring = network._wiring
    shapes = [shape] if wiring is None else wiring.shapes
    own: dict[int, tuple[_core.Plan, Shape]] = {}
    for place, reads in network.calls:
        layer = network._layers[place]
        of_inputs = tuple(shapes[number] for number in reads)
        given = layer.shape_of_inputs(of_inputs)
        plan = layer.plan_for(given, dtype)
        if place not in own:
            own[place] = plan, given
            yield layer, plan, given
        elif given != own[place][1] and _arrays(plan) != _arrays(own[place][0]):
            raise ShapeError(
                f"layer {layer.name!r}: expected samples of one shape in all of its calls, as its "
                f"arrays fit one, found {own[place][1]} and {given}"
            )
        shapes = [*shapes, plan.output_shapes[-1]]


def plan_of_call(
    network: "Layered", place: int, given: Sequence[Array]
) -> tuple[_core.Plan, Array]:
    """Return the plan of one call of a layer by itself, and what it takes for what is given."""
    from fanin.layers._merging import side_by_side

    layer, shapes = network._layers[place], tuple(array.shape[1:] for array in given)
    plan = layer.plan_for(layer.shape_of_inputs(shapes), network.dtype)
    return plan, np.ascontiguousarray(side_by_side(given))


def _arrays(plan: _core.Plan) -> list[tuple[str, tuple[int, ...]]]:
    return [(role, shape) for _, role, _, shape in (*plan.parameters, *plan.state)]


def seed_masks(network: "Layered", source: random.RandomSource) -> random.Stream | None:
    """Give each Dropout its own masks, before its plan is made; return where they come from.

    One that another network has too keeps those of that one.
    """
    masks = network._masks
    drawing = [layer for layer in network._layers if layer._draws()]
    for place, layer in enumerate(drawing):
        masks = as_stream(source) if masks is None else masks
        if layer.owner in (None, network):
            layer._draw(masks, f"dropout/{place}")
    return masks


def fill(
    network: Network,
    owner: "Layered",
    shape: tuple[int, ...],
    source: random.RandomSource,
) -> list[Part]:
    """Write the layers' values into the arrays of a network, initial ones where there are none.

    What is returned is for `Layer.tie`, once all went well: until then the layers are as before.
    """
    parts: list[Part] = []
    start, state_start, index = 0, 0, 0
    for layer, own, given in walk(owner, shape, network.dtype):
        stop, state_stop = start + own.parameter_count, state_start + own.state_count
        params, state = network.params[start:stop], network.state[state_start:state_stop]
        layer.fill(own, params, state, source, prefix=f"{index}/")
        parts.append((layer, given, own, params, state))
        start, state_start = stop, state_stop
        index += own.parameter_count > 0
    assert (start, state_start) == (network.params.size, network.state.size)
    return parts


def refuse_several(layers: Sequence[Layer]) -> None:
    """Refuse layers in a row that return several outputs: the next one takes one."""
    for layer in layers:
        if layer._returns_several:
            raise ValueError(
                f"layers: expected layers of one output in a row, found {layer.name!r}, whose call "
                "returns several; call it on values, and make a fanin.Model of what you need"
            )
