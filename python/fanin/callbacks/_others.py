"""Callbacks that watch nothing: schedules, functions, a stop at NaN."""

import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar

from fanin import _checks
from fanin._absences import _reasons
from fanin.callbacks import _arguments
from fanin.callbacks._base import Callback, Logs
from fanin.callbacks._run import Run


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, learning_rate)`` or ``schedule(epoch)``, epochs counted from 0; returns
        the rate.
    verbose : int, default 0
        1 prints the rate.

    Raises
    ------
    TypeError
        If an argument is of another kind, or `schedule` takes other arguments; by `fit`, if it
        returns no number.
    ValueError
        By `fit`, if it returns a negative number, NaN or infinity; before anything changes, if the
        optimizer has a schedule of its own.

    Examples
    --------
    >>> scheduler = LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    >>> scheduler.schedule(0, 0.5)
    0.45
    """

    _writes: ClassVar[tuple[str, ...]] = ("learning_rate",)

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self._takes_rate = _takes("schedule", schedule, (0, 0.0), (0,)) == 0
        self.verbose: int = _arguments.verbosity(verbose)

    def _check_run(self, run: Run) -> None:
        _arguments.rate(type(self).__name__, run.model.optimizer)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Not used.
        """
        optimizer = self.model.optimizer
        given = (epoch, _arguments.rate(type(self).__name__, optimizer))
        rate = self.schedule(*given) if self._takes_rate else self.schedule(epoch)
        rate = _checks.number("what schedule returned", rate, at_least=0.0)
        optimizer.learning_rate = rate
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: setting learning rate to {rate:g}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add ``learning_rate`` to the logs.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Its values.
        """
        if logs is not None:
            logs["learning_rate"] = _arguments.rate(type(self).__name__, self.model.optimizer)


def _takes(name: str, function: object, *arguments: tuple[Any, ...]) -> int:
    """Return the place of the first of some arguments that a function can be called with."""
    if not callable(function):
        raise TypeError(f"{name}: expected a function, found {_checks.found(function)}")
    try:
        signature = inspect.signature(function)
    except ValueError:  # a builtin without a signature
        return 0
    for place, given in enumerate(arguments):
        try:
            signature.bind(*given)
        except TypeError:
            continue
        return place
    counts = " or ".join(str(len(given)) for given in reversed(arguments))
    raise TypeError(
        f"{name}: expected a function of {counts} arguments, found one of the signature {signature}"
    )


class LambdaCallback(Callback):
    """Call functions at hooks.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end : callable, optional
        Called with epoch and logs.
    on_train_begin, on_train_end : callable, optional
        Called with logs.
    on_train_batch_begin, on_train_batch_end : callable, optional
        Called with batch and logs.
    **kwargs
        Further hooks of `Callback` by name.

    Examples
    --------
    >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    >>> callback.on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, Logs], object] | None = None,
        on_epoch_end: Callable[[int, Logs], object] | None = None,
        on_train_begin: Callable[[Logs], object] | None = None,
        on_train_end: Callable[[Logs], object] | None = None,
        on_train_batch_begin: Callable[[int, Logs], object] | None = None,
        on_train_batch_end: Callable[[int, Logs], object] | None = None,
        **kwargs: Callable[..., object] | None,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        hooks = [name for name in dir(Callback) if name.startswith("on_")]
        for name, function in given.items():
            if name not in hooks:
                raise _reasons.argument(type(self).__name__, name, hooks)
            if function is not None:
                logs_only = name in _OF_LOGS
                _takes(name, function, ({},) if logs_only else (0, {}))
                setattr(self, name, function)


_OF_LOGS = tuple(
    f"on_{kind}_{end}" for kind in ("train", "test", "predict") for end in ("begin", "end")
)
"""The hooks that are given the logs alone; all others are given an epoch or a batch too."""


class TerminateOnNaN(Callback):
    """Stop training as soon as the loss is not finite.

    Parameters
    ----------
    raise_error : bool, default False
        Whether to raise instead of ending training as usual: then the other callbacks do not hear
        of its end.

    Raises
    ------
    RuntimeError
        By `fit` if the loss is not finite, with `raise_error`.

    Examples
    --------
    >>> callback = TerminateOnNaN()
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error: bool = _checks.flag("raise_error", raise_error)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Stop if the loss is NaN or infinite.

        Parameters
        ----------
        batch : int
            Number of the batch.
        logs : dict, optional
            Means since the epoch began.
        """
        loss = (logs or {}).get("loss", 0.0)
        if math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {loss} after batch {batch} of this epoch")
        print(f"Batch {batch}: the loss is not finite, stopping")
        self.model.stop_training = True
