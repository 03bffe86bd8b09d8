"""What objects of users' classes hold that their configuration does not say, for files and clones.

`get_config` of a user's class returns the arguments of its constructor. Options of layers within
may be others by then: frozen, renamed. So an equal object is made of the configuration, and what
differs is written down, by where the layers are. What cannot be written down is refused.
"""

import copy
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from fanin import _checks
from fanin._members import _custom, _signatures, ours
from fanin._members._registry import own_arguments
from fanin.layers import _keywords
from fanin.layers._base import Layer
from fanin.layers._dropout import DRAWING
from fanin.layers._module import Module
from fanin.layers._users import members_of

Told: TypeAlias = dict[str, dict[str, Any]]
"""Options that differ from those of a new object, by where the layer is and by name."""

_MASKS = ("seed", "path")
"""Settings of layers that draw numbers: a network says them."""

_SEEDED = ("draw", *DRAWING)
"""Kinds of these."""


def within(owner: Any) -> Iterator[tuple[str, Module]]:
    """Walk all layers and models that an object of a user's class has, those of its layers too."""
    seen = {id(owner)}

    def walk(path: str, module: Any) -> Iterator[tuple[str, Module]]:
        if getattr(module, "_traced", False):
            parts = [*members_of(module)]
        elif isinstance(module, Layer):
            return
        else:
            parts = [(str(place), layer) for place, layer in enumerate(module._layers)]
        for name, part in parts:
            if id(part) not in seen:
                seen.add(id(part))
                yield f"{path}{name}", part
                yield from walk(f"{path}{name}/", part)

    return walk("", owner)


def written(owner: Any, twin: Any) -> Told:
    """Return what makes `twin`, which was made of its configuration, compute what `owner` does.

    Both are traced for the same inputs, or neither; `twin` is changed.

    Raises
    ------
    ValueError
        If the configuration does not say all that is computed.
    """
    told: Told = {}
    others = dict(within(twin))
    for path, part in within(owner):
        mine, other = _options_of(part), others.get(path)
        theirs = {} if other is None else _options_of(other)
        changed = {
            name: json.loads(text) for name, text in mine.items() if theirs.get(name) != text
        }
        if changed and type(other) is type(part):
            told[path] = changed
    try:
        tell(twin, told)
        difference = _difference(_settings_of(owner), _settings_of(twin))
    except (TypeError, ValueError) as error:
        raise unlike(owner, str(error)) from error
    if difference is not None:
        raise unlike(owner, difference)
    return told


def tell(owner: Any, told: Mapping[str, Mapping[str, Any]]) -> Told:
    """Set options of layers within; return those of layers that are not there yet."""
    parts = dict(within(owner))
    left: Told = {}
    for path, options in told.items():
        part = parts.get(path)
        if part is None:
            left[path] = dict(options)
            continue
        known = _options_of(part)
        for name, value in options.items():
            if name not in known:
                raise ValueError(
                    f"parts: expected options of {path!r}, {', '.join(known)}, found {name!r}"
                )
            if json.loads(known[name]) != value:
                setattr(part, name, value)
    return left


def tell_layer(layer: Any, given: object) -> None:
    """Set options of layers within a new layer; of those that `build` makes once it did."""
    if not getattr(layer, "_traced", False):
        raise ValueError(
            f"parts: expected nothing for layer {layer.name!r}, which has none, found "
            f"{_checks.found(given)}"
        )
    layer._to_tell = tell(layer, parse(given)) or None


def tell_rest(owner: Any, told: Told) -> None:
    """Set options of layers within, all of which are there."""
    for path in tell(owner, told):
        raise ValueError(f"parts: expected layers that {owner.name!r} has, found {path!r}")


def parse(given: object) -> Told:
    """Return what a file says of layers within, if it may be that."""
    if not isinstance(given, Mapping) or not all(isinstance(v, Mapping) for v in given.values()):
        raise ValueError(f"parts: expected options by the place of a layer, found {given!r:.80}")
    return {str(path): dict(options) for path, options in given.items()}


def again(owner: Any, config: Mapping[str, Any]) -> Any:
    """Make an object of a configuration that `get_config` of `owner` returned; undo its names."""
    with classes_of(owner), names_as_before():
        try:
            return type(owner).from_config(_as_in_file(config))
        except Exception as error:
            raise ValueError(
                f"get_config of {type(owner).__name__}: expected arguments from which it can be "
                f"made again, found that this raises {type(error).__name__}: {error}"
            ) from error


@contextmanager
def names_as_before() -> Iterator[None]:
    """Count automatic names after a block as if nothing was made in it."""
    counted = {key: copy.copy(value) for key, value in _keywords._counters.items()}
    try:
        yield
    finally:
        _keywords._counters.clear()
        _keywords._counters.update(counted)


