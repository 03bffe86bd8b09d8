"""The hooks of training, and the list that calls them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from fanin import _checks
from fanin._checks import FloatArray
from fanin._members._member import Member
from fanin.callbacks._record import Record
from fanin.show import text
from fanin.show.results import Result
from fanin.show.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fanin.callbacks._run import Run
    from fanin.callbacks._signals import Signals
    from fanin.models._trainable import Trainable

Logs: TypeAlias = dict[str, float]
"""Loss and metrics by name."""

BATCH_HOOKS = (
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_batch_begin",
    "on_batch_end",
)
PULSE_HOOKS = ("on_train_pulse",)
TEST_BATCH_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
PREDICT_BATCH_HOOKS = ("on_predict_batch_begin", "on_predict_batch_end")


_SHOWN = 12
"""Epochs that a history shows in its table."""


class Callback(Member):
    """Base class of the callbacks: override the hooks you need.

    An epoch runs in compiled code without coming back, unless a callback overrides a hook of
    batches: then it comes back after each batch.

    Attributes
    ----------
    model : Sequential or Model
        The network; ``model.stop_training = True`` ends training after the batch or epoch.
    params : dict
        ``verbose``, ``epochs`` and ``steps``.
    pulse_every : int or None
        When `on_train_pulse` is called: None for about ten times a second, else whenever the steps
        that were taken are a multiple of it.

    Examples
    --------
    >>> class Shout(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch} is over!")
    >>> Shout().on_epoch_end(0)
    epoch 0 is over!
    """

    _family = "callbacks"

    pulse_every: int | None = None

    # What `on_epoch_end` adds to the logs.
    _writes: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.params: dict[str, int] = {}
        # None until a run begins; hooks are called in one.
        self.model: Trainable = None  # type: ignore[assignment]

    def set_params(self, params: dict[str, int]) -> None:
        """Set `params`; called by `fit`.

        Parameters
        ----------
        params : dict
            ``verbose``, ``epochs`` and ``steps``.
        """
        self.params = params

    def set_model(self, model: "Trainable") -> None:
        """Set `model`; called by `fit`.

        Parameters
        ----------
        model : Sequential or Model
            The network.
        """
        self.model = model

    def _check_run(self, run: "Run") -> None:
        """Refuse a `fit` that this callback cannot be part of; nothing has changed yet."""

    def _abandon(self) -> None:
        """Put back what the beginning of an evaluation changed, where that fails."""

    def overrides(self, hooks: Iterable[str]) -> bool:
        """Return whether any of `hooks` does something.

        Parameters
        ----------
        hooks : iterable of str
            Names of hooks.

        Returns
        -------
        bool
            Whether one is not that of `Callback`.
        """
        return any(
            getattr(getattr(self, hook), "__func__", None) is not getattr(Callback, hook)
            for hook in hooks
        )

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Do something before the first epoch; `logs` is empty."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Do something after training; `logs` is that of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Do something before an epoch, counted from 0; `logs` is empty."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Do something after an epoch; `logs` has its loss and metrics, by name."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Do the same as `on_train_batch_begin`, whose former name this is."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Do the same as `on_train_batch_end`, whose former name this is."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Do something before a batch of an epoch, counted from 0; `logs` is empty."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Do something after a batch; `logs` has the means since the epoch began."""
        self.on_batch_end(batch, logs)

    def on_train_pulse(self, batch: int, logs: Logs | None = None) -> None:
        """Do something now and then; `batch` is the last one done, `logs` as ever.

        About ten times a second, unless `pulse_every` says after which steps. Not a hook of
        Keras's. It costs next to nothing, where `on_train_batch_end` costs a return from compiled
        code for every batch.
        """

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Do something before an evaluation or a validation; `logs` is empty."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Do something after an evaluation or a validation; `logs` has loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Do something before a batch of an evaluation; `logs` is empty."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Do something after a batch of an evaluation; `logs` has the means so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Do something before a prediction; `logs` is empty."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Do something after a prediction; `logs` is empty."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Do something before a batch of a prediction; `logs` is empty."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, FloatArray] | None = None) -> None:
        """Do something after a batch of a prediction; `logs` has its ``outputs``."""


