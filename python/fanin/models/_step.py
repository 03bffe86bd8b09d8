"""The steps of training, in the core or around a loss in Python; and evaluation likewise."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin.callbacks._base import TEST_BATCH_HOOKS, CallbackList
from fanin.models._objective import Objective
from fanin.models._samples import Samples

if TYPE_CHECKING:
    from fanin.layers._network import Network
    from fanin.models._compiled import Compiled
    from fanin.models._trainable import Trainable

Array = NDArray[Any]


# The record that the core reads, by attribute. Without eq and repr, which nothing uses: making
# them is part of what `import fanin` takes.
@dataclass(eq=False, repr=False)
class Batches:
    """Rows of the samples, in the order in which they are trained on, and how far training is."""

    order: NDArray[np.uint32]
    batch_size: int
    learning_rates: NDArray[np.float64]
    """One a batch."""
    progress: NDArray[np.float64]
    """Steps of the optimizer, samples seen, and sums of losses and metrics over these."""
    outputs: Array | None = None
    """Room for the outputs of these rows, in their order: those of each batch before its update."""


class Pass:
    """One epoch of one network: the order of the samples, and how far it is."""

    def __init__(
        self,
        model: "Trainable",
        compiled: "Compiled",
        objective: Objective,
        order: NDArray[np.uint32],
    ) -> None:
        self.model, self.compiled, self.objective = model, compiled, objective
        self.order = order
        self.progress = np.array([compiled.iterations, 0.0, *objective.sums()])
        """As `Batches` has it."""
        compiled.progress = self.progress

    @property
    def network(self) -> "Network":
        """The network, of the options that its layers have now: a callback may set them."""
        return self.model.network

    def logs(self) -> dict[str, float]:
        """Return loss and metrics since the epoch began."""
        return self.objective.logs(self.progress[2:], self.progress[1])

    def rates(self, steps: int) -> NDArray[np.float64]:
        """Return the learning rates of the next steps."""
        return self.compiled.optimizer.learning_rates(self.compiled.iterations, steps)


class Step(Protocol):
    """What trains networks on some batches of an epoch."""

    def run(self, passes: Sequence[Pass], start: int, stop: int) -> None:
        """Train each network, which this thread has claimed, on the batches from `start` to `stop`.

        An exception leaves each as it was after a whole batch, and counted so.
        """


@dataclass(eq=False, repr=False)
class CompiledStep:
    """Steps in the core, which has all losses: as many in one call as nobody looks at."""

    samples: Samples
    batch_size: int
    threads: int | None

    def run(self, passes: Sequence[Pass], start: int, stop: int) -> None:
        """Train; users' metrics see the outputs of each batch."""
        if not passes[0].objective.observes:
            self._train(passes, start, stop)
            return
        for batch in range(start, stop):
            for each, seen in zip(passes, self._train(passes, batch, batch + 1), strict=True):
                assert seen.outputs is not None
                labels = self.samples.labels_of(seen.order)
                each.objective.observe(labels, seen.outputs)

    def _train(self, passes: Sequence[Pass], start: int, stop: int) -> list[Batches]:
        size, batches = self.batch_size, []
        networks = [each.network for each in passes]
        for each, network in zip(passes, networks, strict=True):
            order, outputs = each.order[start * size : stop * size], None
            if each.objective.observes:
                plan = network.plan
                outputs = np.empty((len(order), *plan.output_shape), plan.dtype)
            rates = each.rates(stop - start)
            batches.append(Batches(order, size, rates, each.progress, outputs))
        _core.train(
            networks,
            [
                each.compiled.update(network.params)
                for each, network in zip(passes, networks, strict=True)
            ],
            passes[0].objective,
            self.samples,
            batches,
            self.threads,
        )
        return batches


