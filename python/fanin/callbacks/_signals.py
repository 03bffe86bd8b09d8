"""Watching signals and gradients while a network trains."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _core
from fanin.callbacks._base import Callback, Logs
from fanin.callbacks._run import Run
from fanin.errors import ShapeError
from fanin.show.results import Result
from fanin.show.table import Table
from fanin.show.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fanin.frameworks._trace import LayerTrace

Array = NDArray[np.float64]

_X = "x of SignalMonitor"

STATISTICS = ("mean", "std", "dead", "saturated", "gradient", "ratio")
"""What is kept of a layer, by the names of `Signals`' attributes."""


@dataclass(repr=False)
class Signals(Result):
    """What the layers of a network were like at some steps of its training.

    Attributes
    ----------
    layers : list of str
        Names of the layers that have an activation or a kernel.
    steps : list of int
        Steps of the optimizer that had been taken, 0 for before the first.
    values : dict of str to list of ndarray of shape (layers,)
        A record a step of each statistic: ``mean`` and ``std`` of the activations, share of units
        ``dead`` (off for the whole batch) and of elements ``saturated`` (a bounded activation that
        is flat there), root mean square of the ``gradient`` of a sample's loss before the
        activation, and ``ratio`` of the root mean squares of the kernel's gradient and of the
        kernel; NaN where a layer has no such thing.
    seconds : float
        Time that recording took.
    """

    layers: list[str] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    values: dict[str, list[Array]] = field(default_factory=lambda: {n: [] for n in STATISTICS})
    seconds: float = 0.0

    def _says(self) -> str:
        taken = f", from step {self.steps[0]} to {self.steps[-1]}" if self.steps else ""
        layers, records = counted(len(self.layers), "layer"), counted(len(self.steps), "record")
        return f"{layers}, {records}{taken}"

    def _contents(self) -> list[str | Table]:
        if not self.steps:
            return ["Nothing was recorded."]
        table = Table("layer", "std", "gradient", "ratio", "dead", "saturated")
        changes = [
            [_change(first, last) for first, last in zip(self[n][0], self[n][-1], strict=True)]
            for n in table.titles[1:]
        ]
        for name, *cells in zip(self.layers, *changes, strict=True):
            table.add(name, *cells)
        note = (
            f"From step {self.steps[0]} to step {self.steps[-1]}. std: of the activations; "
            "gradient: rms before the activation; ratio: rms of the kernel's gradient / kernel; "
            "dead: share of units; saturated: share of elements."
        )
        return [table, note]

    def _repr_html_(self) -> str:
        from fanin.show import page

        picture = page.picture(self.plot) if self.steps else ""
        return page.fragment(*map(page.part, self._contents()), picture)

    def __getitem__(self, statistic: str) -> Array:
        """Return a statistic as an array of shape (steps, layers); a KeyError if there is none."""
        if not isinstance(statistic, str) or statistic not in self.values:
            kind = KeyError if isinstance(statistic, str) else TypeError
            raise kind(
                f"statistic: expected one of {', '.join(STATISTICS)}, "
                f"found {_checks.found(statistic)}"
            )
        return np.array(self.values[statistic]).reshape(len(self.steps), len(self.layers))

    def plot(self, fig: "Figure | None" = None) -> "Figure":
        """Draw spread, gradient, dead and saturated share of each layer over the steps.

        Parameters
        ----------
        fig : matplotlib.figure.Figure, optional
            Where to draw.

        Returns
        -------
        matplotlib.figure.Figure
            The figure; ``fig.savefig("signals.png")`` writes it.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If nothing was recorded.
        """
        from fanin.callbacks._signal_plot import draw

        return draw(self, fig)


def _change(first: float, last: float) -> str:
    """Write a number at the start and at the end; a sign for what a layer does not have."""
    if math.isnan(first) and math.isnan(last):
        return "-"
    return f"{first:.3g} -> {last:.3g}"


