"""The layers inside a Keras model: their names, and how code reaches them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import keras

from fanin.frameworks.keras._kinds import KINDS

_AS_ONE = (keras.layers.RNN, keras.layers.TimeDistributed)
"""Layers that run what is in them step by step: nothing of it is seen but the whole."""


class Place(NamedTuple):
    """A layer of a model."""

    name: str
    """Names of the layers on the way to it, joined by dots; empty for the model itself."""
    layer: Any
    code: str
    """What reaches it from ``model``."""


def every(model: Any) -> Iterator[Place]:
    """Go through a layer and those inside it, in the order in which Keras lists them.

    What is shared comes once, where it comes first.
    """
    yield from _walk(Place("", model, "model"), set(), whole=True)


def leaves(model: Any) -> list[Place]:
    """Return the layers that compute, without those that only call layers inside them.

    A layer that is known, and one that runs what it holds step by step, counts as a whole.
    """
    found = _walk(Place("", model, "model"), set(), whole=False)
    return [place for place in found if _computes(place.layer)]


def step_of(layer: Any) -> Any:
    """Return the layer that TimeDistributed runs at each step; another layer itself."""
    while isinstance(layer, keras.layers.TimeDistributed):
        layer = layer.layer
    return layer


def _computes(layer: Any) -> bool:
    return _is_one(layer) and not isinstance(layer, keras.layers.InputLayer)


def _is_one(layer: Any) -> bool:
    if isinstance(layer, keras.Model):
        return False
    return isinstance(layer, _AS_ONE) or KINDS.of(layer) != "other" or not _inside(layer)


def _inside(layer: Any) -> list[Any]:
    return list(layer.layers if isinstance(layer, keras.Model) else layer._layers)


def _walk(place: Place, seen: set[int], whole: bool) -> Iterator[Place]:
    name, layer, _ = place
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield place
    if _is_one(layer) and not whole:
        return
    parts = _inside(layer)
    names = Counter(part.name for part in parts)
    for part in parts:
        inner = f"{name}.{part.name}" if name else part.name
        named = isinstance(layer, keras.Model) and names[part.name] == 1
        yield from _walk(Place(inner, part, _code(place, part, named)), seen, whole)


def _code(parent: Place, part: Any, named: bool) -> str:
    """Return how code reaches a layer inside one: by its name, or by the attribute that it is."""
    if named:
        return f'{parent.code}.get_layer("{part.name}")'
    held = vars(parent.layer)
    # On the backend torch, layers inside are where torch keeps its modules.
    attributes = {**held.get("_modules", {}), **held}
    for name, value in attributes.items():
        way = None if name in _KEPT_BY_KERAS else _way(value, part)
        if way is not None:
            return f"{parent.code}.{name}{way}"
    return f'{parent.code}.get_layer("{part.name}")'


_KEPT_BY_KERAS = ("_layers", "_modules", "_tracker")
"""Attributes that hold all layers inside, whatever they are to the one around them."""


def _way(value: Any, part: Any) -> str | None:
    """Return the indices that lead to a layer in nested lists and dicts; None if none do."""
    if value is part:
        return ""
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, inner in items:
        way = _way(inner, part)
        if way is not None:
            return f"[{key!r}]{way}"
    return None
