"""Functions on arrays and on values: one operation of the core, run at once or added to a graph."""

import math
from collections.abc import Callable, Mapping, Sequence
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np

from fanin import _checks, _core, layers
from fanin.errors import ShapeError
from fanin.layers import Layer
from fanin.layers._arrays import Array, refuse_views
from fanin.layers._costs import OfBatch
from fanin.layers._merging import side_by_side
from fanin.layers._operation import Operation
from fanin.layers._value import Value, call
from fanin.layers._variable import of_weight, refuse_outside, resolved

NAME = "operation"
"""What is called so computes arrays, and is gone then: it takes no number of its kind."""


def apply(make: Callable[..., Layer], operands: Sequence[Any]) -> Any:
    """Return what a layer makes of values; or of arrays, at once.

    Parameters
    ----------
    make : callable
        Makes the layer, with ``name=`` where its name is not to be seen.
    operands : sequence
        All values, or all arrays.

    Returns
    -------
    Value or ndarray
        What it makes.
    """
    if isinstance(operands[0], Value):
        layer = make()
        layer._of_ops = True
        return call(layer, operands)
    return _run(make(name=NAME), operands)


def operate(operation: str, operands: Sequence[Any], **options: Any) -> Any:
    """Return what an `Operation` with options makes of values or arrays."""
    return apply(lambda **name: Operation(operation, options, **name), operands)


def _run(layer: Layer, arrays: Sequence[Array]) -> Array:
    """Compute with all of each array as one sample: the bits are those of any other batch."""
    shapes = [array.shape or (1,) for array in arrays]
    dtype = arrays[0].dtype.name
    plan = _core.Plan(shapes, [layer.settings()], dtype, [(0, tuple(range(len(arrays))))])
    nothing = np.empty(0, dtype)
    given = [array.reshape(1, *shape) for array, shape in zip(arrays, shapes, strict=True)]
    made, _ = plan.forward(nothing, nothing, side_by_side(given), False)
    return made.reshape(plan.output_shapes[-1] if arrays[0].ndim else ())


def both(names: Sequence[str], given: Sequence[Any]) -> list[Any]:
    """Check operands of one function: what is neither a value nor a number is an array of floats.

    Parameters
    ----------
    names : sequence of str
        What the arguments are called.
    given : sequence
        Values, arrays, numbers.

    Returns
    -------
    list
        Values and numbers as they are; arrays all of one dtype, float64 if one of them is.
    """
    refuse_outside(given)
    given = [resolved(x) for x in given]
    if _is_value(given):
        return [_beside_values(name, x) for name, x in zip(names, given, strict=True)]
    numbers = [as_number(name, x) for name, x in zip(names, given, strict=True)]
    arrays = [
        _checks.numeric(name, x) if number is None else np.asarray(number)
        for name, x, number in zip(names, given, numbers, strict=True)
    ]
    dtype = _dtype(given, arrays)
    if None not in numbers:  # nothing but numbers: one of them is an array
        return [np.asarray(numbers[0], dtype), *numbers[1:]]
    return [
        _nonempty(name, _checks.floats(name, x, dtype, finite=False)) if number is None else number
        for name, x, number in zip(names, arrays, numbers, strict=True)
    ]


def _is_value(given: Sequence[Any]) -> bool:
    return any(isinstance(x, Value) for x in given)


def _dtype(given: Sequence[Any], arrays: Sequence[Array]) -> str:
    """Return the dtype to compute arrays in: what has none, as lists, counts if all have none."""
    dtypes = [x.dtype for x in given if isinstance(x, np.ndarray | np.generic)]
    plain = not dtypes and any(
        array.dtype.kind == "f" and not isinstance(x, int)
        for x, array in zip(given, arrays, strict=True)
    )
    return "float64" if plain or np.dtype("float64") in dtypes else "float32"


def as_number(name: str, x: Any) -> float | None:
    """Return a number as a float, infinite and NaN ones too; None for what is none."""
    if isinstance(x, np.ndarray | np.generic) and x.ndim == 0 and x.dtype.kind in "fiub":
        return float(x)
    try:
        return float(x) if isinstance(x, bool | int | float) else None
    except OverflowError:
        found = _checks.found(x)
        raise ValueError(f"{name}: expected numbers that float64 can hold, found {found}") from None


