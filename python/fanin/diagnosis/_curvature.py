"""How sharply the loss curves, and what that leaves a learning rate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.frameworks._open import training_of
from fanin.initializers import RandomNormal
from fanin.random import Stream
from fanin.show.results import Result

Array = NDArray[Any]

_SAMPLES = 256
_STEPS = 12
_CONVERGED = 0.1


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
    residual : float
        How far the direction is from an eigenvector, ``|H v - sharpness v| / |sharpness|``: some
        eigenvalue is within this share of `sharpness` (a Hessian is symmetric).
    """

    sharpness: float
    learning_rate: float
    limit: float
    residual: float

    @property
    def converged(self) -> bool:
        """Whether the power iteration has come to an eigenvalue, to a tenth of its size.

        It does not where rounding, or kinks of the activations, are larger than the curvature: what
        it gives there depends on the machine.
        """
        return self.residual <= _CONVERGED


def curvature(model: Any, arrays: Any, x: Any, y: Any, loss: Any) -> Curvature | None:
    """Measure the curvature along its steepest direction, for a network compiled with SGD.

    Parameters
    ----------
    model : Sequential, torch.nn.Module or keras.Model
        Built; it does not change.
    arrays : tuple of ndarray or None
        Those of the trace that is diagnosed, as `Trace` has them.
    x : array_like of shape (n, ...)
        A batch.
    y : array_like or None
        Its targets.
    loss : str, Loss or None
        As for `fanin.diagnose`.

    Returns
    -------
    Curvature or None
        None without targets; for models that are not trained by this package, or by another
        optimizer, whose steps are not the gradient's; and for what is not finite.
    """
    training = None if y is None else training_of(model)
    descent = None if training is None else training.descent(model, arrays, x, y, loss, _SAMPLES)
    if descent is None:
        return None
    params = descent.params
    direction = RandomNormal(0.0, 1.0)(params.shape, params.dtype, rng=Stream(0, "curvature"))
    step = 1e-3 * max(1.0, float(np.linalg.norm(params)))
    value, residual = 0.0, float("inf")
    for _ in range(_STEPS):
        length = float(np.linalg.norm(direction))
        if not np.isfinite(length) or length == 0:
            return None
        direction = direction / length
        ahead, behind = (
            descent.gradient(params + sign * step * direction).astype(float) for sign in (1, -1)
        )
        product = (ahead - behind) / (2 * step)
        value = float(direction @ product)
        left = float(np.linalg.norm(product - value * direction))
        residual = left / abs(value) if value else float("inf")
        direction = product
        if residual <= _CONVERGED / 100:
            break
    if not np.isfinite(value):
        return None
    limit = 2 * (1 + descent.momentum) / value if value > 0 else float("inf")
    return Curvature(value, descent.learning_rate, limit, residual)
