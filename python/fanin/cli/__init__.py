"""The command ``fanin``: a file for each subcommand. Its words are the interface, not its names."""

from fanin.cli._main import main as main
