"""Undoing what a call did, if it is refused or interrupted on its way."""

from collections.abc import Iterable
from types import TracebackType


class as_before:  # noqa: N801
    """Put objects back as they were if the block does not come to its end, whatever ends it.

    It is for blocks that give objects new attributes. What is written into an array, a list or a
    dict that was there before is not undone.

    Parameters
    ----------
    things : iterable of object
        What the block changes.
    """

    def __init__(self, things: Iterable[object]) -> None:
        self._things = things

    def __enter__(self) -> None:
        self._kept = [(thing, thing.__dict__.copy()) for thing in self._things]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            for thing, attributes in self._kept:
                object.__setattr__(thing, "__dict__", attributes)
