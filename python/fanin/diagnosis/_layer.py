"""What one layer does to signals and gradients, measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.activations import MIXING
from fanin.diagnosis._signals import (
    BINS,
    Places,
    Signal,
    Slopes,
    Weights,
    effective_rank,
    equal_units,
    mean_cosine,
    number_of_groups,
    tied_units,
)
from fanin.frameworks._trace import LayerTrace
from fanin.show.results import Result
from fanin.show.text import counted
from fanin.theory.laws import WeightLaw

Array = NDArray[Any]

_ROWS = 256
"""Samples whose outputs' rank is measured: its cost grows with the square of their number."""


@dataclass(frozen=True, repr=False)
class LayerReport(Result):
    """What one layer does to signals and gradients.

    Attributes
    ----------
    index : int
        Its place among the layers of the model.
    name, kind : str
        Its name, and what it is: ``dense``, ``batch_normalization``, …
    units : int
        Width of its outputs.
    activation : str
        Name of the activation that ends it; empty if there is none.
    samples : int
        Rows that were measured: samples, times the places of an image.
    inputs : Signal or None
        What comes in; only of layers that normalize it.
    pre_activation, output : Signal
        Before the activation (None if there is none) and at the end.
    output_gradient, pre_activation_gradient : Signal or None
        Gradients of each sample's own loss; None where none was formed.
    slopes : Slopes or None
        Where the activation passes no gradient on; None without an activation.
    weights : dict of str to Weights
        Its arrays by role, with their gradients.
    cosine : float
        Mean cosine of the angle between the outputs of two samples.
    effective_rank : float
        How many directions the outputs of the first 256 samples use (participation ratio).
    groups : ndarray of int of shape (units,) or None
        For each unit the first one with equal incoming weights; None without a kernel.
    tied : ndarray of int of shape (units,) or None
        For each unit the first one with equal incoming weights and equal gradients: training keeps
        them equal. None without a kernel.
    settings : dict of str to object
        Options of the layer and of its activation, as the core knows them.
    drawn_gain : float
        The `gain` that its initializer gives; NaN where that is not known.
    note : str
        What could not be looked at, and why.
    frozen : frozenset of str
        Roles of the parameters that are not trained.
    code : str
        What reaches the layer from ``model`` in Keras; empty for the other frameworks, where its
        name tells.
    reads : tuple of int or None
        Places of the layers whose outputs it gets, ``-1 - k`` for input number k, in networks of
        this package; None for the other frameworks.
    """

    index: int
    name: str
    kind: str
    units: int
    activation: str
    samples: int
    inputs: Signal | None
    pre_activation: Signal | None
    output: Signal
    output_gradient: Signal | None
    pre_activation_gradient: Signal | None
    slopes: Slopes | None
    weights: Mapping[str, Weights]
    cosine: float
    effective_rank: float
    groups: Places | None
    tied: Places | None
    settings: Mapping[str, object]
    drawn_gain: float = math.nan
    note: str = ""
    frozen: frozenset[str] = frozenset()
    code: str = ""
    reads: tuple[int, ...] | None = None

    def _says(self) -> str:
        kind = f"{self.kind} {self.activation}".strip()
        gradient = "" if self.gradient is None else f", gradient rms {self.gradient.rms:.3g}"
        return (
            f"{self.name!r}, {kind}, {counted(self.units, 'unit')}: rms {self.signal.rms:.3g}"
            f"{gradient}"
        )

    @property
    def signal(self) -> Signal:
        """What the layer computes: before the activation, or its output if it has none."""
        return self.pre_activation or self.output

    @property
    def gradient(self) -> Signal | None:
        """The gradient with respect to `signal`."""
        return self.pre_activation_gradient or self.output_gradient

    @property
    def dead(self) -> float:
        """Share of units that are off for the whole batch; 0 without an activation."""
        return 0.0 if self.slopes is None else self.slopes.dead

    @property
    def saturated(self) -> float:
        """Share of elements at which a bounded activation is flat; 0 without one."""
        return 0.0 if self.slopes is None else self.slopes.saturated

    @property
    def distinct(self) -> int:
        """Number of units with incoming weights of their own."""
        return self.units if self.groups is None else number_of_groups(self.groups)

    @property
    def free(self) -> int:
        """Number of units that differ after the next step of training."""
        return self.units if self.tied is None else number_of_groups(self.tied)

    @property
    def condition(self) -> float:
        """Condition number of the kernel, computed when asked for; NaN without one."""
        kernel = self.weights.get("kernel")
        return float("nan") if kernel is None else kernel.condition

    @property
    def gain(self) -> float:
        """By how much the kernel multiplies the size of inputs that it was not made for.

        The root of fan_in E[w²]: 1 for LeCun's initializers, √2 for He's; NaN without a kernel.
        """
        kernel = self.weights.get("kernel")
        return math.nan if kernel is None else _gain(kernel.values.shape, kernel.second_moment)

    @property
    def gradient_rms(self) -> float:
        """Root mean square of the gradient before the activation, or else of the outputs."""
        return float("nan") if self.gradient is None else self.gradient.rms

    @classmethod
    def of(cls, index: int, trace: LayerTrace) -> "LayerReport":
        """Measure one traced layer."""
        activation, z = trace.activation, trace.pre_activation
        sloped = activation is not None and z is not None and activation["kind"] not in MIXING
        groups = _groups(trace.parameters)
        return cls(
            index=index,
            name=trace.name,
            kind=trace.kind,
            units=trace.outputs.shape[-1],
            activation="" if activation is None else activation["kind"],
            samples=len(trace.outputs),
            inputs=_signal(trace.inputs if "moving_mean" in trace.parameters else None),
            pre_activation=_signal(z),
            output=Signal.of(trace.outputs),
            output_gradient=_signal(trace.output_gradient, bins=0),
            pre_activation_gradient=_signal(trace.pre_activation_gradient, bins=0),
            slopes=Slopes.of(activation, z) if sloped else None,  # type: ignore[arg-type]
            weights={
                role: Weights.of(values.copy(), trace.gradients.get(role))
                for role, values in trace.parameters.items()
            },
            cosine=mean_cosine(trace.outputs),
            effective_rank=effective_rank(trace.outputs[:_ROWS]),
            groups=groups,
            tied=_tied(groups, trace.gradients),
            settings={**trace.settings, "activation": trace.activation},
            drawn_gain=_drawn_gain(trace),
            note=trace.note,
            frozen=trace.frozen,
            code=trace.code,
            reads=trace.reads,
        )


