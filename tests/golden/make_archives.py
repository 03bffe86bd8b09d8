"""Makes ``archives_0_1_0/``: files and pickles of 0.1.0, and what training on from them gives.

Run with that version installed: ``python tests/golden/make_archives.py``. Every later version must
read these files. 0.1.0 trained on to ``after.npz``, rounded as that version and its machine
round; later versions, whose bits are the same on every machine, train on to ``continued.npz``:
``python tests/golden/make_archives.py continue`` with one of them installed.

The data are small whole numbers over 64, which every machine represents exactly.
"""

import pickle
import sys
from pathlib import Path

import fanin
import numpy as np
from fanin import layers, optimizers

FOLDER = Path(__file__).with_name("archives_0_1_0")

X = ((np.arange(48 * 6) * 37) % 101 - 50).reshape(48, 6) / 64
CLASSES = (np.arange(48) * 5) % 3
TARGETS = ((np.arange(48) * 29) % 41 - 20).reshape(48, 1) / 16


def classifier(optimizer, rng):
    model = fanin.Sequential(
        [
            layers.Input(shape=(6,)),
            layers.Dense(8, activation="relu", kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.Dense(3, activation="softmax"),
        ],
        name="classifier",
        rng=rng,
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, CLASSES


def regression(optimizer, rng):
    model = fanin.Sequential(
        [
            layers.Dense(5, activation="tanh", input_dim=6, dtype="float64"),
            layers.Dense(1, dtype="float64"),
        ],
        name="regression",
        rng=rng,
    )
    model.compile(optimizer, "mse", metrics=["mae"])
    return model, TARGETS


def decay():
    return optimizers.schedules.ExponentialDecay(0.05, decay_steps=10, decay_rate=0.9)


# Each row: how the model is made, its optimizer, its rng.
TRAINED = {
    "adam": (classifier, lambda: optimizers.Adam(0.01), 3),
    "amsgrad": (classifier, lambda: optimizers.Adam(0.01, amsgrad=True, clipnorm=1.0), [3, 4]),
    "rmsprop": (
        classifier,
        lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        fanin.random.Stream(5, "here"),
    ),
    "sgd": (classifier, lambda: optimizers.SGD(0.05), 0),
    "momentum": (regression, lambda: optimizers.SGD(decay(), momentum=0.9, nesterov=True), 1),
    "adagrad": (regression, lambda: optimizers.Adagrad(0.05, weight_decay=0.01), 2),
}


def train(model, y, first, last):
    model.fit(X, y, batch_size=10, epochs=last, initial_epoch=first, verbose=0)


def bits(model):
    """All numbers of a model, one array after the other."""
    arrays = {"params": model.params, "state": model.state}
    if model.compiled:
        arrays |= {f"slots/{name}": slot for name, slot in model.slots.items()}
    return arrays


def make():
    after = {}
    for name, (build, optimizer, rng) in TRAINED.items():
        model, y = build(optimizer(), rng)
        train(model, y, 0, 2)
        model.save(FOLDER / f"{name}.npz")
        (FOLDER / f"{name}.pickle").write_bytes(pickle.dumps(model, protocol=4))
        train(model, y, 2, 4)
        after |= {f"{name}/{key}": array for key, array in bits(model).items()}
    model, y = classifier("adam", 7)
    model.save(FOLDER / "untrained.npz")
    train(model, y, 0, 1)
    after |= {f"untrained/{key}": array for key, array in bits(model).items()}
    model.save_weights(FOLDER / "weights.npz")
    after |= {"weights/params": model.params, "weights/state": model.state}
    model = fanin.Sequential([layers.Dense(2, input_dim=6)], rng=np.random.default_rng(0))
    model.save(FOLDER / "uncompiled.npz")
    after |= {"uncompiled/params": model.params, "uncompiled/state": model.state}
    np.savez(FOLDER / "after.npz", **after)


def go_on():
    """Train on from the files, as `make` did."""
    continued = {}
    for name in TRAINED:
        model = fanin.models.load_model(FOLDER / f"{name}.npz")
        train(model, CLASSES if model.name == "classifier" else TARGETS, 2, 4)
        continued |= {f"{name}/{key}": array for key, array in bits(model).items()}
    model = fanin.models.load_model(FOLDER / "untrained.npz")
    train(model, CLASSES, 0, 1)
    continued |= {f"untrained/{key}": array for key, array in bits(model).items()}
    np.savez(FOLDER / "continued.npz", **continued)


if __name__ == "__main__":
    if sys.argv[1:] == ["continue"]:
        sys.exit(go_on())
    if fanin.__version__ != "0.1.0":
        sys.exit(f"this is {fanin.__version__}; the files are those of 0.1.0")
    make()
