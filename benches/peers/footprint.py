"""What it costs to have a library: import time and size."""

import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from peers.measure import Line, Settings

IMPORT_LIMIT = 0.05
"""Seconds beyond NumPy."""
WHEEL_LIMIT = 6.0
"""Megabytes (10⁶ bytes)."""
_LABEL = "import, beyond numpy"


def imports(settings: Settings) -> list[Line]:
    """Time ``import`` of each library in new processes, minus that of NumPy."""
    rounds = 2 if settings.quick else 3 * settings.rounds
    ours = _beyond_numpy("fanin", rounds)
    lines = [
        Line(
            "import",
            _LABEL,
            1,
            "s",
            "(the limit aimed for)",
            ours,
            IMPORT_LIMIT,
            IMPORT_LIMIT / max(ours, 1e-9),
            f"{IMPORT_LIMIT:g} s",
            1.0,
        )
    ]
    for name in ("torch", "jax", "sklearn", "keras"):
        line = Line("import", _LABEL, 1, "s", name, ours)
        if find_spec(name) is None:
            line.note = f"not installed ({name})"
        else:
            line.theirs = _beyond_numpy(name, 1 if settings.quick else 3)
            line.ratio = line.theirs / max(ours, 1e-9)
        lines.append(line)
    return lines


def _beyond_numpy(name: str, rounds: int) -> float:
    extra = []
    for turn in range(rounds + 1):
        alone, both = _seconds("numpy"), _seconds(f"numpy, {name}")
        # The first time reads files from the disk.
        if turn:
            extra.append(both - alone)
    return statistics.median(extra)


def _seconds(names: str) -> float:
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", f"import {names}"],
        check=True,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def wheel(path: Path | None) -> Line:
    """Return the size of a wheel."""
    line = Line("wheel", "size of the wheel", 1, "MB", "(the limit aimed for)")
    line.target, line.aim = f"{WHEEL_LIMIT:g} MB", 1.0
    if path is None:
        line.note = "no --wheel given"
        return line
    line.ours, line.theirs = path.stat().st_size / 1e6, WHEEL_LIMIT
    line.ratio = WHEEL_LIMIT / line.ours
    return line
