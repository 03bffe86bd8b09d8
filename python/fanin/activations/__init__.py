"""Activation functions, as functions on arrays and as what layers apply.

A layer takes an activation by name (``"relu"``), as a function of this module, as an activation
layer (``layers.LeakyReLU(0.1)``), or as a `functools.partial` that sets a function's options.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from fanin import _checks
from fanin._absences import _absent
from fanin._checks import unknown
from fanin._members import _custom
from fanin._members._registry import parse_serialized
from fanin.activations._functions import (
    elu,
    gelu,
    leaky_relu,
    linear,
    relu,
    relu_settings,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    swish,
    tanh,
)
from fanin.activations._more import (
    celu,
    exponential,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)

if TYPE_CHECKING:
    from fanin.layers import Layer
    from fanin.typing import ActivationFunction, ActivationLike

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

_absent.guard(__name__)  # before the functions are keys

# A function, and its settings for the core when no option is set.
_SETTINGS: dict[Any, dict[str, Any]] = {
    relu: {"kind": "relu"},
    leaky_relu: {"kind": "leaky_relu", "negative_slope": 0.2},
    elu: {"kind": "elu", "alpha": 1.0},
    selu: {"kind": "selu"},
    gelu: {"kind": "gelu", "approximate": False},
    silu: {"kind": "silu"},
    sigmoid: {"kind": "sigmoid"},
    tanh: {"kind": "tanh"},
    softplus: {"kind": "softplus"},
    softsign: {"kind": "softsign"},
    softmax: {"kind": "softmax"},
    linear: {"kind": "linear"},
    relu6: {"kind": "relu6"},
    hard_tanh: {"kind": "hard_tanh"},
    hard_sigmoid: {"kind": "hard_sigmoid"},
    hard_silu: {"kind": "hard_silu"},
    mish: {"kind": "mish"},
    exponential: {"kind": "exponential"},
    log_sigmoid: {"kind": "log_sigmoid"},
    celu: {"kind": "celu", "alpha": 1.0},
    squareplus: {"kind": "squareplus", "b": 4.0},
    tanh_shrink: {"kind": "tanh_shrink"},
    soft_shrink: {"kind": "soft_shrink", "threshold": 0.5},
    hard_shrink: {"kind": "hard_shrink", "threshold": 0.5},
    threshold: {"kind": "threshold", "threshold": None, "default_value": None},
    sparse_plus: {"kind": "sparse_plus"},
    sparse_sigmoid: {"kind": "sparse_sigmoid"},
    log_softmax: {"kind": "log_softmax"},
    sparsemax: {"kind": "sparsemax"},
}
_BY_NAME: "dict[str, ActivationFunction]" = {
    function.__name__: function for function in _SETTINGS
} | {"swish": silu, "hard_swish": hard_silu}
_BY_KIND = {**_BY_NAME, "rectifier": relu}
MIXING = ("softmax", "log_softmax", "sparsemax")
"""What the core calls those that do not act on each unit by itself."""


def get(
    identifier: "ActivationLike | None", custom_objects: Mapping[str, object] | None = None
) -> "ActivationFunction":
    """Find an activation.

    Parameters
    ----------
    identifier : str, callable, dict or None
        A name, a function of this module (or a `functools.partial` of one), an activation layer,
        what `serialize` returned, or None for `linear`.
    custom_objects : mapping of str to callable, optional
        Further activations by name: functions of this module with options, activation layers.

    Returns
    -------
    callable
        The activation.

    Raises
    ------
    ValueError
        If nothing is called so; the message suggests the close match.
    TypeError
        If it is a function of another library: layers run in compiled code, which cannot call it.

    Examples
    --------
    >>> get("tanh") is tanh
    True
    """
    if identifier is None:
        return linear
    if _look_up(identifier) is not None:
        return cast("ActivationFunction", identifier)
    if isinstance(identifier, str):
        with _custom.custom_object_scope(custom_objects):
            own = _custom.lookup(identifier)
        if own is not None and not isinstance(own, str | Mapping):
            return get(own)
        if identifier.lower() not in _BY_NAME:
            raise unknown("activation", identifier, _BY_NAME)
        return _BY_NAME[identifier.lower()]
    if isinstance(identifier, Mapping):
        return deserialize(identifier, custom_objects)
    settings(identifier)  # refuses what a layer could not apply
    return identifier


def serialize(activation: "ActivationFunction | Layer") -> str | dict[str, object]:
    """Write an activation down.

    Parameters
    ----------
    activation : callable
        What `get` returned.

    Returns
    -------
    str or dict
        A name, or for an activation with options a dict that `deserialize` reads.

    Examples
    --------
    >>> serialize(relu)
    'relu'
    """
    values = settings(activation)
    kind: str = values.pop("kind")
    function = _BY_KIND[kind]
    if _SETTINGS[function] == {"kind": kind, **values}:
        return kind
    return {"class_name": function.__name__, "config": values}


def deserialize(
    config: str | Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> "ActivationFunction":
    """Read what `serialize` wrote.

    Parameters
    ----------
    config : str or dict
        A name, or ``{"class_name": name, "config": options}``.
    custom_objects : mapping of str to callable, optional
        As in `get`.

    Returns
    -------
    callable
        The activation.

    Examples
    --------
    >>> deserialize({"class_name": "elu", "config": {"alpha": 0.5}})([1.0])
    array([1.])
    """
    if isinstance(config, str):
        return get(config, custom_objects)
    name, options = parse_serialized("activation", config)
    function = get(name, custom_objects)
    activation = functools.partial(function, **options) if options else function
    settings(activation)  # refuses options that the function does not have
    return activation


def of_settings(values: Mapping[str, Any]) -> "ActivationFunction":
    """Return the activation that has these settings for the core."""
    options = {name: value for name, value in values.items() if name != "kind"}
    return deserialize({"class_name": _BY_KIND[values["kind"]].__name__, "config": options})


def _look_up(activation: Any) -> dict[str, Any] | None:
    """Return the settings of a function of this module; None for anything else."""
    try:
        return _SETTINGS.get(activation)
    except TypeError:  # not hashable
        return None


def settings(activation: Any) -> dict[str, Any]:
    """Return the settings of `activation` for the core: its kind and its options."""
    known = _look_up(activation)
    if known is not None:
        return _complete(dict(known))
    options: dict[str, Any] = {}
    function = activation
    if isinstance(activation, functools.partial) and not activation.args:
        function, options = activation.func, dict(activation.keywords)
    elif hasattr(activation, "activation_settings"):  # an activation layer
        found: dict[str, Any] = activation.activation_settings()
        return found
    known = _look_up(function)
    if known is None:
        raise TypeError(
            "activation: expected a name or one of the functions of fanin.activations, since "
            "layers run in compiled code and cannot call other functions, "
            f"found {_checks.found(activation)}"
        )
    if function is relu:
        return relu_settings(**options)
    _checks.keywords(known["kind"], options.keys() - known.keys(), known, {})
    merged = dict(known)
    for name, value in options.items():
        check = _checks.flag if isinstance(known[name], bool) else _checks.number
        merged[name] = check(name, value)
    return _complete(merged)


def _complete(values: dict[str, Any]) -> dict[str, Any]:
    """Refuse settings in which an option is missing."""
    missing = [name for name, value in values.items() if value is None]
    if missing:
        kind = values["kind"]
        options = ", ".join(f"{name}=..." for name in missing)
        raise ValueError(
            f"activation: expected functools.partial({kind}, {options}), as there are no defaults, "
            f"found {kind!r}"
        )
    return values


_absent.guard(__name__)
