"""Steps of optimizers that compare losses of all samples: L-BFGS."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin.layers._network import Network
from fanin.models._compiled import Compiled
from fanin.models._course import Course
from fanin.models._samples import Samples
from fanin.models._step import Pass, Step
from fanin.optimizers import SGD

if TYPE_CHECKING:
    from fanin.models._trainable import Trainable
    from fanin.optimizers._lbfgs import LBFGS

Array = NDArray[Any]


def settle(models: Sequence["Trainable"], course: Course, samples: Any) -> None:
    """Put all samples into one batch; refuse another one, and constraints."""
    whole = [model for model in models if model.compiled_with.optimizer._whole]
    kind, size = type(whole[0].optimizer).__name__, course.batch_sizes[0]
    if not isinstance(samples, Samples):
        raise TypeError(
            f"x: expected arrays with {kind}, whose steps compare losses of the same samples, "
            "found what is read in parts; give arrays, or use Adam, which takes small batches"
        )
    count = len(samples)
    if course.steps_per_epoch not in (None, 1):
        raise ValueError(
            f"steps_per_epoch: expected None or 1 with {kind}, whose steps are on all samples, "
            f"found {course.steps_per_epoch}"
        )
    if size is not None and size < count:
        raise ValueError(
            f"batch_size: expected None or at least {count}, all samples, with {kind}, whose steps "
            f"compare losses of the same samples, found {size}; Adam is for small batches"
        )
    if size is None and len(whole) < len(models):
        raise ValueError(
            f"batch_size: expected at least {count}, all samples, where some of the networks are "
            "compiled with L-BFGS, found None"
        )
    for model in whole:
        refuse_constraints(model)
    course.whole = True
    if size is None:
        course.batch_size, course.batch_sizes = max(count, 1), (count, course.batch_sizes[1])


def refuse_constraints(model: "Trainable") -> None:
    """Refuse weights that are put back after each step: a line search would not know of it."""
    for layer in model.computing:
        for name in _constraints(layer.settings()):
            raise ValueError(
                f"{name} of layer {layer.name!r}: expected None with "
                f"{type(model.optimizer).__name__}, found a constraint; use a regularizer"
            )


def _constraints(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        if name.endswith("constraint") and value is not None:
            yield name
        elif isinstance(value, Mapping):
            yield from _constraints(value)
        elif isinstance(value, list | tuple):
            for part in value:
                if isinstance(part, Mapping):
                    yield from _constraints(part)


class WholeStep:
    """Steps of networks on all samples; those with another optimizer take theirs as ever."""

    def __init__(self, inner: Step) -> None:
        self.inner = inner

    def run(self, passes: Sequence[Pass], start: int, stop: int) -> None:
        """Train; an exception leaves each network as it was."""
        for each in passes:
            if each.compiled.optimizer._whole:
                for batch in range(start, stop):
                    _Descent(self.inner, each, batch).run()
            else:
                self.inner.run([each], start, stop)


class _Descent:
    """One step of one network, on copies of its arrays until it is done."""

    def __init__(self, inner: Step, each: Pass, batch: int) -> None:
        self.inner, self.each, self.batch = inner, each, batch
        self.network = each.network
        params, state = self.network.params.copy(), self.network.state.copy()
        self.twin = Network(self.network.plan, params, state)
        # What adds gradients up, and never moves anything.
        adding = SGD(0.0, gradient_accumulation_steps=2**31 - 1)
        self.adding = Compiled(adding, each.compiled.ends, each.compiled.aims)
        goals = [replace(goal, own={}) for goal in each.objective.goals]
        self.unseen = replace(each.objective, goals=goals)
        self.first: tuple[Array, Array] | None = None

    def run(self) -> None:
        """Step, and leave the result in the network."""
        each, network = self.each, self.network
        optimizer: LBFGS = each.compiled.optimizer  # type: ignore[assignment]
        slots = each.compiled.arranged(network.params).copy()
        done = each.compiled.iterations
        params = optimizer._minimize_from(network.params, slots, done, self.evaluate)
        assert self.first is not None
        progress, state = self.first
        with network.writing("network"):
            plan = network.plan
            for (_, _, start, shape), trained in zip(plan.parameters, plan.trained, strict=True):
                if trained:
                    part = slice(start, start + math.prod(shape))
                    network.params[part] = params[part]
            for _, _, start, shape in plan.state:
                part = slice(start, start + math.prod(shape))
                network.state[part] = state[part]
            each.compiled.update(network.params).slots[:] = slots
            each.progress[:2] += 1, progress[1]
            each.progress[2:] += progress[2:]

    def evaluate(self, params: Array) -> tuple[float, Array]:
        """Return the loss and its gradient; metrics count the first evaluation."""
        twin, first = self.twin, self.first is None
        twin.params[:], twin.state[:] = params, self.network.state
        self.adding.slots = None
        objective = self.each.objective if first else self.unseen
        trial = copy.copy(self.each)
        trial.model = SimpleNamespace(network=twin)  # type: ignore[assignment]
        trial.compiled, trial.objective = self.adding, objective
        # The random numbers of all evaluations are those of this step.
        trial.progress = np.zeros_like(self.each.progress)
        trial.progress[0] = self.each.compiled.iterations
        self.adding.progress = trial.progress
        self.inner.run([trial], self.batch, self.batch + 1)
        if first:
            self.first = trial.progress.copy(), twin.state.copy()
        slots = self.adding.slots
        assert slots is not None
        loss = trial.progress[2] / trial.progress[1]
        return float(loss), slots[0].copy()
