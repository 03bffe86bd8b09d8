"""Callbacks that watch one value: stopping early, saving the best, lowering the rate."""

import math
import os
import warnings
from typing import Any

from fanin import _checks
from fanin.callbacks._base import BATCH_HOOKS, Callback


class Monitor(Callback):
    """Base class of the callbacks that compare a value of the logs with the best so far."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        super().__init__()
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be a name such as 'val_loss', got {monitor!r}")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor, self.mode = monitor, mode
        self.min_delta = abs(_checks.number("min_delta", min_delta))
        self.best: float | None = None

    def larger_is_better(self) -> bool:
        """Return the direction: by `mode`, else as the metric of that name says."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return False
        for metric in getattr(self.model, "metrics", ()):
            if metric.name == name:
                return bool(metric.larger_is_better)
        return "acc" in name

    def improves(self, value: float, reference: float | None) -> bool:
        """Return whether `value` is better than `reference` by more than `min_delta`."""
        if reference is None:
            return not math.isnan(value)
        if self.larger_is_better():
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    def value(self, logs: dict[str, Any] | None) -> float | None:
        """Return the value that is watched; warn if the logs do not have it."""
        logs = logs or {}
        if self.monitor in logs:
            return float(logs[self.monitor])
        from difflib import get_close_matches  # only messages need it

        close = get_close_matches(self.monitor, logs, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(logs)}"
        if self.monitor.startswith("val_") and not any(k.startswith("val_") for k in logs):
            hint = "fit was given no validation data"
        warnings.warn(
            f"{type(self).__name__} watches {self.monitor!r}, which is not in the logs: {hint}",
            stacklevel=2,
        )
        return None


class EarlyStopping(Monitor):
    """Stop training when a value has stopped improving.

    Parameters
    ----------
    monitor : str, default "val_loss"
        Which value of the logs.
    min_delta : float, default 0
        Smaller changes are no improvement.
    patience : int, default 0
        Epochs without improvement after which to stop.
    verbose : int, default 0
        1 prints a line when stopping.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better; "auto" knows by the name.
    baseline : float, optional
        A value that must be reached to count as an improvement.
    restore_best_weights : bool, default False
        Whether to put the weights of the best epoch back in the end.
    start_from_epoch : int, default 0
        Epochs to wait before watching.

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
        self.patience = _checks.integer("patience", patience, minimum=0)
        self.verbose = verbose
        self.baseline = None if baseline is None else _checks.number("baseline", baseline)
        self.restore_best_weights = _checks.flag("restore_best_weights", restore_best_weights)
        self.start_from_epoch = _checks.integer("start_from_epoch", start_from_epoch, minimum=0)
        self.best_weights: list[Any] | None = None
        self.best_epoch = self.stopped_epoch = self.wait = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget an earlier training.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, remember the best, and stop if patience is over.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Its values.
        """
        current = self.value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            # If nothing ever improves (all NaN), the first epoch watched is the one to restore.
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.improves(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Put the best weights back if asked.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
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
        What to multiply the rate by; below 1.
    patience : int, default 10
        Epochs without improvement after which to do so.
    verbose : int, default 0
        1 prints a line when doing so.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better; "auto" knows by the name.
    min_delta : float, default 1e-4
        Smaller changes are no improvement.
    cooldown : int, default 0
        Epochs to wait after a reduction.
    min_lr : float, default 0.0
        The rate does not go below it.

    Examples
    --------
    >>> ReduceLROnPlateau(factor=0.5).factor
    0.5
    """

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
        self.factor = _checks.number("factor", factor, above=0.0, below=1.0)
        self.patience = _checks.integer("patience", patience, minimum=0)
        self.verbose = verbose
        self.cooldown = _checks.integer("cooldown", cooldown, minimum=0)
        self.min_lr = _checks.number("min_lr", min_lr, at_least=0.0)
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget an earlier training.

        Parameters
        ----------
        logs : dict, optional
            Not used.
        """
        self.cooldown_counter = self.wait = 0
        self.best = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, and lower the rate if patience is over.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Its values; ``learning_rate`` is added.
        """
        logs = {} if logs is None else logs
        rate = self.model.optimizer.learning_rate
        if callable(rate):
            raise ValueError(
                "ReduceLROnPlateau cannot lower the learning rate of an optimizer with a schedule"
            )
        logs["learning_rate"] = rate
        current = self.value(logs)
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


class ModelCheckpoint(Monitor):
    """Save the model while it trains.

    Parameters
    ----------
    filepath : str or path
        Where to; may have fields such as ``"{epoch:02d}-{val_loss:.2f}.npz"``. Missing
        directories are made.
    monitor : str, default "val_loss"
        Which value of the logs says what is best.
    verbose : int, default 0
        1 prints a line when saving.
    save_best_only : bool, default False
        Whether to save only when the value improves.
    save_weights_only : bool, default False
        Whether to call `Sequential.save_weights` instead of `Sequential.save`.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better; "auto" knows by the name.
    save_freq : "epoch" or int, default "epoch"
        Save after each epoch, or after so many batches.
    initial_value_threshold : float, optional
        The value to improve on at first.

    Examples
    --------
    >>> ModelCheckpoint("best.npz", monitor="val_accuracy", save_best_only=True).save_freq
    'epoch'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, 0.0)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = _checks.flag("save_best_only", save_best_only)
        self.save_weights_only = _checks.flag("save_weights_only", save_weights_only)
        if save_freq != "epoch":
            save_freq = _checks.integer("save_freq", save_freq, minimum=1)
        self.save_freq = save_freq
        if initial_value_threshold is not None:
            self.best = _checks.number("initial_value_threshold", initial_value_threshold)
        self._epoch = self._batches = 0

    def overrides(self, hooks: Any) -> bool:
        """Return whether any of `hooks` does something: batches matter only with a `save_freq`.

        Parameters
        ----------
        hooks : iterable of str
            Names of hooks.

        Returns
        -------
        bool
            Whether one does.
        """
        if self.save_freq == "epoch":
            hooks = [hook for hook in hooks if hook not in BATCH_HOOKS]
        return super().overrides(hooks)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember the epoch.

        Parameters
        ----------
        epoch : int
            Its number.
        logs : dict, optional
            Not used.
        """
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save if `save_freq` batches have passed.

        Parameters
        ----------
        batch : int
            Number of the batch.
        logs : dict, optional
            Means since the epoch began.
        """
        self._batches += 1
        if self.save_freq != "epoch" and self._batches % int(self.save_freq) == 0:
            self._save(self._epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save if asked after epochs.

        Parameters
        ----------
        epoch : int
            Its number.
        logs : dict, optional
            Its values.
        """
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: dict[str, Any]) -> None:
        if self.save_best_only:
            current = self.value(logs)
            if current is None or not self.improves(current, self.best):
                return
            self.best = current
        try:
            path = self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise ValueError(
                f"filepath {self.filepath!r} has the field {error}, which is not in the logs: "
                f"there are epoch, {', '.join(logs)}"
            ) from None
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: saved to {path}")
