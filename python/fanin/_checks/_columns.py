"""Columns of data frames and tables as numbers: codes of categories, and what is missing.

A category is a place in a list of texts: its number is that place, from 0. Categories that are
numbers are these numbers. Whoever compares two frames gives both the same list.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.errors import ShapeError

Array = NDArray[Any]


def made_by(values: object) -> str:
    """Return the package whose frame or table it is, "" if it is none."""
    package = type(values).__module__.partition(".")[0]
    return package if package in ("pandas", "polars", "pyarrow") else ""


def of_frame(name: str, values: Any) -> Any:
    """Return what NumPy can read in the place of a frame, a series or a table.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    values : object
        Of pandas, polars or Arrow.

    Returns
    -------
    object
        An array where there are categories or Arrow's columns, else `values`.
    """
    package = made_by(values)
    if package == "pandas":
        return _of_pandas(name, values)
    return _of_polars(name, values) if package == "polars" else of_arrow(name, values)


def _of_pandas(name: str, values: Any) -> Any:
    columns = getattr(values, "columns", None)
    if columns is not None:
        kinds = [str(dtype) for dtype in values.dtypes]
        if "category" not in kinds:
            return values
        from fanin._checks._array_likes import as_numbers

        places = range(len(columns))
        parts = [as_numbers(f"{name}[{columns[i]!r}]", values.iloc[:, i]) for i in places]
        return np.column_stack(parts)
    categories = getattr(getattr(values, "dtype", None), "categories", None)
    if categories is None or categories.dtype.kind in "fiub":
        return values
    codes = np.asarray(values.cat.codes if hasattr(values, "cat") else values.codes)
    refuse_missing(name, codes < 0)
    return codes


def _of_polars(name: str, values: Any) -> Any:
    if hasattr(values, "get_columns"):
        columns = values.get_columns()
        if not columns:
            raise ShapeError(f"{name}: expected some columns, found a frame without any")
        return np.column_stack([_of_polars(f"{name}[{own.name!r}]", own) for own in columns])
    if not hasattr(values, "null_count"):
        return values
    kind = type(values.dtype).__name__ if not isinstance(values.dtype, type) else str(values.dtype)
    if kind == "Categorical":  # numbered by when each text was first seen, by whomever
        raise TypeError(
            f"{name}: expected numbers, found a polars Categorical, whose codes depend on what was "
            "read before; cast it to an Enum with the list of categories"
        )
    if values.null_count():
        refuse_missing(name, np.asarray(values.is_null()))
    return np.asarray(values.to_physical() if kind == "Enum" else values)


def of_arrow(name: str, values: Any) -> Any:
    """Return a table, a batch of records or a column of Arrow as an array."""
    if not hasattr(values, "column_names"):
        return _of_column(name, values) if hasattr(values, "null_count") else values
    names = values.column_names
    if not names:
        raise ShapeError(f"{name}: expected some columns, found a table without any")
    parts = [_of_column(f"{name}[{names[i]!r}]", values.column(i)) for i in range(len(names))]
    return np.column_stack(parts)


def _of_column(name: str, column: Any) -> Array:
    if column.null_count:
        refuse_missing(name, np.asarray(column.is_null()))
    kind = str(column.type)
    if kind.startswith("dictionary"):
        of_texts = "string" in str(column.type.value_type)
        if hasattr(column, "chunks"):  # each chunk may have a list of its own
            column = column.unify_dictionaries().combine_chunks()
        if hasattr(column, "chunks"):
            column = column.chunk(0)
        column = column.indices if of_texts else column.dictionary_decode()
    elif kind.startswith("fixed_size_list"):
        width = column.type.list_size
        column = column.combine_chunks() if hasattr(column, "chunks") else column
        return _of_column(name, column.flatten()).reshape(-1, width)
    found = np.asarray(column)
    if found.dtype.kind not in "fiub":
        raise TypeError(
            f"{name}: expected numbers, found {kind}; number the classes first, for instance with "
            "dictionary_encode()"
        )
    return found


def refuse_missing(name: str, missing: Array) -> None:
    """Refuse values that are missing."""
    if missing.any():
        raise ValueError(
            f"{name}: expected numbers, found a missing value at [{int(np.argmax(missing))}]; fill "
            "it or leave the sample out"
        )
