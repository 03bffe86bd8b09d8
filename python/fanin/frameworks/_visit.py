"""One pass through a model of any framework that stops at each layer with weights."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass
class Visit:
    """A layer with weights, when its outputs are there.

    Attributes
    ----------
    name : str
        The layer.
    outputs : ndarray of shape (rows, units)
        Before the activation; a row a sample, or a place of one.
    has_bias : bool
        Whether it can shift its outputs.
    """

    name: str
    outputs: Array
    has_bias: bool


Visitor = Callable[[Visit], tuple[Array, Array]]
"""Returns what a layer's weights are multiplied by, and what is taken off its outputs before."""


class Pass(Protocol):
    """A model that can be passed through."""

    model: Any

    def alone(self) -> AbstractContextManager[object]:
        """Return what keeps other threads from changing it for the length of a block."""

    def keep(self) -> Any:
        """Copy what may change."""

    def restore(self, kept: Any) -> None:
        """Put it back."""

    def __call__(self, visit: Visitor) -> None:
        """Pass the batch through; each layer is changed by `visit` before the next one runs."""
