"""Optimizers: SGD, RMSprop, Adam, Adagrad, and `schedules` for their learning rates."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fanin._absences import _absent
from fanin._members._registry import Registry
from fanin.optimizers import schedules
from fanin.optimizers._base import Optimizer
from fanin.optimizers._members import SGD, Adagrad, Adam, RMSprop

if TYPE_CHECKING:
    from fanin.typing import OptimizerLike

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_REGISTRY: Registry[Optimizer] = Registry("optimizer", Optimizer, (SGD, RMSprop, Adam, Adagrad))


def get(
    identifier: "OptimizerLike", custom_objects: Mapping[str, object] | None = None
) -> Optimizer:
    """Find an optimizer.

    Parameters
    ----------
    identifier : str, dict, type or Optimizer
        A name in any case, a configuration, a class, or an optimizer.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Optimizer
        The optimizer, with its defaults if only its name was given.

    Raises
    ------
    ValueError
        If nothing is called so; the message suggests the close match.

    Examples
    --------
    >>> get("adagrad").learning_rate
    0.001
    """
    return _REGISTRY.get(identifier, custom_objects)


def serialize(optimizer: Optimizer) -> dict[str, object]:
    """Write an optimizer down.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer; not its slots.

    Returns
    -------
    dict
        ``class_name`` and ``config``.

    Examples
    --------
    >>> serialize(SGD(0.5))["config"]["learning_rate"]
    0.5
    """
    return _REGISTRY.serialize(optimizer)


def deserialize(
    config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> Optimizer:
    """Read what `serialize` wrote.

    Parameters
    ----------
    config : dict
        ``class_name`` and ``config``.
    custom_objects : mapping of str to type, optional
        Further classes by name: subclasses of optimizers, and schedules.

    Returns
    -------
    Optimizer
        The optimizer.

    Examples
    --------
    >>> deserialize(serialize(SGD(momentum=0.9))).momentum
    0.9
    """
    return _REGISTRY.deserialize(config, custom_objects)


_absent.guard(__name__)
