"""Loss functions: values and gradients, by themselves and in `Sequential.compile`.

Each loss is a function giving one value a row, as ``losses.mean_squared_error(y_true, y_pred)``,
and a class holding options, as ``losses.MeanSquaredError()``, whose call gives the mean.
A row is a sample, or with outputs of three or more axes one entry of all axes but the last.
A loss of your own is a function over `fanin.ops`, or a class with `value_and_gradient`, such as one
that derives from `Loss`.
"""

import functools
import sys
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

if TYPE_CHECKING:  # what `_LATER` has
    from fanin.losses._errors import (
        CosineSimilarity,
        Huber,
        KLDivergence,
        LogCosh,
        MeanAbsolutePercentageError,
        MeanPinballLoss,
        MeanSquaredLogarithmicError,
        Poisson,
        cosine_similarity,
        huber,
        kl_divergence,
        log_cosh,
        mean_absolute_percentage_error,
        mean_pinball_loss,
        mean_squared_logarithmic_error,
        poisson,
    )
    from fanin.losses._focal import (
        BinaryFocalCrossentropy,
        CategoricalFocalCrossentropy,
        binary_focal_crossentropy,
        categorical_focal_crossentropy,
    )
    from fanin.losses._margins import (
        CategoricalHinge,
        Hinge,
        SquaredHinge,
        categorical_hinge,
        hinge,
        squared_hinge,
    )
    from fanin.typing import LossFunction, LossLike

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanPinballLoss",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mae",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_pinball_loss",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

mse = mean_squared_error
mae = mean_absolute_error

_ERRORS, _MARGINS, _FOCAL = (f"fanin.losses.{name}" for name in ("_errors", "_margins", "_focal"))
# Each function and its class.
_EAGER = {
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
}
# What `import fanin` need not pay for.
_LATE = {
    _ERRORS: {
        "huber": "Huber",
        "log_cosh": "LogCosh",
        "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
        "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
        "poisson": "Poisson",
        "kl_divergence": "KLDivergence",
        "cosine_similarity": "CosineSimilarity",
        "mean_pinball_loss": "MeanPinballLoss",
    },
    _MARGINS: {
        "hinge": "Hinge",
        "squared_hinge": "SquaredHinge",
        "categorical_hinge": "CategoricalHinge",
    },
    _FOCAL: {
        "binary_focal_crossentropy": "BinaryFocalCrossentropy",
        "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    },
}
_LATER = {name: home for home, pairs in _LATE.items() for pair in pairs.items() for name in pair}
_CLASS_OF = _EAGER | {name: cls for pairs in _LATE.values() for name, cls in pairs.items()}
_ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "bce": "binary_crossentropy",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}
"""Other names of functions, in Keras and in its older versions."""


def _function(name: str) -> "LossFunction | None":
    """Return the function that a name or an alias stands for, in any spelling."""
    name = name.lower()
    name = _ALIASES.get(name, name)
    return getattr(sys.modules[__name__], name) if name in _CLASS_OF else None


def _class_of(function: object) -> type[Loss] | None:
    """Return the class of a function of this module; None for any other."""
    here = sys.modules[__name__]
    for name, cls in _CLASS_OF.items():
        if vars(here).get(name) is function:
            found: type[Loss] = getattr(here, cls)
            return found
    return None


@functools.cache
def _registry() -> Registry[Any]:
    """Return the losses by name."""
    here = sys.modules[__name__]
    classes = {name: getattr(here, cls) for name, cls in _CLASS_OF.items()}
    aliases = {alias: classes[name] for alias, name in _ALIASES.items()}
    return Registry(
        "loss", (Loss, _own.DifferentiableLoss), classes.values(), {**classes, **aliases}
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
        function = _function(identifier)
        if own is None and function is not None:
            return function
        if callable(own) and not isinstance(own, type | _own.DifferentiableLoss):
            identifier = own
    if callable(identifier) and not isinstance(identifier, type | _own.DifferentiableLoss):
        if _class_of(identifier) is not None:
            return identifier
        from fanin.losses import _traced  # not needed for `import fanin`

        return _traced.FunctionLoss(identifier)
    if isinstance(identifier, Mapping):
        return deserialize(identifier, custom_objects)
    if isinstance(identifier, Loss):
        return identifier
    found: Loss = _registry().get(identifier, custom_objects)
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
    found: Any = _registry().get(None) if identifier is None else get(identifier)  # refuses None
    cls = None if isinstance(found, Loss) else _class_of(found)
    return found if cls is None else cls()


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
    return _registry().serialize_own(loss)


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
    found: Loss = _registry().deserialize(name, custom_objects)
    return found


_absent.guard(__name__, _LATER)
