"""What happens between the layers of a Keras model: functions and sums that are no layers."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from fanin.frameworks._trace import Array, LayerTrace, rows
from fanin.frameworks.keras._arrays import measured
from fanin.frameworks.keras._tapes import is_floating

_FUNCTIONS = keras.activations
_CANDIDATES: list[tuple[dict[str, Any], Callable[[Any], Any]]] = [
    ({"kind": "relu"}, _FUNCTIONS.relu),
    ({"kind": "tanh"}, _FUNCTIONS.tanh),
    ({"kind": "sigmoid"}, _FUNCTIONS.sigmoid),
    ({"kind": "gelu", "approximate": False}, partial(_FUNCTIONS.gelu, approximate=False)),
    ({"kind": "gelu", "approximate": True}, partial(_FUNCTIONS.gelu, approximate=True)),
    ({"kind": "silu"}, _FUNCTIONS.silu),
    ({"kind": "leaky_relu", "negative_slope": 0.2}, _FUNCTIONS.leaky_relu),
    ({"kind": "elu", "alpha": 1.0}, _FUNCTIONS.elu),
    ({"kind": "selu"}, _FUNCTIONS.selu),
    ({"kind": "softplus"}, _FUNCTIONS.softplus),
    ({"kind": "softsign"}, _FUNCTIONS.softsign),
]
"""The activations that are tried, as the core and as Keras know them."""

_END: tuple[dict[str, Any], Callable[[Any], Any]] = ({"kind": "softmax"}, _FUNCTIONS.softmax)
"""The one that is tried besides behind the last layer."""

_PROBE = 256
"""Elements that a function is tried on first."""


def recognized(given: Any, received: Any, ending: bool = False) -> Mapping[str, Any] | None:
    """Return the activation that makes one tensor of the other, by values; None if none does."""
    if tuple(given.shape) != tuple(received.shape) or not is_floating(given):
        return None
    candidates = [*_CANDIDATES, *([_END] if ending else [])]
    sample = given if ending else keras.ops.reshape(given, (-1,))[:_PROBE]
    expected = measured(received).reshape(-1)
    for settings, function in candidates:
        tried = measured(function(sample)).reshape(-1)
        if not np.array_equal(tried, expected[: tried.size]):
            continue
        if tried.size == expected.size or np.array_equal(
            measured(function(given)).ravel(), expected
        ):
            return settings
    return None


def same(one: Any, other: Any) -> bool:
    """Return whether two tensors hold the same numbers in the same order, in whatever shape."""
    if one is other:
        return True
    if math.prod(one.shape) != math.prod(other.shape):
        return False
    if one.dtype != other.dtype:  # a layer casts what it gets to its own type
        one = keras.ops.cast(one, other.dtype)
    return bool(np.array_equal(measured(one).reshape(-1), measured(other).reshape(-1)))


def following(after: Any, given: Sequence[Any]) -> Any:
    """Return the one of several tensors that the layer before returned, or else the first.

    Of a sum that is what the branch led to.
    """
    if len(given) == 1 or after is None:
        return given[0]
    found = next((tensor for tensor in given if tensor is after), None)
    if found is None:
        found = next((tensor for tensor in given if same(after, tensor)), given[0])
    return found


class Between:
    """What one layer gets, where that is not what the one before it returned."""

    def __init__(
        self, name: str, given: Any, received: Any, activation: Mapping[str, Any] | None, note: str
    ) -> None:
        self.name, self.activation, self.note = name, activation, note
        self.inputs = self.before = given
        self.outputs = received
        self.last = True
        """Whether its units are on the last axis, not on the second."""
        self.axes = 1, 1
        """On how many axes the units of what comes in and of what goes out are."""

    def trace(self, gradients: Mapping[int, Array], batch: int) -> LayerTrace:
        """Hand the arrays over."""
        known = self.activation is not None
        kind = "activation" if known else "function"
        given = rows(measured(self.inputs), self.last, self.axes[0])
        return LayerTrace(
            name=self.name,
            kind=kind,
            inputs=given,
            outputs=rows(measured(self.outputs), self.last, self.axes[1]),
            activation=self.activation,
            pre_activation=given if known else None,
            output_gradient=gradient_rows(gradients, self.outputs, self.last, self.axes[1]),
            pre_activation_gradient=(
                gradient_rows(gradients, self.inputs, self.last, self.axes[0]) if known else None
            ),
            settings={"kind": kind},
            note=self.note,
        )


def gradient_rows(
    gradients: Mapping[int, Array], tensor: Any, last: bool, axes: int
) -> Array | None:
    """Return `rows` of the gradient with respect to a tensor; None if there is none."""
    gradient = gradients.get(id(tensor))
    if gradient is None:
        return None
    known = gradient.dtype in (np.float32, np.float64)
    return rows(gradient if known else gradient.astype(np.float32), last, axes)


def linked(calls: Sequence[Any], samples: Sequence[Any]) -> list[Any]:
    """Put in what happens between layers: where one does not get what the one before returned."""
    steps: list[Any] = []
    before, given, last, axes = "the samples", list(samples), True, 1
    earlier = {id(tensor): "the samples" for tensor in samples}
    for call in calls:
        call.last = last if call.units_last is None else call.units_last
        if not any(same(tensor, got) for tensor in given for got in call.given):
            between = _between(before, given[0], call, earlier.get(id(call.inputs), ""))
            between.last = last if between.activation else call.last
            between.axes = axes, call.axes[0]
            steps.append(between)
        steps.append(call)
        before, given, last, axes = call.name, [call.outputs], call.last, call.axes[1]
        earlier[id(call.outputs)] = "what a layer before the last one returned"
    return steps


def _between(before: str, given: Any, call: Any, source: str) -> Between:
    activation = None if source else recognized(given, call.inputs)
    if activation is not None:
        return activated(before, given, call.inputs, activation)
    note = "a function or a sum, which is not seen"
    if source:
        note = f"gets {source}, as branches do"
    return Between(f"input of {call.name}", given, call.inputs, None, note)


def activated(before: str, given: Any, received: Any, activation: Mapping[str, Any]) -> Between:
    """Return an activation that is called as a function."""
    return Between(f"{activation['kind']}({before})", given, received, activation, "")
