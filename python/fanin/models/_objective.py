"""What a network is trained for, as the core and Python compute it: a loss and metrics."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
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
from fanin.models._samples import Samples

Array = NDArray[Any]


# Without eq and repr, which nothing uses: making them is part of what `import fanin` takes.
@dataclass(eq=False, repr=False)
class Objective:
    """What to minimize and what to report; the core reads `loss` and `metrics`."""

    loss: dict[str, Any]
    """Settings of the core's loss; of a user's what it is called."""
    metrics: list[dict[str, Any]]
    """Settings of the core's metrics."""
    names: list[str]
    """Loss and all metrics, in the order in which they were given."""
    larger_is_better: dict[str, bool | None]
    """Of each metric, by name."""
    own_loss: Loss | None = None
    """The user's loss, if it is one: Python calls it."""
    own_metrics: list[Metric] = field(default_factory=list)
    """The users' metrics among all."""

    @classmethod
    def of(cls, loss: Loss, metrics: Sequence[Metric]) -> "Objective":
        """Return what a loss, and metrics for the outputs of a network, mean."""
        own = _losses.is_own(loss)
        own_metrics: list[Metric] = []
        of_core: list[Metric] = []
        for metric in metrics:
            (own_metrics if _own_metrics.is_own(metric) else of_core).append(metric)
        return cls(
            {"class": type(loss).__qualname__} if own else loss._settings(),
            [metric._settings() for metric in of_core],
            ["loss", *(metric.name for metric in metrics)],
            {metric.name: metric.larger_is_better for metric in metrics},
            loss if own else None,
            own_metrics,
        )

    @property
    def plain(self) -> bool:
        """Whether the core computes all of it."""
        return self.own_loss is None and not self.own_metrics

    def sums(self) -> NDArray[np.float64]:
        """Begin to count: return the sums of the loss and the core's metrics, and reset others."""
        for metric in self.own_metrics:
            metric.reset_state()
        return np.zeros(1 + len(self.metrics))

    def check_weights(self, *samples: Samples | None) -> None:
        """Refuse weights that a user's loss does not take."""
        if self.own_loss is not None and any(
            part is not None and part.weights is not None for part in samples
        ):
            _own_losses.check_takes_weights(self.own_loss)

    def gradient(
        self, batch: Samples, outputs: FloatArray, sums: NDArray[np.float64]
    ) -> FloatArray:
        """Add the user's loss of a batch and the core's metrics to `sums`; return its gradient."""
        assert self.own_loss is not None
        value, dy = _own_losses.value_and_gradient(self.own_loss, batch.y, outputs, batch.weights)
        found = [value * len(batch)]
        for settings in self.metrics:
            rows = _core.metric_rows(settings, outputs, batch.y)
            found.append(float(rows.sum(dtype=np.float64)) * len(batch) / rows.size)
        sums += found
        return dy

    def observe(self, y: Array, outputs: FloatArray) -> None:
        """Let the users' metrics count a batch."""
        for metric in self.own_metrics:
            metric.update_state(y, outputs)

    def logs(self, sums: Any, samples: float) -> dict[str, float]:
        """Return means by name, in alphabetical order as Keras has them."""
        own = {metric.name: _own_metrics.result_of(metric) for metric in self.own_metrics}
        means = iter(sums)
        found = {
            name: own[name] if name in own else float(next(means) / samples) for name in self.names
        }
        return dict(sorted(found.items()))


def counting(objectives: Sequence[Objective]) -> AbstractContextManager[Sequence[Objective]]:
    """Let one run count with the users' metrics, with which another one may count."""
    if not any(objective.own_metrics for objective in objectives):
        return nullcontext(objectives)
    return _counting(objectives)


@contextmanager
def _counting(objectives: Sequence[Objective]) -> Iterator[Sequence[Objective]]:
    with ExitStack() as run:
        counted = []
        for objective in objectives:
            own = run.enter_context(_own_metrics.counting(objective.own_metrics))
            counted.append(replace(objective, own_metrics=own))
        yield counted