@dataclass(eq=False, repr=False)
class PythonStep:
    """Steps in two calls of the core, with the users' losses between them."""

    samples: Samples
    batch_size: int
    threads: int | None

    def run(self, passes: Sequence[Pass], start: int, stop: int) -> None:
        """Train, batch by batch."""
        size = self.batch_size
        for batch in range(start, stop):
            for each in passes:
                rows = each.order[batch * size : (batch + 1) * size]
                self._train(each, self.samples[rows].frozen())

    def _train(self, each: Pass, batch: Samples) -> None:
        network, progress, done = each.network, each.progress, each.compiled.iterations
        # They become the network's with the rest of the step.
        state, after = network.state.copy(), progress.copy()
        # Read as it is: nobody else writes.
        x = batch.x.astype(network.dtype, copy=False)
        outputs, cache = network.plan.forward(network.params, state, x, True, self.threads, done)
        after[:2] += 1, len(batch)
        dy = each.objective.gradient(batch, outputs, after[2:])
        # As they are before the step, which adds their gradients.
        after[2] += len(batch) * penalty(network)
        (rate,) = each.rates(1)
        update = each.compiled.update(network.params)
        _core.update(network, update, cache, dy, state, progress, after, rate, self.threads)
        each.objective.observe(batch.all_labels(), outputs)


def penalty(network: "Network") -> float:
    """Return the sum of the penalties on a network's weights."""
    found = network.plan.penalties(network.params)
    return sum(value for _, _, value in found)


def step_of(objective: Objective, samples: Samples, batch_size: int, threads: int | None) -> Step:
    """Return what trains with an objective."""
    kind = CompiledStep if objective.in_core else PythonStep
    return kind(samples, batch_size, threads)


class Data(Protocol):
    """Samples that are arrays, or come in parts."""

    def parts(self, batch_size: int | None) -> Iterator[Samples]:
        """Return them part by part, in batches of a size if there is one."""


def evaluate(
    network: "Network",
    objective: Objective,
    samples: "Data",
    batch_size: int,
    threads: int | None,
    callbacks: CallbackList,
    prefix: str = "",
) -> dict[str, float]:
    """Return mean loss and metrics by name; batch by batch only if a callback asks for batches."""
    by_batch = callbacks.any_overrides(TEST_BATCH_HOOKS)
    # What takes several calls of the core is of one state of the network too.
    at_once = isinstance(samples, Samples) and objective.plain and not by_batch
    with callbacks.around("test") as told:
        with nullcontext(network) if at_once else network.held() as held:
            logs = _evaluate(held, objective, samples, batch_size, threads, callbacks, by_batch)
        told.update(logs)
    return {prefix + name: value for name, value in logs.items()}


def _evaluate(
    network: "Network",
    objective: Objective,
    samples: "Data",
    batch_size: int,
    threads: int | None,
    callbacks: CallbackList,
    by_batch: bool,
) -> dict[str, float]:
    sums, seen = objective.sums(), 0
    for batch, part in enumerate(samples.parts(batch_size if by_batch else None)):
        if by_batch:
            callbacks.call("on_test_batch_begin", batch, {})
        if part is not samples and not objective.plain:
            objective.check_weights(part)
        sums += _sums(network, objective, part, batch_size, threads)
        seen += len(part)
        if by_batch:
            callbacks.call("on_test_batch_end", batch, objective.logs(sums, seen))
    return objective.logs(sums, seen)


def _sums(
    network: "Network",
    objective: Objective,
    samples: Samples,
    batch_size: int,
    threads: int | None,
) -> NDArray[np.float64]:
    """Return the sums of losses and the core's metrics; users' metrics count the samples."""
    if objective.in_core:
        step = network.next_step()
        sums = np.array(_core.evaluate(network, objective, samples, batch_size, threads, step))
        if objective.plain:
            return sums
    else:
        sums = objective.zeros()
    for start in range(0, len(samples), batch_size):
        part = samples[start : start + batch_size].frozen()
        step = network.next_step()
        outputs = _core.predict(network, part.x, batch_size, threads, step)
        if not objective.in_core:
            objective.gradient(part, outputs, sums)
        objective.observe(part.all_labels(), outputs)
    if not objective.in_core:
        sums[0] += len(samples) * penalty(network)
    return sums
