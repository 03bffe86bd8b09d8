"""Undoing what a call did, if it is refused or interrupted on its way."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def as_before(things: Iterable[object]) -> Iterator[None]:
    """Put objects back as they were if the block does not come to its end, whatever ends it.

    It is for blocks that give objects new attributes. What is written into an array, a list or a
    dict that was there before is not undone.

    Parameters
    ----------
    things : iterable of object
        What the block changes.
    """
    kept = [(thing, dict(thing.__dict__)) for thing in things]
    try:
        yield
    except BaseException:
        for thing, attributes in kept:
            object.__setattr__(thing, "__dict__", attributes)
        raise
