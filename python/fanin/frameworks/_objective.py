"""What goes in at the outputs of a traced model: a loss's gradient, or a random direction."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fanin import initializers, losses
from fanin.frameworks._ending import UNKNOWN, Takes, takes_of
from fanin.losses import _targets
from fanin.losses._base import is_own, kind_of
from fanin.losses._own import value_and_gradient
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
    takes: Takes = UNKNOWN
    """What the loss takes the outputs for."""


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
    name = kind_of(chosen) or type(chosen).__name__
    takes = takes_of(chosen, np.asarray(y), outputs)
    value, dy = sum_gradient(chosen, y, outputs) if one is None else sum_gradient(one, y, before)
    return Objective(name, value, dy, one is not None, takes)


def sum_gradient(loss: losses.Loss, y: Any, outputs: Array) -> tuple[float, Array]:
    """Return a loss's mean, and the gradient of its sum over the samples."""
    if is_own(loss):
        dtype = outputs.dtype.name
        targets = _targets.prepare("y", y, kind_of(loss), outputs.shape, dtype)
        value, dy = value_and_gradient(loss, targets, outputs)
        return value, dy * dy.dtype.type(len(outputs))
    values, dy = loss.rows(y, outputs)
    return float(values.mean(dtype=np.float64)), dy


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
        "softmax": (
            "categorical_crossentropy",
            "categorical_focal_crossentropy",
            "sparse_categorical_crossentropy",
        ),
        "sigmoid": ("binary_crossentropy", "binary_focal_crossentropy"),
    }
    if is_own(loss) or loss.kind not in pairs.get(kind or "", ()):
        return None
    if loss.settings()["from_logits"]:
        return None
    return type(loss).from_config({**loss.get_config(), "from_logits": True})
