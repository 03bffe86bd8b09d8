"""The same network of other layers: what reads what stays, layers are put in the places of some."""

from collections.abc import Callable, Sequence
from typing import Any

from fanin.layers import InputLayer, Layer
from fanin.layers._value import Value, call
from fanin.models._layered import Layered
from fanin.models._model import Model
from fanin.models._sequential import Sequential


def again(layer: Layer) -> Layer:
    """Return a layer of the same configuration, without arrays."""
    if not layer._traced:
        return type(layer).from_config(layer.get_config())
    from fanin.layers import _inner, deserialize, serialize

    with _inner.classes_of(layer):
        found = deserialize(serialize(layer))
    assert isinstance(found, Layer)
    return found


def rewired(
    model: Layered,
    instead: Callable[[Layer], Sequence[Layer]],
    name: str | None = None,
    rng: Any = None,
) -> Model:
    """Make a network of new layers that are wired as those of another.

    Parameters
    ----------
    model : Layered
        The other; it does not change.
    instead : callable
        From a layer to those that take its place, one after the other; none hand on what it got.
        It is asked once for each layer, in the order in which they are called first.
    name : str, optional
        Name of the new network.
    rng : optional
        Where its random numbers come from.

    Returns
    -------
    Model
        A `Sequential` of one, a `Model` of another. A graph is built, layers in a row need not be.
    """
    row = [[*instead(layer)] for layer in model.computing]
    if not model._branched:
        return Sequential([layer for part in row for layer in part], name=name, rng=rng)
    inputs: list[InputLayer] = [
        InputLayer.from_config(layer.get_config()) for layer in model._input_layers()
    ]
    values: list[Value] = [layer.output for layer in inputs]
    begins = values.copy()
    for place, reads in model.calls:
        given = [values[number] for number in reads]
        for layer in row[place]:
            given = [call(layer, given, told=False)]
            if place in model._modes:
                given[0].mode = layer._mode_for(model._modes[place])
        values.append(given[0])
    assert isinstance(model, Model)
    assert model._wiring is not None
    ends = model._ends.formed([values[number] for number in model._wiring.outputs])
    return Model(model._formed(begins), ends, name=name, rng=rng)
