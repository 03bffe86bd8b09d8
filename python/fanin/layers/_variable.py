"""`Variable`: a weight that a layer of a user's adds; an array, or in a trace a value."""

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks
from fanin.errors import NotReadyError, ShapeError
from fanin.layers import _tracing
from fanin.layers._arrays import Array, write_all
from fanin.layers._value import Value, refuse_numpy

if TYPE_CHECKING:
    from fanin.constraints import Constraint
    from fanin.initializers import Initializer
    from fanin.layers._network import Network
    from fanin.regularizers import Regularizer


class Use:
    """What is done with a weight in a trace: it makes a value."""

    _by_mode = False

    def __init__(self, variable: "Variable", form: int) -> None:
        self.variable, self.form = variable, form
        self.name = variable.name


class Steady(Value):
    """A value that is the same for all samples: a weight, and what is made of weights alone."""

    batched = False


VALUE, PRODUCT, SUM, SCALED = range(4)
"""The forms of `Use`, as the core counts them: a value; with another a product and the like."""


class Variable:
    """A weight of a layer: what `add_weight` returns.

    It is an array: NumPy's functions and operators take it, and while `call` is traced operators
    and `fanin.ops` make values of it.

    Parameters
    ----------
    name : str
        Name among the weights of its layer.
    shape : tuple of int
        Shape.
    initializer : Initializer
        Where its first values come from.
    trainable : bool
        Whether training changes it.
    regularizer : Regularizer, optional
        Penalty on it.
    constraint : Constraint, optional
        Where it is put back to after each step.

    Examples
    --------
    >>> import fanin
    >>> class Scale(fanin.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")
    ...
    ...     def call(self, x):
    ...         return x * self.scale
    >>> layer = Scale()
    >>> layer.build((None, 3))
    >>> layer.scale.assign([1.0, 2.0, 3.0])
    >>> layer.scale.numpy()
    array([1., 2., 3.], dtype=float32)
    """

    _network: "Network | None" = None
    _array: Array | None = None
    regularizer: "Regularizer | None" = None
    constraint: "Constraint | None" = None

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: "Initializer",
        trainable: bool,
        regularizer: "Regularizer | None" = None,
        constraint: "Constraint | None" = None,
    ) -> None:
        self.name: str = name
        self.shape: tuple[int, ...] = shape
        self.initializer: Initializer = initializer
        self._trainable = trainable
        self.regularizer, self.constraint = regularizer, constraint

    def settings(self) -> dict[str, Any]:
        """Return its settings for the core."""
        asked = {"regularizer": self.regularizer, "constraint": self.constraint}
        demands = {name: member._settings() for name, member in asked.items() if member is not None}
        return {"kind": "weight", "shape": self.shape, "trainable": self.trainable, **demands}

    @property
    def trainable(self) -> bool:
        """Whether training changes it."""
        return self._trainable

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> str:
        """The dtype: "float32" or "float64"."""
        return "float32" if self._network is None else self._network.dtype

    # Its numbers.

    def tie(self, network: "Network | None", array: Array | None) -> None:
        """Make an array of a network this weight's."""
        self._network, self._array = network, array

    def now(self) -> Any:
        """Return what it stands for: a value in a trace, else an array."""
        trace = _tracing.now()
        if trace is None or trace.building:
            return self.view()
        if trace.arrays is None:
            use: Any = Use(self, VALUE)
            made = Steady(use, (), self.shape)
            made.where = _tracing.line()
            return made
        return trace.arrays[id(self)]

    def view(self) -> Array:
        """Return the array itself."""
        if self._array is None:
            raise NotReadyError(
                f"weight {self.name!r} has no numbers before its layer is built: call build, or "
                "call the layer"
            )
        return self._array

    def numpy(self) -> Array:
        """Return the numbers.

        Returns
        -------
        ndarray
            A copy.
        """
        trace = _tracing.now()
        if trace is not None and trace.arrays is None and not trace.building:
            _tracing.refuse("operators and layers on weights", f"numbers of {self.name!r} asked")
        found: Array = np.array(self.now())
        return found

    def assign(self, value: ArrayLike) -> None:
        """Write numbers into the array.

        Parameters
        ----------
        value : array_like
            Numbers of the same shape.

        Raises
        ------
        ShapeError
            If the shape is another; nothing is changed.
        RuntimeError
            If another thread trains the network; nothing is changed.
        """
        self._refuse_in_call()
        view = self.view()
        assert self._network is not None
        write_all([(self.name, view)], [value], self._network.writing(self.name))

    def assign_add(self, value: ArrayLike) -> None:
        """Add numbers to those of the array.

        Parameters
        ----------
        value : array_like
            Numbers of the same shape, or one.
        """
        self._refuse_in_call()
        self.assign(self.view() + np.asarray(value))

    def assign_sub(self, value: ArrayLike) -> None:
        """Subtract numbers from those of the array.

        Parameters
        ----------
        value : array_like
            Numbers of the same shape, or one.
        """
        self._refuse_in_call()
        self.assign(self.view() - np.asarray(value))

    def _refuse_in_call(self) -> None:
        if _tracing.in_call():
            _tracing.refuse(
                "code that changes nothing, as it is run to find what it computes",
                f"that it assigns to weight {self.name!r}; running numbers are kept by "
                "BatchNormalization alone",
            )

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        trace = _tracing.now()
        if trace is not None and trace.arrays is None and not trace.building:
            _tracing.refuse("operators and layers on weights", f"numbers of {self.name!r} asked")
        array = np.asarray(self.now())
        return array if dtype is None else array.astype(dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Value) for x in inputs):
            return NotImplemented
        trace = _tracing.now()
        if trace is not None and trace.arrays is None and not trace.building:
            refuse_numpy(ufunc.__name__)
        given = [np.asarray(x) if isinstance(x, Variable) else x for x in inputs]
        return getattr(ufunc, method)(*given, **options)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"weight {self.name!r} of shape () has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        return self.now()[key]

    def __float__(self) -> float:
        return float(self.numpy())

    def __bool__(self) -> bool:
        return bool(self.numpy())

    # Operators.

    def __matmul__(self, other: Any) -> Any:
        return _operated("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _operated("matmul", other, self)

    def __add__(self, other: Any) -> Any:
        return _operated("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _operated("add", other, self)

    def __mul__(self, other: Any) -> Any:
        return _operated("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _operated("mul", other, self)

    def __sub__(self, other: Any) -> Any:
        return _operated("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _operated("sub", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _operated("truediv", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _operated("truediv", other, self)

    def __pow__(self, other: Any) -> Any:
        return _operated("pow", self, other)

    def __neg__(self) -> Any:
        return -self.now()

    def __abs__(self) -> Any:
        return abs(self.now())

    # Copies, printing.

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_network", "_array")}

    def __repr__(self) -> str:
        return f"<Variable name={self.name}, shape={self.shape}>"


_NAMES = {"mul": "multiply", "sub": "subtract", "truediv": "divide", "pow": "power"}
"""What `fanin.ops` calls operators."""


def _operated(name: str, x1: Any, x2: Any) -> Any:
    """Return what an operator makes of a weight and something else."""
    if any(isinstance(resolved(x), Value) for x in (x1, x2)):
        from fanin import ops

        return getattr(ops, _NAMES.get(name, name))(x1, x2)
    return getattr(operator, name)(resolved(x1), resolved(x2))


def resolved(x: Any) -> Any:
    """Return what a weight stands for now; anything else as it is."""
    return x.now() if isinstance(x, Variable) else x


def refuse_outside(given: Sequence[Any]) -> None:
    """Refuse weights beside values where no `call` runs: they would be constants."""
    if not _tracing.in_call() and any(isinstance(x, Value) for x in given):
        for x in given:
            if isinstance(x, Variable):
                raise TypeError(
                    f"expected weights in the call of their layer, found {x.name!r} beside a value "
                    "outside of it; give the layer a call that does it"
                )


def of_weight(operation: str, given: Sequence[Any]) -> Value | None:
    """Return what one of the common forms makes of a value and a weight; None for others."""
    if len(given) != 2:
        return None
    refuse_outside(given)
    x, weight = given if isinstance(given[1], Variable) else given[::-1]
    if not isinstance(weight, Variable) or not isinstance(x, Value) or not x.batched:
        return None
    if operation == "matmul":
        if x is not given[0] or len(weight.shape) != 2:
            return None
        if x.sample[-1:] != weight.shape[:1]:
            raise ShapeError(
                f"expected a weight of shape ({x.sample[-1]}, units) for values of shape "
                f"{x.shape}, found {weight.name!r} of shape {weight.shape}{_tracing.line()}"
            )
        shape = (*x.sample[:-1], weight.shape[1])
        return _tracing.called(Use(weight, PRODUCT), [x], None, shape)
    form = {"add": SUM, "multiply": SCALED}.get(operation)
    shape = weight.shape
    size = int(np.prod(shape, dtype=int))
    fits = len(shape) <= len(x.sample) and x.sample[len(x.sample) - len(shape) :] == shape
    if form is None or not (fits or size == 1 >= len(shape)):
        return None  # as any two values
    return _tracing.called(Use(weight, form), [x], None, x.sample)


def add_variable(
    layer: Any,
    shape: Any,
    initializer: Any,
    trainable: bool,
    name: str | None,
    regularizer: "Regularizer | None" = None,
    constraint: "Constraint | None" = None,
) -> Variable:
    """Do what `Layer.add_weight` does with arguments that were looked at."""
    from fanin import initializers

    axes = [] if shape is None else _checks.several(shape)
    if axes is None:
        axes = [shape]
    lengths = tuple(_checks.integer("shape", axis, minimum=1) for axis in axes)
    if initializer is None and len(lengths) < 2:  # where Glorot's takes all for both
        size = int(np.prod(lengths, dtype=int))
        initializer = initializers.GlorotUniform(fan_in=size, fan_out=size)
    found = initializers.get("glorot_uniform" if initializer is None else initializer)
    assert found is not None
    held: list[Variable] = layer._own_weights
    taken = {variable.name for variable in held}
    if name is None:
        name, count = "variable", 0
        while name in taken:
            count += 1
            name = f"variable_{count}"
    elif name in taken or "/" in name:
        raise ValueError(
            f"name: expected one that no other weight of layer {layer.name!r} has, without '/', "
            f"found {name!r}"
        )
    variable = Variable(name, lengths, found, trainable, regularizer, constraint)
    layer._own_weights = [*held, variable]
    return variable
