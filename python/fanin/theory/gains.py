"""Gains: what weights must be multiplied by so that an activation keeps the scale of signals."""

import math
from typing import TYPE_CHECKING

import numpy as np

from fanin import _checks
from fanin._checks import unknown
from fanin.initializers._gains import TORCH_GAINS, torch_gain
from fanin.theory.nonlinearity import Function, Nonlinearity, resolve
from fanin.theory.quadrature import expectation, slope_at

if TYPE_CHECKING:
    from fanin.typing import NonlinearityLike

_MODES = ("forward", "backward", "torch")


def gain(
    activation: "NonlinearityLike | None",
    mode: str = "forward",
    *,
    derivative: Function | None = None,
    **params: float,
) -> float:
    """Return the gain of an activation: weights of variance ``gain**2 / fan`` keep the scale.

    With pre-activations of mean 0 and variance 1, fan-in and the forward gain keep the variance of
    pre-activations from layer to layer [1]_; fan-out and the backward gain keep that of gradients.

    Parameters
    ----------
    activation : str, callable, dict, layer or None
        A name, an activation of `fanin.activations`, an activation layer, or any function that
        takes an array and returns one of the same shape. Besides the names of
        `fanin.activations`: sin.
    mode : {"forward", "backward", "torch"}, default "forward"
        ``1 / sqrt(E φ(z)²)``, ``1 / sqrt(E φ'(z)²)`` with z standard normal, or the table of
        torch's ``nn.init.calculate_gain``.
    derivative : callable, optional
        The derivative of a function of one's own, for the backward gain. Without it the derivative
        is taken from the values, piece by piece between bends.
    **params
        Options of a named activation: ``negative_slope``, ``alpha``, ``approximate``. torch's
        table knows ``negative_slope`` (0.01 unless given).

    Returns
    -------
    float
        To 1e-9, relative, for names and for functions whose derivative is given or not needed; a
        backward gain from values alone to 1e-6.

    Raises
    ------
    ValueError
        If a name is not known, the mean does not exist or does not converge, the activation is 0
        everywhere, or, backward, the function jumps.
    ShapeError
        If the function returns another shape than it is given.
    TypeError
        If `activation` is neither a name nor callable.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> round(gain("relu"), 6), round(gain("relu", "backward"), 6)
    (1.414214, 1.414214)
    >>> round(gain("gelu"), 6), round(gain("tanh"), 6), round(gain("tanh", "torch"), 6)
    (1.53353, 1.592537, 1.666667)
    >>> import numpy as np
    >>> round(gain(lambda x: np.maximum(x, 0) ** 2), 6)
    0.816497
    """
    if isinstance(mode, str) and mode not in _MODES:
        raise unknown("mode", mode, _MODES)
    _checks.one_of("mode", mode, _MODES)
    if mode == "torch":
        if derivative is not None:
            raise ValueError("derivative: expected None for torch's table, found a function")
        return _torch_gain(activation, **params)
    phi = resolve(activation, derivative, **params)
    second = mean_square(phi) if mode == "forward" else mean_square_slope(phi)
    if second == 0:
        what = "activation" if mode == "forward" else "derivative of activation"
        raise ValueError(
            f"{what}: expected one that is not 0 everywhere, found {phi.name!r}: there is no gain"
        )
    return 1 / math.sqrt(second)


def mean_square(phi: Nonlinearity, q: float = 1.0) -> float:
    """Return E φ(√q z)² for a standard normal z, to 1e-11."""
    return expectation(
        lambda x, half: np.square(phi.value(x)),
        q,
        bends=phi.bends,
        what=f"the second moment of activation {phi.name!r}",
    )


def mean_square_slope(phi: Nonlinearity, q: float = 1.0) -> float:
    """Return E φ'(√q z)² for a standard normal z: to 1e-11, or 1e-6 where φ' is not given."""
    if phi.jumps:
        raise ValueError(
            f"activation: expected a continuous one, found {phi.name!r}, which jumps: its "
            "derivative has no second moment; give derivative= if another one is meant"
        )
    return expectation(
        lambda x, half: np.square(slope_at(phi, x, half)),
        q,
        bends=phi.bends,
        tolerance=1e-11 if phi.slope is not None else 1e-7,
        what=f"the second moment of the derivative of activation {phi.name!r}",
    )


def _torch_gain(activation: "NonlinearityLike | None", **params: float) -> float:
    """Look into the table of torch's ``calculate_gain``."""
    name = getattr(activation, "__name__", activation)
    if not isinstance(name, str) or name not in TORCH_GAINS:
        raise unknown("activation in torch's table of gains", name, TORCH_GAINS)
    allowed = {"negative_slope"} if name == "leaky_relu" else set()
    if extra := params.keys() - allowed:
        raise TypeError(
            f"options of torch's gain of {name!r}: expected "
            f"{'negative_slope' if allowed else 'none'}, found {', '.join(sorted(extra))}"
        )
    return torch_gain(name, **params)
