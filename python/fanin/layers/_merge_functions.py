"""Layers of several inputs as functions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from fanin.layers._merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)

if TYPE_CHECKING:
    from fanin.typing import LayerArguments


def add(inputs: Any, **kwargs: "Unpack[LayerArguments]") -> Any:
    """Return the sum of values, or of arrays; see `Add`.

    Parameters
    ----------
    inputs : list
        Values, or arrays of shape (batch, ...).
    **kwargs
        Arguments of the layer.

    Returns
    -------
    Value or ndarray
        What the layer makes of them.

    Examples
    --------
    >>> import numpy as np
    >>> add([np.ones((1, 2)), np.ones((1, 2))])
    array([[2., 2.]], dtype=float32)
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: "Unpack[LayerArguments]") -> Any:
    """Return the first of two values, or arrays, minus the second; see `Subtract`.

    Parameters
    ----------
    inputs : list
        Values, or arrays of shape (batch, ...).
    **kwargs
        Arguments of the layer.

    Returns
    -------
    Value or ndarray
        What the layer makes of them.

    Examples
    --------
    >>> import numpy as np
    >>> subtract([np.ones((1, 2)), np.ones((1, 2))])
    array([[0., 0.]], dtype=float32)
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: "Unpack[LayerArguments]") -> Any:
    """Return the product of values, or of arrays; see `Multiply`.

    Parameters
    ----------
    inputs : list
        Values, or arrays of shape (batch, ...).
    **kwargs
        Arguments of the layer.

    Returns
    -------
    Value or ndarray
        What the layer makes of them.

    Examples
    --------
    >>> import numpy as np
    >>> multiply([np.ones((1, 2)), np.full((1, 2), 3.0)])
    array([[3., 3.]], dtype=float32)
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: "Unpack[LayerArguments]") -> Any:
    """Return the mean of values, or of arrays; see `Average`.

    Parameters
    ----------
    inputs : list
        Values, or arrays of shape (batch, ...).
    **kwargs
        Arguments of the layer.

    Returns
    -------
    Value or ndarray
        What the layer makes of them.

    Examples
    --------
    >>> import numpy as np
    >>> average([np.ones((1, 2)), np.full((1, 2), 3.0)])
    array([[2., 2.]], dtype=float32)
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: "Unpack[LayerArguments]") -> Any:
    """Return the largest of values, or of arrays, element by element; see `Maximum`.

    Parameters
    ----------
    inputs : list
        Values, or arrays of shape (batch, ...).
    **kwargs
        Arguments of the layer.

    Returns
    -------
    Value or ndarray
        What the layer makes of them.

    Examples
    --------
    >>> import numpy as np
    >>> maximum([np.ones((1, 2)), np.full((1, 2), 3.0)])
    array([[3., 3.]], dtype=float32)
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: "Unpack[LayerArguments]") -> Any:
    """Return the smallest of values, or of arrays, element by element; see `Minimum`.

    Parameters
    ----------
    inputs : list
        Values, or arrays of shape (batch, ...).
    **kwargs
        Arguments of the layer.

    Returns
    -------
    Value or ndarray
        What the layer makes of them.

    Examples
    --------
    >>> import numpy as np
    >>> minimum([np.ones((1, 2)), np.full((1, 2), 3.0)])
    array([[1., 1.]], dtype=float32)
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: "Unpack[LayerArguments]") -> Any:
    """Return values, or arrays, side by side; see `Concatenate`.

    Parameters
    ----------
    inputs : list
        Values, or arrays of shape (batch, ...).
    axis : int, default -1
        The axis along which they follow each other.
    **kwargs
        Arguments of the layer.

    Returns
    -------
    Value or ndarray
        What the layer makes of them.

    Examples
    --------
    >>> import numpy as np
    >>> concatenate([np.ones((1, 2)), np.zeros((1, 1))])
    array([[1., 1., 0.]], dtype=float32)
    """
    return Concatenate(axis, **kwargs)(inputs)


def dot(
    inputs: Any,
    axes: int | Sequence[int] = -1,
    **kwargs: "Unpack[LayerArguments]",
) -> Any:
    """Return the product of two vectors, sample by sample; see `Dot`.

    Parameters
    ----------
    inputs : list
        Two values, or arrays of shape (batch, n).
    axes : int or pair of int, default -1
        The axes that are summed over.
    **kwargs
        Arguments of the layer.

    Returns
    -------
    Value or ndarray
        What the layer makes of them.

    Examples
    --------
    >>> import numpy as np
    >>> dot([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])], axes=1)
    array([[11.]], dtype=float32)
    """
    return Dot(axes, **kwargs)(inputs)
