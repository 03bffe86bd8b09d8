"""The page of docs/scope.toml: docs/coming_from/parity.md."""

from collections.abc import Iterator
from typing import Any

import scope

FILE = scope.ROOT / "docs" / "coming_from" / "parity.md"
KINDS = {
    scope.HAVE: "there",
    scope.OTHER: "another name",
    scope.WILL: "to come",
    scope.REFUSED: "refused",
    scope.OUT: "outside",
}


def page(about: dict[str, Any], tables: scope.Tables) -> str:
    """Return the page."""
    counted = about["counted"]
    lines = [
        "# What is there of Keras and torch",
        "",
        f"Every public name of the dense part of Keras {counted['keras']}, and of `torch.nn.init` "
        f"and `torch.optim` of torch {counted['torch']}, with",
        f"the number of public scripts that use it: {counted['scripts']} of Keras and "
        f"{counted['torch_scripts']} of torch, counted on {counted['on']} in the",
        f"repositories below. Whatever {about['line']} scripts or more use, and belongs to dense "
        "networks, is there or is to come; the rest is",
        "refused by name, and an argument that is taken works. `python scripts/scope.py write` "
        "makes this page from `docs/scope.toml` and",
        "from what the package itself says when one uses what is not there.",
        "",
        f"| | {' | '.join(KINDS.values())} |",
        f"|---{'|---' * len(KINDS)}|",
    ]
    for table, rows in tables.items():
        found = [row.decision for row in rows.values()]
        numbers = (str(found.count(kind)) for kind in KINDS)
        lines.append(f"| [`{table}`](#{_anchor(table)}) | {' | '.join(numbers)} |")
    for table, rows in tables.items():
        lines += ["", f"## {table}", "", *_section(table, rows)]
    lines += ["", "## Counted in", "", *(f"* {one}" for one in counted["repositories"])]
    return "\n".join(lines) + "\n"


def _anchor(table: str) -> str:
    return table.lower().replace(".", "")  # as GitHub and Sphinx name the place of a heading


def _section(table: str, rows: dict[str, scope.Row]) -> Iterator[str]:
    """Yield the lines of a table: what is there, refused arguments, what is not there and why."""
    there = {name: row for name, row in rows.items() if row.decision == scope.HAVE}
    if there:
        yield f"There are {_names(there)}."
    refused = list(_arguments(table, there))
    if refused:
        yield from ("", "| argument | of | why not |", "|---|---|---|", *refused)
    groups: dict[tuple[str, str], dict[str, scope.Row]] = {}
    for name, row in rows.items():
        if row.decision != scope.HAVE:
            why = scope.reason(table, name) or "not implemented"
            groups.setdefault((row.decision, why), {})[name] = row
    if groups:
        yield from ("", "| not there | | why |", "|---|---|---|")
    order = list(KINDS)
    for (decision, why), named in sorted(
        groups.items(), key=lambda g: (order.index(g[0][0]), g[0])
    ):
        yield f"| {_names(named)} | {KINDS[decision]} | {_plain(why)} |"


def _arguments(table: str, rows: dict[str, scope.Row]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for name, row in rows.items():
        for word, use in row.without.items():
            why = scope.argument_reason(table, name, word)
            groups.setdefault((word, why), []).append(f"`{name}`{_used(use)}")
    for (word, why), names in sorted(groups.items()):
        yield f"| `{word}` | {', '.join(names)} | {_plain(why)} |"


def _names(rows: dict[str, scope.Row]) -> str:
    ordered = sorted(rows.items(), key=lambda item: (-item[1].use, item[0]))
    return ", ".join(f"`{name}`{_used(row.use)}" for name, row in ordered)


def _used(use: int) -> str:
    return f" {use}" if use else ""


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")
