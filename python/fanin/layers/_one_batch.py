"""Values of layers as they are after one batch, for copies that are made layer by layer."""

import math
import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fanin.layers._arrays import Array
from fanin.layers._network import Network, Places

if TYPE_CHECKING:
    from fanin.layers._base import Layer


class _Known(threading.local):
    """By `id` of a layer, what its next copy in this thread has."""

    def __init__(self) -> None:
        self.batches: dict[int, weakref.ref[OneBatch]] = {}


_known = _Known()


def _by_layer(places: Places) -> dict[int, slice]:
    """Return the part of a flat array that each layer has."""
    found: dict[int, slice] = {}
    for layer, _, start, shape in places:
        begin = found[layer].start if layer in found else start
        found[layer] = slice(begin, start + math.prod(shape))
    return found


class OneBatch:
    """The values of the layers of a network, which these are copied and pickled with.

    The state of the network has it, and so keeps it as long as the network is copied in this
    thread; what comes out of copying it is None.

    Parameters
    ----------
    network : Network
        The values.
    row : sequence of Layer
        The layers.
    """

    def __init__(self, network: Network, row: "Sequence[Layer]") -> None:
        self._values: dict[int, tuple[Layer, Array, Array]] = {}
        of_params, of_state = _by_layer(network.plan.parameters), _by_layer(network.plan.state)
        nothing = slice(0)
        for place, layer in enumerate(row):
            params = network.params[of_params.get(place, nothing)]
            state = network.state[of_state.get(place, nothing)]
            self._values[id(layer)] = layer, params, state
            known = _known.batches.get(id(layer))
            if known is None or known() is None:  # else of a network around this one
                _known.batches[id(layer)] = weakref.ref(self)

    def __del__(self) -> None:
        for key in self._values:
            known = _known.batches.get(key)
            if known is not None and known() is None:
                del _known.batches[key]

    def __reduce__(self) -> Any:
        return type(None), ()

    @classmethod
    def take(cls, layer: "Layer") -> tuple[Array, Array] | None:
        """Return what a layer is to be copied with, once; None if no network of it is copied."""
        known = _known.batches.pop(id(layer), None)
        batch = None if known is None else known()
        if batch is None:
            return None
        _, params, state = batch._values[id(layer)]
        return params, state
