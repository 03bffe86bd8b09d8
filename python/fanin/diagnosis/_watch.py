"""Watching a model while somebody else's loop trains it."""

import time
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fanin import _checks
from fanin.callbacks._signals import Signals
from fanin.diagnosis._watching import checked_pace, is_due, record
from fanin.diagnosis.findings import Finding
from fanin.frameworks import _open as frameworks
from fanin.show.results import Result
from fanin.show.table import Table
from fanin.show.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fanin.typing import TorchModel


def watch(model: "TorchModel", every: int | None = None, *, cost: float = 0.05) -> "Watch":
    """Record what layers do to signals and gradients while a loop of your own trains them.

    Nothing runs but the loop: in steps that are due, hooks keep what passes through the model
    anyway, and `step` measures it. The loop trains to the same bits, and nothing is left behind
    when the block ends, or `Watch.close` is called, however it ends.

    Parameters
    ----------
    model : torch.nn.Module
        What the loop calls; on any device, of any precision. Not one under `torch.compile`, whose
        hooks do not run.
    every : int, optional
        Steps between two records. Unless given, a record is made whenever recording has so far
        taken less than `cost` of the time, and in the first step.
    cost : float, default 0.05
        Share of the time that recording may take; not used with `every`.

    Returns
    -------
    Watch
        Whose `Watch.step` the loop calls after each step of its optimizer.

    Raises
    ------
    TypeError
        If `model` is no module of torch. `fit` of a Sequential takes a `SignalMonitor`.
    ValueError
        If `every` or `cost` is out of range, or hooks would see nothing of the model: compiled
        modules, `DataParallel`, parameters without shape or memory.

    Notes
    -----
    Of several passes in one step (parts of a batch, a closure of LBFGS) the last one is recorded;
    the gradients of parameters are what they have gathered. Passes under ``torch.no_grad()`` are
    not looked at. A step without a pass back has signals, and NaN for its gradients. Gradients are
    multiplied by the number of samples, as those of a mean over the first axis of the inputs.

    Examples
    --------
    The loop, for a module of torch::

        with fanin.watch(model, every=100) as watch:
            for x, y in batches:
                optimizer.zero_grad()
                loss(model(x), y).backward()
                optimizer.step()
                watch.step()
        print(watch)
    """
    steps, share = checked_pace(every, cost)
    return Watch(model, steps, share)


class Watch(Result):
    """A model that is watched while a loop trains it; made by `fanin.watch`.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    every : int or None
        Steps between two records.
    cost : float
        Share of the time that recording may take where `every` is None.

    Attributes
    ----------
    signals : Signals
        The records.
    steps : int
        How often `step` was called.
    """

    def __init__(self, model: "TorchModel", every: int | None, cost: float) -> None:
        self.signals: Signals = Signals()
        self.steps: int = 0
        self._model, self._every, self._cost = type(model).__name__, every, cost
        self._open = True
        self._watcher = frameworks.watched(model, self._is_due)
        self._began = time.perf_counter()

    def _is_due(self) -> bool:
        return is_due(self.signals, self.steps, self._every, self._cost, self._began)

    @property
    def findings(self) -> list[Finding]:
        """What was found in the last record, most severe first."""
        return self.signals.findings[-1] if self.signals.findings else []

    def step(self, *, scale: float = 1.0) -> None:
        """Record the step that was taken, if it was due; to be called after `optimizer.step()`.

        Parameters
        ----------
        scale : float, default 1.0
            What the loss was multiplied by for `backward`, such as ``scaler.get_scale()`` before
            ``scaler.update()``: gradients are divided by it.

        Raises
        ------
        ValueError
            If `scale` is not positive, or the watch is closed.
        """
        scale = _checks.number("scale", scale, above=0.0)
        if not self._open:
            raise ValueError("step: expected a watch that is open, found one that is closed")
        began = time.perf_counter()
        seen = self._watcher.take(scale)
        if seen is not None:
            record(
                self.signals, self.steps, seen.trace, training=seen.training, updates=seen.updates
            )
            self.signals.seconds += seen.seconds + time.perf_counter() - began
        self.steps += 1

    def close(self) -> None:
        """Leave the model as it was found; what is recorded stays. A second call does nothing."""
        if self._open:
            self._open = False
            self._watcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if kind is None and not self.signals.steps:
            lack = (
                "no pass forward that autograd records was seen: call the model itself, not its "
                "parts and not under torch.compile"
                if self.steps
                else "step() was not called: call it after optimizer.step()"
            )
            _checks.warn(f"watch: nothing was recorded of {self._model}, as {lack}")

    def to_frame(self) -> Any:
        """Return the records as a table of pandas; see `Signals.to_frame`."""
        return self.signals.to_frame()

    def to_tensorboard(self, folder: str | PathLike[str]) -> None:
        """Write the records as TensorBoard reads them; see `Signals.to_tensorboard`.

        Parameters
        ----------
        folder : str or path
            Where a file of events is added.
        """
        self.signals.to_tensorboard(folder)

    def plot(self, fig: "Figure | None" = None) -> "Figure":
        """Draw the records; see `Signals.plot`.

        Parameters
        ----------
        fig : matplotlib.figure.Figure, optional
            Where to draw.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return self.signals.plot(fig)

    def _says(self) -> str:
        state = "" if self._open else ", closed"
        return f"{self._model}, {counted(self.steps, 'step')}{state}, {self.signals._says()}"

    def _contents(self) -> list[str | Table]:
        return self.signals._contents()

    def _repr_html_(self) -> str:
        return self.signals._repr_html_()
