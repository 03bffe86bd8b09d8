"""The command ``fanin``: a file for each subcommand."""

from fanin.cli._main import main

__all__ = ["main"]
