"""What `fit`, `evaluate` and `predict` are told: epochs, batches, when to validate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fanin import _checks
from fanin.show.progress import resolve_verbose


def batch_rows(name: str, value: int | None, default: int = 32) -> int:
    """Return the number of samples of a batch."""
    # A batch cannot have more samples than there are; the bound keeps huge numbers in the core's.
    return min(default if value is None else _checks.integer(name, value, minimum=1), 2**31)


def batch_size_for(samples: int, steps: int | None) -> int:
    """Return how many samples make a batch, if all of them are to make so many batches."""
    return 32 if steps is None else max(-(-samples // steps), 1)


def step_count(name: str, value: int | None) -> int | None:
    """Return a number of batches; None for all that there are."""
    return None if value is None else _checks.integer(name, value, minimum=1)


def share(name: str, value: float) -> float:
    """Return a share of the samples, from 0 to below 1."""
    number = _checks.number(name, value, at_least=0.0, below=1.0)
    # A float32 means its own shortest decimal: .8, and not .800000011920929.
    return float(str(value)) if isinstance(value, np.floating) else number


def epochs_to_validate(frequency: int | Sequence[int]) -> Callable[[int], bool]:
    """Return whether to validate after an epoch, counted from 1."""
    if isinstance(frequency, Sequence | set) and not isinstance(frequency, str):
        chosen = {_checks.integer("validation_freq", epoch, minimum=1) for epoch in frequency}
        return chosen.__contains__
    every = _checks.integer("validation_freq", frequency, minimum=1)
    return lambda epoch: epoch % every == 0


# Without eq and repr, which nothing uses: making them is part of what `import fanin` takes.
@dataclass(eq=False, repr=False)
class Course:
    """How to train: which epochs, in which batches, and when to validate."""

    first: int
    last: int
    batch_size: int
    validation_batch_size: int
    split: float
    validates: Callable[[int], bool]
    """Whether to validate after an epoch, counted from 1."""
    shuffle: bool
    verbose: int
    threads: int | None
    steps_per_epoch: int | None = None
    """Batches of an epoch, if it is not one pass over the samples."""
    validation_steps: int | None = None
    batch_sizes: tuple[int | None, int | None] = (None, None)
    """The samples of a batch, in training and in validation, where the user said how many."""

    whole: bool = False
    """Whether an optimizer takes its steps on all samples."""

    def settle(self, samples: int | None, validation: int | None) -> None:
        """Choose sizes of batches that nobody chose: as many as make all samples the steps."""
        own, of_validation = self.batch_sizes
        if samples is not None and own is None:
            self.batch_size = batch_size_for(samples, self.steps_per_epoch)
        if validation is not None and own is None and of_validation is None:
            self.validation_batch_size = batch_size_for(validation, self.validation_steps)

    def steps(self, samples: int) -> int:
        """Return the number of batches of an epoch."""
        return -(-samples // self.batch_size)

    def told(self, steps: int | None) -> dict[str, Any]:
        """Return what callbacks are told; steps are None where nobody knows them."""
        return {"verbose": self.verbose, "epochs": self.last, "steps": steps}

    def validations(self) -> int:
        """Return how many epochs are validated."""
        return sum(self.validates(epoch + 1) for epoch in range(self.first, self.last))


def course(
    *,
    epochs: int,
    initial_epoch: int,
    batch_size: int | None,
    validation_batch_size: int | None,
    validation_split: float,
    validation_freq: int | Sequence[int],
    shuffle: bool,
    verbose: int | str,
    threads: int | None,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
) -> Course:
    """Check the arguments that `fit` and `fit_many` share."""
    first = _checks.integer("initial_epoch", initial_epoch, minimum=0)
    last = _checks.integer("epochs", epochs, minimum=0)
    size = batch_rows("batch_size", batch_size)
    return Course(
        first,
        last,
        size,
        batch_rows("validation_batch_size", validation_batch_size, size),
        share("validation_split", validation_split),
        epochs_to_validate(validation_freq),
        _checks.flag("shuffle", shuffle),
        resolve_verbose(verbose),
        _checks.thread_count(threads),
        step_count("steps_per_epoch", steps_per_epoch),
        step_count("validation_steps", validation_steps),
        (batch_size, validation_batch_size),
    )
