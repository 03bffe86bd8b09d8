"""How good what `fanin.recommend` recommends is, on twenty tasks.

    python scripts/recommendations.py            # needs scikit-learn, and about ten minutes
    python scripts/recommendations.py --tasks 3  # the first three

A task is a data set, an activation and a depth. Twelve initializers are trained on five seeds each,
and so is what `recommend` chose; none of these seeds or test samples is known to it. What counts is
the mean loss of the test samples after the same number of epochs. A task counts as right where this
mean of what was recommended lies within the paired 95 % interval of that of the best of the twelve.
For comparison the best one itself, drawn again from five further seeds, is judged in the same way:
by an interval of the seeds that made it the best, which are luckier than others.
"""

import argparse
import itertools
import math
import sys
from pathlib import Path

import fanin
import numpy as np
from fanin.comparison.statistics import mean_interval
from fanin.initializers import Orthogonal, VarianceScaling

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from exam import data

SETS = (
    "digits",
    "fashion",
    "wine",
    "cancer",
    "diabetes",
    "clouds",
    "rings",
    "waves",
    "iris",
    "bars",
)
NETWORKS = (("relu", 3), ("tanh", 6), ("gelu", 4), ("selu", 8), ("sigmoid", 2), ("elu", 3),
            ("leaky_relu", 10), ("silu", 5), ("relu", 16), ("tanh", 2))  # fmt: skip
WIDTH, EPOCHS = 64, 15
FRESH = range(1000, 1005)
AGAIN = range(2000, 2005)


def tasks() -> list[tuple[str, str, int]]:
    """Return data set, activation and depth of each task."""
    first = zip(SETS, NETWORKS, strict=True)
    second = zip(SETS, NETWORKS[3:] + NETWORKS[:3], strict=True)
    return [(name, *network) for name, network in itertools.chain(first, second)]


def twelve(activation: str) -> dict[str, object]:
    """Return the initializers that are tried."""
    names = ("he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal",
             "lecun_uniform", "orthogonal", "random_normal", "random_uniform")  # fmt: skip
    gain = fanin.gain(activation)
    derived = {
        "for_activation": VarianceScaling.for_activation(activation),
        "orthogonal, gain": Orthogonal(gain),
        "torch": VarianceScaling(1 / 3, "fan_in", "uniform"),
    }
    return {**{name: name for name in names}, **derived}


class Task:
    """One data set, split, and the networks that are trained on it."""

    def __init__(self, name: str, activation: str, depth: int) -> None:
        self.activation, self.depth = activation, depth
        x, y = data.load(name)
        x = np.asarray(x, dtype="float32").reshape(len(x), -1)
        self.classes = name not in data.REGRESSION
        cut = 3 * len(x) // 4
        self.train, self.test = (x[:cut], y[:cut]), (x[cut:], y[cut:])
        self.outputs = int(y.max()) + 1 if self.classes else 1

    def network(self, initializer: object, seed: int) -> fanin.Sequential:
        """Return a compiled network."""
        hidden = [
            fanin.layers.Dense(WIDTH, self.activation, kernel_initializer=initializer)
            for _ in range(self.depth)
        ]
        last = fanin.layers.Dense(self.outputs, "softmax" if self.classes else None)
        model = fanin.Sequential([*hidden, last], rng=seed)
        model.compile("adam", "sparse_categorical_crossentropy" if self.classes else "mse")
        return model

    def loss(self, initializer: object, seed: int) -> float:
        """Return the loss of the test samples after training."""
        model = self.network(initializer, seed)
        try:
            model.fit(*self.train, epochs=EPOCHS, verbose=0, rng=seed)
        except FloatingPointError:
            return math.inf
        return float(np.ravel(model.evaluate(*self.test, verbose=0))[0])

    def losses(self, initializer: object, seeds: range) -> list[float]:
        """Return the loss for each seed."""
        return [self.loss(initializer, seed) for seed in seeds]


def main() -> None:
    """Print a line a task, and the shares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=20)
    options = parser.parse_args()
    right = again = 0
    chosen = tasks()[: options.tasks]
    for name, activation, depth in chosen:
        task = Task(name, activation, depth)
        found = {code: task.losses(made, FRESH) for code, made in twelve(activation).items()}
        best = min(found, key=lambda code: np.mean(found[code]))
        advice = fanin.recommend(
            task.network("glorot_uniform", 0), x=task.train[0], y=task.train[1], epochs=EPOCHS
        )
        ours = task.losses(advice.initializer, FRESH)
        once_more = task.losses(twelve(activation)[best], AGAIN)
        inside = within(ours, found[best])
        inside_again = within(once_more, found[best])
        right, again = right + inside, again + inside_again
        print(
            f"{name:9} {activation:10} x {depth:2}: best {best} {np.mean(found[best]):.4f}, "
            f"recommended {advice.code} {np.mean(ours):.4f} "
            f"{'within' if inside else 'BEHIND'}; the best again {np.mean(once_more):.4f} "
            f"{'within' if inside_again else 'behind'}",
            flush=True,
        )
    count = len(chosen)
    print(f"within the best one's interval: {right} of {count}; the best again: {again} of {count}")


def within(losses: list[float], best: list[float]) -> bool:
    """Return whether a mean loss is no higher than the paired interval of the best one allows."""
    gap = mean_interval([own - other for own, other in zip(losses, best, strict=True)])
    return gap.mean <= 0 or not gap.excludes_zero()


if __name__ == "__main__":
    main()
