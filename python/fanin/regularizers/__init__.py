"""Regularizers: penalties on weights and outputs, which are part of the loss.

Layers take them by name or as objects: ``Dense(8, kernel_regularizer=L2(1e-4))``. The `loss` that
`fit` and `evaluate` report includes them, and validation's too; metrics do not. See
``docs/how_to/regularization.md``.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from fanin import _checks
from fanin._absences import _absent
from fanin._members._registry import Registry
from fanin.regularizers._members import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

if TYPE_CHECKING:
    from fanin.typing import RegularizerLike

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

_REGISTRY: Registry[Regularizer] = Registry(
    "regularizer", Regularizer, (L1, L2, L1L2, OrthogonalRegularizer)
)


@overload
def get(identifier: None, custom_objects: Mapping[str, object] | None = None) -> None: ...


@overload
def get(
    identifier: "RegularizerLike", custom_objects: Mapping[str, object] | None = None
) -> Regularizer: ...


def get(
    identifier: "RegularizerLike | None", custom_objects: Mapping[str, object] | None = None
) -> Regularizer | None:
    """Find a regularizer.

    Parameters
    ----------
    identifier : None, str, dict, type or Regularizer
        A name (``"l2"``, ``"L2"``), which has the defaults of the class (so that ``"l1_l2"``, as in
        Keras, is no penalty), a configuration, a class or a regularizer.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Regularizer or None
        None for None.

    Raises
    ------
    ValueError
        If nothing is called so; the message suggests the close match.
    TypeError
        If it is something else: a function of yours too, as penalties are computed in compiled
        code.

    Examples
    --------
    >>> get("l2")
    L2(l2=0.01)
    """
    if identifier is None:
        return None
    other: Any = identifier
    if callable(other) and not isinstance(other, type | Regularizer):
        raise TypeError(
            "regularizer: expected a name, a configuration or a Regularizer, since penalties are "
            f"computed in compiled code, found {_checks.found(other)}"
        )
    return _REGISTRY.get(identifier, custom_objects)


def serialize(regularizer: Regularizer) -> dict[str, Any]:
    """Write a regularizer down.

    Parameters
    ----------
    regularizer : Regularizer
        The regularizer.

    Returns
    -------
    dict
        ``class_name`` and ``config``.

    Examples
    --------
    >>> serialize(L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    return _REGISTRY.serialize(regularizer)


def deserialize(
    config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> Regularizer:
    """Read what `serialize` wrote.

    Parameters
    ----------
    config : dict
        ``class_name`` and ``config``.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Regularizer
        An equal one.

    Examples
    --------
    >>> deserialize({"class_name": "L1", "config": {"l1": 0.5}})
    L1(l1=0.5)
    """
    return _REGISTRY.deserialize(config, custom_objects)


_absent.guard(__name__)
