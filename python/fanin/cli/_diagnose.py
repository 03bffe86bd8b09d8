"""``fanin diagnose``."""

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, losses
from fanin.cli import _samples
from fanin.cli._output import FAILED, Contents, add_files, deliver, files_of, print_rich

if TYPE_CHECKING:
    from fanin.diagnosis import Report

Array = NDArray[Any]

_DESCRIPTION = """\
Send a batch through a saved network and back, and say what is wrong with its signals and gradients.
Exit code 0: nothing but notes was found; 1: something was found."""


def add(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help="say what is wrong with the signals and gradients of a saved network",
        description=_DESCRIPTION,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a .npz file that Sequential.save wrote")
    add("data", metavar="DATA", help="a .npz file with arrays x and y, or a .csv file of numbers")
    add(
        "--target",
        metavar="COLUMN",
        help="of a .csv file: the column with the targets, by name or by number, from 0; -1 is the "
        "last; without it all columns are inputs",
    )
    add(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="of a .csv file: whether the first line has names (default: if it reads like that)",
    )
    add(
        "--samples",
        type=int,
        default=2048,
        metavar="N",
        help="of a larger file, so many rows are taken, evenly (default: 2048)",
    )
    add("--loss", metavar="LOSS", help="default: the model's, or else one that fits the targets")
    add_files(parser)
    parser.set_defaults(command=_diagnose)
    return parser


def _diagnose(parsed: argparse.Namespace) -> int:
    from fanin.diagnosis import diagnose
    from fanin.models import load_model

    most = _checks.count("--samples", parsed.samples, minimum=1)
    loss = None if parsed.loss is None else losses.resolve(parsed.loss)
    files = files_of(parsed)
    model = load_model(parsed.model)
    x, y = _samples.read(parsed.data, parsed.target, parsed.header)
    _check(model, x, y, loss, parsed.data)
    rows = _evenly(len(x), most)
    report = diagnose(model, x[rows], None if y is None else y[rows], loss)
    contents: Contents = {
        "plot": partial(_picture, report),
        "html": partial(_page, report),
        "json": report.to_dict,
    }
    note = "" if len(rows) == len(x) else f"{len(rows)} of {len(x)} rows, taken evenly"
    code = deliver(parsed.prog, files, lambda: _print(report, note), contents)
    return code or (0 if report.healthy else FAILED)


def _check(model: Any, x: Array, y: Array | None, loss: Any, path: str) -> None:
    """Refuse samples that do not fit the model, of which only some may be looked at."""
    from fanin.frameworks._open import trained

    if y is None and loss is not None:
        raise ValueError(
            f"--loss: expected targets beside it, found none in {path}: give --target, or an array "
            "y in an npz archive"
        )
    try:
        trained(model).check(model, x, y, loss)
    except (ValueError, TypeError) as error:
        alone = y is None and _samples.is_table(path)
        hint = "; --target says which column is none of the inputs" if alone else ""
        raise ValueError(f"{path}: {error}{hint}") from None


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    """Return the places of at most so many rows: files are often sorted by class."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _picture(report: "Report", kind: str) -> bytes:
    from fanin.show.rendering import render

    return render(report.plot(), kind)


def _page(report: "Report") -> str:
    from fanin.diagnosis._html import page

    return page(report)


def _print(report: "Report", note: str) -> None:
    from fanin.diagnosis._table import render

    if note:
        print(f"{note}\n")
    print_rich(partial(render, report), report)
