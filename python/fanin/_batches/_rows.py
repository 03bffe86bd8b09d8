"""Rows that are read a part at a time: files that look like arrays, sparse matrices, tables."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fanin._batches._sources import together
from fanin._checks._columns import of_arrow

Array = NDArray[Any]


class Rows(Protocol):
    """What has rows."""

    shape: tuple[int, ...]

    def read(self, rows: slice | Array) -> Array:
        """Return some rows: a slice of step 1, or numbers that rise."""


def is_stored(value: Any, dtype: str = "") -> bool:
    """Whether `value` is to be read a part at a time: what would become a copy as a whole.

    An array on disk of the network's `dtype` is used where it is.
    """
    if type(value) is np.ndarray or value is None or isinstance(value, str | bytes | list | tuple):
        return False
    if isinstance(value, np.memmap):
        whole = value.ndim == 0 or (value.dtype.name == dtype and value.flags.c_contiguous)
        return not whole
    return _is_sparse(value) or _is_table(value) or _is_file(value)


def stored_rows(value: Any, name: str) -> Rows:
    """Return what reads the rows of something stored, which messages call `name`."""
    if _is_sparse(value):
        return _Sparse(value)
    return _Table(value, name) if _is_table(value) else _File(value)


def dense(value: Any) -> Any:
    """Return a batch, or each part of one, as it is; sparse matrices become dense."""
    if isinstance(value, list | tuple) and any(hasattr(part, "nnz") for part in value):
        return [dense(part) for part in value]
    if isinstance(value, dict):
        return {name: dense(part) for name, part in value.items()}
    return value.toarray() if _is_sparse(value) else value


def _is_sparse(value: Any) -> bool:
    if type(value) is np.ndarray:  # said first: each batch asks
        return False
    return hasattr(value, "nnz") and hasattr(value, "tocsr") and len(value.shape) == 2


def _is_table(value: Any) -> bool:
    kind = type(value)
    names = ("Table", "RecordBatch", "ChunkedArray")
    return kind.__module__.startswith("pyarrow.") and kind.__name__ in names


def _is_file(value: Any) -> bool:
    """Whether it looks like an array of h5py or zarr, whose numbers lie elsewhere."""
    if any(hasattr(value, name) for name in ("__array_interface__", "__dlpack__", "to_numpy")):
        return False
    if not (hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__getitem__")):
        return False
    shape = value.shape
    return isinstance(shape, tuple) and len(shape) > 0 and isinstance(value.dtype, np.dtype)


class _File:
    """An array in a file, of which slices can be read."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.shape: tuple[int, ...] = tuple(value.shape)

    def read(self, rows: slice | Array) -> Array:
        """Return some rows; of what takes slices alone those that follow each other at once."""
        value = self.value
        takes_numbers = isinstance(value, np.memmap) or type(value).__module__.startswith("h5py.")
        if isinstance(rows, slice) or takes_numbers:
            return np.asarray(value[rows])
        if hasattr(value, "oindex"):  # zarr
            return np.asarray(value.oindex[rows])
        return np.concatenate([np.asarray(value[start:stop]) for start, stop in _runs(rows)])


def _runs(rows: Array) -> Sequence[tuple[int, int]]:
    """Return where rows that follow each other begin and end."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    starts = rows[np.concatenate([[0], breaks])] if len(rows) else rows
    stops = rows[np.concatenate([breaks - 1, [len(rows) - 1]]).astype(int)] + 1
    return [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]


class _Sparse:
    """A matrix of SciPy, of which some rows at a time become dense."""

    def __init__(self, value: Any) -> None:
        self.value = value.tocsr()  # itself if it is one: rows lie together
        self.shape: tuple[int, ...] = tuple(value.shape)

    def read(self, rows: slice | Array) -> Array:
        """Return some rows, dense."""
        return np.asarray(self.value[rows].toarray())


class _Table:
    """A table of Arrow, or a column of one."""

    def __init__(self, value: Any, name: str) -> None:
        self.name = name
        # Codes of categories mean the same in all of its chunks.
        unified = hasattr(value, "unify_dictionaries")
        self.value = value.unify_dictionaries() if unified else value
        self.shape: tuple[int, ...] = (len(value),)

    def read(self, rows: slice | Array) -> Array:
        """Return some rows as numbers."""
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self.value))
            part = self.value.slice(start, stop - start)
        else:
            part = self.value.take(rows)
        return np.asarray(of_arrow(self.name, part))


class Items:
    """Samples one by one, such as those of a torch Dataset.

    Parameters
    ----------
    given : object
        With ``__len__``, and ``__getitem__`` that returns a sample.
    """

    def __init__(self, given: Any) -> None:
        self.given = given

    def __len__(self) -> int:
        return len(self.given)

    def read(self, rows: slice | Array) -> Any:
        """Return some samples, put together."""
        numbers = range(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        return together([self.given[int(number)] for number in numbers])
