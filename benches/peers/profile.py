"""Where the time of one training step goes: perf over the Rust bench, which has symbols."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from peers.catalogue import NETWORKS
from peers.common import network
from peers.crew import Crew, environment

SECONDS = 3
# The first that matches a symbol names its part; what is made before the steps does not count.
PARTS = (
    ("", r"random::|training::|criterion|tests?::common"),
    ("matrix products", r"linalg"),
    ("BatchNormalization", r"batch_normalization"),
    ("sums over the batch", r"reduce::"),
    ("optimizer", r"optimizers::"),
    ("loss and metrics", r"losses::|metrics::"),
    ("bias and activations", r"activations::|layers::"),
    ("gather and copies", r"mem(move|cpy|set)|gather|network::"),
    ("allocation", r"malloc|calloc|_free|^free|realloc|unlink_chunk"),
    ("threads", r"rayon|crossbeam|sched_yield|futex|parallel::"),
)
OTHER = "kernel and the rest"


def steps(root: Path) -> list[dict[str, Any]]:
    """Return, for each network, the share of each part in percent; empty without perf."""
    missing = [tool for tool in ("perf", "cargo") if shutil.which(tool) is None]
    if missing:
        print(f"no profile: {missing[0]} is not installed", file=sys.stderr)
        return []
    binary = _bench(root)
    return [
        {"network": label, "parts": _parts(binary, "-".join(map(str, args["widths"])))}
        for label, args in NETWORKS.items()
    ]


def limits(crew: Crew) -> list[dict[str, Any]]:
    """Return the rate of the machine's fastest large product, and what steps would take at it."""
    rates = {}
    for threads in (1, 2):
        found = []
        for module in ("by_hand", "torch_"):
            if crew.worker(module, threads).missing is None:
                arm = crew.make(module, threads, "product", {"n": 2048})
                found += [arm.round(0.3) for _ in range(3)]
                arm.drop()
        rates[threads] = 2 * 2048**3 / min(found)
    return [
        {
            "threads": threads,
            "gflops": rate / 1e9,
            "steps": {
                label: 2e6 * network(**args).multiply_adds / rate
                for label, args in NETWORKS.items()
            },
        }
        for threads, rate in rates.items()
    ]


def _bench(root: Path) -> Path:
    """Build the bench of steps and return the program."""
    built = subprocess.run(
        ["cargo", "bench", "--locked", "--no-run", "--bench", "training", "--message-format=json"],
        cwd=root,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    programs = [message["executable"] for message in messages if message.get("executable")]
    return Path(programs[-1])


def _parts(binary: Path, name: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/perf.data"
        program = [str(binary), "--bench", "--profile-time", str(SECONDS), f"step/{name}/1t"]
        subprocess.run(
            ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-o", data, "--", *program],
            check=True,
            env=environment(1),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        columns = ["--no-children", "--sort", "symbol", "--percent-limit", "0.01"]
        listed = subprocess.run(
            ["perf", "report", "-i", data, "--stdio", "-q", *columns],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ).stdout
    shares: defaultdict[str, float] = defaultdict(float)
    for percent, symbol in re.findall(r"^\s*([\d.]+)%\s+\[.\]\s+(.+?)\s*$", listed, re.MULTILINE):
        part = next((part for part, of in PARTS if re.search(of, symbol)), OTHER)
        shares[part] += float(percent)
    shares.pop("", None)
    total = sum(shares.values())
    return {part: 100 * share / total for part, share in sorted(shares.items())}
