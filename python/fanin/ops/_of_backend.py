"""Functions of ``keras.backend`` whose arguments differ from those of the operations."""

from collections.abc import Sequence
from typing import Any

from fanin.errors import ShapeError
from fanin.ops import _arithmetic, _products, _reductions, _repeating, _shapes


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


def batch_flatten(x: Any) -> Any:
    """Return each sample as one row; see `fanin.ops.reshape`.

    Parameters
    ----------
    x : array_like or value
        Numbers.

    Returns
    -------
    ndarray or value
        The same numbers, of two axes.

    Examples
    --------
    >>> batch_flatten([[[1.0, 2.0], [3.0, 4.0]]]).shape
    (1, 4)
    """
    shape = _shapes.shape(x)
    if not shape:
        raise ShapeError("x: expected an array of samples, found one number")
    return _shapes.reshape(x, (shape[0], -1))


def flatten(x: Any) -> Any:
    """Return the numbers in one row; see `fanin.ops.reshape`.

    Parameters
    ----------
    x : array_like or value
        Numbers, in a loss those of a batch.

    Returns
    -------
    ndarray or value
        The same numbers, of one axis.

    Examples
    --------
    >>> flatten([[1.0, 2.0], [3.0, 4.0]])
    array([1., 2., 3., 4.])
    """
    return _shapes.reshape(x, (-1,))


def l2_normalize(x: Any, axis: int | None = None) -> Any:
    """Return numbers whose squares sum to 1; see `fanin.ops.normalize`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    axis : int, optional
        Along which; the last one if not given, as nothing is summed over a batch.

    Returns
    -------
    ndarray or value
        Numbers of the same shape.

    Examples
    --------
    >>> l2_normalize([[3.0, 4.0]], axis=1)
    array([[0.6, 0.8]])
    """
    return _products.normalize(x, -1 if axis is None else axis)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Return each part along an axis several times; see `fanin.ops.repeat`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    rep : int
        How many times.
    axis : int
        Along which.

    Returns
    -------
    ndarray or value
        The numbers, `rep` times as many.

    Examples
    --------
    >>> repeat_elements([[1.0, 2.0]], 2, axis=1)
    array([[1., 1., 2., 2.]])
    """
    return _repeating.repeat(x, rep, axis)


def reverse(x: Any, axes: Any) -> Any:
    """Return the numbers from the end to the begin of axes; see `fanin.ops.flip`.

    Parameters
    ----------
    x : array_like or value
        Numbers.
    axes : int or sequence of int
        Along which.

    Returns
    -------
    ndarray or value
        The same numbers.

    Examples
    --------
    >>> reverse([[1.0, 2.0]], axes=1)
    array([[2., 1.]])
    """
    return _shapes.flip(x, axes)


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Draw numbers of a normal distribution; see `fanin.random.normal`.

    Parameters
    ----------
    shape : tuple of int
        The shape. In a `call` it begins with the length of the batch, ``shape(x)[0]``.
    mean, stddev : float
        Mean and standard deviation.
    dtype : dtype-like, optional
        float32, if not given, or float64.
    seed : int or other source, optional
        Where they come from.

    Returns
    -------
    ndarray or value
        The numbers.

    Examples
    --------
    >>> random_normal((2, 3), seed=1).shape
    (2, 3)
    """
    from fanin.random import normal  # not needed for `import fanin`

    return normal(shape, mean, stddev, dtype, seed)


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Draw numbers that are anywhere between two bounds; see `fanin.random.uniform`.

    Parameters
    ----------
    shape : tuple of int
        The shape. In a `call` it begins with the length of the batch, ``shape(x)[0]``.
    minval, maxval : float
        The bounds.
    dtype : dtype-like, optional
        float32, if not given, or float64.
    seed : int or other source, optional
        Where they come from.

    Returns
    -------
    ndarray or value
        The numbers.

    Examples
    --------
    >>> random_uniform((2, 3), seed=1).shape
    (2, 3)
    """
    from fanin.random import uniform  # not needed for `import fanin`

    return uniform(shape, minval, maxval, dtype, seed)
