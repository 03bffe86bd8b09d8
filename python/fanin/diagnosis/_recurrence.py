"""What recurrent kernels give to the gates, and what is flat in what goes round."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.diagnosis._signals import SMALL_SLOPE
from fanin.frameworks._trace import InnerTrace, RecurrentTrace
from fanin.show.results import Result

Array = NDArray[Any]

_ROWS = 512
"""Rows, from all along the batch, that a kernel is tried on."""

_ENDS = {
    # Where s (1 - s) and 1 - t ** 2 fall below the slope that counts as flat.
    "sigmoid": 2 * math.atanh(math.sqrt(1 - 4 * SMALL_SLOPE)),
    "tanh": math.atanh(math.sqrt(1 - SMALL_SLOPE)),
}


@dataclass(frozen=True, repr=False)
class RecurrenceReport(Result):
    """What a kernel of a recurrent layer does, or functions that are seen inside of a step.

    Attributes
    ----------
    layer : str
        The layer.
    role : str
        What the layer calls the kernel; empty for functions.
    states : bool
        Whether it multiplies states, not inputs.
    gates : int
        How many gates it serves: 1 for a plain layer.
    gain : float
        √(fan_in E[w²]) of the gate's part where that is largest: what it multiplies the size of
        what comes in by. NaN for functions.
    flat : float
        Share of what it gives that is so large that a gate gets flat by it alone, biases and the
        other kernel left out; of functions that of their outputs. NaN where that is not seen.
    bounded : bool
        Whether its gates are sigmoids and tanh.
    shut : float
        Share of a gate's units that biases alone hold shut, of the gate where that is largest.
    bias_roles : tuple of str
        What the layer calls these biases.
    """

    layer: str
    role: str
    states: bool
    gates: int
    gain: float
    flat: float
    bounded: bool
    shut: float = 0.0
    bias_roles: tuple[str, ...] = ()

    def _says(self) -> str:
        what = self.role or "what is inside"
        return f"{what} of {self.layer!r}: gain {self.gain:.3g}, {self.flat:.0%} flat"


def measured(
    kernels: Iterable[RecurrentTrace], inner: Iterable[InnerTrace]
) -> tuple[RecurrenceReport, ...]:
    """Measure kernels, of a cell that runs again and again the last time, and functions."""
    last = {(kernel.layer, kernel.role): kernel for kernel in kernels}
    return (*map(_of_kernel, last.values()), *map(_of_functions, inner))


def _of_kernel(trace: RecurrentTrace) -> RecurrenceReport:
    kernel = trace.kernel
    squares = np.square(kernel, dtype=np.float64).reshape(len(kernel), trace.gates, -1)
    gains = np.sqrt(len(kernel) * squares.mean(axis=(0, 2)))
    flat = math.nan
    if trace.given is not None and trace.bounded and len(trace.given):
        rows = np.linspace(0, len(trace.given) - 1, min(len(trace.given), _ROWS)).astype(int)
        # Tanh alone gets flat a little earlier than gates do.
        end = _ENDS["tanh" if trace.gates == 1 else "sigmoid"]
        flat = float((np.abs(trace.given[rows] @ kernel) > end).mean())
    return RecurrenceReport(
        layer=trace.layer,
        role=trace.role,
        states=trace.states,
        gates=trace.gates,
        gain=float(gains.max()),
        flat=flat,
        bounded=trace.bounded,
        shut=_shut(trace),
        bias_roles=trace.bias_roles,
    )


_SHUT = -5.0
"""A sigmoid of it is 0.7 %, and so is its slope."""


def _shut(trace: RecurrentTrace) -> float:
    if trace.bias is None or trace.gates < 2 or not trace.bounded:
        return 0.0
    return float((trace.bias.reshape(trace.gates, -1) <= _SHUT).mean(axis=1).max())


def _of_functions(trace: InnerTrace) -> RecurrenceReport:
    flat = total = 0
    for kind, outputs in trace.outputs:
        slopes = outputs * (1 - outputs) if kind == "sigmoid" else 1 - outputs**2
        flat, total = flat + int((slopes < SMALL_SLOPE).sum()), total + outputs.size
    return RecurrenceReport(trace.layer, "", True, 1, math.nan, flat / max(total, 1), True)
