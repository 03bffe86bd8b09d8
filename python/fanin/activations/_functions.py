"""The activation functions."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks, _core
from fanin._checks import FloatArray


def relu(
    x: ArrayLike,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> FloatArray:
    """Rectified linear unit, ``max(x, 0)`` [1]_.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape. float64 stays float64; everything else becomes float32.
    negative_slope : float, default 0.0
        Slope up to the threshold; other than 0 makes this `leaky_relu`.
    max_value : float, optional
        The largest value, at least 0.
    threshold : float, default 0.0
        Up to there the value is ``negative_slope * (x - threshold)``; at least 0.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Raises
    ------
    ValueError
        If `max_value` or `threshold` is below 0, or `negative_slope` is, with one of them.

    References
    ----------
    .. [1] V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines",
       ICML 2010.

    Examples
    --------
    >>> relu([-1.0, 0.0, 2.0])
    array([0., 0., 2.])
    """
    return _apply(relu_settings(negative_slope, max_value, threshold), x)


def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> FloatArray:
    """Leaky rectified linear unit: ``x`` where positive, else ``negative_slope * x`` [1]_.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.
    negative_slope : float, default 0.2
        Slope for negative values. Keras's function has 0.2, its layer `LeakyReLU` 0.3.

    Returns
    -------
    ndarray
        Same shape as `x`.

    References
    ----------
    .. [1] A. Maas, A. Hannun and A. Ng, "Rectifier nonlinearities improve neural network acoustic
       models", ICML 2013.

    Examples
    --------
    >>> leaky_relu([-1.0, 2.0], negative_slope=0.5)
    array([-0.5,  2. ])
    """
    return _apply(
        {"kind": "leaky_relu", "negative_slope": _checks.number("negative_slope", negative_slope)},
        x,
    )


def elu(x: ArrayLike, alpha: float = 1.0) -> FloatArray:
    """Exponential linear unit: ``x`` where positive, else ``alpha * (exp(x) - 1)`` [1]_.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.
    alpha : float, default 1.0
        Minus the limit for large negative values.

    Returns
    -------
    ndarray
        Same shape as `x`.

    References
    ----------
    .. [1] D.-A. Clevert et al., "Fast and accurate deep network learning by exponential linear
       units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> elu([0.0, 3.0])
    array([0., 3.])
    """
    return _apply({"kind": "elu", "alpha": _checks.number("alpha", alpha)}, x)


def selu(x: ArrayLike) -> FloatArray:
    """Scaled exponential linear unit: ``1.0507 * elu(x, 1.6733)`` [1]_.

    The constants (given here to four places) keep mean 0 and variance 1 from layer to layer under
    LeCun initialization.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`.

    References
    ----------
    .. [1] G. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.

    Examples
    --------
    >>> selu([1.0]).round(4)
    array([1.0507])
    """
    return _apply({"kind": "selu"}, x)


def gelu(x: ArrayLike, approximate: bool = False) -> FloatArray:
    """Gaussian error linear unit: ``x * P(Z <= x)`` for a standard normal ``Z`` [1]_.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.
    approximate : bool, default False
        Use ``x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x**3)))``.

    Returns
    -------
    ndarray
        Same shape as `x`.

    References
    ----------
    .. [1] D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415.

    Examples
    --------
    >>> gelu([1.0]).round(4)
    array([0.8413])
    """
    return _apply({"kind": "gelu", "approximate": _checks.flag("approximate", approximate)}, x)


def silu(x: ArrayLike) -> FloatArray:
    """Sigmoid linear unit, also called swish: ``x * sigmoid(x)`` [1]_.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`.

    References
    ----------
    .. [1] S. Elfwing et al., "Sigmoid-weighted linear units for neural network function
       approximation in reinforcement learning", Neural Networks 107 (2018).

    Examples
    --------
    >>> silu([0.0, 1.0]).round(4)
    array([0.    , 0.7311])
    """
    return _apply({"kind": "silu"}, x)


swish = silu


def sigmoid(x: ArrayLike) -> FloatArray:
    """Logistic function, ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`, between 0 and 1.

    Examples
    --------
    >>> sigmoid([0.0])
    array([0.5])
    """
    return _apply({"kind": "sigmoid"}, x)


def tanh(x: ArrayLike) -> FloatArray:
    """Hyperbolic tangent.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`, between -1 and 1.

    Examples
    --------
    >>> tanh([0.0, 1.0]).round(4)
    array([0.    , 0.7616])
    """
    return _apply({"kind": "tanh"}, x)


def softplus(x: ArrayLike) -> FloatArray:
    """Smooth rectifier, ``log(1 + exp(x))``.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Examples
    --------
    >>> softplus([0.0]).round(4)
    array([0.6931])
    """
    return _apply({"kind": "softplus"}, x)


def softsign(x: ArrayLike) -> FloatArray:
    """Softsign, ``x / (1 + abs(x))``.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`, between -1 and 1.

    Examples
    --------
    >>> softsign([-1.0, 3.0])
    array([-0.5 ,  0.75])
    """
    return _apply({"kind": "softsign"}, x)


def softmax(x: ArrayLike, axis: int = -1) -> FloatArray:
    """Return probabilities ``exp(x) / sum(exp(x))`` along an axis.

    Parameters
    ----------
    x : array_like
        Logits, of one or more axes.
    axis : int, default -1
        The axis that sums to one. In a layer it is the last one.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Examples
    --------
    >>> softmax([[1.0, 1.0], [0.0, 1000.0]])
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    return _along("softmax", x, axis)


def linear(x: ArrayLike) -> FloatArray:
    """Return `x` as it is: no activation.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same values and shape as `x`.

    Examples
    --------
    >>> linear([1.5])
    array([1.5])
    """
    return _apply({"kind": "linear"}, x)


def relu_settings(
    negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> dict[str, Any]:
    """Return the settings of a rectifier with these options for the core."""
    slope = _checks.number("negative_slope", negative_slope)
    start = _checks.number("threshold", threshold, at_least=0.0)
    if max_value is None and start == 0:
        return {"kind": "leaky_relu", "negative_slope": slope} if slope else {"kind": "relu"}
    _checks.number("negative_slope", slope, at_least=0.0)
    settings = {"kind": "rectifier", "negative_slope": slope, "threshold": start}
    if max_value is not None:
        settings["max_value"] = _checks.number("max_value", max_value, at_least=0.0)
    return settings


def _along(kind: str, x: ArrayLike, axis: int) -> FloatArray:
    """Apply what mixes the numbers along an axis; of a value along its last one."""
    if hasattr(x, "reads"):
        value: Any = x
        if axis not in (-1, value.ndim - 1):
            raise ValueError(f"axis: expected -1, the last axis of a value, found {axis}")
        return _apply({"kind": kind}, value)
    logits = _checks.free_floats("x", x)
    place = _checks.axis_of(logits, axis)
    moved = np.moveaxis(logits, place, -1)
    return np.moveaxis(_apply({"kind": kind}, moved), -1, place)


def _apply(activation: dict[str, Any], x: ArrayLike) -> FloatArray:
    if hasattr(x, "reads"):  # a value of a network in the making
        from fanin.layers._activation import of_value

        made: FloatArray = of_value(activation, x)
        return made
    values = _checks.free_floats("x", x)
    if values.ndim == 0:
        return _core.activate(activation, values.reshape(1)).reshape(())
    return _core.activate(activation, values)
