"""What a command prints and writes, and how it says what is wrong."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from fanin._files import _disk, _formats
from fanin.show.text import plain_lines

if TYPE_CHECKING:
    from rich.console import RenderableType

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
NO_READER = 141
"""What shells report of a program whose output nobody reads any more."""

STANDARD_OUTPUT = "-"
_WIDEST = 100
"""Columns of a sentence that eyes still follow."""

Files: TypeAlias = dict[str, str]
"""Where a command writes: the path of the ``plot``, the ``html`` and the ``json`` that are asked
for."""

Contents: TypeAlias = Mapping[str, Callable[..., Any]]
"""What makes the content of a file of each kind: the bytes of a ``plot``, given its format, the
text of ``html``, the plain types of ``json``."""


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the options that `files_of` reads."""
    add = parser.add_argument_group("files to write").add_argument
    add("--plot", metavar="FILE", help="a picture: .png, .svg, .pdf")
    add("--html", metavar="FILE", help="a page with everything, in one file")
    add("--json", metavar="FILE", help="the numbers; -: to standard output, all else to stderr")


def files_of(parsed: argparse.Namespace) -> Files:
    """Return the files that are asked for; a ValueError or an OSError if one cannot be written.

    Found out before the work is done, not after it.
    """
    options = vars(parsed)
    files = {kind: options[kind] for kind in ("plot", "html", "json") if options[kind] is not None}
    check_files(files)
    return files


def check_files(files: Files) -> None:
    """Complain about files that cannot be written."""
    from fanin.show.figures import require_matplotlib

    if "plot" in files:
        picture_format(files["plot"])
    if "html" in files:
        require_matplotlib()
        _formats.check_suffix("--html", files["html"], _formats.HTML)
    if "json" in files:
        _formats.check_suffix("--json", files["json"], _formats.JSON)
    for path in files.values():
        if path != STANDARD_OUTPUT:
            _disk.check_writable(path)
    if len({os.path.realpath(path) for path in files.values()}) < len(files):
        raise ValueError(f"files: expected different ones, found {', '.join(files.values())}")
    if STANDARD_OUTPUT in files.values() and sys.stdout is None:
        raise ValueError("standard output: expected an open one, as - asks for it, found it closed")


def picture_format(path: str) -> str:
    """Read the format of a picture off its name; a ValueError if there is none like that."""
    from fanin.comparison import plot

    return plot.picture_format(path)


def deliver(
    prog: str,
    files: Files,
    print_text: Callable[[], None],
    contents: Contents,
) -> int:
    """Print a result, and write it to the files that are asked for.

    Parameters
    ----------
    prog : str
        The program, for messages.
    files : dict
        Of `files_of`. Where one of them is the standard output, that is all it gets; the rest
        goes to the standard error.
    print_text : callable
        Prints the result for people.
    contents : mapping of str to callable
        What makes the content of each kind of file.

    Returns
    -------
    int
        Exit code: 0, 1 or 141.
    """
    piped = [kind for kind, path in files.items() if path == STANDARD_OUTPUT]
    with contextlib.redirect_stdout(sys.stderr) if piped else contextlib.nullcontext():
        code = show(prog, print_text)
        for kind, path in files.items():
            if kind not in piped:
                code = _write(prog, kind, path, contents[kind]) or code
    for kind in piped:
        text = _ascii(kind, contents[kind]())
        code = show(prog, lambda text=text: print(text, end="")) or code  # type: ignore[misc]
    return code


def _write(prog: str, kind: str, path: str, make: Callable[..., Any]) -> int:
    try:
        if kind == "plot":
            content = make(picture_format(path))
        else:
            content = (make() if kind == "html" else _formats.as_json(make())).encode()
        _disk.write(path, content)
    except OSError as error:
        return complain(prog, error, FAILED)
    return show(prog, lambda: print(f"wrote {path}"))


def _ascii(kind: str, content: Any) -> str:
    """Return a page or numbers as a text that any standard output can hold."""
    if kind == "json":
        return _formats.as_json(content, ensure_ascii=True)
    text: str = content.encode("ascii", "xmlcharrefreplace").decode()
    return text


def print_rich(draw: Callable[[int], "RenderableType"], text: object) -> None:
    """Print a result in the colours of a terminal; elsewhere, its text.

    Parameters
    ----------
    draw : callable
        Makes what rich draws for so many columns. Where its tables need more than the terminal
        has, lines are broken, and nothing is lost.
    text : object
        What prints as its text.
    """
    from rich.console import Console
    from rich.measure import Measurement

    terminal = Console()
    if not terminal.is_terminal:
        # A pipe or a file has no width of its own, and wants no blanks at the ends of lines.
        print(text)
        return
    width = min(terminal.width, _WIDEST)
    drawn = draw(width)
    # In memory, where it is the same whatever the terminal's encoding; then in ASCII.
    drawing = Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system=terminal.color_system,  # type: ignore[arg-type]  # one of its own names
        no_color=terminal.no_color,
        legacy_windows=False,
        width=1000,
        highlight=False,
    )
    least = Measurement.get(drawing, drawing.options, drawn).minimum
    with drawing.capture() as lines:
        drawing.print(drawn, width=max(width, least))
    print(plain_lines(lines.get()), end="")


def show(prog: str, print_text: Callable[[], None]) -> int:
    """Print something and return 0, or an exit code if it cannot be read any more."""
    try:
        print_text()
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # What is still in the buffer must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return NO_READER
        return complain(prog, error, FAILED)
    return 0


def complain(prog: str, problem: object, code: int) -> int:
    """Say what is wrong in one line, if anybody listens."""
    if isinstance(problem, OSError) and problem.filename is not None:
        problem = f"{problem.filename}: {problem.strerror}"
    if sys.stderr is not None:  # print would take the standard output in its place
        with contextlib.suppress(OSError):
            print(f"{prog}: {' '.join(str(problem).split())}", file=sys.stderr)
    return code
