"""A table, which texts, terminals and pages draw in their own way."""

from typing import Any

from fanin.show import text

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
