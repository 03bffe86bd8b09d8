"""Products of matrices, and lengths of vectors."""

from typing import Any

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers._value import Value
from fanin.layers._variable import of_weight
from fanin.ops._apply import (
    axis_of,
    beside_batches,
    both,
    constants,
    one,
    operate,
    reshaped,
    sample_of,
)


def matmul(x1: Any, x2: Any) -> Any:
    """Multiply matrices, which are in the last two axes; also ``x1 @ x2``.

    A value stands for batches of any length. So of two values samples are matrices; beside a
    constant matrix on the right samples may be vectors too.

    Parameters
    ----------
    x1 : array_like or Value
        The matrices on the left.
    x2 : array_like or Value
        Those on the right.

    Returns
    -------
    ndarray or Value
        The products, as `numpy.matmul` makes them.

    Raises
    ------
    ShapeError
        If shapes do not fit, or a product would go along the axis of the batch.

    Examples
    --------
    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]])
    """
    direct = of_weight("matmul", (x1, x2))
    if direct is not None:
        return direct
    a, b = both(("x1", "x2"), (x1, x2))
    for name, x in (("x1", a), ("x2", b)):
        if isinstance(x, float) or x.ndim == 0:
            raise ValueError(f"{name}: expected a vector or matrices, found a number")
    values = [x for x in (a, b) if isinstance(x, Value)]
    steady = any(not x.batched for x in values) and any(x.batched for x in values)
    if steady:  # weights, which are the same for all samples
        a, b = beside_batches(a), beside_batches(b)
    if not steady and any(x.batched for x in values) and not _fit(a, b):
        raise ShapeError(
            "x1, x2: expected matrices in the samples of both, or a constant matrix on the right "
            f"of values, found shapes {a.shape} and {b.shape}"
        )
    # Vectors are matrices of one row, or one column.
    row, column = len(sample_of(a)) == 1, len(sample_of(b)) == 1
    left = reshaped(a, (1, *sample_of(a))) if row else a
    right = reshaped(b, (*sample_of(b), 1)) if column else b
    inputs = [x for x in (left, right) if isinstance(x, Value)] or [left, right]
    made = operate("matmul", inputs, **constants((left, right), inputs))
    *others, rows, columns = sample_of(made)
    return reshaped(made, (*others, *([] if row else [rows]), *([] if column else [columns])))


def _fit(a: Any, b: Any) -> bool:
    """Whether a product of values leaves the axis of the batch alone."""
    if not isinstance(a, Value):
        return bool(2 <= a.ndim < b.ndim)
    if isinstance(b, Value):
        return (a.batched, a.ndim) == (b.batched, b.ndim) and a.ndim > 2
    return bool(b.ndim <= 2 or b.ndim < a.ndim)


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float = 1e-7) -> Any:
    """Divide vectors by their lengths.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    axis : int, default -1
        The axis along which vectors lie, counted with that of the batch; of values not that
        one.
    order : 2, default 2
        Which norm: only the Euclidean one is implemented.
    epsilon : float, default 1e-7
        Least number that is divided by.

    Returns
    -------
    ndarray or Value
        Vectors of length 1.

    Examples
    --------
    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    if not (isinstance(order, int | float) and order == 2):
        raise ValueError(f"order: expected 2, found {_checks.found(order)}")
    x, least = one("x", x), _checks.number("epsilon", epsilon, at_least=0.0)
    return operate("unit_norm", [x], axis=axis_of(x, axis), epsilon=least)
