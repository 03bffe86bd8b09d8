"""Whole numbers that are looked up: checked as they were given, before anything is computed."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fanin import _checks

if TYPE_CHECKING:
    from fanin import _core
    from fanin.layers._base import Layer


def refuse_others(name: str, x: Any, below: int, layer: str, places: slice = slice(None)) -> None:
    """Refuse what is no whole number from 0 to ``below - 1``, at some places of each sample.

    What was given is looked at, not what it becomes in the network's dtype: 0.9999999999 is 1 in
    float32.

    Parameters
    ----------
    name : str
        The argument's name.
    x : array_like of shape (n, ...)
        The samples as they were given; their shape was checked.
    below : int
        The number that all are below.
    layer : str
        The name of the layer that looks them up.
    places : slice
        Which of the numbers of a sample, counted in row-major order.

    Raises
    ------
    ValueError
        If a number is another; the message names the first of them, and where it is.

    Examples
    --------
    >>> refuse_others("x", [[1, 2], [0, -1]], 3, "embedding")
    Traceback (most recent call last):
        ...
    ValueError: x: expected whole numbers from 0 to 2 for layer 'embedding', found -1 at [1, 1]
    """
    array = _checks.numeric(name, x)
    if not array.size:
        return
    numbers = array.reshape(len(array), -1)[:, places]
    wrong = ~((numbers >= 0) & (numbers < below))
    if numbers.dtype.kind == "f":
        wrong |= numbers != np.floor(numbers)
    if wrong.any():
        row, column = (int(at) for at in np.argwhere(wrong)[0])
        first, _, _ = places.indices(math.prod(array.shape[1:]))
        axes = array.shape[1:]
        inside = [int(at) for at in np.unravel_index(first + column, axes)] if axes else []
        where = ", ".join(map(str, (row, *inside)))
        raise ValueError(
            f"{name}: expected whole numbers from 0 to {below - 1} for layer {layer!r}, found "
            f"{numbers[row, column]} at [{where}]"
        )


def refuse_in_samples(
    given: Sequence[tuple[str, Any, tuple[int, ...]]],
    plan: "_core.Plan",
    layers: "Sequence[Layer]",
) -> None:
    """Refuse samples of which a network could not look up what it does; see `refuse_others`.

    Parameters
    ----------
    given : sequence of (name, array_like, shape)
        The inputs as they were given, and the shape of a sample of each.
    plan : Plan
        That of the network.
    layers : sequence of Layer
        Its layers.
    """
    start = 0
    for name, x, shape in given:
        end = start + math.prod(shape)
        for layer, below, parts in plan.lookups:
            for first, last in parts or ():
                if first < end and last > start:
                    places = slice(max(first, start) - start, min(last, end) - start)
                    refuse_others(name, x, below, layers[layer].name, places)
        start = end


def refuse_computed(plan: "_core.Plan", layers: "Sequence[Layer]") -> None:
    """Refuse a network that computes what it looks up, which nobody can check before."""
    for layer, _, parts in plan.lookups:
        if parts is None:
            raise ValueError(
                f"layer {layers[layer].name!r}: expected numbers of the network's inputs, which "
                "are checked before anything is computed, found what another layer computes"
            )
