"""Distributions whose variance follows from the fans."""

import math
from typing import Any, TypeVar

from numpy.typing import NDArray

from fanin import initializers
from fanin._checks import number
from fanin.init._fill import drawn, floats, is_empty, normal
from fanin.init._gains import calculate_gain, fan, fans
from fanin.random import Rng

T = TypeVar("T")
Array = NDArray[Any]


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Rng = None) -> T:
    """Fill a tensor uniformly on ±gain · sqrt(6 / (fan_in + fan_out)) [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions (out, in, ...)
        Filled in place.
    gain : float
        Factor, see :func:`calculate_gain`.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, or cannot be written to.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> w = xavier_uniform_(np.empty((100, 784), "float32"), generator=0)
    """
    view = floats(tensor)
    limit = math.sqrt(3.0) * _xavier(view, gain)
    return drawn(tensor, view, initializers.RandomUniform(-limit, limit), generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Rng = None) -> T:
    """Fill a tensor from N(0, gain² · 2 / (fan_in + fan_out)), not truncated [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions (out, in, ...)
        Filled in place.
    gain : float
        Factor, see :func:`calculate_gain`.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, or cannot be written to.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> w = xavier_normal_(np.empty((100, 784), "float32"), generator=0)
    """
    view = floats(tensor)
    return drawn(tensor, view, normal(0.0, _xavier(view, gain)), generator)


def kaiming_uniform_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Rng = None,
) -> T:
    """Fill a tensor uniformly on ±gain · sqrt(3 / fan) [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions (out, in, ...)
        Filled in place.
    a : float
        Negative slope of leaky ReLU.
    mode : {"fan_in", "fan_out"}
        Which fan: that which keeps the variance of signals, or of gradients.
    nonlinearity : str
        What follows, see :func:`calculate_gain`.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, `mode` or `nonlinearity` is unknown, or it cannot be
        written to.

    Warns
    -----
    UserWarning
        If `tensor` has no elements; nothing is done.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> w = kaiming_uniform_(np.empty((100, 784), "float32"), nonlinearity="relu", generator=0)
    """
    view = floats(tensor)
    if is_empty(view):
        return tensor
    limit = math.sqrt(3.0) * _kaiming(view, a, mode, nonlinearity)
    return drawn(tensor, view, initializers.RandomUniform(-limit, limit), generator)


def kaiming_normal_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Rng = None,
) -> T:
    """Fill a tensor from N(0, gain² / fan), not truncated [1]_.

    Parameters
    ----------
    tensor : array of at least 2 dimensions (out, in, ...)
        Filled in place.
    a : float
        Negative slope of leaky ReLU.
    mode : {"fan_in", "fan_out"}
        Which fan: that which keeps the variance of signals, or of gradients.
    nonlinearity : str
        What follows, see :func:`calculate_gain`.
    generator : optional
        Where the numbers come from, see :mod:`fanin.init`.

    Returns
    -------
    array
        `tensor`.

    Raises
    ------
    TypeError
        If `tensor` is no array of floating-point numbers.
    ValueError
        If it has fewer than 2 dimensions, `mode` or `nonlinearity` is unknown, or it cannot be
        written to.

    Warns
    -----
    UserWarning
        If `tensor` has no elements; nothing is done.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> w = kaiming_normal_(np.empty((100, 784), "float32"), nonlinearity="relu", generator=0)
    >>> abs(float(w.var()) * 784 / 2 - 1) < 0.05
    True
    """
    view = floats(tensor)
    if is_empty(view):
        return tensor
    std = _kaiming(view, a, mode, nonlinearity)
    return drawn(tensor, view, normal(0.0, std), generator)


def _xavier(view: Array, gain: float) -> float:
    fan_in, fan_out = fans(view.shape)
    factor = number("gain", gain, at_least=0.0)
    return factor * math.sqrt(2.0 / max(float(fan_in + fan_out), 1.0))


def _kaiming(view: Array, a: float, mode: str, nonlinearity: str) -> float:
    size = fan(view.shape, mode)
    # What is no number torch refuses in its own words, where it looks at it.
    leaky = isinstance(nonlinearity, str) and nonlinearity == "leaky_relu"
    torchs = leaky and not isinstance(a, float)
    return calculate_gain(nonlinearity, a if torchs else number("a", a)) / math.sqrt(size)
