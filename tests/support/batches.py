"""Batches of all kinds, and a network that is trained on them."""

import fanin
import numpy as np
from fanin import callbacks, layers, losses
from fanin.utils import PyDataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
Y = RNG.normal(size=(50, 3)).astype("float32")
CLASSES = RNG.integers(0, 3, 50)
WEIGHTS = RNG.uniform(0.5, 2.0, 50).astype("float32")
SIZE = 8
STEPS = 7  # the last batch has 2


class OwnLoss(losses.Loss):
    """A loss in Python: its steps take another way than those of the core."""

    def value_and_gradient(self, y_true, y_pred):
        difference = y_pred - y_true
        return float((difference**2).mean()), 2 * difference / difference.size


def network(loss="mse", metrics=("mae",), shape=(4,)):
    """Return a network with what changes in training: running averages, masks, slots."""
    row = [
        *([fanin.Input(shape)] if shape else []),
        layers.Dense(6, "tanh"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Dense(3),
    ]
    model = fanin.Sequential(row, rng=0)
    model.compile("adam", loss, metrics=list(metrics))
    return model


def arrays(model):
    return [*model.get_weights(), *model.slots.values(), np.array(model.optimizer.iterations)]


def assert_same(first, second):
    for one, other in zip(arrays(first), arrays(second), strict=True):
        np.testing.assert_array_equal(one, other)


def parts(*given, size=SIZE):
    for start in range(0, len(given[0]), size):
        yield tuple(part[start : start + size] for part in given)


def endless(*given, size=SIZE):
    while True:
        yield from parts(*given, size=size)


class ByNumber(PyDataset):
    """The batches of some arrays."""

    def __init__(self, *given, **settings):
        super().__init__(**settings)
        self.given, self.asked, self.calls = given, [], []

    def __len__(self):
        return -(-len(self.given[0]) // SIZE)

    def __getitem__(self, index):
        self.asked.append(index)
        return tuple(part[index * SIZE : (index + 1) * SIZE] for part in self.given)

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")


class OldSequence:
    """What scripts of Keras 2 have, from a class of their own."""

    def __init__(self, *given):
        self.given = given

    def __len__(self):
        return STEPS

    def __getitem__(self, index):
        return [part[index * SIZE : (index + 1) * SIZE] for part in self.given]


class Loader:
    """What a torch DataLoader or a tf.data.Dataset looks like."""

    def __init__(self, *given):
        self.given, self.passes = given, 0

    def __iter__(self):
        self.passes += 1
        return parts(*self.given)

    def __len__(self):
        return STEPS


class Unknown(Loader):
    """One of a stream: its length is asked for, and not known."""

    def __len__(self):
        raise TypeError("nobody knows")


KINDS = {
    "generator": (lambda *given: endless(*given), {"steps_per_epoch": STEPS}),
    "by number": (ByNumber, {}),
    "in threads": (lambda *given: ByNumber(*given, workers=3, max_queue_size=2), {}),
    "old": (OldSequence, {}),
    "loader": (Loader, {}),
    "unknown length": (Unknown, {}),
    "whole steps": (Loader, {"steps_per_epoch": STEPS}),
}


class Told(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.batches, self.losses, self.begun = [], [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.begun.append(batch)

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(batch)
        self.losses.append(logs["loss"])
