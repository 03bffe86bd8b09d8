"""Checks of arguments: each returns the value in the form the core takes, or says what is wrong.

One voice for all of the package: ``NAME: expected X, found Y``, as the core's messages have it.
A wrong kind of object is a TypeError, a wrong value a ValueError, a wrong shape a ShapeError.
"""

import math
import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin._absences import _reasons
from fanin._checks._messages import close_names
from fanin._checks._messages import did_you_mean as did_you_mean
from fanin._checks._messages import found as found
from fanin._checks._messages import warn as warn
from fanin.errors import ShapeError

Array = NDArray[Any]
FloatArray: TypeAlias = NDArray[np.float32 | np.float64]
"""Parameters, gradients, outputs: all of one dtype, that of the network or of the argument."""

# NumPy has one object for each; a comparison by name takes a microsecond.
_NATIVE = {name: np.dtype(name) for name in ("float32", "float64")}


def integer(
    name: str, value: object, *, minimum: int | None = None, maximum: int | None = None
) -> int:
    """Return `value` as an int inside the bounds; a NumPy integer is one, a flag is not."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: expected {_whole(minimum, maximum)}, found {found(value)}")
    try:
        number = operator.index(value)
    except TypeError:  # an array of several has the method too
        raise TypeError(
            f"{name}: expected {_whole(minimum, maximum)}, found {found(value)}"
        ) from None
    if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
        raise ValueError(f"{name}: expected {_whole(minimum, maximum)}, found {found(number)}")
    return number


def _whole(minimum: int | None, maximum: int | None) -> str:
    if minimum is None or maximum is None:
        bound = f" of at least {minimum}" if minimum is not None else ""
        return "a whole number" + (f" of at most {maximum}" if maximum is not None else bound)
    return f"a whole number from {minimum} to {maximum}"


def count(name: str, value: object, *, minimum: int = 0, maximum: int = 2**63 - 1) -> int:
    """Return `value` as a number of things; the message says only the bound that it passes.

    Without a maximum, there are no more things than memory has places.
    """
    if type(value) is int and minimum <= value <= maximum:  # as nearly always
        return value
    return integer(name, integer(name, value, minimum=minimum), maximum=maximum)


def several(value: object) -> list[Any] | None:
    """Return several values as a list; None for a single one, which a text is.

    Examples
    --------
    >>> several((1, 2)), several("ab"), several(np.array(3))
    ([1, 2], None, None)
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return None
    try:
        return list(value)
    except TypeError:  # an array without axes
        return None


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
    result = None
    if not isinstance(value, bool | np.bool_ | str | bytes):
        try:
            result = float(value)  # type: ignore[arg-type]
        except OverflowError:
            result = math.inf
        except (TypeError, ValueError):
            pass
    if result is not None and at_least <= result <= at_most and above < result < below:
        return result
    # Words are made for a refusal only: every initializer asks for a number or two.
    bounds = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    given = [f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound)]
    within = f" {' and '.join(given)}" if given else ""
    if result is None:
        raise TypeError(f"{name}: expected a number{within}, found {found(value)}")
    if not math.isfinite(result):
        raise ValueError(f"{name}: expected a finite number{within}, found {found(value)}")
    raise ValueError(f"{name}: expected a number{within}, found {result:g}")


def number_or_infinity(name: str, value: object) -> float:
    """Return `value` as a number that may be infinite."""
    if isinstance(value, float | np.floating) and np.isinf(value):
        return float(value)
    try:
        return number(name, value)
    except ValueError:
        raise ValueError(
            f"{name}: expected a number, finite or infinite, found {found(value)}"
        ) from None


def axis_of(array: Array, axis: object) -> int:
    """Return `axis` if the array `x` has it."""
    if array.ndim == 0:
        raise ValueError("x: expected an array of one or more axes, found a number")
    return integer("axis", axis, minimum=-array.ndim, maximum=array.ndim - 1)


def flag(name: str, value: object) -> bool:
    """Return `value` as a bool; only true flags are accepted, and 0 and 1."""
    if value is True or value is False:  # at once: every pass of a layer asks
        return value is True
    if isinstance(value, bool | np.bool_) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise TypeError(f"{name}: expected True or False, found {found(value)}")


def as_it_is(name: str, value: Any) -> Any:
    """Return `value`: for options that are looked at elsewhere."""
    return value


