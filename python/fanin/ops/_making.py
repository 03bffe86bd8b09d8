"""Arrays made of nothing, and other kinds of numbers."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fanin import _checks
from fanin.layers._value import Value
from fanin.layers._variable import resolved
from fanin.ops._apply import axis_of, combine, one, operate, reshaped, sample_of


def stop_gradient(variable: Any) -> Any:
    """Return the same numbers, through which no gradient goes.

    Parameters
    ----------
    variable : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> stop_gradient([1.0])
    array([1.])
    """
    x = one("variable", variable)
    return operate("stop_gradient", [x]) if isinstance(x, Value) else x


def _dtype_of(dtype: Any) -> np.dtype[Any]:
    """Return a dtype of numbers."""
    kind: np.dtype[Any]
    try:
        kind = np.dtype(dtype)
    except Exception:  # whatever NumPy thinks of what is none
        kind = np.dtype(object)
    if dtype is None or kind.kind not in "fiub":
        raise TypeError(f"dtype: expected a dtype of numbers, found {_checks.found(dtype)}")
    return kind


def cast(x: Any, dtype: DTypeLike) -> Any:
    """Return the numbers as another dtype.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    dtype : dtype-like
        Any dtype of numbers. Values keep that of their network: a floating-point one changes
        nothing, one of whole numbers leaves out what is behind the point, and bool is 1 where a
        number is not 0; the gradient of both is 0.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> cast([0, 2], "float32")
    array([0., 2.], dtype=float32)
    """
    kind = _dtype_of(dtype)
    x = resolved(x)
    if not isinstance(x, Value):
        return _checks.numeric("x", x).astype(kind)
    if kind.kind == "b":
        return combine("not_equal", ("x", "0"), (x, 0.0))
    return operate("trunc", [x]) if kind.kind in "iu" else x


def convert_to_tensor(x: Any, dtype: DTypeLike | None = None) -> Any:
    """Return the numbers as an array; values as they are.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    dtype : dtype-like, optional
        As in `cast`.

    Returns
    -------
    ndarray or Value
        The numbers.

    Examples
    --------
    >>> convert_to_tensor([1.0])
    array([1.])
    """
    if dtype is not None:
        return cast(x, dtype)
    x = resolved(x)
    return x if isinstance(x, Value) else _checks.numeric("x", x)


def convert_to_numpy(x: ArrayLike) -> NDArray[Any]:
    """Return the numbers as an array.

    Parameters
    ----------
    x : array_like
        The numbers; values have none.

    Returns
    -------
    ndarray
        The numbers.

    Examples
    --------
    >>> convert_to_numpy([1.0])
    array([1.])
    """
    if isinstance(x, Value):
        raise TypeError(f"x: expected an array, found {x!r}, which has no numbers")
    return _checks.numeric("x", x)


def zeros(shape: Any, dtype: DTypeLike = "float32") -> NDArray[Any]:
    """Array of zeros.

    Parameters
    ----------
    shape : int or tuple of int
        The shape.
    dtype : dtype-like, default "float32"
        The dtype.

    Returns
    -------
    ndarray
        The zeros.

    Examples
    --------
    >>> zeros(2)
    array([0., 0.], dtype=float32)
    """
    return np.zeros(_shape(shape), _dtype_of(dtype))


def ones(shape: Any, dtype: DTypeLike = "float32") -> NDArray[Any]:
    """Array of ones.

    Parameters
    ----------
    shape : int or tuple of int
        The shape.
    dtype : dtype-like, default "float32"
        The dtype.

    Returns
    -------
    ndarray
        The ones.

    Examples
    --------
    >>> ones(2)
    array([1., 1.], dtype=float32)
    """
    return np.ones(_shape(shape), _dtype_of(dtype))


def full(shape: Any, fill_value: float, dtype: DTypeLike = "float32") -> NDArray[Any]:
    """Array of one number.

    Parameters
    ----------
    shape : int or tuple of int
        The shape.
    fill_value : float
        The number.
    dtype : dtype-like, default "float32"
        The dtype.

    Returns
    -------
    ndarray
        The number, at all places.

    Examples
    --------
    >>> full(2, 0.5)
    array([0.5, 0.5], dtype=float32)
    """
    value = _checks.number_or_infinity("fill_value", fill_value)
    return np.full(_shape(shape), value, _dtype_of(dtype))


def zeros_like(x: Any) -> Any:
    """Make as many zeros as there are numbers.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The zeros, of the shape of the numbers.

    Examples
    --------
    >>> zeros_like([3.0, 4.0])
    array([0., 0.])
    """
    return full_like(x, 0.0)


def ones_like(x: Any) -> Any:
    """Make as many ones as there are numbers.

    Parameters
    ----------
    x : array_like or Value
        The numbers.

    Returns
    -------
    ndarray or Value
        The ones, of the shape of the numbers.

    Examples
    --------
    >>> ones_like([3.0, 4.0])
    array([1., 1.])
    """
    return full_like(x, 1.0)


def full_like(x: Any, fill_value: float) -> Any:
    """One number as often as there are numbers.

    Parameters
    ----------
    x : array_like or Value
        The numbers.
    fill_value : float
        The number.

    Returns
    -------
    ndarray or Value
        The number, at all places.

    Examples
    --------
    >>> full_like([3.0, 4.0], 0.5)
    array([0.5, 0.5])
    """
    number = _checks.number("fill_value", fill_value)
    return operate("fill", [one("x", x)], number=number)


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Make numbers in a row.

    Parameters
    ----------
    start : float
        First number; where there is no `stop`, that, and the first one is 0.
    stop : float, optional
        What comes after the last number.
    step : float, default 1
        The distance.
    dtype : dtype-like, optional
        The dtype; that of whole numbers if all are whole, else float32.

    Returns
    -------
    ndarray
        The numbers.

    Examples
    --------
    >>> arange(3)
    array([0, 1, 2], dtype=int32)
    """
    given = [_checks.number("start", start), _checks.number("step", step)]
    if stop is not None:
        given.append(_checks.number("stop", stop))
    if step == 0:
        raise ValueError("step: expected a number other than 0, found 0")
    whole = all(isinstance(x, int | np.integer) for x in (start, stop or 0, step))
    kind = _dtype_of(dtype if dtype is not None else "int32" if whole else "float32")
    ends: Any = (0, start) if stop is None else (start, stop)
    numbers: NDArray[Any] = np.arange(*ends, step, kind)  # type: ignore[call-overload]
    return numbers


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None) -> Any:
    """Whole numbers as rows of zeros with a one.

    Parameters
    ----------
    x : array_like or Value
        Whole numbers from 0 on: classes.
    num_classes : int
        How many classes there are.
    axis : int, default -1
        Where the new axis is; of values not that of the batch.
    dtype : dtype-like, optional
        What `cast` makes of the rows.

    Returns
    -------
    ndarray or Value
        The rows; one of zeros alone for what is no class.

    Examples
    --------
    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    count = _checks.integer("num_classes", num_classes, minimum=1)
    x = one("x", x)
    at = axis_of(x, axis, ends=1)
    sample = sample_of(x)
    expanded = reshaped(x, (*sample[:at], 1, *sample[at:]))
    classes = np.arange(count, dtype="float64").reshape(-1, *(1 for _ in sample[at:]))
    if isinstance(x, Value):
        made = combine("equal", ("x", "classes"), (expanded, classes))
    else:
        made = (expanded == classes).astype(x.dtype)
    return made if dtype is None else cast(made, dtype)


def eye(
    N: int,  # noqa: N803 (as Keras calls it)
    M: int | None = None,  # noqa: N803
    k: int = 0,
    dtype: DTypeLike = "float32",
) -> NDArray[Any]:
    """Array of zeros with ones on a diagonal.

    Parameters
    ----------
    N : int
        How many rows.
    M : int, optional
        How many columns; as many as rows if not given.
    k : int, default 0
        Which diagonal: those above the main one are counted from 1 on, those below from -1.
    dtype : dtype-like, default "float32"
        The dtype.

    Returns
    -------
    ndarray
        The array.

    Examples
    --------
    >>> eye(2)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    rows = _checks.count("N", N)
    columns = rows if M is None else _checks.count("M", M)
    return np.eye(rows, columns, _checks.integer("k", k), _dtype_of(dtype))


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike = "float32",
    axis: int = 0,
) -> Any:
    """Return numbers at equal distances.

    Parameters
    ----------
    start : float
        The first one.
    stop : float
        The last one.
    num : int, default 50
        How many.
    endpoint : bool, default True
        Whether `stop` is one of them.
    retstep : bool, default False
        Whether to return the distance too.
    dtype : dtype-like, default "float32"
        The dtype.
    axis : {0, -1}, default 0
        The only axis there is.

    Returns
    -------
    ndarray, or tuple of ndarray and float
        The numbers, and with ``retstep=True`` their distance.

    Examples
    --------
    >>> linspace(0.0, 1.0, 3)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    first, last = _checks.number("start", start), _checks.number("stop", stop)
    count, ends = _checks.count("num", num), _checks.flag("endpoint", endpoint)
    if _checks.integer("axis", axis) not in (0, -1):
        raise ValueError(f"axis: expected 0 or -1, found {axis}")
    found, step = np.linspace(first, last, count, ends, retstep=True, dtype=_dtype_of(dtype))
    return (found, float(step)) if _checks.flag("retstep", retstep) else found


def _shape(shape: Any) -> tuple[int, ...]:
    given = _checks.several(shape)
    axes = [shape] if given is None else given
    return tuple(_checks.count("shape", axis) for axis in axes)