def _gain(shape: tuple[int, ...], second_moment: float) -> float:
    return math.sqrt(math.prod(shape[:-1]) * second_moment)


def _drawn_gain(trace: LayerTrace) -> float:
    """Return the gain that a kernel's initializer gives; NaN where that is not known."""
    initializer, kernel = trace.initializers.get("kernel"), trace.parameters.get("kernel")
    if initializer is None or kernel is None:
        return math.nan
    law = WeightLaw.of(initializer, kernel.shape)
    return _gain(kernel.shape, law.variance + law.mean**2)


_HALF_OF_THE_DIGITS = float(np.finfo(np.float32).eps) ** 0.5


def _groups(arrays: Mapping[str, Array], tolerance: float = 1e-6) -> Places | None:
    kernel = arrays.get("kernel")
    return None if kernel is None else equal_units(kernel, arrays.get("bias"), tolerance)


def _tied(groups: Places | None, gradients: Mapping[str, Array]) -> Places | None:
    if groups is None or number_of_groups(groups) == len(groups):
        return groups  # there is nothing that gradients could part
    # Gradients are sums over samples: of two equal units they agree to half of the digits, or not
    # at all. Parted by less, units would stay equal for as long as anyone trains.
    parted = _groups(gradients, _HALF_OF_THE_DIGITS)
    # Without gradients, as of weights that are not trained, nothing parts equal units.
    if parted is None or len(groups) != len(parted):
        return groups
    return tied_units(groups, parted)


def _signal(array: Array | None, bins: int = BINS) -> Signal | None:
    return None if array is None else Signal.of(array, bins=bins)
