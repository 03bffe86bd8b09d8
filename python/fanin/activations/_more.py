"""Further activation functions: straight pieces, shrinking ones, and others that are met less."""

from numpy.typing import ArrayLike

from fanin import _checks
from fanin._checks import FloatArray
from fanin.activations._functions import _along, _apply


def relu6(x: ArrayLike) -> FloatArray:
    """Rectified linear unit that ends at 6: ``min(max(x, 0), 6)``.

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
    >>> relu6([-1.0, 2.0, 8.0])
    array([0., 2., 6.])
    """
    return _apply({"kind": "relu6"}, x)


def hard_tanh(x: ArrayLike) -> FloatArray:
    """Straight piece of `tanh`: ``min(max(x, -1), 1)``.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`, from -1 to 1.

    Examples
    --------
    >>> hard_tanh([-3.0, 0.5])
    array([-1. ,  0.5])
    """
    return _apply({"kind": "hard_tanh"}, x)


def hard_sigmoid(x: ArrayLike) -> FloatArray:
    """Straight piece of `sigmoid`: ``x / 6 + 1/2`` within 0 and 1 [1]_.

    Keras 2 had another slope, 0.2.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`, from 0 to 1.

    References
    ----------
    .. [1] A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> hard_sigmoid([-4.0, 0.0, 1.5])
    array([0.  , 0.5 , 0.75])
    """
    return _apply({"kind": "hard_sigmoid"}, x)


def hard_silu(x: ArrayLike) -> FloatArray:
    """``x * hard_sigmoid(x)``, also called hard swish [1]_.

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
    .. [1] A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> hard_silu([-4.0, 3.0])
    array([-0.,  3.])
    """
    return _apply({"kind": "hard_silu"}, x)


hard_swish = hard_silu


def mish(x: ArrayLike) -> FloatArray:
    """Smooth unit ``x * tanh(softplus(x))`` [1]_.

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
    .. [1] D. Misra, "Mish: A self regularized non-monotonic activation function", BMVC 2020.

    Examples
    --------
    >>> mish([0.0, 1.0]).round(4)
    array([0.    , 0.8651])
    """
    return _apply({"kind": "mish"}, x)


def exponential(x: ArrayLike) -> FloatArray:
    """Exponential function.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`, above 0.

    Examples
    --------
    >>> exponential([0.0])
    array([1.])
    """
    return _apply({"kind": "exponential"}, x)


def log_sigmoid(x: ArrayLike) -> FloatArray:
    """Logarithm of `sigmoid`, which does not underflow: ``-softplus(-x)``.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`, below 0.

    Examples
    --------
    >>> log_sigmoid([0.0]).round(4)
    array([-0.6931])
    """
    return _apply({"kind": "log_sigmoid"}, x)


def celu(x: ArrayLike, alpha: float = 1.0) -> FloatArray:
    """Smooth `elu`: ``x`` where positive, else ``alpha * (exp(x / alpha) - 1)`` [1]_.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.
    alpha : float, default 1.0
        Minus the limit for large negative values; above 0.

    Returns
    -------
    ndarray
        Same shape as `x`.

    References
    ----------
    .. [1] J. T. Barron, "Continuously differentiable exponential linear units",
       arXiv:1704.07483.

    Examples
    --------
    >>> celu([-1000.0, 3.0], alpha=0.5)
    array([-0.5,  3. ])
    """
    return _apply({"kind": "celu", "alpha": _checks.number("alpha", alpha, above=0.0)}, x)


def squareplus(x: ArrayLike, b: float = 4.0) -> FloatArray:
    """Smooth rectifier of roots: ``(x + sqrt(x**2 + b)) / 2`` [1]_.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.
    b : float, default 4.0
        How wide the bend is: above 0 and up to 1e6.

    Returns
    -------
    ndarray
        Same shape as `x`.

    References
    ----------
    .. [1] J. T. Barron, "Squareplus: A softplus-like algebraic rectifier", arXiv:2112.11687.

    Examples
    --------
    >>> squareplus([0.0, 1.5])
    array([1., 2.])
    """
    return _apply({"kind": "squareplus", "b": _checks.number("b", b, above=0.0, at_most=1e6)}, x)


