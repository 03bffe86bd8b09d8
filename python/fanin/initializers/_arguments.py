"""What initializers ask of their arguments, and of functions that are used as one."""

import inspect
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from fanin.errors import ShapeError
from fanin.random import Rng

Array: TypeAlias = npt.NDArray[Any]
ShapeLike: TypeAlias = int | Sequence[int]


def checked_shape(shape: ShapeLike) -> tuple[int, ...]:
    """Return `shape` as a tuple of sizes, or say what is wrong with it."""
    try:
        given = shape if isinstance(shape, Iterable) else (shape,)
        sizes = tuple(operator.index(n) for n in given)
    except TypeError:
        raise TypeError(f"shape: expected whole numbers, found {shape!r}") from None
    if any(not 0 <= n < 2**63 for n in sizes):
        raise ShapeError(f"shape: expected sizes from 0 to 2**63 - 1, found {shape!r}")
    return sizes


def checked_for_numpy(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape`, or say so if NumPy cannot count its elements or dimensions."""
    try:
        np.broadcast_to(0.0, shape)
    except ValueError as error:
        raise ShapeError(f"shape: {error}, found {shape}") from None
    return shape


def checked_dtype(dtype: npt.DTypeLike | None) -> str:
    """Return the name of `dtype`, which is float32 unless given."""
    if dtype is None:
        return "float32"
    if type(dtype) is str and dtype in _CHARACTERS:
        return dtype
    if isinstance(dtype, str) and dtype == "bfloat16":
        dtype = _bfloat16()
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    # Of the machine's own byte order: that of another is no dtype of the kernels.
    if found.name not in _DTYPES or not found.isnative:
        raise TypeError(f"dtype: expected {_DTYPES_IN_WORDS}, found {dtype!r}")
    return found.name


_DTYPES = ("float32", "float64", "float16", "bfloat16")
_CHARACTERS = {"float32": "f", "float64": "d"}  # NumPy takes its time over names
_DTYPES_IN_WORDS = "float32 or float64, float16 or bfloat16"


def _bfloat16() -> npt.DTypeLike:
    """Return the type that NumPy does not have by itself."""
    try:
        import ml_dtypes  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise TypeError(
            "dtype: bfloat16 is a type of the package ml_dtypes, which is not installed"
        ) from None
    return cast("npt.DTypeLike", ml_dtypes.bfloat16)


def drawn_as(name: str) -> str:
    """Return the type in which values of the type called `name` are computed."""
    return "float64" if name == "float64" else "float32"


def rounded(values: Array, name: str) -> Array:
    """Return float32 or float64 `values` in the type called `name`, rounded to nearest."""
    if values.dtype.char == _CHARACTERS.get(name) or values.dtype.name == name:
        return values
    with np.errstate(over="ignore"):
        array = values.astype(name)
    if not np.isfinite(array).all() and np.isfinite(values).all():
        largest = np.abs(values).max()
        raise ValueError(f"dtype: expected one that holds {largest:.6g}, found {name}")
    return array


def checked_number(value: object, name: str) -> float:
    """Return `value` as a finite float."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name}: expected a number, found {value!r}")
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a number, found {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, found {value!r}")
    return number


def checked_out(out: object) -> Array:
    """Return `out` if it is an array that can be filled, or say what is wrong with it."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected a NumPy array, found {type(out).__name__}")
    if out.dtype.name not in _DTYPES or not out.dtype.isnative:
        raise TypeError(f"out: expected an array of {_DTYPES_IN_WORDS}, found {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out: the array is read-only")
    strides = zip(out.shape, out.strides, strict=True)
    if out.size and out.itemsize + sum((n - 1) * abs(step) for n, step in strides) < out.nbytes:
        raise ValueError("out: elements of the array share memory, as those of a broadcast one do")
    return out


def call_checked(
    function: Callable[..., Any], shape: ShapeLike, dtype: npt.DTypeLike | None, rng: Rng
) -> Array:
    """Call foreign code with as many of the arguments as it takes, and check what it returns."""
    sizes, name = checked_shape(shape), checked_dtype(dtype)
    shown = getattr(function, "__qualname__", repr(function))
    given: dict[str, Any] = {}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        # A function without a signature, written in C: as Keras calls it.
        given["dtype"] = name
    else:
        keywords = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        if "dtype" in parameters or keywords:
            given["dtype"] = name
        if "rng" in parameters and rng is not None:
            given["rng"] = rng
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        needed = [
            p.name
            for p in parameters.values()
            if p.default is p.empty and p.kind in positional and p.name not in given
        ]
        if len(needed) > 1:
            first = ", JAX's order" if needed[0] in ("key", "rng") else ""
            raise TypeError(
                f"initializer {shown}: expected a function of (shape), with dtype= and rng= if it "
                f"takes them, found one of ({', '.join(parameters)}){first}; wrap it in a function "
                "of the shape"
            )
    made = function(sizes, **given)
    try:
        if made is None:
            raise TypeError  # NumPy would make NaN of it
        array = np.array(made, dtype=name, order="C")
    except (TypeError, ValueError):
        raise TypeError(
            f"initializer {shown}: expected an array of numbers, found {type(made).__name__}"
        ) from None
    if array.shape != sizes:
        raise ShapeError(
            f"initializer {shown}: expected an array of shape {sizes}, found {array.shape}"
        )
    return array
