"""What the optimizer's next step would do: to the weights, and to the loss."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fanin.frameworks import _open as frameworks
from fanin.frameworks._trace import Trace
from fanin.show.results import Result

_SAMPLES = 128

OVERWRITES = 1.0
"""A step as long as the weights are is not a correction: what was drawn is gone after it."""
LEAPS = 0.03
"""Steps that change weights by a thirtieth or more can take the loss out of its linear range."""
WORSE = 5.0
"""So many times the loss before the step. Sound networks get worse by up to 2.7 times, one in
thirty at all: Adam's first steps have their full length before it knows anything of gradients."""
STANDS_STILL = 1e-4
"""Ten thousand steps in one direction would change weights by their own size."""

_GOOD = 0.03
"""Usual first steps of Adam change weights by a hundredth to a twentieth of their size."""
_LADDER = math.sqrt(10.0)


@dataclass(frozen=True, repr=False)
class FirstStep(Result):
    """What the next step of an optimizer would do, along the gradient of the batch's mean loss.

    Attributes
    ----------
    optimizer : str
        Its name.
    learning_rate : float
        Of this step.
    peak_rate : float
        The largest that a schedule is known to come to.
    momentum : float
        The optimizer's: steps in one direction come to ``1 / (1 - momentum)`` times this one.
    loss, loss_after : float
        Of the same samples, the first 128 at most, before the step and after it.
    change : float
        What the step adds to a kernel by the size that the kernel has, or at least would have if it
        kept signals of unit size, ``1 / sqrt(fan_in)``; root mean squares, the median over the
        kernels that move. NaN where none moves.
    largest_change : float
        The same of the kernel that moves most.
    suggestion : float or None
        A learning rate at which the step lowers the loss without a leap; looked for where this one
        does not.
    scale_free : bool
        Whether gradients a hundredth as large give about the same step, as those of Adam do; looked
        at where the step is too long or too short.
    remedy : str
        Code that sets it.
    clipped : str
        The optimizer's clipping, where without it the step would not be too short; else empty.
    weight_decay, decay : float
        The optimizer's weight decay, and the share of the weights that it takes away in a step.
    decay_remedy : str
        Code that sets a usual one.
    left_out : tuple of str
        Parameters that are to be trained and that the optimizer does not have.
    """

    optimizer: str
    learning_rate: float
    peak_rate: float
    momentum: float
    loss: float
    loss_after: float
    change: float
    largest_change: float
    suggestion: float | None = None
    scale_free: bool = False
    remedy: str = ""
    clipped: str = ""
    weight_decay: float = 0.0
    decay: float = 0.0
    decay_remedy: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def too_long(self) -> bool:
        """Whether the step overwrites the weights, or leaps to where the loss is much larger."""
        return self.change >= OVERWRITES or (self.change >= LEAPS and self.growth >= WORSE)

    @property
    def too_short(self) -> bool:
        """Whether steps like this one, the largest of a schedule, would never arrive."""
        if not self.learning_rate > 0 or not self.change > 0:
            return False
        longer = self.peak_rate / self.learning_rate / (1 - min(self.momentum, 0.99))
        within = longer * self.change < STANDS_STILL
        return within and longer * self.largest_change < 10 * STANDS_STILL

    @property
    def growth(self) -> float:
        """The loss after the step by that before it; infinite where it is no number."""
        if not math.isfinite(self.loss_after):
            return math.inf
        return self.loss_after / self.loss if self.loss > 0 else math.nan


def first_step(
    model: Any,
    x: Any,
    y: Any,
    loss: Any,
    training: bool,
    optimizer: Any,
    rate: float | None,
    trace: Trace,
) -> FirstStep | None:
    """Try the optimizer's next step; nothing of the model changes.

    Parameters
    ----------
    model, x, y, loss, training, optimizer
        As for `fanin.diagnose`.
    rate : float or None
        The learning rate, if another than the optimizer's own.
    trace : Trace
        Of these samples, with the gradient of their mean loss.

    Returns
    -------
    FirstStep or None
        None without targets or an optimizer, and for a loss or a step that is no number.
    """
    trial = frameworks.trial(model, x, y, loss, training, optimizer, rate, _SAMPLES, trace)
    if trial is None or not math.isfinite(trial.loss):
        return None
    with np.errstate(all="ignore"):
        changes = _changes(trial.step())
        if not all(map(math.isfinite, changes)):
            return None
        found = FirstStep(
            optimizer=trial.optimizer,
            learning_rate=trial.learning_rate,
            peak_rate=trial.peak_rate,
            momentum=trial.momentum,
            loss=trial.loss,
            loss_after=trial.loss_after(1.0),
            change=_median(changes),
            largest_change=max(changes, default=math.nan),
            left_out=tuple(trial.left_out),
        )
        found = _with_decay(trial, found)
        if not (found.too_long or found.too_short):
            return found
        clipped = _what_clips(trial, found) if found.too_short else ""
        if clipped:
            return replace(found, clipped=clipped, remedy=trial.unclipped)
        factor = _good_factor(trial, found)
        scale_free = _median(_changes(trial.step(0.01))) > 0.5 * found.change
    suggested = float(f"{factor * trial.learning_rate:.0e}")
    remedy = trial.remedy.format(rate=f"{suggested:.1g}", factor=f"{factor:.1g}")
    return replace(found, scale_free=scale_free, suggestion=suggested, remedy=remedy)


def _with_decay(trial: Any, found: FirstStep) -> FirstStep:
    """Say what weight decay takes away in a step, and what would be usual."""
    amount = trial.weight_decay
    if not amount > 0:
        return found
    share = trial.decay()
    usual = amount * _USUAL_DECAY / share if share > 0 else 0.0
    remedy = trial.decay_remedy.format(value=f"{usual:.1g}")
    return replace(found, weight_decay=amount, decay=share, decay_remedy=remedy)


_USUAL_DECAY = 1e-4
"""Share of the weights that goes in a step: what was drawn, and learned, stays for thousands."""


def _what_clips(trial: Any, found: FirstStep) -> str:
    """Return the optimizer's clipping, where it is why a step is too short; else nothing."""
    if not trial.clipping:
        return ""
    free = _changes(trial.step(clipping=False))
    longer = replace(found, change=_median(free), largest_change=max(free, default=math.nan))
    return "" if longer.too_short else str(trial.clipping)


def _changes(kernels: Any) -> list[float]:
    """Return what a step adds to each kernel that moves, by the kernel's own size."""
    found = []
    for fan_in, weights, change in kernels:
        own = max(_rms(weights), 1 / math.sqrt(max(fan_in, 1)))
        size = _rms(change)
        if size > 0:
            found.append(size / own)
    return found


def _rms(array: Any) -> float:
    flat = array.reshape(-1)
    squares = float(np.vdot(flat, flat))
    if not math.isfinite(squares):  # they overflow in single precision
        squares = float(np.square(flat, dtype=np.float64).sum())
    return math.sqrt(squares / flat.size)


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else math.nan


def _good_factor(trial: Any, found: FirstStep) -> float:
    """Return by what to multiply the learning rate: a third of the best of a ladder of steps.

    A third, as the best step along one direction is too long for those that follow; not so long
    that weights change by more than a thirtieth; and with momentum what it comes to is meant.
    """
    longest = _GOOD / found.change
    best, lowest, factor = longest, math.inf, longest
    for _ in range(16):
        value = trial.loss_after(factor)
        if value < lowest:
            best, lowest = factor, value
        elif lowest < trial.loss:
            break
        factor /= _LADDER
    steady = 1 - min(found.momentum, 0.99)
    return steady * (best / 3 if best < longest else best)
