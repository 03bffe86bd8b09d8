"""Training one network or several: checks and epochs here, batches in the core."""

import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin import _core, random
from fanin.callbacks._base import BATCH_HOOKS, Callback, CallbackList, History
from fanin.callbacks._run import Run
from fanin.layers._network import Network
from fanin.models import _samples
from fanin.models._compiled import Compiled
from fanin.models._course import Course
from fanin.models._epochs import Feed, feed_of
from fanin.models._feeds import Stream, example_of, first_steps, training_parts, warn_of_end
from fanin.models._objective import Objective, counting
from fanin.models._samples import Samples
from fanin.models._step import Data, Pass, evaluate, step_of
from fanin.show.progress import INTERVAL, Progress
from fanin.streams import Replay

if TYPE_CHECKING:
    from fanin.models._trainable import Trainable
    from fanin.typing import BatchesLike, InputsLike, TargetsLike, Validation, WeightsLike

Array = NDArray[Any]


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
class Trainee:
    """One network that is trained, and all that belongs to it alone."""

    model: "Trainable"
    whose: str
    """What a message about it begins with."""
    compiled: Compiled
    objective: Objective
    shuffler: Shuffler
    callbacks: CallbackList
    history: History

    @property
    def network(self) -> Network:
        """The network, of the options that its layers have now: a callback may set them."""
        return self.model.network

    def record(self, epoch: int, logs: dict[str, Any]) -> None:
        """Count an epoch, and tell the callbacks."""
        self.compiled.epochs += 1
        self.callbacks.end_epoch(epoch, logs)


def spoilt(
    model: "Trainable", compiled: Compiled, loss: float, when: str, whose: str = ""
) -> FloatingPointError | None:
    """Return an error if numbers became infinite or NaN behind a loss that is finite.

    A loss that is not finite is seen by who is told it, and training goes on.
    """
    network, slots, find = model.network, compiled.slots, _core.first_non_finite
    assert slots is not None
    own = network.gathered(network.params), network.gathered(network.state, network.plan.state)
    if not math.isfinite(loss) or all(find(part) is None for part in (*own, slots)):
        return None
    return FloatingPointError(
        f"{whose}{_first_infinite(model, compiled)} after {when}, though the loss is "
        f"{loss:.4g}: sample_weight, class_weight, the learning rate or x is too "
        "large. The network is as the last batch left it; go on from an earlier copy or file"
    )


def _first_infinite(model: "Trainable", compiled: Compiled) -> str:
    """Say where the first number is that is not finite."""
    network = model.network
    plan = network.plan
    rows = [("", plan.parameters, network.params), ("", plan.state, network.state)]
    slots = compiled.arranged(network.params)
    named = zip(compiled.optimizer.slot_names(), slots, strict=True)
    rows += [(f"{name} of ", plan.parameters, row) for name, row in named]
    for what, places, row in rows:
        for index, role, start, shape in places:
            own = row[start : start + math.prod(shape)]
            at = _core.first_non_finite(own)
            if at is not None:
                layer = model.computing[index].name
                return f"{what}{layer}/{role}: expected finite numbers, found {own[at]}"
    raise AssertionError("all numbers are finite")


