"""Samples from files: arrays x and y of an npz archive, or the columns of a CSV file."""

import csv
import io
import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin import _checks
from fanin._files import _disk
from fanin._files._archive import Archive

Array = NDArray[Any]
Line: TypeAlias = tuple[int, list[str]]
"""The number of a line of a file, and its cells."""

_TABLES = (".csv", ".tsv", ".txt")
_DELIMITERS = ",;\t"


def is_table(path: str) -> bool:
    """Whether the name is that of a CSV file."""
    return os.path.splitext(path)[1].lower() in _TABLES


def read(path: str, target: str | None, header: bool | None) -> tuple[Array, Array | None]:
    """Read inputs and targets.

    Parameters
    ----------
    path : str
        A CSV file, if its name ends like that of one, or else an npz archive.
    target : str or None
        The column of the targets, by name or by number; None: all columns are inputs.
    header : bool or None
        Whether the first line has the names of the columns; None: if it reads like that.

    Returns
    -------
    x : ndarray of shape (samples, ...)
        The inputs.
    y : ndarray or None
        The targets, integers where all are whole; None if there are none.

    Raises
    ------
    ValueError
        If the file holds something else; the message names the line and the column.
    OSError
        If it cannot be read.
    """
    if is_table(path):
        return _read_csv(path, target, header)
    for option, given in (("--target", target), ("--header", header)):
        if given is not None:
            raise ValueError(f"{option}: expected a .csv file beside it, found {path!r}")
    with Archive(path, "an npz archive with x and y") as archive:
        if "x" not in archive.names:
            names = ", ".join(map(repr, archive.names)) or "no arrays"
            raise archive.refusal(f"one with {names}")
        x = archive.read("x")
        y = archive.read("y") if "y" in archive.names else None
    if x.ndim < 2 or not x.size:
        raise archive.refusal(f"x of shape {x.shape}")
    if y is not None and (y.ndim == 0 or len(y) != len(x)):
        raise archive.refusal(f"x of shape {x.shape} and y of shape {y.shape}")
    return x, y


def _read_csv(path: str, target: str | None, header: bool | None) -> tuple[Array, Array | None]:
    with (
        _disk.open_regular(path) as file,
        # As spreadsheets write it, with a mark in front.
        io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text,
    ):
        try:
            return _read_table(text, target, header)
        except UnicodeDecodeError as error:
            byte = f"the byte {error.object[error.start]:#04x}"
            raise ValueError(f"{path}: expected a text in UTF-8, found {byte}") from None
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path}: {error}") from None


def _read_table(
    text: TextIO, target: str | None, header: bool | None
) -> tuple[Array, Array | None]:
    lines = _lines(text)
    start = list(itertools.islice(lines, 2))
    if not start:
        raise ValueError("expected rows of numbers, found an empty file")
    cells = start[0][1]
    names = cells if (_reads_like_names(start) if header is None else header) else []
    column = None if target is None else _column(target, names, len(cells))
    rows = itertools.chain(start[1:] if names else start, lines)
    table = _numbers(rows, names or [str(place) for place in range(len(cells))])
    if column is None:
        return table, None
    return np.delete(table, column, axis=1), _whole(table[:, column])


def _lines(text: TextIO) -> Iterator[Line]:
    """Give the lines that are not empty, with their numbers."""
    first = text.readline()
    text.seek(0)
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    for cells in reader:
        if cells:
            yield reader.line_num, [cell.strip() for cell in cells]


def _reads_like_names(start: list[Line]) -> bool:
    """Whether the first line has names: words only, or a word where the next one has a number.

    A column of words, such as classes that are spelled out, is no sign of it.
    """
    first, *others = (cells for _, cells in start)
    if all(cell and not _is_number(cell) for cell in first):
        return True
    pairs = zip(first, others[0] if others else [], strict=False)
    return any(above and not _is_number(above) and _is_number(below) for above, below in pairs)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _column(target: str, names: list[str], count: int) -> int:
    """Return the place of a column that is told by its name or its number."""
    if names.count(target) > 1:
        raise ValueError(
            f"--target: expected the name of one column, found {target!r}, that of "
            f"{names.count(target)}; give its number"
        )
    if target in names:
        return names.index(target)
    try:
        place = int(target)
    except ValueError:
        if names:
            raise _checks.unknown("column", target, names) from None
        raise ValueError(
            f"--target: expected the number of a column from 0 to {count - 1}, as the file names "
            f"none, found {target!r}"
        ) from None
    return _checks.integer("--target", place, minimum=-count, maximum=count - 1) % count


def _numbers(lines: Iterable[Line], names: list[str]) -> Array:
    """Read the rows of a table that is rectangular and has nothing but numbers."""
    rows = []
    for number, cells in lines:
        if len(cells) != len(names):
            raise ValueError(f"line {number}: expected {len(names)} columns, found {len(cells)}")
        try:
            rows.append(np.array([float(cell) for cell in cells]))
        except ValueError:
            place = next(i for i, cell in enumerate(cells) if not _is_number(cell))
            found = repr(cells[place][:40]) if cells[place] else "nothing"
            raise ValueError(
                f"line {number}, column {names[place]}: expected a number, found {found}"
            ) from None
    if not rows:
        raise ValueError("expected rows of numbers, found a line of names only")
    return np.stack(rows)


def _whole(values: Array) -> Array:
    """Return whole numbers, such as classes, as integers; others as they are."""
    whole = (np.abs(values) < 2**53) & (values == np.rint(values))
    return values.astype(np.int64) if whole.all() else values
