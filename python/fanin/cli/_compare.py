"""``fanin compare`` and ``fanin demo``."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanin.cli._output import (
    Contents,
    Files,
    add_files,
    check_files,
    deliver,
    files_of,
    print_rich,
    show,
)

if TYPE_CHECKING:
    from fanin.comparison import Comparison

_ARMS_HELP = """\
initializers, each NAME or NAME(argument=value,...), with +bn (or +bn_before) for batch
normalization after (before) the activation: he_normal "random_normal(stddev=0.01)+bn"; default: the
four of zeros, random_normal(stddev=1.0), glorot_normal and he_normal"""

_DEMO_EPOCHS = 15
"""Enough for the naive start to level off."""


def add_compare(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help="train one network with several initializers, and tell which does best",
        description="Train one network with several initializers, and tell which does best.",
    )
    add = parser.add_argument_group("what is compared").add_argument
    add("--arms", nargs="+", metavar="ARM", help=_ARMS_HELP)
    add("--initialize", choices=("hidden", "all"), default="hidden", help="layers an arm fills")
    add = parser.add_argument_group("data and network").add_argument
    add("--data", default="small", help="small, fashion-mnist or a .npz file (default: small)")
    add("--hidden", nargs="*", type=int, default=[128], metavar="UNITS", help="default: 128")
    add(
        "--activation",
        default="relu",
        metavar="ACTIVATION",
        help="of the hidden layers (default: relu)",
    )
    add = parser.add_argument_group("training").add_argument
    add("--seeds", type=_seeds, default=3, help="how many, or which: 0,1,2 (default: 3)")
    add("--epochs", type=int, default=5, help="default: 5")
    add("--optimizer", default="adam", help="default: adam")
    add("--learning-rate", type=float, metavar="RATE", help="default: the optimizer's")
    add("--batch-size", type=int, default=64, metavar="ROWS", help="default: 64")
    add("--validation-split", type=float, default=0.2, metavar="SHARE", help="default: 0.2")
    add("--target", type=float, metavar="ACCURACY", help="report the time to this accuracy")
    add("--workers", type=int, help="trials at a time (default: one a core)")
    add_files(parser)
    parser.set_defaults(command=_compare)
    return parser


def add_demo(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help="compare four initializers on embedded data, in seconds",
        description="Compare zeros, random, Glorot and He initialization on the embedded part of "
        "Fashion-MNIST: print a table, and write a picture and a page where that can be done.",
    )
    parser.add_argument(
        "--folder", metavar="FOLDER", help="where to write the files (default: here)"
    )
    parser.set_defaults(command=_demo)
    return parser


def _seeds(text: str) -> int | list[int]:
    """Read a count, or seeds set off by commas; ``7,`` is the one seed 7."""
    try:
        if "," not in text:
            return int(text)
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a number, or numbers set off by commas, found {text!r}"
        ) from None


def _compare(parsed: argparse.Namespace) -> int:
    """Hand the words on: apart from the files they are named as the arguments of `compare`."""
    files = files_of(parsed)
    others = {"command", "parser", "prog", "options", *("plot", "html", "json")}
    options = {name: value for name, value in vars(parsed).items() if name not in others}
    return _run(parsed.prog, files, options)


def _demo(parsed: argparse.Namespace) -> int:
    from fanin import _optional

    folder = Path(parsed.folder or "")
    files = {"plot": str(folder / "fanin-demo.png"), "html": str(folder / "fanin-demo.html")}
    lack = _optional.lack("matplotlib")
    if lack is None:
        try:
            check_files(files)
        except OSError as error:
            if parsed.folder is not None:  # asked for
                raise
            lack = f"{error.strerror}; --folder says where else to write them"
    code = _run(parsed.prog, files if lack is None else {}, {"epochs": _DEMO_EPOCHS})
    if lack is None:
        return code
    return show(parsed.prog, lambda: print(f"no picture and no page: {lack}")) or code


def _run(prog: str, files: Files, options: dict[str, Any]) -> int:
    from fanin.comparison import compare

    result = compare(**options)
    contents: Contents = {
        "plot": partial(_picture, result),
        "html": partial(_page, result),
        "json": result.to_dict,
    }
    return deliver(prog, files, lambda: _print(result), contents)


def _picture(result: "Comparison", kind: str) -> bytes:
    from fanin.show.rendering import render

    return render(result.plot(), kind)


def _page(result: "Comparison") -> str:
    from fanin.comparison.html import page

    return page(result)


def _print(result: "Comparison") -> None:
    from fanin.comparison.table import report

    print_rich(lambda width: report(result), result)
