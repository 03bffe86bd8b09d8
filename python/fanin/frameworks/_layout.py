"""The layouts of a kernel, and which of them a bare one has: what biases and neighbours tell."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

Shape: TypeAlias = tuple[int, ...]

LAYOUTS = ("in_out", "out_in")
"""``(..., inputs, outputs)``, as in fanin and Keras; ``(outputs, inputs, ...)``, as in torch."""

TRANSPOSED = "transposed"
"""``(..., outputs, inputs)``, as a transposed convolution's: no layout of a whole tree."""


def from_out_in(ndim: int) -> tuple[int, ...]:
    """Return the axes of a kernel ``(outputs, inputs, spatial...)`` in fanin's order.

    Torch's transposed convolutions, ``(inputs, outputs, spatial...)``, become fanin's by the same.

    Examples
    --------
    >>> from_out_in(4)
    (2, 3, 1, 0)
    """
    return (*range(2, ndim), 1, 0)


def to_out_in(shape: Shape) -> Shape:
    """Return the shape ``(outputs, inputs, spatial...)`` of a kernel that is shaped as in fanin.

    Examples
    --------
    >>> to_out_in((5, 5, 3, 8))
    (8, 3, 5, 5)
    """
    return (*shape[:-3:-1], *shape[:-2])


def readings(kernels: Sequence[tuple[str, Shape, Shape | None]]) -> list[str]:
    """Tell how each kernel of a tree is laid out.

    A bias has as many elements as there are outputs, which tells where the two axes differ. A
    kernel without such a bias is laid out as the others are; where nothing tells, as in fanin.

    Parameters
    ----------
    kernels : sequence of (name, shape, shape of the bias or None)
        In the order of the model.

    Returns
    -------
    list of str
        One of `LAYOUTS` or `TRANSPOSED` for each.

    Raises
    ------
    ValueError
        If a kernel may be either, and nothing decides.

    Examples
    --------
    >>> readings([("W1", (400, 1000), (400, 1)), ("W2", (400, 400), (400, 1))])
    ['out_in', 'out_in']
    """
    told = [_by_bias(name, shape, bias) for name, shape, bias in kernels]
    votes = {reading for reading in told if reading in LAYOUTS}
    if not votes:
        _refuse_chain([(name, shape) for name, shape, _ in kernels])
    usual = "out_in" if votes == {"out_in"} else "in_out"
    for (name, shape, _), reading in zip(kernels, told, strict=True):
        if reading is None and len(votes) > 1 and not _is_square(shape):
            raise ValueError(
                f"model: expected kernels of a layout that biases tell, found {name} of shape "
                f"{shape}, which may be (inputs, outputs) or (outputs, inputs), since the biases "
                "of other kernels show both; give layout='in_out' or layout='out_in'"
            )
    return [reading or usual for reading in told]


def _by_bias(name: str, shape: Shape, bias: Shape | None) -> str | None:
    """Return the layout that a bias shows; None if it shows none, or there is none."""
    if not bias or len(shape) < 2 or max(bias) != math.prod(bias):
        return None  # no bias, or one of several axes, as of heads
    outputs = max(bias)
    places = {"in_out": shape[-1], "out_in": shape[0]}
    found = [layout for layout, size in places.items() if size == outputs]
    if found or len(shape) == 2:
        first = found[0] if len(found) == 1 else None
        if first == "out_in" and len(shape) > 2 and shape[-2] == outputs:
            raise ValueError(
                f"model: expected kernels of a layout that biases tell, found {name} of shape "
                f"{shape} with a bias of {outputs}, which may be (outputs, inputs, ...) or (..., "
                "outputs, inputs); give layout='out_in', or layout='in_out' and a rule with an "
                "initializer of transposed=True"
            )
        return first
    return TRANSPOSED if shape[-2] == outputs else None


def _is_square(shape: Shape) -> bool:
    return len(shape) == 2 and shape[0] == shape[1]


def _refuse_chain(kernels: Sequence[tuple[str, Shape]]) -> None:
    """Refuse kernels that follow one another only if they are not laid out as in fanin."""
    if len(kernels) < 2 or any(len(shape) != 2 for _, shape in kernels):
        return
    pairs = [(one, other) for (_, one), (_, other) in pairwise(kernels)]
    ours = all(one[1] == other[0] for one, other in pairs)
    theirs = all(one[0] == other[1] for one, other in pairs)
    if theirs and not ours:
        listed = ", ".join(f"{name} {shape}" for name, shape in kernels[:4])
        raise ValueError(
            f"model: expected kernels (inputs, outputs), found {listed}, which follow one another "
            "as (outputs, inputs) only, and no bias decides; give layout='out_in' if they do, "
            "layout='in_out' if these layers do not follow one another, or order= if they follow "
            "in another order"
        )


def matrix_biases(rows: Iterable[Sequence[Shape]]) -> list[set[int]]:
    """Find the biases among matrices without names: ``(units, 1)`` or ``(1, units)``.

    Parameters
    ----------
    rows : iterable of sequences of shapes
        Arrays side by side, in their order.

    Returns
    -------
    list of sets of int
        For each row, the places of matrices that belong to the kernel before.

    Examples
    --------
    >>> matrix_biases([[(400, 1000), (400, 1), (10, 400), (10, 1)]])
    [{1, 3}]
    >>> matrix_biases([[(3, 4), (4, 1)]])
    [set()]
    """
    held = [list(row) for row in rows]
    seen: set[str] = set()
    # Twice: after a square kernel (units, 1) may be a kernel too, unless others are biases so.
    for _ in range(2):
        found = [_matrix_biases(row, seen) for row in held]
    return found


def _matrix_biases(row: list[Shape], seen: set[str]) -> set[int]:
    found: set[int] = set()
    for place in range(1, len(row)):
        kernel, shape = row[place - 1], row[place]
        if place - 1 in found or len(kernel) != 2 or len(shape) != 2:
            continue
        sides = [
            side
            for side, bias in (("column", (kernel[0], 1)), ("row", (1, kernel[1])))
            if shape == bias
        ]
        if sides and (not _is_square(kernel) or shape == (1, 1) or seen.issuperset(sides)):
            found.add(place)
            if not _is_square(kernel) and shape != (1, 1):
                seen.update(sides)
    return found
