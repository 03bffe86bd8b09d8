"""What initializers ask of their arguments, and of functions that are used as one."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from fanin._checks import found, numeric
from fanin.errors import ShapeError
from fanin.random import Rng, drawing
from fanin.streams._base import sizes

Array: TypeAlias = npt.NDArray[np.float16 | np.float32 | np.float64]
"""What initializers return; bfloat16 too, which NumPy has no type for."""
ShapeLike: TypeAlias = int | Sequence[int]


def check_for_numpy(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape`, or say so if NumPy cannot count its elements or dimensions."""
    try:
        np.broadcast_to(0.0, shape)
    except ValueError as error:
        raise ShapeError(f"shape: {error}, found {shape}") from None
    return shape


def check_dtype(dtype: npt.DTypeLike | None) -> str:
    """Return the name of `dtype`, which is float32 unless given."""
    if dtype is None:
        return "float32"
    if type(dtype) is str and dtype in _CHARACTERS:
        return dtype
    if isinstance(dtype, str) and dtype == "bfloat16":
        dtype = _bfloat16()
    try:
        known = np.dtype(dtype)
    except Exception:  # NumPy prints the value, whatever its repr raises
        known = np.dtype(object)
    # Of the machine's own byte order: that of another is no dtype of the kernels.
    if known.name not in _DTYPES or not known.isnative:
        raise TypeError(f"dtype: expected {_DTYPES_IN_WORDS}, found {found(dtype)}")
    return known.name


_DTYPES = ("float32", "float64", "float16", "bfloat16")
_CHARACTERS = {"float32": "f", "float64": "d"}  # NumPy takes its time over names
_DTYPES_IN_WORDS = "float32 or float64, float16 or bfloat16"


def _bfloat16() -> npt.DTypeLike:
    """Return the type that NumPy does not have by itself."""
    try:
        import ml_dtypes  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise TypeError(
            "dtype: expected the package ml_dtypes for bfloat16, found that it is not installed"
        ) from None
    return cast("npt.DTypeLike", ml_dtypes.bfloat16)


def compute_dtype(name: str) -> str:
    """Return the type in which values of the type called `name` are computed."""
    return "float64" if name == "float64" else "float32"


def round_to(values: Array, name: str) -> Array:
    """Return `values` in the type called `name`, rounded to nearest, if it holds them all."""
    if values.dtype.char == _CHARACTERS.get(name) or values.dtype.name == name:
        return values
    with np.errstate(over="ignore"):
        array = values.astype(name)
    check_finite(array, values)
    return array


def check_finite(array: Array, values: Array) -> None:
    """Refuse an array that does not hold what was drawn for it."""
    if not np.isfinite(array).all():
        largest = np.abs(values).max()
        raise ValueError(
            f"dtype: expected one that holds {largest:.6g}, found {array.dtype.name}"
            if np.isfinite(largest)
            else f"dtype: expected one that holds what was drawn, found {array.dtype.name}"
        )


def check_out(out: object) -> Array:
    """Return `out` if it is an array that can be filled, or say what is wrong with it."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected a NumPy array, found a {type(out).__name__}")
    if out.dtype.name not in _DTYPES or not out.dtype.isnative:
        raise TypeError(f"out: expected an array of {_DTYPES_IN_WORDS}, found {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out: expected an array that can be written to, found a read-only one")
    strides = zip(out.shape, out.strides, strict=True)
    if out.size and out.itemsize + sum((n - 1) * abs(step) for n, step in strides) < out.nbytes:
        raise ValueError(
            "out: expected an array of which each element has memory of its own, found elements "
            "that share memory, as those of a broadcast one do"
        )
    return out


def call_and_check(
    function: Callable[..., Any],
    shape: ShapeLike,
    dtype: npt.DTypeLike | None,
    rng: Rng,
    path: str = "",
) -> Array:
    """Call foreign code with as many of the arguments as it takes, and check what it returns."""
    axes, name = sizes(shape), check_dtype(dtype)
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
    with nullcontext() if rng is None else drawing(rng):
        return _check_returned(function(axes, **given), axes, name, f"initializer {shown}", path)


def _check_returned(result: Any, axes: tuple[int, ...], name: str, shown: str, path: str) -> Array:
    """Return what foreign code made as a new array, if it is one of finite numbers."""
    place = f" for {path}" if path else ""
    try:
        # bfloat16, which JAX's functions return, is none of NumPy's own types.
        own = getattr(getattr(result, "dtype", None), "name", None) == "bfloat16"
        given = np.asarray(result) if own else numeric(shown, result)
    except TypeError:
        raise TypeError(
            f"{shown}: expected an array of numbers{place}, found {found(result)}"
        ) from None
    with np.errstate(over="ignore", invalid="ignore"):
        array = np.array(given, dtype=name, order="C")
    if array.shape != axes:
        raise ShapeError(f"{shown}: expected an array of shape {axes}{place}, found {array.shape}")
    if not (finite := np.isfinite(array)).all():
        where = np.unravel_index(int(finite.argmin()), axes)
        reason = f", which {name} cannot hold" if np.isfinite(float(given[where])) else ""
        index = ", ".join(str(int(i)) for i in where)
        raise ValueError(
            f"{shown}: expected finite numbers{place}, found {given[where]} at [{index}]{reason}"
        )
    return array


def missing_arguments(kind: Callable[..., Any], given: Mapping[str, Any]) -> list[str]:
    """List the arguments without which a class cannot be called, of those not given."""
    return [
        parameter.name
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and parameter.name not in given
    ]
