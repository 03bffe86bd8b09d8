"""Which layer reads what: from values back to the layers that make them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers import InputLayer, Layer
from fanin.layers._merging import side_by_side
from fanin.layers._options import check_name
from fanin.layers._value import Value, call

Call: TypeAlias = tuple[int, tuple[int, ...]]
"""The place of a layer, and the values that it reads: inputs come first, then what calls make."""


@dataclass(eq=False, repr=False)
class Wiring:
    """The inputs of a network, the calls of its layers, and how inputs are given."""

    inputs: list[InputLayer]
    calls: list[Call]
    """In an order in which they can run; the last one makes the output."""
    order: list[int]
    """How inputs and layers, counted in this order, are listed together."""
    form: str
    """How several inputs are given: "list", or "dict", by name."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a sample: of several inputs their numbers are side by side."""
        shapes = self.shapes
        return shapes[0] if len(shapes) == 1 else (sum(map(math.prod, shapes)),)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the inputs."""
        return [layer.shape for layer in self.inputs]

    def given(self, name: str, x: Any) -> list[Any]:
        """Return what is given for each input: a list has them in order, a dict by name."""
        names = [layer.name for layer in self.inputs]
        if isinstance(x, Mapping):
            if set(x) != set(names):
                found = ", ".join(map(str, x)) or "none"
                raise ValueError(f"{name}: expected the inputs {', '.join(names)}, found {found}")
            return [x[key] for key in names]
        if len(names) == 1:
            # A list of one array is that; a list of samples is an array to be.
            alone = isinstance(x, list | tuple) and len(x) == 1 and hasattr(x[0], "shape")
            return [x[0] if alone else x]
        parts = [*x] if isinstance(x, list | tuple) else None
        if parts is None or len(parts) != len(names):
            many = _checks.found(x) if parts is None else f"{len(parts)}"
            raise ValueError(
                f"{name}: expected a list of {len(names)} inputs ({', '.join(names)}), found {many}"
            )
        return parts

    def config(self) -> dict[str, Any]:
        """Return what `values_of` takes, in types that files can hold."""
        calls = [[place, [*reads]] for place, reads in self.calls]
        return {"calls": calls, "form": self.form}


def values_of(
    config: Mapping[str, Any], inputs: Sequence[Any], row: Sequence[Any]
) -> tuple[Any, Value]:
    """Call layers as a configuration says; return the inputs in their form, and the output."""
    for name, members, kind in (("inputs", inputs, InputLayer), ("layers", row, Layer)):
        for member in members:
            if not isinstance(member, kind):
                found = _checks.found(member)
                raise ValueError(f"{name}: expected {kind.__name__} objects, found {found}")
    values = [layer.output for layer in inputs]
    calls = _checks.several(config.get("calls"))
    if not calls or not inputs:
        raise ValueError("calls: expected inputs and calls of layers, found none")
    for entry in calls:
        pair = _checks.several(entry)
        reads = None if pair is None or len(pair) != 2 else _checks.several(pair[1])
        if pair is None or not reads:
            found = _checks.found(entry)
            raise ValueError(f"calls: expected pairs of a layer and what it reads, found {found}")
        place = _checks.integer("calls", pair[0], minimum=0, maximum=len(row) - 1)
        numbers = [
            _checks.integer("calls", number, minimum=0, maximum=len(values) - 1) for number in reads
        ]
        values.append(call(row[place], [values[number] for number in numbers]))
    begin: Any = values[: len(inputs)]
    if _checks.one_of("form", config.get("form"), ("list", "dict")) == "dict":
        begin = {value.name: value for value in begin}
    return begin, values[-1]


def trace(inputs: Any, outputs: Any) -> tuple[Wiring, list[Layer], list[Value]]:
    """Find the layers that lead from inputs to an output.

    Parameters
    ----------
    inputs : Value, or list or dict of them
        The inputs; values that layers make begin a network too.
    outputs : Value, or list of one
        The output.

    Returns
    -------
    Wiring
        What reads what.
    list of Layer
        The layers, in the order of their first calls.
    list of Value
        The inputs, and what each call makes.

    Raises
    ------
    TypeError
        If something is no value.
    ValueError
        If an input does not lead to the output, the output depends on an input that is not given,
        a value is given twice, or two layers have one name.
    """
    begins, form = _several("inputs", inputs)
    ends, _ = _several("outputs", outputs)
    if len(ends) != 1:
        raise ValueError(
            f"outputs: expected one output, as networks of several are not implemented, found "
            f"{len(ends)}"
        )
    (end,) = ends
    numbers = {id(value): number for number, value in enumerate(begins)}
    if len(numbers) != len(begins):
        raise ValueError("inputs: expected each value once, found one twice")
    made = _made_before(end, numbers)
    for value in made:
        if not value.reads and id(value) not in numbers:
            raise ValueError(
                f"outputs: expected what the inputs lead to, found what depends on {value.name!r}, "
                "an input that is not among them"
            )
    reached = {id(value) for value in made}
    for value in begins:
        if id(value) not in reached:
            raise ValueError(
                f"inputs: expected inputs that lead to the output, found {value.name!r}, which "
                "does not"
            )
    if id(end) in numbers:
        raise ValueError("outputs: expected what a layer makes, found an input")
    # A model within is listed as one.
    who = {
        id(value): id(value.layer if value.within is None else value.within)
        for value in made
        if id(value) not in numbers
    }
    depths, firsts = _depths(made, end, numbers, who)
    of_layer: dict[int, int] = {}
    for value in made:
        if id(value) not in numbers:
            key = who[id(value)]
            of_layer[key] = max(of_layer.get(key, 0), depths[id(value)])
    # What a value is made of stands together before it, and so do the layers of a model within.
    called = [value for value in made if id(value) not in numbers]
    layers = _once(value.layer for value in called)
    for place, layer in enumerate(layers):
        check_name(layer.name, layers[:place])
    entries = [
        value.layer if isinstance(value.layer, InputLayer) else InputLayer(value.sample)
        for value in begins
    ]
    for place, entry in enumerate(entries):
        check_name(entry.name, [*layers, *entries[:place]])
    places = {id(layer): place for place, layer in enumerate(layers)}
    calls: list[Call] = []
    for value in called:
        calls.append((places[id(value.layer)], tuple(numbers[id(read)] for read in value.reads)))
        numbers[id(value)] = len(numbers)
    # Those of one depth as they are met on the way back from the output.
    keys = [(-depths[id(value)], firsts[id(value)]) for value in begins]
    units = {id(value.layer): who[id(value)] for value in called}
    keys += [(-of_layer[unit], firsts[unit]) for unit in (units[id(layer)] for layer in layers)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return Wiring(entries, calls, order, form), layers, [*begins, *called]


def _several(name: str, given: Any) -> tuple[list[Value], str]:
    """Return values in a list, and how they were given."""
    form = "list"
    if isinstance(given, Mapping):
        form, parts = "dict", [*given.items()]
        for key, value in parts:
            if isinstance(value, Value) and key != value.name:
                raise ValueError(
                    f"{name}: expected values by their names, found {value.name!r} as {key!r}"
                )
        given = [value for _, value in parts]
    values = [given] if isinstance(given, Value) else _checks.several(given)
    if not values:
        raise TypeError(
            f"{name}: expected a value, such as Input makes, or several, found "
            f"{_checks.found(given)}"
        )
    for place, value in enumerate(values):
        if not isinstance(value, Value):
            where = name if values == [given] else f"{name}[{place}]"
            raise TypeError(
                f"{where}: expected a value, such as Input and called layers make, found "
                f"{_checks.found(value)}"
            )
    return values, form


def _made_before(end: Value, stops: Mapping[int, int]) -> list[Value]:
    """Return what a value is made of, and itself, each behind what it is made of."""
    found: list[Value] = []
    seen: set[int] = set()
    # Values, and whether what they are made of was found: no recursion, as networks may be deep.
    todo = [(end, False)]
    while todo:
        value, whole = todo.pop()
        if whole:
            found.append(value)
        elif id(value) not in seen:
            seen.add(id(value))
            todo.append((value, True))
            if id(value) not in stops:
                todo.extend((read, False) for read in reversed(value.reads))
    return found


def _depths(
    made: Sequence[Value], end: Value, stops: Mapping[int, int], who: Mapping[int, int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Return how far each value is from the output; and when what makes it is met from there."""
    depths = dict.fromkeys(map(id, made), 0)
    of_layer: dict[int, int] = {}
    for value in reversed(made):
        mine = id(value)
        key = mine if mine in stops else who[mine]
        depths[mine] = of_layer[key] = max(depths[mine], of_layer.get(key, 0))
        if mine not in stops:
            for read in value.reads:
                within = value.within is not None and who.get(id(read)) == key
                depths[id(read)] = max(depths[id(read)], depths[mine] + (not within))
    firsts: dict[int, int] = {}
    seen: set[int] = set()
    todo = [end]
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        stop = id(value) in stops
        firsts.setdefault(id(value) if stop else who[id(value)], len(firsts))
        if not stop:
            todo.extend(reversed(value.reads))
    return depths, firsts


def _once(layers: Any) -> list[Layer]:
    found: dict[int, Layer] = {}
    for layer in layers:
        found.setdefault(id(layer), layer)
    return [*found.values()]


def joined(name: str, wiring: Wiring, x: Any, take: Any) -> Any:
    """Return the inputs as one array, a sample of which has the numbers of all of them.

    What is given for each is taken by ``take(name, x, shape)``.
    """
    parts = wiring.given(name, x)
    if len(parts) == 1:
        return take(name, parts[0], wiring.inputs[0].shape)
    arrays = []
    for layer, part in zip(wiring.inputs, parts, strict=True):
        if part is None:
            raise ValueError(f"{name}[{layer.name!r}] is missing: expected an array, found None")
        arrays.append(take(f"{name}[{layer.name!r}]", part, layer.shape))
    counts = {layer.name: len(a) for layer, a in zip(wiring.inputs, arrays, strict=True)}
    if len(set(counts.values())) > 1:
        raise ShapeError(f"{name}: expected as many samples of each input, found {counts}")
    return side_by_side(arrays)
