"""Networks that share layers: the arrays of one are part of those of another."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING
from weakref import WeakSet

from fanin import _core
from fanin.layers import Layer
from fanin.layers._network import Network
from fanin.models import _building

if TYPE_CHECKING:
    from fanin.models._layered import Layered


def owners(layers: Sequence[Layer]) -> "list[Layered]":
    """Return the networks whose arrays layers have, each once."""
    found: dict[int, Layered] = {}
    for layer in layers:
        owner = layer.owner
        if owner is not None:
            home = owner._home or owner
            found.setdefault(id(home), home)
    return [*found.values()]


def home_of(network: "Layered", layers: Sequence[Layer], homes: "Sequence[Layered]") -> "Layered":
    """Return the network whose arrays have those of all `layers`: one of `homes`, or `network`.

    Raises
    ------
    ValueError
        If one array cannot have those of all of them, each network's in a row.
    """
    if len(homes) == 1:
        (home,) = homes
        fresh = any(layer.owner is None and layer._holds() for layer in layers)
        if not fresh and _row_in(home.computing, layers):
            return home
    for home in homes:
        if not _row_in(layers, home.computing):
            raise ValueError(
                f"outputs: expected layers whose arrays can be one array, found layers of network "
                f"{home.name!r}: either {network.name!r} has all that have arrays, in its order "
                "and with no others between them, or no others than those that follow each other "
                f"there; take new layers, or those of a copy.deepcopy of {home.name!r}"
            )
    return network


def fits(home: "Layered", layers: Sequence[Layer]) -> bool:
    """Whether one of two rows of arrays, those of `home` and of `layers`, is in the other."""
    return _row_in(layers, home.computing) or _row_in(home.computing, layers)


def _row_in(whole: Sequence[Layer], part: Sequence[Layer]) -> bool:
    """Whether those of `part` that have arrays follow each other in `whole`."""
    inside = [id(layer) for layer in part if layer._holds()]
    around = [id(layer) for layer in whole if layer._holds()]
    if not inside or inside[0] not in around:
        return not inside
    start = around.index(inside[0])
    return around[start : start + len(inside)] == inside


def claiming(homes: "Sequence[Layered]") -> AbstractContextManager[object]:
    """Refuse, for a block, to move arrays that somebody trains, this thread among them."""
    if not homes:
        return nullcontext()
    return _core.Writing([home.lock for home in homes], [home.name for home in homes], True)


def adopt(network: "Layered", homes: "Sequence[Layered]") -> None:
    """Make the arrays of other networks parts of those of `network`, which has their values."""
    for home in homes:
        lodgers = [home, *(home._lodgers or ())]
        for lodger in lodgers:
            _lodge(lodger, network, lodger.network)
        home._lodgers = None


def lodge(network: "Layered", home: "Layered", shape: tuple[int, ...]) -> None:
    """Build a network of layers of `home`, and of others without arrays."""
    plan = network.plan_for(shape)
    network._feature_shape = shape
    _lodge(network, home, Network(plan, home.params, home.state, home.lock))
    for layer, own, given in _building.walk(network, shape, plan.dtype):
        if layer.owner is None:
            layer.tie(given, own, home.params[:0], home.state[:0], owner=network)


def _lodge(lodger: "Layered", home: "Layered", network: Network) -> None:
    """Make the arrays of `lodger`, which has the plan of `network`, part of those of `home`."""
    plan, whole = network.plan, home.network
    first = next((layer for layer in lodger.computing if layer._holds()), None)
    start = state = 0
    for layer in home.computing:
        if layer is first or first is None:
            break
        own = layer.network.plan
        start, state = start + own.parameter_count, state + own.state_count
    params = whole.params[start : start + plan.parameter_count]
    averages = whole.state[state : state + plan.state_count]
    lodger._lock, lodger._home = home.lock, home
    lodger._network = Network(plan, params, averages, home.lock)
    if home._lodgers is None:
        home._lodgers = WeakSet()
    home._lodgers.add(lodger)