def _beside_values(name: str, x: Any) -> Any:
    """Return a value, a number or a constant array."""
    if isinstance(x, Value):
        return x
    number = as_number(name, x)
    if number is not None:
        if math.isnan(number):
            raise ValueError(f"{name}: expected a number beside a value, found nan")
        return number
    refuse_views(x)
    return _nonempty(name, _checks.floats(name, x, "float64"))


def one(name: str, x: Any) -> Any:
    """Return a value, or an array of floats; a number is an array without axes."""
    x = resolved(x)
    return x if isinstance(x, Value) else both([name], [x])[0]


def _nonempty(name: str, array: Array) -> Array:
    if not array.size:
        raise ShapeError(f"{name}: expected an array of one or more numbers, found {array.shape}")
    return array


def combine(operation: str, names: Sequence[str], given: Sequence[Any]) -> Any:
    """Return what a function of two or three operands makes of them, number by number."""
    if any(isinstance(x, OfBatch) for x in given):
        return _of_batch(operation, given)
    made = of_weight(operation, given)
    if made is not None:
        return made
    operands = _levelled(both(names, given))
    inputs = [x for x in operands if not _is_constant(x, operands)]
    _check_axes(names, operands, inputs)
    layer = None if len(inputs) < len(operands) else _LAYERS.get(operation)
    if layer is not None:
        return apply(getattr(layers, layer), inputs)
    if operation in _LINEAR and len(inputs) == 1:
        place = next(place for place, x in enumerate(operands) if x is inputs[0])
        number = operands[1 - place]
        if isinstance(number, float) and math.isfinite(number):
            scale, offset = _LINEAR[operation](place, number)
            return apply(lambda **name: layers.Rescaling(scale, offset, **name), inputs)
    return operate(operation, inputs, **constants(operands, inputs))


_OPERATORS = {"add": add, "subtract": sub, "multiply": mul, "divide": truediv}


def _of_batch(operation: str, given: Sequence[Any]) -> Any:
    """Return what a function makes of numbers of a whole batch: what operators make of them."""
    made = _OPERATORS.get(operation)
    if made is None:
        raise TypeError(
            f"expected operands of samples, found {given[0]!r}: add_loss takes it, and before that "
            "sums, differences, multiples"
        )
    return made(*given)


def _levelled(operands: list[Any]) -> list[Any]:
    """Return operands of which weights beside values of batches have as many axes as samples."""
    batched = [x for x in operands if isinstance(x, Value) and x.batched]
    if not batched or all(x.batched for x in operands if isinstance(x, Value)):
        return operands
    axes = max(len(x.sample) for x in batched)
    return [_level(x, axes) if isinstance(x, Value) and not x.batched else x for x in operands]


def _level(x: Value, axes: int) -> Value:
    sample = x.sample
    while len(sample) > axes and sample[0] == 1:
        sample = sample[1:]
    if len(sample) > axes:
        raise ShapeError(
            f"expected a weight that is broadcast to samples of {axes} axes, found one of shape "
            f"{x.shape}"
        )
    made: Value = beside_batches(reshaped(x, (*[1] * (axes - len(sample)), *sample)))
    return made


def beside_batches(x: Any) -> Any:
    """Return what is the same for all samples as a value of batches."""
    if not isinstance(x, Value) or x.batched:
        return x
    made = Value(x.layer, x.reads, x.sample)
    made.where = x.where
    return made


_LAYERS = {
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "maximum": "Maximum",
    "minimum": "Minimum",
}
"""Operations that are layers, where no operand is a constant."""

_LINEAR: Mapping[str, Callable[[int, float], tuple[float, float]]] = {
    "add": lambda place, number: (1.0, number),
    "subtract": lambda place, number: (1.0, -number) if place == 0 else (-1.0, number),
    "multiply": lambda place, number: (number, 0.0),
}
"""Operations with a number that are a multiple and a number more, where the operand has a place."""


