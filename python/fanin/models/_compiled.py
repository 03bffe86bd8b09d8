"""What a network is trained for: optimizer, loss, metrics, and the optimizer's arrays."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fanin import _core, losses, optimizers
from fanin._checks import warn
from fanin.layers._network import Network
from fanin.losses import Loss, _outputs
from fanin.losses._base import check_mean, kind_of
from fanin.metrics import Metric, as_metrics, resolve_all, target_kind
from fanin.models._objective import Objective
from fanin.optimizers import Optimizer

if TYPE_CHECKING:
    from fanin.models._layered import Layered
    from fanin.typing import LossLike, MetricLike, OptimizerLike

Array = NDArray[Any]


# A record that the core reads. Without eq and repr, which nothing uses: making them is part of what
# `import fanin` takes.
@dataclass(eq=False, repr=False)
class Update:
    """An optimizer's settings and its slots."""

    optimizer: dict[str, Any]
    slots: Array


class Compiled:
    """What `compile` chose, and the optimizer's arrays, which live as long as the choice."""

    def __init__(self, optimizer: Optimizer, loss: Loss, metrics: list[str | Metric]) -> None:
        self.optimizer: Optimizer = optimizer
        self.loss: Loss = loss
        self.metrics: list[str | Metric] = metrics
        """By name or as objects; which accuracy is meant is known with the network's outputs."""
        self.progress: NDArray[np.float64] = np.zeros(1)
        """Steps that the optimizer has done, and what the pass that runs counts besides: written by
        the core with each batch."""
        self.epochs: int = 0
        """Whole epochs trained; a second `fit` does not repeat the shuffles of the first."""
        self.seen: _core.Plan | None = None
        """The plan of the network when loss and outputs were last looked at."""
        self.told: str | None = None
        """What the warning about them said."""
        # Slots, their names and the settings that they are for: together, so that an interrupt
        # finds what belongs together.
        self._memory: tuple[Array | None, list[str], dict[str, Any] | None] = (None, [], None)

    @property
    def iterations(self) -> int:
        """Steps that the optimizer has done."""
        return int(self.progress[0])

    @iterations.setter
    def iterations(self, steps: int) -> None:
        # A new array: undoing a call gives back the one that was there.
        self.progress = np.array([steps], dtype=float)

    @classmethod
    def of(
        cls,
        optimizer: "OptimizerLike",
        loss: "LossLike | None",
        metrics: "Sequence[MetricLike] | None",
        outputs: int | None,
    ) -> Self:
        """Return what the arguments of `compile` choose.

        `outputs` is the length of the outputs' last axis; None while the network is not built.
        """
        chosen = optimizers.get(optimizer)
        if loss is None:
            raise ValueError(
                "loss: expected a loss, such as 'categorical_crossentropy', found None"
            )
        aim = losses.resolve(loss)
        check_mean(aim)
        compiled = cls(chosen, aim, as_metrics(metrics))
        # Names, and the kind of targets, do not depend on the number of outputs.
        compiled.metrics_for(outputs or 1)
        return compiled

    def metrics_for(self, outputs: int) -> list[Metric]:
        """Return the metrics for outputs of this many units; "accuracy" depends on them."""
        return resolve_all(self.metrics, self.loss, outputs)

    @property
    def names(self) -> list[str]:
        """What `evaluate` returns, by name: the loss and the metrics."""
        return ["loss", *(m if isinstance(m, str) else m.name for m in self.metrics)]

    def check_outputs(self, model: "Layered") -> None:
        """Warn, once, if the loss does not fit what a built network ends in."""
        plan = model.ready()
        if plan is self.seen:
            return
        self.seen = plan
        settings = [layer.settings() for layer in model.ending()]
        doubt = _outputs.doubt(self.loss, settings, plan.output_shapes[-1][-1])
        if doubt is not None and doubt != self.told:
            warn(doubt)
        self.told = doubt

    def forget_slots(self) -> None:
        """Start anew, where the layout of the parameters has changed."""
        self.slots, self.iterations = None, 0

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

    def arrays(self) -> list[Array]:
        """Return what a batch changes with the network: progress, and the slots if there are."""
        slots = self._memory[0]
        return [self.progress] if slots is None else [self.progress, slots]

    def copied_with(self, network: Network) -> tuple[Network, Self]:
        """Return copies of the network and of this, both as of the same whole batch.

        That of this is to be pickled or copied once more: no optimizer knows it.
        """
        while True:
            own, memory = self.arrays(), self._memory
            given = [network.params, network.state, *own]
            params, state, progress, *slots = network.lock.copies(given)
            # Another epoch, or other slots, may have begun while it waited for the end of a batch.
            if self._memory is memory and self.has(own):
                break
        twin = type(self).__new__(type(self))
        memory = (slots[0] if slots else None, *memory[1:])
        twin.__dict__.update(self.__dict__, progress=progress[:1], _memory=memory)
        return Network(network.plan, params, state), twin

    def has(self, arrays: Sequence[Array]) -> bool:
        """Whether these still are its arrays."""
        now = self.arrays()
        return len(now) == len(arrays) and all(map(operator.is_, now, arrays))

    def __getstate__(self) -> dict[str, Any]:
        own = {name: value for name, value in self.__dict__.items() if name != "progress"}
        return {**own, "seen": None, "iterations": self.iterations}

    def __setstate__(self, state: dict[str, Any]) -> None:
        given = dict(state)
        self.progress = np.array([given.pop("iterations")], dtype=float)
        if "slots" in given:  # of 0.1.0
            progress = self.progress
            self.__init__(given["optimizer"], given["loss"], as_metrics(given["metrics"]))  # type: ignore[misc]
            self.progress, self.slots = progress, given["slots"]
            given = {"epochs": given["epochs"]}
        self.__dict__.update(given)
        self.begin()

    def arranged(self, params: Array, slots: Array | None = None) -> Array:
        """Return the slots that the optimizer wants, with its numbers as they are now.

        A change of these, such as a momentum that was 0, can make it want others than before: those
        whose name stays keep their values, others start as new ones do. `slots` are a copy of those
        that there are, or None for these.
        """
        before, names = self._memory[1], self.optimizer.slot_names()
        slots = self._memory[0] if slots is None else slots
        if slots is not None and before == names:
            return slots
        fresh = self.optimizer.init(params)
        for row, name in zip(fresh, names, strict=True):
            if slots is not None and name in before:
                row[:] = slots[before.index(name)]
        return fresh

    def update(self, params: Array) -> Update:
        """Return the optimizer's settings, and its slots in the form that it wants with them."""
        settings, slots, known = self.optimizer._settings(), self._memory[0], self._memory[2]
        if slots is None or (settings is not known and settings != known):
            slots = self.arranged(params)
            self._memory = (slots, self.optimizer.slot_names(), settings)
        return Update(settings, slots)

    def objective(self, plan: _core.Plan) -> Objective:
        """Return what the loss and the metrics mean for the outputs of a plan."""
        return Objective.of(self.loss, self.metrics_for(plan.output_shapes[-1][-1]))

    @property
    def targets(self) -> str:
        """The loss or metric of the core that says what targets have to be; "" if none does."""
        kind = kind_of(self.loss)
        others = [] if kind else map(target_kind, self.metrics_for(1))
        return kind or next((other for other in others if other), "")
