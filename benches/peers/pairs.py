"""Two builds of fanin on the same rows, in turns.

    python -m peers.pairs ../before/python python          # the rows below, 30 pairs of each
    python -m peers.pairs ../before/python python --rows "predict one row" --pairs 60

Each pair runs both builds, each in a new process, in an order that alternates: where a process
happens to have its arrays makes some rows a tenth slower or faster for as long as it lives. What is
printed is the median of the pairs' ratios, later to earlier, and a 95 % interval of it, by
bootstrap over the pairs. The exit code says whether all upper ends are within the limit.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from peers import catalogue
from peers.catalogue import Row
from peers.crew import Worker

ROWS = ("2-3-2-2", "64-64-10", "784-128-10", "BatchNorm forward + backward 256x512", "predict one")
LIMIT = 1.03


def rows(words: list[str], threads: int) -> list[Row]:
    """Return the rows of so many threads whose labels begin with one of the words."""
    found = [row for row in catalogue.rows() if row.threads == threads]
    return [row for row in found if any(row.label.startswith(word) for word in words)]


def ratios(row: Row, packages: list[str], pairs: int, seconds: float) -> list[float]:
    """Return how long the later build takes, in units of the earlier one, pair by pair."""
    found = []
    for pair in range(pairs):
        taken = {}
        for place in (0, 1) if pair % 2 == 0 else (1, 0):
            worker = Worker("ours", row.threads, packages[place])
            worker.ask(do="make", arm="row", work=row.work, args=dict(row.args))
            taken[place] = worker.ask(do="round", arm="row", seconds=seconds)["seconds"]
            worker.close()
        found.append(taken[1] / taken[0])
    return found


def interval(values: list[float]) -> tuple[float, float, float]:
    """Return the median and a 95 % interval of it."""
    draws = np.random.default_rng(0).choice(values, (10_000, len(values)))
    low, high = np.quantile(np.median(draws, axis=1), (0.025, 0.975))
    return float(np.median(values)), float(low), float(high)


def main() -> int:
    parser = argparse.ArgumentParser(prog="peers.pairs", description=__doc__)
    parser.add_argument("packages", nargs=2, type=Path, metavar="PACKAGE", help="folders of fanin")
    parser.add_argument("--rows", nargs="+", default=ROWS, help="how their labels begin")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each measurement")
    options = parser.parse_args()
    slow = False
    for row in rows(options.rows, options.threads):
        packages = [str(package.resolve()) for package in options.packages]
        found = ratios(row, packages, options.pairs, options.seconds)
        middle, low, high = interval(found)
        slow |= high > LIMIT
        print(
            f"{row.label}: {middle:.3f} ({low:.3f} to {high:.3f}, {len(found)} pairs)", flush=True
        )
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
