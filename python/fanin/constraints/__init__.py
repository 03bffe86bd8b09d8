"""Constraints: where weights are put back to after each step of training.

Layers take them by name or as objects: ``Dense(8, kernel_constraint=MaxNorm(3))``. See
``docs/how_to/regularization.md``.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from fanin import _checks
from fanin._absences import _absent
from fanin._members._registry import Registry
from fanin.constraints._members import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm

if TYPE_CHECKING:
    from fanin.typing import ConstraintLike

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_REGISTRY: Registry[Constraint] = Registry(
    "constraint", Constraint, (MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
)


@overload
def get(identifier: None, custom_objects: Mapping[str, object] | None = None) -> None: ...


@overload
def get(
    identifier: "ConstraintLike", custom_objects: Mapping[str, object] | None = None
) -> Constraint: ...


def get(
    identifier: "ConstraintLike | None", custom_objects: Mapping[str, object] | None = None
) -> Constraint | None:
    """Find a constraint.

    Parameters
    ----------
    identifier : None, str, dict, type or Constraint
        A name (``"max_norm"``, ``"MaxNorm"``), which has the defaults of the class, a
        configuration, a class or a constraint.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Constraint or None
        None for None.

    Raises
    ------
    ValueError
        If nothing is called so; the message suggests the close match.
    TypeError
        If it is something else: a function of yours too, as weights are put back in compiled code.

    Examples
    --------
    >>> get("max_norm")
    MaxNorm(max_value=2.0, axis=0)
    """
    if identifier is None:
        return None
    other: Any = identifier
    if callable(other) and not isinstance(other, type | Constraint):
        raise TypeError(
            "constraint: expected a name, a configuration or a Constraint, since weights are "
            f"put back in compiled code, found {_checks.found(other)}"
        )
    return _REGISTRY.get(identifier, custom_objects)


def serialize(constraint: Constraint) -> dict[str, Any]:
    """Write a constraint down.

    Parameters
    ----------
    constraint : Constraint
        The constraint.

    Returns
    -------
    dict
        ``class_name`` and ``config``.

    Examples
    --------
    >>> serialize(UnitNorm(axis=1))
    {'class_name': 'UnitNorm', 'config': {'axis': 1}}
    """
    return _REGISTRY.serialize(constraint)


def deserialize(
    config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> Constraint:
    """Read what `serialize` wrote.

    Parameters
    ----------
    config : dict
        ``class_name`` and ``config``.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Constraint
        An equal one.

    Examples
    --------
    >>> deserialize({"class_name": "NonNeg", "config": {}})
    NonNeg()
    """
    return _REGISTRY.deserialize(config, custom_objects)


_absent.guard(__name__)
