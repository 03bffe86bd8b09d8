"""``fanin completion``."""

import argparse
from typing import Any

from fanin import _checks, _optional
from fanin.cli._output import show

_EPILOG = """\
bash:  fanin completion bash > ~/.local/share/bash-completion/completions/fanin
zsh:   fanin completion zsh > ~/.zfunc/_fanin, with "fpath=(~/.zfunc $fpath); autoload -Uz compinit;
       compinit" in ~/.zshrc
fish:  fanin completion fish > ~/.config/fish/completions/fanin.fish
"""


def add(commands: Any, name: str) -> argparse.ArgumentParser:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help="print the script that lets a shell complete commands, options and names",
        description="Print the script that lets a shell complete commands, options, files and "
        "names.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", metavar="SHELL", help="bash, zsh, fish, tcsh or powershell")
    parser.set_defaults(command=_completion)
    return parser


def _completion(parsed: argparse.Namespace) -> int:
    shtab = _optional.require("shtab")
    shell = _checks.one_of("SHELL", parsed.shell, shtab.SUPPORTED_SHELLS)
    _say_what_completes(parsed.parser, shtab)
    return show(parsed.prog, lambda: print(shtab.complete(parsed.parser, shell)))


def _say_what_completes(parser: argparse.ArgumentParser, shtab: Any) -> None:
    """Tell shtab what stands for each placeholder, in all commands."""
    words = {
        "FILE": shtab.FILE,
        "FOLDER": shtab.DIRECTORY,
        "INIT": shtab.cmd("fanin list initializers"),
        "ARM": shtab.cmd("fanin list initializers"),
        "ACTIVATION": shtab.cmd("fanin list activations"),
        "LOSS": shtab.cmd("fanin list losses"),
        "OPTIMIZER": shtab.cmd("fanin list optimizers"),
    }
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _say_what_completes(command, shtab)
        elif action.metavar in words:
            action.complete = words[action.metavar]  # type: ignore[attr-defined]
