"""What it costs to have fanin, without peers beside it; fails above a limit.

* ``python benches/footprint.py import``: CPU time of ``import fanin`` beside ``import numpy``
* ``python benches/footprint.py wheels FILE...``: sizes
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from peers.footprint import WHEEL_LIMIT

IMPORT_LIMIT = 0.45
"""How much of the time of `import numpy` what `import fanin` adds to it may take."""
PROCESSES = 31

# Both are timed in one process, so whatever slows the machine slows both; CPU time of the thread
# that imports, not the clock: threads that NumPy starts go on for a while, and are not ours.
CHILD = """
from time import thread_time_ns as now

start = now()
import numpy
between = now()
import fanin
print(between - start, now() - between)
"""


def import_times() -> tuple[float, float]:
    """Return the least milliseconds that `import numpy` and then `import fanin` take."""
    command = [sys.executable, "-c", CHILD]
    times = []
    with tempfile.TemporaryDirectory() as folder:
        # Installed packages are compiled, a clone need not be: the first process does it here.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(PROCESSES + 1):
            child = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            times.append([int(word) / 1e6 for word in child.stdout.split()])
    numpy, ours = (min(column) for column in zip(*times[1:], strict=True))
    return numpy, ours


def check_import() -> bool:
    """Print what importing takes, and say whether it is within its limit."""
    numpy, ours = import_times()
    share = ours / numpy
    print(
        f"import fanin: {ours:.1f} ms beyond the {numpy:.1f} ms of import numpy (CPU time, least "
        f"of {PROCESSES}): {share:.2f} of it, at most {IMPORT_LIMIT}"
    )
    return share <= IMPORT_LIMIT


def check_wheels(paths: list[Path]) -> bool:
    """Print the sizes of wheels, and say whether all are within their limit."""
    sizes = {path.name: path.stat().st_size / 1e6 for path in paths}
    for name, size in sizes.items():
        print(f"{size:5.2f} MB (at most {WHEEL_LIMIT:g})  {name}")
    return all(size <= WHEEL_LIMIT for size in sizes.values())


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("import")
    commands.add_parser("wheels").add_argument("files", type=Path, nargs="+")
    parsed = parser.parse_args()
    within = check_import() if parsed.command == "import" else check_wheels(parsed.files)
    sys.exit(0 if within else "footprint: over the limit")


if __name__ == "__main__":
    main()
