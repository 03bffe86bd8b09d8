"""Networks that share layers: arrays of which each has a part, and what lies where in them."""

import weakref
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from fanin import _core, random
from fanin._members._undo import as_before
from fanin.errors import NotReadyError
from fanin.layers import Layer
from fanin.layers._arrays import Array
from fanin.layers._network import Network, unwritten
from fanin.layers._traced import parts_of
from fanin.models import _building

if TYPE_CHECKING:
    from fanin.models._layered import Layered


class Home:
    """Arrays of which several networks have parts: those of layers, one after the other.

    A network has the part from its first layer to its last one. Where others are between them, or
    it has them in another order, its plan says where each lies.

    Parameters
    ----------
    params, state : ndarray
        All parameters, and all running averages.
    lock : Lock
        Who may touch them.
    layers : list of Layer
        Those whose arrays they are, in their order.
    networks : iterable of Layered
        Those that have parts of them; they are not kept alive.
    """

    def __init__(
        self,
        params: Array,
        state: Array,
        lock: _core.Lock,
        layers: list[Layer],
        networks: "Iterable[Layered]",
    ) -> None:
        self.params, self.state, self.lock, self.layers = params, state, lock, layers
        self._networks = tuple(map(weakref.ref, networks))

    @property
    def networks(self) -> "list[Layered]":
        """The networks that are still there."""
        return [network for known in self._networks if (network := known()) is not None]

    def join(self, network: "Layered") -> None:
        """Add a network, unless it is one of them."""
        self.leave(network)
        self._networks = (*self._networks, weakref.ref(network))

    def leave(self, network: "Layered") -> None:
        """Take a network away."""
        self._networks = tuple(weakref.ref(n) for n in self.networks if n is not network)


def shares(network: "Layered") -> bool:
    """Whether a network has layers whose arrays are those of other networks too."""
    return any(
        layer._home is not None or layer.owner not in (None, network)
        for layer in network.computing
        if layer.arrays
    )


def homes_of(layers: Iterable[Layer]) -> list[Home]:
    """Return the arrays that those of layers of networks are part of, each once."""
    found: dict[int, Home] = {}
    for layer in layers:
        home = _home_of(layer)
        if home is not None:
            found.setdefault(id(home), home)
    return [*found.values()]


def _home_of(layer: Layer) -> Home | None:
    if layer._home is not None:
        home: Home = layer._home
        return home
    owner = layer.owner
    return None if owner is None or not layer.arrays else home_for(owner)


def home_for(network: "Layered") -> Home:
    """Return the arrays of a built network as those of which others can have parts."""
    if network._home is None:
        own = network._network
        assert own is not None
        layers = [layer for layer in network.computing if layer.arrays]
        network._home = Home(own.params, own.state, network.lock, layers, [network])
        for layer in network.computing:
            _mark(layer, network._home)
    return network._home


def _mark(layer: Layer, home: Home) -> None:
    layer._home = home
    for _, part, _ in parts_of(layer) if layer._traced else ():
        if isinstance(part, Layer):
            _mark(part, home)


def lock_for(network: "Layered") -> _core.Lock:
    """Return the lock that a network will have which is not built and shares layers."""
    homes = homes_of(network.computing)
    return homes[0].lock if len(homes) == 1 and not _brings(network) else network._lock


def _brings(network: "Layered") -> bool:
    """Whether a network has arrays of its own to bring."""
    return any(_home_of(layer) is None and layer._holds() for layer in network.computing)


def fits(home: Home, layers: Sequence[Layer]) -> bool:
    """Whether one of two rows of arrays, those of `home` and of `layers`, is in the other."""
    return _row_in(layers, home.layers) or _row_in(home.layers, layers)


def _row_in(whole: Sequence[Layer], part: Sequence[Layer]) -> bool:
    """Whether those of `part` that have arrays follow each other in `whole`."""
    inside = [id(layer) for layer in part if layer._holds()]
    around = [id(layer) for layer in whole if layer._holds()]
    if not inside or inside[0] not in around:
        return not inside
    start = around.index(inside[0])
    return around[start : start + len(inside)] == inside