@contextmanager
def classes_of(owner: Any) -> Iterator[None]:
    """Let the classes of users' that an object is made of be found by name."""
    parts = [owner, *(part for _, part in within(owner))]
    found = {type(part).__name__: type(part) for part in parts if not ours(type(part))}
    functions = {getattr(each, "__name__", ""): each for each in _functions(parts)}
    with functions_of(parts), _custom.custom_object_scope({**functions, **found}):
        yield


@contextmanager
def functions_of(layers: Iterable[Any]) -> Iterator[None]:
    """Let the functions of layers be found again, those too that no file could name."""
    found = {f"<function {place}>": each for place, each in enumerate(_functions(layers))}
    with _custom.custom_object_scope(found):
        yield


def _functions(layers: Iterable[Any]) -> list[Any]:
    """Return the functions that layers are made of: see `Lambda`."""
    return [each for layer in layers for each in getattr(layer, "_functions", list)()]


def check_arguments(cls: type, config: Mapping[str, Any]) -> None:
    """Refuse a configuration that lacks arguments, or has objects that two would share."""
    taken = _signatures.of(cls).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    needed = [p.name for p in taken if p.default is p.empty and p.kind in named]
    missing = [name for name in needed if name not in config]
    if missing:
        raise ValueError(
            f"get_config of {cls.__name__}: expected all arguments of its constructor, found none "
            f"for {', '.join(map(repr, missing))}"
        )
    for name, value in config.items():
        parts = value.values() if isinstance(value, Mapping) else _checks.several(value) or [value]
        for part in parts:
            if isinstance(part, Module):
                raise ValueError(
                    f"get_config of {cls.__name__}: expected what a file can hold, found the layer "
                    f"{part.name!r} as {name!r}; return fanin.layers.serialize(layer), and let the "
                    "constructor or from_config deserialize it"
                )


def described(layer: Layer, entry: dict[str, Any]) -> dict[str, Any]:
    """Return what a registry wrote of a layer of a user's class, and its parts as they are."""
    config = entry["config"]
    check_arguments(type(layer), config)
    twin = again(layer, config)
    if layer._body is not None:
        from fanin.layers import _bodies

        with classes_of(layer), names_as_before():
            twin._form = layer._form
            try:
                _bodies.body_of(twin, layer._body.shape)
            except (TypeError, ValueError) as error:
                raise unlike(layer, str(error)) from error
    told = written(layer, twin)
    return {**entry, "parts": told} if told else entry


def unlike(owner: Any, difference: str) -> ValueError:
    """Build the error for a configuration that makes another object."""
    return ValueError(
        f"get_config of {type(owner).__name__}: expected what makes an object that computes what "
        f"{owner.name!r} does, found that another one is made: {difference}; let it return all "
        "arguments of the constructor, as they are now"
    )


# What is compared.


def _options_of(part: Any) -> dict[str, str]:
    """Return the options of a layer or model, as texts: of those that a file can hold."""
    values: dict[str, Any] = {"name": part.name}
    if isinstance(part, Layer):
        values["trainable"] = part.trainable
        for name in own_arguments(type(part)):
            if name in part._fixed and name != "seed":
                continue  # nothing but the constructor sets them
            try:
                values[name] = part._config_value(name)
            except (TypeError, ValueError):
                continue  # of a class or a generator that cannot be written down
    texts = {name: _text(value) for name, value in values.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _as_in_file(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as it comes from a file: with lists for tuples, say."""
    texts = {name: _text(value) for name, value in config.items()}
    return {
        name: config[name] if text is None else json.loads(text) for name, text in texts.items()
    }


def _text(value: Any) -> str | None:
    """Return a value as a file has it; None if it cannot hold it."""
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        return None


def _settings_of(owner: Any) -> Any:
    return owner._settings() if isinstance(owner, Layer) else owner._settings_of_layers()


def _difference(mine: Any, theirs: Any, where: str = "", name: str = "settings") -> str | None:
    """Say where settings for the core differ; None if they do not."""
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        where = f"{where}{mine.get('part', '')}"
        # Names of what stands between layers count on; masks are those of a network.
        left_out = ("part", *(_MASKS if mine.get("kind") in _SEEDED else ()))
        for key in [*mine, *(key for key in theirs if key not in mine)]:
            if key not in left_out:
                found = _difference(mine.get(key), theirs.get(key), where, key)
                if found is not None:
                    return found
        return None
    if isinstance(mine, list | tuple) and isinstance(theirs, list | tuple):
        if len(mine) == len(theirs):
            pairs = zip(mine, theirs, strict=True)
            return next((d for m, t in pairs if (d := _difference(m, t, where, name))), None)
    elif type(mine) is type(theirs) and mine == theirs:
        return None
    of = f" of {where.rstrip('/')!r}" if where else ""
    return f"{name}{of} is {_checks.found(theirs)} instead of {_checks.found(mine)}"
