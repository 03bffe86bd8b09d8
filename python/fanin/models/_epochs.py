"""The batches of each epoch of a training: of samples in an order, or as a source gives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fanin.models._course import Course
from fanin.models._feeds import Stored, Stream, Tap, warn_of_end
from fanin.models._objective import Objective
from fanin.models._samples import Samples
from fanin.models._step import Pass, Step, step_of

if TYPE_CHECKING:
    from fanin.models._training import Trainee

Order = NDArray[np.uint32]


class Feed(Protocol):
    """Where the batches of a training come from."""

    steps: int | None
    """Batches of an epoch; None if nobody knows."""
    example: Samples
    """Some samples that are checked: all that there are, or the first."""

    def start(self, objective: Objective) -> None:
        """Get ready to train for an objective."""

    def begin_epoch(self, epoch: int, trainees: "Sequence[Trainee]") -> list[Pass]:
        """Begin an epoch."""

    def has_epoch(self, epoch: int) -> bool:
        """Whether there is anything to train on in an epoch; a warning if not."""

    def ready(self, done: int) -> bool:
        """Whether there is a batch of this epoch behind those that are done."""

    def run(self, passes: Sequence[Pass], start: int, stop: int) -> int:
        """Train on batches from `start` to `stop`; return where they ended."""

    def end_epoch(self, done: int) -> None:
        """End an epoch, in which so many batches were trained on."""

    def close(self) -> None:
        """Let go of what makes batches, however the training ended."""


class RowFeed:
    """Samples in an order, of which each pass over them has its own."""

    def __init__(self, samples: Samples | Stored[Samples], course: Course) -> None:
        self.samples, self.course = samples, course
        self.example = samples.example if isinstance(samples, Stored) else samples
        self._total = course.steps(len(samples))
        self.steps: int | None = course.steps_per_epoch or self._total
        self._orders: list[Order] = []
        self._at = 0
        """Batches of the pass over the samples that were in earlier epochs."""
        self._left = 0
        self._step: Step | None = None

    def start(self, objective: Objective) -> None:
        """Get ready to train for an objective."""
        samples, size, threads = self.samples, self.course.batch_size, self.course.threads
        if isinstance(samples, Stored):
            self._step = StoredStep(samples, objective, size, threads)
        else:
            self._step = step_of(objective, samples, size, threads)
            if self.course.whole:
                from fanin.models._whole import WholeStep

                self._step = WholeStep(self._step)

    def has_epoch(self, epoch: int) -> bool:
        """Whether there is anything to train on: always."""
        return True

    def begin_epoch(self, epoch: int, trainees: "Sequence[Trainee]") -> list[Pass]:
        """Begin an epoch, with new orders where the samples are through."""
        if self._at == 0:
            self._orders = [t.shuffler.order(epoch, len(self.samples)) for t in trainees]
        assert self.steps is not None
        self._left = min(self.steps, self._total - self._at)
        return [
            Pass(t.model, t.compiled, t.objective, order)
            for t, order in zip(trainees, self._orders, strict=True)
        ]

    def ready(self, done: int) -> bool:
        """Whether there is a further batch."""
        return done < self._left

    def run(self, passes: Sequence[Pass], start: int, stop: int) -> int:
        """Train; return where the batches ended."""
        assert self._step is not None
        stop = min(stop, self._left)
        self._step.run(passes, self._at + start, self._at + stop)
        return stop

    def end_epoch(self, done: int) -> None:
        """End an epoch; the next one goes on behind it."""
        self._at += done
        if done == self._left and self.steps is not None and done < self.steps:
            warn_of_end(f"x gave {done} of {self.steps} batches of an epoch")
        if self._at >= self._total or self.course.steps_per_epoch is None:
            self._at = 0

    def close(self) -> None:
        """Let go of what makes batches: nothing does."""


@dataclass(eq=False, repr=False)
class StoredStep:
    """Steps on samples that are read some batches at a time."""

    samples: Stored[Samples]
    objective: Objective
    batch_size: int
    threads: int | None

    def run(self, passes: Sequence[Pass], start: int, stop: int) -> None:
        """Train one network, reading ahead of it what fits into some megabytes."""
        (each,) = passes
        size, order = self.batch_size, each.order
        at_once = self.samples.whole_batches(size)
        for first in range(start, stop, at_once):
            last = min(first + at_once, stop)
            part = self.samples.take(order[first * size : last * size])
            train(each, self.objective, part, size, self.threads)


def train(
    each: Pass, objective: Objective, part: Samples, batch_size: int, threads: int | None
) -> None:
    """Train on all of some samples, in their order."""
    if not objective.plain:
        objective.check_weights(part)
    whole, each.order = each.order, np.arange(len(part), dtype=np.uint32)
    try:
        step_of(objective, part, batch_size, threads).run([each], 0, -(-len(part) // batch_size))
    finally:
        each.order = whole


class StreamFeed:
    """Batches as a source gives them."""

    def __init__(self, stream: Stream[Samples], course: Course) -> None:
        self.stream, self.course = stream, course
        self.example: Samples = stream.example
        self._objective: Objective | None = None
        self._tap: Tap[Samples] | None = None
        self._epochs = 0
        self._warned = False
        self._length: int | None = stream.source.steps
        """Batches of a pass over the source; a data set may have others in the next."""

    @property
    def steps(self) -> int | None:
        """Batches of an epoch."""
        return self.course.steps_per_epoch or self._length

    def start(self, objective: Objective) -> None:
        """Get ready to train for an objective."""
        self._objective = objective

    def has_epoch(self, epoch: int) -> bool:
        """Whether there is anything to train on; a warning if not."""
        tap = self._tap
        if not self.stream.source.once or tap is None or tap.ready():
            return True
        if not self._warned:
            warn_of_end(
                f"{self.stream.called} gives its batches once, and none is left after "
                f"{self._epochs} of {self.course.last - self.course.first} epochs"
            )
        return False

    def begin_epoch(self, epoch: int, trainees: "Sequence[Trainee]") -> list[Pass]:
        """Begin an epoch, with a new pass over the source where the last one is through."""
        (trainee,) = trainees
        source = self.stream.source
        source.begin()
        self._length = source.steps
        if self._tap is None or not (source.once or self._goes_on()):
            count, order = self._length, None
            if source.shuffles and count is not None and self.course.shuffle:
                order = trainee.shuffler.order(epoch, count)
            self._tap = self.stream.begin(order)
        return [Pass(trainee.model, trainee.compiled, trainee.objective, np.empty(0, np.uint32))]

    def _goes_on(self) -> bool:
        """Whether an epoch begins where the one before ended, and there is something left."""
        assert self._tap is not None
        within = self._length is None or self._tap.number < self._length
        return self.course.steps_per_epoch is not None and within and self._tap.ready()

    def ready(self, done: int) -> bool:
        """Whether there is a further batch, which is asked for."""
        assert self._tap is not None
        steps, length = self.steps, self._length
        if steps is not None and done >= steps:
            return False
        return (length is None or self._tap.number < length) and self._tap.ready()

    def run(self, passes: Sequence[Pass], start: int, stop: int) -> int:
        """Train on each batch as it comes; return where they ended."""
        (each,) = passes
        assert self._tap is not None
        assert self._objective is not None
        for number in range(start, stop):
            if not self.ready(number):
                return number
            batch = self._tap.take()
            train(each, self._objective, batch, len(batch), self.course.threads)
        return stop

    def end_epoch(self, done: int) -> None:
        """End an epoch."""
        self._epochs += 1
        asked, source, tap = self.course.steps_per_epoch, self.stream.source, self._tap
        assert tap is not None
        ended = tap.ended or tap.number == self._length
        if asked is not None and done < asked and ended:
            warn_of_end(f"{self.stream.called} gave {done} of {asked} batches of an epoch")
            self._warned = True
        if asked is None and not source.once:
            tap.close()
            self._tap = None
        source.end()

    def close(self) -> None:
        """Let go of what makes batches ahead."""
        if self._tap is not None:
            self._tap.close()


def feed_of(data: Samples | Stored[Samples] | Stream[Samples], course: Course) -> Any:
    """Return what feeds a training."""
    return StreamFeed(data, course) if isinstance(data, Stream) else RowFeed(data, course)
