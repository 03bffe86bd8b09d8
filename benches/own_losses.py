"""What a loss or a metric of your own costs: microseconds a batch beside those of the core.

python benches/own_losses.py
"""

import statistics
import time

import fanin
import numpy as np
from fanin.layers import Dense

ROUNDS = 15
BATCHES = 200
NETWORKS = {  # widths, and samples of a batch
    "2-3-2-2": ((2, 3, 2, 2), 32),
    "64-64-10": ((64, 64, 10), 32),
    "784-128-10": ((784, 128, 10), 32),
}


class Square(fanin.losses.Loss):
    """The mean squared error again, in NumPy."""

    def value_and_gradient(self, y_true, y_pred):
        """Return the mean and its gradient."""
        error = y_pred - y_true
        return np.vdot(error, error) / error.size, error * (2 / error.size)


def distance(y_true, y_pred):
    """Return the mean absolute error, a metric of a user's."""
    return np.abs(y_true - y_pred).mean()


ARMS = {
    "core": ("mse", []),
    "own metric": ("mse", [distance]),
    "own loss": (Square(), []),
    "own loss and metric": (Square(), [distance]),
}


def measure(widths: tuple[int, ...], size: int) -> dict[str, float]:
    """Return the median of microseconds a batch of each arm, measured in turns."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCHES * size, widths[0])).astype("float32")
    y = rng.normal(size=(BATCHES * size, widths[-1])).astype("float32")
    models = {}
    for name, (loss, metrics) in ARMS.items():
        hidden = [Dense(units, "relu") for units in widths[1:-1]]
        models[name] = fanin.Sequential([*hidden, Dense(widths[-1])], rng=0)
        models[name].compile("adam", loss, metrics=metrics)
        models[name].fit(x, y, batch_size=size, verbose=0)
    seconds: dict[str, list[float]] = {name: [] for name in ARMS}
    for _ in range(ROUNDS):
        for name, model in models.items():
            began = time.perf_counter()
            model.fit(x, y, batch_size=size, verbose=0)
            seconds[name].append(time.perf_counter() - began)
    return {name: 1e6 * statistics.median(took) / BATCHES for name, took in seconds.items()}


if __name__ == "__main__":
    print(f"{'':12}" + "".join(f"{name:>22}" for name in ARMS))
    for network, (widths, size) in NETWORKS.items():
        row = measure(widths, size)
        print(f"{network:12}" + "".join(f"{f'{us:.1f} us':>22}" for us in row.values()))
