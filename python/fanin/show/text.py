"""Results as plain text.

A text has no stream, and may be printed to any: what this package says in it is ASCII. Pages,
pictures and terminals that are drawn on by rich know what they can show, and have the signs.
"""

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.table import Table

# rich takes a tenth of a second to import, which `import fanin` should not cost.

# What rich draws around cells, and where it cuts a line.
_LINES = str.maketrans("─━│┃┏┳┓┡╇┩└┴┘…", "--||+++++++++.")
_SIGNS = str.maketrans(
    {
        **{"±": "+-", "×": "x", "·": "*", "²": "^2", "−": "-", "∞": "inf"},
        **{"σ": "sigma_", "χ": "chi"},
    }
)


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


def counted(number: int, noun: str) -> str:
    """Return a number of things in words.

    Parameters
    ----------
    number : int
        How many.
    noun : str
        What, in the singular.

    Returns
    -------
    str
        With an s, unless there is one.

    Examples
    --------
    >>> counted(2, "layer")
    '2 layers'
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


LINE = 120
"""Characters of a result at the prompt."""


def line(kind: str, says: str) -> str:
    """Return ``kind(says)`` in one line, cut where it is too long.

    Examples
    --------
    >>> line("Signals", "3 layers, ±1")
    'Signals(3 layers, +-1)'
    """
    return f"{kind}({flat(says, LINE - len(kind) - 2)})"


def flat(says: str, room: int) -> str:
    """Return a text in one line, cut where it is too long."""
    # Names of layers may have any characters: line breaks and control characters end here.
    words = "".join(c if c.isprintable() else " " for c in printable(spell(says))).split()
    said = " ".join(words)
    return said if len(said) <= room else f"{said[: room - 3]}..."


def short(value: Any, room: int = 40, digits: int = 6) -> str:
    """Return a value in a few characters: of an array its shape, of a record its name.

    Examples
    --------
    >>> short(1 / 3), short([0.5, 2.0]), short({"a": 1, "b": 2})
    ('0.333333', '[0.5, 2]', '<dict of 2>')
    """
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if value is None or isinstance(value, bool | int | complex):
        return repr(value)
    if isinstance(value, str):
        said = repr(value)
        return said if len(said) <= room else f"{said[: room - 4]}...'"
    kind = type(value).__name__
    if isinstance(value, np.ndarray | np.generic):
        return (
            short(value.item(), room, digits)
            if value.ndim == 0
            else f"<{value.dtype} {value.shape}>"
        )
    if isinstance(value, list | tuple):
        said = f"[{', '.join(short(item, 20) for item in value[:6])}]"
        if not value or (len(value) <= 6 and len(said) <= room):
            end = "," if len(value) == 1 else ""
            return said if isinstance(value, list) else f"({said[1:-1]}{end})"
        kinds = {type(item).__name__ for item in value}
        return f"<{len(value)} {kinds.pop() if len(kinds) == 1 else 'values'}>"
    if isinstance(value, dict):
        return f"<{kind} of {len(value)}>"
    if hasattr(value, "_says") or hasattr(value, "get_config"):
        said = repr(value)
        return said if len(said) <= room else f"<{kind}>"
    if callable(value):
        return f"<{getattr(value, '__name__', kind)}>"
    return f"<{kind}>"


def full(value: Any) -> str:
    """Return a value in as many lines as it has parts, each in a few characters."""
    if isinstance(value, np.ndarray) and value.ndim and value.size:
        if value.dtype.kind == "b":
            return f"{short(value)}, {value.sum()} of {value.size} true"
        return f"{short(value)} from {short(value.min())} to {short(value.max())}"
    if isinstance(value, str):
        return spell(value)
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_part(item)}" for name, item in value.items())
    if isinstance(value, list | tuple) and any(hasattr(item, "_says") for item in value):
        return "\n".join(map(_part, value))
    return _part(value)


def _part(value: Any) -> str:
    return repr(value) if hasattr(value, "_says") else short(value, 80)
