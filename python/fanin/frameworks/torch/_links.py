"""What happens between the modules of a torch network: functions and sums that no hook sees."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from fanin.frameworks._trace import LayerTrace
from fanin.frameworks.torch._arrays import rows_of

Array = NDArray[Any]


_CANDIDATES: list[tuple[dict[str, Any], Callable[[Any], Any]]] = [
    ({"kind": "relu"}, torch.relu),
    ({"kind": "tanh"}, torch.tanh),
    ({"kind": "sigmoid"}, torch.sigmoid),
    ({"kind": "gelu", "approximate": False}, functional.gelu),
    ({"kind": "silu"}, functional.silu),
    ({"kind": "leaky_relu", "negative_slope": 0.01}, functional.leaky_relu),
    ({"kind": "elu", "alpha": 1.0}, functional.elu),
    ({"kind": "selu"}, functional.selu),
    ({"kind": "softplus"}, functional.softplus),
    ({"kind": "softsign"}, functional.softsign),
    ({"kind": "softmax"}, partial(torch.softmax, dim=-1)),
    ({"kind": "softmax"}, partial(torch.softmax, dim=1)),
]
"""The activations that are tried, as the core and as torch know them."""


class Between:
    """What one module gets, where that is not what the one before it returned.

    An activation that is called as a function is recognised by its values; not one in place, which
    has overwritten what it was given.
    """

    last = False
    """Whether its units are on the last axis, not on the second."""
    alone = False
    """Whether it is known that nothing else comes in on the way, such as a sum's other side."""

    def __init__(
        self,
        before: str,
        given: Any,
        name: str,
        received: Any,
        overwritten: bool,
    ) -> None:
        self.given, self.received = given, received
        self.output_gradient: Any = None
        self.input_gradient: Any = None
        self.activation: Mapping[str, Any] | None = None
        self.note = ""
        for settings, function in [] if overwritten else _CANDIDATES:
            if given.numel() == received.numel() and same(function(given.detach()), received):
                self.activation = settings
                self.name = f"{settings['kind']}({before})"
                return
        self.name = f"input of {name}"
        self.note = "a function or a sum, which is not seen"
        if overwritten:
            self.note += (
                "; it works in place, so the figures of the layer before are those behind it"
            )

    @property
    def outputs(self) -> Any:
        """Return what comes out, as a record does."""
        return self.received

    @property
    def wanted(self) -> list[tuple[str, Any]]:
        """Return the tensors whose gradients are needed, with the attributes that keep them."""
        found = [("output_gradient", self.received)]
        if self.activation is not None:
            found.append(("input_gradient", self.given))
        return found

    def trace(self, scale: float) -> LayerTrace:
        """Hand the arrays over; gradients become those of a sample's own loss by `scale`."""
        known = self.activation is not None
        given, received, back = self.given, self.received, self.output_gradient
        last = self.last
        if known:
            # Flattened on the way, perhaps: units are still those of the module before.
            received = received.reshape(given.shape)
            back = None if back is None else back.reshape(given.shape)
        kind = "activation" if known else "function"
        return LayerTrace(
            name=self.name,
            kind=kind,
            inputs=rows_of(given, last),
            outputs=rows_of(received, last),
            activation=self.activation,
            pre_activation=rows_of(given, last) if known else None,
            output_gradient=scaled_rows(back, scale, last),
            pre_activation_gradient=scaled_rows(self.input_gradient, scale, last),
            settings={"kind": kind, "alone": self.alone},
            note=self.note,
        )


def scaled_rows(gradient: Any, scale: float, last: bool) -> Array | None:
    """Return `rows_of` a gradient, multiplied by a number; None for none."""
    if gradient is None:
        return None
    rows = rows_of(gradient, last)
    return rows if scale == 1.0 else rows * np.asarray(scale, rows.dtype)


def same(one: Any, other: Any) -> bool:
    """Return whether two tensors hold the same numbers in the same order, in whatever shape."""
    if one.numel() != other.numel() or one.dtype != other.dtype:
        return False
    return bool(torch.equal(one.detach().reshape(-1), other.detach().reshape(-1)))
