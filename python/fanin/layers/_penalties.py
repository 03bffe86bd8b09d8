"""A layer that is nothing but a penalty."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks
from fanin.layers._base import Layer

if TYPE_CHECKING:
    from fanin.typing import LayerArguments


class ActivityRegularization(Layer):
    """Its inputs as they are, with a penalty on them, which is part of the loss.

    The penalty is ``l1 * sum(abs(x)) + l2 * sum(x**2)``, a mean over the samples.

    Parameters
    ----------
    l1 : float, default 0.0
        Factor of the absolute values.
    l2 : float, default 0.0
        Factor of the squares.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Raises
    ------
    ValueError
        If a factor is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> ActivityRegularization(l1=0.1)(np.array([[1.0, -2.0]]))
    array([[ 1., -2.]], dtype=float32)
    """

    kind = "activation"
    _options: ClassVar[Mapping[str, Any]] = {
        "l1": partial(_checks.number, at_least=0.0),
        "l2": partial(_checks.number, at_least=0.0),
    }

    def __init__(
        self, l1: float = 0.0, l2: float = 0.0, **kwargs: "Unpack[LayerArguments]"
    ) -> None:
        if kwargs.get("activity_regularizer") is not None:
            found = _checks.found(kwargs["activity_regularizer"])
            raise ValueError(f"activity_regularizer: expected l1 and l2 instead, found {found}")
        self.l1 = l1
        self.l2 = l2
        super().__init__(**kwargs)

    def settings(self) -> dict[str, object]:
        """Return the settings for the core: no activation, and a penalty."""
        penalty = {"kind": "l1_l2", "l1": self.l1, "l2": self.l2}
        linear = {"kind": "activation", "activation": {"kind": "linear"}}
        return {**linear, "activity_regularizer": penalty}
