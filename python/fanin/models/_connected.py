"""Layers and what reads what, as calls and as values."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fanin import _core
from fanin.errors import ShapeError
from fanin.layers import InputLayer, Layer
from fanin.layers._module import Module
from fanin.layers._value import Value, as_values, call
from fanin.models._ends import Ends

if TYPE_CHECKING:
    from fanin.models._wiring import Call, Wiring


class Connected(Module):
    """The layers of a network, and what each reads.

    In a `Sequential` each layer reads what the one before makes; otherwise there is a `Wiring`.
    """

    name: str
    _layers: list[Layer]
    _wiring: "Wiring | None" = None
    """None where each layer reads what the one before makes."""
    _modes: Mapping[int, bool] = {}
    """The layers that run in one mode, whatever the network does, by their places."""
    _values: list[Value] | None = None
    """The inputs, and what each call makes, once somebody asked for them."""

    @property
    def layers(self) -> list[Layer]:
        """The layers, first to last, without the input layer."""
        return list(self._layers)

    @property
    def operations(self) -> list[Any]:
        """The layers, and what functions and operators made between them."""
        return self.layers

    @property
    def computing(self) -> list[Layer]:
        """The layers that compute something, in the order of the plan."""
        return list(self._layers)

    @property
    def calls(self) -> "list[Call]":
        """The calls of layers: the place of each, and the numbers of the values that it reads."""
        if self._wiring is not None:
            return self._wiring.calls
        return [(place, (place,)) for place in range(len(self._layers))]

    @property
    def chain(self) -> bool:
        """Whether each layer reads what the one before makes, the first one the only input."""
        row = [(place, (place,)) for place in range(len(self._layers))]
        return self._wiring is None or (len(self._wiring.inputs) == 1 and self.calls == row)

    @property
    def _branched(self) -> bool:
        """Whether the layers say themselves what they read."""
        return self._wiring is not None

    @property
    def _last_layer(self) -> Layer:
        """The layer that makes the output, or the last one of several."""
        wiring, place = self._wiring, -1
        if wiring is not None:
            place = max(0, wiring.outputs[-1] - len(wiring.inputs))
        return self._layers[self.calls[place][0]]

    @property
    def _ends(self) -> Ends:
        """The outputs: what they are called, and how they are returned."""
        if self._wiring is not None:
            return self._wiring.ends
        return Ends([self._layers[-1].name if self._layers else "output"])

    def ending(self, output: int = 0) -> list[Layer]:
        """Return the layers that lead to an output and read one value each, first to last."""
        found: list[Layer] = []
        calls, inputs = self.calls, 1 if self._wiring is None else len(self._wiring.inputs)
        at = len(calls) - 1 if self._wiring is None else self._wiring.outputs[output] - inputs
        while at >= 0:
            place, reads = calls[at]
            layer = self._layers[place]
            if not layer._is_cost:
                found.append(layer)
            at = reads[0] - inputs if len(reads) == 1 or layer._is_cost else -1
        return found[::-1]

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Make the arrays, for samples of a shape."""
        raise NotImplementedError

    def ready(self) -> _core.Plan:
        """Return the plan of the built network, or say that it is not built."""
        raise NotImplementedError

    # Values.

    def _input_layers(self) -> list[InputLayer]:
        """Return the layers of the inputs; of a `Sequential` perhaps one that was not said."""
        raise NotImplementedError

    def values(self) -> list[Value]:
        """Return the inputs, and what each call makes, as values that layers can be called on."""
        if self._values is None:
            self.ready()
            made = [layer.output for layer in self._input_layers()]
            for place, reads in self.calls:
                given = [made[number] for number in reads]
                made.append(call(self._layers[place], given, told=False))
                made[-1].mode = self._modes.get(place)
            self._values = made
        return self._values

    def calls_of(self, layer: Layer) -> list[Value]:
        """Return what a layer of this network makes, in each of its calls."""
        made = self.values()[-len(self.calls) :]
        return [
            value
            for value, (place, _) in zip(made, self.calls, strict=True)
            if self._layers[place] is layer
        ]

    @property
    def inputs(self) -> list[Value]:
        """The inputs, as values that layers can be called on."""
        return self.values()[: len(self._input_layers())]

    @property
    def outputs(self) -> list[Value]:
        """The outputs in a list, as values that layers can be called on."""
        values = self.values()
        return values[-1:] if self._wiring is None else [values[n] for n in self._wiring.outputs]

    @property
    def input(self) -> Any:
        """The input as a value, or the list of several."""
        inputs = self.inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """The output as a value that layers can be called on; of several a list, tuple or dict."""
        return self._ends.formed(self.outputs)

    def _of_values(self, x: Any, training: bool | None) -> Any:
        given = self._given_values(x)
        if not self.built:
            self.build(given[0].shape)
        for entry, value in zip(self._input_layers(), given, strict=True):
            if value.sample != entry.shape:
                raise ShapeError(
                    f"x: expected samples of shape {entry.shape} for network {self.name!r}, found "
                    f"{value.sample}"
                )
        for place, reads in self.calls:
            read = [given[number] for number in reads]
            layer, mode = self._layers[place], self._modes.get(place)
            if mode is None and training is not None:
                mode = layer._mode_for(training)
            given.append(call(layer, read, told=False))
            given[-1].within, given[-1].mode = self._layers, mode
        if self._wiring is None:
            return given[-1]
        return self._ends.formed([given[number] for number in self._wiring.outputs])

    def _given_arrays(self, x: Any) -> list[Any]:
        """Return the arrays that a network is called on, in the order of its inputs."""
        return [x]

    def _given_values(self, x: Any) -> list[Value]:
        """Return the values that a network is called on, in the order of its inputs."""
        given = as_values("x", x)
        if len(given) != 1:
            raise ValueError(f"x: expected one input for network {self.name!r}, found {len(given)}")
        return given
