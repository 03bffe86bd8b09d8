"""What all subcommands share: the words, the exit code, and one line for what is wrong."""

import argparse
import contextlib
import logging
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import fanin
from fanin import _checks
from fanin.cli import _compare, _completion, _diagnose, _explain, _list, _versions
from fanin.cli._output import BAD_INPUT, FAILED, INTERRUPTED, complain, show

# In the order of the help: what a new user tries first comes first.
_COMMANDS = {
    "demo": _compare.add_demo,
    "compare": _compare.add_compare,
    "diagnose": _diagnose.add,
    "explain": _explain.add,
    "list": _list.add,
    "versions": _versions.add,
    "completion": _completion.add,
}

_EPILOG = """\
examples:
  fanin demo
  fanin compare --arms he_normal glorot_normal+bn --epochs 10 --html result.html
  fanin diagnose model.npz iris.csv --target species
  fanin explain "random_normal(stddev=0.01)" 784,256 --activation relu
  fanin list initializers

exit codes:
  0    done; of diagnose: nothing was found but notes
  1    diagnose found something, a download failed, or a disk was full in the end
  2    wrong use or bad input, found before any work is done
  130  interrupted by Ctrl-C
  141  nobody reads the output any more, as with | head

fanin COMMAND --help says more about a command.
"""

# What arguments and files can be wrong with, and what the machine can lack.
_REFUSALS = (ValueError, TypeError, ImportError, OSError, MemoryError, OverflowError)


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        sys.exit(complain(self.prog, f"{message} (see {self.prog} --help)", BAD_INPUT))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words behind the program's name. Default: those of this process.

    Returns
    -------
    int
        Exit code: 0, 1 (`diagnose` found something, a download failed, or a file could not be
        written after all), 2 (wrong use or bad input, found before any work is done), 130 (Ctrl-C),
        or 141 (nobody reads the output).

    Raises
    ------
    SystemExit
        With such a code, after a help or for words that no command takes.
    """
    for stream in (sys.stdout, sys.stderr):
        # A label must not end a comparison that ran for hours, whatever the terminal's encoding.
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    # Where it keeps its fonts is no concern of who asks for a picture.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    words = list(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        try:
            parsed = _parse(words)
            return _run(parsed)
        except SystemExit as stop:  # the parser's, after its help
            raise SystemExit(stop.code or show("fanin", lambda: None)) from None
        except KeyboardInterrupt:
            return complain("\nfanin", "interrupted", INTERRUPTED)


def _run(parsed: argparse.Namespace) -> int:
    try:
        return int(parsed.command(parsed))
    except ConnectionError as error:
        return complain(parsed.prog, error, FAILED)
    except _REFUSALS as error:
        return complain(parsed.prog, error, BAD_INPUT)


def _parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the words; what is unknown ends the process with the name that was meant."""
    parser = make_parser()
    if not words:
        with contextlib.suppress(OSError):
            parser.print_help(sys.stderr)
        sys.exit(BAD_INPUT)
    # No option before the command takes a value, so the first other word is the command.
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in _COMMANDS:
        parser.error(str(_checks.unknown("command", command, _COMMANDS)))
    parsed, unknown = parser.parse_known_args(words)
    if unknown:
        hint = _checks.did_you_mean(unknown[0].partition("=")[0], parsed.options)
        raise SystemExit(
            complain(
                parsed.prog,
                f"unrecognized arguments: {' '.join(unknown)}{hint} (see {parsed.prog} --help)",
                BAD_INPUT,
            )
        )
    return parsed


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = _Parser(
        prog="fanin",
        description="See what an initialization does to a network.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fanin {fanin.__version__}")
    parser.set_defaults(parser=parser)  # whose words `completion` prints
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, add in _COMMANDS.items():
        command = add(commands, name)
        options = [word for action in command._actions for word in action.option_strings]
        command.set_defaults(prog=command.prog, options=options)
    return parser


def _warn(message: Warning | str, *place: object, **stream: object) -> None:
    """Show a warning in one line, without the place in this package that it comes from."""
    complain("fanin", f"warning: {message}", 0)
