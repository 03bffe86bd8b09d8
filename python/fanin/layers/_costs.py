"""What a `call` of users' adds to the loss: values, and numbers that are of a whole batch."""

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from fanin import _checks
from fanin.layers import _tracing
from fanin.layers._operation import Operation
from fanin.layers._value import Value
from fanin.layers._variable import Variable


class OfBatch:
    """A mean or a sum over the samples of a batch, which stands for no number of a sample.

    `add_loss` takes it. What is linear can be done with it before; anything else would be of the
    batch as a whole, which no sample knows of.

    Parameters
    ----------
    value : Value
        What it is the mean or the sum of.
    mean : bool
        Which.
    """

    __array_ufunc__ = None  # so that NumPy leaves operators to this class

    def __init__(self, value: Value, mean: bool) -> None:
        self.value, self.mean = value, mean

    def _changed(self, value: Any) -> "OfBatch":
        return OfBatch(value, self.mean)

    def __add__(self, other: Any) -> "OfBatch":
        if isinstance(other, OfBatch):
            if other.mean is not self.mean:
                _refuse("a mean over the batch and a sum over it, added up; call add_loss twice")
            return self._changed(self.value + other.value)
        if _is_number(other) and self.mean:
            return self._changed(self.value + other)
        return _not_linear()

    def __sub__(self, other: Any) -> "OfBatch":
        return self.__add__(-1.0 * other)

    def __mul__(self, other: Any) -> "OfBatch":
        return self._changed(self.value * other) if _is_number(other) else _not_linear()

    def __truediv__(self, other: Any) -> "OfBatch":
        return self._changed(self.value / other) if _is_number(other) else _not_linear()

    def __neg__(self) -> "OfBatch":
        return self * -1.0

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> "OfBatch":
        return self.__neg__().__add__(other)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        _not_linear()

    def __float__(self) -> float:
        _not_linear()

    def __bool__(self) -> bool:
        _not_linear()

    def __repr__(self) -> str:
        kind = "mean" if self.mean else "sum"
        return f"<{kind} over the batch of values of shape {self.value.shape}>"


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float | np.number) and not isinstance(x, bool)


def _refuse(found: str) -> NoReturn:
    _tracing.refuse("means or sums over the batch, and linear functions of them", found)


def _not_linear() -> NoReturn:
    _refuse("another function of a number that is of the whole batch")


def reduced(operation: str, x: Any, axis: Any, keepdims: bool) -> OfBatch | None:
    """Return a sum or a mean over axes with that of the batch; None for others, or elsewhere."""
    from fanin import ops

    reduce = getattr(ops, operation)
    if isinstance(x, OfBatch):
        own = [*range(1, x.value.ndim)] if axis is None else [a + 1 for a in _axes(axis) if a >= 0]
        return x._changed(reduce(x.value, own) if own else x.value)
    trace = _tracing.now()
    if not isinstance(x, Value) or not x.batched or trace is None or trace.building:
        return None
    axes = {a % x.ndim for a in _axes(axis)} if axis is not None else {*range(x.ndim)}
    if 0 not in axes:
        return None
    if keepdims:
        _refuse("one with keepdims=True")
    rest = sorted(axes - {0})
    return OfBatch(reduce(x, rest) if rest else x, operation == "mean")


def _axes(axis: Any) -> list[int]:
    given = _checks.several(axis)
    return [_checks.integer("axis", one) for one in ([axis] if given is None else given)]


def add(owner: Any, loss: Any) -> None:
    """Do what `add_loss` of a layer or a model does."""
    trace = _tracing.now()
    if trace is None or trace.building or not _runs(owner, trace):
        raise TypeError(
            f"add_loss: expected to be called in the call of a class of your own, found it called "
            f"elsewhere, for {owner.name!r}"
        )
    if trace.arrays is not None:
        return
    for part in loss if isinstance(loss, list | tuple) else [loss]:
        one = part.now() if isinstance(part, Variable) else part
        if isinstance(one, OfBatch):
            trace.costs.append(one)
        elif isinstance(one, Value):
            trace.costs.append(_whole(one))
        else:
            found = _checks.found(part)
            _tracing.refuse("a loss that is made of values or weights", f"{found} in add_loss")


def _runs(owner: Any, trace: _tracing.Trace) -> bool:
    return owner is trace.owner or id(owner) in trace.stack


def _whole(value: Value) -> OfBatch:
    """Return the sum of all numbers of a value, as Keras adds them; of weights there is one."""
    from fanin import ops
    from fanin.ops._apply import beside_batches

    if value.batched:
        return OfBatch(value, False)
    return OfBatch(beside_batches(ops.sum(value)), True)


def charged(end: Value, costs: Sequence[OfBatch]) -> Value:
    """Return what a `call` returns with what it added to the loss."""
    if not costs:
        return end
    means = [int(cost.mean) for cost in costs]
    reads = [end, *(cost.value for cost in costs)]
    return _tracing.called(Operation("cost", {"means": means}), reads, None, end.sample)
