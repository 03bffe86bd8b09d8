"""What diagnosis and data-dependent initialization cost; beside the peers' Python: torch, lsuv.

python benches/diagnosis.py
"""

import contextlib
import copy
import io
import statistics
import time

import fanin
import numpy as np
import torch
from fanin.layers import Dense
from lsuv import lsuv_with_singlebatch

REPEATS = 7


def timed(*calls, repeats=REPEATS):
    """Return the medians of several functions' times, in turn, in seconds."""
    times = [[] for _ in calls]
    for _ in range(repeats):
        for call, found in zip(calls, times, strict=True):
            argument = call()
            time.sleep(0.3)  # torch's threads spin after their work
            began = time.perf_counter()
            argument()
            found.append(time.perf_counter() - began)
    return [statistics.median(found) for found in times]


def deep_torch(depth=50, width=256):
    """Make a network of torch."""
    layers, inputs = [], width
    for _ in range(depth):
        layers += [torch.nn.Linear(inputs, width), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers)


def lsuv():
    """Run LSUV on a torch model of 50 layers: ours, and the package `lsuv`."""
    x = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    model = deep_torch()

    def ours():
        fresh = copy.deepcopy(model)
        return lambda: fanin.lsuv(fresh, x, rng=0)

    def theirs():
        fresh = copy.deepcopy(model)

        def run():
            with contextlib.redirect_stdout(io.StringIO()):
                lsuv_with_singlebatch(fresh, x, device=torch.device("cpu"))

        return run

    mine, other = timed(ours, theirs)
    print(
        f"LSUV, 50 × 256, batch 256: {mine * 1e3:.0f} ms, lsuv {other * 1e3:.0f} ms: "
        f"{other / mine:.1f} times faster"
    )


def diagnose():
    """Diagnose a network of ten wide layers."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(512, 784)).astype("float32"), rng.integers(0, 10, 512)
    hidden = [Dense(512, "relu", kernel_initializer="he_normal") for _ in range(10)]
    model = fanin.Sequential([*hidden, Dense(10, "softmax")], rng=0)
    fanin.diagnose(model, x, y)  # what is imported at first use
    (seconds,) = timed(lambda: lambda: fanin.diagnose(model, x, y).findings, repeats=25)
    print(f"diagnose, 784-512×10-10, batch 512: {seconds * 1e3:.0f} ms")


def watching():
    """Train with a SignalMonitor, and without."""
    rng = np.random.default_rng(0)
    for width, samples, every in ((512, 4096, None), (64, 60000, None), (512, 4096, 50)):
        x, y = rng.normal(size=(samples, 64)).astype("float32"), rng.integers(0, 10, samples)

        def fit(*callbacks, width=width, x=x, y=y):
            hidden = [Dense(width, "relu", kernel_initializer="he_normal") for _ in range(4)]
            model = fanin.Sequential([*hidden, Dense(10, "softmax")], rng=0)
            model.compile("adam", "sparse_categorical_crossentropy")
            return lambda: model.fit(x, y, epochs=5, verbose=0, callbacks=list(callbacks))

        monitor = fanin.callbacks.SignalMonitor(x[:256], y[:256], every=every)
        shares = []

        def watch(fit=fit, monitor=monitor, shares=shares):
            run = fit(monitor)

            def timed_run():
                began = time.perf_counter()
                run()
                shares.append(monitor.signals.seconds / (time.perf_counter() - began))

            return timed_run

        plain, watched = timed(fit, watch)
        print(
            f"SignalMonitor(every={every}), 64-{width}×4-10, {samples} samples: "
            f"{len(monitor.signals.steps)} records, {statistics.median(shares):.1%} of the "
            f"fit by its own clock ({watched / plain - 1:+.1%} against {plain:.2f} s without it)"
        )


def watching_a_loop():
    """Train a torch model in a loop that is watched, and in one that is not."""
    x = torch.randn(512, 256, generator=torch.Generator().manual_seed(0))
    y = torch.randint(0, 256, (512,), generator=torch.Generator().manual_seed(1))

    def loop(watch):
        model = deep_torch(depth=10)
        optimizer = torch.optim.Adam(model.parameters())

        def run(step):
            for _ in range(100):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(x), y).backward()
                optimizer.step()
                step()

        def watched():
            with fanin.watch(model) as seen:
                run(seen.step)
            records.append(len(seen.signals.steps))

        return watched if watch else lambda: run(lambda: None)

    records = []
    plain, watched = timed(lambda: loop(False), lambda: loop(True))
    print(
        f"watch, 10 x 256, batch 512, 100 steps: {statistics.median(records):.0f} records, "
        f"{watched / plain - 1:+.1%} against {plain:.2f} s without it"
    )


if __name__ == "__main__":
    lsuv()
    diagnose()
    watching()
    watching_a_loop()
