"""`Lambda`: a layer that computes what a function of the user's does."""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from fanin import _checks
from fanin._members import _custom
from fanin._members._member import Member
from fanin._members._registry import check_config
from fanin.errors import ShapeError
from fanin.layers._base import Layer
from fanin.layers._value import Value

if TYPE_CHECKING:
    from fanin.typing import LayerArguments

_MODULES = ("fanin.ops", "fanin.activations", "fanin.backend")
"""Where functions of the package's are that a file may name."""

_NAMED = "let it be a function that is made with def, so that a file can name it"


def _function(name: str, value: Any) -> Any:
    if not callable(value) or isinstance(value, type | Member):
        raise TypeError(f"{name}: expected a function over fanin.ops, found {_checks.found(value)}")
    return value


def _shape(name: str, value: Any) -> Any:
    if value is None or (callable(value) and not isinstance(value, type | Member)):
        return value
    return _checks.feature_shape(name, value)


def _arguments(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else check_config(name, value)


class Lambda(Layer):
    """A layer that computes what a function does.

    The function is called with values, as `Layer.call` of a class of your own is: once as in
    training and once as in inference. What it does with them, by operators, slices, `fanin.ops` or
    `fanin.backend`, is compiled. It has no weights; a class of your own may.

    Parameters
    ----------
    function : callable
        ``f(x)``, of several inputs with a list. If it has an argument ``training`` it is told
        whether it runs as in training.
    output_shape : tuple of int or callable, optional
        Shape of one sample of the output, or a function from the shape of the input, with the
        batch axis in front, to that of the output. It is found without; one that is given is
        checked.
    mask : None
        Here for Keras's signature.
    arguments : dict, optional
        Further arguments of the function, by name.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Notes
    -----
    A file has the name of the function, not its code, which no file should be trusted with: load
    it with ``custom_objects={"f": f}``, or register it with
    `fanin.utils.register_keras_serializable`. What has no name, such as a ``lambda``, is refused
    where the model is saved. Keras writes Python's bytecode instead, and refuses to load it unless
    ``safe_mode=False``.

    Examples
    --------
    >>> import numpy as np
    >>> from fanin import ops
    >>> Lambda(lambda x: ops.square(x) - 1)(np.array([[1.0, 2.0]]))
    array([[0., 3.]], dtype=float32)
    >>> Lambda(lambda x: x[:, :2] * x[:, 2:])(np.array([[1.0, 2.0, 3.0, 4.0]]))
    array([[3., 8.]], dtype=float32)
    """

    _not_settings = ("function", "output_shape", "arguments")
    _left_out = ("mask",)
    _options: ClassVar[Mapping[str, Any]] = {
        "function": _function,
        "arguments": _arguments,
    }

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: None = None,
        arguments: Mapping[str, object] | None = None,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        if mask is not None:
            raise ValueError(
                f"mask: expected None, as layers have no masks, found {_checks.found(mask)}"
            )
        self.function = function
        self._output_shape = _shape("output_shape", output_shape)
        self.arguments = arguments
        super().__init__(**kwargs)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Return what the function returns.

        Parameters
        ----------
        x : Value or array_like
            The inputs, of several a list.
        training : bool, optional
            Whether to behave as in training.

        Returns
        -------
        Value or ndarray
            The outputs.

        Examples
        --------
        >>> import numpy as np
        >>> Lambda(lambda x, times: times * x, arguments={"times": 3})(np.ones((1, 2)))
        array([[3., 3.]], dtype=float32)
        """
        told = {"training": training, "mask": None}
        taken = _names_of(self.function)
        given = {name: value for name, value in told.items() if name in taken}
        arguments: Any = self.arguments
        made = self.function(x, **{**given, **arguments})
        if isinstance(made, Value) and self._output_shape is not None:
            self._check_shape(x, made)
        return made

    def _check_shape(self, x: Any, made: Value) -> None:
        """Refuse another shape than the one that was said to come out."""
        expected = self._output_shape
        if callable(expected):
            several = isinstance(x, list | tuple)
            shapes = [(None, *part.sample) for part in (x if several else [x])]
            answer = expected(shapes if several else shapes[0])
            expected = _checks.batched_shape("what output_shape returns", answer)
        if tuple(expected) != made.sample:
            raise ShapeError(
                f"output_shape: expected {made.sample}, the shape of a sample that the function of "
                f"layer {self.name!r} makes, found {tuple(expected)}"
            )

    def _config_value(self, name: str) -> Any:
        if name == "function":
            return self._named(self.function)
        if name == "output_shape":
            shape = self._output_shape
            return self._named(shape) if callable(shape) else shape
        return super()._config_value(name)

    def _named(self, function: Any) -> dict[str, object]:
        """Return how a function is written down: by its name."""
        name = _custom.name_in_scope(function)
        if name is None:
            called = getattr(function, "__name__", "")
            if not called.isidentifier():
                raise ValueError(
                    f"function of layer {self.name!r}: expected one with a name, found "
                    f"{called or _checks.found(function)}; {_NAMED}"
                )
            name = _name_of_ours(called, function) or _custom.registered_name(function, called)
        return {"class_name": "function", "registered_name": name, "config": {}}

    def _functions(self) -> list[Any]:
        """Return the functions that it is made of."""
        return [each for each in (self.function, self._output_shape) if callable(each)]

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Make a layer from what `get_config` returned.

        Parameters
        ----------
        config : dict
            Arguments by name; functions by theirs.

        Returns
        -------
        Lambda
            The layer.

        Raises
        ------
        ValueError
            If a function is not found by its name, or is Python's bytecode, as Keras writes it.
        """
        given = check_config("config", config)
        for name in ("function", "output_shape"):
            if isinstance(given.get(name), Mapping):
                given[name] = _found(given[name])
        return super().from_config(given)


# Its `call` is traced as that of a user's class is, but it has no attributes of others.
Lambda._own = True


def _name_of_ours(called: str, function: Any) -> str | None:
    """Return what files call a function of the package's; None for those of others."""
    for module in _MODULES:
        if getattr(import_module(module), called, None) is function:
            return f"{module}>{called}"
    return None


def _found(written: Mapping[str, object]) -> Any:
    if written.get("class_name") == "__lambda__":
        raise ValueError(
            "function: expected the name of one, found bytecode, as Keras writes a lambda, which "
            f"is never run; {_NAMED}"
        )
    name = written.get("registered_name")
    module, _, called = name.partition(">") if isinstance(name, str) else ("", "", "")
    if module in _MODULES and called in import_module(module).__all__:
        return getattr(import_module(module), called)
    return _custom.find_function("function", name)


def _names_of(function: Any) -> set[str]:
    """Return the arguments that a function takes by name."""
    try:
        return {*inspect.signature(function).parameters}
    except (TypeError, ValueError):  # of what is not written in Python
        return set()
