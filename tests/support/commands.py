"""Running the command `fanin`: in this process, in one of its own, on a terminal."""

import contextlib
import os
import shlex
import struct
import subprocess
import sys

from fanin import cli


def run(text):
    """Run the command in this process; argparse's exits become codes."""
    try:
        return cli.main(shlex.split(text))
    except SystemExit as stop:
        return stop.code


def spawn(*words, changes=None, **options):
    """Run the command in a process; `changes` are variables, those that are None are unset."""
    environment = {**os.environ, "PYTHONUNBUFFERED": None, **(changes or {})}
    return subprocess.run(
        [sys.executable, "-m", "fanin", *words],
        stderr=subprocess.PIPE,
        env={k: v for k, v in environment.items() if v is not None},
        check=False,
        **options,
    )


def on_terminal(*words, columns=80, **environment):
    """Run `fanin` with all its streams on a terminal; return the exit code and what it shows."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    settings = {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environment}
    chosen = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}
    inherited = {name: value for name, value in os.environ.items() if name not in chosen}
    process = subprocess.Popen(
        [sys.executable, "-m", "fanin", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=inherited | settings,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux's word for the end
        while part := os.read(ours, 1 << 16):
            shown += part
    os.close(ours)
    return process.wait(), shown.decode(settings["PYTHONIOENCODING"]).replace("\r\n", "\n")
