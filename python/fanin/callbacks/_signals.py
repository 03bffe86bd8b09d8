"""Watching signals and gradients while a network trains."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _optional
from fanin.callbacks._base import Callback, Logs
from fanin.callbacks._run import Run
from fanin.errors import ShapeError
from fanin.show.results import Result
from fanin.show.table import Table
from fanin.show.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fanin.diagnosis.findings import Finding

Array = NDArray[np.float64]

_X = "x of SignalMonitor"

STATISTICS = ("mean", "std", "dead", "saturated", "gradient", "ratio", "update", "noise")
"""What is kept of a layer, by the names of `Signals`' attributes."""

_LEGEND = {
    "std": "of the activations",
    "gradient": "rms before the activation",
    "ratio": "rms of the kernel's gradient / kernel",
    "update": "rms of a step / kernel",
    "noise": "samples in which the gradient's noise is as large as its mean",
    "dead": "share of units",
    "saturated": "share of elements",
}


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
        kernel; of `fanin.watch` also ``update``, that of what the step added to the kernel and of
        the kernel; ``noise`` of a dense layer's gradient in samples: the simple noise scale of
        McCandlish et al. 2018, from inputs and gradients of single samples. NaN where a layer has
        no such thing.
    findings : list of list of Finding
        What `fanin.diagnose` finds in the same pass, a list a record: all but what theory, other
        losses or more passes would have to say, and running averages, which are behind by nature.
    seconds : float
        Time that recording took.
    """

    layers: list[str] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    values: dict[str, list[Array]] = field(default_factory=lambda: {n: [] for n in STATISTICS})
    findings: "list[list[Finding]]" = field(default_factory=list)
    seconds: float = 0.0

    def add(
        self, step: int, rows: Mapping[str, Mapping[str, float]], findings: "Sequence[Finding]" = ()
    ) -> None:
        """Add a record.

        Parameters
        ----------
        step : int
            Steps that had been taken.
        rows : mapping of str to mapping of str to float
            Statistics by layer. One that was not there before has had NaN, and one that is missing
            gets it.
        findings : sequence of Finding
            What was found.
        """
        new = [name for name in rows if name not in self.layers]
        if new:
            self.layers = [*self.layers, *new]
            for name, records in self.values.items():
                self.values[name] = [np.append(r, np.full(len(new), np.nan)) for r in records]
        none = dict.fromkeys(STATISTICS, math.nan)
        for name, records in self.values.items():
            records.append(np.array([rows.get(layer, none)[name] for layer in self.layers]))
        self.steps.append(step)
        self.findings.append(list(findings))

    def _says(self) -> str:
        taken = f", from step {self.steps[0]} to {self.steps[-1]}" if self.steps else ""
        layers, records = counted(len(self.layers), "layer"), counted(len(self.steps), "record")
        return f"{layers}, {records}{taken}"

    def _contents(self) -> list[str | Table]:
        if not self.steps:
            return ["Nothing was recorded."]
        size = "update" if self._has("update") else "ratio"
        noise = ["noise"] if self._has("noise") else []
        names = ["std", "gradient", size, *noise, "dead", "saturated"]
        table = Table("layer", *names)
        changes = [
            [_change(first, last) for first, last in zip(self[n][0], self[n][-1], strict=True)]
            for n in names
        ]
        for name, *cells in zip(self.layers, *changes, strict=True):
            table.add(name, *cells)
        meant = "; ".join(f"{name}: {_LEGEND[name]}" for name in names)
        note = f"From step {self.steps[0]} to step {self.steps[-1]}. {meant}."
        return [table, note, *self._found()]

    def _has(self, statistic: str) -> bool:
        """Return whether there is such a number of any layer."""
        return any(not np.isnan(record).all() for record in self.values[statistic])

    def _found(self) -> list[str]:
        """Say what was found, kind by kind: where last, and in which records."""
        kinds: dict[str, list[int]] = {}
        for place, found in enumerate(self.findings):
            for kind in dict.fromkeys(finding.kind for finding in found):
                kinds.setdefault(kind, []).append(place)
        said = []
        for kind, places in kinds.items():
            last = next(f for f in self.findings[places[-1]] if f.kind == kind)
            first = f"step {self.steps[places[0]]}"
            until = f" to {self.steps[places[-1]]}" if len(places) > 1 else ""
            said.append(
                f"{last.severity} {kind}, {first}{until}, in {counted(len(places), 'record')}: "
                f"{last.text}"
            )
        return said

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

    def to_frame(self) -> Any:
        """Return the records as a table of pandas.

        Returns
        -------
        pandas.DataFrame
            A row a step and layer, with columns ``step``, ``layer`` and the statistics.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pandas = _optional.require("pandas")
        columns: dict[str, Any] = {
            "step": np.repeat(np.array(self.steps, np.int64), len(self.layers)),
            "layer": self.layers * len(self.steps),
        }
        return pandas.DataFrame(columns | {name: self[name].ravel() for name in STATISTICS})

    def to_tensorboard(self, folder: str | PathLike[str]) -> None:
        """Write the records as TensorBoard reads them.

        Parameters
        ----------
        folder : str or path
            Where a file of events is added: ``statistic/layer`` by step, of what is a number.

        Raises
        ------
        ImportError
            If tensorboardX is not installed.
        """
        path = _checks.text("folder", fspath(folder) if isinstance(folder, PathLike) else folder)
        writer = _optional.require("tensorboardX").SummaryWriter(logdir=path)
        try:
            for name in STATISTICS:
                for step, record in zip(self.steps, self.values[name], strict=True):
                    for layer, value in zip(self.layers, record, strict=True):
                        if not math.isnan(value):
                            writer.add_scalar(f"{name}/{layer}", float(value), step)
        finally:
            writer.close()

    def plot(self, fig: "Figure | None" = None) -> "Figure":
        """Draw spread, gradient, updates, noise, dead and saturated share of each layer by step.

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
    y : array_like, or list or dict of them, optional
        Its targets, of several outputs as `fit` takes them; without them the gradient is that of a
        random direction of the outputs.
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
        from fanin.diagnosis._watching import checked_pace

        super().__init__()
        self.x: ArrayLike = x
        self.y: ArrayLike | None = y
        self.pulse_every: int | None
        self.cost: float
        self.pulse_every, self.cost = checked_pace(every, cost)
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
            _samples.samples(
                run.model, run.model.compiled_with.targets, self.x, self.y, names=names
            )

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Record the network as it is.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        from fanin.frameworks._aims import aims_of  # not needed for `import fanin`

        self.signals = Signals()
        assert self.model.history is not None
        self.model.history.signals = self.signals
        self._began = time.perf_counter()
        self._batch = self.model.take(self.x, _X)
        self._aims = None if self.y is None else aims_of(self.model, self._batch, self.y, None)
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
        from fanin.diagnosis._watching import is_due

        steps = self._steps()
        if is_due(self.signals, steps, self.pulse_every, self.cost, self._began):
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
        from fanin.diagnosis._watching import record
        from fanin.frameworks._fanin import NAME, trace_network

        began = time.perf_counter()
        # In place: no batch is trained on while a callback runs.
        arrays = self.model.network.params, self.model.network.state
        trace = trace_network(self.model, arrays, self._batch, self._aims, training=True)
        record(self.signals, self._steps(), replace(trace, framework=NAME))
        self.signals.seconds += time.perf_counter() - began
