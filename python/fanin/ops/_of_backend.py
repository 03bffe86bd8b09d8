"""Functions of ``keras.backend`` whose arguments differ from those of the operations."""

from collections.abc import Sequence
from typing import Any

from fanin.ops import _arithmetic, _products, _reductions, _shapes


def argmax(x: Any, axis: int = -1) -> Any:
    """Return where the largest number is; see `fanin.ops.argmax`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    axis : int, default -1
        Along which.

    Returns
    -------
    ndarray or value
        Indices.

    Examples
    --------
    >>> argmax([[1.0, 3.0, 2.0]])
    array([1])
    """
    return _reductions.argmax(x, axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """Return where the smallest number is; see `fanin.ops.argmin`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    axis : int, default -1
        Along which.

    Returns
    -------
    ndarray or value
        Indices.

    Examples
    --------
    >>> argmin([[1.0, 3.0, 2.0]])
    array([0])
    """
    return _reductions.argmin(x, axis)


def clip(x: Any, min_value: float, max_value: float) -> Any:
    """Return the numbers, none below and none above a limit; see `fanin.ops.clip`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    min_value, max_value : float
        The limits.

    Returns
    -------
    ndarray or value
        Numbers of the same shape.

    Examples
    --------
    >>> clip([-2.0, 0.5], 0, 1)
    array([0. , 0.5])
    """
    return _arithmetic.clip(x, min_value, max_value)


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Put arrays side by side; see `fanin.ops.concatenate`.

    Parameters
    ----------
    tensors : sequence of array_like or value
        They differ along `axis` at most.
    axis : int, default -1
        Along which.

    Returns
    -------
    ndarray or value
        One after another.

    Examples
    --------
    >>> concatenate([[[1.0]], [[2.0]]])
    array([[1., 2.]])
    """
    return _shapes.concatenate(tensors, axis)


def dot(x: Any, y: Any) -> Any:
    """Return the product of matrices; see `fanin.ops.matmul`.

    Parameters
    ----------
    x : array_like or value
        Rows.
    y : array_like or value
        Columns.

    Returns
    -------
    ndarray or value
        The product.

    Examples
    --------
    >>> dot([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]])
    """
    return _products.matmul(x, y)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """Return the numbers with one more axis, of length 1; see `fanin.ops.expand_dims`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    axis : int, default -1
        Where the axis is to be.

    Returns
    -------
    ndarray or value
        The same numbers.

    Examples
    --------
    >>> expand_dims([1.0, 2.0]).shape
    (2, 1)
    """
    return _shapes.expand_dims(x, axis)


def int_shape(x: Any) -> Any:
    """Return the lengths of the axes; see `fanin.ops.shape`.

    Parameters
    ----------
    x : array_like or value
        Numbers.

    Returns
    -------
    tuple
        The shape; None stands for the batch of a value.

    Examples
    --------
    >>> int_shape([[1.0, 2.0]])
    (1, 2)
    """
    return _shapes.shape(x)


def ndim(x: Any) -> int:
    """Return the number of axes.

    Parameters
    ----------
    x : array_like or value
        Numbers.

    Returns
    -------
    int
        That of the batch counts.

    Examples
    --------
    >>> ndim([[1.0, 2.0]])
    2
    """
    return len(_shapes.shape(x))


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """Return the numbers with their axes in another order; see `fanin.ops.transpose`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    pattern : sequence of int
        The axes in their new order.

    Returns
    -------
    ndarray or value
        The same numbers.

    Examples
    --------
    >>> permute_dimensions([[1.0, 2.0]], (1, 0)).shape
    (2, 1)
    """
    return _shapes.transpose(x, pattern)


def pow(x: Any, a: Any) -> Any:
    """Return powers; see `fanin.ops.power`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    a : float or array_like
        Exponents.

    Returns
    -------
    ndarray or value
        The powers.

    Examples
    --------
    >>> pow([2.0, 3.0], 2)
    array([4., 9.])
    """
    return _arithmetic.power(x, a)
