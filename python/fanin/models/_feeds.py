"""What samples are given in beside arrays: rows that are read a part at a time, and batches.

Each part is checked as it comes, by a function of what belongs together: of `fit` and `evaluate` it
returns `Samples`, of `predict` an array.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fanin import _batches, _checks
from fanin.errors import ShapeError
from fanin.models import _samples
from fanin.models._samples import NAMES, VALIDATION, Names, Samples, Wanted

if TYPE_CHECKING:
    from fanin.models._course import Course
    from fanin.models._layered import Layered

Array = NDArray[Any]
Part = TypeVar("Part", Samples, Array)
Check = Callable[[Any, Any, Any, Names], Part]
"""Returns samples of which everything is right."""

_CHUNK = 1 << 22
"""Bytes of samples that are read at once, or one batch where that is more."""


class Stored(Generic[Part]):
    """Samples that are read a part at a time.

    Parameters
    ----------
    read : callable
        Returns inputs, targets and weights of some rows: a slice, or numbers that rise.
    check : callable
        Makes samples of them.
    names : tuple of str
        What messages call the three.
    rows : range
        Which rows these are.
    """

    def __init__(
        self,
        read: Callable[[slice | Array], tuple[Any, Any, Any]],
        check: Check[Part],
        names: Names,
        rows: range,
    ) -> None:
        self._read, self._names, self.rows = read, names, rows
        self._check: Check[Part] = check
        self.example: Part = self.take(np.arange(min(len(rows), 32)))
        """The first of them."""
        each = _bytes_of(self.example) // len(self.example)
        self._chunk = max(_CHUNK // max(each, 1), 1)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice) -> "Stored[Part]":
        return Stored(self._read, self._check, self._names, self.rows[rows])

    def checked_by(self, check: Check[Part]) -> "Stored[Part]":
        """Return the same rows, checked by another function."""
        return Stored(self._read, check, self._names, self.rows)

    def whole_batches(self, batch_size: int) -> int:
        """Return how many batches to read at once."""
        return max(self._chunk // batch_size, 1)

    def parts(self, batch_size: int | None) -> Iterator[Part]:
        """Return all, in batches of a size or in parts as they are read."""
        size = self._chunk if batch_size is None else batch_size
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))

    def take(self, order: Array) -> Part:
        """Return some rows, in this order."""
        rows = order.astype(np.intp) + self.rows.start
        if len(rows) == 1 or (np.diff(rows) == 1).all():
            return self._checked(slice(int(rows[0]), int(rows[-1]) + 1))
        sorting = np.argsort(rows)  # files are read from front to back
        places = np.empty_like(sorting)
        places[sorting] = np.arange(len(sorting))
        found: Part = self._checked(rows[sorting])[places]
        return found

    def _checked(self, rows: slice | Array) -> Part:
        try:
            return self._check(*self._read(rows), self._names)
        except (TypeError, ValueError):
            each = range(rows.start, rows.stop) if isinstance(rows, slice) else rows
            if len(each) > 1:
                for row in map(int, each):  # the first that is wrong is the one to name
                    self._one(row)
            raise

    def _one(self, row: int) -> None:
        x, y, weight = (f"{name}[{row}:{row + 1}]" for name in self._names)
        self._check(*self._read(slice(row, row + 1)), (x, y, weight))


def _bytes_of(part: Samples | Array) -> int:
    """Return how many bytes samples take."""
    if not isinstance(part, Samples):
        return part.nbytes
    labels = part.all_labels()
    weights = [own.weights for own in labels if own.weights is not None]
    return sum(array.nbytes for array in (part.x, *(own.y for own in labels), *weights))


class Stream(Generic[Part]):
    """Batches as a source gives them.

    Parameters
    ----------
    source : Source
        What gives them.
    check : callable
        Makes samples of each.
    name : str
        What messages call the source.
    steps : int, optional
        How many batches `parts` returns at most.
    """

    def __init__(
        self, source: _batches.Source, check: Check[Part], name: str, steps: int | None = None
    ) -> None:
        self.source, self.name, self.steps = source, name, steps
        self._check: Check[Part] = check
        self.called: str = f"{name}, {source.called},"
        try:
            first, self._begun = source.example()
        except StopIteration:
            raise ValueError(
                f"{name}: expected some batches, found {source.called} that gives none"
            ) from None
        self.example: Part = self.checked(first, 0)
        """The first batch."""

    def checked(self, batch: Any, number: int) -> Part:
        """Return a batch, told by its number in messages."""
        x, y, weight = (f"{name} of batch {number}" for name in NAMES)
        if self.name != "x":
            x, y, weight = (f"{name} of {self.name}" for name in (x, y, weight))
        given = tuple(batch) if isinstance(batch, list) else batch
        if not isinstance(given, tuple):
            given = (given,)
        if not 1 <= len(given) <= 3:
            raise ValueError(
                f"{self.name}: expected batches (x, y) or (x, y, sample_weight), found one of "
                f"{len(given)} parts from {self.source.called}"
            )
        own_x, own_y, own_weight = map(_batches.dense, _three(given))
        return self._check(own_x, own_y, own_weight, (x, y, weight))

    def begin(self, order: NDArray[np.uint32] | None = None) -> "Tap[Part]":
        """Begin a pass: the one that the first batch was taken from, or another."""
        batches, self._begun = self._begun, None
        return Tap(self, self.source.batches(order) if batches is None else batches)

    def parts(self, batch_size: int | None = None) -> Iterator[Part]:
        """Return the batches of a pass, as they come; a warning if fewer than were asked for."""
        self.source.begin()
        tap, steps = self.begin(), self.steps
        limit = self.source.steps if steps is None else steps
        try:
            while (limit is None or tap.number < limit) and tap.ready():
                yield tap.take()
        finally:
            tap.close()
        if steps is not None and tap.number < steps:
            warn_of_end(f"{self.called} gave {tap.number} of {steps} batches")
        self.source.end()

    def has_more(self) -> bool:
        """Whether there is anything left of what gives its batches once."""
        if not self.source.once or self._begun is not None:
            return True
        for batch in self.source.given:
            self._begun = itertools.chain([batch], self.source.given)
            return True
        return False


class Tap(Generic[Part]):
    """A pass over the batches of a stream."""

    def __init__(self, stream: Stream[Part], batches: Iterator[Any]) -> None:
        self._stream: Stream[Part] = stream
        self._batches = batches
        self._next: Part | None = None
        self.number = 0
        """How many batches were taken."""
        self.ended: bool = False
        """Whether it is known that there are no more."""

    def ready(self) -> bool:
        """Whether there is a further batch; it is asked for and checked."""
        if self._next is None:
            try:
                batch = next(self._batches)
            except StopIteration:
                self.ended = True
                return False
            self._next = self._stream.checked(batch, self.number)
        return True

    def take(self) -> Part:
        """Return the batch that is ready."""
        batch, self._next = self._next, None
        assert batch is not None
        self.number += 1
        return batch

    def close(self) -> None:
        """Let go of what makes batches ahead; a user's generator goes on."""
        if not self._stream.source.once and hasattr(self._batches, "close"):
            self._batches.close()


