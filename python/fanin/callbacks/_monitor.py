"""Callbacks that watch one value: stopping early, lowering the rate."""

import math
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import numpy as np

from fanin import _checks
from fanin._checks import FloatArray, warn
from fanin.callbacks import _arguments
from fanin.callbacks._base import Callback, Logs
from fanin.callbacks._run import EPOCH, Run


class Monitor(Callback):
    """Base class of the callbacks that compare a value of the logs with the best so far."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        super().__init__()
        if not isinstance(monitor, str):
            raise TypeError(
                f"monitor: expected a name such as 'val_loss', found {_checks.found(monitor)}"
            )
        self.monitor = monitor
        self.mode: str = _checks.one_of("mode", mode, ("auto", "min", "max"))
        self.min_delta: float = abs(_checks.number("min_delta", min_delta))
        self.best: float | None = None
        self._directions: Mapping[str, bool | None] | None = None
        self._expected: Collection[str] = ()
        self._forget_absence()

    def _forget_absence(self) -> None:
        self._seen = self._warned = False
        self._absent: str | None = None

    def _check_run(self, run: Run) -> None:
        self._check_monitor(run, run.names(), EPOCH)

    def _check_monitor(self, run: Run, names: Collection[str], hooks: tuple[str, ...]) -> None:
        """Refuse a value that cannot be in the logs, and one whose direction is not known."""
        if self.monitor not in names and not run.may_gain(hooks):
            hint = _checks.did_you_mean(self.monitor, names)
            if self.monitor.removeprefix("val_") in names:
                hint = "; fit was given no validation data"
                if hooks != EPOCH:
                    hint = "; validation comes after epochs, not after batches"
            elif not hint:
                hint = "; a callback that writes it must come before this one"
                if self.mode == "auto" and _known_direction(self.monitor, run.directions) is None:
                    hint += ", and mode='min' or mode='max' must be given"
            raise ValueError(
                f"monitor of {type(self).__name__}: expected one of {', '.join(names)}, found "
                f"{self.monitor!r}{hint}"
            )
        self._direction(run.directions)
        self._directions, self._expected = run.directions, names

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier training.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self._forget_absence()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Warn if the value was never there.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        if self._absent is not None and not self._seen:
            warn(
                f"{type(self).__name__} did nothing: it needs {self._absent!r}, which no epoch of "
                "this training had; validation_freq skipped them all"
            )

    def larger_is_better(self) -> bool:
        """Return the direction: by `mode`, else as the loss or metric of that name has it."""
        directions = self._directions
        if directions is None:  # called by hand, not by `fit`
            metrics = getattr(self.model, "metrics", ())
            directions = {metric.name: metric.larger_is_better for metric in metrics}
        return self._direction(directions)

    def _direction(self, directions: Mapping[str, bool | None]) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        found = _known_direction(self.monitor, directions)
        if found is None:
            raise ValueError(
                f"mode of {type(self).__name__}: expected mode='min' or mode='max', as nothing "
                f"says whether a larger {self.monitor!r} is better; found 'auto'"
            )
        return found

    def improves(self, value: float, reference: float | None) -> bool:
        """Return whether `value` is better than `reference` by more than `min_delta`."""
        larger = self.larger_is_better()
        if reference is None:
            return not math.isnan(value)
        if larger:
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    def get_monitor_value(self, logs: Logs | None) -> float | None:
        """Return the value that is watched, or None where validation skips the epoch.

        Warns, once a training, if nothing explains that the logs do not have it.
        """
        logs = logs or {}
        if self.monitor in logs:
            self._seen = True
            return _scalar(f"{self.monitor!r} of the logs", logs[self.monitor])
        if self.monitor in self._expected:
            self._absent = self.monitor
        elif not self._warned:
            self._warned = True
            hint = _checks.did_you_mean(self.monitor, logs) or f"; there are {', '.join(logs)}"
            warn(f"{type(self).__name__} watches {self.monitor!r}, which is not in the logs{hint}")
        return None


def _scalar(name: str, value: Any) -> float:
    """Return a value of the logs as a float; NaN and infinities are values too."""
    try:
        if not isinstance(value, str | bytes) and np.ndim(value) == 0:
            return float(value)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"{name}: expected a number, found {_checks.found(value)}")


def _known_direction(monitor: str, directions: Mapping[str, bool | None]) -> bool | None:
    """Return whether a larger value is better; None if nothing says so."""
    from fanin import metrics

    stem = monitor.removeprefix("val_")
    for name in (monitor, stem):
        if name == "loss" or name in directions:
            return directions.get(name, False)
    if stem in metrics._ACCURACY:
        return True
    try:  # a callback writes it, and calls it as we would
        return metrics.get(stem).larger_is_better
    except ValueError:
        return None


class EarlyStopping(Monitor):
    """Stop training when a value has stopped improving.

    Parameters
    ----------
    monitor : str, default "val_loss"
        Which value of the logs.
    min_delta : float, default 0
        Smaller changes are no improvement; its sign does not matter.
    patience : int, default 0
        Epochs without improvement after which to stop. Epochs that have no value, because
        ``validation_freq`` skips them, do not count.
    verbose : int, default 0
        1 prints a line when stopping.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better; "auto" knows the loss, the metrics of the network and
        those of `fanin.metrics`.
    baseline : float, optional
        Only what is better than this counts as an improvement: unless it is reached within
        `patience` epochs, training stops.
    restore_best_weights : bool, default False
        Whether to put the weights of the best epoch back in the end; of the best of those that
        were watched, whether or not it reached `baseline`. An interrupted training leaves them
        in ``best_weights``.
    start_from_epoch : int, default 0
        Epochs to wait before watching. If training ends before, there is no best epoch and
        nothing is put back.

    Raises
    ------
    ValueError
        If an argument is out of range; by `fit`, before anything changes, if the logs cannot have
        the value, or if "auto" does not know its direction.
    TypeError
        If an argument is of another kind.

    Notes
    -----
    With `baseline` this is what Keras's documentation says; its code (3.15) goes on for as long as
    values improve, however far from the baseline they are.

    Examples
    --------
    >>> import numpy as np, fanin
    >>> model = fanin.Sequential([fanin.layers.Dense(1, input_dim=1)], rng=0)
    >>> model.compile("sgd", "mse")
    >>> stop = EarlyStopping(monitor="loss", min_delta=1e9, patience=2)
    >>> history = model.fit(np.ones((8, 1)), np.ones(8), epochs=50, verbose=0, callbacks=[stop])
    >>> len(history.epoch)
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience: int = _checks.integer("patience", patience, minimum=0)
        self.verbose: int = _arguments.verbosity(verbose)
        self.baseline: float | None = (
            None if baseline is None else _checks.number("baseline", baseline)
        )
        self.restore_best_weights: bool = _checks.flag("restore_best_weights", restore_best_weights)
        self.start_from_epoch: int = _checks.integer(
            "start_from_epoch", start_from_epoch, minimum=0
        )
        self.best_weights: list[FloatArray] | None = None
        self.best_epoch: int = 0
        self.stopped_epoch: int = 0
        self.wait: int = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier training.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        super().on_train_begin(logs)
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, remember the best, and stop if patience is over.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Its values.
        """
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            # If nothing ever improves (all NaN), the first epoch watched is the one to restore.
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        counts = self.improves(current, self.best)
        if counts:
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            counts = self.baseline is None or self.improves(current, self.baseline)
        self.wait = 0 if counts else self.wait + 1
        if not counts and self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Put the best weights back if asked.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        super().on_train_end(logs)
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(Monitor):
    """Lower the learning rate when a value has stopped improving.

    Parameters
    ----------
    monitor : str, default "val_loss"
        Which value of the logs.
    factor : float, default 0.1
        What to multiply the rate by; between 0 and 1.
    patience : int, default 10
        Epochs without improvement after which to do so. Epochs that have no value, because
        ``validation_freq`` skips them, do not count, nor for `cooldown`.
    verbose : int, default 0
        1 prints a line when doing so.
    mode : {"auto", "min", "max"}, default "auto"
        As of `EarlyStopping`.
    min_delta : float, default 1e-4
        Smaller changes are no improvement; its sign does not matter.
    cooldown : int, default 0
        Epochs to wait after a reduction.
    min_lr : float, default 0.0
        The rate does not go below it.

    Raises
    ------
    ValueError
        If an argument is out of range; by `fit`, before anything changes, if the optimizer has a
        schedule, and as with `EarlyStopping`.
    TypeError
        If an argument is of another kind.

    Examples
    --------
    >>> ReduceLROnPlateau(factor=0.5).factor
    0.5
    """

    _writes: ClassVar[tuple[str, ...]] = ("learning_rate",)

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor: float = _checks.number("factor", factor, above=0.0, below=1.0)
        self.patience: int = _checks.integer("patience", patience, minimum=0)
        self.verbose: int = _arguments.verbosity(verbose)
        self.cooldown: int = _checks.integer("cooldown", cooldown, minimum=0)
        self.min_lr: float = _checks.number("min_lr", min_lr, at_least=0.0)
        self.cooldown_counter: int = 0
        self.wait: int = 0

    def _check_run(self, run: Run) -> None:
        _arguments.rate(type(self).__name__, run.model.optimizer)
        super()._check_run(run)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier training.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        super().on_train_begin(logs)
        self.cooldown_counter = self.wait = 0
        self.best = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and lower the rate if patience is over.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Its values; ``learning_rate`` is added.
        """
        logs = {} if logs is None else logs
        rate = _arguments.rate(type(self).__name__, self.model.optimizer)
        logs["learning_rate"] = rate
        current = self.get_monitor_value(logs)
        if current is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best, self.wait = current, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                lower = max(rate * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = lower
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"\nEpoch {epoch + 1}: reducing learning rate to {lower:g}.")
