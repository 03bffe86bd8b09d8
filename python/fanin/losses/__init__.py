"""Loss functions: values and gradients, by themselves and in `Sequential.compile`.

Each loss is a function giving one value a row, as ``losses.mean_squared_error(y_true, y_pred)``,
and a class holding options, as ``losses.MeanSquaredError()``, whose call gives the mean.
A row is a sample, or with outputs of three or more axes one entry of all axes but the last.
A loss of your own is a function over `fanin.ops`, or a class with `value_and_gradient`, such as one
that derives from `Loss`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from fanin._absences import _absent
from fanin._members import _custom
from fanin._members._registry import Registry, parse_serialized
from fanin.losses import _own
from fanin.losses._base import Loss
from fanin.losses._crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from fanin.losses._regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    mean_absolute_error,
    mean_squared_error,
)

if TYPE_CHECKING:
    from fanin.typing import LossFunction, LossLike

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mae",
    "mean_absolute_error",
    "mean_squared_error",
    "mse",
    "resolve",
    "serialize",
    "sparse_categorical_crossentropy",
]

mse = mean_squared_error
mae = mean_absolute_error
_absent.guard(__name__)  # before the functions are keys

_CLASSES: dict[Any, type[Loss]] = {
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    binary_crossentropy: BinaryCrossentropy,
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
}
_FUNCTIONS: "dict[str, LossFunction]" = {
    **{function.__name__: function for function in _CLASSES},
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
    "bce": binary_crossentropy,
}
_REGISTRY: Registry[Any] = Registry(
    "loss",
    (Loss, _own.DifferentiableLoss),
    _CLASSES.values(),
    {name: _CLASSES[f] for name, f in _FUNCTIONS.items()},
)


@overload
def get(identifier: None, custom_objects: Mapping[str, object] | None = None) -> None: ...


@overload
def get(
    identifier: "LossLike", custom_objects: Mapping[str, object] | None = None
) -> "Loss | LossFunction": ...


def get(
    identifier: "LossLike | None", custom_objects: Mapping[str, object] | None = None
) -> "Loss | LossFunction | None":
    """Find a loss, as Keras does.

    Parameters
    ----------
    identifier : str, dict, callable or None
        A function's name (gives the function), a class's name, a configuration, a class, or a loss:
        also any other object with `value_and_gradient`. A function of your own,
        ``f(y_true, y_pred)`` over `fanin.ops`, is compiled, and its gradient with it.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    callable
        A function of this module, or a `Loss`; None for None.

    Raises
    ------
    ValueError
        If nothing is called so; the message suggests the close match.
    TypeError
        If it is something else.

    Examples
    --------
    >>> get("mse") is mean_squared_error
    True
    >>> get("MeanSquaredError")
    MeanSquaredError()
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        with _custom.custom_object_scope(custom_objects):
            own = _custom.lookup(identifier)
        if own is None and identifier.lower() in _FUNCTIONS:
            return _FUNCTIONS[identifier.lower()]
        if callable(own) and not isinstance(own, type | _own.DifferentiableLoss):
            identifier = own
    if callable(identifier) and not isinstance(identifier, type | _own.DifferentiableLoss):
        if any(identifier is function for function in _CLASSES):
            return identifier
        from fanin.losses import _traced  # not needed for `import fanin`

        return _traced.FunctionLoss(identifier)
    if isinstance(identifier, Mapping):
        return deserialize(identifier, custom_objects)
    found: Loss = _REGISTRY.get(identifier, custom_objects)
    return found


def resolve(identifier: "LossLike") -> Loss:
    """Find a loss and return it as an object, functions too.

    Parameters
    ----------
    identifier : str, dict, callable
        What `get` takes.

    Returns
    -------
    Loss
        The loss.

    Raises
    ------
    TypeError
        If it is None or something else.

    Examples
    --------
    >>> resolve("mse")
    MeanSquaredError()
    """
    found: Any = _REGISTRY.get(None) if identifier is None else get(identifier)  # refuses None
    if isinstance(found, _own.DifferentiableLoss):
        return found  # type: ignore[return-value]  # a user's that has what training calls
    return _CLASSES[found]()


def serialize(loss: Loss) -> dict[str, object]:
    """Write a loss down.

    Parameters
    ----------
    loss : Loss
        The loss.

    Returns
    -------
    dict
        ``class_name`` and ``config``; of a function its name, or what it is registered as.

    Examples
    --------
    >>> serialize(MeanSquaredError())["class_name"]
    'MeanSquaredError'
    """
    function = getattr(loss, "function", None)
    if function is not None and type(loss)._own:  # a `FunctionLoss`
        from fanin.metrics._own import function_name

        return {
            "class_name": "function",
            "registered_name": _custom.registered_name(function, function_name(function)),
            "config": {"name": loss.name},
        }
    return _REGISTRY.serialize_own(loss)


def deserialize(
    name: str | Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> "Loss | LossFunction":
    """Read what `serialize` wrote.

    Parameters
    ----------
    name : dict or str
        ``class_name`` and ``config``, or a name.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Loss
        The loss.

    Examples
    --------
    >>> deserialize(serialize(BinaryCrossentropy(from_logits=True)))
    BinaryCrossentropy(from_logits=True, label_smoothing=0.0)
    """
    if isinstance(name, str):
        return get(name, custom_objects)
    if isinstance(name, Mapping) and name.get("class_name") == "function":
        from fanin.losses import _traced

        with _custom.custom_object_scope(custom_objects):
            function = _custom.find_function("loss", name.get("registered_name"))
        return _traced.FunctionLoss(function, **parse_serialized("loss", name)[1])
    found: Loss = _REGISTRY.deserialize(name, custom_objects)
    return found


_absent.guard(__name__)
