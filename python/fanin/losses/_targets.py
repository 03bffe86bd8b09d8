"""Targets: the form in which a loss or a metric compares them with a network's outputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import _checks
from fanin.errors import ShapeError

Array = NDArray[Any]

SPARSE = (
    "sparse_categorical_crossentropy",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
)
"""Kinds that take one integer class a row."""

_WITH_SPARSE = tuple(kind.removeprefix("sparse_") for kind in SPARSE)

PROBABILITIES = (
    "categorical_crossentropy",
    "binary_crossentropy",
    "categorical_focal_crossentropy",
    "binary_focal_crossentropy",
    # Metrics that count yes and no.
    *("auc", "precision", "recall", "f1_score", "fbeta_score"),
    *(f"{truth}_{side}" for truth in ("true", "false") for side in ("positives", "negatives")),
    *("sensitivity_at_specificity", "specificity_at_sensitivity"),
    *("precision_at_recall", "recall_at_precision"),
)
"""Kinds whose targets are probabilities."""

OF_CLASSES = ("categorical_crossentropy", "categorical_focal_crossentropy")
"""Those whose targets are one-hot, or distributions over classes."""


def width_of(shape: Sequence[int]) -> int:
    """Return how many outputs a row of samples of a shape has: one, where a sample is a number."""
    return shape[-1] if shape else 1


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
        The kind of loss or metric; "" for one of a user's, which takes any array with one entry a
        sample.
    outputs : tuple of int
        Shape of the outputs, with the batch axis.
    dtype : str
        dtype of the outputs.

    Returns
    -------
    ndarray
        int64 of shape ``outputs[:-1]`` for sparse kinds; for a user's, whole numbers as int64 and
        others as `dtype`, of the shape that they have; else `dtype` of shape `outputs`.
    """
    array = _checks.numeric(name, targets)
    if array.ndim == 0 or len(array) != outputs[0]:
        raise ShapeError(
            f"{name}: expected one entry for each of the {outputs[0]} samples, "
            f"found shape {array.shape}"
        )
    if len(outputs) == 1 and array.shape == (*outputs, 1) and kind not in SPARSE:
        array = array.reshape(outputs)  # of networks that make one number a sample
    if not kind:
        return _as_given(name, array, outputs, dtype)
    if kind in SPARSE:
        return _classes(name, array, kind, outputs)
    return _like_outputs(name, array, kind, outputs, dtype)


def _as_given(name: str, array: Array, outputs: tuple[int, ...], dtype: str) -> Array:
    if len(outputs) > 1 and outputs[-1] == 1 and array.shape == outputs[:-1]:
        array = array.reshape(outputs)
    if array.dtype.kind not in "iu":
        return _checks.floats(name, array, dtype)
    largest = np.iinfo(np.int64).max
    refuse_where(name, array, array > largest, f"whole numbers of at most {largest}")
    return np.require(array, dtype=np.int64, requirements=["C", "A"])


def _classes(name: str, array: Array, kind: str, outputs: tuple[int, ...]) -> Array:
    if len(outputs) == 1:
        raise ShapeError(
            f"{name}: expected outputs of several classes for {kind}, found one number a sample"
        )
    rows, classes = outputs[:-1], outputs[-1]
    if array.shape == outputs and classes > 1:
        raise ShapeError(
            f"{name}: expected one integer class a sample for {kind}, of shape {rows}, found shape "
            f"{array.shape}; one-hot targets fit {kind.removeprefix('sparse_')!r}"
        )
    if array.shape not in (rows, (*rows, 1)):
        raise ShapeError(
            f"{name}: expected shape {rows} for {kind} of outputs of shape {outputs}, "
            f"found shape {array.shape}"
        )
    array = array.reshape(rows)
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.floor(array))
        refuse_where(name, array, ~whole, "integer classes")
    # The ends alone tell that all is well, sooner than a comparison of each.
    if array.size and not (array.min() >= 0 and array.max() < classes):
        beyond = (array < 0) | (array >= classes)
        refuse_where(name, array, beyond, f"classes from 0 to {classes - 1}")
    return np.require(array, dtype=np.int64, requirements=["C", "A"])


def _like_outputs(
    name: str, array: Array, kind: str, outputs: tuple[int, ...], dtype: str
) -> Array:
    if len(outputs) > 1 and outputs[-1] == 1 and array.shape == outputs[:-1]:
        array = array.reshape(outputs)
    elif array.shape != outputs:
        hint = ""
        if kind.startswith("categorical") and array.shape in (outputs[:-1], (*outputs[:-1], 1)):
            one_hot = f"utils.to_categorical({name}, {outputs[-1]})"
            hint = f"; use {one_hot} for integer classes"
            if kind in _WITH_SPARSE:
                hint = f"; integer classes fit 'sparse_{kind}', or use {one_hot}"
        elif kind in OF_CLASSES and array.ndim == len(outputs):
            hint = f"; the network has {outputs[-1]} outputs, the targets {array.shape[-1]} classes"
        raise ShapeError(
            f"{name}: expected the shape of the outputs, {outputs}, for {kind}, "
            f"found shape {array.shape}{hint}"
        )
    if kind in PROBABILITIES:
        if kind in OF_CLASSES and (len(outputs) == 1 or outputs[-1] == 1):
            binary = kind.replace("categorical", "binary")
            raise ShapeError(
                f"{name}: expected several outputs for {kind}, found one, of which it is always 0; "
                f"use {binary!r} for two classes"
            )
        outside = ~((array >= 0) & (array <= 1)) & np.isfinite(array)
        refuse_where(name, array, outside, f"numbers from 0 to 1 for {kind}")
    return _checks.floats(name, array, dtype)


def refuse_where(name: str, array: Array, wrong: NDArray[np.bool_], expected: str) -> None:
    """Raise for the first element that is `wrong`, if there is one."""
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        index = ", ".join(map(str, where))
        raise ValueError(f"{name}: expected {expected}, found {array[where]} at [{index}]")


def weights(name: str, given: object, dtype: str) -> Array:
    """Return weights of samples: finite numbers of at least 0, since others climb the loss.

    Parameters
    ----------
    name : str
        What to call them in a message.
    given : array_like
        The weights, of any shape.
    dtype : str
        dtype of the result.

    Returns
    -------
    ndarray
        The weights.
    """
    array = _checks.floats(name, given, dtype)
    refuse_where(name, array, array < 0, "weights of at least 0")
    return array


def row_weights(name: str, given: object, rows: tuple[int, ...], dtype: str) -> Array:
    """Return one weight a row, given one a row or one a sample.

    Parameters
    ----------
    name : str
        What to call the weights in a message.
    given : array_like
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
    array = weights(name, given, dtype)
    if array.shape == (*rows, 1):
        array = array.reshape(rows)
    if array.shape == rows:
        return array
    if array.shape == rows[:1]:
        return array.reshape(rows[:1] + (1,) * (len(rows) - 1))
    raise ShapeError(f"{name}: expected shape {rows[:1]}, one weight a sample, found {array.shape}")