def refuse_alike(networks: "Sequence[Layered]", whose: Sequence[str]) -> None:
    """Refuse to train networks at the same time that have arrays in common, or one lock."""
    known: dict[int, str] = {}
    for network, name in zip(networks, whose, strict=True):
        for thing in {id(network.lock), *(id(layer) for layer in network.computing)}:
            other = known.setdefault(thing, name)
            if other != name:
                raise ValueError(
                    f"{name}expected a network of layers of its own, found one that shares some "
                    f"with {other.rstrip(': ')}; fit them one after the other, or a copy.deepcopy"
                )


def around(network: "Layered") -> list[Any]:
    """Return all that changes when a network comes to those that it shares layers with."""
    homes = homes_of(network.computing)
    if network._home is not None:
        homes.append(network._home)
    found: list[Any] = [*homes]
    for home in homes:
        found += home.layers
        for other in home.networks:
            found += [*other._parts(), *other.computing]
    return found


def come(network: "Layered", shape: tuple[int, ...]) -> None:
    """Build a network of which some layers are those of others: they share the arrays of these.

    Where it brings arrays of its own, all move into new ones, with their values.
    """
    homes = homes_of(network.computing)
    own = [network, *network._parts(), *network.computing]
    moves = len(homes) > 1 or _brings(network)
    with _claiming(network, homes if moves else []), as_before([*own, *around(network)]):
        network._spread = network._plan = None
        _check_dtype(network, network.plan_for(shape), homes)  # and all else
        if network._home is not None:
            network._home.leave(network)
        with random.drawing(network._source) as source:
            network._source = source
            network._masks = _building.seed_masks(network, source)
            if moves:
                _move(network, homes, shape, source)
            else:
                _lodge(network, homes[0], shape)


def _check_dtype(network: "Layered", plan: _core.Plan, homes: Sequence[Home]) -> None:
    for home in homes:
        if home.params.dtype != plan.dtype:
            raise NotReadyError(
                f"dtype: expected one dtype of all layers, found {plan.dtype} for network "
                f"{network.name!r}, of which layers have arrays of {home.params.dtype}; give its "
                f"other layers dtype={str(home.params.dtype)!r}"
            )


def _claiming(network: "Layered", homes: Sequence[Home]) -> AbstractContextManager[object]:
    """Refuse, for a block, to move arrays that somebody trains, this thread among them."""
    claimed = [home for home in homes if home.lock is not network._lock]
    if not claimed:
        return nullcontext()
    names = [home.networks[0].name if home.networks else "that was" for home in claimed]
    return _core.Writing([home.lock for home in claimed], names, True)


def _lodge(network: "Layered", home: Home, shape: tuple[int, ...]) -> None:
    """Build a network of layers of `home`, and of others without arrays."""
    home.join(network)
    _take_part(network, home, shape)
    network._feature_shape = shape
    for layer, own, given in _building.walk(network, shape, network.dtype):
        if layer.owner is None:
            layer.tie(given, own, home.params[:0], home.state[:0], owner=network)


def lodge(network: "Layered", other: "Layered", shape: tuple[int, ...]) -> None:
    """Make a network, whose layers are all those of another, one of parts of its arrays."""
    network._feature_shape = shape
    home = home_for(other)
    home.join(network)
    _take_part(network, home, shape)


