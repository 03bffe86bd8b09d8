"""One peer at one number of threads, in a process of its own: makes arms and times them.

Speaks JSON, a line a request, with the process that started it (`peers.crew`).
"""

import gc
import importlib
import json
import math
import os
import statistics
import sys
import time
from typing import Any

from peers.common import Arm

_SHORT = 1e-3
"""Seconds under which runs are timed in groups: the clock and the interpreter would show."""


def main() -> None:
    """Serve until there are no more requests."""
    # Libraries print; what they print must not look like an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, threads = sys.argv[1], int(sys.argv[2])
    arms: dict[str, Arm] = {}

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    try:
        peer = importlib.import_module(f"peers.arms.{module}")
    except ModuleNotFoundError as error:
        answer(missing=error.name)
        return
    if hasattr(peer, "set_threads"):
        peer.set_threads(threads)
    answer(version=peer.VERSION)
    for line in sys.stdin:
        request = json.loads(line)
        name = request["arm"]
        if request["do"] == "make":
            arms[name] = arm = getattr(peer, request["work"])(**request["args"])
            answer(check=None if arm.check is None else arm.check())
        elif request["do"] == "round":
            answer(**timed(arms[name], request["seconds"]))
        elif request["do"] == "drop":
            del arms[name]
            gc.collect()
            answer()


def timed(arm: Arm, budget: float) -> dict[str, Any]:
    """Run for about `budget` seconds, at least once; return seconds a unit and cores in use."""
    if arm.start is not None:
        arm.start()
        # What is made on first use, such as an optimizer's arrays, is no part of a step.
        arm.run()
    # Threads of whoever ran before have gone to sleep by then.
    time.sleep(0.01)
    runs: list[float] = []
    cpu, begin = time.process_time(), time.perf_counter()
    group, spent = 1, 0.0
    while not runs or spent < budget:
        start = time.perf_counter()
        for _ in range(group):
            value = arm.run()
        one = (time.perf_counter() - start) / group
        spent = time.perf_counter() - begin
        runs.append(one)
        if one * group < _SHORT:
            # The group so far was too short to count.
            group = math.ceil(2 * _SHORT / max(one, 1e-9))
            runs.clear()
    cores = (time.process_time() - cpu) / spent
    return {
        "seconds": statistics.median(runs) / arm.count,
        "cores": cores,
        "value": value if isinstance(value, float) else None,
    }


if __name__ == "__main__":
    main()
