"""What was found: a table on the screen, a page of the documentation, and its picture."""

import sys
from collections.abc import Sequence
from typing import Any

from peers.measure import SLOWER, Line

COLUMNS = ("work", "threads", "unit", "ours", "peer", "theirs", "ratio", "target", "at most", "met")

COLOURS = {"yes": "green", "within 10 %": "yellow", "out of reach": "dim", "no": "red"}
VERDICTS = ("yes", "within 10 %", "out of reach", "no", "not measured")


def say(text: str) -> None:
    """Name what comes next, on stderr, so that a long run can be watched."""
    print(f"· {text}", file=sys.stderr, flush=True)


def show(lines: list[Line]) -> list[Line]:
    """Print lines as they come, likewise, and return them."""
    for line in lines:
        print("   ", " | ".join(cells(line.as_dict())[3:]), file=sys.stderr, flush=True)
    return lines


def number(value: float | None) -> str:
    """Return three significant digits, without an exponent."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.4f}"


def cells(line: dict[str, Any]) -> list[str]:
    """Return a line as the columns have it."""
    ratio = line["note"] if line["ratio"] is None else f"{number(line['ratio'])}x"
    peer = line["peer"]
    if line["note"] and line["ratio"] is not None:
        peer += f" ({line['note']})"
    return [
        line["label"],
        str(line["threads"]),
        line["unit"],
        number(line["ours"]),
        peer,
        number(line["theirs"]),
        ratio,
        line["target"],
        "" if line["at_most"] is None else f"{number(line['at_most'])}x",
        line["met"],
    ]


def scaling(ladders: Sequence[dict[str, Any]]) -> Line:
    """Return the line that says whether two threads are slower than one anywhere."""
    worst = max(
        (
            (point["two_over_one"], ladder, point)
            for ladder in ladders
            for point in ladder["points"]
        ),
        key=lambda found: found[0],
    )
    over, ladder, point = worst
    line = Line("scaling", "2 threads against 1, all sizes", 2, "µs", "fanin, 1 thread")
    line.ours, line.theirs, line.ratio = point["two"], point["one"], 1 / over
    line.aim, line.target = 1 / SLOWER, f"{1 / SLOWER:.2f}x"
    line.note = f"worst: {ladder['label']}, {ladder['axis']} {point['size']}"
    return line


def table(found: dict[str, Any]) -> None:
    """Print the table; with rich where there is a terminal to draw on."""
    rows = [cells(line) for line in found["lines"]]
    try:
        from rich.console import Console
        from rich.table import Table
    except ModuleNotFoundError:
        for row in [list(COLUMNS), *rows]:
            print(" | ".join(row))
    else:
        drawn = Table(*COLUMNS)
        for row in rows:
            colour = {
                "yes": "green",
                "within 10 %": "yellow",
                "no": "red",
                "out of reach": "dim",
            }.get(row[-1])
            drawn.add_row(*row, style=colour)
        console = Console()
        # A pipe has no width: nothing may be cut off there.
        console.width = console.width if console.is_terminal else 160
        console.print(drawn)
    judged = [line["met"] for line in found["lines"] if line["met"]]
    for verdict in VERDICTS:
        print(f"{verdict}: {judged.count(verdict)} of {len(judged)} targets")
    wrong = [line for line in found["lines"] if "DISAGREES" in line["note"]]
    for line in wrong:
        print(f"{line['label']}, {line['peer']}: {line['note']}")
