"""A pass forward over the steps of a network, and one back, in moments."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from fanin.theory import signals
from fanin.theory.laws import WeightLaw
from fanin.theory.nonlinearity import Nonlinearity, resolve
from fanin.theory.signals import Signal, Slopes
from fanin.theory.steps import (
    ActivationStep,
    BatchNormStep,
    DenseStep,
    DropoutStep,
    LayerSteps,
    Step,
)

_PAIRS = 0.1
"""Relative error of a kernel's gradient for what pairs of samples add to it: see docs/theory.md."""

_FOURTH = 6.0
"""E x⁴ / (E x²)² of what Dropout gets: of rectified Gaussian units."""

Scale = tuple[float, float]
"""Logarithm of a second moment, and variance of it over draws."""


@dataclass(frozen=True)
class DenseTape:
    """What the way back needs of a Dense step: itself, and the signal that came in."""

    step: DenseStep
    signal: Signal


@dataclass(frozen=True)
class ActivationTape:
    """What the way back needs of an activation: the slopes, and how many units."""

    slopes: Slopes
    units: int


@dataclass(frozen=True)
class ScaleTape:
    """What the way back needs of Dropout and normalization: a factor of the second moment."""

    log_factor: float
    centred: bool = False


Tape = DenseTape | ActivationTape | ScaleTape | None


@dataclass
class Trace:
    """What a layer did to the signal.

    Parameters
    ----------
    pre, post : Scale or None
        Of the pre-activations and of what the layer hands on.
    mean, correlation : float
        Of what the layer hands on.
    reason : str or None
        Why something is not known.
    tapes : list of Tape
        For the way back; None where it cannot pass.
    """

    pre: Scale | None = None
    post: Scale | None = None
    mean: float = math.nan
    correlation: float = math.nan
    reason: str | None = None
    tapes: list[Tape] = field(default_factory=list)


class Forward:
    """The pass forward, layer by layer.

    Parameters
    ----------
    start : Signal
        The inputs.
    training : bool
        Whether Dropout and BatchNormalization behave as in training.
    """

    def __init__(self, start: Signal, training: bool) -> None:
        self.signal: Signal | None = start
        self.training = training
        self.reason: str | None = None
        self.softmax: tuple[Signal, int] | None = None
        self.units: int = 1
        # Of Gaussian units that no activation has taken yet: how many, what of their length is
        # kept, and the mean that the bias gives them.
        self.waiting: tuple[int, float, float] | None = None

    def layer(self, layer: LayerSteps) -> Trace:
        """Go through a layer and return what it did."""
        trace = Trace()
        self.softmax = None
        for step in layer.steps:
            trace.tapes.append(self._step(step, trace))
        if trace.reason is None:
            trace.reason = self.reason
        if self.signal is not None and self.softmax is None:
            trace.post, trace.mean, trace.correlation = self._outgoing()
        return trace

    def _step(self, step: Step, trace: Trace) -> Tape:
        if isinstance(step, DenseStep):
            return self._dense(step, trace)
        if isinstance(step, ActivationStep):
            return self._activation(step.function, trace)
        if isinstance(step, BatchNormStep):
            return self._batch_norm(step)
        if isinstance(step, DropoutStep):
            return self._dropout(step)
        return self._stop(step.reason)

    def _stop(self, reason: str) -> Tape:
        self.signal, self.waiting, self.reason = None, None, reason
        return None

    def _outgoing(self) -> tuple[Scale, float, float]:
        assert self.signal is not None
        if self.waiting is None:
            s, extra, shift = self.signal, 0.0, 0.0
        else:
            units, kept, shift = self.waiting
            s = self.signal
            extra = signals.sampling_noise(s, units, kept)
        return _shifted(s, extra, shift), s.mean + shift, s.c

    def _sampled(self) -> Signal | None:
        """Return the signal of the units there are, not of the law that they are drawn by."""
        if self.signal is not None and self.waiting is not None:
            units, kept, shift = self.waiting
            linear = resolve(None).shifted(shift)
            self.signal, _ = signals.through_activation(self.signal, linear, units, kept)
            self.waiting = None
        return self.signal

    def _dense(self, step: DenseStep, trace: Trace) -> Tape:
        reason = _refusal(step.kernel)
        signal = self._sampled()
        if reason is not None:
            return self._stop(reason)
        if signal is None:
            return None
        kept = signals.kept_length(step.kernel, step.fan_in, step.units)
        self.signal = signals.through_dense(signal, step.kernel, step.bias, step.fan_in)
        self.units = step.units
        self.waiting = (step.units, kept, step.bias.mean)
        trace.pre = self._outgoing()[0]
        return DenseTape(step, signal)

    def _activation(self, phi: Nonlinearity | None, trace: Trace) -> Tape:
        if self.signal is None:
            return None
        if phi is None:
            if self.waiting is not None:
                self.softmax = (self.signal, self.waiting[0])
            self._stop("softmax mixes the units of a layer")
            return ScaleTape(0.0)  # its gradient is taken with respect to its input
        if phi.name == "linear":
            return ScaleTape(0.0)
        if self.waiting is None:
            return self._stop(
                f"the input of activation {phi.name!r} is not the output of a Dense layer, hence "
                "not Gaussian"
            )
        units, kept, shift = self.waiting
        moved = phi.shifted(shift)
        self.signal, slopes = signals.through_activation(self.signal, moved, units, kept)
        self.waiting = None
        if not self.signal.log_square < math.inf:
            return self._stop(f"the second moment of activation {phi.name!r} is infinite there")
        return None if math.isnan(slopes.log_slope) else ActivationTape(slopes, units)

    def _dropout(self, step: DropoutStep) -> Tape:
        if not self.training or step.rate == 0:
            return ScaleTape(0.0)
        signal = self._sampled()
        if signal is None:
            return None
        log_factor = -math.log1p(-step.rate)
        # Masks of different samples and units are independent.
        noise = _FOURTH * step.rate / (1 - step.rate) / (self.units * signal.batch)
        self.signal = replace(
            signal,
            log_square=signal.log_square + log_factor,
            spread=signal.spread + noise,
            c=signal.c * (1 - step.rate),
            c_variance=signal.c_variance * (1 - step.rate) ** 2,
        )
        return ScaleTape(log_factor)

    def _batch_norm(self, step: BatchNormStep) -> Tape:
        signal = self.signal
        if not self.training:
            if signal is None:
                return None
            log_factor = -math.log1p(step.epsilon)  # running averages start at 0 and 1
            self.signal = replace(signal, log_square=signal.log_square + log_factor)
            if self.waiting is not None:
                units, kept, shift = self.waiting
                self.waiting = (units, kept, shift * math.exp(log_factor / 2))
            return ScaleTape(log_factor)
        if signal is None:
            return None
        # A unit's variance over the batch; of post-activations, the mean is part of c.
        apart = (1 - signal.c) * (1 - 1 / signal.batch)
        if apart <= 1e-12 or signal.zero:
            return self._stop(
                "all samples are alike: BatchNormalization divides 0 by sqrt(epsilon)"
            )
        log_variance = signal.log_square + math.log(apart)
        log_factor = -float(np.logaddexp(log_variance, math.log(step.epsilon)))
        left = -1 / max(signal.batch - 1, 1)
        self.signal = replace(
            signal,
            log_square=log_variance + log_factor,
            mean=0.0,
            spread=0.0,
            c=left,
            c_variance=min(signal.c_variance / (1 - signal.c) ** 2, 1 - left**2),
        )
        if self.waiting is not None:
            units, _, _ = self.waiting
            self.waiting = (units, 1.0, 0.0)  # each unit's square is 1 over the batch, exactly
        return ScaleTape(log_factor, centred=True)


