"""What gives whole batches: iterators, what can be iterated again, and batches by number."""

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import _checks

Order = NDArray[np.uint32]


class Source:
    """Where batches come from.

    Parameters
    ----------
    given : object
        What the user gave.
    """

    once = False
    """Whether it gives each batch once, for all passes together."""
    shuffles = False
    """Whether its batches can be asked for in any order."""
    endless = False
    """Whether it is known to have no end."""

    def __init__(self, given: Any) -> None:
        self.given = given
        kind = type(given)
        module = kind.__module__.partition(".")[0]
        name = kind.__name__ if module in ("builtins", "__main__") else f"{module} {kind.__name__}"
        self.called: str = f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
        """What a message calls it."""
        self._example: tuple[Any, Iterator[Any] | None] | None = None

    @property
    def steps(self) -> int | None:
        """How many batches a pass has; None if nobody knows."""
        return None

    def begin(self) -> None:
        """Begin an epoch."""
        self._call("on_epoch_begin")

    def end(self) -> None:
        """End an epoch."""
        self._call("on_epoch_end")

    def example(self) -> tuple[Any, Iterator[Any] | None]:
        """Return a batch to look at, and the pass that it is the first of, if that has begun.

        A StopIteration if there is none. It is asked for once.
        """
        if self._example is None:
            batches = iter(self.batches(None))
            first = next(batches)
            self._example = first, itertools.chain([first], batches)
        return self._example

    def batches(self, order: Order | None) -> Iterator[Any]:
        """Begin a pass: return its batches, in this order if there is one."""
        raise NotImplementedError

    def _call(self, hook: str) -> None:
        method = getattr(self.given, hook, None)
        if callable(method):
            method()


class Once(Source):
    """An iterator, such as a generator: it goes on where it stopped."""

    once = True

    def __init__(self, given: Iterator[Any]) -> None:
        super().__init__(given)
        self.endless = isinstance(given, itertools.count | itertools.cycle)
        if isinstance(given, itertools.repeat):
            try:
                given.__length_hint__()
            except TypeError:
                self.endless = True

    def batches(self, order: Order | None) -> Iterator[Any]:
        """Return the iterator itself."""
        return self.given  # type: ignore[no-any-return]


class Again(Source):
    """What can be iterated as often as one likes, such as a torch DataLoader."""

    def __init__(self, given: Iterable[Any]) -> None:
        super().__init__(given)

    @property
    def steps(self) -> int | None:
        """Its length, if it has one."""
        if not hasattr(type(self.given), "__len__"):
            return None
        try:
            return len(self.given)
        except (TypeError, NotImplementedError):  # loaders of streams, tf.data without an end
            return None

    def batches(self, order: Order | None) -> Iterator[Any]:
        """Begin to iterate."""
        return iter(self.given)


class Grouped(Again):
    """What gives samples one by one: they are put together."""

    def __init__(self, given: Iterable[Any], size: int) -> None:
        super().__init__(given)
        self.size = size

    @property
    def steps(self) -> int | None:
        """Not known: its length, if it has one, need not be what it gives."""
        return None

    def batches(self, order: Order | None) -> Iterator[Any]:
        """Begin to iterate."""
        samples = iter(self.given)
        while members := [*itertools.islice(samples, self.size)]:
            yield together(members)


class Indexed(Source):
    """Batches by number: `PyDataset`, or whatever has ``__getitem__`` and ``__len__``."""

    shuffles = True

    def __init__(self, given: Any) -> None:
        super().__init__(given)
        if getattr(given, "use_multiprocessing", False):
            raise ValueError(
                f"x: expected a data set without use_multiprocessing, found {self.called} with it; "
                "batches are made in threads: give workers alone"
            )
        self.endless = self.steps is None

    @property
    def steps(self) -> int | None:
        """How many batches there are now."""
        own = getattr(self.given, "num_batches", None)
        if own is None and hasattr(type(self.given), "__len__"):
            own = len(self.given)
        return None if own is None else _checks.integer("len(x)", own, minimum=0)

    def example(self) -> tuple[Any, Iterator[Any] | None]:
        """Return batch 0: the pass has an order of its own."""
        if self.steps == 0:
            raise StopIteration
        if self._example is None:
            self._example = self.given[0], None
        return self._example

    def batches(self, order: Order | None) -> Iterator[Any]:
        """Ask for each batch when it is needed, or some ahead in threads."""
        count = self.steps
        numbers: Iterable[int] = itertools.count() if count is None else range(count)
        if order is not None:
            numbers = map(int, order)
        workers = getattr(self.given, "workers", 1)
        if isinstance(workers, int) and workers > 1:
            return _ahead(self.given.__getitem__, numbers, workers, self._room())
        return map(self.given.__getitem__, numbers)

    def _room(self) -> int:
        room = getattr(self.given, "max_queue_size", 10)
        return max(room, 1) if isinstance(room, int) else 10


def _ahead(
    make: Callable[[int], Any], numbers: Iterable[int], workers: int, room: int
) -> Generator[Any, None, None]:
    """Return what `make` makes of each number, in their order, made ahead by threads."""
    from concurrent.futures import ThreadPoolExecutor  # not needed where nothing is made ahead

    left = iter(numbers)
    with ThreadPoolExecutor(workers, thread_name_prefix="fanin-batches") as pool:
        begun = deque(pool.submit(make, number) for number in itertools.islice(left, room))
        try:
            while begun:
                found = begun.popleft().result()
                begun.extend(pool.submit(make, number) for number in itertools.islice(left, 1))
                yield found
        finally:  # whoever stops half-way, and whatever was raised
            for future in begun:
                future.cancel()


def together(members: list[Any]) -> Any:
    """Return samples, each an array or some in a form, as a batch of the same form."""
    first = members[0]
    if isinstance(first, dict):
        return {name: together([member[name] for member in members]) for name in first}
    if isinstance(first, tuple | list):
        return tuple(together([*part]) for part in zip(*members, strict=True))
    return np.stack([np.asarray(member) for member in members])
