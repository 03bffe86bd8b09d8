"""What goes in at the outputs of a traced model: a loss's gradient, or a random direction."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import initializers, losses
from fanin.models._chain import Chain as Network
from fanin.random import Stream

Array = NDArray[Any]


def random_direction(outputs: Array) -> Array:
    """Return the gradient of a random linear function of the outputs, always the same one."""
    normal = initializers.RandomNormal(0.0, 1.0)
    return normal(outputs.shape, outputs.dtype, rng=Stream(0, "diagnose"))


def loss_gradient(
    y: Any, loss: losses.Loss | None, before: Array, outputs: Array, activation: Any
) -> tuple[str, float, Array, bool]:
    """Return a loss's name, its mean, and the gradient of each sample's own.

    The gradient is with respect to the outputs; or, and then the last value is True, to what the
    last activation gets, `before`: where loss and activation are one formula, which is exact where
    probabilities underflow.
    """
    chosen = loss or fitting_loss(y, outputs.shape, activation)
    one = before_activation(chosen, activation)
    values, dy = chosen.rows(y, outputs) if one is None else one.rows(y, before)
    return chosen.kind, float(values.mean(dtype=np.float64)), dy, one is not None


def chosen_before(network: Network, loss: Any) -> losses.Loss | None:
    """Return the loss that was asked for, or is compiled."""
    if loss is not None:
        return losses.resolve(loss)
    compiled = getattr(network, "_compiled", None)
    return None if compiled is None else compiled.loss


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