@dataclass(eq=False, repr=False)
class Training:
    """One call of `fit` or `fit_many`, after everything about it was checked.

    Every array is updated in place by the core, batch by batch, so an interruption leaves networks
    that have seen a whole number of batches.
    """

    trainees: Sequence[Trainee]
    feed: Feed
    course: Course
    validation: Data | None
    progress: Progress
    span: int = 1
    """Batches of the next call of the core where somebody watches: as many as fill the time
    between two drawings, at the pace of the last call. It outlives an epoch: a short one is soon
    a single call."""

    def run(self) -> None:
        """Train for the epochs of the course."""
        first, last = self.course.first, self.course.last
        logs: list[dict[str, Any]] = [{} for _ in self.trainees]
        for epoch in range(first, last):
            if not self.feed.has_epoch(epoch):
                break
            for trainee in self.trainees:
                trainee.callbacks.call("on_epoch_begin", epoch, {})
            self.progress.begin(f"Epoch {epoch + 1}/{last}")
            logs, steps = self._epoch(epoch)
            self._finish(epoch, logs, steps)
            if self._stopped():
                break
        for trainee, own in zip(self.trainees, logs, strict=True):
            trainee.compiled.finish(trainee.network)
            trainee.callbacks.call("on_train_end", own)

    def _epoch(self, epoch: int) -> tuple[list[dict[str, Any]], int]:
        """Train for one epoch; return the means of each network, and how many batches are done."""
        trainees, feed = self.trainees, self.feed
        passes = feed.begin_epoch(epoch, trainees)
        each = any(trainee.callbacks.any_overrides(BATCH_HOOKS) for trainee in trainees)
        logs: list[dict[str, Any]] = [{} for _ in trainees]
        done, clock = 0, time.perf_counter()
        while feed.ready(done):
            if each:
                for trainee in trainees:
                    trainee.callbacks.call("on_train_batch_begin", done, {})
            start, done = done, feed.run(passes, done, self._stop(done, each))
            clock = self._pace(clock, done - start)
            logs = [part.logs() for part in passes]
            self.progress.update(done, _means(logs))
            for trainee, own in zip(trainees, logs, strict=True):
                if each:
                    trainee.callbacks.call("on_train_batch_end", start, dict(own))
                trainee.callbacks.call("on_train_pulse", done - 1, dict(own))
            if self._stopped():
                break
        feed.end_epoch(done)
        return logs, done

    def _finish(self, epoch: int, logs: list[dict[str, Any]], steps: int) -> None:
        """Validate an epoch, show and record it.

        Where numbers of one network are spoilt, the others have trained this epoch, which counts.
        """
        error, sound = None, []
        for trainee, own in zip(self.trainees, logs, strict=True):
            when, whose = f"epoch {epoch + 1}", trainee.whose
            found = spoilt(trainee.model, trainee.compiled, own["loss"], when, whose)
            if found is None:
                self._validate(trainee, epoch, own)
                sound.append((trainee, own))
            error = error or found
        if error is None:
            self.progress.end(_means(logs), steps)
        for trainee, own in sound:
            trainee.record(epoch, own)
        if error is not None:
            raise error

    def _stopped(self) -> bool:
        return all(trainee.model.stop_training for trainee in self.trainees)

    def _validate(self, trainee: Trainee, epoch: int, logs: dict[str, Any]) -> None:
        """Add what validation says, if it is time to."""
        course = self.course
        if self.validation is None or not course.validates(epoch + 1):
            return
        if isinstance(self.validation, Stream) and not self.validation.has_more():
            warn_of_end(f"{self.validation.called} has no batch left for epoch {epoch + 1}")
        else:
            logs |= evaluate(
                trainee.network,
                trainee.objective,
                self.validation,
                course.validation_batch_size,
                course.threads,
                trainee.callbacks,
                "val_",
            )

    def _stop(self, done: int, each: bool) -> int:
        """Return where the next call of the core ends: with the epoch, unless somebody watches."""
        paced = self.progress.live or any(t.callbacks.pulse_by_time() for t in self.trainees)
        steps = sys.maxsize if self.feed.steps is None else self.feed.steps
        stop = min(done + 1 if each else done + self.span if paced else steps, steps)
        for trainee in self.trainees:
            pulse = trainee.callbacks.until_pulse(trainee.compiled.iterations)
            stop = stop if pulse is None else min(stop, done + pulse)
        return stop

    def _pace(self, clock: float, batches: int) -> float:
        """Choose the length of the next span by the pace of the one that began at `clock`."""
        now = time.perf_counter()
        pace = (now - clock) / batches
        self.span = max(1, min(4 * self.span, int(INTERVAL / max(pace, 1e-9))))
        return now


