"""Batches of tables in files: Parquet, Feather and whatever else Arrow reads."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core, _optional, random
from fanin._checks._columns import of_arrow
from fanin.models._course import batch_rows

if TYPE_CHECKING:
    from fanin.typing import Rng

Array = NDArray[Any]

_ROWS = 4096
"""Rows that are read at once, of which a row group has more."""


class ArrowBatches:
    """Batches of a table that is read a part at a time, for `fit`, `evaluate` and `predict`.

    What is held in memory is a window of rows, some thousands that were read, and one batch.

    Parameters
    ----------
    source : str, path, list of them, pyarrow.Table or pyarrow.dataset.Dataset
        Files or folders of Parquet; a file of Arrow or Feather (``.arrow``, ``.feather``, ``.ipc``)
        or of texts (``.csv``); or what pyarrow opened.
    y : str or list of str, optional
        The column of the targets; of several the targets have a last axis. None: none, to predict.
    x : list of str, optional
        The columns of the features, in this order; all others if None.
    sample_weight : str, optional
        The column of the weights.
    batch_size : int, default 32
        Samples of a batch; the last one may be smaller.
    shuffle : bool, default False
        Whether to read row groups in a new order each time, and shuffle rows within a window. Rows
        that are farther apart than a window and their row group do not mix: a file that is sorted
        by class needs small row groups, or a window of all rows.
    window : int, default 65536
        How many rows are shuffled at once, at least those of a batch.
    rng : None, int, sequence of ints, Generator, RandomState or Stream, optional
        Where orders come from.

    Raises
    ------
    ImportError
        If pyarrow is not installed: ``pip install "fanin[arrow]"``.
    ValueError
        If a column is not there, or a value is missing.
    TypeError
        If a column has no numbers. Texts are refused, and so are dictionaries, whose codes may
        differ from one part of a file to the next: write codes.

    Examples
    --------
    >>> import fanin
    >>> import numpy as np
    >>> import pyarrow
    >>> x = np.linspace(-1, 1, 100)
    >>> table = pyarrow.table({"x": x, "square": x**2})
    >>> batches = ArrowBatches(table, "square", batch_size=10)
    >>> len(batches)
    10
    >>> model = fanin.Sequential([fanin.layers.Dense(1, input_shape=(1,))], rng=0)
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(batches, epochs=2, verbose=0)
    >>> model.optimizer.iterations
    20
    """

    def __init__(
        self,
        source: Any,
        y: str | Sequence[str] | None = None,
        x: Sequence[str] | None = None,
        sample_weight: str | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
        window: int = 65536,
        rng: "Rng" = None,
    ) -> None:
        self.batch_size: int = batch_rows("batch_size", batch_size)
        self.shuffle: bool = _checks.flag("shuffle", shuffle)
        self.window: int = _checks.integer("window", window, minimum=1)
        self._random = random.resolve(rng)
        self._dataset = _opened(source)
        self._y, self._weight = y, sample_weight
        names = list(self._dataset.schema.names)
        targets = [] if y is None else [y] if isinstance(y, str) else [*y]
        apart = [*targets, *([] if sample_weight is None else [sample_weight])]
        self._targets = targets
        self._x = [n for n in names if n not in apart] if x is None else _named("x", x)
        if sample_weight is not None and y is None:
            raise ValueError("sample_weight: expected None without y, found a column")
        for what, asked in (("x", self._x), ("y", targets), ("sample_weight", apart)):
            self._check(what, asked, names)
        self._passes = 0

    def _check(self, what: str, asked: Sequence[str], names: Sequence[str]) -> None:
        """Refuse columns that are not there, or have no numbers."""
        if not asked and what == "x":
            raise ValueError("x: expected some columns, found none besides those of y")
        for name in asked:
            if name not in names:
                raise ValueError(
                    f"{what}: expected columns of {', '.join(map(str, names))}, found "
                    f"{_checks.found(name)}"
                )
            kind = str(self._dataset.schema.field(name).type)
            if kind.startswith(("dictionary", "string", "large_string", "binary")):
                raise TypeError(
                    f"{what}: expected columns of numbers, found {name!r} of {kind}; write codes"
                )

    def __len__(self) -> int:
        return -(-int(self._dataset.count_rows()) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        """Read from the first row on, or in a new order.

        Yields
        ------
        tuple of ndarray
            The next batch.
        """
        number, self._passes = self._passes, self._passes + 1
        rows: tuple[Array, ...] | None = None
        windows = 0
        wanted = max(self.window, self.batch_size) if self.shuffle else self.batch_size
        for part in self._parts(number):
            both = zip(rows, part, strict=True) if rows is not None else ()
            rows = part if rows is None else tuple(np.concatenate(pair) for pair in both)
            while rows is not None and len(rows[0]) >= wanted:
                # Whole batches; what is left over is shuffled with the next rows.
                size = wanted - wanted % self.batch_size
                yield from self._cut(tuple(own[:size] for own in rows), number, windows)
                rows, windows = tuple(own[size:] for own in rows), windows + 1
        if rows is not None and len(rows[0]):
            yield from self._cut(rows, number, windows)

    def _cut(
        self, rows: tuple[Array, ...], number: int, window: int
    ) -> Iterator[tuple[Array, ...]]:
        """Return the batches of a window."""
        if self.shuffle:
            order = self._order(f"rows/{number}/{window}", len(rows[0]))
            rows = tuple(own[order] for own in rows)
        for start in range(0, len(rows[0]), self.batch_size):
            yield tuple(own[start : start + self.batch_size] for own in rows)

    def _parts(self, number: int) -> Iterator[tuple[Array, ...]]:
        """Read row group by row group."""
        groups = [*_groups(self._dataset)]
        order: Any = range(len(groups))
        if self.shuffle and len(groups) > 1:
            order = self._order(f"groups/{number}", len(groups))
        weights = [] if self._weight is None else [self._weight]
        columns = [*dict.fromkeys([*self._x, *self._targets, *weights])]
        for place in order:
            reader = groups[place].to_batches(
                schema=self._dataset.schema,
                columns=columns,
                batch_size=_ROWS,
                batch_readahead=1,
                fragment_readahead=0,
                use_threads=False,
            )
            for batch in reader:
                if batch.num_rows:
                    yield self._arrays(batch)

    def _arrays(self, batch: Any) -> tuple[Array, ...]:
        found = [of_arrow("x", batch.select(self._x))]
        if self._y is not None:
            alone = isinstance(self._y, str)
            found.append(of_arrow("y", batch.column(self._y) if alone else batch.select(self._y)))
        if self._weight is not None:
            found.append(of_arrow("sample_weight", batch.column(self._weight)))
        return tuple(np.asarray(own) for own in found)

    def _order(self, path: str, count: int) -> Array:
        source: Any = self._random
        if isinstance(source, random.Stream):
            stream = source.at(path)
            return _core.permutation(stream.seed, stream.path, count)
        at = getattr(source, "at", None)
        return np.asarray((source if at is None else at(path)).permutation(count))


def _named(name: str, given: Any) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"{name}: expected a list of columns, found {_checks.found(given)}")
    return [*given]


def _opened(source: Any) -> Any:
    """Return a dataset of Arrow."""
    _optional.require("pyarrow")
    from pyarrow import dataset

    if isinstance(source, dataset.Dataset):
        return source
    paths = [source] if isinstance(source, str | os.PathLike) else source
    if hasattr(source, "column_names"):
        return dataset.dataset(source)
    if (
        not isinstance(paths, list | tuple)
        or not paths
        or not all(isinstance(path, str | os.PathLike) for path in paths)
    ):
        raise TypeError(
            "source: expected a path, a list of paths, a table or dataset of pyarrow, found "
            f"{_checks.found(source)}"
        )
    names = [os.fspath(path) for path in paths]
    kind = os.path.splitext(names[0])[1].lower()
    known = {".arrow": "ipc", ".ipc": "ipc", ".feather": "feather", ".csv": "csv"}
    try:
        return dataset.dataset(
            names[0] if len(names) == 1 else names, format=known.get(kind, "parquet")
        )
    except (ValueError, TypeError) as error:  # of pyarrow, about a file that is none of these
        raise ValueError(
            f"source: expected files that Arrow reads, found {names}: {error}"
        ) from error


def _groups(dataset: Any) -> Iterator[Any]:
    """Return the parts of the files that can be read by themselves."""
    for fragment in dataset.get_fragments():
        split = getattr(fragment, "split_by_row_group", None)
        if split is None:
            yield fragment
        else:
            yield from split()
