"""Machines other than this one: made-up caches under /sys, and an lscpu of our own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CPU = "/sys/devices/system/cpu"


def _unshare():
    """Return the command that starts another in a file system of its own, or skip the test."""
    command = ["unshare", "--mount"] + (["--map-root-user"] if os.geteuid() else [])
    try:
        subprocess.run([*command, "mount", "--bind", "/tmp", "/mnt"], check=True, timeout=1200)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a test must be allowed to mount here: {error}")
    return command


def caches(folder: Path, *of_level: tuple[int, str]) -> Path:
    """Write caches of these levels and sizes as Linux shows them for one CPU; return the folder."""
    for index, (level, size) in enumerate(of_level):
        cache = folder / "cpu0" / "cache" / f"index{index}"
        cache.mkdir(parents=True)
        facts = {
            "type": "Data" if level == 1 else "Unified",
            "level": level,
            "size": size,
            "shared_cpu_list": 0,
            "coherency_line_size": 64,
            "ways_of_associativity": 8,
        }
        for name, fact in facts.items():
            (cache / name).write_text(f"{fact}\n")
    return folder


def run(code: str, *, over: str, folder: Path, lscpu: str | None = None):
    """Run Python code where `folder` lies over a part of the file system; return what it prints.

    `lscpu` is what a program of that name answers; ``folder.with_suffix(".log")`` says how often.
    """
    command = _unshare()
    environment = dict(os.environ)
    environment.pop("RUST_BACKTRACE", None)
    if lscpu is not None:
        programs = folder.with_suffix(".bin")
        programs.mkdir()
        log = folder.with_suffix(".log")
        program = programs / "lscpu"
        program.write_text(f"#!/bin/sh\necho ran >> {log}\ncat <<'END'\n{lscpu}\nEND\n")
        program.chmod(0o755)
        environment["PATH"] = f"{programs}:{environment['PATH']}"
    script = 'mount --bind "$1" "$2" && exec "$3" -c "$4"'
    done = subprocess.run(
        [*command, "sh", "-c", script, "sh", str(folder), over, sys.executable, code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
