"""Products of matrices, and lengths of vectors."""

import math
import string
from typing import Any

import numpy as np

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers._value import Value
from fanin.layers._variable import of_weight
from fanin.ops._apply import (
    axes_of,
    axis_of,
    beside_batches,
    both,
    constants,
    one,
    operate,
    reshaped,
    sample_of,
)
from fanin.ops._arithmetic import absolute, multiply, power, sqrt, square
from fanin.ops._reductions import max as _max
from fanin.ops._reductions import min as _min
from fanin.ops._reductions import sum as _sum
from fanin.ops._shapes import permuted


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


def dot(x1: Any, x2: Any) -> Any:
    """Sum of products along the last axis of one and the last but one of the other.

    Parameters
    ----------
    x1 : array_like, number or Value
        The first operand.
    x2 : array_like, number or Value
        The second one, of which a vector has its only axis summed.

    Returns
    -------
    ndarray or Value
        The products, as `numpy.dot` makes them.

    Examples
    --------
    >>> dot([1.0, 2.0], [3.0, 4.0])
    array(11.)
    """
    a, b = both(("x1", "x2"), (x1, x2))
    if isinstance(a, float) or isinstance(b, float) or 0 in (a.ndim, b.ndim):
        return multiply(a, b)
    if isinstance(a, Value) or isinstance(b, Value) or b.ndim <= 2:
        return matmul(x1, x2)
    return tensordot(a, b, ([-1], [-2]))


