"""One arm, one seed: train a network and measure it."""

import copy
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fanin import _checks, callbacks, initializers, layers, losses, models, optimizers, random
from fanin.callbacks._base import Logs
from fanin.comparison.arms import Arm
from fanin.comparison.data import Data, largest_share
from fanin.comparison.diagnosis import explain, signal_spread
from fanin.comparison.settings import Settings
from fanin.comparison.statistics import beats_chance
from fanin.show.results import Result

EpochReport = Callable[[Arm, int, int, float], None]
"""Called after each epoch with the arm, the seed, epochs done and the validation accuracy."""

DIVERGENCE = 2.0
"""Losses at the end over this many times the greater of start and guessing are divergence."""

_MEASURED = ("loss", "accuracy", "val_loss", "val_accuracy")


class TrialStopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """Training was stopped from outside."""


@dataclass(frozen=True, repr=False)
class Trial(Result):
    """What came of one arm and one seed.

    Attributes
    ----------
    seed : int
        The seed.
    start_loss, start_accuracy : float
        On the validation rows (training rows if there are none) before the first step.
    loss, accuracy, val_loss, val_accuracy : tuple of float
        One value an epoch, as Keras's History has them: `loss` and `accuracy` are means over the
        epoch while it ran. The `val_` ones are empty without validation rows. Fewer than
        `epochs` values if the loss became NaN or infinite: training ends then.
    test_loss, test_accuracy : float
        On the test rows, after the last epoch.
    diverged : bool
        Whether a loss became NaN or infinite, or the last training loss is over twice the greater
        of the loss at the start and that of guessing all classes evenly.
    never_learned : bool
        Whether neither the test accuracy nor the best validation accuracy is out of reach of
        always guessing the most frequent class (see `fanin.comparison.statistics.beats_chance`).
    reason : str
        Why, if the hidden layers show why; else empty.
    seconds : float
        Wall-clock time of training with its validation passes, while other trials share the
        machine. Not compared by ``==``, as `epoch_seconds` is not.
    epoch_seconds : tuple of float
        Time from the start of training to the end of each epoch.
    """

    seed: int
    start_loss: float
    start_accuracy: float
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    val_loss: tuple[float, ...]
    val_accuracy: tuple[float, ...]
    test_loss: float
    test_accuracy: float
    diverged: bool
    never_learned: bool
    reason: str
    seconds: float = field(compare=False)
    epoch_seconds: tuple[float, ...] = field(compare=False)

    def _says(self) -> str:
        notes = [", diverged"] * self.diverged + [", never learned"] * self.never_learned
        return (
            f"seed={self.seed}, epochs={len(self.loss)}, test_accuracy={self.test_accuracy:.4f}, "
            f"test_loss={self.test_loss:.4g}{''.join(notes)}"
        )

    @property
    def best_epoch(self) -> int | None:
        """The epoch, from 1, of the best validation accuracy; None without validation rows."""
        if not self.val_accuracy:
            return None
        return 1 + int(np.argmax(self.val_accuracy))

    @property
    def best_val_accuracy(self) -> float:
        """The best validation accuracy of any epoch; NaN without validation rows."""
        return max(self.val_accuracy, default=math.nan)

    def epochs_to(self, target: float) -> int | None:
        """Count the epochs until the validation accuracy reached a target.

        Parameters
        ----------
        target : float
            An accuracy.

        Returns
        -------
        int or None
            Epochs, from 1; None if it was never reached.
        """
        wanted = _checks.number("target", target)
        for epoch, accuracy in enumerate(self.val_accuracy, start=1):
            if accuracy >= wanted:
                return epoch
        return None

    def seconds_to(self, target: float) -> float | None:
        """Measure the time until the validation accuracy reached a target.

        Parameters
        ----------
        target : float
            An accuracy.

        Returns
        -------
        float or None
            Seconds to the end of that epoch; None if it was never reached.
        """
        epoch = self.epochs_to(target)
        return None if epoch is None else self.epoch_seconds[epoch - 1]


def run_trial(
    arm: Arm,
    seed: int,
    settings: Settings,
    data: Data,
    *,
    threads: int | None = 1,
    report: EpochReport | None = None,
    stop: threading.Event | None = None,
) -> Trial:
    """Train and measure one arm with one seed.

    A function of its first four arguments alone, apart from the times. All of them pickle, so a
    trial can run in another thread, process or machine.

    Parameters
    ----------
    arm : Arm
        What starts the network.
    seed : int
        Decides the start and the order of the batches.
    settings : Settings
        Network and training.
    data : Data
        The rows.
    threads : int or None, default 1
        Threads of this trial; the result does not depend on them.
    report : callable, optional
        Called after each epoch.
    stop : threading.Event, optional
        Once set, training ends within about a tenth of a second.

    Returns
    -------
    Trial
        The measurements.

    Raises
    ------
    TrialStopped
        If `stop` was set.
    """
    model = build_network(arm, seed, settings, data)
    held_out = len(data.x_validation) > 0
    watched = (data.x_validation, data.y_validation) if held_out else (data.x_train, data.y_train)
    start_loss, start_accuracy = model.evaluate(*watched, batch_size=1024, verbose=0)
    start_spread = signal_spread(model, data.x_test)
    record = (_Record if stop is None else _StoppableRecord)(arm, seed, report, stop)
    try:
        model.fit(
            data.x_train,
            data.y_train,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            verbose=0,
            validation_data=watched if held_out else None,
            validation_batch_size=1024,
            callbacks=[record],
            threads=threads,
        )
    except FloatingPointError:  # infinite numbers behind a finite loss, which is divergence too
        record.diverge(held_out, *model.evaluate(*watched, batch_size=1024, verbose=0))
    test_loss, test_accuracy = model.evaluate(data.x_test, data.y_test, batch_size=1024, verbose=0)
    curves = {name: tuple(record.curves.get(name, ())) for name in _MEASURED}
    diverged = _diverged(start_loss, curves["loss"], curves["val_loss"], data.classes)
    never_learned = not beats_chance(
        test_accuracy, len(data.y_test), largest_share(data.y_test)
    ) and not (
        held_out
        and beats_chance(
            max(curves["val_accuracy"]), len(data.y_validation), largest_share(data.y_validation)
        )
    )
    return Trial(
        seed=seed,
        start_loss=float(start_loss),
        start_accuracy=float(start_accuracy),
        **curves,
        test_loss=float(test_loss),
        test_accuracy=float(test_accuracy),
        diverged=diverged,
        never_learned=never_learned,
        reason=(
            _overfitted(model, data, curves["accuracy"][-1])
            or explain(model, data.x_test, data.y_test, start_loss, start_spread)
        )
        if never_learned
        else "",
        seconds=record.epoch_seconds[-1],
        epoch_seconds=tuple(record.epoch_seconds),
    )


