"""Which layer reads what: from values back to the layers that make them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers import InputLayer, Layer
from fanin.layers._merging import side_by_side
from fanin.layers._options import check_name
from fanin.layers._value import Value, call
from fanin.models._ends import Ends

Call: TypeAlias = tuple[int, tuple[int, ...]]
"""The place of a layer, and the values that it reads: inputs come first, then what calls make."""


@dataclass(eq=False, repr=False)
class Wiring:
    """The inputs of a network, the calls of its layers, and how inputs are given."""

    inputs: list[InputLayer]
    calls: list[Call]
    """In an order in which they can run."""
    order: list[int]
    """How inputs and layers, counted in this order, are listed together."""
    form: str
    """How several inputs are given: "list", or "dict", by name."""
    outputs: list[int]
    """The values that are outputs: inputs come first, then what calls make."""
    ends: Ends
    """What they are called, and how they are returned."""

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
        """Return what is given for each input: in order, or by name in a dict or frame."""
        names = [layer.name for layer in self.inputs]
        if len(names) > 1 and hasattr(x, "columns") and hasattr(x, "__getitem__"):
            x = {column: x[column] for column in x.columns}  # a data frame
        if isinstance(x, Mapping):
            # Others may be there too, as in Keras: a table has more columns than a model needs.
            if not set(names) <= set(x):
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

    def config(self, row: Sequence[Layer]) -> dict[str, Any]:
        """Return what `values_of` takes, in types that files can hold."""
        calls = [[place, [*reads]] for place, reads in self.calls]
        config: dict[str, Any] = {"calls": calls, "order": [*self.order], "form": self.form}
        if made := [place for place, layer in enumerate(row) if layer._of_ops]:
            config["operations"] = made
        if self.ends.form != "one":  # which what the last call makes is
            config |= {"outputs": [*self.outputs], "output_form": self.ends.form}
        if self.ends.form == "dict":
            config["output_keys"] = [*self.ends.names]
        return config

    def names_of_outputs(self, layers: Sequence[Layer]) -> list[str]:
        """Return the names of the layers, or inputs, that make the outputs."""
        begins = len(self.inputs)
        return [
            self.inputs[number].name
            if number < begins
            else layers[self.calls[number - begins][0]].name
            for number in self.outputs
        ]


def values_of(
    config: Mapping[str, Any], inputs: Sequence[Any], row: Sequence[Any]
) -> tuple[Any, Any]:
    """Call layers as a configuration says; return inputs and outputs in their forms."""
    for name, members, kind in (("inputs", inputs, InputLayer), ("layers", row, Layer)):
        for member in members:
            if not isinstance(member, kind):
                found = _checks.found(member)
                raise ValueError(f"{name}: expected {kind.__name__} objects, found {found}")
    values = [layer.output for layer in inputs]
    modes = _modes_in(config, row)
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
        values[-1].mode = modes.get(place)
    for made in _checks.several(config.get("operations", ())) or ():
        row[_checks.integer("operations", made, minimum=0, maximum=len(row) - 1)]._of_ops = True
    begin: Any = values[: len(inputs)]
    if _checks.one_of("form", config.get("form"), ("list", "dict")) == "dict":
        begin = {value.name: value for value in begin}
    ends, made = _ends_of(config, values), values[len(inputs) :]
    return begin, InOrder(ends, made, _order_of(config, len(inputs) + len(row)))


def _modes_in(config: Mapping[str, Any], row: Sequence[Layer]) -> dict[int, bool]:
    """Return the layers that a configuration says run in one mode, by their places."""
    modes = {}
    for entry in _checks.several(config.get("modes", ())) or ():
        pair = _checks.several(entry)
        if pair is None or len(pair) != 2:
            found = _checks.found(entry)
            raise ValueError(f"modes: expected pairs of a layer and a flag, found {found}")
        place = _checks.integer("modes", pair[0], minimum=0, maximum=len(row) - 1)
        mode = row[place]._mode_for(_checks.flag("modes", pair[1]))
        if mode is not None:
            modes[place] = mode
    return modes


@dataclass(eq=False, repr=False)
class InOrder:
    """Outputs, and the calls that make them in the order that they are to have.

    A network that shares layers may have its arrays in another order than their depths give, and
    one that was made of others lists the layers of each as one.
    """

    outputs: Any
    calls: list[Value]
    order: list[int]
    """That in which inputs and layers are listed."""


def _order_of(config: Mapping[str, Any], count: int) -> list[int]:
    """Return the order in which a configuration lists inputs and layers."""
    given = _checks.several(config.get("order")) or []
    order = [_checks.integer("order", n, minimum=0, maximum=count - 1) for n in given]
    if sorted(order) != list(range(count)):
        raise ValueError(f"order: expected each number below {count} once, found {order}")
    return order


def _ends_of(config: Mapping[str, Any], values: Sequence[Value]) -> Any:
    """Return the outputs that a configuration names in their form; else what comes last."""
    if config.get("outputs") is None:
        return values[-1]
    numbers = _checks.several(config["outputs"])
    form = _checks.one_of("output_form", config.get("output_form"), ("list", "tuple", "dict"))
    if not numbers:
        raise ValueError("outputs: expected numbers of values, found none")
    last = len(values) - 1
    ends = [values[_checks.integer("outputs", n, minimum=0, maximum=last)] for n in numbers]
    if form != "dict":
        return tuple(ends) if form == "tuple" else ends
    keys = _checks.several(config.get("output_keys"))
    if keys is None or len(keys) != len(ends):
        found = _checks.found(config.get("output_keys"))
        raise ValueError(f"output_keys: expected {len(ends)} names, found {found}")
    return dict(zip(keys, ends, strict=True))


def modes_of(called: Sequence[Value], layers: Sequence[Layer]) -> dict[int, bool]:
    """Return the layers that run in one mode for good, by their places, as their calls say."""
    places = {id(layer): place for place, layer in enumerate(layers)}
    modes: dict[int, bool | None] = {}
    for value in called:
        if modes.setdefault(places[id(value.layer)], value.mode) != value.mode:
            raise ValueError(
                f"training: expected one for all calls of layer {value.name!r} in a network, "
                "found several"
            )
    return {place: mode for place, mode in modes.items() if mode is not None}


def trace(inputs: Any, outputs: Any) -> tuple[Wiring, list[Layer], list[Value]]:
    """Find the layers that lead from inputs to outputs.

    Parameters
    ----------
    inputs : Value, or list or dict of them
        The inputs; values that layers make begin a network too.
    outputs : Value, or list, tuple or dict of them, or InOrder
        The outputs.

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
        If an input does not lead to an output, an output depends on an input that is not given,
        an input is given twice, or two layers have one name.
    """
    told = outputs if isinstance(outputs, InOrder) else InOrder(outputs, [], [])
    ordered, outputs = told.calls, told.outputs
    begins, form = _several("inputs", inputs)
    ends, end_names, end_form = _outputs(outputs)
    numbers = {id(value): number for number, value in enumerate(begins)}
    if len(numbers) != len(begins):
        raise ValueError("inputs: expected each value once, found one twice")
    made = made_before(ends, numbers)
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
                f"inputs: expected inputs that lead to an output, found {value.name!r}, which "
                "does not"
            )
    if all(id(end) in numbers for end in ends):
        raise ValueError("outputs: expected what a layer makes, found an input")
    # A model within is listed as one.
    who = {
        id(value): id(value.layer if value.within is None else value.within)
        for value in made
        if id(value) not in numbers
    }
    depths, firsts = _depths(made, ends, numbers, who)
    of_layer: dict[int, int] = {}
    for value in made:
        if id(value) not in numbers:
            key = who[id(value)]
            of_layer[key] = max(of_layer.get(key, 0), depths[id(value)])
    # What a value is made of stands together before it, and so do the layers of a model within.
    called = [value for value in made if id(value) not in numbers]
    if ordered:
        called = [value for value in ordered if id(value) in depths]
    called = _together(called, numbers)
    layers = _once(value.layer for value in called)
    for place, layer in enumerate(layers):
        check_name(layer.name, layers[:place])
    entries = [
        value.layer if isinstance(value.layer, InputLayer) else InputLayer(value.sample)
        for value in begins
    ]
    with _named(entries, _names(inputs)):
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
    order = told.order or sorted(range(len(keys)), key=keys.__getitem__)
    wiring = Wiring(entries, calls, order, form, [numbers[id(end)] for end in ends], Ends([]))
    wiring.ends = Ends(end_names or wiring.names_of_outputs(layers), end_form)
    return wiring, layers, [*begins, *called]


def _outputs(given: Any) -> tuple[list[Value], list[str], str]:
    """Return the outputs in a list, the keys of a dict, and their form.

    Those of a dict are in the order of their keys, as Keras has them; a list of one is that one.
    """
    if isinstance(given, Mapping):
        for key in given:
            _checks.text("a key of outputs", key)
        keys = sorted(given)
        return _values("outputs", [given[key] for key in keys], given), keys, "dict"
    values = _values("outputs", given, given)
    if len(values) == 1:
        return values, [], "one"
    return values, [], "tuple" if isinstance(given, tuple) else "list"


def _several(name: str, given: Any) -> tuple[list[Value], str]:
    """Return values in a list, and how they were given."""
    form = "list"
    if isinstance(given, Mapping):
        form, parts = "dict", [*given.items()]
        for key, value in parts:
            if isinstance(value, Value) and key != value.name and not _has_no_name(value):
                raise ValueError(
                    f"{name}: expected values by their names, found {value.name!r} as {key!r}"
                )
        given = [value for _, value in parts]
    return _values(name, given, given), form


def _has_no_name(value: Value) -> bool:
    return isinstance(value.layer, InputLayer) and value.layer._numbered


def _names(inputs: Any) -> dict[int, str]:
    """Return the names that a dict gives to inputs that have none, by `id` of their layers."""
    if not isinstance(inputs, Mapping):
        return {}
    values = [(key, value) for key, value in inputs.items() if _has_no_name(value)]
    return {id(value.layer): _checks.text("inputs", key) for key, value in values}


@contextmanager
def _named(entries: Sequence[InputLayer], names: Mapping[int, str]) -> Iterator[None]:
    """Give inputs the names that they are to have; they have those before if it fails."""
    before = [(entry, entry.name) for entry in entries]
    try:
        for entry in entries:
            entry.name = names.get(id(entry), entry.name)
        yield
    except BaseException:
        for entry, name in before:
            entry.name = name
        raise
    for entry in entries:
        entry._numbered = False


def _values(name: str, given: Any, shown: Any) -> list[Value]:
    """Return values in a list; `shown` is what was given, for a message."""
    values = [given] if isinstance(given, Value) else _checks.several(given)
    if not values:
        raise TypeError(
            f"{name}: expected a value, such as Input makes, or several, found "
            f"{_checks.found(shown)}"
        )
    for place, value in enumerate(values):
        if not isinstance(value, Value):
            where = name if values == [given] else f"{name}[{place}]"
            raise TypeError(
                f"{where}: expected a value, such as Input and called layers make, found "
                f"{_checks.found(value)}"
            )
    return values


def made_before(ends: Sequence[Value], stops: Mapping[int, int]) -> list[Value]:
    """Return what values are made of, and themselves, each behind what it is made of."""
    found: list[Value] = []
    seen: set[int] = set()
    # Values, and whether what they are made of was found: no recursion, as networks may be deep.
    todo = [(end, False) for end in reversed(ends)]
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


def _together(called: list[Value], stops: Mapping[int, int]) -> list[Value]:
    """Return calls, in an order in which they can run, so that arrays of networks stay in a row.

    Layers of a network that is there, such as one of several outputs, are called one after the
    other as they are there, where they would be parted or in another order.
    """
    from fanin.models import _sharing

    for home in _sharing.homes_of(_once(value.layer for value in called)):
        layers = _once(value.layer for value in called)
        if _sharing.fits(home, layers):
            continue
        places = {id(layer): place for place, layer in enumerate(home.layers)}
        firsts: dict[int, Value] = {}
        for value in called:
            if id(value.layer) in places:
                firsts.setdefault(id(value.layer), value)
        block = sorted(firsts.values(), key=lambda value: places[id(value.layer)])
        if not block:
            continue  # parts of layers of users' classes
        inside = {id(value) for value in block}
        start = next(place for place, value in enumerate(called) if id(value) in inside)
        done = dict.fromkeys([*stops, *map(id, called[:start])], 0)
        behind = []
        # What they are made of, themselves, and what there is besides: each behind what it reads.
        reads = [read for value in block for read in value.reads if id(read) not in inside]
        for value in (*made_before(reads, done), *made_before(block, done), *called[start:]):
            if id(value) not in done:
                done[id(value)] = 0
                behind.append(value)
        ordered = [*called[:start], *behind]
        if _sharing.fits(home, _once(value.layer for value in ordered)):
            called = ordered
    return called


def _depths(
    made: Sequence[Value], ends: Sequence[Value], stops: Mapping[int, int], who: Mapping[int, int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Return how far each value is from the outputs; and when what makes it is met from there."""
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
    todo = [*reversed(ends)]
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
