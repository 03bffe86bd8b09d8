"""Why a network did not learn, read off its hidden layers."""

import numpy as np
from numpy.typing import NDArray

from fanin import layers, losses, models
from fanin._checks import FloatArray

_ROWS = 256
_FADED = 1e-3
_EXPLODED = 1e3


def signal_spread(model: models.Sequential, x: NDArray[np.float32]) -> float:
    """Measure how much of the input arrives at the last hidden layer.

    Parameters
    ----------
    model : Sequential
        The network.
    x : ndarray of shape (rows, …)
        Rows to look at; the first 256 are used.

    Returns
    -------
    float
        The widest range over the rows of any unit's output: 0 if none responds to the input.
    """
    outputs: FloatArray = x[:_ROWS]
    for layer in model.layers[:-1]:
        outputs, _ = layer.forward(outputs, training=False)
    outputs = outputs.reshape(len(outputs), -1)
    return float((outputs.max(axis=0) - outputs.min(axis=0)).max(initial=0.0))


def explain(
    model: models.Sequential,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    start_loss: float,
    start_spread: float,
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
    start_loss, start_spread : float
        Loss and `signal_spread` before the first step.

    Returns
    -------
    str
        The phrase; empty if there is nothing striking to see.
    """
    if not start_loss < _EXPLODED:
        return f"the signal explodes: the loss starts at {start_loss:.0e}"
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        return "weights overflowed to NaN or infinity"
    if 0 < start_spread < _FADED:
        return (
            "the signal fades on its way: before training the last hidden outputs "
            f"varied by only {start_spread:.0e}"
        )
    hidden = [layer for layer in model.layers if isinstance(layer, layers.Dense)][:-1]
    same = [layer for layer in hidden if layer.units > 1 and _equal_columns(layer.kernel)]
    everywhere = bool(hidden) and len(same) == len(hidden)
    if signal_spread(model, x) == 0:
        cause = "all hidden units are equal and none" if everywhere else "no hidden unit"
        silent = f"{cause} responds to the input"
        if _hidden_gradient_is_zero(model, hidden, x[:_ROWS], y[:_ROWS]):
            return f"{silent}, so their weights get no gradient"
        return silent
    if same:
        which = "all hidden units" if everywhere else "the units of a hidden layer"
        return f"{which} are equal, so a layer is worth a single unit"
    return ""


def _equal_columns(kernel: FloatArray) -> bool:
    return bool((kernel == kernel[:, :1]).all())


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
