"""Why a network did not learn, read off its hidden layers."""

import numpy as np
from numpy.typing import NDArray

from fanin import layers, losses, models

_ROWS = 256
_FADED = 1e-3
_EXPLODED = 1e3


def explain(
    model: models.Sequential, x: NDArray[np.float32], y: NDArray[np.int64], start_loss: float
) -> str:
    """Say in one phrase why a trained network does no better than guessing.

    Parameters
    ----------
    model : Sequential
        The network, trained.
    x : ndarray of shape (rows, …)
        Rows to look at; the first 256 are used.
    y : ndarray of shape (rows,)
        Their classes.
    start_loss : float
        Loss before the first step.

    Returns
    -------
    str
        The phrase; empty if there is nothing striking to see.
    """
    x, y = x[:_ROWS], y[:_ROWS]
    if not start_loss < _EXPLODED:
        return f"the signal explodes: the loss starts at {start_loss:.0e}"
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        return "weights overflowed to NaN or infinity"
    hidden = [layer for layer in model.layers if isinstance(layer, layers.Dense)][:-1]
    same = [layer for layer in hidden if layer.units > 1 and _equal_columns(layer.kernel)]
    outputs = _last_hidden_outputs(model, x)
    spread = float((outputs.max(axis=0) - outputs.min(axis=0)).max(initial=0.0))
    who = "all hidden units are equal" if hidden and len(same) == len(hidden) else ""
    if spread == 0:
        dead = "no hidden unit responds to the input"
        cause = f"{who} and none responds to the input" if who else dead
        if _hidden_gradient_is_zero(model, hidden, x, y):
            return f"{cause}, so their weights get no gradient"
        return cause
    if who:
        return f"{who}, so a layer is worth a single unit"
    if same:
        return "the units of a hidden layer are all equal, so it is worth a single unit"
    if spread < _FADED:
        return f"the signal fades: the last hidden outputs vary by only {spread:.0e} over the rows"
    return ""


def _equal_columns(kernel: NDArray[np.float32]) -> bool:
    return bool((kernel == kernel[:, :1]).all())


def _last_hidden_outputs(model: models.Sequential, x: NDArray[np.float32]) -> NDArray[np.float32]:
    outputs = x
    for layer in model.layers[:-1]:
        outputs, _ = layer.forward(outputs, training=False)
    return outputs.reshape(len(x), -1)


def _hidden_gradient_is_zero(
    model: models.Sequential,
    hidden: list[layers.Dense],
    x: NDArray[np.float32],
    y: NDArray[np.int64],
) -> bool:
    outputs, cache = model.forward(x, training=False)
    _, gradient = losses.SparseCategoricalCrossentropy().value_and_gradient(y, outputs)
    _, gradients = model.backward(gradient, cache)
    return not any(gradients[f"{layer.name}/kernel"].any() for layer in hidden)
