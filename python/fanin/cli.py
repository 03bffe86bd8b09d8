"""The command ``fanin``."""

import argparse
import contextlib
import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import fanin
from fanin import _files, _formats

if TYPE_CHECKING:
    from fanin.comparison import Comparison

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_NO_READER = 141
"""What shells report of a program whose output nobody reads any more."""

_ARMS_HELP = """\
initializers, each NAME or NAME(argument=value,...), with +bn (or +bn_before) for batch
normalization after (before) the activation: he_normal 'random_normal(stddev=0.01)+bn'; default: the
four of zeros, random_normal(stddev=1.0), glorot_normal and he_normal"""


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        sys.exit(_complain(self.prog, f"{message} (see {self.prog} --help)", _BAD_INPUT))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words behind the program's name. Default: those of this process.

    Returns
    -------
    int
        Exit code: 0, 1 (a download failed, or a file could not be written after all), 2 (bad
        input, found before any work is done), 130 (Ctrl-C), or 141 (nobody reads the output).
    """
    for stream in (sys.stdout, sys.stderr):
        # A label must not end a comparison that ran for hours, whatever the terminal's encoding.
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    parser = _make_parser()
    try:
        parsed = parser.parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = parsed.command
        return command(parsed)
    except SystemExit as stop:  # the parser's, after its help
        raise SystemExit(stop.code or _show(parser.prog, lambda: None)) from None
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            print(f"\n{parser.prog}: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _make_parser() -> _Parser:
    parser = _Parser(prog="fanin", description="See what an initialization does to a network.")
    parser.add_argument("--version", action="version", version=f"fanin {fanin.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    compare = commands.add_parser(
        "compare",
        help="train one network with several initializers",
        description="Train one network with several initializers, and tell which does best.",
    )
    _add_compare_options(compare)
    compare.set_defaults(command=_compare, prog=compare.prog)
    demo = commands.add_parser(
        "demo",
        help="compare four initializers on the embedded data, in seconds",
        description="Compare zeros, random, Glorot and He initialization on the embedded part of "
        "Fashion-MNIST; print the table, write a picture and a page.",
    )
    demo.add_argument(
        "--folder", type=Path, default=Path(), help="where to write the files (default: here)"
    )
    demo.set_defaults(command=_demo, prog=demo.prog)
    return parser


def _add_compare_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is compared").add_argument
    add("--arms", nargs="+", metavar="ARM", help=_ARMS_HELP)
    add("--initialize", choices=("hidden", "all"), default="hidden", help="layers an arm fills")
    add = parser.add_argument_group("data and network").add_argument
    add("--data", default="small", help="small, fashion-mnist or a .npz file (default: small)")
    add("--hidden", nargs="*", type=int, default=[128], metavar="UNITS", help="default: 128")
    add("--activation", default="relu", help="of the hidden layers (default: relu)")
    add = parser.add_argument_group("training").add_argument
    add("--seeds", type=_seeds, default=3, help="how many, or which: 0,1,2 (default: 3)")
    add("--epochs", type=int, default=5, help="default: 5")
    add("--optimizer", default="adam", help="default: adam")
    add("--learning-rate", type=float, help="default: the optimizer's")
    add("--batch-size", type=int, default=64, help="default: 64")
    add("--validation-split", type=float, default=0.2, metavar="SHARE", help="default: 0.2")
    add("--target", type=float, metavar="ACCURACY", help="report the time to this accuracy")
    add("--workers", type=int, help="trials at a time (default: one a core)")
    add = parser.add_argument_group("files to write").add_argument
    add("--plot", type=Path, metavar="FILE", help="a picture: .png, .svg, .pdf")
    add("--html", type=Path, metavar="FILE", help="a page with everything, in one file")
    add("--json", type=Path, metavar="FILE", help="the numbers")


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
    options = vars(parsed).copy()
    for name in ("command", "prog"):
        del options[name]
    files = {kind: options.pop(kind) for kind in ("plot", "html", "json")}
    return _run(parsed.prog, files, options)


def _demo(parsed: argparse.Namespace) -> int:
    # As the defaults of `compare`, but enough epochs for the naive start to level off.
    options = vars(_make_parser().parse_args(["compare", "--epochs", "15"]))
    for name in ("command", "prog", "plot", "html", "json"):
        del options[name]
    files = {"plot": parsed.folder / "fanin-demo.png", "html": parsed.folder / "fanin-demo.html"}
    return _run(parsed.prog, files, options)


def _run(prog: str, files: dict[str, Path | None], options: dict[str, Any]) -> int:
    from fanin.comparison.experiment import prepare

    wanted = {kind: path for kind, path in files.items() if path is not None}
    try:
        _check_files(wanted)
        # Running, too: a network may be too large for this machine, an array not fit its layers.
        result = prepare(**options).run()
    except ConnectionError as error:
        return _complain(prog, error, _FAILED)
    except (ValueError, TypeError, ImportError, OSError, MemoryError, OverflowError) as error:
        return _complain(prog, error, _BAD_INPUT)
    shown = _show(prog, lambda: _print(result))
    return _save(prog, result, wanted) or shown


def _check_files(files: dict[str, Path]) -> None:
    """Complain before the training, not after it, about files that cannot be written."""
    from fanin.comparison import plot
    from fanin.show.figures import require_matplotlib

    if "plot" in files:
        plot.picture_format(files["plot"])
    if "html" in files:
        require_matplotlib()
        _formats.check_suffix("--html", files["html"], _formats.HTML)
    if "json" in files:
        _formats.check_suffix("--json", files["json"], _formats.JSON)
    for path in files.values():
        _files.check_writable(path)
    if len({os.path.realpath(path) for path in files.values()}) < len(files):
        raise ValueError(
            f"files: expected different ones, found {', '.join(map(str, files.values()))}"
        )


def _print(result: "Comparison") -> None:
    from rich.console import Console

    from fanin.comparison.table import report

    console = Console(highlight=False)
    if console.is_terminal:
        console.print(report(result))
    else:  # a pipe or a file has no width of its own, and wants no blanks at the ends of lines
        print(result)


def _save(prog: str, result: "Comparison", files: dict[str, Path]) -> int:
    savers = {"plot": result.save_plot, "html": result.save_html, "json": result.save_json}
    code = 0
    for kind, path in files.items():
        try:
            savers[kind](path)
        except OSError as error:
            code = _complain(prog, error, _FAILED)
        else:
            code = _show(prog, functools.partial(print, f"wrote {path}")) or code
    return code


def _show(prog: str, show: Callable[[], None]) -> int:
    """Print something and return 0, or an exit code if it cannot be read any more."""
    try:
        show()
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # What is still in the buffer must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return _NO_READER
        return _complain(prog, error, _FAILED)
    return 0


def _complain(prog: str, problem: object, code: int) -> int:
    """Say what is wrong in one line, if anybody listens."""
    if isinstance(problem, OSError) and problem.filename is not None:
        problem = f"{problem.filename}: {problem.strerror}"
    with contextlib.suppress(OSError):
        print(f"{prog}: {' '.join(str(problem).split())}", file=sys.stderr)
    return code
