"""What `recommend` is asked about: layers in a row, whose sizes theory predicts, or a graph."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fanin import theory
from fanin.diagnosis._flow import Flow
from fanin.frameworks import _open as frameworks
from fanin.initializers import Initializer
from fanin.layers import Dense, Layer

Array = NDArray[Any]
Sizes = tuple[list[float], list[float]]
"""Logarithms of the root mean squares of signals and of gradients, first hidden layer first."""

FEATURES = 100
"""Inputs of widths without data."""

_DRAWS = 3
_SAMPLES = 256


class Subject(Protocol):
    """A network whose hidden kernels an initializer is sought for.

    Attributes
    ----------
    hidden : int
        How many hidden layers with a kernel it has.
    activation : str
        What most hidden layers have.
    """

    hidden: int
    activation: str

    def shapes(self, x: Array | None) -> list[tuple[int, int]]:
        """Return the shapes of the hidden kernels, as far as they are known."""

    def sizes(self, initializer: Initializer, x: Array | None) -> Sizes | None:
        """Return what becomes of sizes; None where nobody knows."""

    def made(self, initializer: Initializer, y: Array) -> Callable[[int], Any]:
        """Return what makes the network, from a seed, with these hidden kernels."""


def usual(layers: Sequence[Layer]) -> str:
    """Return the activation that most of some layers have."""
    settings = [layer.settings() for layer in layers]
    kinds = [found["activation"] for found in settings if "activation" in found]
    names = [str(kind["kind"]) for kind in kinds if isinstance(kind, dict)]
    names = [name for name in names if name != "linear"] or ["linear"]
    return max(names, key=names.count)


class Row:
    """Layers in a row; see `Subject`.

    Parameters
    ----------
    chain : list of Layer
        The layers.
    open_ended : bool
        Whether targets decide what the last one is.
    """

    def __init__(self, chain: list[Layer], open_ended: bool) -> None:
        self._chain, self._open_ended = chain, open_ended
        self._kernels = [i for i, layer in enumerate(chain) if isinstance(layer, Dense)]
        self.hidden = sum(isinstance(layer, Dense) for layer in chain[:-1])
        end = self._kernels[-1] if self._kernels else 0
        self.activation = usual(chain[:end])

    def shapes(self, x: Array | None) -> list[tuple[int, int]]:
        """See `Subject`."""
        widths = [layer.units for layer in self._chain if isinstance(layer, Dense)][:-1]
        inputs = FEATURES if x is None else math.prod(x.shape[1:])
        return list(zip([inputs, *widths], widths, strict=False))

    def _layers(self, initializer: Initializer) -> list[Layer]:
        made = []
        for place, layer in enumerate(self._chain):
            config = layer.get_config()
            if place in self._kernels[:-1]:
                config["kernel_initializer"] = initializer.clone()
            made.append(type(layer).from_config(config))
        return made

    def sizes(self, initializer: Initializer, x: Array | None) -> Sizes | None:
        """See `Subject`."""
        layers = self._layers(initializer)
        if x is None:
            prediction = theory.predict(layers, features=FEATURES, batch=64)
        else:
            prediction = theory.predict(layers, x.reshape(len(x), -1)[:_SAMPLES])
        forward, backward = [], []
        for found in [p for p in prediction.layers if p.pre_activation is not None][:-1]:
            if found.gradient is None or found.pre_activation is None:
                return None
            forward.append(found.pre_activation.log_value / 2)
            backward.append(found.gradient.log_value / 2)
        return (forward, backward) if forward else None

    def made(self, initializer: Initializer, y: Array) -> Callable[[int], Any]:
        """See `Subject`."""

        def make(seed: int) -> Any:
            layers = self._layers(initializer)
            if self._open_ended:
                layers = [*layers[:-1], _ending(y)]
            return frameworks.our_training().row(layers, seed)

        return make


def _ending(y: Array) -> Layer:
    """Return outputs that suit targets."""
    if y.dtype.kind in "iub" and y.ndim == 1:
        return Dense(max(int(y.max()) + 1, 2), activation="softmax")
    return Dense(1 if y.ndim == 1 else y.shape[-1])


class Graph:
    """A network whose layers say what they read; see `Subject`.

    Sizes are measured along the longest way, in networks that are drawn for it.
    """

    def __init__(self, model: Any) -> None:
        self._model, self._ours = model, frameworks.our_training()
        self._hidden = self._ours.hidden(model)
        self.hidden = len(self._hidden)
        self.activation = usual([*self._hidden, *self._ours.between(model)])

    def shapes(self, x: Array | None) -> list[tuple[int, int]]:
        """See `Subject`."""
        return [layer.arrays["kernel"].shape for layer in self._hidden]

    def sizes(self, initializer: Initializer, x: Array | None) -> Sizes | None:
        """See `Subject`."""
        found = [self._measured(initializer, x, seed) for seed in range(_DRAWS)]
        forward, backward = np.mean(found, axis=0)
        if not np.isfinite(forward).all() or not np.isfinite(backward).all():
            return None
        return [*map(float, forward)], [*map(float, backward)]

    def _measured(self, initializer: Initializer, x: Array | None, seed: int) -> Sizes:
        model = self._ours.drawn(self._model, initializer, seed)
        rows = self._ours.random(model, seed) if x is None else x[:_SAMPLES]
        trace = frameworks.trace(model, self._ours.each(model, rows), None, None, True)
        names = {layer.name for layer in self._hidden}
        ends = [output.place for output in trace.outputs]
        way = [trace.layers[place] for place in Flow.of(trace.layers, ends).ways()[0]]
        hidden = [layer for layer in way if layer.name in names]
        forward = [_size(layer.pre_activation, layer.outputs) for layer in hidden]
        backward = [_size(la.pre_activation_gradient, la.output_gradient) for la in hidden]
        return forward, backward

    def made(self, initializer: Initializer, y: Array) -> Callable[[int], Any]:
        """See `Subject`."""
        return lambda seed: self._ours.drawn(self._model, initializer, seed)


def _size(first: Array | None, other: Array | None) -> float:
    array = other if first is None else first
    if array is None:
        return math.nan
    square = float(np.square(array, dtype=np.float64).mean())
    return math.log(square) / 2 if square > 0 else -math.inf
