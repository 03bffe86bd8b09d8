"""Values of a network in the making, which layers are called on instead of arrays."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fanin import _checks
from fanin.errors import ShapeError

if TYPE_CHECKING:
    from fanin.layers._base import Layer, Stacked
    from fanin.layers._shape import InputLayer
else:
    Stacked = object


class Value(Stacked):
    """What a layer makes of other values, whatever the samples will be; or an input.

    It has a shape and no numbers. `Input` makes the first ones, a layer that is called on values
    makes another, and so do ``+``, ``-`` and ``*``; `fanin.Model` makes a network of them.

    Parameters
    ----------
    layer : Layer or InputLayer
        What makes it.
    reads : sequence of Value
        What it is made of; nothing for an input.
    shape : tuple of int
        Shape of one sample.
    """

    __array_ufunc__ = None  # so that NumPy leaves operators to this class

    def __init__(
        self, layer: "Layer | InputLayer", reads: Sequence["Value"], shape: tuple[int, ...]
    ) -> None:
        self.layer: Layer | InputLayer = layer
        self.reads: tuple[Value, ...] = tuple(reads)
        self.sample: tuple[int, ...] = shape
        """Shape of one sample."""
        self.within: Sequence[Layer] | None = None
        """The layers of the model that was called and made it, if one was."""

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape with the batch axis as None."""
        return (None, *self.sample)

    @property
    def ndim(self) -> int:
        """The number of axes, with that of the batch."""
        return 1 + len(self.sample)

    @property
    def dtype(self) -> str:
        """The dtype of the numbers: "float32" if no layer says otherwise; of an input its own."""
        own = getattr(self.layer, "dtype", None)
        return "float32" if own is None else str(own)

    @property
    def name(self) -> str:
        """The name of the layer that makes it."""
        return self.layer.name

    def __add__(self, other: Any) -> Any:
        return _joined("Add", self, other, 1.0, 1.0)

    def __sub__(self, other: Any) -> Any:
        return _joined("Subtract", self, other, 1.0, -1.0)

    def __mul__(self, other: Any) -> Any:
        return _joined("Multiply", self, other, None, 0.0)

    def __radd__(self, other: Any) -> Any:
        return _joined("Add", self, other, 1.0, 1.0)

    def __rsub__(self, other: Any) -> Any:
        return _joined("Subtract", self, other, -1.0, 1.0)

    def __rmul__(self, other: Any) -> Any:
        return _joined("Multiply", self, other, None, 0.0)

    def __neg__(self) -> Any:
        return self * -1.0

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"expected an array, found {self!r}, which has no numbers")

    def __bool__(self) -> bool:
        raise TypeError(f"expected True or False, found {self!r}, which has no numbers")

    def __repr__(self) -> str:
        return f"<Value shape={self.shape}, made by {self.name}>"


def _joined(kind: str, value: Value, other: Any, scale: float | None, offset: float) -> Any:
    """Call a layer on two values; with a number ``scale * value + offset * number``.

    Where there is no `scale`, that is the number.
    """
    from fanin import layers  # which imports this module

    if isinstance(other, Value):
        return getattr(layers, kind)()([value, other])
    if isinstance(other, bool) or not isinstance(other, int | float | np.integer | np.floating):
        return NotImplemented
    number = _checks.number("a number beside a value", other)
    return layers.Rescaling(number if scale is None else scale, offset * number)(value)


def are_values(x: object) -> bool:
    """Whether a layer that is given `x` is called on values."""
    if isinstance(x, Mapping):
        x = [*x.values()]
    return isinstance(x, Value) or (
        isinstance(x, list | tuple) and any(isinstance(part, Value) for part in x)
    )


def as_values(name: str, x: Any) -> list[Value]:
    """Return one value or several, in a list."""
    given = [x] if isinstance(x, Value) else [*x]
    for place, value in enumerate(given):
        if not isinstance(value, Value):
            where = name if isinstance(x, Value) else f"{name}[{place}]"
            raise TypeError(f"{where}: expected a value, found {_checks.found(value)}")
    return given


def call(layer: "Layer", values: Sequence[Value], *, told: bool = True) -> Value:
    """Return what `layer` makes of values; told to the layer, whose `output` it then is."""
    try:
        shape = layer.shape_after([value.sample for value in values])
    except ShapeError as error:
        raise ShapeError(f"{layer.name}: {error}") from None
    made = Value(layer, values, shape)
    if told:
        layer._calls = (*layer._calls, made)
    return made