def text(name: str, value: object) -> str:
    """Return `value` if it is text."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected text, found {found(value)}")
    return value


def one_of(name: str, value: object, choices: Collection[str]) -> str:
    """Return `value` if it is one of some words; the message suggests the one that was meant."""
    if isinstance(value, str) and value in choices:
        return value
    words = " or ".join(repr(choice) for choice in choices)
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected {words}, found {found(value)}")
    hint = did_you_mean(value, choices)
    raise ValueError(f"{name}: expected {words}, found {found(value)}{hint}")


def unknown(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """Build the error for a name that no registry holds.

    Parameters
    ----------
    kind : str
        What was looked up, as the user would call it: ``"activation"``.
    name : object
        The name that was given.
    known : iterable of str
        The names there are.

    Returns
    -------
    ValueError
        Its message says what to use instead of what Keras has, suggests the close matches, or
        else lists what is known.

    Examples
    --------
    >>> print(unknown("activation", "rleu", ["relu", "tanh"]))
    unknown activation 'rleu'; did you mean 'relu'?
    """
    reason = _reasons.registered(kind, name)
    if reason is not None:
        return ValueError(reason)
    names = sorted(known)
    close = close_names(name, names)
    if close:
        hint = f"did you mean {' or '.join(repr(n) for n in close)}?"
    else:
        hint = f"known: {', '.join(names)}"
    return ValueError(f"unknown {kind} {found(name)}; {hint}")


def float_dtype(name: str, value: object) -> str:
    """Return "float32" or "float64" for anything NumPy understands as one of the two."""
    for native, dtype in _NATIVE.items():
        if value is dtype:
            return native
    try:
        dtype_name = np.dtype(value).name  # type: ignore[call-overload]
    except Exception:  # NumPy prints the value, whatever its repr raises
        dtype_name = None
    if value is None or dtype_name not in ("float32", "float64"):
        raise TypeError(f"{name}: expected 'float32' or 'float64', found {found(value)}")
    return str(dtype_name)


def feature_shape(name: str, shape: object) -> tuple[int, ...]:
    """Return the shape of one sample: a tuple of one or more counts."""
    if isinstance(shape, int | np.integer) and not isinstance(shape, bool):
        shape = (shape,)
    given = several(shape)
    if given is None:
        raise TypeError(f"{name}: expected a tuple of integers, found {found(shape)}")
    axes = tuple(given)
    if not axes or any(axis is None for axis in axes):
        raise ShapeError(f"{name}: expected one or more axes of known length, found {found(axes)}")
    try:
        return tuple(count(name, axis, minimum=1) for axis in axes)
    except ValueError:
        raise ShapeError(
            f"{name}: expected axes of length 1 or more, below 2**63, found {found(axes)}"
        ) from None


def batched_shape(name: str, shape: object) -> tuple[int, ...]:
    """Return the shape of one sample, given a shape whose first axis is the batch."""
    if not isinstance(shape, Sequence | np.ndarray) or isinstance(shape, str | bytes):
        raise TypeError(f"{name}: expected a tuple such as (None, 784), found {found(shape)}")
    if len(shape) == 1 and shape[0] is None:
        return ()  # one number a sample
    if len(shape) < 2:
        shown = found(tuple(shape))
        raise ShapeError(
            f"{name}: expected the batch axis first, such as (None, 784), found {shown}"
        )
    return feature_shape(name, tuple(shape)[1:])


def keywords(
    owner: str, given: Iterable[str], known: Iterable[str], unsupported: Mapping[str, str]
) -> None:
    """Refuse keyword arguments that nothing takes: name them, and the one that was meant."""
    for name in given:
        if name in unsupported:
            raise ValueError(f"{owner} does not support {name}: {unsupported[name]}")
        raise _reasons.argument(owner, name, known)


def numeric(name: str, values: object) -> Array:
    """Return `values` as an array of real numbers, without a copy if it is one already."""
    if type(values) is np.ndarray and values.dtype.kind in "fiub":
        return values
    from fanin._checks import _array_likes  # lists, frames and all that is refused

    return _array_likes.as_numbers(name, values)


def floats(name: str, values: object, dtype: str, *, finite: bool = True) -> FloatArray:
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
            raise ValueError(f"{name}: expected finite numbers, found {value} at [{index}]{reason}")
    return result


def free_floats(name: str, values: object) -> FloatArray:
    """Return `values` as an array the core takes: float64 stays, everything else is float32."""
    array = numeric(name, values)
    dtype = "float64" if array.dtype == np.float64 else "float32"
    return floats(name, array, dtype, finite=False)


def _at(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def thread_count(value: int | None) -> int | None:
    """Return how many threads to use; None for as many as there are."""
    return None if value is None else integer("threads", value, minimum=1, maximum=2**31)
