"""The loop of `fit`: epochs here, batches in the core."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fanin import _core, random
from fanin._data import Samples
from fanin._options import Course
from fanin.callbacks._base import BATCH_HOOKS, TEST_BATCH_HOOKS, CallbackList, History
from fanin.losses import Loss
from fanin.metrics import Metric
from fanin.optimizers import Optimizer
from fanin.show.progress import INTERVAL, Progress
from fanin.streams import Replay

Array = NDArray[Any]


class Compiled:
    """What `compile` chose, and the optimizer's arrays, which live as long as the choice."""

    def __init__(self, optimizer: Optimizer, loss: Loss, metrics: list[str | Metric]) -> None:
        self.optimizer, self.loss = optimizer, loss
        self.metrics = metrics
        """By name or as objects; which accuracy is meant is known with the network's outputs."""
        self.iterations = 0
        """Steps that the optimizer has done."""
        self.epochs = 0
        """Whole epochs trained; a second `fit` does not repeat the shuffles of the first."""
        self.seen: Any = None
        """What the network consisted of when loss and outputs were last looked at."""
        self.told: str | None = None
        """What the warning about them said."""
        # Slots, their names and the settings that they are for: together, so that an interrupt
        # finds what belongs together.
        self._memory: tuple[Array | None, list[str], dict[str, Any] | None] = (None, [], None)

    @property
    def slots(self) -> Array | None:
        """The optimizer's arrays, one a row; None before training."""
        return self._memory[0]

    @slots.setter
    def slots(self, slots: Array | None) -> None:
        self._memory = (slots, [] if slots is None else self.optimizer.slot_names(), None)

    def begin(self) -> Self:
        """Count the steps of the optimizer."""
        self.optimizer._counters.add(self)
        return self

    def end(self) -> None:
        """Count them no longer."""
        self.optimizer._counters.discard(self)

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.begin()

    def arranged(self, params: Array) -> Array:
        """Return the slots that the optimizer wants, with its numbers as they are now.

        A change of these, such as a momentum that was 0, can make it want others than before: those
        whose name stays keep their values, others start as new ones do.
        """
        slots, before, _ = self._memory
        names = self.optimizer.slot_names()
        if slots is not None and before == names:
            return slots
        fresh = self.optimizer.init(params)
        for row, name in zip(fresh, names, strict=True):
            if slots is not None and name in before:
                row[:] = slots[before.index(name)]
        return fresh

    def prepare(self, params: Array) -> dict[str, Any]:
        """Bring the slots into the form that the optimizer wants; return its settings."""
        settings = self.optimizer.settings()
        if self.slots is None or settings != self._memory[2]:
            self._memory = (self.arranged(params), self.optimizer.slot_names(), settings)
        return settings


# Without eq and repr, which nothing uses: making them is part of what `import fanin` takes.
@dataclass(eq=False, repr=False)
class Goal:
    """A network, what to minimize and what to report, in the core's words."""

    plan: _core.Plan
    params: Array
    state: Array
    loss: dict[str, Any]
    metrics: list[dict[str, Any]]
    names: list[str]
    larger_is_better: dict[str, bool]
    """Of each metric, by name."""
    threads: int | None

    def logs(self, sums: Any, samples: float, prefix: str = "") -> dict[str, float]:
        """Return means by name, in alphabetical order as Keras has them."""
        found = {
            prefix + name: float(total / samples)
            for name, total in zip(self.names, sums, strict=True)
        }
        return dict(sorted(found.items()))


@dataclass(eq=False, repr=False)
class Shuffler:
    """The order of the samples in each epoch."""

    source: Any
    shuffle: bool
    offset: int
    """What to add to an epoch's number, so that shuffles of an earlier `fit` are not repeated."""

    def order(self, epoch: int, samples: int) -> NDArray[np.uint32]:
        """Return the rows in the order of an epoch."""
        if not self.shuffle:
            return np.arange(samples, dtype=np.uint32)
        if isinstance(self.source, Replay):
            source = self.source.at(f"shuffle/{epoch + self.offset}")
            return source.permutation(samples).astype(np.uint32)
        if isinstance(self.source, random.Stream):
            stream = self.source.at(f"shuffle/{epoch + self.offset}")
            return _core.permutation(stream.seed, stream.path, samples)
        return self.source.permutation(samples).astype(np.uint32)  # type: ignore[no-any-return]


