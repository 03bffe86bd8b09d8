"""Activation functions."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fanin import activations, layers
from fanin.layers._value import Value
from fanin.ops._apply import apply, axis_of, one, sample_of
from fanin.ops._arithmetic import add, clip, multiply, negative, subtract
from fanin.ops._reductions import logsumexp
from fanin.ops._shapes import permuted


def relu(x: Any) -> Any:
    """Rectified linear unit of each number; see `fanin.activations.relu`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> relu([-1.0, 2.0])
    array([0., 2.])
    """
    return _activate(activations.relu, x)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Leaky rectified linear unit; see `fanin.activations.leaky_relu`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    negative_slope : float, default 0.2
        Slope below 0.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> leaky_relu([-1.0, 2.0])
    array([-0.2,  2. ])
    """
    return _activate(activations.leaky_relu, x, negative_slope=negative_slope)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Exponential linear unit; see `fanin.activations.elu`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    alpha : float, default 1.0
        Minus the limit far below 0.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> elu([0.0, 2.0])
    array([0., 2.])
    """
    return _activate(activations.elu, x, alpha=alpha)


def selu(x: Any) -> Any:
    """Scaled exponential linear unit; see `fanin.activations.selu`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> selu([1.0]).round(4)
    array([1.0507])
    """
    return _activate(activations.selu, x)


def gelu(x: Any, approximate: bool = True) -> Any:
    """Gaussian error linear unit; see `fanin.activations.gelu`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    approximate : bool, default True
        Whether to use the formula with tanh; as in Keras this is the default here, and not
        that of the activation.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> gelu([1.0]).round(4)
    array([0.8412])
    """
    return _activate(activations.gelu, x, approximate=approximate)


def silu(x: Any) -> Any:
    """Sigmoid linear unit, also called swish; see `fanin.activations.silu`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> silu([1.0]).round(4)
    array([0.7311])
    """
    return _activate(activations.silu, x)


def sigmoid(x: Any) -> Any:
    """Logistic function; see `fanin.activations.sigmoid`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> sigmoid([0.0])
    array([0.5])
    """
    return _activate(activations.sigmoid, x)


def log_sigmoid(x: Any) -> Any:
    """Logarithm of the logistic function, which does not underflow.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> log_sigmoid([0.0]).round(4)
    array([-0.6931])
    """
    return negative(softplus(negative(x)))


def tanh(x: Any) -> Any:
    """Hyperbolic tangent; see `fanin.activations.tanh`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> tanh([0.0])
    array([0.])
    """
    return _activate(activations.tanh, x)


def softplus(x: Any) -> Any:
    """Logarithm of one plus the exponential; see `fanin.activations.softplus`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> softplus([0.0]).round(4)
    array([0.6931])
    """
    return _activate(activations.softplus, x)


def softsign(x: Any) -> Any:
    """Each number by one plus its size; see `fanin.activations.softsign`.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> softsign([1.0, -3.0])
    array([ 0.5 , -0.75])
    """
    return _activate(activations.softsign, x)


def softmax(x: Any, axis: int = -1) -> Any:
    """Divide exponentials by their sum along an axis.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int, default -1
        The axis.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> softmax([[1.0, 1.0]])
    array([[0.5, 0.5]])
    """
    x = one("x", x)
    axis, last = axis_of(x, axis), len(sample_of(x)) - 1
    if axis == last:
        return _activate(activations.softmax, x)
    return _swapped(softmax(_swapped(x, axis, last)), axis, last)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """Logarithm of `softmax`, which does not underflow.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int, default -1
        The axis.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> log_softmax([[1.0, 1.0]]).round(4)
    array([[-0.6931, -0.6931]])
    """
    x = one("x", x)
    axis_of(x, axis)
    return subtract(x, logsumexp(x, axis, keepdims=True))


def relu6(x: Any) -> Any:
    """Rectified linear unit that ends at 6: ``min(max(x, 0), 6)``.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> relu6([-1.0, 2.0, 9.0])
    array([0., 2., 6.])
    """
    return clip(x, 0.0, 6.0)


def hard_sigmoid(x: Any) -> Any:
    """Straight lines like a sigmoid: ``min(max(x / 6 + 0.5, 0), 1)``.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> hard_sigmoid([-4.0, 0.0, 1.5])
    array([0.  , 0.5 , 0.75])
    """
    return clip(add(multiply(x, 1.0 / 6.0), 0.5), 0.0, 1.0)


def hard_silu(x: Any) -> Any:
    """Each number times its `hard_sigmoid`; also called hard_swish.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> hard_silu([-4.0, 0.0, 3.0])
    array([-0.,  0.,  3.])
    """
    x = one("x", x)
    return multiply(x, hard_sigmoid(x))


def hard_tanh(x: Any) -> Any:
    """Each number within -1 and 1.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The values.

    Examples
    --------
    >>> hard_tanh([-4.0, 0.5])
    array([-1. ,  0.5])
    """
    return clip(x, -1.0, 1.0)


def _activate(function: Callable[..., Any], x: Any, **options: Any) -> Any:
    """Apply one of `fanin.activations`: to values as a layer."""
    if not isinstance(x, Value):
        return function(one("x", x), **options)
    given = functools.partial(function, **options) if options else function
    return apply(lambda **name: layers.Activation(given, **name), [x])


def _swapped(x: Any, one: int, other: int) -> Any:
    """Return samples with two axes in each other's place."""
    if not isinstance(x, Value):
        return np.swapaxes(x, one, other)
    order = [*range(len(x.sample))]
    order[one], order[other] = other, one
    return permuted(x, order)
