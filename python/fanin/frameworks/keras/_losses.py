"""Losses that users write over Keras's own operations, and their gradients by its backend."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def own_loss(function: Callable[..., Any]) -> Any:
    """Return a loss of a user's as one with `value_and_gradient`, under its own name.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)``, over `keras.ops` or what the backend has, of each sample or of
        all; the mean counts, as in `fit`.
    """
    name = str(getattr(function, "__name__", type(function).__name__))
    made: Any = type(name, (_OwnLoss,), {})
    return made(function)


class _OwnLoss:
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def value_and_gradient(self, y_true: Any, y_pred: Any) -> tuple[float, Array]:
        """Return the mean loss, and its gradient with respect to the outputs."""
        wanted = keras.ops.convert_to_tensor(np.asarray(y_true))
        given = np.asarray(y_pred)

        def mean(outputs: Any) -> Any:
            return keras.ops.mean(self._function(wanted, outputs))

        value, gradient = _BACKENDS[keras.backend.backend()](mean, given)
        return value, np.asarray(gradient, given.dtype)


def _by_torch(mean: Callable[[Any], Any], given: Array) -> tuple[float, Array]:
    import torch

    with torch.enable_grad():
        outputs = torch.from_numpy(given.copy()).requires_grad_()
        value = mean(outputs)
        if not value.requires_grad:
            return float(value), np.zeros_like(given)
        (gradient,) = torch.autograd.grad(value, [outputs])
    return float(value.detach()), gradient.numpy()


def _by_jax(mean: Callable[[Any], Any], given: Array) -> tuple[float, Array]:
    import jax

    value, gradient = jax.value_and_grad(mean)(keras.ops.convert_to_tensor(given))
    return float(value), np.asarray(gradient)


def _by_tensorflow(mean: Callable[[Any], Any], given: Array) -> tuple[float, Array]:
    import tensorflow as tf

    outputs = tf.convert_to_tensor(given)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        value = mean(outputs)
    return float(value), tape.gradient(value, outputs).numpy()


_BACKENDS = {"torch": _by_torch, "jax": _by_jax, "tensorflow": _by_tensorflow}
