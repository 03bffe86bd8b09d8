"""What a user has before them: a model, data, a loss and an optimizer of the framework."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exam.network import Network, Part

Array = NDArray[Any]
Change = Callable[[Array], Array]
"""From an array to what takes its place; of a kernel the units are on the last axis."""

BATCH = 128
"""Samples that a diagnosis gets."""


@dataclass
class Session:
    """The names of the user's program."""

    network: Network
    model: Any
    x: Any
    y: Any
    loss: Any
    optimizer: Any


def fused(parts: tuple[Part, ...]) -> list[Part]:
    """Give activations to the layers before them, as users of Keras write it."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        # What comes twice is written twice: softmax behind softmax, say.
        if (
            part.what == "act"
            and last
            and last.what in ("dense", "conv", "conv1d")
            and "act" not in last.options
        ):
            found[-1] = replace(last, options={**last.options, "act": part.options["kind"]})
        else:
            found.append(part)
    return found


def clean(losses: Any) -> list[float]:
    """Return losses of epochs as numbers, infinity for what is none."""
    return [float(loss) if np.isfinite(loss) else float("inf") for loss in losses]
