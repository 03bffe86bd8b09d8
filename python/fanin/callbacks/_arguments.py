"""Arguments that several callbacks take."""

import os

import numpy as np

from fanin import _checks
from fanin.optimizers import Optimizer


def verbosity(value: object) -> int:
    """Return how much a callback prints: 0, 1 or 2; True and False are 1 and 0."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    return _checks.integer("verbose", value, minimum=0, maximum=2)


def file(name: str, path: str) -> str:
    """Return the path of a file, if it is none of a folder."""
    if os.path.basename(path) in ("", ".", ".."):
        raise ValueError(f"{name}: expected the path of a file, found {path!r}")
    return path


def rate(owner: str, optimizer: Optimizer) -> float:
    """Return the learning rate that a callback is going to set."""
    found = optimizer.learning_rate
    if callable(found):
        raise ValueError(
            f"{owner}: expected an optimizer whose learning_rate is a number, found a schedule, "
            "which decides for itself"
        )
    return float(found)