def _means(logs: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Return what is shown of several networks: means."""
    if len(logs) == 1:
        return logs[0]
    return {name: float(np.mean([own[name] for own in logs])) for name in logs[0]}


def fit(
    models: Sequence["Trainable"],
    course: Course,
    x: "InputsLike | BatchesLike | None",
    y: "TargetsLike | None",
    sample_weight: "WeightsLike | None",
    class_weight: Mapping[int, float] | None,
    validation_data: "Validation | None",
    callbacks: Iterable[Callback] | Callback | None = None,
    source: "random.RandomSource | None" = None,
    whose: Sequence[str] = ("",),
) -> list[History]:
    """Train networks that are compiled on the same samples; nothing changes before all is checked.

    What the arguments mean is said by `fanin.Model.fit` and `fanin.fit_many`. Shuffles come
    from `source`, if not from the networks; messages about one begin with its entry of `whose`.
    """
    lead, compiled = models[0], [model.compiled_with for model in models]
    targets, given = compiled[0].targets, (x, y, sample_weight)
    samples: Any
    validation: Any
    if tuple(whose) == ("",):  # of `fit`
        samples, validation = training_parts(
            lead, targets, given, class_weight, validation_data, course
        )
    else:
        samples, validation = _samples.parts(
            lead, targets, *given, class_weight, course.split, validation_data
        )
    if any(own.optimizer._whole for own in compiled):
        from fanin.models import _whole

        _whole.settle(models, course, samples)
    feed, validation = _sized(course, samples, validation)
    example = feed.example
    shape = example.x.shape[1:]
    plans = [model.plan_for(shape) for model in models]
    objectives = [own.objective(plan) for own, plan in zip(compiled, plans, strict=True)]
    if len(models) > 1:
        _check_alike(whose, plans, objectives)
        _check_lookups(whose, models, plans, x, validation_data)
    called = []
    for model, own, objective in zip(models, compiled, objectives, strict=True):
        objective.check_weights(example, None if validation is None else example_of(validation))
        own.optimizer.slot_names()  # refuses numbers that it was given since it was made
        hooks = CallbackList(callbacks, model, course.told(feed.steps))
        hooks.check(Run(model, shape, objective.larger_is_better, validation is not None))
        called.append(hooks)

    if len(models) > 1:
        from fanin.models import _sharing

        _sharing.refuse_alike(models, whose)
    # Everything was checked: from here on the networks change, and no other thread changes them.
    locks, names = [model.lock for model in models], [model.name for model in models]
    with _core.Writing(locks, names, True), counting(objectives) as counted:
        with _beginning(models, example):
            trainees = [
                _trainee(model, name, course, objective, hooks, source)
                for model, name, objective, hooks in zip(
                    models, whose, counted, called, strict=True
                )
            ]
            progress = Progress(course.verbose, feed.steps, course.last - course.first)
            feed.start(counted[0])
            training = Training(trainees, feed, course, validation, progress)
            for trainee in trainees:
                trainee.callbacks.call("on_train_begin", {})
        with progress, closing(feed):
            training.run()
    return [trainee.history for trainee in trainees]


def _sized(course: Course, samples: Any, validation: Any) -> tuple[Feed, Any]:
    """Choose sizes of batches; return what feeds the training, and what to validate on."""
    counts = (
        None if data is None or isinstance(data, Stream) else len(data)
        for data in (samples, validation)
    )
    course.settle(*counts)
    if validation is not None:
        size, steps = course.validation_batch_size, course.validation_steps
        validation = first_steps(validation, size, steps)
    feed: Feed = feed_of(samples, course)
    return feed, validation


def train_on_batch(
    model: "Trainable",
    x: "InputsLike",
    y: "TargetsLike | None",
    sample_weight: "WeightsLike | None",
    class_weight: Mapping[int, float] | None,
    threads: int | None,
) -> tuple[dict[str, float], list[str]]:
    """Take one step on all of these samples, after everything was checked.

    Return losses and metrics of the batch, from before the step, by name, and these names in the
    order of `evaluate`.
    """
    compiled = model.compiled_with
    samples, _ = _samples.parts(
        model, compiled.targets, x, y, sample_weight, class_weight, 0.0, None
    )
    objective = compiled.objective(model.plan_for(samples.x.shape[1:]))
    objective.check_weights(samples)
    compiled.optimizer.slot_names()  # refuses numbers that it was given since it was made
    size = len(samples)
    if compiled.optimizer._whole:
        from fanin.models import _whole

        _whole.refuse_constraints(model)
    with _core.Writing([model.lock], [model.name], True), counting([objective]) as (counted,):
        with _beginning([model], samples):
            compiled.check_outputs(model)
            compiled.of_network(model)
            batch = Pass(model, compiled, counted, np.arange(size, dtype=np.uint32))
        step = step_of(counted, samples, size, threads)
        if compiled.optimizer._whole:
            step = _whole.WholeStep(step)
        step.run([batch], 0, 1)
        logs = batch.logs()
        error = spoilt(model, compiled, logs["loss"], f"step {compiled.iterations}")
    if error is not None:
        raise error
    return logs, objective.names


def _beginning(models: Sequence["Trainable"], samples: Samples) -> AbstractContextManager[None]:
    """Build networks for a block; they are as they were if it does not come to its end."""
    if len(models) == 1 and models[0].built:
        return models[0].restoring()
    return _building(models, samples)


@contextmanager
def _building(models: Sequence["Trainable"], samples: Samples) -> Iterator[None]:
    with ExitStack() as undo:
        for model in models:
            undo.enter_context(model.built_for(samples.x))
            undo.enter_context(model.restoring())
        yield


def _check_alike(
    whose: Sequence[str], plans: Sequence[_core.Plan], objectives: Sequence[Objective]
) -> None:
    """Check that the same samples, loss and metrics are meant for all networks."""
    expected = _traits(plans[0], objectives[0])
    for name, plan, objective in zip(whose[1:], plans[1:], objectives[1:], strict=True):
        for trait, found in _traits(plan, objective).items():
            if found != expected[trait]:
                raise ValueError(
                    f"{name}expected the same {trait} as that of models[0], {expected[trait]}, "
                    f"found {found}"
                )


def _check_lookups(
    whose: Sequence[str],
    models: Sequence["Trainable"],
    plans: Sequence[_core.Plan],
    x: Any,
    validation_data: Any,
) -> None:
    """Check the samples, which the first network took, against what others look up in them."""
    seen = [lookup[1:] for lookup in plans[0].lookups]
    for name, model, plan in zip(whose, models, plans, strict=True):
        if [lookup[1:] for lookup in plan.lookups] != seen:
            model.take(x, f"{name}x")
            if validation_data is not None:
                model.take(validation_data[0], f"{name}x of validation_data")


def _traits(plan: _core.Plan, objective: Objective) -> dict[str, Any]:
    goals, ends = objective.goals, objective.shapes
    several = objective.several
    losses = [goal.loss for goal in goals]
    return {
        "dtype": plan.dtype,
        "shape of the outputs": ends if several else ends[0],
        "loss": losses if several else losses[0],
        "weights of the losses": [goal.weight for goal in goals],
        "metrics": [settings for goal in goals for settings in goal.metrics],
        "weighted metrics": [settings for goal in goals for settings in goal.weighted],
        "names of the metrics": objective.names[1:],
        "outputs with targets": [goal.output for goal in goals],
    }


def _trainee(
    model: "Trainable",
    whose: str,
    course: Course,
    objective: Objective,
    callbacks: CallbackList,
    source: "random.RandomSource | None",
) -> Trainee:
    """Give a network that is built what training needs: slots, history, callbacks, shuffles."""
    compiled = model.compiled_with
    compiled.check_outputs(model)
    compiled.of_network(model)
    # Shuffles of an earlier fit are not repeated, unless the user says where they come from.
    offset = max(compiled.epochs - course.first, 0) if source is None else 0
    shuffler = Shuffler(model.source if source is None else source, course.shuffle, offset)
    given = [callback for callback in callbacks.callbacks if isinstance(callback, History)]
    history = given[0] if given else History()
    model.history, model.stop_training = history, False
    callbacks.begin(*([] if given else [history]))
    return Trainee(model, whose, compiled, objective, shuffler, callbacks, history)