def build_network(arm: Arm, seed: int, settings: Settings, data: Data) -> models.Sequential:
    """Make the network of a trial, compiled and not yet trained.

    It is the network that a plain script makes with ``Sequential([...], rng=seed)``, number for
    number. With batch normalization the kernels stay the same, so that arms differ only where
    they are meant to.

    Parameters
    ----------
    arm, seed, settings, data
        As in `run_trial`.

    Returns
    -------
    Sequential
        The network.
    """
    initializer = copy.deepcopy(arm.initializer)  # one that consumes a generator starts anew
    place, activation = arm.batch_normalization, settings.activation
    stack: list[Any] = [layers.Input(data.x_train.shape[1:])]
    if data.x_train.ndim > 2:
        stack.append(layers.Flatten())
    for index, units in enumerate(settings.hidden):
        kernel = _At(initializer, seed, index)
        if place == "before":
            stack.append(layers.Dense(units, kernel_initializer=kernel))
            stack += [layers.BatchNormalization(), layers.Activation(activation)]
        else:
            stack.append(layers.Dense(units, activation, kernel_initializer=kernel))
            if place == "after":
                stack.append(layers.BatchNormalization())
    last = initializer if settings.initialize == "all" else initializers.GlorotUniform()
    kernel = _At(last, seed, len(settings.hidden))
    stack.append(layers.Dense(data.classes, "softmax", kernel_initializer=kernel))
    model = models.Sequential(stack, rng=seed)
    model.compile(
        optimizer=optimizers.deserialize(settings.optimizer),
        loss=losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


class _At(initializers.Initializer):
    """An initializer whose numbers depend on the dense layer's place among the dense layers.

    A network numbers all layers that have parameters, so a `BatchNormalization` in between would
    give the layers behind it other numbers, and the arms would not be paired.
    """

    def __init__(self, initializer: Any, seed: int, index: int) -> None:
        self.initializer = initializer
        self.stream = random.Stream(seed, f"{index}/kernel")

    def for_parameter(self, shape: Any, dtype: Any, rng: Any, *, path: str = "") -> Any:
        return self.initializer.for_parameter(shape, dtype, self.stream, path=self.stream.path)


class _Record(callbacks.Callback):
    """Curves and times of a fit; ends it when the loss is no number any more."""

    def __init__(
        self, arm: Arm, seed: int, report: EpochReport | None, stop: threading.Event | None
    ) -> None:
        super().__init__()
        self.arm, self.seed, self.report, self.stop = arm, seed, report, stop
        self.curves: dict[str, list[float]] = {}
        self.epoch_seconds: list[float] = []
        self.started = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.started = time.perf_counter()

    def diverge(self, held_out: bool, loss: float, accuracy: float) -> None:
        """Keep the epoch that ended in infinite numbers, with what the network then gives."""
        logs = {"loss": math.inf, "accuracy": accuracy}
        if held_out:
            logs |= {"val_loss": loss, "val_accuracy": accuracy}
        self.on_epoch_end(len(self.epoch_seconds), logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch_seconds.append(time.perf_counter() - self.started)
        values = {name: float(value) for name, value in (logs or {}).items()}
        for name, value in values.items():
            self.curves.setdefault(name, []).append(value)
        if not math.isfinite(values["loss"]):
            self.model.stop_training = True
        if self.report is not None:
            shown = values.get("val_accuracy", values["accuracy"])
            self.report(self.arm, self.seed, epoch + 1, shown)


class _StoppableRecord(_Record):
    """Also looks some times a second whether to go on: only the main thread sees a Ctrl-C."""

    def on_train_pulse(self, batch: int, logs: Logs | None = None) -> None:
        if self.stop is not None and self.stop.is_set():
            raise TrialStopped


def _overfitted(model: models.Sequential, data: Data, training_accuracy: float) -> str:
    """Say so if the network did learn, but nothing that holds outside of training."""
    if not beats_chance(training_accuracy, len(data.y_train), largest_share(data.y_train)):
        return ""
    reason = f"it got {training_accuracy:.2f} right in training, but does not carry that over"
    if any(isinstance(layer, layers.BatchNormalization) for layer in model.layers):
        reason += ": the running averages of batch normalization may need more steps"
    return reason


def _diverged(
    start: float, loss: tuple[float, ...], val_loss: tuple[float, ...], classes: int
) -> bool:
    if not all(math.isfinite(value) for value in (*loss, *val_loss)):
        return True
    return loss[-1] > DIVERGENCE * max(start, math.log(classes))
