"""Where a network ends: what it hands to its loss, and what the loss takes that for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fanin.losses import Loss
from fanin.losses._base import is_own, kind_of
from fanin.losses._own import value_and_gradient

Array = NDArray[Any]


class Takes(NamedTuple):
    """What a loss takes its first argument for."""

    what: str = ""
    """``logits``, ``probabilities``, ``log_probabilities``, ``values``, ``rates`` or ``log_rates``;
    empty if not known."""
    task: str = ""
    """``classes``, of which one is right, ``binary``, ``values`` or ``counts``; empty if not
    known."""
    sure: bool = True
    """Whether the loss is one that is known; else it is known by how it behaves."""


@dataclass
class Ending:
    """What comes out of a network, and what it is compared with."""

    outputs: Array
    """Rows of what the loss gets, a column a class or a unit."""
    targets: Array | None
    """As they were given; None without any."""
    takes: Takes
    samples: int
    """Into how many samples the rows belong."""
    whole: bool = True
    """Whether the outputs are those of the last layer; else a function is behind it."""


UNKNOWN = Takes()
_LOGITS = {True: "logits", False: "probabilities"}


def takes_of(loss: Loss, targets: Array, outputs: Array) -> Takes:
    """Return what a loss of this package takes outputs for.

    Parameters
    ----------
    loss : Loss
        The loss, or one of a user's.
    targets : ndarray
        Those that it gets.
    outputs : ndarray of shape (samples, ...)
        Their shape and dtype count.
    """
    if is_own(loss):
        return probed(lambda given, y: value_and_gradient(loss, y, given)[0], targets, outputs)
    kind = kind_of(loss)
    if kind == "poisson":
        return Takes("rates", "counts")
    if "crossentropy" not in kind:
        return Takes("values", "values")
    what = _LOGITS[bool(loss.settings()["from_logits"])]
    return Takes(what, "binary" if kind.startswith("binary") else "classes")


def probed(value: Callable[[Array, Array], float], targets: Array, outputs: Array) -> Takes:
    """Find what an unknown loss takes its outputs for, by the laws that losses of a kind obey.

    A loss of logits of classes is that of the same logits shifted together; one of probabilities p
    loses ln s where they are multiplied by s; one of their logarithms loses what is added to them;
    one of the logit z of yes and no is higher at z than at −z by (1 − 2y) z, so its odd part is
    linear; one of values is that of values and targets shifted together. Each is an identity of its
    formula, the first and the fourth whatever the weights of classes and the smoothing of labels.
    Made-up outputs tell, so that those of the network do not count.

    Parameters
    ----------
    value : callable
        From outputs and targets to the loss, a mean.
    targets : ndarray
        Targets that it accepts.
    outputs : ndarray of shape (samples, ...)
        Their shape and dtype count.

    Returns
    -------
    Takes
        Not sure; empty where no law holds, or where the loss raises an error.
    """
    # Some samples are enough, and of a language model all are many numbers.
    some = max(2, min(len(outputs), _NUMBERS // max(1, outputs[0].size)))
    known, dtype = targets[:some], outputs.dtype
    z = np.random.default_rng(0).normal(size=outputs[:some].shape)

    def at(given: Array, wanted: Array = known) -> float:
        return float(value(given.astype(dtype), wanted))

    for take, law in _LAWS:
        try:
            if law(at, z, known):
                return take
        except Exception:  # what a user's loss raises for numbers that it is not meant for
            continue
    return UNKNOWN


_NUMBERS = 100_000
"""Made-up outputs, about."""

_At = Callable[..., float]


def _equal(one: float, other: float) -> bool:
    """Return whether two losses are equal, as far as float32 tells."""
    return abs(one - other) <= 1e-4 * max(1.0, abs(one), abs(other))


def _are_classes(z: Array, targets: Array) -> bool:
    several = z.ndim > 1 and z.shape[-1] > 1
    return several and (targets.dtype.kind in "iu" or targets.shape == z.shape)


def _of_logits(at: _At, z: Array, targets: Array) -> bool:
    value, shifted = at(z), at(z + 1.5)
    return _are_classes(z, targets) and _equal(value, shifted) and not _equal(value, at(3 * z))


def _of_log_probabilities(at: _At, z: Array, targets: Array) -> bool:
    value = at(z)
    falls = _equal(at(z + 1.5), value - 1.5) and _equal(at(z - 1.5), value + 1.5)
    return _are_classes(z, targets) and falls


def _of_probabilities(at: _At, z: Array, targets: Array) -> bool:
    shares = np.exp(z - 4)
    value = at(shares)
    return _are_classes(z, targets) and _equal(at(shares / 2), value + np.log(2.0))


def _are_shares(z: Array, targets: Array) -> bool:
    """Return whether targets are probabilities of yes, one for each output."""
    return targets.size == z.size and bool(((targets >= 0) & (targets <= 1)).all())


def _of_binary_logits(at: _At, z: Array, targets: Array) -> bool:
    # Far away the loss is linear, which that of values is not.
    grows = _even(at, 100 * z) / max(_even(at, 50 * z), 1e-9)
    return _are_shares(z, targets) and _is_odd_part_linear(at, z) and 1.9 < grows < 2.1


def _of_binary_probabilities(at: _At, z: Array, targets: Array) -> bool:
    def of_logits(given: Array) -> float:
        return at(1 / (1 + np.exp(-given)))

    return _are_shares(z, targets) and _is_odd_part_linear(of_logits, z)


def _is_odd_part_linear(at: _At, z: Array) -> bool:
    once, twice = at(z) - at(-z), at(2 * z) - at(-2 * z)
    return _equal(2 * once, twice) and not _equal(at(z), at(2 * z))


def _even(at: _At, z: Array) -> float:
    return at(z) + at(-z)


def _of_values(at: _At, z: Array, targets: Array) -> bool:
    if targets.dtype.kind != "f" or not np.isfinite(targets).all():
        return False
    far = 1 + 2 * float(np.abs(targets).max())
    value = at(z)
    moved = (targets + far).astype(targets.dtype)
    return _equal(at(z + far, moved), value) and not _equal(at(z + far), value)


_LAWS: tuple[tuple[Takes, Callable[[_At, Array, Array], bool]], ...] = (
    (Takes("values", "values", False), _of_values),
    (Takes("logits", "binary", False), _of_binary_logits),
    (Takes("probabilities", "binary", False), _of_binary_probabilities),
    (Takes("logits", "classes", False), _of_logits),
    (Takes("log_probabilities", "classes", False), _of_log_probabilities),
    (Takes("probabilities", "classes", False), _of_probabilities),
)