def warn_of_end(what: str) -> None:
    """Warn that there are fewer batches than were asked for."""
    _checks.warn(f"{what}: the data ran out; give fewer steps, or data that begin anew")


def opened(
    model: "Layered",
    given: tuple[Any, Any, Any],
    check: Check[Part],
    batch_size: int | None,
    steps: int | None,
    names: Names = NAMES,
) -> "Stored[Part] | Stream[Part] | None":
    """Return samples that are no arrays; None if they are, or are to become some."""
    x, y, weight = given
    source = _batches.source_of(x, 32 if batch_size is None else batch_size)
    if source is not None:
        for name, other in zip(names[1:], (y, weight), strict=True):
            if other is not None:
                raise TypeError(
                    f"{names[0]}: expected an array beside {name}, found {source.called}, which "
                    f"gives {'its values once' if source.once else 'batches'}; batches have their "
                    f"own: give (x, y) or (x, y, sample_weight) in each, and {name} None"
                )
        if source.endless and steps is None:
            asked = "steps_per_epoch" if names is NAMES else "validation_steps"
            raise ValueError(
                f"{names[0]}: expected batches that come to an end, found {source.called} that has "
                f"none; give {asked}, or steps to evaluate and predict"
            )
        return Stream(source, check, names[0].removeprefix("x of "))
    items = _batches.items_of(x) if y is None and weight is None else None
    if isinstance(items, tuple):
        return None
    if items is not None:
        return Stored(lambda rows: _three(items.read(rows)), check, names, range(len(items)))
    if any(_batches.holds_stored(part, model.dtype) for part in given):
        return _stored(given, check, names)
    return None


