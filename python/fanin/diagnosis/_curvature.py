"""How sharply the loss curves, and what that leaves a learning rate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import _core, optimizers
from fanin.frameworks._objective import chosen_before, fitting_loss
from fanin.initializers import RandomNormal
from fanin.layers._network import Network
from fanin.models import Sequential
from fanin.random import Stream
from fanin.show.results import Result

Array = NDArray[Any]

_SAMPLES = 256
_STEPS = 12


@dataclass(frozen=True, repr=False)
class Curvature(Result):
    """The largest curvature of the loss where the network is.

    Attributes
    ----------
    sharpness : float
        Largest eigenvalue of the Hessian of the batch's mean loss (of up to 256 samples), by power
        iteration.
    learning_rate : float
        That of the optimizer's first step.
    limit : float
        Gradient descent diverges in a quadratic of this curvature above this rate:
        ``2 (1 + momentum) / sharpness``; infinite where the loss does not curve up.
    """

    sharpness: float
    learning_rate: float
    limit: float


def curvature(model: Sequential, x: Array, y: Any, loss: Any) -> Curvature | None:
    """Measure the curvature along its steepest direction, for a network compiled with SGD.

    Parameters
    ----------
    model : Sequential
        Built; it does not change.
    x : ndarray of shape (n, ...)
        A batch, in the network's dtype.
    y : array_like
        Its targets.
    loss : str, Loss or None
        As for `fanin.diagnose`.

    Returns
    -------
    Curvature or None
        None for other optimizers, whose steps are not the gradient's, and for what is not finite.
    """
    optimizer = model.optimizer
    if not isinstance(optimizer, optimizers.SGD):
        return None
    gradient = _gradient(model, x[:_SAMPLES], np.asarray(y)[:_SAMPLES], loss)
    direction = RandomNormal(0.0, 1.0)(model.params.shape, model.dtype, rng=Stream(0, "curvature"))
    step = 1e-3 * max(1.0, float(np.linalg.norm(model.params)))
    value = 0.0
    for _ in range(_STEPS):
        length = float(np.linalg.norm(direction))
        if not np.isfinite(length) or length == 0:
            return None
        direction = direction / length
        ahead = gradient(model.params + step * direction)
        product = (ahead - gradient(model.params - step * direction)) / (2 * step)
        value = float(direction @ product)
        direction = product
    if not np.isfinite(value):
        return None
    rate = float(optimizer.learning_rates(0, 1)[0])
    limit = 2 * (1 + optimizer.momentum) / value if value > 0 else float("inf")
    return Curvature(value, rate, limit)


def _gradient(model: Sequential, x: Array, y: Any, loss: Any) -> Any:
    """Return the function from all parameters to the gradient of the mean loss."""
    plan, state = model.ready(), model.state
    outputs = _core.predict(Network(plan, model.params, state), x[:1], 1)
    last = model.layers[-1].settings().get("activation")
    aim = chosen_before(model, loss) or fitting_loss(y, (len(x), *outputs.shape[1:]), last)

    passed: Any = None

    def gradient(params: Array) -> Array:
        nonlocal passed
        at = params.astype(model.dtype, copy=False)
        # One mask of Dropout for all: a loss that changes at random has no curvature.
        passed = outputs, cache = plan.forward(at, state.copy(), x, True, None, 0, passed)
        _, dy = aim.rows(y, outputs)
        return plan.backward(at, cache, dy / np.asarray(len(x), dy.dtype), None)[1].astype(float)

    return gradient
