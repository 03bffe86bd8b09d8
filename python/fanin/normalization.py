"""BatchNormalization after training: what it learnt, precise statistics, and doing without it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from fanin import _core
from fanin._absences import _absent
from fanin._checks import FloatArray
from fanin.layers import BatchNormalization, Dense, Dropout, Layer
from fanin.layers._arrays import like
from fanin.models import Model, Sequential
from fanin.models._building import plan_of_call
from fanin.models._model import as_model
from fanin.models._trainable import Trainable
from fanin.show.results import Result
from fanin.show.table import Table
from fanin.show.text import counted

__all__ = [
    "BatchNormReport",
    "LayerStatistics",
    "batch_norm_report",
    "fold_batch_norm",
    "recalibrate",
]

Array = FloatArray

_AVERAGES = ("moving_mean", "moving_variance")


def recalibrate(model: Trainable, x: Any) -> None:
    """Set the running averages of every BatchNormalization to the exact statistics of some data.

    Layer by layer, each with the statistics of those before it already exact: "precise batch
    normalization" [1]_. Nothing else changes.

    Parameters
    ----------
    model : Sequential or Model
        Changed in place.
    x : array_like of shape (n, ...), or list or dict of them
        The training data, or a good part of it.

    Raises
    ------
    TypeError
        If `model` is no network of this package.
    ShapeError
        If `x` has the wrong shape.
    ValueError
        If `x`, or what a layer makes of it, is not finite, or a BatchNormalization is called more
        than once; the model is as it was.
    RuntimeError
        If another thread trains the model.

    References
    ----------
    .. [1] Y. Wu, J. Johnson, "Rethinking 'batch' in BatchNorm", arXiv:2105.07576, section 3.

    Examples
    --------
    >>> import fanin
    >>> model = fanin.Sequential([fanin.layers.BatchNormalization()])
    >>> recalibrate(model, np.array([[1.0], [3.0]]))
    >>> float(model.layers[0].moving_mean[0]), float(model.layers[0].moving_variance[0])
    (2.0, 1.0)
    """
    inputs = as_model("model", model).take(x)
    row = model.computing
    called = [row[place] for place, _ in model.calls if isinstance(row[place], BatchNormalization)]
    for layer in called:
        if called.count(layer) > 1:
            raise ValueError(
                f"model: expected layers of BatchNormalization that are called once, found "
                f"{layer.name!r}, which is called {called.count(layer)} times"
            )
    with model.built_for(inputs), model.network.writing(model.name) as writing:
        kept = model.state.copy()
        values = model.of_each_input(inputs)
        try:
            for place, reads in model.calls:
                layer, given = row[place], [values[number] for number in reads]
                if isinstance(layer, BatchNormalization):
                    for role, found in zip(_AVERAGES, _statistics(layer, given[0]), strict=True):
                        view, name = layer.arrays[role], f"{layer.name}/{role}"
                        writing.turn(np.copyto, view, like(name, found, view, finite=True))
                plan, taken = plan_of_call(model, place, given)
                own = layer.network
                values.append(plan.forward(own.params, own.state, taken, False)[0])
        except BaseException:
            writing.turn(np.copyto, model.state, kept)
            raise


def _statistics(layer: Layer, x: Array) -> tuple[Array, Array]:
    rows = np.ascontiguousarray(x.reshape(-1, x.shape[-1]))
    mean, variance = _core.moments(rows)[0].T
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        raise ValueError(
            f"x: expected samples that stay finite, found some of which {layer.name!r} is given "
            "infinity or NaN"
        )
    return mean, variance


@overload
def fold_batch_norm(model: Sequential) -> Sequential: ...


@overload
def fold_batch_norm(model: Model) -> Model: ...


def fold_batch_norm(model: Any) -> Any:
    """Make a network without BatchNormalization that predicts the same.

    In inference it is a scale and a shift, which go into the Dense before it where that has no
    activation, and else into the Dense behind it. One with neither stays; so does one in a graph
    where others read what the Dense makes, or what the normalization does, and one of layers that
    are called several times.

    Parameters
    ----------
    model : Sequential or Model
        Built; it does not change.

    Returns
    -------
    Sequential or Model
        A new one, not compiled, with arrays of its own.

    Raises
    ------
    TypeError
        If `model` is no network of this package.
    ValueError
        If it is not built.

    Examples
    --------
    >>> import fanin
    >>> from fanin.layers import BatchNormalization, Dense
    >>> model = fanin.Sequential([Dense(3, input_dim=2), BatchNormalization(), Dense(1)], rng=0)
    >>> folded = fold_batch_norm(model)
    >>> [type(layer).__name__ for layer in folded.layers]
    ['Dense', 'Dense']
    """
    arrays = as_model("model", model).network.copy().by_layer()
    graph = _Graph(model, [_Part(layer, arrays[i]) for i, layer in enumerate(model.computing)])
    gone: set[int] = set()
    for call, (place, _) in enumerate(model.calls):
        part = graph.parts[place]
        if isinstance(part.layer, BatchNormalization) and graph.alone(call):
            before, behind = graph.before(call, gone), graph.behind(call)
            if before is not None:
                before.take_behind(*_affine(part))
            elif behind is not None:
                behind.take_before(*_affine(part))
            if before is not None or behind is not None:
                gone.add(place)
    return graph.assembled(gone)


class _Part:
    """A layer to be, and its arrays."""

    def __init__(self, layer: Layer, arrays: dict[str, Array]) -> None:
        self.layer, self.arrays = layer, arrays

    @property
    def bias(self) -> Array:
        if "bias" not in self.arrays:
            kernel = self.arrays["kernel"]
            self.arrays["bias"] = np.zeros(kernel.shape[-1], kernel.dtype)
        return self.arrays["bias"]

    def take_behind(self, scale: Array, shift: Array) -> None:
        """Do what follows: ``(x @ W + b) * scale + shift``."""
        self._set(self.arrays["kernel"] * scale, self.bias * scale + shift)

    def take_before(self, scale: Array, shift: Array) -> None:
        """Do what came before: ``(x * scale + shift) @ W + b``."""
        kernel = self.arrays["kernel"].astype(np.float64)
        bias = self.bias.astype(np.float64)
        # Row by row: a product's order of summation is that of NumPy's library on this machine.
        for by, row in zip(shift, kernel, strict=True):
            bias += by * row
        self._set(kernel * scale[:, None], bias)

    def _set(self, kernel: Array, bias: Array) -> None:
        dtype = self.arrays["kernel"].dtype
        self.arrays["kernel"], self.arrays["bias"] = kernel.astype(dtype), bias.astype(dtype)

    def made(self) -> Layer:
        # The dtype of the network may be that of a layer that is gone.
        config = {**self.layer.get_config(), "dtype": self.layer.dtype}
        if isinstance(self.layer, Dense):
            config["use_bias"] = "bias" in self.arrays
        return type(self.layer).from_config(config)


def _affine(part: _Part) -> tuple[Array, Array]:
    """Return scale and shift of a normalization in inference, in float64."""
    layer, arrays = part.layer, part.arrays
    assert isinstance(layer, BatchNormalization)
    variance = arrays["moving_variance"].astype(np.float64)
    scale = 1.0 / np.sqrt(variance + layer.epsilon)
    if "gamma" in arrays:
        scale = scale * arrays["gamma"]
    shift = -arrays["moving_mean"] * scale
    return scale, shift + arrays["beta"] if "beta" in arrays else shift


class _Graph:
    """What reads what, of layers some of which are to go."""

    def __init__(self, model: Model, parts: list[_Part]) -> None:
        self._model, self.parts = model, parts
        self._calls = model.calls
        self._inputs = len(model._input_layers())
        self._readers = [list[int | None]() for _ in self._calls]
        for call, (_, reads) in enumerate(self._calls):
            self._read(reads, call)
        if model._wiring is not None:
            self._read(model._wiring.outputs, None)

    def _read(self, values: Sequence[int], reader: int | None) -> None:
        """Note who reads values: a call, or whoever is given the outputs."""
        for number in values:
            if number >= self._inputs:
                self._readers[number - self._inputs].append(reader)

    def alone(self, call: int) -> bool:
        """Whether the layer of a call is called but there."""
        return sum(place == self._calls[call][0] for place, _ in self._calls) == 1

    def before(self, call: int, gone: set[int]) -> _Part | None:
        """Return the Dense whose outputs go in and nowhere else.

        Only Dropout may be between, and what is gone.
        """
        while True:
            at = self._calls[call][1][0] - self._inputs
            if at < 0 or len(self._readers[at]) > 1:
                return None
            place = self._calls[at][0]
            part = self.parts[place]
            if place not in gone and not isinstance(part.layer, Dropout):
                linear = isinstance(part.layer, Dense) and _is_linear(part.layer)
                return part if linear and self.alone(at) else None
            call = at

    def behind(self, call: int) -> _Part | None:
        """Return the Dense that alone takes the outputs, if nothing but Dropout is between."""
        readers = self._readers[call]
        while len(readers) == 1 and readers[0] is not None:
            part = self.parts[self._calls[readers[0]][0]]
            if not isinstance(part.layer, Dropout):
                return part if isinstance(part.layer, Dense) and self.alone(readers[0]) else None
            readers = self._readers[readers[0]]
        return None

    def assembled(self, gone: set[int]) -> Any:
        """Return a network without the layers that are gone."""
        from fanin.models._rewiring import rewired

        model = self._model
        of_layer = {id(part.layer): part for part in self.parts}
        out = {id(self.parts[place].layer) for place in gone}
        made: list[tuple[Layer, _Part]] = []

        def instead(layer: Layer) -> list[Layer]:
            if id(layer) in out:
                return []
            made.append((of_layer[id(layer)].made(), of_layer[id(layer)]))
            return [made[-1][0]]

        found = rewired(model, instead, name=f"{model.name}_folded")
        if not found.built:
            found.build(model.input_shape)
        for layer, part in made:
            for role, values in part.arrays.items():
                layer.arrays[role][...] = values
        return found


def _is_linear(layer: Layer) -> bool:
    activation = layer.settings()["activation"]
    return isinstance(activation, dict) and activation["kind"] == "linear"


@dataclass(frozen=True, repr=False)
class LayerStatistics(Result):
    """One BatchNormalization against the data.

    Attributes
    ----------
    name : str
        The layer.
    shift : float
        Distance of running and true means, in true standard deviations (root mean square).
    spread : float
        Geometric mean of the running variances by the true ones.
    gamma, beta : float
        Root mean square of each; 1 and 0 where there is none.
    unused : float
        Share of units with a gamma below 0.01 of the largest: they say next to nothing.
    weight_norm : float
        Norm of the kernel that it makes scale-free; NaN if there is none before it.
    effective_rate : float
        The learning rate by the squared norm: what a step does to the direction of the kernel, see
        :func:`batch_norm_report`.
        NaN without a kernel, or if the model is not compiled.
    """

    name: str
    shift: float
    spread: float
    gamma: float
    beta: float
    unused: float
    weight_norm: float
    effective_rate: float


@dataclass(frozen=True, repr=False)
class BatchNormReport(Result):
    """Every BatchNormalization of a network against the data; ``print`` shows it.

    Attributes
    ----------
    layers : list of LayerStatistics
        In order.
    """

    layers: list[LayerStatistics]

    @property
    def lagging(self) -> list[str]:
        """Layers whose means are off by half a std, or variances by a factor of 2."""
        return [
            layer.name
            for layer in self.layers
            if layer.shift > 0.5 or abs(math.log2(max(layer.spread, 1e-300))) > 1
        ]

    _width = 88

    def _says(self) -> str:
        lagging = f"lagging: {', '.join(self.lagging)}" if self.lagging else "none lagging"
        return f"{counted(len(self.layers), 'layer')}, {lagging}"

    def _contents(self) -> list[str | Table]:
        titles = ("mean off by", "var / true", "gamma", "beta", "unused", "|W|")
        table = Table("layer", *titles, "lr / |W|^2")
        for layer in self.layers:
            numbers = [getattr(layer, field.name) for field in fields(layer)[1:]]
            shown = ["-" if math.isnan(n) else f"{n:.3g}" for n in numbers]
            shown[0], shown[4] = f"{layer.shift:.3g} std", f"{layer.unused:.0%}"
            table.add(layer.name, *shown)
        advice = (
            f"{', '.join(self.lagging)}: predictions differ from training; model.recalibrate(x) "
            "sets the running averages right."
        )
        return [table, *([advice] if self.lagging else [])]


def batch_norm_report(model: Model, x: ArrayLike) -> BatchNormReport:
    """Compare the running averages with data, and show what normalization does to learning.

    A kernel before a normalization can be scaled by any factor without changing the outputs; its
    gradient shrinks by that factor, so that what counts is the learning rate by the squared norm
    [1]_.

    Parameters
    ----------
    model : Sequential or Model
        Built; it does not change.
    x : array_like of shape (n, ...), or list or dict of them
        Data to compare with, in the order of hundreds of samples or more.

    Returns
    -------
    BatchNormReport
        A row a layer, or a call of one.

    Raises
    ------
    TypeError
        If `model` is no network of this package.
    ShapeError
        If `x` has the wrong shape.
    ValueError
        If there is no BatchNormalization, or numbers are not finite.

    References
    ----------
    .. [1] T. van Laarhoven, "L2 regularization versus batch and weight normalization",
       arXiv:1706.05350.

    Examples
    --------
    >>> import fanin
    >>> from fanin.layers import BatchNormalization, Dense
    >>> model = fanin.Sequential([Dense(3), BatchNormalization(name="norm")], rng=0)
    >>> report = batch_norm_report(model, np.random.default_rng(0).normal(5, 1, (100, 4)))
    >>> report.lagging
    ['norm']
    """
    inputs = as_model("model", model).take(x)
    row = model.computing
    if not any(isinstance(layer, BatchNormalization) for layer in row):
        raise ValueError("model: expected a BatchNormalization, found none")
    rate = math.nan
    if model.compiled:
        rate = float(model.optimizer.learning_rates(model.compiled_with.iterations, 1)[0])
    found: list[LayerStatistics] = []
    with model.built_for(inputs):
        network = model.network.copy()
        traced, _ = network.trace(inputs, True)
        arrays, values = network.by_layer(), model.of_each_input(inputs)
        kernels: list[Array | None] = [None] * len(values)
        for (place, reads), (before, outputs) in zip(model.calls, traced, strict=True):
            layer, given = row[place], reads[0]
            if isinstance(layer, BatchNormalization):
                own = arrays[place]
                found.append(_measured(layer, own, values[given], kernels[given], rate))
            kernels.append(arrays[place].get("kernel") if before is None else None)
            values.append(outputs)
    return BatchNormReport(found)


def _measured(
    layer: BatchNormalization,
    arrays: Mapping[str, Array],
    inputs: Array,
    kernel: Array | None,
    rate: float,
) -> LayerStatistics:
    mean, variance = _statistics(layer, inputs)
    std = np.sqrt(np.maximum(variance, 1e-30))
    running = np.maximum(arrays["moving_variance"].astype(np.float64), 1e-30)
    gamma = np.abs(arrays.get("gamma", np.ones(1))).astype(np.float64)
    beta = arrays.get("beta", np.zeros(1)).astype(np.float64)
    norm = math.nan if kernel is None else float(np.linalg.norm(kernel.astype(np.float64)))
    return LayerStatistics(
        name=layer.name,
        shift=float(np.sqrt(np.square((arrays["moving_mean"] - mean) / std).mean())),
        spread=float(np.exp(np.log(running / np.square(std)).mean())),
        gamma=float(np.sqrt(np.square(gamma).mean())),
        beta=float(np.sqrt(np.square(beta).mean())),
        unused=float((gamma < 0.01 * gamma.max()).mean()) if gamma.max() > 0 else 1.0,
        weight_norm=norm,
        effective_rate=rate / norm**2 if norm > 0 else math.nan,
    )


_absent.guard(__name__)