def _three(batch: Any) -> tuple[Any, Any, Any]:
    given = batch if isinstance(batch, tuple) else (batch,)
    if not 1 <= len(given) <= 3:
        raise ValueError(
            f"x: expected samples (x, y) or (x, y, sample_weight), found some of {len(given)} parts"
        )
    missing = (None,) * (3 - len(given))
    x, y, weight = given + missing
    return x, y, weight


def _stored(given: tuple[Any, Any, Any], check: Check[Part], names: Names) -> Stored[Part]:
    readers: list[Callable[[slice | Array], Any]] = []
    counts: dict[str, int] = {}
    for name, part in zip(names, given, strict=True):
        reader = _reader(name, part, counts)
        readers.append(reader)
    if len(set(counts.values())) > 1:
        raise ShapeError(f"{names[0]}: expected as many rows of each array, found {counts}")
    count = next(iter(counts.values()))
    if count == 0:
        raise ShapeError(f"{names[0]}: expected some samples, found none")

    def read(rows: slice | Array) -> tuple[Any, Any, Any]:
        x, y, weight = (reader(rows) for reader in readers)
        return x, y, weight

    return Stored(read, check, names, range(count))


def _reader(name: str, given: Any, counts: dict[str, int]) -> Callable[[slice | Array], Any]:
    """Return what reads rows of one array, or of each of several in their form."""
    if given is None:
        return lambda rows: None
    if isinstance(given, Mapping):
        named = {key: _reader(f"{name}[{key!r}]", part, counts) for key, part in given.items()}
        return lambda rows: {key: reader(rows) for key, reader in named.items()}
    if isinstance(given, list | tuple) and any(hasattr(part, "shape") for part in given):
        several = [_reader(f"{name}[{i}]", part, counts) for i, part in enumerate(given)]
        return lambda rows: [reader(rows) for reader in several]
    if _batches.is_stored(given):
        stored = _batches.stored_rows(given, name)
        counts[name] = stored.shape[0]
        return stored.read
    array = _checks.numeric(name, given)
    if array.ndim == 0:
        raise ShapeError(f"{name}: expected an entry for each sample, found one number")
    counts[name] = len(array)
    return lambda rows: array[rows]


def checking(
    model: "Layered",
    wanted: Sequence[Wanted],
    class_weight: Mapping[int, float] | None = None,
) -> Check[Samples]:
    """Return what checks samples to train or evaluate on."""

    def check(x: Any, y: Any, weight: Any, names: Names) -> Samples:
        if class_weight is not None:
            _samples.refuse_class_weight(model, weight, class_weight)
        found = _samples.samples(model, wanted, x, y, weight, names)
        if class_weight is not None:
            found.weights = _samples.weights_of_classes(model, wanted, class_weight, found)
        return found

    return check


