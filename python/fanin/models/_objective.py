"""What a network is trained for, as the core and Python compute it: losses and metrics."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin._checks import FloatArray
from fanin.losses import Loss
from fanin.losses import _base as _losses
from fanin.losses import _own as _own_losses
from fanin.metrics import Metric
from fanin.metrics import _own as _own_metrics
from fanin.models._samples import Labels, Samples, frozen

Array = NDArray[Any]


# Without eq and repr, which nothing uses: making them is part of what `import fanin` takes.
@dataclass(eq=False, repr=False)
class Goal:
    """What is wanted of one output; the core reads what comes before `names`."""

    output: int
    """Which output."""
    loss: dict[str, Any] | None
    """Settings of the core's loss; of a user's what it is called."""
    weight: float
    """What the loss is multiplied by in the sum of all."""
    metrics: list[dict[str, Any]]
    """Settings of the core's metrics."""
    weighted: list[dict[str, Any]]
    """Settings of those in which samples weigh what they weigh in the loss."""
    names: list[str] = field(default_factory=list)
    """What logs call its metrics and its weighted metrics, in the order in which they were given:
    the core's and users' together."""
    loss_name: str = ""
    """What logs call its loss; "" where that is not told, as there is one only."""
    own_loss: Loss | None = None
    """The user's loss, if it is one: Python calls it."""
    own: dict[str, Metric] = field(default_factory=dict)
    """The users' metrics, by the names in logs."""
    weighs: frozenset[str] = frozenset()
    """The names of the weighted metrics."""
    core: dict[str, tuple[Metric, int]] = field(default_factory=dict)
    """The core's metrics, by the names in logs, and how many sums each has."""

    @classmethod
    def of(
        cls,
        output: int,
        loss: Loss | None,
        weight: float,
        metrics: Sequence[tuple[str, Metric]],
        weighted: Sequence[tuple[str, Metric]],
        loss_name: str,
        width: int | None,
    ) -> "Goal":
        """Return what a loss and metrics, with their names in logs, mean for an output.

        `width` is that of its rows; None where only the names are asked for.
        """
        own = loss is not None and _losses.is_own(loss)
        settings: dict[str, Any] | None = None
        if loss is not None:
            settings = {"class": type(loss).__qualname__} if own else loss._settings()
        both = [*metrics, *weighted]
        users = {name: metric for name, metric in both if _own_metrics.is_own(metric)}
        core = {}
        for name, metric in both:
            if name not in users:
                if width is not None:
                    metric._check(width)
                core[name] = metric, metric._length(width or 1)
        return cls(
            output,
            settings,
            weight,
            [metric._settings() for name, metric in metrics if name not in users],
            [metric._settings() for name, metric in weighted if name not in users],
            [name for name, _ in both],
            loss_name,
            loss if own else None,
            users,
            frozenset(name for name, _ in weighted),
            core,
        )

    def sums(self, several: bool) -> int:
        """Return how many sums the core counts for it, as its `Part` has them."""
        own = several and self.loss is not None
        of_metrics = sum(length for _, length in self.core.values())
        return own + of_metrics + bool(self.weighted)

    def rows(self, outputs: FloatArray, labels: Labels, sums: list[float]) -> FloatArray:
        """Return the gradient of the mean loss of a batch; its sums are appended to `sums`.

        The first of them is that of the loss, 0 if there is none.
        """
        y, weights, samples = labels.y, labels.weights, len(outputs)
        if self.own_loss is not None:
            value, dy = _own_losses.value_and_gradient(self.own_loss, y, outputs, weights)
            sums.append(value * samples)
        elif self.loss is not None:
            values, dy = _core.loss_rows(self.loss, outputs, y)
            if weights is not None:
                each = weights.reshape(samples, *(1,) * (values.ndim - 1))
                values, dy = values * each, dy * each[..., np.newaxis]
            dy /= values.size
            sums.append(float(values.sum(dtype=np.float64)) * samples / values.size)
        else:
            dy = np.zeros_like(outputs)
            sums.append(0.0)
        plain = [(settings, None) for settings in self.metrics]
        for settings, heavy in [*plain, *((settings, weights) for settings in self.weighted)]:
            sums.extend(_sums(settings, outputs, y, heavy))
        if self.weighted:
            sums.append(samples if weights is None else float(weights.sum(dtype=np.float64)))
        return dy

    def observe(self, outputs: FloatArray, labels: Labels) -> None:
        """Let the users' metrics count a batch."""
        for name, metric in self.own.items():
            if name in self.weighs and labels.weights is not None:
                metric.update_state(labels.y, outputs, sample_weight=labels.weights)
            else:
                metric.update_state(labels.y, outputs)

    def means(self, sums: Iterator[float], samples: float, several: bool) -> dict[str, float]:
        """Return means by name, of sums as the core has them."""
        found = {}
        if several and self.loss is not None:
            value = next(sums) / samples
            found = {self.loss_name: float(value)} if self.loss_name else {}
        parts = {
            name: [*islice(sums, self.core[name][1])]
            for weighs in (False, True)
            for name in self.names
            if name in self.core and (name in self.weighs) == weighs
        }
        # What weighs nothing at all is 0, as in Keras.
        counted = next(sums) if self.weighted else samples
        for name, part in parts.items():
            over = counted if name in self.weighs else samples
            found[name] = self.core[name][0]._value(part, over)
        return found | {name: _own_metrics.result_of(metric) for name, metric in self.own.items()}


def _sums(settings: Any, outputs: FloatArray, y: Array, weights: Array | None) -> Iterable[float]:
    """Return the sums of a metric of the core, with the sample's weight times each row if given.

    Of one that is a mean of rows, a sample of several rows counts their mean.
    """
    rows = int(np.prod(outputs.shape[1:-1]))
    if weights is not None:
        weights = np.repeat(weights.ravel(), rows).astype(outputs.dtype)
    sums = _core.metric_sums(settings, outputs, y, weights)
    return sums if len(sums) > 1 else sums / rows


