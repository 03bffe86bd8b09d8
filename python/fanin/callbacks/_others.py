"""Callbacks that watch nothing: schedules, functions, a stop at NaN."""

import inspect
import math
from collections.abc import Callable
from typing import Any

from fanin import _checks
from fanin.callbacks._base import Callback


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, learning_rate)`` or ``schedule(epoch)``, epochs counted from 0; returns
        the rate.
    verbose : int, default 0
        1 prints the rate.

    Examples
    --------
    >>> scheduler = LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    >>> scheduler.schedule(0, 0.5)
    0.45
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise TypeError(f"schedule must be a function of the epoch, got {schedule!r}")
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the rate.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Not used.
        """
        optimizer = self.model.optimizer
        given = (epoch, optimizer.learning_rate)[: _arguments(self.schedule)]
        rate = self.schedule(*given)
        rate = _checks.number("what schedule returned", rate, at_least=0.0)
        optimizer.learning_rate = rate
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: setting learning rate to {rate:g}.")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add ``learning_rate`` to the logs.

        Parameters
        ----------
        epoch : int
            Number of the epoch.
        logs : dict, optional
            Its values.
        """
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate


def _arguments(schedule: Callable[..., float]) -> int:
    """Return whether a schedule takes the epoch alone, 1, or the rate too, 2."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return 1
    except ValueError:  # a builtin without a signature
        return 2
    return 2


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
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any] | None,
    ) -> None:
        super().__init__()
        known = [name for name in dir(Callback) if name.startswith("on_")]
        _checks.keywords("LambdaCallback", kwargs.keys() - set(known), known, {})
        hooks = kwargs | {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in hooks.items():
            if function is not None:
                if not callable(function):
                    raise TypeError(f"{name} must be a function, got {function!r}")
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Stop training as soon as the loss is not finite.

    Examples
    --------
    >>> callback = TerminateOnNaN()
    """

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if the loss is NaN or infinite.

        Parameters
        ----------
        batch : int
            Number of the batch.
        logs : dict, optional
            Means since the epoch began.
        """
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            print(f"Batch {batch}: the loss is not finite, stopping")
            self.model.stop_training = True
