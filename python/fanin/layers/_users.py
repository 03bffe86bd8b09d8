"""What classes of users' say: their `call`, how it is given inputs, the layers that they have."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fanin import _core
from fanin.layers import _tracing
from fanin.layers._base import Layer, Shape
from fanin.layers._merging import Merge
from fanin.layers._module import Module
from fanin.layers._value import Value


class Given:
    """What makes the inputs of a layer."""

    name = "inputs"


class Itself:
    """A layer of ours whose `call` is overridden, as what it computes without that."""

    def __init__(self, layer: Layer) -> None:
        self.layer, self.name, self._by_mode = layer, layer.name, layer._by_mode

    def holds(self) -> bool:
        """Whether it has arrays."""
        return any(name.endswith("_initializer") for name in self.layer._options)

    def plan(self, shape: Shape, dtype: str) -> _core.Plan:
        """Return the plan of the layer as ours."""
        self.layer.check_input(shape)
        shapes = [*shape] if are_several(shape) else [shape]
        calls = [(0, tuple(range(len(shapes))))]
        return _core.Plan(shapes, [self.layer.settings()], dtype, calls)


class Select(Merge):
    """One value in training, another one in inference."""

    kind = "select"
    _least = _most = 2


def call_of(thing: Any, x: Any, training: bool) -> Any:
    """Run `call` of a user's layer or model."""
    return thing.call(x, training=training) if _takes_training(thing) else thing.call(x)


def _takes_training(thing: Any) -> bool:
    parameters = inspect.signature(thing.call).parameters.values()
    return any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)


def form_of(x: Any, are_many: Callable[[Any], bool]) -> Any:
    """Return how inputs are given: "one", "list", or their names."""
    if isinstance(x, Mapping):
        return tuple(x)
    return "list" if are_many(x) else "one"


def formed(form: Any, parts: Sequence[Any]) -> Any:
    """Return inputs in a form."""
    if form == "one":
        return parts[0]
    return list(parts) if form == "list" else dict(zip(form, parts, strict=True))


def ends_of(made: Any) -> tuple[list[Any], Any]:
    """Return what `call` returned in a list, and its form: "one", "list", "tuple", or names."""
    if isinstance(made, Mapping):
        names = sorted(made, key=str)
        return [made[name] for name in names], tuple(names)
    if isinstance(made, list | tuple):
        return [*made], "tuple" if isinstance(made, tuple) else "list"
    return [made], "one"


def as_given(layer: Layer, parts: Sequence[Any]) -> Any:
    """Return what a layer of a network reads in the form in which it takes that."""
    if layer._traced and layer._form is not None:
        return formed(layer._form, parts)
    return parts if len(parts) > 1 or isinstance(layer, Merge) else parts[0]


def note_form(layer: Layer, form: Any) -> None:
    """Remember how a layer is given its inputs, which is the same in all its calls."""
    if layer._body is None:
        layer._form = form
    elif layer._form != form:
        words = {"one": "one value", "list": "a list of values"}
        raise ValueError(
            f"inputs: expected {words.get(layer._form, f'a dict of {layer._form}')} for layer "
            f"{layer.name!r}, as in its first call, found {words.get(form, f'a dict of {form}')}"
        )


def members_of(owner: Any) -> Iterator[tuple[str, Module]]:
    """Walk the layers and models that an object has: attributes, and what lists and dicts hold."""
    seen: set[int] = set()

    def within(path: str, value: Any) -> Iterator[tuple[str, Module]]:
        if isinstance(value, Module):
            if id(value) not in seen and value is not owner:
                seen.add(id(value))
                yield path, value
        elif isinstance(value, list | tuple):
            for place, part in enumerate(value):
                yield from within(f"{path}/{place}", part)
        elif isinstance(value, dict):
            for key, part in value.items():
                yield from within(f"{path}/{key}", part)
        elif isinstance(value, set | frozenset):
            modules = [part for part in value if isinstance(part, Module)]
            for part in sorted(modules, key=lambda module: module.name):
                yield from within(f"{path}/{part.name}", part)

    for name, value in vars(owner).items():
        if name not in _tracing._INTERNAL:
            yield from within(name.lstrip("_") or name, value)


def layers_of(owner: Any) -> Iterator[tuple[str, Layer]]:
    """Walk the layers that an object has, with those of its models."""
    for path, module in members_of(owner):
        if isinstance(module, Layer):
            yield path, module
        elif getattr(module, "_traced", False):
            for inner, layer in layers_of(module):
                yield f"{path}/{inner}", layer
        else:
            for place, layer in enumerate(module._holders()):
                yield f"{path}/{place}", layer


def models_of(owner: Any) -> list[Any]:
    """Return the models of users' classes whose `call` runs as part of that of `owner`."""
    found = []
    for _, module in members_of(owner):
        if not isinstance(module, Layer) and getattr(module, "_traced", False):
            found += [module, *models_of(module)]
    return found


def made_before(*ends: Value) -> list[Value]:
    """Return what values are made of, and themselves, each behind what it is made of."""
    found: list[Value] = []
    seen: set[int] = set()
    todo = [(end, False) for end in reversed(ends)]
    while todo:
        value, whole = todo.pop()
        if whole:
            found.append(value)
        elif id(value) not in seen:
            seen.add(id(value))
            todo.append((value, True))
            todo.extend((read, False) for read in reversed(value.reads))
    return found


def are_several(shape: Shape) -> bool:
    return bool(shape) and isinstance(shape[0], tuple)
