"""Values of a network in the making, which layers are called on instead of arrays."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from fanin import _checks
from fanin.errors import ShapeError

if TYPE_CHECKING:
    from fanin.layers._base import Layer, Stacked
    from fanin.layers._shape import InputLayer
    from fanin.layers._tracing import Trace
else:
    Stacked = object


the_trace: "ContextVar[Trace | None]" = ContextVar("trace", default=None)
"""The run of a `call` of users' that is on in this thread, if one is; see `_tracing`."""
trace_now = the_trace.get
the_loss: ContextVar[str] = ContextVar("loss", default="")
"""The loss of a user's that runs on values, by its name."""


class Value(Stacked):
    """What a layer makes of other values, whatever the samples will be; or an input.

    It has a shape and no numbers. `Input` makes the first ones, a layer that is called on values
    makes another, and so do operators and the functions of `fanin.ops`; `fanin.Model` makes a
    network of them.

    Parameters
    ----------
    layer : Layer or InputLayer
        What makes it.
    reads : sequence of Value
        What it is made of; nothing for an input.
    shape : tuple of int
        Shape of one sample.
    """

    batched: ClassVar[bool] = True
    """Whether it stands for batches of any length, whose axis is not one of `sample`."""
    mode: bool | None = None
    """What the layer was told of training: it runs so, whatever the network does."""
    where: str = ""
    """In a trace: the user's line."""

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
        return (None, *self.sample) if self.batched else self.sample

    @property
    def ndim(self) -> int:
        """The number of axes, with that of the batch."""
        return len(self.shape)

    @property
    def dtype(self) -> str:
        """The dtype of the numbers: "float32" if no layer says otherwise; of an input its own."""
        own = getattr(self.layer, "dtype", None)
        return "float32" if own is None else str(own)

    @property
    def name(self) -> str:
        """The name of the layer that makes it."""
        return self.layer.name

    # Operators, as those of NumPy's arrays, by `fanin.ops`.

    def __add__(self, other: Any) -> Any:
        return _operated("add", self, other)

    def __sub__(self, other: Any) -> Any:
        return _operated("subtract", self, other)

    def __mul__(self, other: Any) -> Any:
        return _operated("multiply", self, other)

    def __truediv__(self, other: Any) -> Any:
        return _operated("divide", self, other)

    def __matmul__(self, other: Any) -> Any:
        return _operated("matmul", self, other)

    def __radd__(self, other: Any) -> Any:
        return _operated("add", other, self)

    def __rsub__(self, other: Any) -> Any:
        return _operated("subtract", other, self)

    def __rmul__(self, other: Any) -> Any:
        return _operated("multiply", other, self)

    def __rtruediv__(self, other: Any) -> Any:
        return _operated("divide", other, self)

    def __rmatmul__(self, other: Any) -> Any:
        return _operated("matmul", other, self)

    def __pow__(self, exponent: Any) -> Any:
        return _operated("power", self, exponent)

    def __rpow__(self, base: Any) -> Any:
        return _operated("power", base, self)

    def __mod__(self, other: Any) -> Any:
        return _operated("mod", self, other)

    def __rmod__(self, other: Any) -> Any:
        return _operated("mod", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _operated("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _operated("floor_divide", other, self)

    def __and__(self, other: Any) -> Any:
        return _compared("logical_and", self, other)

    def __or__(self, other: Any) -> Any:
        return _compared("logical_or", self, other)

    def __xor__(self, other: Any) -> Any:
        return _compared("logical_xor", self, other)

    def __rand__(self, other: Any) -> Any:
        return self & other

    def __ror__(self, other: Any) -> Any:
        return self | other

    def __rxor__(self, other: Any) -> Any:
        return self ^ other

    def __invert__(self) -> Any:
        return _operated("logical_not", self)

    def __neg__(self) -> Any:
        return self * -1.0

    def __abs__(self) -> Any:
        return _operated("abs", self)

    def __eq__(self, other: object) -> Any:
        return _compared("equal", self, other)

    def __ne__(self, other: object) -> Any:
        return _compared("not_equal", self, other)

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __lt__(self, other: Any) -> Any:
        return _operated("less", self, other)

    def __le__(self, other: Any) -> Any:
        return _operated("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return _operated("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return _operated("greater_equal", self, other)

    def __getitem__(self, key: Any) -> Any:
        from fanin.ops import _index

        return _index.part(self, key)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse("an array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from fanin import ops

        name = _OF_NUMPY.get(ufunc.__name__)
        if name is not None and method == "__call__" and not options:
            return getattr(ops, name)(*inputs)  # an operator between an array and a value
        refuse_numpy(ufunc.__name__)

    def __array_function__(self, function: Any, kinds: Any, given: Any, options: Any) -> Any:
        if function in (np.shape, np.ndim):  # which values have
            return getattr(given[0], function.__name__)
        refuse_numpy(function.__name__)

    def __bool__(self) -> bool:
        self._refuse("True or False")

    def __float__(self) -> float:
        self._refuse("a number")

    def __int__(self) -> int:
        self._refuse("a number")

    def __index__(self) -> int:
        self._refuse("a number")

    def __len__(self) -> int:
        self._refuse("something of a length")

    def __iter__(self) -> Any:
        self._refuse("something to iterate over")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name[:1] != "_":
                from fanin import ops
                from fanin.layers import _tracing

                hint = f"; fanin.ops.{name}(x) is a function of values" if name in dir(ops) else ""
                where = "" if _tracing.now() is None else _tracing.line()
                raise AttributeError(f"values have no {name!r}{hint}{where}")
            raise AttributeError(name)

    def _refuse(self, expected: str) -> NoReturn:
        from fanin.layers import _tracing

        where = "" if _tracing.now() is None else _tracing.line()
        raise TypeError(f"expected {expected}, found {self!r}, which has no numbers{where}")

    def __repr__(self) -> str:
        return f"<Value shape={self.shape}, made by {self.name}>"


_OF_NUMPY = {
    **{name: name for name in ("add", "subtract", "multiply", "divide", "matmul", "power")},
    **{name: name for name in ("equal", "not_equal", "greater", "greater_equal", "less")},
    **{name: f"logical_{name.partition('_')[2]}" for name in ("bitwise_and", "bitwise_or")},
    **{"less_equal": "less_equal", "true_divide": "divide", "remainder": "mod"},
    **{"floor_divide": "floor_divide", "bitwise_xor": "logical_xor"},
}
"""What `fanin.ops` calls NumPy's functions that are operators."""


def refuse_numpy(name: str) -> NoReturn:
    """Refuse a function of NumPy, by its name, that is called on values."""
    from fanin import ops
    from fanin.layers import _tracing

    told = f"use fanin.ops.{name}" if name in dir(ops) else "use what fanin.ops has"
    where = "" if _tracing.now() is None else _tracing.line()
    raise TypeError(
        f"numpy.{name}: expected arrays, found values of a network, which have no numbers; "
        f"{told}, which takes both{where}"
    )


def _operated(function: str, x1: Any, x2: Any = None) -> Any:
    """Return what a function of `fanin.ops` makes of a value, and perhaps another operand."""
    from fanin import ops  # which imports this module

    if x2 is None and isinstance(x1, Value):
        return getattr(ops, function)(x1)
    other = x2 if isinstance(x1, Value) else x1
    number = isinstance(other, int | float | np.integer | np.floating)
    known = number or isinstance(other, Value | np.ndarray) or hasattr(other, "initializer")
    if isinstance(other, bool) or not known:  # a weight has an initializer
        return NotImplemented
    return getattr(ops, function)(x1, x2)


def _compared(operation: str, value: Value, other: object) -> Any:
    """Compare with a value, numbers or an array; with anything else as Python does."""
    if isinstance(other, Value | bool | int | float | np.number | np.bool_ | np.ndarray):
        given = float(other) if isinstance(other, bool | np.bool_) else other
        return _operated(operation, value, given)
    return NotImplemented


def are_values(x: object) -> bool:
    """Whether a layer that is given `x` is called on values."""
    if isinstance(x, Mapping):
        x = [*x.values()]
    return isinstance(x, Value) or (
        isinstance(x, list | tuple) and any(isinstance(part, Value) for part in x)
    )


def as_values(name: str, x: Any) -> list[Value]:
    """Return one value or several, in a list."""
    given = [x] if isinstance(x, Value) else [*(x.values() if isinstance(x, Mapping) else x)]
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
    if any(value.batched is not values[0].batched for value in values):
        found = " and ".join(str(value.shape) for value in values)
        raise ShapeError(f"{layer.name}: expected values of batches, or weights, found {found}")
    made = type(values[0])(layer, values, shape)
    if trace_now() is not None:
        from fanin.layers import _tracing

        made.where = _tracing.line()
    if told:
        layer._calls = (*layer._calls, made)
    return made