class SignalMonitor(Callback):
    """Record what the layers do to signals and gradients while the network trains.

    A batch of its own is passed forward and back at step 0, every so many steps, and at the end.
    Training itself gives the same bits with it and without it.

    Parameters
    ----------
    x : array_like of shape (n, ...)
        The batch; 64 to 512 samples are enough.
    y : array_like, optional
        Its targets; without them the gradient is that of a random direction of the outputs.
    every : int, optional
        Steps between two records. Unless given, a record is made whenever recording has so far
        taken less than `cost` of the time, and at the start and the end: the steps then differ from
        run to run, but not what is recorded at a step.
    cost : float, default 0.05
        Share of the time of training that recording may take; not used with `every`.

    Attributes
    ----------
    signals : Signals
        The records, also in ``history.signals``.

    Raises
    ------
    ValueError
        If `every` or `cost` is out of range.

    Examples
    --------
    >>> import fanin
    >>> from fanin.layers import Dense
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(256, 4)), rng.integers(0, 2, 256)
    >>> model = fanin.Sequential([Dense(8, "relu"), Dense(2, "softmax")])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> monitor = SignalMonitor(x[:64], y[:64], every=4)
    >>> history = model.fit(x, y, verbose=0, callbacks=[monitor])
    >>> history.signals.steps
    [0, 4, 8]
    >>> history.signals["std"].shape
    (3, 2)
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        every: int | None = None,
        *,
        cost: float = 0.05,
    ) -> None:
        super().__init__()
        self.x: ArrayLike = x
        self.y: ArrayLike | None = y
        self.pulse_every: int | None = (
            None if every is None else _checks.integer("every", every, minimum=1)
        )
        self.cost: float = _checks.number("cost", cost, above=0.0, at_most=1.0)
        self.signals: Signals = Signals()

    def _check_run(self, run: Run) -> None:
        from fanin.models import _samples

        batch = run.model.take(self.x, _X)
        if batch.shape[1:] != run.features:
            raise ShapeError(
                f"{_X}: expected samples of shape {run.features}, as x of fit has, found "
                f"{batch.shape[1:]}"
            )
        if self.y is not None:
            names = (_X, "y of SignalMonitor", "")
            _samples.samples(run.model, run.model.compiled_with.targets, batch, self.y, names=names)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Record the network as it is.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self.signals = Signals()
        assert self.model.history is not None
        self.model.history.signals = self.signals
        self._began = time.perf_counter()
        self._batch = self.model.take(self.x, _X)
        self._record()

    def on_train_pulse(self, batch: int, logs: Logs | None = None) -> None:
        """Record if it is time to.

        Parameters
        ----------
        batch : int
            Not used.
        logs : dict, optional
            Not used.
        """
        if self.pulse_every is None:
            elapsed = time.perf_counter() - self._began
            due = self.signals.seconds <= self.cost * elapsed
        else:
            due = self._steps() % self.pulse_every == 0
        if due:
            self._record()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Record the network as it has become.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        if self.signals.steps[-1] != self._steps():
            self._record()

    def _steps(self) -> int:
        return self.model.compiled_with.iterations

    def _record(self) -> None:
        # Imported here, as `import fanin` does not need it.
        from fanin.frameworks._fanin import trace_network

        began = time.perf_counter()
        # In place: no batch is trained on while a callback runs.
        arrays = self.model.params, self.model.state
        trace = trace_network(self.model, arrays, self._batch, self.y, None, training=True)
        layers = [layer for layer in trace.layers if _watched(layer)]
        signals = self.signals
        signals.layers = [layer.name for layer in layers]
        rows = [_statistics(layer) for layer in layers]
        for name in STATISTICS:
            signals.values[name].append(np.array([row[name] for row in rows]))
        signals.steps.append(self._steps())
        signals.seconds += time.perf_counter() - began


def _watched(layer: "LayerTrace") -> bool:
    return layer.activation is not None or "kernel" in layer.parameters


def _statistics(layer: "LayerTrace") -> Mapping[str, float]:
    from fanin.diagnosis._signals import Slopes
    from fanin.frameworks._trace import as_matrix

    _, (mean, variance, *_) = _core.moments(as_matrix(layer.outputs))
    found = dict.fromkeys(STATISTICS, float("nan"))
    found["mean"], found["std"] = mean, math.sqrt(variance)
    if layer.activation is not None and layer.activation["kind"] != "softmax":
        assert layer.pre_activation is not None
        slopes = Slopes.of(layer.activation, layer.pre_activation)
        found["dead"], found["saturated"] = slopes.dead, slopes.saturated
    before = layer.pre_activation_gradient
    gradient = layer.output_gradient if before is None else before
    if gradient is not None:
        found["gradient"] = rms(gradient)
    if "kernel" in layer.gradients:
        size = rms(layer.parameters["kernel"])
        if size > 0:
            found["ratio"] = rms(layer.gradients["kernel"]) / size
    return found


def rms(array: NDArray[Any]) -> float:
    """Return the root mean square of an array."""
    from fanin.frameworks._trace import as_matrix

    return math.sqrt(_core.second_moment(as_matrix(array)))
