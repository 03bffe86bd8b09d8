"""What the losses of torch take outputs for, and targets that they would compare wrongly."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fanin.errors import ShapeError
from fanin.frameworks._ending import UNKNOWN, Takes, probed
from fanin.frameworks.torch._arrays import measured, read

Array = NDArray[Any]

_CLASSES, _BINARY = Takes("logits", "classes"), Takes("logits", "binary")
_LOGARITHMS, _VALUES = Takes("log_probabilities", "classes"), Takes("values", "values")
_TAKES = {
    "CrossEntropyLoss": _CLASSES,
    "cross_entropy": _CLASSES,
    "NLLLoss": _LOGARITHMS,
    "nll_loss": _LOGARITHMS,
    "KLDivLoss": _LOGARITHMS,
    "kl_div": _LOGARITHMS,
    "BCELoss": Takes("probabilities", "binary"),
    "binary_cross_entropy": Takes("probabilities", "binary"),
    "BCEWithLogitsLoss": _BINARY,
    "binary_cross_entropy_with_logits": _BINARY,
    "MultiLabelSoftMarginLoss": _BINARY,
    "multilabel_soft_margin_loss": _BINARY,
    "MSELoss": _VALUES,
    "mse_loss": _VALUES,
    "L1Loss": _VALUES,
    "l1_loss": _VALUES,
    "SmoothL1Loss": _VALUES,
    "smooth_l1_loss": _VALUES,
    "HuberLoss": _VALUES,
    "huber_loss": _VALUES,
}
"""Classes and functions of torch by name."""


def takes_of(loss: Any, targets: Any, outputs: Any) -> Takes:
    """Return what a loss takes outputs for: by its name if it is torch's, else by its laws."""
    while isinstance(loss, partial):
        loss = loss.func
    if isinstance(loss, torch.nn.PoissonNLLLoss):
        return Takes("log_rates" if loss.log_input else "rates", "counts")
    known = loss if hasattr(loss, "__name__") else type(loss)
    if str(getattr(known, "__module__", "")).startswith("torch."):
        return _TAKES.get(known.__name__, UNKNOWN)
    return probed(_value(loss, targets), read(targets), measured(outputs))


def _value(loss: Callable[..., Any], targets: Any) -> Callable[[Array, Array], float]:
    def value(given: Array, wanted: Array) -> float:
        y = torch.from_numpy(np.ascontiguousarray(wanted)).to(targets.dtype)
        with torch.no_grad(), _quietly():
            return float(loss(torch.from_numpy(given), y))

    return value


def check_shapes(loss: Callable[..., Any], outputs: Any, targets: Any) -> None:
    """Refuse targets of another shape that the loss compares, each of them, with all outputs.

    ``(n,)`` against ``(n, 1)`` becomes ``(n, n)``. Such a loss does not care which target belongs
    to which sample, and that is how it is known: a function that brings the shapes together, or
    wants them different, does.
    """
    given, wanted = tuple(outputs.shape), tuple(targets.shape)
    if given == wanted or len(outputs) < 2 or targets.ndim == 0:
        return
    if outputs.numel() != targets.numel():
        return
    try:
        together = torch.broadcast_shapes(given, wanted)
    except RuntimeError:
        return
    if together.numel() == outputs.numel():
        return
    y = targets
    if bool((y == y.reshape(-1)[0]).all()):
        y = torch.arange(y.numel()).to(y).reshape(wanted)
    # Outputs of the size of the targets, and where a loss of probabilities is finite.
    order = torch.from_numpy(np.random.default_rng(0).permutation(y.numel()))
    middle = (y.max() + y.min()) / 2
    made = (middle + 0.8 * (y.reshape(-1)[order] - middle)).reshape(given).to(outputs.dtype)
    try:
        with torch.no_grad(), _quietly():
            values = [loss(made, wanted_now) for wanted_now in (y, y.roll(1, 0))]
            # Compared in pairs a mean changes by rounding alone.
            alike = bool(torch.isclose(*values, rtol=1e-5, atol=0.0).all())
    except Exception:  # it refuses them itself, or what was made up here
        return
    if alike:
        raise ShapeError(
            f"y: expected the shape of the outputs, {given}, found shape {wanted}: the loss would "
            f"compare each target with all outputs, {tuple(together)}; give y.reshape({given})"
        )


def check_classes(takes: Takes, outputs: Any, targets: Any) -> None:
    """Refuse classes that there are no outputs for; below zero are those that a loss may ignore."""
    if takes.task != "classes" or targets.is_floating_point() or outputs.ndim < 2:
        return
    if targets.ndim != outputs.ndim - 1 or not targets.numel():
        return
    # Classes are on the second axis; of a loss of a user's perhaps on the last.
    classes, largest = max(outputs.shape[1], outputs.shape[-1]), int(targets.max())
    if largest >= classes:
        hint = "; numbers to predict are of a float type" if classes == 1 else ""
        raise ValueError(
            f"y: expected classes below {classes}, the number of outputs, found {largest}{hint}"
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep to ourselves what a loss says of what was made up for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
