"""What the options of layers take: each function returns the value that an attribute then has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fanin import _checks, activations, initializers

if TYPE_CHECKING:
    from fanin.layers._base import Layer
    from fanin.layers._shape import InputLayer


def initializer_option(name: str, value: Any) -> Any:
    """Return the initializer that is meant by what is assigned to `name`."""
    found = initializers.get(value)
    if found is None:
        raise TypeError(f"{name}: expected a name or an initializer, found None")
    return found


def name_option(name: str, value: Any) -> str:
    """Return a name, if it is one."""
    if not isinstance(value, str) or not value:
        found = _checks.found(value)
        raise TypeError(f"{name}: expected text of at least one letter, found {found}")
    return value


def dtype_option(name: str, value: Any) -> str | None:
    """Return the name of a dtype, or None for that of the network."""
    return None if value is None else _checks.float_dtype(name, value)


def shape_option(name: str, value: Any) -> tuple[int, ...] | None:
    """Return the shape of a sample, or None for that of the data."""
    return None if value is None else _checks.feature_shape(name, value)


def activation_option(name: str, value: Any) -> Any:
    """Return the activation that is meant by what is assigned to `name`."""
    return activations.get(value)


def check_name(name: str, others: "Sequence[Layer | InputLayer]") -> None:
    """Refuse a name that another layer of the network has."""
    if any(layer.name == name for layer in others):
        raise ValueError(
            f"name: expected a name that no other layer has, found {name!r}, which is taken"
        )
