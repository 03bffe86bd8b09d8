"""``fanin list``."""

import argparse
from collections.abc import Callable
from typing import Any

from fanin import _checks
from fanin.cli._output import show


def _initializers() -> list[str]:
    from fanin.initializers._registry import classes

    return list(classes())


def _activations() -> list[str]:
    from fanin.activations import _SETTINGS

    return [function.__name__ for function in _SETTINGS]


def _losses() -> list[str]:
    from fanin.losses import _CLASS_OF

    return list(_CLASS_OF)


def _optimizers() -> list[str]:
    from fanin._members._registry import snake
    from fanin.optimizers import _registry

    return [snake(kind.__name__) for kind in _registry().members]


def _metrics() -> list[str]:
    from fanin._members._registry import snake
    from fanin.metrics import _registry

    return [snake(kind.__name__) for kind in _registry().members]


def _data() -> list[str]:
    from fanin.comparison.data import _SIZES

    return list(_SIZES)


KINDS: dict[str, Callable[[], list[str]]] = {
    "initializers": _initializers,
    "activations": _activations,
    "losses": _losses,
    "optimizers": _optimizers,
    "metrics": _metrics,
    "data": _data,
}


def add(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help="list the names there are: initializers, activations, losses, ...",
        description="List the names that other commands and the library take, in columns; one a "
        "line where the output is no terminal.",
    )
    parser.add_argument(
        "kinds", metavar="KIND", nargs="*", help=f"of {', '.join(KINDS)}; default: all of them"
    )
    parser.set_defaults(command=_list)
    return parser


def _list(parsed: argparse.Namespace) -> int:
    for kind in parsed.kinds:
        if kind not in KINDS:
            raise _checks.unknown("KIND", kind, KINDS)
    return show(parsed.prog, lambda: _print(parsed.kinds or list(KINDS)))


def _print(kinds: list[str]) -> None:
    from rich.columns import Columns
    from rich.console import Console

    console = Console(highlight=False)
    for place, kind in enumerate(kinds):
        if len(kinds) > 1:
            print(f"{'' if place == 0 else chr(10)}{kind}:")
        names = sorted(KINDS[kind]())
        if console.is_terminal:
            console.print(Columns(names, padding=(0, 3), column_first=True, equal=True))
        else:
            print("\n".join(names))
