"""Losses that are functions over `fanin.ops`: traced for the shapes of a batch, compiled."""

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core, ops
from fanin.layers import InputLayer, _tracing
from fanin.layers._value import Value, the_loss
from fanin.losses._base import Loss
from fanin.losses._own import HOW

Array = NDArray[Any]


class Whole(Value):
    """An array of a known shape, all of whose axes are its own: that of the batch too."""

    batched = False


class _Trace(NamedTuple):
    """What a function does with arrays of certain shapes."""

    plan: _core.Plan
    reads: tuple[str, ...]
    """The arrays that it reads, in the order in which the plan has them."""


class Tracer:
    """A loss that is a function over `fanin.ops`, as it is run: traced once for each shape.

    Parameters
    ----------
    name : str
        What to call it in messages.
    function : callable
        What is called with values that stand for the arrays of a batch.
    reads : callable
        Returns what tells whether something that the function reads was changed: it is then traced
        anew, in the middle of an epoch too.
    """

    def __init__(
        self, name: str, function: Callable[..., Any], reads: Callable[[], Any] = tuple
    ) -> None:
        self.name, self.function, self.reads = name, function, reads
        self.traces: dict[Any, _Trace] = {}
        self._read: Any = None

    def value_and_gradient(self, y_true: Any, y_pred: Any, weights: Any) -> tuple[float, Any]:
        """Return the mean loss of a batch, and its gradient with respect to the predictions."""
        outputs = _checks.free_floats("y_pred", y_pred)
        dtype = outputs.dtype.name
        given = {"y_true": _checks.floats("y_true", y_true, dtype, finite=False), "y_pred": outputs}
        if weights is not None:
            given["weights"] = _checks.floats("sample_weight", weights, dtype)
        read = self.reads()
        if read != self._read:
            self.traces.clear()
            self._read = read
        key = (dtype, *(array.shape for array in given.values()))
        trace = self.traces.get(key)
        if trace is None:
            trace = self.traces[key] = self._trace(given, dtype)
        return _run(trace, given)

    def _trace(self, given: dict[str, Array], dtype: str) -> _Trace:
        inputs = {name: _input(name, array.shape) for name, array in given.items()}
        made = self.of_values(inputs["y_true"], inputs["y_pred"])
        weights = inputs.get("weights")
        if weights is not None:
            if not made.sample or made.sample[0] != weights.sample[0]:
                raise ValueError(
                    "sample_weight: expected None for a loss that returns one number a batch, "
                    f"found weights for {self.name}"
                )
            rows = (made.sample[0], *(1 for _ in made.sample[1:]))
            made = made * ops.reshape(weights, rows)
        end = ops.mean(made)
        if end is made:  # a number, perhaps y_pred itself
            end = ops.multiply(made, 1.0)
        return _plan(end, inputs, dtype, self.name)

    def of_values(self, y_true: Value, y_pred: Value) -> Value:
        """Return what the function makes of values."""
        token = the_loss.set(self.name)
        try:
            made = self.function(y_true, y_pred)
        finally:
            the_loss.reset(token)
        if not isinstance(made, Whole):
            raise TypeError(
                f"loss {self.name}: expected a function that returns what fanin.ops makes of "
                f"y_true and y_pred, found {_checks.found(made)}"
            )
        return made


_tracers: WeakKeyDictionary[Loss, Tracer] = WeakKeyDictionary()
"""Those of losses that say in `call` what they are."""


def tracer_of(loss: Loss) -> Tracer:
    """Return what runs a loss that is traced."""
    found = _tracers.get(loss)
    if found is None:
        itself = ref(loss)  # so that it is not kept

        def call(y_true: Any, y_pred: Any) -> Any:
            held: Any = itself()
            return (
                held.function(y_true, y_pred) if _is_function(held) else held.call(y_true, y_pred)
            )

        def reads() -> Any:
            held: Any = itself()
            inner = _tracing.contents_of(held.function) if _is_function(held) else ()
            return _tracing.contents(held), inner

        found = _tracers[loss] = Tracer(loss.name, call, reads)
    return found


def _is_function(loss: object) -> bool:
    return isinstance(loss, FunctionLoss)


