"""What all results share: a line at the prompt, a text when printed, a table in a notebook."""

from typing import Any

from fanin.show import text
from fanin.show.table import Table

# Imported with the package: pages, rich and matplotlib only when something is shown.


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
