"""What is seen of a training that somebody else runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fanin.frameworks._trace import Trace


@dataclass
class Seen:
    """The last pass forward and back of one step."""

    trace: Trace
    """Of the arrays that were there before the step changed them; without theory and loss."""
    training: bool
    """Whether the model behaved as in training."""
    updates: Mapping[str, float]
    """By layer: root mean square of what the step added to its kernel, by that of the kernel."""
    seconds: float
    """Time that keeping took."""


class Watcher(Protocol):
    """Keeps what a model does in the steps that are due."""

    def take(self, scale: float) -> Seen | None:
        """Hand over what was kept since the last call; None if there was no pass to keep.

        Gradients are divided by `scale`, which the loss was multiplied by.
        """

    def close(self) -> None:
        """Leave the model as it was found."""
