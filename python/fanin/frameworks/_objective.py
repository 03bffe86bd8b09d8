"""What goes in at the outputs of a traced model: a loss's gradient, or a random direction."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fanin import initializers, losses
from fanin.random import Stream

Array = NDArray[Any]


def random_direction(outputs: Array) -> Array:
    """Return the gradient of a random linear function of the outputs, always the same one."""
    normal = initializers.RandomNormal(0.0, 1.0)
    return normal(outputs.shape, outputs.dtype, rng=Stream(0, "diagnose"))


class Objective(NamedTuple):
    """What a model's gradients are of."""

    loss: str
    """Its name; empty for a random direction of the outputs."""
    value: float | None
    """Its mean over the samples."""
    gradient: Array
    """Of each sample's own, with respect to the outputs."""
    before_activation: bool
    """Whether it is with respect to what the last activation gets: where loss and activation are
    one formula, which is exact where probabilities underflow."""


def objective(
    y: Any, loss: losses.Loss | None, before: Array, outputs: Array, activation: Any
) -> Objective:
    """Return what goes in at the outputs, or at what the last activation got, `before`.

    Without targets that is a random direction; a loss that is None is one that fits them.
    """
    if y is None:
        return Objective("", None, random_direction(outputs), False)
    chosen = loss or fitting_loss(y, outputs.shape, activation)
    one = before_activation(chosen, activation)
    values, dy = chosen.rows(y, outputs) if one is None else one.rows(y, before)
    return Objective(chosen.kind, float(values.mean(dtype=np.float64)), dy, one is not None)


def fitting_loss(y: Any, shape: tuple[int, ...], activation: Any) -> losses.Loss:
    """Return a loss for these targets and outputs."""
    kind = None if activation is None else activation["kind"]
    array = np.asarray(y)
    classes = array.dtype.kind in "iub" and array.size == math.prod(shape[:-1])
    if kind == "sigmoid":
        return losses.BinaryCrossentropy()
    if shape[-1] > 1 and classes:
        return losses.SparseCategoricalCrossentropy(from_logits=kind != "softmax")
    if kind == "softmax":
        return losses.CategoricalCrossentropy()
    return losses.MeanSquaredError()


def before_activation(loss: losses.Loss, activation: Any) -> losses.Loss | None:
    """Return the loss as a function of what goes into the last activation, if it is one formula."""
    kind = None if activation is None else activation["kind"]
    pairs = {
        "softmax": ("categorical_crossentropy", "sparse_categorical_crossentropy"),
        "sigmoid": ("binary_crossentropy",),
    }
    if loss.kind not in pairs.get(kind or "", ()) or loss.settings()["from_logits"]:
        return None
    return type(loss).from_config({**loss.get_config(), "from_logits": True})
