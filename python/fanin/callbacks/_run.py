"""What a `fit` is going to do, as far as its callbacks need to know it before it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanin.callbacks._base import Callback
    from fanin.models._trainable import Trainable

EPOCH = ("on_epoch_end",)
"""Where a callback can add values to the logs of an epoch."""
BATCH = ("on_train_batch_end", "on_batch_end")
"""Where a callback can add values to the logs of a batch."""


# Without eq and repr, which nothing uses: making them is part of what `import fanin` takes.
@dataclass(eq=False, repr=False)
class Run:
    """A `fit` whose arguments are checked, and which has changed nothing yet."""

    model: "Trainable"
    features: tuple[int, ...]
    """Shape of a sample, which an unbuilt model does not know."""
    directions: Mapping[str, bool | None]
    """Whether larger is better, by metric; None if a metric does not say so."""
    validates: bool
    """Whether there is validation data; which epochs it is used after is another matter."""
    heard: "list[Callback]" = field(default_factory=list)
    """The callbacks that are called before the one that asks, and that one."""

    def names(self) -> list[str]:
        """Return what the logs of an epoch will hold, unless validation skips the epoch."""
        own = self.batch_names()
        if self.validates:
            own += [f"val_{name}" for name in own]
        written = [name for callback in self.heard for name in callback._writes]
        return sorted({*own, *written})

    def batch_names(self) -> list[str]:
        """Return what the logs of a batch will hold."""
        return sorted(["loss", *self.directions])

    def may_gain(self, hooks: tuple[str, ...]) -> bool:
        """Whether a hook that is not of this package can add other values to the logs."""
        found = (getattr(callback, hook) for callback in self.heard for hook in hooks)
        return not all((getattr(hook, "__module__", None) or "")[:6] == "fanin." for hook in found)
