"""What is no array of numbers yet: what can be read as one, and a sentence for what cannot."""

import decimal
import fractions
import sys
from collections.abc import Iterator, Mapping, Set
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fanin._checks._columns import made_by, of_frame
from fanin._checks._messages import found
from fanin.errors import ShapeError

Array = NDArray[Any]

_NUMBERS = (int, float, np.bool_, np.integer, np.floating, decimal.Decimal, fractions.Fraction)


def as_numbers(name: str, values: object) -> Array:
    """Return `values` as an array of real numbers, or say what they are instead.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    values : object
        An array, nested lists, a data frame, ….

    Returns
    -------
    ndarray
        Of real numbers; float64 where the elements were Python objects, as frames of several types
        give them.

    Raises
    ------
    ShapeError
        If nested lists are not rectangular.
    ValueError
        If some values are masked or missing.
    TypeError
        If they are not numbers.
    """
    if made_by(values):
        values = of_frame(name, values)
    _refuse_other_containers(name, values)
    _refuse_masked(name, values)
    try:
        array = np.asarray(values)
    except ValueError as error:  # ragged nested lists
        raise ShapeError(
            f"{name}: expected a rectangular array of numbers, found {_called(values)}: {error}"
        ) from None
    except (TypeError, RuntimeError) as error:  # tensors that NumPy cannot see
        raise TypeError(
            f"{name}: expected an array of numbers, found {_called(values)}, which NumPy cannot "
            f"read: {error}"
        ) from None
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind == "O" and array.ndim:
        return _from_objects(name, array, _columns(values))
    _refuse_dtype(name, array, values)


def _it(name: str) -> str:
    """Return how code in a message refers to the argument called `name`."""
    return name if name.isidentifier() else "values"


def _called(values: object) -> str:
    """Return what kind of thing `values` is, with its article."""
    kind = type(values)
    module = kind.__module__.split(".")[0]
    called = kind.__name__ if module in ("builtins", "__main__") else f"{module} {kind.__name__}"
    return f"{'an' if called[0].lower() in 'aeiou' else 'a'} {called}"


def _refuse_other_containers(name: str, values: object) -> None:
    """Refuse what holds numbers in a form that NumPy would make one object of."""
    if hasattr(values, "nnz") and (hasattr(values, "toarray") or hasattr(values, "todense")):
        dense = "toarray" if hasattr(values, "toarray") else "todense"
        raise TypeError(
            f"{name}: expected a dense array, found {_called(values)} of shape "
            f"{getattr(values, 'shape', None)}, which is sparse; give {_it(name)}.{dense}()"
        )
    if isinstance(values, Mapping):
        raise TypeError(
            f"{name}: expected one array, found a dict with the keys "
            f"{', '.join(map(repr, list(values)[:8]))}; give one of its arrays"
        )
    if isinstance(values, Set):
        raise TypeError(f"{name}: expected an array, found a set, which has no order; give a list")
    if any(hasattr(values, way) for way in ("__array__", "__array_interface__", "__dlpack__")):
        return
    if isinstance(values, Iterator):
        raise TypeError(
            f"{name}: expected an array, found {_called(values)}, which gives its values once; "
            "collect them first, for instance with np.stack(list(...))"
        )
    if hasattr(values, "__iter__") and not hasattr(values, "__getitem__"):
        raise TypeError(
            f"{name}: expected an array, found {_called(values)}, which gives batches; join them "
            "first, for instance with np.concatenate([batch for batch in ...])"
        )


def _refuse_masked(name: str, values: object) -> None:
    """Refuse arrays of which a part is masked: the numbers under a mask mean nothing."""
    masked = sys.modules.get("numpy.ma")  # nobody has a masked array where it was not imported
    if masked is None:
        return
    members = values if isinstance(values, list | tuple) else [values]
    for member in members:
        if isinstance(member, masked.MaskedArray) and (mask := masked.getmaskarray(member)).any():
            raise ValueError(
                f"{name}: expected an array without masked values, found {int(mask.sum())} of "
                f"{mask.size} under the mask; leave those samples out, or say what they are with "
                f"{_it(name)}.filled(value)"
            )


def _columns(values: object) -> list[Any] | None:
    """Return the names of a data frame's columns."""
    columns = getattr(values, "columns", None)
    return None if columns is None else list(columns)


def _from_objects(name: str, array: Array, columns: list[Any] | None) -> Array:
    """Return Python numbers as float64, or name the first element that is none."""
    if all(issubclass(kind, _NUMBERS) for kind in set(map(type, array.flat))):
        try:
            return array.astype(np.float64)
        except OverflowError as error:
            raise ValueError(
                f"{name}: expected numbers that float64 can hold, found a larger one: {error}"
            ) from None
    flat = next(i for i, element in enumerate(array.flat) if not isinstance(element, _NUMBERS))
    index = tuple(int(i) for i in np.unravel_index(flat, array.shape))
    element = array[index]
    where = f"[{', '.join(map(str, index))}]"
    if columns is not None and array.ndim == 2:
        where = f"row {index[0]} of column {columns[index[1]]!r}"
    if element is None or type(element).__name__ in ("NAType", "NaTType"):
        some = any(isinstance(other, _NUMBERS) for other in array.flat)
        raise (ValueError if some else TypeError)(
            f"{name}: expected numbers, found a missing value ({element}) at {where}; fill it or "
            "leave the sample out"
        )
    if isinstance(element, str | bytes):
        _refuse_text(name, element, where)
    raise TypeError(
        f"{name}: expected numbers, found {found(element)} of type {type(element).__name__} "
        f"at {where}"
    )


def _refuse_text(name: str, element: str | bytes, where: str) -> NoReturn:
    raise TypeError(
        f"{name}: expected numbers, found the text {str(element)!r} at {where}; number the classes "
        f"first, for instance with np.unique({_it(name)}, return_inverse=True)[1]"
    )


def _refuse_dtype(name: str, array: Array, values: object) -> NoReturn:
    """Say what an array holds in place of real numbers."""
    kind = array.dtype.kind
    if kind == "O":  # one object, which NumPy could not look into
        raise TypeError(f"{name}: expected an array of numbers, found {found(values)}")
    if kind in "US":
        where = f"[{', '.join('0' * array.ndim)}]" if array.ndim else "its only place"
        _refuse_text(name, array.flat[0] if array.size else "", where)
    if kind == "T":
        _refuse_text(name, str(array.flat[0]) if array.size else "", "its first place")
    if kind == "c":
        raise TypeError(
            f"{name}: expected real numbers, found complex ones ({array.dtype}); give "
            f"{_it(name)}.real, or real and imaginary parts as features of their own"
        )
    if kind in "mM":
        raise TypeError(
            f"{name}: expected numbers, found {array.dtype}, which is a time; turn it into a "
            "number of days or seconds first"
        )
    if array.dtype.names:
        raise TypeError(
            f"{name}: expected one array of numbers, found a structured array with the fields "
            f"{', '.join(array.dtype.names)}; stack them first"
        )
    raise TypeError(
        f"{name}: expected an array of real numbers, found dtype {array.dtype}; convert it first, "
        f"for instance with {_it(name)}.astype('float32')"
    )
