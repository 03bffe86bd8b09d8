"""Tables of houses, shuffled and split as Keras does it."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin import _checks

Part: TypeAlias = tuple[NDArray[Any], NDArray[Any]]


def split(path: Path, count: int | None, test_split: float, seed: int) -> tuple[Part, Part]:
    """Read the first `count` rows of a table, shuffle them and cut off the last as a test part."""
    with np.load(path, allow_pickle=False) as file:
        x, y = file["x"][:count], file["y"][:count]
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    cut = int(len(x) * (1 - test_split))
    return (x[:cut].copy(), y[:cut].copy()), (x[cut:].copy(), y[cut:].copy())


def check(test_split: float, seed: int) -> None:
    """Refuse what cannot be, before any file is looked for."""
    _checks.number("test_split", test_split, at_least=0.0, below=1.0)
    check_seed(seed)


def check_seed(seed: int) -> None:
    """Refuse what `numpy.random.RandomState` does not take."""
    if _checks.count("seed", seed, minimum=0) >= 2**32:
        raise ValueError(f"seed: expected an integer below 2**32, found {seed}")
