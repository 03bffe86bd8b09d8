"""What share of the cores' multiply-add peak a step reaches, ours and those of others."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peers.catalogue import NETWORKS
from peers.common import network
from peers.crew import environment

COLUMNS = ("step", "threads", "peak, GFLOP/s", "fanin", "JAX", "torch", "limit")
_LARGE = 1_000_000
"""Parameters from which on Adam's arrays come from memory."""
_ALONE = "its root and division alone"


def rates(root: Path) -> dict[int, float]:
    """Return the GFLOP/s of multiply-adds in registers, for each number of threads."""
    command = ["cargo", "bench", "--locked", "--bench", "peak"]
    done = subprocess.run(
        command, cwd=root, check=True, stdout=subprocess.PIPE, text=True, env=environment(1)
    )
    pairs = (line.split() for line in done.stdout.splitlines() if line)
    return {int(threads): float(rate) for threads, rate in pairs}


def table(peaks: Mapping[int, float], lines: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the rows of the table: for each network and number of threads that was measured."""
    rows = []
    for label, args in NETWORKS.items():
        net = network(**args)
        for threads, peak in peaks.items():
            here = [one for one in lines if (one["label"], one["threads"]) == (label, threads)]
            least = 2e-3 * net.multiply_adds / peak
            times = [
                [one["ours"] for one in here],
                *(
                    [one["theirs"] for one in here if one["peer"].startswith(name)]
                    for name in ("JAX", "torch")
                ),
            ]
            shares = [_share(least, [time for time in found if time]) for found in times]
            if shares[0]:
                rows.append(
                    [
                        label,
                        str(threads),
                        f"{peak:.0f}",
                        *shares,
                        _limit(least, net.parameters, threads, lines),
                    ]
                )
    return rows


def _share(least: float, times: Sequence[float]) -> str:
    return f"{least / min(times):.0%}" if times else ""


def _limit(least: float, parameters: int, threads: int, lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the share where only the products and Adam's roots and divisions take time."""
    size, count = ("10M", 10_000_000) if parameters >= _LARGE else ("100k", 100_000)
    label = f"Adam, {size} parameters"
    alone = [
        one["theirs"]
        for one in lines
        if (one["label"], one["threads"], one["peer"]) == (label, threads, _ALONE) and one["theirs"]
    ]
    return _share(least, [least + time * parameters / count for time in alone])
