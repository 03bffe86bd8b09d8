"""A pass forward over the steps of a network, and one back, in moments."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from fanin.theory import gradients, signals
from fanin.theory.gradients import Gradient, Scale
from fanin.theory.laws import WeightLaw
from fanin.theory.nonlinearity import Nonlinearity, resolve
from fanin.theory.signals import Array, Signal, Slopes, Units
from fanin.theory.steps import (
    ActivationStep,
    BatchNormStep,
    DenseStep,
    DropoutStep,
    LayerSteps,
    RowNormStep,
    Step,
)

_PAIRS = 0.1
"""Relative error of a kernel's gradient for what pairs of samples add to it: see docs/theory.md."""

_FOURTH = 6.0
"""E x⁴ / (E x²)² of what Dropout gets: of rectified Gaussian units."""


@dataclass(frozen=True)
class DenseTape:
    """What the way back needs of a Dense step: itself, what came in, the weights' share of z."""

    step: DenseStep
    signal: Signal
    share: Array


@dataclass(frozen=True)
class ActivationTape:
    """What the way back needs of an activation: the slopes."""

    slopes: Slopes


@dataclass(frozen=True)
class DropoutTape:
    """What the way back needs of Dropout."""

    rate: float


@dataclass(frozen=True)
class ScaleTape:
    """What the way back needs of what multiplies by a constant."""

    log_factor: float


@dataclass(frozen=True)
class BatchNormTape:
    """What the way back needs of a normalization: its factor, and what came in."""

    log_factor: float
    signal: Signal


@dataclass(frozen=True)
class RowNormTape:
    """What the way back needs of a normalization within samples."""

    step: RowNormStep
    log_inverses: Array
    signal: Signal
    units: int


Tape = DenseTape | ActivationTape | DropoutTape | ScaleTape | BatchNormTape | RowNormTape | None