@dataclass(eq=False, repr=False)
class Objective:
    """What to minimize and what to report; the core reads `goals`."""

    goals: list[Goal]
    """Those of the outputs of which something is wanted."""
    names: list[str]
    """What `evaluate` returns, in this order."""
    larger_is_better: dict[str, bool | None]
    """Of each value in logs but the whole loss, by name."""
    shapes: list[tuple[int, ...]]
    """The shapes of the outputs; of several, whose numbers lie side by side."""

    @property
    def several(self) -> bool:
        """Whether the network has several outputs."""
        return len(self.shapes) > 1

    @property
    def plain(self) -> bool:
        """Whether the core computes all of it."""
        return self.in_core and not self.observes

    @property
    def in_core(self) -> bool:
        """Whether the core has all losses."""
        return all(goal.own_loss is None for goal in self.goals)

    @property
    def observes(self) -> bool:
        """Whether there are metrics of users', which look at the outputs."""
        return any(goal.own for goal in self.goals)

    def sums(self) -> NDArray[np.float64]:
        """Begin to count: return the sums of losses and the core's metrics, and reset others."""
        for goal in self.goals:
            for metric in goal.own.values():
                metric.reset_state()
            if goal.own_loss is not None:
                _own_losses.begin(goal.own_loss)
        return self.zeros()

    def zeros(self) -> NDArray[np.float64]:
        """Return the sums of nothing."""
        return np.zeros(1 + sum(goal.sums(self.several) for goal in self.goals))

    def check_weights(self, *samples: Samples | None) -> None:
        """Refuse weights that a user's loss, or a user's weighted metric, does not take."""
        for part in samples:
            for number, goal in enumerate(self.goals if part is not None else ()):
                assert part is not None
                if part.labels(number).weights is None:
                    continue
                if goal.own_loss is not None:
                    _own_losses.check_takes_weights(goal.own_loss)
                for name, metric in goal.own.items():
                    if name in goal.weighs:
                        _own_metrics.check_takes_weights(metric)

    def gradient(
        self, batch: Samples, outputs: FloatArray, sums: NDArray[np.float64]
    ) -> FloatArray:
        """Add losses of a batch, some a user's, and the core's metrics to `sums`.

        Return the gradient of the whole loss.
        """
        found, dy = [0.0], np.zeros_like(outputs) if self.several else outputs
        for number, (goal, own) in enumerate(self._of_each(outputs)):
            of_goal: list[float] = []
            gradient = goal.rows(own, batch.labels(number), of_goal)
            found[0] += goal.weight * of_goal[0]
            found += of_goal if self.several and goal.loss is not None else of_goal[1:]
            if goal.weight != 1.0:
                gradient = gradient * gradient.dtype.type(goal.weight)
            if self.several:
                dy[:, self._columns(goal.output)] = gradient.reshape(len(outputs), -1)
            else:
                dy = gradient
        sums += found
        return dy

    def observe(self, labels: Sequence[Labels], outputs: FloatArray) -> None:
        """Let the users' metrics count a batch."""
        for (goal, own), of_goal in zip(self._of_each(outputs), labels, strict=True):
            if goal.own:
                goal.observe(own, of_goal)

    def _of_each(self, outputs: FloatArray) -> Iterator[tuple[Goal, FloatArray]]:
        """Return each goal with the outputs that it looks at."""
        for goal in self.goals:
            own = outputs
            if self.several:
                part = outputs[:, self._columns(goal.output)]
                own = part.reshape(len(outputs), *self.shapes[goal.output])
            yield goal, frozen(np.ascontiguousarray(own)[...])

    def _columns(self, output: int) -> slice:
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        start = sum(sizes[:output])
        return slice(start, start + sizes[output])

    def logs(self, sums: Any, samples: float) -> dict[str, float]:
        """Return means by name, in alphabetical order as Keras has them."""
        rest = iter(sums)
        found = {"loss": float(next(rest) / samples)}
        for goal in self.goals:
            found |= goal.means(rest, samples, self.several)
        return dict(sorted(found.items()))


class Naming:
    """What logs call the values of each output, as Keras does: its name comes first, of several."""

    def __init__(self) -> None:
        self._taken = {"loss"}

    def of(self, output: str, names: Iterable[str], weighted: bool = False) -> list[str]:
        """Return what values of an output are called; one that is taken gets another name."""
        return [self._free(output, name, weighted) for name in names]

    def _free(self, output: str, name: str, weighted: bool) -> str:
        before = f"{output}_" if output else ""
        full = before + name
        if weighted and full in self._taken:
            full = f"{before}weighted_{name}"
        chosen, count = full, 0
        while chosen in self._taken:
            count += 1
            chosen = f"{full}_{count}"
        self._taken.add(chosen)
        return chosen


def counting(objectives: Sequence[Objective]) -> AbstractContextManager[Sequence[Objective]]:
    """Let one run count with the users' metrics, with which another one may count."""
    if not any(objective.observes for objective in objectives):
        return nullcontext(objectives)
    return _counting(objectives)


@contextmanager
def _counting(objectives: Sequence[Objective]) -> Iterator[Sequence[Objective]]:
    with ExitStack() as run:
        counted = []
        for objective in objectives:
            goals = []
            for goal in objective.goals:
                own = run.enter_context(_own_metrics.counting([*goal.own.values()]))
                goals.append(replace(goal, own=dict(zip(goal.own, own, strict=True))))
            counted.append(replace(objective, goals=goals))
        yield counted