def tanh_shrink(x: ArrayLike) -> FloatArray:
    """Return what `tanh` takes off: ``x - tanh(x)``.

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
    >>> tanh_shrink([0.0, 1.0]).round(4)
    array([0.    , 0.2384])
    """
    return _apply({"kind": "tanh_shrink"}, x)


def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> FloatArray:
    """0 within the threshold, and nearer to 0 by it elsewhere.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.
    threshold : float, default 0.5
        At least 0.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Examples
    --------
    >>> soft_shrink([-2.0, 0.25])
    array([-1.5,  0. ])
    """
    limit = _checks.number("threshold", threshold, at_least=0.0)
    return _apply({"kind": "soft_shrink", "threshold": limit}, x)


def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> FloatArray:
    """0 within the threshold, ``x`` elsewhere.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.
    threshold : float, default 0.5
        At least 0.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Examples
    --------
    >>> hard_shrink([-2.0, 0.25])
    array([-2.,  0.])
    """
    limit = _checks.number("threshold", threshold, at_least=0.0)
    return _apply({"kind": "hard_shrink", "threshold": limit}, x)


def threshold(x: ArrayLike, threshold: float, default_value: float) -> FloatArray:
    """``x`` above a threshold, another number elsewhere.

    A layer takes it as ``functools.partial(threshold, threshold=..., default_value=...)``.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.
    threshold : float
        The threshold.
    default_value : float
        What numbers up to it become.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Examples
    --------
    >>> threshold([0.5, 2.0], 1.0, -1.0)
    array([-1.,  2.])
    """
    settings = {
        "kind": "threshold",
        "threshold": _checks.number("threshold", threshold),
        "default_value": _checks.number("default_value", default_value),
    }
    return _apply(settings, x)


def sparse_plus(x: ArrayLike) -> FloatArray:
    """Rectifier whose bend is a parabola: ``(x + 1)**2 / 4`` within -1 and 1 [1]_.

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
    .. [1] A. F. T. Martins, R. F. Astudillo, "From softmax to sparsemax", ICML 2016.

    Examples
    --------
    >>> sparse_plus([-2.0, 0.0, 3.0])
    array([0.  , 0.25, 3.  ])
    """
    return _apply({"kind": "sparse_plus"}, x)


def sparse_sigmoid(x: ArrayLike) -> FloatArray:
    """Slope of `sparse_plus`: ``(x + 1) / 2`` within 0 and 1.

    Parameters
    ----------
    x : array_like
        Pre-activations, of any shape.

    Returns
    -------
    ndarray
        Same shape as `x`, from 0 to 1.

    Examples
    --------
    >>> sparse_sigmoid([-2.0, 0.0, 3.0])
    array([0. , 0.5, 1. ])
    """
    return _apply({"kind": "sparse_sigmoid"}, x)


def log_softmax(x: ArrayLike, axis: int = -1) -> FloatArray:
    """Return the logarithm of `softmax`, which does not underflow.

    Parameters
    ----------
    x : array_like
        Logits, of one or more axes.
    axis : int, default -1
        The axis that the probabilities are along. In a layer it is the last one.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Examples
    --------
    >>> log_softmax([[1.0, 1.0]]).round(4)
    array([[-0.6931, -0.6931]])
    """
    return _along("log_softmax", x, axis)


def sparsemax(x: ArrayLike, axis: int = -1) -> FloatArray:
    """Return the nearest probabilities along an axis, some of which are 0 [1]_.

    Parameters
    ----------
    x : array_like
        Logits, of one or more axes.
    axis : int, default -1
        The axis that the probabilities are along. In a layer it is the last one.

    Returns
    -------
    ndarray
        Same shape as `x`.

    References
    ----------
    .. [1] A. F. T. Martins, R. F. Astudillo, "From softmax to sparsemax", ICML 2016.

    Examples
    --------
    >>> sparsemax([[0.5, 0.0, -3.0]])
    array([[0.75, 0.25, 0.  ]])
    """
    return _along("sparsemax", x, axis)