def tensors_of(x: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Return the arrays of a torch dataset that has them; else what was given."""
    if y is None and sample_weight is None:
        items = _batches.items_of(x)
        if isinstance(items, tuple):
            return _three(items)
    return x, y, sample_weight


def first_steps(data: Any, batch_size: int, steps: int | None) -> Any:
    """Return so many batches of samples, or of what `predict` is given, from the first on."""
    if steps is None or isinstance(data, Stream):
        return data
    there = -(-len(data) // batch_size)
    if there < steps:
        warn_of_end(f"the samples make {there} of {steps} batches")
    return data[: steps * batch_size]


def example_of(data: Samples | Stored[Samples] | Stream[Samples]) -> Samples:
    """Return some of the samples, which are checked: all, or the first."""
    return data if isinstance(data, Samples) else data.example


def training_parts(
    model: "Layered",
    wanted: Sequence[Wanted],
    given: tuple[Any, Any, Any],
    class_weight: Mapping[int, float] | None,
    validation_data: Any,
    course: "Course",
) -> tuple[Any, Any]:
    """Return what to train on and what to validate on, or None, checked as far as it is there."""
    given, validation = tensors_of(*given), None
    check, size = checking(model, wanted, class_weight), course.batch_sizes[0]
    if _batches.source_of(given[0]) is not None and course.split and validation_data is None:
        raise ValueError(
            f"validation_split: expected 0 beside batches as they come, found {course.split:g}; "
            "give validation_data"
        )
    if validation_data is not None:
        validation_data, validation = _opened_validation(model, wanted, validation_data, course)
    train: Any = opened(model, given, check, size, course.steps_per_epoch)
    if train is None and validation is None:
        return _samples.parts(model, wanted, *given, class_weight, course.split, validation_data)
    if train is None:
        train = check(*given, NAMES)
    if validation_data is None:
        if course.split:
            at = _samples.training_rows(len(train), course.split)
            validation = train[at:].checked_by(checking(model, wanted))
            train = train[:at]
        return train, validation
    if validation is None:
        x, y, weight = validation_data
        validation = checking(model, wanted)(x, y, weight, VALIDATION)
    _samples.check_alike(example_of(validation), example_of(train).x.shape[1:])
    return train, validation


def _opened_validation(
    model: "Layered", wanted: Sequence[Wanted], data: Any, course: "Course"
) -> tuple[Any, Any]:
    """Return the arrays that `validation_data` has, and what reads them if they are none."""
    size, steps = course.batch_sizes[1] or course.batch_sizes[0], course.validation_steps
    source = _batches.source_of(data)
    if source is None and _batches.items_of(data) is None:
        given = _samples.validation_arrays(data)
    else:
        given = tensors_of(data, None, None)
    if source is not None and source.once and steps is None and course.validations() > 1:
        raise ValueError(
            f"validation_data: expected what can be gone through {course.validations()} times, "
            f"found {source.called}, which gives its batches once; give validation_steps, or an "
            "object that can be iterated again"
        )
    found = opened(model, given, checking(model, wanted), size, steps, VALIDATION)
    if isinstance(found, Stream):
        found.steps = steps
    return given, found


def looked_at(x: Any) -> tuple[Any, Any]:
    """Return what gives the same samples as `x`, and some of them, whose shapes are those of all.

    What gives its batches once is returned with the first, which was taken from it.
    """
    source = _batches.source_of(x)
    if source is not None:
        try:
            batch, _ = source.example()
        except StopIteration:  # said where it is opened
            return source, None
        given = batch if isinstance(batch, tuple | list) else (batch,)
        return source, given[0] if given else None
    items = _batches.items_of(x)
    if isinstance(items, tuple):
        return x, items[0]
    if items is not None:
        return x, _three(items.read(slice(0, 1)))[0]
    return x, _reader("x", x, {})(slice(0, 1)) if _batches.holds_stored(x) else x
