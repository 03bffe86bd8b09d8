"""What classes of users' may say of a layer: weights that it adds, and what it computes."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import DTypeLike

from fanin import _checks
from fanin._members._member import Member
from fanin.layers._value import trace_now

if TYPE_CHECKING:
    from fanin.layers._base import Shape
    from fanin.layers._bodies import Body
    from fanin.layers._users import Itself
    from fanin.layers._variable import Variable
    from fanin.typing import ConstraintLike, InitializerLike, RegularizerLike


class WithCall(Member):
    """A layer whose `call` and `build` a class of a user's may say."""

    name: str
    kind: ClassVar[str]
    _traced: ClassVar[bool]
    _busy: str | None

    if TYPE_CHECKING:  # what layers have

        @property
        def dtype(self) -> str: ...
        @property
        def built(self) -> bool: ...
        def __call__(self, x: Any, training: bool | None = None) -> Any: ...

    _users_build: ClassVar[Any] = None
    """The `build` of a user's, which adds weights."""
    _own_weights: "Sequence[Variable]" = ()
    """The weights that were added."""
    _declared: "tuple[int, Shape] | None" = None
    """How many weights there were before `build` of a user's added some, and for which inputs."""
    _form: Any = None
    """How a user's layer is given its inputs: see `_users.form_of`."""
    _body: "Body | None" = None
    """What `call` of a user's was found to compute."""
    _itself: "Itself | None" = None
    _to_tell: "dict[str, dict[str, Any]] | None" = None
    """What a file says of layers that `build` of a user's makes: see `_inner`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        prepare(cls)
        super().__init_subclass__(**kwargs)

    # What a class of a user's says in `build` and `call`.

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Return what the layer computes; a class of your own says it here.

        It is run on values, once as in training and once as in inference, to find what it computes;
        `training` is then True or False, if `call` takes it. What it does must not depend on the
        numbers of its inputs.

        Parameters
        ----------
        x : Value or array_like
            The inputs, of several a list or a dict.
        training : bool, optional
            Whether to behave as in training.

        Returns
        -------
        Value or ndarray
            The outputs.

        Examples
        --------
        >>> import numpy as np
        >>> from fanin.layers import Dense, Layer
        >>> class Residual(Layer):
        ...     def __init__(self, units, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.inner = Dense(units, activation="relu")
        ...
        ...     def call(self, x):
        ...         return x + self.inner(x)
        >>> Residual(4)(np.ones((2, 4))).shape
        (2, 4)
        """
        trace = trace_now()
        if not self._traced:
            return self(x, training)
        if self.kind == "traced":
            raise NotImplementedError(
                f"{type(self).__name__}: expected a call of its own, found none above it"
            )
        from fanin.layers import _runs, _traces, _tracing

        if trace is None:
            raise TypeError(
                f"call of {self.name!r}: expected to be called by the layer, found that it is "
                "called by other code; call the layer itself"
            )
        if trace.arrays is None:
            return _traces.apply_itself(self, x, training, trace)
        told = _tracing.flag_of(training)
        return _runs.run_core(self, x, trace.training if told is None else told, trace)

    def add_weight(
        self,
        shape: Sequence[int] | int | None = None,
        initializer: "InitializerLike | None" = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: "RegularizerLike | None" = None,
        constraint: "ConstraintLike | None" = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> "Variable":
        """Add a weight to a layer of a class of your own, in its `__init__` or `build`.

        Parameters
        ----------
        shape : tuple of int, optional
            Shape; that of a number, if not given.
        initializer : str, dict or Initializer, optional
            Where its first values come from; Glorot's uniform one if not given.
        dtype : dtype-like, optional
            That of the layer; another is refused.
        trainable : bool, default True
            Whether training changes it.
        autocast : bool, default True
            Here for Keras's signature.
        regularizer : str, dict or Regularizer, optional
            Penalty on it, which is part of the loss: see `fanin.regularizers`.
        constraint : str, dict or Constraint, optional
            Where it is put back to after each step: see `fanin.constraints`.
        aggregation, overwrite_with_gradient : optional
            Here for Keras's signature.
        name : str, optional
            Name among the weights of the layer; numbered if not given.

        Returns
        -------
        Variable
            The weight: an array once the layer is built, a value in `call`.

        Raises
        ------
        ValueError
            If the name is taken, or something is asked for that is not implemented.
        TypeError
            If it is called in `call`, or of a layer without a `call` of its own.

        Examples
        --------
        >>> import numpy as np
        >>> from fanin.layers import Layer
        >>> class Linear(Layer):
        ...     def __init__(self, units, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.units = units
        ...
        ...     def build(self, input_shape):
        ...         self.w = self.add_weight(shape=(input_shape[-1], self.units))
        ...         self.b = self.add_weight(shape=(self.units,), initializer="zeros")
        ...
        ...     def call(self, x):
        ...         return x @ self.w + self.b
        >>> Linear(3)(np.ones((2, 4))).shape
        (2, 3)
        """
        from fanin.layers import _tracing, _variable
        from fanin.layers._options import constraint_option, regularizer_option

        if isinstance(shape, str):
            raise TypeError(
                f"shape: expected a tuple of int, found {shape!r}; a name comes by keyword, as in "
                f"Keras 3: add_weight(shape, initializer, name={shape!r})"
            )
        demands = (
            regularizer_option("regularizer", regularizer),
            constraint_option("constraint", constraint),
        )
        trainable = _checks.flag("trainable", trainable)
        if name is not None:
            _checks.text("name", name)
        if dtype is not None and _checks.float_dtype("dtype", dtype) != self.dtype:
            raise ValueError(
                f"dtype: expected {self.dtype!r}, that of layer {self.name!r}, found "
                f"{_checks.found(dtype)}"
            )
        if not self._traced:
            raise TypeError(
                f"add_weight: expected a layer of a class with a call of its own, found "
                f"{type(self).__name__}, whose arrays are those of the package's"
            )
        if self._busy == "call":
            _tracing.refuse("weights to be added in __init__ or build", "one added in call")
        if self.built:
            raise ValueError(
                f"add_weight: expected a layer that is not built, found {self.name!r}, which is"
            )
        return _variable.add_variable(self, shape, initializer, trainable, name, *demands)


def prepare(cls: "type[Any]") -> None:
    """Make a class of a user's ready: one with a `call` of its own is traced."""
    if next(base for base in cls.__mro__ if "call" in vars(base)) is WithCall:
        return
    own = vars(cls)
    cls._traced, cls._own = True, False
    cls._honoured = (*cls._honoured, "build", "compute_output_shape")
    if not hasattr(cls, "kind"):
        cls.kind = "traced"
    if "build" in own:
        cls._users_build = own["build"]
        type.__setattr__(cls, "build", _wrapped(own["build"]))
    watch(cls)


def watch(cls: type[Member]) -> None:
    """Let objects of a class of a user's take notice of attributes that are set."""
    if cls.__setattr__ is not Member.__setattr__:
        return

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807 (a method to be)
        if name == "built" and not self._own:
            return  # as Keras has it at the end of `build`; here arrays tell
        from fanin.layers import _tracing

        _tracing.refuse_change(self, name)
        Member.__setattr__(self, name, value)
        _tracing.notice(self, name)
        if name == "trainable" and self._made:
            from fanin.layers import _users

            for _, part in _users.members_of(self):
                setattr(part, name, self.trainable)

    type.__setattr__(cls, "__setattr__", __setattr__)


def _wrapped(build: Any) -> Any:
    """Return what calls a user's `build` where weights are added, and builds the layer else."""

    @functools.wraps(build)
    def wrapper(self: Any, input_shape: Any, *args: Any, **kwargs: Any) -> None:
        if self._busy == "build":
            build(self, input_shape, *args, **kwargs)
        else:
            from fanin.layers._base import Layer  # which derives from what is here

            Layer.build(self, input_shape, *args, **kwargs)

    return wrapper