@dataclass(eq=False, repr=False)
class Fit:
    """One call of `fit`, after everything about it was checked.

    Every array is updated in place by the core, batch by batch, so an interruption leaves a
    network that has seen a whole number of batches.
    """

    model: Any
    goal: Goal
    compiled: Compiled
    course: Course
    train: Samples
    validation: Samples | None
    shuffler: Shuffler
    callbacks: CallbackList
    progress: Progress
    span: int = 1
    """Batches of the next call of the core where somebody watches: as many as fill the time
    between two drawings, at the pace of the last call. It outlives an epoch: a short one is soon
    a single call."""

    def begin(self) -> None:
        """Tell the callbacks that training begins."""
        self.callbacks.call("on_train_begin", {})

    def run(self) -> None:
        """Train for the epochs of the course."""
        first, last = self.course.first, self.course.last
        logs: dict[str, Any] = {}
        for epoch in range(first, last):
            self.callbacks.call("on_epoch_begin", epoch, {})
            self.progress.begin(f"Epoch {epoch + 1}/{last}")
            logs, steps = self._epoch(epoch)
            self.refuse_infinite(epoch, logs)
            self.validate(epoch, logs)
            self.progress.end(logs, steps)
            self.record(epoch, logs)
            if self.model.stop_training:
                break
        self.callbacks.call("on_train_end", logs)

    def validate(self, epoch: int, logs: dict[str, Any]) -> None:
        """Add what validation says, if it is time to."""
        if self.validation is not None and self.course.validates(epoch + 1):
            size = self.course.validation_batch_size
            logs |= evaluate(self.goal, self.validation, size, self.callbacks, "val_")

    def record(self, epoch: int, logs: dict[str, Any]) -> None:
        """Count an epoch, and tell the callbacks."""
        self.compiled.epochs += 1
        self.callbacks.end_epoch(epoch, logs)

    def refuse_infinite(self, epoch: int, logs: dict[str, Any], whose: str = "") -> None:
        """End training in words where numbers became infinite or NaN behind a loss that is finite.

        A loss that is not finite is seen in the history, and training goes on.
        """
        goal, slots, find = self.goal, self.compiled.slots, _core.first_non_finite
        assert slots is not None
        if not math.isfinite(logs["loss"]) or (
            find(goal.params) is None and find(goal.state) is None and find(slots) is None
        ):
            return
        raise FloatingPointError(
            f"{whose}{self._first_infinite()} after epoch {epoch + 1}, though the loss is "
            f"{logs['loss']:.4g}: sample_weight, class_weight, the learning rate or x is too "
            "large. The network is as the last batch left it; go on from an earlier copy or file"
        )

    def _first_infinite(self) -> str:
        """Say where the first number is that is not finite."""
        plan = self.goal.plan
        rows = [("", plan.parameters, self.goal.params), ("", plan.state, self.goal.state)]
        rows += [(f"{m} of ", plan.parameters, row) for m, row in self.model.slots.items()]
        for what, places, row in rows:
            at = _core.first_non_finite(row)
            if at is not None:
                index, role, _, _ = next(p for p in reversed(places) if p[2] <= at)
                layer = self.model.layers[index].name
                return f"{what}{layer}/{role}: expected finite numbers, found {row[at]}"
        raise AssertionError("all numbers are finite")

    def _epoch(self, epoch: int) -> tuple[dict[str, Any], int]:
        """Train for one epoch; return its means and the number of batches done."""
        compiled, goal, train = self.compiled, self.goal, self.train
        size = self.course.batch_size
        order = self.shuffler.order(epoch, len(train))
        progress = np.zeros(2 + len(goal.names))
        progress[0] = compiled.iterations
        each = self.callbacks.any_overrides(BATCH_HOOKS)
        logs: dict[str, Any] = {}
        done = 0
        for start, stop in self.spans(each):
            if each:
                self.callbacks.call("on_train_batch_begin", start, {})
            rates = compiled.optimizer.learning_rates(compiled.iterations, stop - start)
            settings = compiled.prepare(goal.params)
            try:
                goal.plan.train(
                    goal.params,
                    goal.state,
                    compiled.slots,  # type: ignore[arg-type]
                    settings,
                    goal.loss,
                    goal.metrics,
                    train.x,
                    train.y,
                    train.weights,
                    order[start * size : stop * size],
                    size,
                    rates,
                    progress,
                    goal.threads,
                )
            finally:
                compiled.iterations = int(progress[0])
            done = stop
            logs = goal.logs(progress[2:], progress[1])
            self.progress.update(done, logs)
            if each:
                self.callbacks.call("on_train_batch_end", start, dict(logs))
            self.callbacks.call("on_train_pulse", stop - 1, dict(logs))
            if self.model.stop_training:
                break
        return logs, done

    def spans(self, each: bool) -> Iterator[tuple[int, int]]:
        """Cut an epoch's batches into the calls of the core: one, unless somebody watches."""
        steps = self.course.steps(len(self.train))
        paced = self.progress.live or self.callbacks.pulse_by_time()
        done, clock = 0, time.perf_counter()
        while done < steps:
            stop = done + 1 if each else done + self.span if paced else steps
            pulse = self.callbacks.until_pulse(self.compiled.iterations)
            stop = min(stop, steps, steps if pulse is None else done + pulse)
            yield done, stop
            now = time.perf_counter()
            pace = (now - clock) / (stop - done)
            self.span = max(1, min(4 * self.span, int(INTERVAL / max(pace, 1e-9))))
            done, clock = stop, now