def _refusal(kernel: WeightLaw) -> str | None:
    if not kernel.independent:
        return "the weights have a pattern: the formulas are for independent or orthogonal ones"
    if kernel.mean != 0 and kernel.variance == 0:
        return "all weights are equal, so all units of the layer are one"
    if kernel.mean != 0:
        return "weights whose mean is not 0 move all units of a layer together"
    return None


def _shifted(signal: Signal, extra: float, shift: float) -> Scale:
    """Return the scale of a signal to which a constant is added."""
    log_square, variance = signal.log_square, signal.spread + extra
    if shift == 0:
        return log_square, variance
    total = float(np.logaddexp(log_square, 2 * math.log(abs(shift))))
    share = math.exp(log_square - total)
    # The mean of the units moves their second moment by twice the shift.
    return total, share**2 * variance + 4 * share * (1 - share) * extra / 2


@dataclass(frozen=True)
class Way:
    """What a layer does to gradients on their way back."""

    chi: float = math.nan
    gradient: Scale | None = None
    input_gradient: Scale | None = None
    kernel_gradient: Scale | None = None


class Backward:
    """The pass back.

    Parameters
    ----------
    gradient : Signal
        With respect to the last pre-activations.
    """

    def __init__(self, gradient: Signal) -> None:
        self.gradient: Signal | None = gradient
        self.drift: float = 0.0
        self.narrowest: float = math.inf

    def through(self, traces: list[Trace]) -> list[Way]:
        """Return, in the order of the layers, what each does to gradients."""
        # The gradient that is given is that at the last pre-activations.
        ways = [self._layer(t, last=i == 0) for i, t in enumerate(reversed(traces))]
        return ways[::-1]

    def _layer(self, trace: Trace, last: bool) -> Way:
        before = self.gradient
        at_dense: Scale | None = None
        kernel: Scale | None = None
        for tape in reversed(trace.tapes):
            if self.gradient is None:
                break
            if isinstance(tape, DenseTape):
                at_dense = self._scale()
                kernel = self._kernel(tape, at_dense)
                step = tape.step
                self.narrowest = min(self.narrowest, step.units)
                self.gradient = signals.back_through_dense(self.gradient, step.kernel, step.units)
            elif isinstance(tape, ActivationTape):
                if not last:
                    self.gradient, self.drift = signals.back_through(
                        self.gradient, tape.slopes, tape.units, self.drift
                    )
            elif isinstance(tape, ScaleTape):
                self._rescale(tape)
            else:
                self.gradient = None
        if before is None:
            return Way()
        after = self.gradient
        if after is None:
            return Way(gradient=at_dense, kernel_gradient=kernel)
        scale = self._scale()
        if trace.tapes and isinstance(trace.tapes[0], DenseTape):
            step = trace.tapes[0].step
            kept = signals.kept_length(step.kernel, step.units, step.fan_in)
            scale = scale[0], scale[1] + signals.sampling_noise(after, step.fan_in, kept)
        chi = (
            math.exp(min(after.log_square - before.log_square, 709.0))
            if not before.zero
            else math.nan
        )
        return Way(chi, at_dense or scale, scale, kernel)

    def _scale(self) -> Scale:
        assert self.gradient is not None
        return self.gradient.log_square, self.gradient.spread + self.drift**2

    def _rescale(self, tape: ScaleTape) -> None:
        assert self.gradient is not None
        g = self.gradient
        log_square, c = g.log_square + tape.log_factor, g.c
        if tape.centred:
            # What is common to the batch and what goes with the unit's output are taken out.
            own = 1 / g.batch
            left = max(1 - own * (2 + (g.batch - 1) * c), own)
            log_square, c = log_square + math.log(left), -1 / max(g.batch - 1, 1)
        self.gradient = replace(g, log_square=log_square, c=c)

    def _kernel(self, tape: DenseTape, at_dense: Scale) -> Scale:
        """Return the scale of the gradient ``xᵀ δ`` with respect to the weights."""
        assert self.gradient is not None
        x, g = tape.signal, self.gradient
        if x.zero or g.zero:
            return -math.inf, 0.0
        together = max(1 + (g.batch - 1) * x.c * g.c, 1 / g.batch)
        log_square = x.log_square + g.log_square + math.log(g.batch * together)
        # Summed over alike samples, gradients are as noisy as a few vectors of the narrowest width.
        few = 4 * x.c**2 * (1 - 1 / g.batch) / min(self.narrowest, tape.step.units)
        return log_square, x.spread + at_dense[1] + few + _PAIRS**2


