"""Saving the model while it trains."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from fanin import _checks
from fanin._checks import warn
from fanin._files import _disk
from fanin.callbacks import _arguments
from fanin.callbacks._base import BATCH_HOOKS, Logs
from fanin.callbacks._monitor import Monitor
from fanin.callbacks._run import BATCH, EPOCH, Run


class ModelCheckpoint(Monitor):
    """Save the model while it trains.

    Parameters
    ----------
    filepath : str or path
        Where to; may have fields such as ``"{epoch:02d}-{val_loss:.2f}.npz"``: ``epoch``, with an
        integer `save_freq` ``batch``, both counted from 1, and what is in the logs. Missing
        directories are made. Where validation skips an epoch whose values are fields, nothing is
        saved.
    monitor : str, default "val_loss"
        Which value of the logs says what is best; not used without `save_best_only`.
    verbose : int, default 0
        1 prints a line when saving.
    save_best_only : bool, default False
        Whether to save only when the value improves. The best value so far is remembered from one
        `fit` to the next, as in Keras, so that a better file is not replaced.
    save_weights_only : bool, default False
        Whether to call `Sequential.save_weights` instead of `Sequential.save`.
    mode : {"auto", "min", "max"}, default "auto"
        As of `EarlyStopping`.
    save_freq : "epoch" or int, default "epoch"
        Save after each epoch, or after so many batches.
    initial_value_threshold : float, optional
        The value to improve on at first.

    Raises
    ------
    ValueError
        If an argument is out of range, or `filepath` has a field that no file can be named by; by
        `fit`, before anything changes, if `filepath` has a field that the logs do not have, if
        the model cannot be written to a file, and with `save_best_only` as `EarlyStopping`.
    OSError
        By `fit`, before anything changes, if nothing can be written there.
    TypeError
        If an argument is of another kind.

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
        from fanin.models import _archive

        self.filepath: str = _arguments.file("filepath", _archive.check_path(filepath))
        self.verbose: int = _arguments.verbosity(verbose)
        self.save_best_only: bool = _checks.flag("save_best_only", save_best_only)
        self.save_weights_only: bool = _checks.flag("save_weights_only", save_weights_only)
        self.save_freq: str | int = _frequency(save_freq)
        if initial_value_threshold is not None:
            self.best = _checks.number("initial_value_threshold", initial_value_threshold)
        self._epoch = self._batches = 0
        fields = _AnyField(self._counts(0, 0))
        self._example(fields)
        if "batch" in fields.others:
            raise ValueError(
                "filepath: expected the field {batch} with an integer save_freq, found "
                f"{self.filepath!r} with save_freq={self.save_freq!r}"
            )

    def _check_run(self, run: Run) -> None:
        each_epoch = self.save_freq == "epoch"
        names = run.names() if each_epoch else run.batch_names()
        hooks = EPOCH if each_epoch else BATCH
        if self.save_best_only:
            self._check_monitor(run, names, hooks)
        self._expected = names
        known = {**dict.fromkeys(names, 0.5), **self._counts(0, 0)}
        path = self._example(_AnyField(known) if run.may_gain(hooks) else known)
        while (folder := os.path.dirname(path)) and not os.path.exists(folder):
            path = folder  # folders are made
        _disk.check_writable(path)
        if not self.save_weights_only:
            from fanin.models import _archive

            _archive.check_savable(run.model)

    def _counts(self, epoch: int, batch: int) -> dict[str, Any]:
        """Return the fields that are no values of the logs, counted from 1."""
        counts = {"epoch": epoch + 1}
        return counts if self.save_freq == "epoch" else {**counts, "batch": batch + 1}

    def _example(self, values: Mapping[str, Any]) -> str:
        """Return the path that some values give, or say what is wrong with the fields."""
        try:
            return self.filepath.format_map(values)
        except KeyError as error:
            name = str(error.args[0])
            hint = _checks.did_you_mean(name, values)
            raise ValueError(
                f"filepath: expected fields of {', '.join(values)}, found {{{name}}} in "
                f"{self.filepath!r}{hint}"
            ) from None
        except _BAD_FORMAT as error:
            raise ValueError(
                "filepath: expected fields such as {epoch:02d} or {val_loss:.2f}, found "
                f"{self.filepath!r}: {error}"
            ) from None

    def overrides(self, hooks: Iterable[str]) -> bool:
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

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Remember the epoch.

        Parameters
        ----------
        epoch : int
            Its number.
        logs : dict, optional
            Not used.
        """
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
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
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save if asked after epochs.

        Parameters
        ----------
        epoch : int
            Its number.
        logs : dict, optional
            Its values.
        """
        if self.save_freq == "epoch":
            self._save(epoch, 0, logs or {})

    def _save(self, epoch: int, batch: int, logs: Logs) -> None:
        current = self.best
        if self.save_best_only:
            current = self.get_monitor_value(logs)
            if current is None or not self.improves(current, self.best):
                return
        path = self._path({**logs, **self._counts(epoch, batch)})
        if path is None:
            return
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        self.best = current  # not before the file is there
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: saved to {path}")

    def _path(self, values: Mapping[str, Any]) -> str | None:
        """Return where to save; None if a field has no value, without ending the training."""
        try:
            path = self.filepath.format_map(values)
        except KeyError as error:
            name = str(error.args[0])
            if name in self._expected:
                self._absent = name
                return None
            reason = f"{{{name}}} is not in the logs; there are {', '.join(values)}"
        except _BAD_FORMAT as error:
            reason = str(error)
        else:
            self._seen = True
            return path
        if not self._warned:
            self._warned = True
            warn(f"ModelCheckpoint cannot name a file by {self.filepath!r}: {reason}")
        return None


_BAD_FORMAT = (ValueError, TypeError, AttributeError, IndexError, OverflowError)
"""What a format raises whose field is no name, or does not fit the value."""


def _frequency(value: str | int) -> str | int:
    if isinstance(value, str) and value == "epoch":
        return value
    name = "save_freq"
    if isinstance(value, str):
        raise ValueError(f"{name}: expected 'epoch' or a number of batches, found {value!r}")
    return _checks.integer(name, value, minimum=1)


class _AnyField(dict[str, Any]):
    """Values of fields, and a stand-in that fits every format for a name that may come."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__(known)
        self.others: set[str] = set()

    def __missing__(self, name: str) -> Any:
        self.others.add(name)
        return _Anything()


class _Anything:
    def __format__(self, spec: str) -> str:
        return "0"

    def __getattr__(self, name: str) -> Any:
        return self

    def __getitem__(self, key: object) -> Any:
        return self
