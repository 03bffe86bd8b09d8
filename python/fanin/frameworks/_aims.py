"""What a network of this package is to do, output by output: targets, loss, and what it counts."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fanin import _checks
from fanin.frameworks._objective import (
    Objective,
    fitting_loss,
    objective,
    random_direction,
    sum_gradient,
)
from fanin.losses import Loss, _targets, resolve
from fanin.losses._base import kind_of
from fanin.models._samples import Wanted, _columns, _targets_of_each

if TYPE_CHECKING:
    from fanin.models._layered import Layered

Array = NDArray[Any]


class Aim(NamedTuple):
    """What one output is compared with, and how."""

    output: int
    """Which output."""
    name: str
    """What it is called; empty for one that is alone."""
    loss: Loss
    weight: float
    """What the loss is multiplied by in the sum of all."""
    targets: Array
    code: str
    """What reaches its targets from ``y``, as ``y`` was given."""

    def of(self, rows: Any) -> "Aim":
        """Return the same for some samples."""
        return self._replace(targets=self.targets[rows])


class End(NamedTuple):
    """What a pass made of one output."""

    before: Array
    """What the activation got that ends the network, or the outputs."""
    outputs: Array
    activation: Any
    """Settings of the activation, or None."""


class Found(NamedTuple):
    """What a pass back begins with."""

    loss: str
    """In words; empty for a random direction of the outputs."""
    value: float | None
    gradient: Array
    """Of each sample's own loss; of several outputs side by side."""
    before_activation: list[bool]
    """For each output whether it is with respect to what the last activation gets."""
    parts: dict[int, Objective]
    """What was found of each output that has a loss."""


def aims_of(network: "Layered", x: Array, y: Any, loss: Any) -> list[Aim]:
    """Check targets against a network that may not be built yet; nothing of it changes.

    Parameters
    ----------
    network : Layered
        The network.
    x : ndarray of shape (batch, ...)
        The samples.
    y : array_like, or list or dict of them
        Their targets, as `fit` takes them.
    loss : str, Loss, or list or dict of them, or None
        As for `trace`.

    Returns
    -------
    list of Aim
        Those of the outputs that have a loss.
    """
    plan, ends = network.plan_for(x.shape[1:]), network._ends
    losses, weights = _chosen(network, loss)
    shapes = [(len(x), *shape) for shape in plan.shapes_of_outputs]
    known = [place for place, one in enumerate(losses) if one is not None]
    wanted = known or [*range(len(losses))]  # where none is compiled, those that fit
    given = _targets_of_each(ends, "y", y, [Wanted(place, "") for place in wanted], len(x))
    named = isinstance(y, Mapping) or _columns(y) is not None
    found = []
    for place in wanted:
        name = ends.called("y", place)
        if given[place] is None:
            raise ValueError(f"{name} is missing: expected the targets, found None")
        targets = _checks.numeric(name, given[place])
        layer = _last(network, place)
        last = None if layer is None else layer.settings().get("activation")
        chosen = losses[place] or fitting_loss(targets, shapes[place], last)
        _targets.prepare(name, targets, kind_of(chosen), shapes[place], plan.dtype)
        own = ends.names[place]
        code = f"y[{own!r}]" if named else f"y[{place}]"
        if ends.several:
            found.append(Aim(place, own, chosen, weights[place], targets, code))
        else:
            found.append(Aim(place, "", chosen, 1.0, targets, "y"))
    return found


def _chosen(network: "Layered", loss: Any) -> tuple[list[Loss | None], list[float]]:
    """Return the loss and the weight of each output, as asked for, or as compiled."""
    ends, compiled = network._ends, getattr(network, "_compiled", None)
    weights = [1.0] * len(ends.names)
    if compiled is not None:
        weights = [aim.weight for aim in compiled.aims]
    if loss is not None:
        return (ends.losses(loss) if ends.several else [resolve(loss)]), weights
    if compiled is None:
        return [None] * len(ends.names), weights
    return [aim.loss for aim in compiled.aims], weights


def _last(network: "Layered", output: int) -> Any:
    """Return the layer that makes an output."""
    row = network.ending(output)
    return row[-1] if row else None


def begin_back(aims: Sequence[Aim] | None, ends: Sequence[End]) -> Found:
    """Return the loss of what a pass made, and the gradient that a pass back begins with.

    Parameters
    ----------
    aims : sequence of Aim or None
        None for a random direction of all outputs.
    ends : sequence of End
        What the pass made of each output.
    """
    outputs = [end.outputs for end in ends]
    flags = [False] * len(ends)
    if aims is None:
        return Found("", None, random_direction(side_by_side(outputs)), flags, {})
    parts, words, value = {}, [], 0.0
    gradients = [np.zeros_like(one) for one in outputs] if len(ends) > 1 else outputs
    for aim in aims:
        end = ends[aim.output]
        found = objective(aim.targets, aim.loss, end.before, end.outputs, end.activation)
        assert found.value is not None
        parts[aim.output], flags[aim.output] = found, found.before_activation
        value += aim.weight * found.value
        gradients[aim.output] = _weighed(found.gradient, aim.weight)
        words.append(found.loss if aim.weight == 1.0 else f"{aim.weight:g} {found.loss}")
    return Found(" + ".join(words), value, side_by_side(gradients), flags, parts)


def value_of(aims: Sequence[Aim], ends: Sequence[End]) -> float:
    """Return the loss of what a pass made."""
    value = begin_back(aims, ends).value
    assert value is not None
    return value


def mean_gradient(aims: Sequence[Aim], outputs: Sequence[Array]) -> Array:
    """Return the gradient of the mean loss with respect to the outputs, side by side."""
    gradients = [np.zeros_like(one) for one in outputs]
    for aim in aims:
        dy = sum_gradient(aim.loss, aim.targets, outputs[aim.output])[1]
        dy = dy / np.asarray(len(dy), dy.dtype)
        gradients[aim.output] = _weighed(dy, aim.weight)
    return side_by_side(gradients)


def _weighed(gradient: Array, weight: float) -> Array:
    return gradient if weight == 1.0 else gradient * gradient.dtype.type(weight)


def side_by_side(parts: Sequence[Array]) -> Array:
    """Return arrays as the core takes outputs: one as it is, several as one row a sample."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