def begin(loss: Any) -> None:
    """Forget what a loss did before: what else it reads may be other now."""
    found = _tracers.get(loss) if isinstance(loss, Loss) else None
    if found is not None:
        found.traces.clear()


class FunctionLoss(Loss):
    """The mean of what a function of targets and outputs returns.

    The function is called with values, once for each shape of a batch, and what it does with them
    is compiled; its gradient follows from that of each operation.

    Parameters
    ----------
    function : callable
        ``f(y_true, y_pred)`` over `fanin.ops` and operators: a number, the mean of its batch; or an
        array with the axis of the batch in front, whose mean is meant.
    name : str, optional
        That of the function if not given.
    """

    @classmethod
    def _usable(cls) -> bool:
        return True

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        from fanin.metrics._own import function_name

        super().__init__(function_name(function) if name is None else name)
        self.function = function
        self._try()

    def _try(self) -> None:
        """Refuse what is no function over `fanin.ops`; whether shapes fit, a batch will say."""
        try:
            tracer_of(self).of_values(_input("y_true", (2, 2)), _input("y_pred", (2, 2)))
        except TypeError as error:
            raise TypeError(
                "loss: expected a name, a configuration, a Loss or a function over fanin.ops, "
                f"found the function {self.name}, whose derivative nobody knows: {error}; use "
                f"fanin.ops, or {HOW}"
            ) from error
        except Exception:  # of shapes that are not those of a batch
            return

    def value_and_gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> tuple[float, Any]:
        """Return the mean loss of a batch, and its gradient with respect to `y_pred`.

        Parameters
        ----------
        y_true : array_like
            Targets.
        y_pred : array_like of shape (batch, ..., outputs)
            Predictions.
        sample_weight : array_like of shape (batch,), optional
            Weights of the samples, of a function that returns one number a sample or more.

        Returns
        -------
        value : float
            The mean.
        gradient : ndarray of the shape of `y_pred`
            Its derivative.
        """
        return tracer_of(self).value_and_gradient(y_true, y_pred, sample_weight)


def _input(name: str, shape: tuple[int, ...]) -> Whole:
    return Whole(InputLayer(shape, name=name), (), shape)


def _plan(end: Value, inputs: dict[str, Whole], dtype: str, loss: str) -> _Trace:
    """Compile what leads from arrays to a value."""
    from fanin.models._wiring import made_before

    values = made_before([end], {})
    reads = tuple(name for name, value in inputs.items() if any(value is v for v in values))
    if "y_pred" not in reads:
        raise ValueError(f"loss {loss}: expected a function of y_pred, found one that is not")
    numbers = {id(inputs[name]): number for number, name in enumerate(reads)}
    rest = [value for value in values if id(value) not in numbers]
    for value in rest:
        if not value.reads:
            raise ValueError(
                f"loss {loss}: expected a function of y_true and y_pred alone, found one of "
                f"{value.name!r} too"
            )
    calls = []
    for place, value in enumerate(rest):
        calls.append((place, tuple(numbers[id(read)] for read in value.reads)))
        numbers[id(value)] = len(numbers)
    shapes = [inputs[name].sample for name in reads]
    settings = [value.layer.settings() for value in rest]  # type: ignore[union-attr]
    return _Trace(_core.Plan(shapes, settings, dtype, calls), reads)


def _run(trace: _Trace, given: dict[str, Array]) -> tuple[float, Array]:
    """Run a batch, which is one sample of the plan, forward and back."""
    arrays = [given[name] for name in trace.reads]
    shape = arrays[0].shape if len(arrays) == 1 else (-1,)
    x = np.concatenate([array.ravel() for array in arrays]).reshape(1, *shape)
    nothing = np.empty(0, x.dtype)
    value, cache = trace.plan.forward(nothing, nothing, x, False)
    gradient, _ = trace.plan.backward(nothing, cache, np.ones_like(value))
    outputs, start = given["y_pred"], 0
    for name, array in zip(trace.reads, arrays, strict=True):
        if name == "y_pred":
            break
        start += array.size
    dy = gradient.ravel()[start : start + outputs.size].reshape(outputs.shape)
    return float(value[0]), dy
