"""What `recommend` is asked about: layers in a row, whose sizes theory predicts, or a graph."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fanin import theory
from fanin.diagnosis._flow import Flow
from fanin.frameworks import _open as frameworks
from fanin.initializers import Initializer, RandomNormal
from fanin.layers import Dense, Layer
from fanin.models import Model, Sequential
from fanin.models._rewiring import again, rewired
from fanin.random import Stream

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

    def made(self, initializer: Initializer, y: Array) -> Callable[[int], Model]:
        """Return what makes the network, from a seed, with these hidden kernels."""


def usual(layers: Sequence[Layer]) -> str:
    """Return the activation that most of some layers have."""
    settings = [layer.settings() for layer in layers]
    kinds = [found["activation"] for found in settings if "activation" in found]
    names = [str(kind["kind"]) for kind in kinds if isinstance(kind, dict)]
    names = [name for name in names if name != "linear"] or ["linear"]
    return max(names, key=names.count)


def _with(layer: Layer, initializer: Initializer) -> Layer:
    config = {**layer.get_config(), "kernel_initializer": initializer.clone()}
    return type(layer).from_config(config)


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
        hidden = self._kernels[:-1]
        return [
            _with(layer, initializer) if place in hidden else again(layer)
            for place, layer in enumerate(self._chain)
        ]

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

    def made(self, initializer: Initializer, y: Array) -> Callable[[int], Model]:
        """See `Subject`."""

        def make(seed: int) -> Model:
            layers = self._layers(initializer)
            if self._open_ended:
                layers = [*layers[:-1], _ending(y)]
            return Sequential(layers, rng=seed)

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

    def __init__(self, model: Model) -> None:
        self._model = model
        ends = _ends(model)
        kernels = [layer for layer in model.computing if isinstance(layer, Dense)]
        self._hidden = [layer for layer in kernels if layer not in ends]
        self.hidden = len(self._hidden)
        self.activation = usual([layer for layer in model.computing if layer not in ends])

    def shapes(self, x: Array | None) -> list[tuple[int, int]]:
        """See `Subject`."""
        return [(len(layer.kernel), layer.units) for layer in self._hidden]

    def sizes(self, initializer: Initializer, x: Array | None) -> Sizes | None:
        """See `Subject`."""
        found = [self._measured(initializer, x, seed) for seed in range(_DRAWS)]
        forward, backward = np.mean(found, axis=0)
        if not np.isfinite(forward).all() or not np.isfinite(backward).all():
            return None
        return [*map(float, forward)], [*map(float, backward)]

    def _measured(self, initializer: Initializer, x: Array | None, seed: int) -> Sizes:
        model = self._drawn(initializer, seed)
        if x is None:
            shape = (64, *(model.known_shape() or ()))
            x = RandomNormal(0.0, 1.0)(shape, model.dtype, rng=Stream(seed, "recommend"))
        given = frameworks.our_training().each(model, x[:_SAMPLES])
        trace = frameworks.trace(model, given, None, None, True)
        names = [layer.name for layer in self._hidden]
        way = [trace.layers[place] for place in Flow.of(trace.layers).ways()[0]]
        hidden = [layer for layer in way if layer.name in names]
        forward = [_size(layer.pre_activation, layer.outputs) for layer in hidden]
        backward = [_size(la.pre_activation_gradient, la.output_gradient) for la in hidden]
        return forward, backward

    def _drawn(self, initializer: Initializer, seed: int) -> Model:
        def instead(layer: Layer) -> list[Layer]:
            return [_with(layer, initializer) if layer in self._hidden else again(layer)]

        return rewired(self._model, instead, rng=seed)

    def made(self, initializer: Initializer, y: Array) -> Callable[[int], Model]:
        """See `Subject`."""
        return lambda seed: self._drawn(initializer, seed)


def _size(first: Array | None, other: Array | None) -> float:
    array = other if first is None else first
    if array is None:
        return math.nan
    square = float(np.square(array, dtype=np.float64).mean())
    return math.log(square) / 2 if square > 0 else -math.inf


def _ends(model: Model) -> list[Layer]:
    """Return the layers behind which there is no kernel up to the output, those with one last."""
    inputs = len(model.inputs)
    found: list[Layer] = []
    todo, seen = [len(model.calls) - 1], set[int]()
    while todo:
        call = todo.pop()
        if call < 0 or call in seen:
            continue
        seen.add(call)
        place, reads = model.calls[call]
        layer = model.computing[place]
        found.append(layer)
        if not isinstance(layer, Dense):
            todo += [number - inputs for number in reads]
    return found