def outer(x1: Any, x2: Any) -> Any:
    """Product of each number of one with each of the other.

    Parameters
    ----------
    x1 : array_like or Value
        The numbers of the rows, in a row if they have several axes.
    x2 : array_like or Value
        Those of the columns.

    Returns
    -------
    ndarray or Value
        The products, a matrix.

    Examples
    --------
    >>> outer([1.0, 2.0], [3.0, 4.0])
    array([[3., 4.],
           [6., 8.]])
    """
    a, b = (one(name, x) for name, x in (("x1", x1), ("x2", x2)))
    for name, x in (("x1", a), ("x2", b)):
        if isinstance(x, Value) and x.batched:
            raise ShapeError(
                f"{name}: expected no batch, whose samples would be multiplied with each other, "
                f"found {x!r}; expand_dims(x1, -1) * expand_dims(x2, 1) is that of each sample"
            )
    rows, columns = (int(np.prod(sample_of(x), dtype=int)) for x in (a, b))
    return multiply(reshaped(a, (rows, 1)), reshaped(b, (1, columns)))


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Sum of products along axes of both.

    Parameters
    ----------
    x1 : array_like or Value
        The first operand.
    x2 : array_like or Value
        The second one.
    axes : int or pair of sequences of int, default 2
        The axes of each that are summed; a number is so many last ones of the first and so many
        first ones of the second.

    Returns
    -------
    ndarray or Value
        The products: the other axes of the first, then those of the second.

    Examples
    --------
    >>> tensordot([[1.0, 2.0]], [3.0, 4.0], 1)
    array([11.])
    """
    a, b = (one(name, x) for name, x in (("x1", x1), ("x2", x2)))
    pair = _checks.several(axes)
    if pair is None:
        count = _checks.integer("axes", axes, minimum=0, maximum=min(a.ndim, b.ndim))
        pair = [[*range(a.ndim - count, a.ndim)], [*range(count)]]
    if len(pair) != 2:
        raise ValueError(f"axes: expected a number, or axes of both, found {axes}")
    places = [_checks.several(part) or [part] for part in pair]
    if len(places[0]) != len(places[1]):
        raise ValueError(f"axes: expected as many of both, found {axes}")
    letters = string.ascii_letters
    names = [letters[: a.ndim], letters[a.ndim : a.ndim + b.ndim]]
    second = [*names[1]]
    summed = set()
    for first, other in zip(*places, strict=True):
        at = _checks.integer("axes", first, minimum=-a.ndim, maximum=a.ndim - 1)
        to = _checks.integer("axes", other, minimum=-b.ndim, maximum=b.ndim - 1)
        second[to] = names[0][at]
        summed.add(second[to])
    rest = "".join(letter for letter in [*names[0], *second] if letter not in summed)
    return einsum(f"{names[0]},{''.join(second)}->{rest}", a, b)


def einsum(subscripts: str, *operands: Any) -> Any:
    """Sum of products along axes that are named by letters.

    Parameters
    ----------
    subscripts : str
        A letter for each axis of each operand, and behind an arrow those of the result:
        ``"bi,ij->bj"``. Without an arrow they are those that occur once, in their order.
    *operands : array_like or Value
        One or two; the first letter of a value is that of the batch, which the result begins
        with.

    Returns
    -------
    ndarray or Value
        The sums.

    Examples
    --------
    >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    array([3., 7.])
    """
    terms, result = _letters(subscripts, len(operands))
    names = [f"operands[{place}]" for place in range(len(operands))]
    given = both(names, operands)
    for name, x, letters in zip(names, given, terms, strict=True):
        if isinstance(x, float) or x.ndim != len(letters):
            found = "a number" if isinstance(x, float) else f"shape {x.shape}"
            raise ShapeError(f"{name}: expected {len(letters)} axes, {letters}, found {found}")
    begins = {letters[0] for x, letters in zip(given, terms, strict=True) if _is_batch(x)}
    if begins:
        if len(begins) > 1 or result[:1] not in begins:
            raise ValueError(
                "subscripts: expected the axis of the batch first in all values and in the result, "
                f"found {subscripts!r}"
            )
        batch = begins.pop()
        for x, letters in zip(given, terms, strict=True):
            if batch in letters[int(_is_batch(x)) :]:
                raise ValueError(
                    f"subscripts: expected the axis of the batch, {batch}, in values alone, found "
                    f"{subscripts!r}"
                )
        terms = [t[1:] if _is_batch(x) else t for x, t in zip(given, terms, strict=True)]
        result = result[1:]
    made, found = given[0], terms[0]
    if len(given) == 2:
        made, found = _contracted(given[0], terms[0], given[1], terms[1], result)
    return _arranged(*_summed(made, found, result), result)


def _letters(subscripts: Any, count: int) -> tuple[list[str], str]:
    """Return the letters of each operand, and of the result."""
    words = _checks.text("subscripts", subscripts).replace(" ", "")
    left, arrow, result = words.partition("->")
    terms = left.split(",")
    fit = all(term.isascii() and term.isalpha() for term in [*terms, *([result] if result else [])])
    if not fit or any(len(set(term)) != len(term) for term in [*terms, result]):
        raise ValueError(
            "subscripts: expected letters, each once in an operand, with commas and perhaps an "
            f"arrow, found {subscripts!r}"
        )
    if len(terms) != count or count not in (1, 2):
        raise ValueError(f"operands: expected one or two, as subscripts has, found {count}")
    if not arrow:
        result = "".join(
            sorted(letter for letter in set(left) if left.count(letter) == 1 and letter != ",")
        )
    if not set(result) <= set(left):
        raise ValueError(
            f"subscripts: expected letters of operands behind the arrow, found {subscripts!r}"
        )
    return terms, result


def _is_batch(x: Any) -> bool:
    return isinstance(x, Value) and x.batched


def _summed(x: Any, letters: str, wanted: str) -> tuple[Any, str]:
    """Sum the axes that are not wanted."""
    first = int(_is_batch(x))
    axes = tuple(place + first for place, letter in enumerate(letters) if letter not in wanted)
    kept = "".join(letter for letter in letters if letter in wanted)
    return (_sum(x, axes) if axes else x), kept


def _arranged(x: Any, letters: str, wanted: str) -> Any:
    """Put axes in an order."""
    order = [letters.index(letter) for letter in wanted]
    return permuted(x, order) if isinstance(x, Value) else np.transpose(x, order)


def _contracted(a: Any, of_a: str, b: Any, of_b: str, result: str) -> tuple[Any, str]:
    """Multiply two operands as matrices, of which there are as many as letters of all three say."""
    a, of_a = _summed(a, of_a, of_b + result)
    b, of_b = _summed(b, of_b, of_a + result)
    both_have = [letter for letter in of_a if letter in of_b]
    matrices = "".join(letter for letter in both_have if letter in result)
    inner = "".join(letter for letter in both_have if letter not in result)
    rows = "".join(letter for letter in of_a if letter not in of_b)
    columns = "".join(letter for letter in of_b if letter not in of_a)
    lengths = dict(zip(of_a, sample_of(a), strict=True))
    for letter, length in zip(of_b, sample_of(b), strict=True):
        if lengths.setdefault(letter, length) != length:
            raise ShapeError(
                f"operands: expected one length for {letter}, found {lengths[letter]} and {length}"
            )

    def size(letters: str) -> int:
        return math.prod(lengths[letter] for letter in letters)

    many = [size(matrices)] if matrices else []
    left = reshaped(_arranged(a, of_a, matrices + rows + inner), (*many, size(rows), size(inner)))
    right = reshaped(
        _arranged(b, of_b, matrices + inner + columns), (*many, size(inner), size(columns))
    )
    made = matmul(left, right)
    letters = matrices + rows + columns
    return reshaped(made, tuple(lengths[letter] for letter in letters)), letters


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Length of vectors along axes: the root of the sum of squares, or another norm.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    ord : {None, "fro"} or float, optional
        Which norm: of order 2 if not given. Other orders, from 1 on, infinity and minus infinity
        among them, are those of vectors, which lie along one axis.
    axis : int or tuple of int, optional
        Axes of the numbers that become one, counted with that of the batch. Of arrays None
        is all of them; of values axes must be given, and not that of the batch.
    keepdims : bool, default False
        Whether these axes stay, of length 1.

    Returns
    -------
    ndarray or Value
        The lengths; at 0 the gradient of order 2 is NaN.

    Examples
    --------
    >>> norm([[3.0, 4.0]], axis=-1)
    array([5.])
    >>> norm([[3.0, 4.0]], 1, axis=-1)
    array([7.])
    """
    x = one("x", x)
    if ord is None or (isinstance(ord, str) and ord == "fro"):
        return sqrt(_sum(square(x), axis, keepdims))
    order = _checks.number_or_infinity("ord", ord)
    if len(axes_of(x, axis)) != 1:
        raise ValueError(f"ord: expected None or 'fro' for several axes, found {ord}")
    size = absolute(x)
    if order in (np.inf, -np.inf):
        return (_max if order > 0 else _min)(size, axis, keepdims)
    if order < 1:
        raise ValueError(f"ord: expected an order of at least 1, found {_checks.found(ord)}")
    if order in (1, 2):
        return _sum(size, axis, keepdims) if order == 1 else norm(x, None, axis, keepdims)
    return power(_sum(power(size, order), axis, keepdims), 1.0 / order)


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