class History(Result, Callback):
    """What every `fit` returns: the values of each epoch.

    Attributes
    ----------
    history : dict of str to list of float
        One value an epoch: ``"loss"``, metrics, and with validation data ``"val_loss"``, ….
    epoch : list of int
        The epochs' numbers, from 0.
    signals : Signals or None
        What a `SignalMonitor` recorded.

    Examples
    --------
    >>> history = History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history.history
    {'loss': [0.5]}
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = Record()
        self.epoch: list[int] = []
        self.signals: Signals | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start counting epochs anew.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the values of an epoch.

        Parameters
        ----------
        epoch : int
            Its number.
        logs : dict, optional
            Its values.
        """
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def _ordered(self) -> dict[str, list[Any]]:
        """Return the values, the loss first, those of validation last."""
        names = sorted(self.history, key=lambda n: (n[:4] == "val_", n not in ("loss", "val_loss")))
        return {name: self.history[name] for name in names}

    def _says(self) -> str:
        last = [f"{n}={text.short(v[-1], digits=4)}" for n, v in self._ordered().items() if v]
        return ", ".join([f"epochs={len(self.epoch)}", *last])

    def _contents(self) -> list[str | Table]:
        values = self._ordered()
        if not values:
            return ["No epoch was recorded."]
        table, count = Table("epoch", *values), max(map(len, values.values()))
        numbers = self.epoch if len(self.epoch) == count else range(count)
        # Of many epochs the first, the last, and every so many between them.
        for place in sorted({*range(0, count, -(-count // _SHOWN)), count - 1}):
            row = [recorded[place : place + 1] for recorded in values.values()]
            table.add(str(numbers[place] + 1), *(text.short(v[0]) if v else "" for v in row))
        return [table]

    def _repr_html_(self) -> str:
        from fanin.callbacks._history_plot import curves
        from fanin.show import page

        picture = page.picture(self.plot) if curves(self) else ""
        return page.fragment(*map(page.part, self._contents()), picture)

    def plot(self, fig: "Figure | None" = None) -> "Figure":
        """Draw loss and metrics by epoch, of validation beside those of training.

        Parameters
        ----------
        fig : matplotlib.figure.Figure, optional
            Where to draw.

        Returns
        -------
        matplotlib.figure.Figure
            The figure; ``fig.savefig("history.png")`` writes it.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If no epoch was recorded.
        """
        from fanin.callbacks._history_plot import draw

        return draw(self, fig)

    def plot_signals(self, fig: "Figure | None" = None) -> "Figure":
        """Draw what a `SignalMonitor` recorded.

        Parameters
        ----------
        fig : matplotlib.figure.Figure, optional
            Where to draw.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        ValueError
            If nothing was recorded.
        """
        if self.signals is None:
            raise ValueError(
                "no signals were recorded: give fit callbacks=[fanin.callbacks.SignalMonitor(x, y)]"
            )
        figure: Figure = self.signals.plot(fig)
        return figure


class CallbackList:
    """The callbacks of one `fit`, `evaluate` or `predict`, called one after the other."""

    def __init__(
        self,
        callbacks: Iterable[Callback] | Callback | None,
        model: "Trainable",
        params: Mapping[str, int],
    ) -> None:
        self.callbacks: list[Callback] = []
        for callback in as_list(callbacks):
            if not isinstance(callback, Callback):
                hint = "; make one: it is a class" if isinstance(callback, type) else ""
                raise TypeError(
                    "callbacks: expected fanin.callbacks.Callback objects, found "
                    f"{_checks.found(callback)}{hint}"
                )
            _period(callback)
            self.callbacks.append(callback)
        self.model, self.params = model, dict(params)

    def check(self, run: "Run") -> None:
        """Let each callback refuse the run; nothing has changed yet."""
        for callback in self.callbacks:
            run.heard.append(callback)
            callback._check_run(run)

    def begin(self, *extra: Callback) -> None:
        """Introduce the callbacks, and `extra` ones, to the model."""
        self.callbacks.extend(extra)
        for callback in self.callbacks:
            callback.set_params(dict(self.params))
            callback.set_model(self.model)

    def any_overrides(self, hooks: Iterable[str]) -> bool:
        """Whether any callback does something in any of `hooks`."""
        return any(callback.overrides(hooks) for callback in self.callbacks)

    def until_pulse(self, steps: int) -> int | None:
        """Return in how many steps a callback wants a pulse; None if none wants it so."""
        pulsed = [callback for callback in self.callbacks if callback.overrides(PULSE_HOOKS)]
        wanted = [every for every in map(_period, pulsed) if every is not None]
        return min((every - steps % every for every in wanted), default=None)

    def pulse_by_time(self) -> bool:
        """Whether a callback wants a pulse about ten times a second."""
        return any(c.pulse_every is None and c.overrides(PULSE_HOOKS) for c in self.callbacks)

    def call(self, hook: str, *args: Any) -> None:
        """Call a hook of every callback."""
        for callback in self.callbacks:
            getattr(callback, hook)(*args)

    @contextmanager
    def around(self, kind: str) -> Iterator[Logs]:
        """Call the hooks of the beginning and the end of an evaluation or a prediction.

        Yield the logs of its end. Where it fails, what the beginning changed is put back.
        """
        logs: Logs = {}
        try:
            self.call(f"on_{kind}_begin", {})
            yield logs
        except BaseException:
            self.call("_abandon")
            raise
        self.call(f"on_{kind}_end", logs)

    def end_epoch(self, epoch: int, logs: Logs) -> None:
        """Call `on_epoch_end` of every callback; of a `History` also if one before it fails.

        The epoch has been trained and counted by then, so it must be recorded.
        """
        left = list(self.callbacks)
        try:
            while left:
                left.pop(0).on_epoch_end(epoch, logs)
        except BaseException:
            for callback in left:
                if isinstance(callback, History):
                    callback.on_epoch_end(epoch, logs)
            raise


def _period(callback: Callback) -> int | None:
    """Return every how many steps a callback wants its pulse; None for now and then."""
    every = callback.pulse_every
    name = f"pulse_every of {type(callback).__name__}"
    return None if every is None else _checks.integer(name, every, minimum=1)


def as_list(callbacks: Any) -> list[Any]:
    """Return callbacks as a list: None, one, or several are accepted."""
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback | type | str) or not isinstance(callbacks, Iterable):
        return [callbacks]
    return list(callbacks)