def softmax_gradient(logits: Signal, classes: int, *, batch: int) -> Signal:
    """Return the gradient of the mean cross-entropy with respect to Gaussian logits.

    ``(p − y) / batch`` with classes drawn evenly and without regard to the logits: its second
    moment is ``(E Σ p² + 1 − 2 / classes) / classes / batch²``.

    Parameters
    ----------
    logits : Signal
        The logits.
    classes : int
        Number of them.
    batch : int
        Number of samples that the loss is the mean over.

    Returns
    -------
    Signal
    """
    squares = softmax_squares(logits.log_square, classes)
    total = squares + 1 - 2 / classes
    # How strongly the scale of the logits moves the gradient's, and what labels add to that.
    moved = softmax_squares(logits.log_square + 0.1, classes) - squares
    scatter = logits.spread + signals.sampling_noise(logits, classes, 0.0)
    if total <= 0:  # one class: the loss is always 0
        return replace(logits, log_square=-math.inf, c=0.0, c_variance=0.0, spread=0.0)
    c = logits.c * (squares - 1 / classes) / total
    # Two samples agree in their class or not: their gradients' correlation scatters accordingly.
    return Signal(
        log_square=math.log(total / classes) - 2 * math.log(batch),
        mean=0.0,
        spread=(10 * moved / total) ** 2 * scatter + 1 / (classes * batch),
        unequal=0.0,
        c=c,
        c_variance=1 / classes,
        batch=batch,
    )


def softmax_squares(log_q: float, classes: int) -> float:
    """Return E Σ p² of softmax over independent Gaussian logits of variance ``exp(log_q)``.

    With ``1/S² = ∫ t exp(−t S) dt`` the mean factorizes over classes:
    ``K ∫ E[u²](s) · L(s)^(K−1) ds`` with ``u = exp(z + s)``, ``L = E exp(−u)``.
    """
    if classes == 1:
        return 1.0
    if log_q > _SHARP:  # what is left to 1 is the chance of a near tie, which goes as 1 / std
        return 1 - (1 - softmax_squares(_SHARP, classes)) * math.exp((_SHARP - log_q) / 2)
    std = math.exp(max(log_q, -40.0) / 2)
    # Sums of equal steps converge exponentially for such functions; all change on a scale of 1.
    z = np.linspace(-9, 9, max(int(60 * std), 60))
    weights = np.exp(-z * z / 2)
    weights = weights / weights.sum()
    s = np.arange(-9 * std - math.log(classes) - 12, 9 * std + 5, 0.3)
    u = np.exp(np.minimum(s[:, None] + std * z, 7.0))
    decay = np.exp(-u)
    inner = (u * u * decay) @ weights * ((decay @ weights) ** (classes - 1))
    return min(classes * float(inner.sum()) * 0.3, 1.0)


_SHARP = 6.0