@dataclass
class Trace:
    """What a layer did to the signal.

    Parameters
    ----------
    pre, post : Scale or None
        Of the pre-activations and of what the layer hands on.
    mean, correlation : float
        Of what the layer hands on.
    carried : float
        How strongly the size of the pre-activations goes with that of the Dense layer before:
        d log q' / d log q.
    reason : str or None
        Why something is not known.
    tapes : list of Tape
        For the way back; None where it cannot pass.
    """

    pre: Scale | None = None
    post: Scale | None = None
    mean: float = math.nan
    correlation: float = math.nan
    carried: float = 0.0
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
        self.dense: bool = False
        self.carried: float = 1.0
        self.waiting: Units | None = None

    def layer(self, layer: LayerSteps) -> Trace:
        """Go through a layer and return what it did."""
        trace = Trace()
        self.softmax = None
        for step in layer.steps:
            self._step(step, trace)
        if trace.reason is None:
            trace.reason = self.reason
        if self.signal is not None and self.softmax is None:
            trace.post, trace.mean, trace.correlation = self.outgoing()
        return trace

    def _step(self, step: Step, trace: Trace) -> None:
        if isinstance(step, DenseStep):
            self.sample(trace)
            tape = self._dense(step, trace)
        elif isinstance(step, ActivationStep):
            tape = self._activation(step.function)
        elif isinstance(step, BatchNormStep):
            tape = self._batch_norm(step)
        elif isinstance(step, RowNormStep):
            tape = self._row_norm(step)
        elif isinstance(step, DropoutStep):
            if self.training and step.rate > 0:
                self.sample(trace)
            tape = self._dropout(step)
        else:
            tape = self._stop(step.reason)
        trace.tapes.append(tape)

    def _stop(self, reason: str) -> Tape:
        self.signal, self.waiting, self.reason = None, None, reason
        return None

    def outgoing(self) -> tuple[Scale, float, float]:
        """Return what is handed on: its scale, its mean, and how alike two samples are."""
        assert self.signal is not None
        s, units = self.signal, self.waiting
        if units is None:
            return (s.log_square, s.variance), s.mean, s.c
        extra = 0.0 if units.normalized else signals.sampling_noise(s, units.count, units.kept)
        return _shifted(s, extra, units.shift), s.mean + units.shift, s.c

    def sample(self, trace: Trace) -> None:
        """Go on with the units there are, not with the law that they are drawn by."""
        if self.signal is not None and self.waiting is not None:
            linear = resolve(None).shifted(self.waiting.shift)
            slopes = self._through(linear, self.waiting)
            trace.tapes.append(ActivationTape(slopes))

    def _through(self, phi: Nonlinearity, units: Units) -> Slopes:
        assert self.signal is not None
        weights = self.signal.shares
        self.signal, slopes = signals.through_activation(self.signal, phi, units)
        self.carried *= abs(float((weights * slopes.elasticity).mean()))
        self.waiting = None
        return slopes

    def _dense(self, step: DenseStep, trace: Trace) -> Tape:
        reason = _refusal(step.kernel)
        signal = self.signal
        if reason is not None:
            return self._stop(reason)
        if signal is None:
            return None
        kept = signals.kept_length(step.kernel, step.fan_in, step.units)
        self.signal, share = signals.through_dense(signal, step.kernel, step.bias, step.fan_in)
        self.units, self.dense = step.units, True
        self.waiting = Units(step.units, kept, step.bias.mean, share)
        trace.pre, trace.carried = self.outgoing()[0], self.carried * float(share.mean())
        self.carried = 1.0
        return DenseTape(step, signal, share)

    def _activation(self, phi: Nonlinearity | None) -> Tape:
        if self.signal is None:
            return None
        if phi is None:
            if self.waiting is not None:
                self.softmax = (self.signal, self.waiting.count)
            self._stop("softmax mixes the units of a layer")
            return ScaleTape(0.0)  # its gradient is taken with respect to its input
        if phi.name == "linear":
            return ScaleTape(0.0)
        if self.waiting is None:
            return self._stop(
                f"the input of activation {phi.name!r} is not the output of a Dense layer, hence "
                "not Gaussian"
            )
        moved = phi.shifted(self.waiting.shift)
        slopes = self._through(moved, self.waiting)
        if not self.signal.log_square < math.inf:
            return self._stop(f"the second moment of activation {phi.name!r} is infinite there")
        return None if np.isnan(slopes.log_slopes).any() else ActivationTape(slopes)

    def _dropout(self, step: DropoutStep) -> Tape:
        if not self.training or step.rate == 0:
            return ScaleTape(0.0)
        if self.signal is None:
            return None
        self.signal = signals.through_dropout(self.signal, step.rate, _FOURTH / self.units)
        return DropoutTape(step.rate)

    def _batch_norm(self, step: BatchNormStep) -> Tape:
        signal, units = self.signal, self.waiting
        if signal is None:
            return None
        if not self.training:
            log_factor = -math.log1p(step.epsilon)  # running averages start at 0 and 1
            self.signal = replace(signal, log_squares=signal.log_squares + log_factor)
            if units is not None:
                self.waiting = replace(units, shift=units.shift * math.exp(log_factor / 2))
            return ScaleTape(log_factor)
        found = signals.through_batch_norm(signal, step.epsilon)
        if found is None:
            return self._stop(
                "all samples are alike: BatchNormalization divides 0 by sqrt(epsilon)"
            )
        self.signal, log_factor = found
        if units is not None:
            # The bias goes with the mean; each unit's square is 1 over the batch, exactly.
            ones = np.ones_like(units.share)
            self.waiting = Units(units.count, 1.0, 0.0, ones, normalized=True)
        self.carried = 0.0
        return BatchNormTape(log_factor, signal)

    def _row_norm(self, step: RowNormStep) -> Tape:
        signal, units = self.signal, self.waiting
        if signal is None:
            return None
        means = None
        if step.centred:
            if units is None and not self.dense:
                return self._stop(
                    "the mean of each sample of the inputs, which LayerNormalization takes out, is "
                    "not known"
                )
            # Behind an activation each sample's mean goes as its size.
            sizes = np.sqrt(signal.shares)
            means = np.zeros_like(sizes) if units is not None else signal.mean * sizes
        elif units is not None and units.shift:
            return self._stop(
                "the bias that all units share moves what RMSNormalization divides by"
            )
        found = signals.through_row_norm(signal, step.epsilon, means)
        if found is None:
            return self._stop("a sample is 0: its normalization divides 0 by sqrt(epsilon)")
        self.signal, log_factors = found
        # On the way back each draw divides by its own second moment: the mean of the inverse is
        # above the inverse of the mean, by twice what a response of -1 to lengths adds to a mean.
        inverse = log_factors + np.diagonal(signal.spread) / 2
        if units is not None:
            few = 2 + step.centred
            inverse = inverse + (1 - units.kept) * math.log1p(few / max(units.count - few, 1))
            self.waiting = replace(units, kept=1.0, shift=0.0, by_sample=True)
        self.carried = 0.0
        return RowNormTape(step, inverse, signal, self.units)


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
    log_square, variance = signal.log_square, signal.variance + extra
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
    gradient : Gradient
        With respect to the last pre-activations.
    """

    def __init__(self, gradient: Gradient) -> None:
        self.gradient: Gradient | None = gradient
        self.kept: float = 0.0
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
        fan_in: int | None = None
        for tape in reversed(trace.tapes):
            if self.gradient is None:
                break
            fan_in = None
            if isinstance(tape, DenseTape):
                at_dense = self.gradient.scale()
                kernel = self._kernel(tape, at_dense)
                self._dense(tape)
                fan_in = tape.step.fan_in
            elif not (last and at_dense is None and isinstance(tape, ActivationTape)):
                self._pass(tape)
        if before is None:
            return Way()
        after = self.gradient
        if after is None:
            return Way(gradient=at_dense, kernel_gradient=kernel)
        scale = after.scale()
        if fan_in is not None:  # as many units as there are inputs, which nothing has taken yet
            scale = scale[0], scale[1] + 2 * after.likeness() * (1 - self.kept) / fan_in
        chi = math.nan
        if not before.zero:
            chi = math.exp(min(scale[0] - before.scale()[0], 709.0))
        if at_dense is None:  # of an activation what goes into it, of others what comes out
            ends = trace.tapes and isinstance(trace.tapes[-1], ActivationTape)
            at_dense = scale if ends else before.scale()
        return Way(chi, at_dense, scale, kernel)

    def _dense(self, tape: DenseTape) -> None:
        assert self.gradient is not None
        step = tape.step
        self.narrowest = min(self.narrowest, step.units)
        self.kept = signals.kept_length(step.kernel, step.units, step.fan_in)
        self.gradient = gradients.back_through_dense(
            self.gradient, step.kernel, step.units, tape.share, tape.signal
        )

    def _pass(self, tape: Tape) -> None:
        assert self.gradient is not None
        g = self.gradient
        if isinstance(tape, ActivationTape):
            self.gradient = gradients.back_through_activation(g, tape.slopes, self.kept)
        elif isinstance(tape, DropoutTape):
            self.gradient = gradients.back_through_dropout(g, tape.rate)
        elif isinstance(tape, ScaleTape):
            self.gradient = gradients.back_through_scale(g, tape.log_factor)
        elif isinstance(tape, BatchNormTape):
            self.gradient = gradients.back_through_batch_norm(g, tape.log_factor, tape.signal)
        elif isinstance(tape, RowNormTape):
            self.gradient = gradients.back_through_row_norm(
                g, tape.log_inverses, tape.signal, tape.units, tape.step.centred
            )
        else:
            self.gradient = None

    def _kernel(self, tape: DenseTape, at_dense: Scale) -> Scale:
        """Return the scale of the gradient ``xᵀ δ`` with respect to the weights."""
        assert self.gradient is not None
        x, g = tape.signal, self.gradient
        if x.zero or g.zero:
            return -math.inf, 0.0
        pairs = (g.batch - 1) * x.c * g.c
        own = signals.log_mean(x.log_squares + g.means()) - x.log_square - at_dense[0]
        together = max(math.exp(own) + pairs, 1 / g.batch)
        log_square = x.log_square + at_dense[0] + math.log(g.batch * together)
        # Summed over alike samples, gradients are as noisy as a few vectors of the narrowest width.
        few = 4 * x.c**2 * (1 - 1 / g.batch) / min(self.narrowest, tape.step.units)
        return log_square, x.variance + at_dense[1] + few + _PAIRS**2


def softmax_gradient(logits: Signal, classes: int) -> Gradient:
    """Return the gradient of the mean cross-entropy with respect to Gaussian logits.

    ``(p − y) / batch`` with classes drawn evenly and without regard to the logits: its second
    moment is ``(E Σ p² + 1 − 2 / classes) / classes / batch²``.

    Parameters
    ----------
    logits : Signal
        The logits.
    classes : int
        Number of them.

    Returns
    -------
    Gradient
    """
    squares = softmax_squares(logits.log_square, classes)
    total = squares + 1 - 2 / classes
    n, batch = len(logits.log_squares), logits.batch
    if total <= 0:  # one class: the loss is always 0
        return Gradient.start(np.full(n, -math.inf), batch)
    # How strongly the scale of the logits moves the gradient's, and what labels add to that.
    moved = 10 * (softmax_squares(logits.log_square + 0.1, classes) - squares) / total
    # E (z · (p − y))² over E |z|² |p − y|², with E z · p = q (1 − E Σp²) by partial integration.
    rise = math.exp(min(logits.log_square, 30.0)) * (1 - squares) ** 2
    start = Gradient.start(
        np.full(n, math.log(total / classes) - 2 * math.log(batch)),
        batch,
        c=logits.c * (squares - 1 / classes) / total,
        # Two samples agree in their class or not: their gradients' correlation scatters.
        c_variance=1 / classes,
        alignment=min((rise + 1 - 1 / classes) / total, classes),
    )
    scatter = moved**2 * signals.sampling_noise(logits, classes, 0.0) + 1 / (classes * batch)
    return replace(
        start,
        response=np.full(n, moved),
        leaning=np.full(n, 1 + moved),
        covariance=np.diag([scatter, 0.0]),
        signal=logits.spread,
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
