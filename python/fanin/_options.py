"""Options of `fit`, `evaluate` and `predict`, in the form they are used."""

from collections.abc import Callable, Sequence

from fanin import _checks


def batch_size(name: str, value: int | None, default: int = 32) -> int:
    # A batch cannot have more samples than there are; the bound keeps huge numbers in the core's.
    return min(default if value is None else _checks.integer(name, value, minimum=1), 2**31)


def thread_count(value: int | None) -> int | None:
    """Return how many threads to use; None for as many as there are."""
    # The bound keeps huge numbers in the core's.
    return None if value is None else min(_checks.integer("threads", value, minimum=1), 2**31)


def epochs_to_validate(frequency: int | Sequence[int]) -> Callable[[int], bool]:
    """Return whether to validate after an epoch, counted from 1."""
    if isinstance(frequency, Sequence | set) and not isinstance(frequency, str):
        chosen = {_checks.integer("validation_freq", epoch, minimum=1) for epoch in frequency}
        return chosen.__contains__
    every = _checks.integer("validation_freq", frequency, minimum=1)
    return lambda epoch: epoch % every == 0
