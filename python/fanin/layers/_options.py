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


def regularizer_option(name: str, value: Any) -> Any:
    """Return the regularizer that is meant by what is assigned to `name`, or None."""
    return None if value is None else _named(name, "regularizers", value)


def constraint_option(name: str, value: Any) -> Any:
    """Return the constraint that is meant by what is assigned to `name`, or None."""
    return None if value is None else _named(name, "constraints", value)


def penalty_option(name: str, value: Any) -> Any:
    """Return the regularizer of outputs that is meant by what is assigned to `name`, or None."""
    found = regularizer_option(name, value)
    if found is not None and found.kind != "l1_l2":
        raise ValueError(
            f"{name}: expected L1, L2 or L1L2, as outputs are no matrix of weights, found "
            f"{_checks.found(value)}"
        )
    return found


def _named(name: str, module: str, value: Any) -> Any:
    # Not needed for `import fanin`.
    from fanin import constraints, regularizers

    get: Any = {"regularizers": regularizers, "constraints": constraints}[module].get
    try:
        return get(value)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_name(name: str, others: "Sequence[Layer | InputLayer]") -> None:
    """Refuse a name that another layer of the network has."""
    if any(layer.name == name for layer in others):
        raise ValueError(
            f"name: expected a name that no other layer has, found {name!r}, which is taken"
        )