def _is_constant(x: Any, operands: Sequence[Any]) -> bool:
    """Whether an operand is part of the operation: beside values, all that is none."""
    return isinstance(x, float) or (isinstance(x, np.ndarray) and _is_value(operands))


def constants(operands: Sequence[Any], inputs: Sequence[Any]) -> dict[str, Any]:
    """Return the options that say which operands are constants."""
    first = inputs[0]
    batched = isinstance(first, Value) and first.batched
    axes = max(x.ndim for x in inputs)
    return {
        f"operand_{place}": _constant(x, axes if batched else None)
        for place, x in enumerate(operands)
        if _is_constant(x, operands)
    }


def _constant(x: Any, axes: int | None) -> dict[str, Any]:
    """Describe a constant beside values of so many axes, the first of which is not its own."""
    if isinstance(x, float):
        return {"kind": "constant", "shape": (), "values": (x,)}
    shape = x.shape[1:] if x.ndim == axes else x.shape
    return {"kind": "constant", "shape": shape, "values": tuple(x.ravel().tolist())}


def _check_axes(names: Sequence[str], operands: Sequence[Any], inputs: Sequence[Any]) -> None:
    """Refuse what NumPy would take the axis of the batch for another one of."""
    if not isinstance(inputs[0], Value):
        return
    for name, x in zip(names, operands, strict=True):
        if isinstance(x, Value) and (x.batched, x.ndim) != (inputs[0].batched, inputs[0].ndim):
            found = " and ".join(str(value.shape) for value in inputs)
            raise ShapeError(
                f"{name}: expected values of as many axes as others, the first of which is that "
                f"of the batch, found {found}; expand_dims adds one"
            )
        limit = inputs[0].ndim
        constant = isinstance(x, np.ndarray) and inputs[0].batched
        if constant and (x.ndim > limit or (x.ndim == limit and x.shape[0] != 1)):
            raise ShapeError(
                f"{name}: expected a constant of the shape of samples, {inputs[0].sample}, or one "
                f"that is broadcast to it, found {x.shape}"
            )


# Axes.


def axis_of(x: Any, axis: Any, *, name: str = "axis", ends: int = 0) -> int:
    """Return an axis as one of the samples of a value, or of an array, from 0 on.

    Parameters
    ----------
    x : Value or ndarray
        Whose axis it is.
    axis : int
        Counted with that of the batch.
    name : str, default "axis"
        What the argument is called.
    ends : int, default 0
        How many axes there are besides: 1 where a new one is meant.

    Returns
    -------
    int
        The axis.

    Raises
    ------
    ValueError
        If there is no such axis, or it is that of the batch.
    """
    axes = x.ndim + ends
    if axes == 0:
        raise ValueError(f"{name}: expected an array of one or more axes, found a number")
    at: int = _checks.integer(name, axis, minimum=-axes, maximum=axes - 1) % axes
    if not isinstance(x, Value) or not x.batched:
        return at
    if at == 0:
        raise ValueError(
            f"{name}: expected an axis of the samples, since values stand for batches of any "
            f"length, found {axis}, which is that of the batch"
        )
    return at - 1


def axes_of(x: Any, axis: Any) -> list[int]:
    """Return axes, each once and in order, as those of samples; of an array None is all of them."""
    if axis is None:
        if isinstance(x, Value) and x.batched:
            raise ValueError(
                "axis: expected axes of the samples, since values stand for batches of any length, "
                "found None, which is all axes"
            )
        return [*range(x.ndim)]
    given = _checks.several(axis)
    axes = [axis_of(x, one) for one in ([axis] if given is None else given)]
    if len(set(axes)) != len(axes):
        raise ValueError(f"axis: expected each axis once, found {axis}")
    return sorted(axes)


def sample_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a sample of a value, or of an array."""
    return x.sample if isinstance(x, Value) else x.shape


def reshaped(x: Any, sample: tuple[int, ...]) -> Any:
    """Return the same numbers in samples, or an array, of another shape."""
    if not isinstance(x, Value):
        return x.reshape(sample)
    if sample == x.sample:
        return x
    if not sample:
        return operate("reshape", [x], target_shape=())
    return apply(lambda **name: layers.Reshape(sample, **name), [x])
