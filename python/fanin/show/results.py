"""What all results share: a line at the prompt, a text when printed, a table in a notebook."""

from typing import Any

from fanin.show import text

# Imported with the package: pages, rich and matplotlib only when something is shown.


_WIDEST_NAME = 12
"""Longer ones go on in the next line where a table would be too wide."""


class Table:
    """Rows of text below titles: names on the left, numbers on the right.

    Parameters
    ----------
    *titles : str
        Of the columns.
    words : bool, default False
        Whether all columns are words, which stand on the left and go on in the next line.
    """

    def __init__(self, *titles: str, words: bool = False) -> None:
        self.titles: tuple[str, ...] = titles
        self.words: bool = words
        self.rows: list[tuple[str, ...]] = []

    def add(self, *cells: str) -> None:
        """Append a row, a cell a title."""
        self.rows.append(cells)

    def width(self) -> int:
        """Return how many characters show all numbers; words and long names can go on below."""
        if self.words:
            return 0
        columns = zip(self.titles, *self.rows, strict=True)
        first, *others = (max(map(len, column)) for column in columns)
        return min(first, _WIDEST_NAME) + sum(2 + width for width in others)

    def __rich__(self) -> Any:
        table = text.table(*self.titles)
        if self.words:
            for column in table.columns[1:]:
                column.justify, column.no_wrap, column.overflow = "left", False, "fold"
        for row in self.rows:
            table.add_row(*row)
        return table


class Result:
    """Base class of what public functions return.

    A subclass that is a dataclass must say ``repr=False``, or Python writes a ``__repr__`` with all
    that its fields hold.
    """

    _width = 80
    """Columns of the printed text."""

    def _says(self) -> str:
        """Say the main thing in some hundred characters: unless overridden, the fields."""
        return ", ".join(f"{name}={text.short(value)}" for name, value in self._fields())

    def _contents(self) -> "list[str | Table]":
        """Return the paragraphs and tables that show everything: unless overridden, the fields."""
        table = Table(type(self).__name__, "value", words=True)
        for name, value in self._fields():
            table.add(name, text.full(value))
        return [table]

    def _fields(self) -> list[tuple[str, Any]]:
        fields: dict[str, Any] = getattr(self, "__dataclass_fields__", {})
        return [(name, getattr(self, name)) for name in fields if name[:1] != "_"]

    def __repr__(self) -> str:
        return text.line(type(self).__name__, self._says())

    def __str__(self) -> str:
        parts = self._contents()
        tables = [part.width() for part in parts if isinstance(part, Table)]
        return text.as_text(*parts, width=max(self._width, *tables))

    def _repr_html_(self) -> str:
        from fanin.show import page

        return page.fragment(*map(page.part, self._contents()))
