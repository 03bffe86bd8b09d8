"""Optimizers: SGD, Adam and its kin, RMSprop and others, and `schedules` for learning rates."""

import functools
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fanin._absences import _absent
from fanin._members._registry import Registry
from fanin.optimizers import schedules
from fanin.optimizers._base import Optimizer
from fanin.optimizers._members import SGD, Adagrad, Adam, RMSprop

if TYPE_CHECKING:
    from fanin.optimizers._adaptive import Adamax, AdamW, Lamb, Lion, Nadam
    from fanin.optimizers._further import Adadelta, Adafactor, Ftrl, Muon
    from fanin.optimizers._lbfgs import LBFGS
    from fanin.typing import OptimizerLike

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

# What `import fanin` need not pay for.
_LATER = {
    **dict.fromkeys(("AdamW", "Adamax", "Lamb", "Lion", "Nadam"), "fanin.optimizers._adaptive"),
    **dict.fromkeys(("Adadelta", "Adafactor", "Ftrl", "Muon"), "fanin.optimizers._further"),
    "LBFGS": "fanin.optimizers._lbfgs",
}


@functools.cache
def _registry() -> Registry[Optimizer]:
    """Return the optimizers by name."""
    here = sys.modules[__name__]
    late = [getattr(here, name) for name in _LATER]
    return Registry("optimizer", Optimizer, (SGD, RMSprop, Adam, Adagrad, *late))


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
    return _registry().get(identifier, custom_objects)


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
    return _registry().serialize(optimizer)


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
    return _registry().deserialize(config, custom_objects)


_absent.guard(__name__, _LATER)
