"""What a batch of a generator costs beside one of an array: microseconds each.

python benches/batches.py, and with KERAS_BACKEND=jax where Keras is installed for its numbers.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import fanin
import numpy as np

ROUNDS = 7
BATCHES = 500
NETWORKS = {  # widths, and samples of a batch
    "2-3-1": ((2, 3, 1), 32),
    "64-64-10": ((64, 64, 10), 32),
    "784-128-10": ((784, 128, 10), 128),
}


class Batches(fanin.utils.PyDataset):
    """The same batches by number."""

    def __init__(self, x: np.ndarray, y: np.ndarray, size: int) -> None:
        super().__init__()
        self.x, self.y, self.size = x, y, size

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.x) // self.size

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one."""
        rows = slice(index * self.size, (index + 1) * self.size)
        return self.x[rows], self.y[rows]


class Watch(fanin.callbacks.Callback):
    """Look at each batch."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing."""


def parts(x: np.ndarray, y: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches that are ready."""
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


def arms(widths: tuple[int, ...], size: int) -> dict[str, Callable[[], object]]:
    """Return what is measured."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCHES * size, widths[0])).astype("float32")
    y = rng.normal(size=(BATCHES * size, widths[-1])).astype("float32")
    hidden = [fanin.layers.Dense(units, "relu") for units in widths[1:-1]]
    model = fanin.Sequential([*hidden, fanin.layers.Dense(widths[-1])], rng=0)
    model.compile("adam", "mse")
    model.fit(x[:size], y[:size], verbose=0)
    settings: dict[str, Any] = {"verbose": 0, "shuffle": False}
    found: dict[str, Callable[[], object]] = {
        "generator alone": lambda: [batch for batch in parts(x, y, size)],
        "array": lambda: model.fit(x, y, batch_size=size, **settings),
        "array, watched": lambda: model.fit(x, y, batch_size=size, callbacks=[Watch()], **settings),
        "generator": lambda: model.fit(parts(x, y, size), **settings),
        "PyDataset": lambda: model.fit(Batches(x, y, size), **settings),
    }
    if find_spec("keras") is not None:
        import keras

        theirs = keras.Sequential([keras.Input((widths[0],))])
        for units in widths[1:-1]:
            theirs.add(keras.layers.Dense(units, "relu"))
        theirs.add(keras.layers.Dense(widths[-1]))
        theirs.compile("adam", "mse")
        theirs.fit(x[:size], y[:size], batch_size=size, verbose=0)
        found[f"Keras ({keras.backend.backend()}), array"] = lambda: theirs.fit(
            x, y, batch_size=size, **settings
        )
        found[f"Keras ({keras.backend.backend()}), generator"] = lambda: theirs.fit(
            parts(x, y, size), steps_per_epoch=BATCHES, **settings
        )
    return found


def measure(widths: tuple[int, ...], size: int) -> dict[str, float]:
    """Return the median of microseconds a batch of each arm, measured in turns."""
    seconds: dict[str, list[float]] = {}
    found = arms(widths, size)
    for _ in range(ROUNDS):
        for name, run in found.items():
            began = time.perf_counter()
            run()
            seconds.setdefault(name, []).append(time.perf_counter() - began)
    return {name: statistics.median(own) / BATCHES * 1e6 for name, own in seconds.items()}


if __name__ == "__main__":
    for network, (widths, size) in NETWORKS.items():
        print(f"{network}, batches of {size}")
        for name, microseconds in measure(widths, size).items():
            print(f"  {name:28} {microseconds:8.1f} us")
