"""Checks of arguments: each returns the value in the form the core takes, or says what is wrong."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin.errors import ShapeError

Array = NDArray[Any]

# NumPy has one object for each; a comparison by name takes a microsecond.
_NATIVE = {name: np.dtype(name) for name in ("float32", "float64")}


def integer(name: str, value: object, *, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`; a NumPy integer is one, a flag is not."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {_type(value)}")
    number = operator.index(value)
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}")
    return number


def number(
    name: str,
    value: object,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
) -> float:
    """Return `value` as a finite float inside the bounds."""
    if isinstance(value, bool | np.bool_ | str | bytes):
        raise TypeError(f"{name} must be a number, got {value!r} of type {_type(value)}")
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r} of type {_type(value)}") from None
    if not math.isfinite(result):
        raise ValueError(f"{name} must be finite, got {result}")
    if not (at_least <= result <= at_most and above < result < below):
        bounds = {
            "at least": at_least, "above": above, "at most": at_most, "below": below
        }  # fmt: skip
        words = " and ".join(f"{k} {v:g}" for k, v in bounds.items() if math.isfinite(v))
        raise ValueError(f"{name} must be {words}, got {result:g}")
    return result


def flag(name: str, value: object) -> bool:
    """Return `value` as a bool; only true flags are accepted, and 0 and 1."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise TypeError(f"{name} must be True or False, got {value!r} of type {_type(value)}")


def float_dtype(name: str, value: object) -> str:
    """Return "float32" or "float64" for anything NumPy understands as one of the two."""
    for native, dtype in _NATIVE.items():
        if value is dtype:
            return native
    try:
        found = np.dtype(value).name  # type: ignore[call-overload]
    except TypeError:
        found = None
    if value is None or found not in ("float32", "float64"):
        raise TypeError(f"{name} must be 'float32' or 'float64', got {value!r}")
    return str(found)


def feature_shape(name: str, shape: object) -> tuple[int, ...]:
    """Return the shape of one sample: a tuple of one or more counts."""
    if isinstance(shape, int | np.integer) and not isinstance(shape, bool):
        shape = (shape,)
    if not isinstance(shape, Iterable) or isinstance(shape, str | bytes):
        raise TypeError(f"{name} must be a tuple of integers, got {shape!r}")
    axes = tuple(shape)
    if not axes or any(axis is None for axis in axes):
        raise ShapeError(f"{name} must have one or more axes of known length, got {axes}")
    try:
        return tuple(integer(name, axis, minimum=1) for axis in axes)
    except ValueError:
        raise ShapeError(f"{name} must have axes of length 1 or more, got {axes}") from None


def batched_shape(name: str, shape: object) -> tuple[int, ...]:
    """Return the shape of one sample, given a shape whose first axis is the batch."""
    if not isinstance(shape, Sequence | np.ndarray) or isinstance(shape, str | bytes):
        raise TypeError(f"{name} must be a tuple such as (None, 784), got {shape!r}")
    if len(shape) < 2:
        raise ShapeError(
            f"{name} must start with the batch axis, such as (None, 784), got {tuple(shape)}"
        )
    return feature_shape(name, tuple(shape)[1:])


def keywords(
    owner: str, given: Iterable[str], known: Iterable[str], unsupported: Mapping[str, str]
) -> None:
    """Refuse keyword arguments that nothing takes: name them, and the one that was meant."""
    for name in given:
        if name in unsupported:
            raise ValueError(f"{owner} does not support {name}: {unsupported[name]}")
        import difflib  # only messages need it

        close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise TypeError(f"{owner} got an unexpected keyword argument {name!r}{hint}")


def numeric(name: str, values: object) -> Array:
    """Return `values` as an array of real numbers, without a copy if it is one already."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # ragged nested lists
        raise ShapeError(f"{name} must be a rectangular array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        hint = ""
        if array.dtype.kind == "O" and array.ndim:
            hint = "; convert it first, for instance with .astype('float32')"
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}{hint}")
    return array


def floats(name: str, values: object, dtype: str, *, finite: bool = True) -> Array:
    """Return `values` as a C-contiguous, aligned, native array of `dtype`; finite if asked.

    No copy is made when it is such an array already.
    """
    array = numeric(name, values)
    flags = array.flags
    if array.dtype is _NATIVE.get(dtype) and flags.c_contiguous and flags.aligned:
        result = array
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            result = np.require(array, dtype=dtype, requirements=["C", "A"])
    if finite and result.size:
        flat = _core.first_non_finite(result)
        if flat is not None:
            index = ", ".join(str(int(i)) for i in np.unravel_index(flat, array.shape))
            value = array.reshape(-1)[flat] if array.ndim == 0 else array[_at(flat, array.shape)]
            reason = f", which {dtype} cannot hold" if np.isfinite(value) else ""
            raise ValueError(f"{name} must be finite, but {name}[{index}] is {value}{reason}")
    return result


def free_floats(name: str, values: object) -> Array:
    """Return `values` as an array the core takes: float64 stays, everything else is float32."""
    array = numeric(name, values)
    dtype = "float64" if array.dtype == np.float64 else "float32"
    return floats(name, array, dtype, finite=False)


def _at(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def _type(value: object) -> str:
    return type(value).__name__
