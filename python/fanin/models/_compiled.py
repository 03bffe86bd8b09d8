"""What a network is trained for: optimizer, loss, metrics, and the optimizer's arrays."""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fanin import _core, optimizers
from fanin._checks import warn
from fanin.layers._network import Network
from fanin.losses import _outputs
from fanin.losses._base import kind_of
from fanin.losses._targets import width_of
from fanin.metrics import Metric, as_metrics, resolve_all, target_kind
from fanin.models._ends import Aim, Ends
from fanin.optimizers import Optimizer

if TYPE_CHECKING:
    from fanin.models._layered import Layered
    from fanin.models._objective import Goal, Objective
    from fanin.models._samples import Wanted
    from fanin.typing import OptimizerLike

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

    paths: Sequence[str] = ()
    """The parameters that the optimizer moves, in their order: layer's name and role."""

    def __init__(self, optimizer: Optimizer, ends: Ends, aims: list[Aim]) -> None:
        self.optimizer: Optimizer = optimizer
        self.ends: Ends = ends
        """The outputs as they were called then."""
        self.aims: list[Aim] = aims
        """What is wanted of each output."""
        self.progress: NDArray[np.float64] = np.zeros(1)
        """Steps that the optimizer has done, and what the pass that runs counts besides: written by
        the core with each batch."""
        self.epochs: int = 0
        """Whole epochs trained; a second `fit` does not repeat the shuffles of the first."""
        self.seen: _core.Plan | None = None
        """The plan of the network when loss and outputs were last looked at."""
        self.told: str | None = None
        """What the warnings about them said."""
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
        ends: Ends,
        loss: Any,
        loss_weights: Any,
        metrics: Any,
        weighted_metrics: Any,
        widths: Sequence[int] | None,
    ) -> Self:
        """Return what the arguments of `compile` choose.

        `widths` are the lengths of the outputs' last axes; None while the network is not built.
        """
        chosen = optimizers.get(optimizer)
        aims = Aim.of_each(ends, loss, loss_weights, metrics, weighted_metrics)
        compiled = cls(chosen, ends, aims)
        # Names, and the kind of targets, do not depend on the number of outputs.
        compiled.metrics_for(widths or [1] * len(aims))
        return compiled

    def metrics_for(self, widths: Sequence[int]) -> list[tuple[list[Metric], list[Metric]]]:
        """Return the metrics and the weighted ones of each output, for outputs of these widths.

        "accuracy" depends on them.
        """
        found = []
        for output, (aim, width) in enumerate(zip(self.aims, widths, strict=True)):
            try:
                plain = resolve_all(aim.metrics, aim.loss, width)
                found.append((plain, resolve_all(aim.weighted, aim.loss, width, beside=plain)))
            except ValueError as error:
                if not self.ends.several:
                    raise
                raise ValueError(f"output {self.ends.names[output]!r}: {error}") from error
        return found

    @property
    def several(self) -> bool:
        """Whether the network has several outputs."""
        return len(self.aims) > 1

    @property
    def loss(self) -> Any:
        """The loss; of several outputs a list, with None where there is none."""
        found = [aim.loss for aim in self.aims]
        return found if self.several else found[0]

    @property
    def names(self) -> list[str]:
        """What `evaluate` returns, by name: losses and metrics."""
        return self._named(self.metrics_for([1] * len(self.aims)))[1]

    def check_outputs(self, model: "Layered") -> None:
        """Warn, once, if a loss does not fit what a built network ends in."""
        plan = model.ready()
        if plan is self.seen:
            return
        self.seen, doubts = plan, []
        for output, aim in enumerate(self.aims):
            if aim.loss is None:
                continue
            settings = [layer.settings() for layer in model.ending(output)]
            width = width_of(plan.shapes_of_outputs[output])
            doubt = _outputs.doubt(aim.loss, settings, width)
            if doubt is not None:
                name = self.ends.names[output]
                doubts.append(f"output {name!r}: {doubt}" if self.several else doubt)
        told = "\n".join(doubts) or None
        if told is not None and told != self.told:
            warn(told)
        self.told = told

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
        memory = (network.gathered(slots[0]) if slots else None, *memory[1:])
        twin.__dict__.update(self.__dict__, progress=progress[:1], _memory=memory)
        return Network(network.plan, params, state), twin

    def spread_over(self, network: Network) -> None:
        """Lay slots that lie in a row out as the parameters of a network."""
        slots, names, settings = self._memory
        if slots is not None:
            self._memory = (network.spread(slots), names, settings)

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
        slots = given.pop("slots", None)  # of 0.1.0
        if "loss" in given:  # before there were several outputs
            loss, metrics = given.pop("loss"), as_metrics(given.pop("metrics"))
            given |= {"ends": Ends(["output"]), "aims": [Aim(loss, 1.0, metrics, [], 0)]}
            given = {"seen": None, "told": None, "_memory": (None, [], None), **given}
        self.__dict__.update(given)
        if slots is not None:
            self.slots = slots
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

    def of_network(self, model: "Layered") -> None:
        """Get to know the parameters of a network that is built, and make its slots."""
        layers, plan = model.computing, model.ready()
        names = {start: f"{layers[i].name}/{role}" for i, role, start, _ in plan.parameters}
        # What lies between them is of other networks.
        self.paths = [names.get(start, "") for start in plan.variables]
        self.update(model.network.params)

    def finish(self, network: Network) -> None:
        """Leave the average of the parameters in a network, if the optimizer keeps one."""
        slots, names = self._memory[:2]
        if slots is None or not self.optimizer.use_ema or "average" not in names:
            return
        self.restore(network, slots[names.index("average")])

    def restore(self, network: Network, params: Array) -> None:
        """Write the parameters that are trained, of an array like those of a network."""
        plan = network.plan
        with network.writing("network"):
            for (_, _, start, shape), trained in zip(plan.parameters, plan.trained, strict=True):
                if trained:
                    part = slice(start, start + math.prod(shape))
                    network.params[part] = params[part]

    def update(self, params: Array) -> Update:
        """Return the optimizer's settings, and its slots in the form that it wants with them."""
        settings, slots, known = self.optimizer._settings(), self._memory[0], self._memory[2]
        if slots is None or (settings is not known and settings != known):
            slots = self.arranged(params)
            self._memory = (slots, self.optimizer.slot_names(), settings)
        return Update(self.optimizer._settings_for(self.paths), slots)

    def objective(self, plan: _core.Plan) -> "Objective":
        """Return what losses and metrics mean for the outputs of a plan."""
        from fanin.models._objective import Objective  # not needed for `import fanin`

        shapes = plan.shapes_of_outputs
        widths = [width_of(shape) for shape in shapes]
        metrics = self.metrics_for(widths)
        goals, names = self._named(metrics, widths)
        larger: dict[str, bool | None] = {}
        for goal in goals:
            if goal.loss_name:
                larger[goal.loss_name] = False
            both = [metric for part in metrics[goal.output] for metric in part]
            directions = [metric.larger_is_better for metric in both]
            larger |= zip(goal.names, directions, strict=True)
        objective = Objective(goals, names, larger, shapes)
        if plan.penalizes_activity and not objective.in_core:
            raise ValueError(
                "activity_regularizer: expected a loss of fanin.losses beside penalties on "
                "outputs, found one of your own; leave the regularizer out"
            )
        return objective

    def _named(
        self,
        metrics: Sequence[tuple[list[Metric], list[Metric]]],
        widths: Sequence[int] | None = None,
    ) -> "tuple[list[Goal], list[str]]":
        """Return what is wanted of each output, and all names as `evaluate` has them.

        `widths` are those of the outputs; None where only the names are asked for.
        """
        from fanin.models._objective import Goal, Naming

        naming, prefixes = Naming(), self.ends.names if self.several else [""]
        outputs = range(len(self.aims))
        with_loss = [output for output in outputs if self.aims[output].loss is not None]
        told = with_loss if len(with_loss) > 1 else []
        losses = {output: naming.of(prefixes[output], ["loss"])[0] for output in told}
        both = []
        for which in (0, 1):
            of_each = []
            for output in outputs:
                own = [metric.name for metric in metrics[output][which]]
                of_each.append(naming.of(prefixes[output], own, weighted=which == 1))
            both.append(of_each)
        goals = [
            Goal.of(
                output,
                aim.loss,
                aim.weight,
                [*zip(both[0][output], metrics[output][0], strict=True)],
                [*zip(both[1][output], metrics[output][1], strict=True)],
                losses.get(output, ""),
                None if widths is None else widths[output],
            )
            for output, aim in enumerate(self.aims)
            if aim.wanted
        ]
        others = [name for of_each in both for own in of_each for name in own]
        # As Keras lists them: of several outputs metrics are in alphabetical order.
        told = sorted(told, key=lambda output: self.aims[output].place)
        of_losses = [losses[output] for output in told]
        return goals, ["loss", *of_losses, *(sorted(others) if self.several else others)]

    @property
    def targets(self) -> "list[Wanted]":
        """The targets that are wanted, of each output of which something is wanted."""
        from fanin.models._samples import Wanted  # not needed for `import fanin`

        found = []
        metrics = self.metrics_for([1] * len(self.aims))
        for output, aim in enumerate(self.aims):
            if aim.wanted:
                kind = "" if aim.loss is None else kind_of(aim.loss)
                own = [metric for part in metrics[output] for metric in part]
                others = [] if kind else map(target_kind, own)
                found.append(Wanted(output, kind or next((o for o in others if o), "")))
        return found
