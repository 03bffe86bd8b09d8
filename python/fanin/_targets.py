"""Targets: the form in which a loss or a metric compares them with a network's outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import _checks
from fanin.errors import ShapeError

Array = NDArray[Any]

SPARSE = ("sparse_categorical_crossentropy", "sparse_categorical_accuracy")
"""Kinds that take one integer class a row."""

PROBABILITIES = ("categorical_crossentropy", "binary_crossentropy")
"""Kinds whose targets are probabilities."""


def prepare(name: str, targets: object, kind: str, outputs: tuple[int, ...], dtype: str) -> Array:
    """Return `targets` as the core compares them with outputs of shape `outputs`.

    Parameters
    ----------
    name : str
        What to call the targets in a message.
    targets : array_like
        One class a row (sparse kinds), otherwise an array like the outputs. As in Keras, a last
        axis of length 1 may be missing or superfluous.
    kind : str
        The kind of loss or metric.
    outputs : tuple of int
        Shape of the outputs, with the batch axis.
    dtype : str
        dtype of the outputs.

    Returns
    -------
    ndarray
        int64 of shape ``outputs[:-1]`` for sparse kinds, else `dtype` of shape `outputs`.
    """
    array = _checks.numeric(name, targets)
    if array.ndim == 0 or len(array) != outputs[0]:
        raise ShapeError(
            f"{name} must have one entry for each of the {outputs[0]} samples, "
            f"got shape {array.shape}"
        )
    if kind in SPARSE:
        return _classes(name, array, kind, outputs)
    return _like_outputs(name, array, kind, outputs, dtype)


def _classes(name: str, array: Array, kind: str, outputs: tuple[int, ...]) -> Array:
    rows, classes = outputs[:-1], outputs[-1]
    if array.shape == outputs and classes > 1:
        raise ShapeError(
            f"{kind} expects one integer class per sample, of shape {rows}, but {name} has shape "
            f"{array.shape}: one-hot targets fit {kind.removeprefix('sparse_')!r}"
        )
    if array.shape not in (rows, (*rows, 1)):
        raise ShapeError(
            f"{kind} expects {name} of shape {rows} for outputs of shape {outputs}, "
            f"got shape {array.shape}"
        )
    array = array.reshape(rows)
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.floor(array))
        _refuse(name, array, ~whole, "must hold integer classes")
    _refuse(
        name, array, (array < 0) | (array >= classes), f"must hold classes from 0 to {classes - 1}"
    )
    return np.require(array, dtype=np.int64, requirements=["C", "A"])


def _like_outputs(
    name: str, array: Array, kind: str, outputs: tuple[int, ...], dtype: str
) -> Array:
    if outputs[-1] == 1 and array.shape == outputs[:-1]:
        array = array.reshape(outputs)
    elif array.shape != outputs:
        hint = ""
        if kind.startswith("categorical") and array.shape in (outputs[:-1], (*outputs[:-1], 1)):
            hint = (
                f": integer classes fit 'sparse_{kind}', "
                f"or use utils.to_categorical({name}, {outputs[-1]})"
            )
        elif kind == "categorical_crossentropy" and array.ndim == len(outputs):
            hint = f": the network has {outputs[-1]} outputs, the targets {array.shape[-1]} classes"
        raise ShapeError(
            f"{kind} expects {name} of the shape of the outputs, {outputs}, "
            f"got shape {array.shape}{hint}"
        )
    if kind in PROBABILITIES:
        if kind == "categorical_crossentropy" and outputs[-1] == 1:
            raise ShapeError(
                "categorical_crossentropy of a single output is always 0: "
                "use 'binary_crossentropy' for two classes"
            )
        outside = ~((array >= 0) & (array <= 1)) & np.isfinite(array)
        _refuse(name, array, outside, f"must be between 0 and 1 for {kind}")
    return _checks.floats(name, array, dtype)


def _refuse(name: str, array: Array, wrong: NDArray[np.bool_], expected: str) -> None:
    """Raise for the first element that is `wrong`, if there is one."""
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        index = ", ".join(map(str, where))
        raise ValueError(f"{name} {expected}, but {name}[{index}] is {array[where]}")


def row_weights(name: str, weights: object, rows: tuple[int, ...], dtype: str) -> Array:
    """Return one finite weight a row, given one a row or one a sample.

    Parameters
    ----------
    name : str
        What to call the weights in a message.
    weights : array_like
        Of shape `rows`, ``(*rows, 1)``, or ``rows[:1]``.
    rows : tuple of int
        Shape of the rows: that of the outputs without the last axis.
    dtype : str
        dtype of the result.

    Returns
    -------
    ndarray
        Broadcastable against an array of shape `rows`.
    """
    array = _checks.floats(name, weights, dtype)
    if array.shape == (*rows, 1):
        array = array.reshape(rows)
    if array.shape == rows:
        return array
    if array.shape == rows[:1]:
        return array.reshape(rows[:1] + (1,) * (len(rows) - 1))
    raise ShapeError(f"{name} must have shape {rows[:1]}, one weight a sample, got {array.shape}")