def _move(
    network: "Layered", homes: Sequence[Home], shape: tuple[int, ...], source: random.RandomSource
) -> None:
    """Make new arrays for all that there is in `homes` and for what a network brings."""
    walked = [*_building.walk(network, shape, network.dtype)]
    given = {id(layer): (own, sees) for layer, own, sees in walked}
    numbers, count = {}, 0
    for layer, own, _ in walked:
        numbers[id(layer)] = count
        count += own.parameter_count > 0
    order = _order(network, homes)
    plans = [given[id(la)][0] if id(la) in given else _arrays(la).plan for la in order]
    params = unwritten(sum(plan.parameter_count for plan in plans), network.dtype)
    state = np.empty(sum(plan.state_count for plan in plans), network.dtype)
    networks = [network, *(other for home in homes for other in home.networks)]
    start = first = 0
    parts = []
    for layer, plan in zip(order, plans, strict=True):
        stop, last = start + plan.parameter_count, first + plan.state_count
        values, averages = params[start:stop], state[first:last]
        layer.fill(plan, values, averages, source, prefix=f"{numbers.get(id(layer), 0)}/")
        parts.append((layer, plan, values, averages))
        start, first = stop, last
    home = Home(params, state, network._lock, order, networks)
    network._feature_shape = shape
    for other in networks:
        other._home, other._lock = home, home.lock
    for layer, plan, values, averages in parts:
        sees = layer._feature_shape if layer._home is not None else given[id(layer)][1]
        assert sees is not None
        layer.tie(sees, plan, values, averages, owner=layer.owner or network)
    for layer, plan, sees in walked:
        if layer.owner is None:  # without arrays
            layer.tie(sees, plan, params[:0], state[:0], owner=network)
    for other in networks[1:]:
        _take_part(other, home)
    _take_part(network, home, shape)


def _order(network: "Layered", homes: Sequence[Home]) -> list[Layer]:
    """Return the layers with arrays of `homes` and of a network in the order in which they lie.

    It is that of the network, if it has those of all others in their order.
    """
    own = [layer for layer in network.computing if layer._holds()]
    if all(_row_in(own, home.layers) for home in homes):
        return own
    known = [layer for home in homes for layer in home.layers]
    there = {id(layer) for layer in known}
    return [*known, *(layer for layer in own if id(layer) not in there)]


def _take_part(network: "Layered", home: Home, shape: tuple[int, ...] | None = None) -> None:
    """Make a part of `home` the arrays of a network; for `shape`, if it is new there."""
    held = [layer for layer in network.computing if layer.arrays]
    of_params = [_arrays(layer).params for layer in held]
    of_state = [_arrays(layer).state for layer in held]
    params, starts = _span(home.params, of_params)
    state, averages = _span(home.state, of_state)
    network._home, network._lock = home, home.lock
    before = network._network
    if shape is not None or before is None:
        both = [*zip(starts, averages, strict=True)]
        places = {id(layer): start for layer, start in zip(held, both, strict=True)}
        whole = _in_a_row(params, starts, of_params) and _in_a_row(state, averages, of_state)
        network._spread = None if whole else (places, (params.size, state.size))
        network._plan = None
        assert shape is not None
        network._network = Network(network.plan_for(shape), params, state, home.lock)
    else:
        network._network = before.moved(params, state, home.lock)


def _span(whole: Array, parts: Sequence[Array]) -> tuple[Array, list[int]]:
    """Return what is from the first of some parts of an array to the last, and where each begins.

    Those without elements begin at its beginning.
    """
    begin = _address(whole)
    size = whole.itemsize
    at = [(_address(part) - begin) // size for part in parts]
    filled = [(start, part.size) for start, part in zip(at, parts, strict=True) if part.size]
    first = min((start for start, _ in filled), default=0)
    last = max((start + length for start, length in filled), default=0)
    starts = [start - first if part.size else 0 for start, part in zip(at, parts, strict=True)]
    if (first, last) == (0, whole.size):
        return whole, starts
    return whole[first:last], starts


def _in_a_row(span: Array, starts: Sequence[int], parts: Sequence[Array]) -> bool:
    end = 0
    for start, part in zip(starts, parts, strict=True):
        if part.size and start != end:
            return False
        end += part.size
    return end == span.size


def _arrays(layer: Layer) -> Network:
    """Return the arrays of a layer that is built, whatever its options are now."""
    network = layer._network
    assert network is not None
    return network


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