def prepare(
    model: Any,
    goal: Goal,
    course: Course,
    train: Samples,
    validation: Samples | None,
    callbacks: CallbackList,
    history: History,
    source: Any = None,
) -> Fit:
    """Give a network that is built what a `fit` needs: slots, history, callbacks, shuffles."""
    compiled: Compiled = model._choices()
    model._warn_of_outputs(compiled)
    goal.params, goal.state = model.params, model.state
    compiled.prepare(model.params)
    # Shuffles of an earlier fit are not repeated, unless the user says where they come from.
    offset = max(compiled.epochs - course.first, 0) if source is None else 0
    shuffler = Shuffler(model.source if source is None else source, course.shuffle, offset)
    model.history, model.stop_training = history, False
    callbacks.begin(*([] if history in callbacks.callbacks else [history]))
    progress = Progress(course.verbose, course.steps(len(train)), course.last - course.first)
    return Fit(model, goal, compiled, course, train, validation, shuffler, callbacks, progress)


def evaluate(
    goal: Goal,
    data: Samples,
    batch_size: int,
    callbacks: CallbackList,
    prefix: str = "",
) -> dict[str, float]:
    """Return mean loss and metrics by name; batch by batch only if a callback asks for batches."""
    callbacks.call("on_test_begin", {})
    if callbacks.any_overrides(TEST_BATCH_HOOKS):
        sums, seen = np.zeros(len(goal.names)), 0
        for batch, start in enumerate(range(0, len(data), batch_size)):
            part = data[start : start + batch_size]
            callbacks.call("on_test_batch_begin", batch, {})
            sums += len(part) * np.array(_means(goal, part, batch_size))
            seen += len(part)
            callbacks.call("on_test_batch_end", batch, goal.logs(sums, seen))
    else:
        sums, seen = np.array(_means(goal, data, batch_size)), 1
    logs = goal.logs(sums, seen)
    callbacks.call("on_test_end", dict(logs))
    return goal.logs(sums, seen, prefix)


def _means(goal: Goal, data: Samples, batch_size: int) -> list[float]:
    return goal.plan.evaluate(
        goal.params,
        goal.state,
        goal.loss,
        goal.metrics,
        data.x,
        data.y,
        data.weights,
        batch_size,
        goal.threads,
    )
