"""Data to train on: what scikit-learn ships, Fashion-MNIST, and made vectors, sequences and images.

Each set is a function that returns features and targets, unshuffled; `load` shuffles, standardizes
and takes a few hundred, so that a training is a matter of a second.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import fanin
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SAMPLES = 512
"""Of each set, at most."""


def _sklearn(name: str) -> tuple[Array, Array]:
    # Only these sets need it, so that CI does without.
    sets = importlib.import_module("sklearn.datasets")
    found: tuple[Array, Array] = getattr(sets, f"load_{name}")(return_X_y=True)
    return found


def _fashion() -> tuple[Array, Array]:
    """Return pictures of 14 x 14: means of 2 x 2 pixels of the embedded part of Fashion-MNIST."""
    (pictures, labels), _ = fanin.datasets.fashion_mnist.load_data("small")
    halves = pictures.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    return halves[..., None], labels


def _digits() -> tuple[Array, Array]:
    x, y = _sklearn("digits")
    return x.reshape(-1, 8, 8, 1), y


def _clouds() -> tuple[Array, Array]:
    """Return five clouds of points in 20 dimensions."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, SAMPLES)
    return 2 * rng.normal(size=(5, 20))[labels] + 1.5 * rng.normal(size=(SAMPLES, 20)), labels


def _rings() -> tuple[Array, Array]:
    """Return two rings around each other, among eight features."""
    rng = np.random.default_rng(2)
    points = rng.normal(size=(SAMPLES, 8))
    return points, (np.hypot(points[:, 0], points[:, 1]) > 1.2).astype(int)


def _waves() -> tuple[Array, Array]:
    """Return a smooth function of twelve features."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(SAMPLES, 12))
    directions = rng.normal(size=(12, 3)) / np.sqrt(12)
    return x, np.tanh(x @ directions).sum(axis=1) + 0.05 * rng.normal(size=SAMPLES)


def _bars() -> tuple[Array, Array]:
    """Return noisy pictures of 12 x 12 with a bar: lying, standing or slanting."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 4, SAMPLES)
    pictures = 0.3 * rng.normal(size=(SAMPLES, 12, 12, 1))
    along = np.arange(8)
    for picture, label, (row, column) in zip(
        pictures, labels, rng.integers(0, 4, (SAMPLES, 2)), strict=True
    ):
        rows = (np.zeros(8, int), along, along, along[::-1])[label]
        columns = (along, np.zeros(8, int), along, along)[label]
        picture[row + rows, column + columns] += 1
    return pictures, labels


def _tones() -> tuple[Array, Array]:
    """Return sequences of 16 steps, 6 features: a tone of one of four frequencies, and noise."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 4, SAMPLES)
    phase = rng.uniform(0, 2 * np.pi, (SAMPLES, 1, 6))
    steps = np.arange(16)[None, :, None]
    tones = np.sin(np.array([0.2, 0.6, 1.2, 2.2])[labels][:, None, None] * steps + phase)
    return tones + 0.2 * rng.normal(size=tones.shape), labels


def _words() -> tuple[Array, Array]:
    """Return texts of 20 words out of 60, about one of four subjects."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 4, SAMPLES)
    subjects = rng.dirichlet(np.full(60, 0.3), 4)
    return np.stack([rng.choice(60, 20, p=subjects[label]) for label in labels]), labels


_SETS: dict[str, Callable[[], tuple[Array, Array]]] = {
    "digits": _digits,
    "iris": functools.partial(_sklearn, "iris"),
    "wine": functools.partial(_sklearn, "wine"),
    "cancer": functools.partial(_sklearn, "breast_cancer"),
    "diabetes": functools.partial(_sklearn, "diabetes"),
    "fashion": _fashion,
    "clouds": _clouds,
    "rings": _rings,
    "waves": _waves,
    "bars": _bars,
    "tones": _tones,
    "words": _words,
}
BINARY = ("cancer", "rings")
REGRESSION = ("diabetes", "waves")
IMAGES = ("digits", "fashion", "bars")
SEQUENCES = ("tones",)
TOKENS = ("words",)
NEED_SKLEARN = ("digits", "iris", "wine", "cancer", "diabetes")
CLASSES = {
    "digits": 10, "iris": 3, "wine": 3, "cancer": 2, "fashion": 10, "clouds": 5, "rings": 2,
    "bars": 4, "tones": 4, "words": 4,
}  # fmt: skip
VOCABULARY = 60


@functools.cache
def raw(name: str) -> tuple[Array, Array]:
    """Return the first samples in a fixed shuffled order, as they were measured."""
    x, y = _SETS[name]()
    order = np.random.default_rng(0).permutation(len(x))[:SAMPLES]
    return x[order], y[order]


@functools.cache
def load(name: str) -> tuple[Array, Array]:
    """Return samples as networks want them: standardized, targets of regression too.

    Parameters
    ----------
    name : str
        A set.

    Returns
    -------
    x : ndarray of shape (n, ...)
        float32, features of vectors standardized one by one, pictures and sequences as a whole;
        int64 of shape (n, 20) for words.
    y : ndarray of shape (n,)
        int64 classes, or float32 of mean 0 and variance 1.
    """
    x, y = raw(name)
    if name not in TOKENS:
        axis = 0 if x.ndim == 2 else None
        spread = x.std(axis=axis)
        x = ((x - x.mean(axis=axis)) / np.where(spread > 0, spread, 1)).astype("float32")
    return x, _scaled(y) if name in REGRESSION else y.astype("int64")


def _scaled(y: Array) -> Array:
    scaled: Array = ((y - y.mean()) / y.std()).astype("float32")
    return scaled
