"""Results as plain text.

A text has no stream, and may be printed to any: what this package says in it is ASCII. Pages,
pictures and terminals that are drawn on by rich know what they can show, and have the signs.
"""

import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

# rich takes a tenth of a second to import, which `import fanin` should not cost.

# What rich draws around cells, and where it cuts a line.
_LINES = str.maketrans("─━│┃┏┳┓┡╇┩└┴┘…", "--||+++++++++.")
_SIGNS = str.maketrans({"±": "+-", "×": "x", "·": "*", "²": "^2", "−": "-", "∞": "inf"})


def table(first: str, *others: str, gap: int = 1, **first_column: Any) -> "Table":
    """Make a table without frame: names on the left, numbers on the right.

    Parameters
    ----------
    first, *others : str
        Titles. What is too long in the first column goes on in the next line.
    gap : int, default 1
        Blanks between two columns, besides the box's own.
    **first_column
        Further options of the first column.

    Returns
    -------
    rich.table.Table
        Without rows.
    """
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False, show_edge=False)
    made.add_column(first, overflow="fold", **first_column)
    for title in others:
        made.add_column(title, justify="right", no_wrap=True)
    return made


def as_text(*parts: Any, width: int = 80) -> str:
    """Return what rich would draw as lines of text, without colours.

    Parameters
    ----------
    *parts : str or rich renderable
        What stands under each other. Brackets in a str are brackets.
    width : int, default 80
        Columns.

    Returns
    -------
    str
        Lines without blanks at their ends; see `printable`.
    """
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        color_system=None,
        force_jupyter=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for part in parts:
        console.print(part)
    lines = plain_lines(stream.getvalue().rstrip()).splitlines()
    return printable("\n".join(line.rstrip() for line in lines))


def plain_lines(text: str) -> str:
    """Return what rich drew with ASCII in place of its lines.

    Examples
    --------
    >>> plain_lines("─┃─")
    '-|-'
    """
    return text.translate(_LINES)


def spell(text: str) -> str:
    """Return a formula with its mathematical signs in ASCII.

    Examples
    --------
    >>> spell("N(0, 0.01²) within ±2 std")
    'N(0, 0.01^2) within +-2 std'
    """
    return text.translate(_SIGNS)


def printable(text: str) -> str:
    """Return a text with a question mark for what the standard output cannot hold.

    Of this package's words that is nothing; names of layers and arms may have any characters.
    """
    if text.isascii():
        return text
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
