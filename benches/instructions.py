"""Instructions that rows of the benches against peers take, by callgrind: no load shows in them.

    python benches/instructions.py                           # of the fanin that imports
    python benches/instructions.py ../before/python python   # of two builds; fails above 2 %
    python benches/instructions.py --only adam 64-64-10 -- python    # rows with one of these words

A row is run N times in one process and 2 N times in another; the difference is what N runs take,
without the interpreter's start, the data, and what is made at first use. Everything is on one
thread, with the instructions that valgrind knows: AVX2, no AVX-512.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from peers import catalogue
from peers.catalogue import Row

KEYS = ("step", "predict", "adam")
LIMIT = 1.02
"""How many times the instructions of the first build a later one may take."""
# Millions of instructions each, so that what differs from process to process does not show.
RUNS = {"step": 1, "predict": 200, "adam": 10}

CHILD = """
import sys

from peers import catalogue
from peers.arms import ours

label, runs = sys.argv[1], int(sys.argv[2])
row = next(row for row in catalogue.rows() if row.label == label and row.threads == 1)
# One step of a large network is enough: its products take a hundred million instructions and more.
few = {"steps": 1} if row.args.get("steps", 512) < 16 else {}
arm = getattr(ours, row.work)(**{**row.args, **few})
if arm.start is not None:
    arm.start()
arm.run()
for _ in range(runs):
    arm.run()
"""


def rows(only: list[str]) -> list[Row]:
    """Return the rows of one thread that are asked for."""
    found = [row for row in catalogue.rows() if row.key in KEYS and row.threads == 1]
    return [row for row in found if not only or any(o in f"{row.key} {row.label}" for o in only)]


def collected(package: str, row: Row, runs: int) -> int:
    """Return the instructions of a process that runs a row so often."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable]
    paths = [package, str(Path(__file__).parent)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONHASHSEED": "0",
        "FANIN_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [*command, "-c", CHILD, row.label, str(runs)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    count = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or count is None:
        raise SystemExit(f"{row.label}: {done.stderr}")
    return int(count[1])


def instructions(package: str, row: Row) -> float:
    """Return the instructions of one run of a row."""
    runs = RUNS[row.key]
    return (collected(package, row, 2 * runs) - collected(package, row, runs)) / runs


def main() -> int:
    """Count, print a table, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "packages", nargs="*", help="folders that hold a built fanin, the first to compare with"
    )
    parser.add_argument("--only", nargs="+", default=[], help="words of the rows to count")
    given = parser.parse_args()
    packages = given.packages or [""]
    worst = 0.0
    print(f"{'row':<46}", *(f"{package or 'fanin':>20}" for package in packages))
    for row in rows(given.only):
        counts = [instructions(package, row) for package in packages]
        ratios = [count / counts[0] for count in counts[1:]]
        worst = max(worst, *ratios, 0.0)
        shown = [f"{counts[0]:>20,.0f}"] + [
            f"{count:>20,.0f} {ratio:.4f}" for count, ratio in zip(counts[1:], ratios, strict=True)
        ]
        print(f"{row.key + ', ' + row.label:<46}", *shown, flush=True)
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
