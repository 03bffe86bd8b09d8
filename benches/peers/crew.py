"""The processes that measure: one for each peer and number of threads, idle when not asked."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

_HERE = Path(__file__).resolve().parent


def environment(threads: int, package: str = "") -> dict[str, str]:
    """Return the environment that gives a peer so many threads, and the fanin in `package`."""
    names = ["FANIN", "OMP", "MKL", "OPENBLAS", "NUMEXPR"]
    limits = {f"{name}_NUM_THREADS": str(threads) for name in names}
    if threads == 1:
        limits["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    # NPROC is how many threads XLA's pools get.
    return {
        **os.environ,
        **limits,
        "NPROC": str(threads),
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([*filter(None, [package]), str(_HERE.parent)]),
    }


class PeerError(RuntimeError):
    """A peer's process ended before it answered."""


class Worker:
    """A peer's process."""

    def __init__(self, module: str, threads: int, package: str = "") -> None:
        self.threads = threads
        self.name = f"{module} at {threads} threads"
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "peers.worker", module, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads, package),
        )
        hello = self._answer()
        self.missing: str | None = hello.get("missing")
        self.version: str | None = hello.get("version")

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for what comes back."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise PeerError(f"{self.name} ended (exit code {self.process.wait()})")
        return json.loads(line)  # type: ignore[no-any-return]

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


@dataclass
class Measured:
    """An arm in a worker, and what it was measured at."""

    worker: Worker
    name: str
    check: float | None
    rounds: list[dict[str, Any]] = field(default_factory=list)

    def round(self, seconds: float) -> float:
        """Measure once more; return seconds a unit."""
        found = self.worker.ask(do="round", arm=self.name, seconds=seconds)
        self.rounds.append(found)
        return float(found["seconds"])

    def drop(self) -> None:
        """Free what the arm holds."""
        self.worker.ask(do="drop", arm=self.name)


class Crew:
    """All workers; they start when first needed and end with the ``with`` block."""

    def __init__(self) -> None:
        self.workers: dict[tuple[str, int], Worker] = {}
        self._made = 0

    def worker(self, module: str, threads: int) -> Worker:
        """Return a peer's process, whose `missing` says whether it can be asked at all."""
        key = (module, threads)
        if key not in self.workers:
            self.workers[key] = Worker(module, threads)
        return self.workers[key]

    def make(self, module: str, threads: int, work: str, args: dict[str, Any]) -> Measured:
        """Make an arm."""
        worker = self.worker(module, threads)
        self._made += 1
        name = str(self._made)
        return Measured(
            worker, name, worker.ask(do="make", arm=name, work=work, args=args)["check"]
        )

    def forget(self, module: str, threads: int) -> None:
        """Let the next row start a peer's process anew."""
        self.workers.pop((module, threads)).close()

    def versions(self) -> dict[str, str]:
        """Return the version of each peer that was started."""
        return {
            module.rstrip("_"): worker.version
            for (module, _), worker in self.workers.items()
            if worker.version
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.workers.values():
            worker.close()
