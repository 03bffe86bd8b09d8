"""Batteries of statistical tests on stream v1: run dieharder, keep the results, sum them up.

python scripts/stream_statistics.py run        # what is not done yet; stop and go on as you like
python scripts/stream_statistics.py summary    # rewrite the table in docs/stream.md
python scripts/stream_statistics.py feed raw   # the words themselves, for any other battery:
python scripts/stream_statistics.py feed raw | RNG_test stdin32 -tlmax 1TB   # PractRand
"""

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from fanin import _core

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "stream_statistics.jsonl"
PAGE = ROOT / "docs" / "stream.md"
START, END = "<!-- statistics -->\n", "<!-- /statistics -->\n"

# dieharder's tests and the tuple sizes that `-a` runs, but for number 14, which dieharder itself
# says not to use.
TESTS = [
    *((test, 0) for test in (*range(14), 15, 16, 17, 100, 101, 102)),
    *((200, n) for n in range(1, 13)),
    *((201, n) for n in range(2, 6)),
    *((202, n) for n in range(2, 6)),
    *((203, n) for n in range(33)),
    *((test, 0) for test in (204, 205, 206, 207, 208)),
    (209, 0),
]
SUSPECT = {5, 6, 7}
"""Tests of which dieharder says that their own statistics are in doubt."""

WAYS = 16
"""How many neighbouring seeds, or paths, are interleaved word by word."""

BLOCK = 1 << 20

STREAMS = {
    "raw": (["0"], [""]),
    "neighbouring seeds": ([str(seed) for seed in range(WAYS)], [""]),
    "neighbouring paths": (["0"], [f"{layer}/kernel" for layer in range(WAYS)]),
}


def feed(name):
    """Write the words of a stream to standard output for as long as somebody reads."""
    seeds, paths = STREAMS[name]
    sources = [(seed, path) for seed in seeds for path in paths]
    start = 0
    while True:
        words = [_core.philox_words(*source, start, BLOCK) for source in sources]
        try:
            sys.stdout.buffer.write(np.stack(words, axis=1).tobytes())
        except BrokenPipeError:
            sys.stderr.close()  # the reader has seen enough
            return
        start += BLOCK


def done():
    """Return the results so far."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text().splitlines()]


def run(names):
    """Run what is missing, one test after the other; each result is kept as soon as it is there."""
    RESULTS.parent.mkdir(exist_ok=True)
    have = {(row["stream"], row["test"], row["tuple"]) for row in done()}
    for test, size in TESTS:
        for name in names:
            if (name, test, size) in have:
                continue
            rows = dieharder(name, test, size)
            with RESULTS.open("a") as file:
                for row in rows:
                    file.write(json.dumps(row) + "\n")
            print(name, test, size, [row["assessment"] for row in rows], flush=True)


def dieharder(name, test, size):
    """Run one test of dieharder on a stream."""
    feeder = subprocess.Popen([sys.executable, __file__, "feed", name], stdout=subprocess.PIPE)
    command = ["dieharder", "-g", "200", "-d", str(test), "-n", str(size), "-c", "|"]
    flags = ["test_name", "ntuple", "tsamples", "psamples", "pvalues", "assessment"]
    for flag in flags:
        command += ["-D", flag]
    try:
        output = subprocess.run(
            command, stdin=feeder.stdout, capture_output=True, text=True, check=True
        ).stdout
    finally:
        feeder.stdout.close()
        feeder.kill()
        feeder.wait()
    rows = []
    for line in output.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == len(flags) and parts[-1] in ("PASSED", "WEAK", "FAILED"):
            rows.append(
                {
                    "stream": name,
                    "test": test,
                    "tuple": size,
                    "name": parts[0],
                    "p": float(parts[4]),
                    "assessment": parts[-1],
                    "date": datetime.date.today().isoformat(),
                }
            )
    if not rows:
        raise RuntimeError(f"dieharder printed no result for test {test}: {output!r}")
    return rows


def summary():
    """Write how many tests passed into the page."""
    results = done()
    lines = [
        "| stream | tests of dieharder run | passed | weak | failed | p-values |",
        "|---|---|---|---|---|---|",
    ]
    for name in STREAMS:
        rows = [row for row in results if row["stream"] == name]
        run_ = {(row["test"], row["tuple"]) for row in rows}
        counts = [sum(row["assessment"] == kind for row in rows) for kind in KINDS]
        shown = " | ".join(map(str, counts))
        lines.append(f"| {name} | {len(run_)} of {len(TESTS)} | {shown} | {len(rows)} |")
    exceptions = [row for row in results if row["assessment"] != "PASSED"]
    lines.append("")
    if results:
        version = subprocess.run(["dieharder", "-h"], capture_output=True, text=True).stdout
        number = version.split("version")[1].split()[0]
        days = sorted({row["date"] for row in results})
        lines += [
            f"dieharder {number}, {days[-1]}. Of p-values, *weak* ones are below 0.005 or above",
            "0.995, as one in a hundred is by chance, and *failed* ones below 1e-6.",
        ]
    for row in exceptions:
        note = " (dieharder doubts this test)" if row["test"] in SUSPECT else ""
        lines.append(
            f"* {row['stream']}: {row['name']} {row['tuple'] or ''}, p = {row['p']:.8f}, "
            f"{row['assessment'].lower()}{note}"
        )
    text = PAGE.read_text()
    before, rest = text.split(START)
    _, after = rest.split(END)
    PAGE.write_text(before + START + "\n".join(lines) + "\n" + END + after)


KINDS = ("PASSED", "WEAK", "FAILED")


def main():
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "feed", "summary"):
        command = commands.add_parser(name)
        if name != "summary":
            command.add_argument("stream", nargs=None if name == "feed" else "*", choices=None)
    arguments = parser.parse_args()
    if arguments.command == "feed":
        feed(arguments.stream)
    elif arguments.command == "run":
        run(arguments.stream or list(STREAMS))
        summary()
    else:
        summary()


if __name__ == "__main__":
    main()
