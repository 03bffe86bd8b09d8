"""Matrix products of the layers, beside those of NumPy and, where it is installed, torch (MKL).

``python benches/products.py [--threads 2] [--double]`` prints GFLOP/s. All are called in turn in
one process, and of many short calls the fastest counts: on a machine that others use, too, it is
the one that nobody disturbed. With several threads, a turn is many calls of one library after a
pause: the threads of the others look for work for up to 200 ms after a call, and would take the
cores from whoever is next. So what is measured are products that follow each other, where a
library's own threads are awake if they look for work, and cores that nobody else uses.

``FANIN_SIMD=avx2`` compares the products of that level with all that the others have, and with
``OPENBLAS_CORETYPE=Haswell MKL_ENABLE_INSTRUCTIONS=AVX2`` with what they have of it. The last
line is of operands that lie in the nearest cache; how fast a core computes in its registers alone,
which no product exceeds, says ``cargo bench --bench peak``.
"""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable

WORK = 1 << 33
"""Multiply-adds, roughly, that are spent on a shape for each library."""

NETWORKS = [(64, (784, 128, 10)), (32, (64, 64, 10)), (256, (784, 512, 512, 10)),
            (512, (1024, 2048, 2048, 10))]  # fmt: skip
"""Batch and widths: those of the training steps in the other benches."""

OTHERS = [("forward", 512, 2048, 2048), ("forward", 1, 784, 128), ("forward", 1, 2048, 2048),
          ("forward", 8, 3, 2)]  # fmt: skip
NEAREST = ("forward", 96, 64, 64)


def shapes() -> list[tuple[str, int, int, int]]:
    """Return what is multiplied: which product of a layer, its rows, terms and columns."""
    found = []
    for batch, widths in NETWORKS:
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            found.append(("forward", batch, inputs, outputs))
            found.append(("dw", inputs, batch, outputs))
            if layer > 0:
                found.append(("dx", batch, outputs, inputs))
    return list(dict.fromkeys([*found, *OTHERS, NEAREST]))


PAUSE = 0.3
"""Seconds after which the threads of a library sleep that has been called."""

TURNS = 4
"""Turns of each library, where there are pauses."""


def fastest(
    calls: dict[str, Callable[[], object]], multiply_adds: int, *, pauses: bool
) -> dict[str, float]:
    """Return the least seconds of each call, all of them in turn, one call or many."""
    together = max(1, 1_000_000 // multiply_adds)
    rounds = min(1000, max(10, WORK // (multiply_adds + 10_000) // together))
    turns = TURNS if pauses else rounds
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(turns):
        for name, call in calls.items():
            time.sleep(PAUSE if pauses else 0)
            for _ in range(-(-rounds // turns)):
                start = time.perf_counter()
                for _ in range(together):
                    call()
                least[name] = min(least[name], (time.perf_counter() - start) / together)
    return least


def main() -> None:
    """Print a line a shape."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--double", action="store_true", help="float64 instead of float32")
    options = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        if os.environ.get(name) != str(options.threads):
            # The libraries read it when they are imported.
            os.environ |= {name: str(options.threads)}

    import numpy as np
    from fanin import _core

    try:
        import torch
    except ImportError:
        torch = None
    else:
        torch.set_num_threads(options.threads)

    dtype = "float64" if options.double else "float32"
    rng = np.random.default_rng(0)
    print(f"GFLOP/s, {dtype}, threads: {options.threads}, level: {_core.simd_level()}")
    rates: dict[str, float] = {}
    for kind, m, k, n in shapes():
        transposes = (kind == "dw", kind == "dx")
        a, b = (
            rng.standard_normal(shape[::-1] if turned else shape).astype(dtype)
            for shape, turned in zip([(m, k), (k, n)], transposes, strict=True)
        )
        out, theirs = np.empty((2, m, n), dtype)
        view_a, view_b = (
            x.T if turned else x for x, turned in zip((a, b), transposes, strict=True)
        )
        calls: dict[str, Callable[[], object]] = {
            "fanin": lambda: _core.product(a, b, out, transposes, options.threads),  # noqa: B023
            "numpy": lambda: np.matmul(view_a, view_b, out=theirs),  # noqa: B023
        }
        if torch is not None:
            tensors = [torch.from_numpy(x) for x in (a, b, np.empty_like(out))]
            turned_a, turned_b = (
                x.t() if turned else x for x, turned in zip(tensors, transposes, strict=False)
            )
            calls["torch"] = lambda: torch.mm(turned_a, turned_b, out=tensors[2])  # noqa: B023
        seconds = fastest(calls, m * k * n, pauses=options.threads > 1)
        rates = {name: 2e-9 * m * k * n / least for name, least in seconds.items()}
        if not np.allclose(out, theirs, rtol=1e-3, atol=1e-3):
            sys.exit(f"{kind} {m} x {k} x {n}: products differ")
        best = max(rate for name, rate in rates.items() if name != "fanin")
        columns = "".join(f"{name:>8} {rate:6.1f}" for name, rate in rates.items())
        print(f"{kind:8}{m:6} x {k:4} x {n:4}{columns}   of the best: {rates['fanin'] / best:.2f}")


if __name__ == "__main__":
    main()
