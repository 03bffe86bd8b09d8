"""The end of a network, measured: outputs, what the loss takes them for, and the targets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin import _core
from fanin.diagnosis._signals import Signal
from fanin.show.results import Result
from fanin.show.text import counted

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.frameworks._ending import Ending, Takes
    from fanin.frameworks._trace import LayerTrace, Trace

Array = NDArray[Any]
Reach = tuple[float, float]
"""The least and the largest that an activation can give."""

_NEAR = 1e-3
"""How near to 1 sums are that are one: those of a thousand float16 are nearer."""

_OF_MODULES: Mapping[str, Reach] = {
    "ReLU6": (0.0, 6.0),
    "Hardtanh": (-1.0, 1.0),
    "Hardsigmoid": (0.0, 1.0),
    "LogSigmoid": (-math.inf, 0.0),
    "LogSoftmax": (-math.inf, 0.0),
    "Softmin": (0.0, 1.0),
}
"""Of modules of torch that the core has no activation for, by their class."""


@dataclass(frozen=True, repr=False)
class Targets(Result):
    """What the outputs are compared with.

    Attributes
    ----------
    values : Signal
        The targets as numbers, a column a unit.
    missing : int
        How many entries are NaN or infinite.
    counts : ndarray of int or None
        Samples of each class, where each has one; None for others.
    classes : int
        One more than the largest class that comes; 0 where there are none.
    unreached : float
        Mean of the squared distance between the targets and what the last activation can give, as a
        share of the targets' variance; 0 where it can give anything.
    outside : float
        Share of the targets that it cannot give.
    together : float
        The least binary cross-entropy of outputs whose rows have the sum 1, by that of guessing; 0
        where rows of the targets have that sum, or each has one entry.
    """

    values: Signal
    missing: int
    counts: NDArray[np.int64] | None
    classes: int
    unreached: float
    outside: float
    together: float

    def _says(self) -> str:
        if self.counts is not None:
            return f"{counted(int(self.counts.sum()), 'label')} of {len(self.counts)} classes"
        return f"targets of mean {self.values.mean:.4g}, std {self.values.std:.4g}"


@dataclass(frozen=True, repr=False)
class EndReport(Result):
    """What a network hands to its loss, and what the loss takes that for.

    Attributes
    ----------
    outputs : Signal
        What the loss gets.
    looks : str
        What these numbers are: ``probabilities`` (rows of sum 1), ``log_probabilities``, or empty.
    over_batch : bool
        Whether it is each column, not each row, that has the sum 1.
    before : str
        The same as `looks`, of what the last activation gets.
    takes : str
        What the loss takes them for: ``logits``, ``probabilities``, ``log_probabilities`` or
        ``values``; empty if that is not known.
    task : str
        ``classes``, ``binary`` or ``values``; empty if that is not known.
    sure : bool
        Whether the loss is known by its name, not by how it behaves.
    reach : tuple of float or None
        The least and the largest output that the last activation lets through.
    whole : bool
        Whether the outputs are those of the last layer.
    last : int
        Place of the last layer that does something, unlike those that only turn shapes.
    targets : Targets or None
        What they are compared with.
    trained, parameters : int
        How many numbers are trained, and how many there are.
    distinct : int
        Samples that differ from those before them.
    combinations : float
        How many samples the values that features take make, were they independent: one by the
        probability that two samples are the same.
    cut : float
        Share of the outputs that are the largest or the smallest of them, where both come often.
    """

    outputs: Signal
    looks: str
    over_batch: bool
    before: str
    takes: str
    task: str
    sure: bool
    reach: Reach | None
    whole: bool
    last: int
    targets: Targets | None
    trained: int
    parameters: int
    distinct: int
    combinations: float
    cut: float

    def _says(self) -> str:
        return f"{self.looks or 'outputs'} for a loss of {self.takes or 'what is not known'}"

    @property
    def units(self) -> int:
        """How many outputs a row has."""
        return len(self.outputs.unit_mean)

    @property
    def floor(self) -> float | None:
        """The least loss that outputs within their reach have, by that of guessing.

        Of logits between a and b and K classes the cross-entropy is at least
        ln(1 + (K − 1) e^(a − b)), with one at b and the others at a; of a single logit it is
        ln(1 + e^−b) for yes and ln(1 + e^a) for no; of values it is their distance. None where that
        is not known.
        """
        if self.reach is None or self.targets is None:
            return None
        low, high = self.reach
        if self.task == "values":
            return self.targets.unreached
        if self.takes != "logits":
            return None
        if self.task == "classes":
            if self.units < 2:
                return None
            return math.log1p((self.units - 1) * math.exp(low - high)) / math.log(self.units)
        yes = min(max(self.targets.values.mean, 0.0), 1.0)
        best = yes * _softplus(-high) + (1 - yes) * _softplus(low)
        return best / math.log(2)


def _softplus(z: float) -> float:
    return math.log1p(math.exp(-abs(z))) + max(z, 0.0) if math.isfinite(z) else max(z, 0.0)


def measure(trace: "Trace", layers: "list[LayerReport]") -> EndReport | None:
    """Measure the end of a traced network, and the samples as a whole.

    Parameters
    ----------
    trace : Trace
        The pass.
    layers : list of LayerReport
        What was measured of its layers.

    Returns
    -------
    EndReport or None
        None for a network without layers.
    """
    ending = trace.ending
    if ending is None or not layers:
        return None
    place = _last_place(trace)
    last = trace.layers[place]
    reach = _reach(layers[place]) if ending.whole else None
    takes = ending.takes
    distinct, combinations = _distinct(trace.inputs)
    return EndReport(
        outputs=_outputs(ending, layers[-1]),
        looks=looks_like(ending.outputs),
        over_batch=_over_batch(ending.outputs),
        before=_before(last),
        takes=takes.what,
        task=takes.task,
        sure=takes.sure,
        reach=reach,
        whole=ending.whole,
        last=place,
        targets=None if ending.targets is None else _targets(ending, takes, reach),
        trained=trace.trainable[0],
        parameters=trace.trainable[1],
        distinct=distinct,
        combinations=combinations,
        cut=_cut(ending.outputs),
    )


def _before(last: "LayerTrace") -> str:
    """Return what the activation that ends a network gets looks like."""
    if last.pre_activation is not None:
        return looks_like(last.pre_activation)
    return looks_like(last.inputs) if last.kind in _OF_MODULES else ""


def _last_place(trace: "Trace") -> int:
    """Return the place of the last layer that does something: of what only turns shapes it is not.

    Dropout that drops nothing, Flatten and Identity hand on what they get.
    """
    place = len(trace.layers) - 1
    while place > 0 and _hands_on(trace.layers[place]):
        place -= 1
    return place


def _hands_on(layer: "LayerTrace") -> bool:
    if layer.activation is not None or layer.parameters or layer.kind in _OF_MODULES:
        return False
    if layer.kind == "flatten":
        return True
    given, handed = layer.inputs, layer.outputs
    return given.size == handed.size and bool((given.reshape(-1) == handed.reshape(-1)).all())


def _cut(outputs: Array) -> float:
    """Return the share of outputs that are the largest or the smallest, if each comes often."""
    if outputs.size < 32 or not np.isfinite(outputs).all():
        return 0.0
    shares = [float((outputs == end).mean()) for end in (outputs.min(), outputs.max())]
    return sum(shares) if min(shares) >= 0.05 and outputs.min() < outputs.max() else 0.0


def _outputs(ending: "Ending", last: "LayerReport") -> Signal:
    """Measure the outputs, unless they are measured as the last layer's."""
    same = ending.whole and ending.outputs.shape == (last.samples, last.units)
    return last.output if same else Signal.of(ending.outputs)


def looks_like(rows: Array) -> str:
    """Return what numbers are: probabilities, their logarithms, or neither.

    What a linear layer gives has no sum of 1 in each of several rows, but by a chance of zero.
    """
    if rows.ndim != 2 or rows.shape[1] < 2 or len(rows) < 2:
        return ""
    if rows.min() >= 0:  # not so of NaN either
        return "probabilities" if _are_one(rows.sum(axis=1, dtype=np.float64)) else ""
    some = rows[:_ROWS].astype(np.float64)
    if some.max() <= _NEAR and _are_one(np.exp(some).sum(axis=1)):
        return "log_probabilities"
    return ""


_ROWS = 1024
"""Rows whose exponentials are summed."""


def _are_one(sums: Array) -> bool:
    return bool((np.abs(sums - 1) <= _NEAR).all())


def _over_batch(rows: Array) -> bool:
    """Return whether a softmax was taken over the samples: columns have the sum 1, rows do not."""
    if rows.ndim != 2 or rows.shape[1] < 2 or len(rows) < 2 or not rows.min() >= 0:
        return False
    return not looks_like(rows) and _are_one(rows.sum(axis=0, dtype=np.float64))


def _reach(layer: "LayerReport") -> Reach | None:
    """Return what the activation that ends a layer can give; None without one."""
    settings = layer.settings.get("activation")
    if not isinstance(settings, Mapping):
        return _OF_MODULES.get(layer.kind)
    if settings["kind"] == "softmax":
        return 0.0, 1.0
    if settings["kind"] == "linear":
        return None
    z = np.concatenate([np.linspace(-20, 20, 4001), [-_FAR, _FAR]])[None]
    given = _core.activate(dict(settings), z)
    low, high = float(given.min()), float(given.max())
    # Beyond this a network has no use for more: linear functions go on.
    return (-math.inf if low < -_FAR / 1e3 else low), (math.inf if high > _FAR / 1e3 else high)


_FAR = 1e6


def _distinct(inputs: Array) -> tuple[int, float]:
    """Return how many samples differ, and how many could, of the values that features take."""
    rows = np.ascontiguousarray(inputs)
    # Hashes of 64 bits: the rows themselves would be all samples once more.
    distinct = len({hash(row.tobytes()) for row in rows})
    if distinct == len(rows):
        return distinct, math.inf
    logarithm = 0.0
    for column in rows.T:
        shares = np.unique(column, return_counts=True)[1] / len(rows)
        logarithm -= math.log(float(np.square(shares).sum()))
    return distinct, math.exp(min(logarithm, 700.0))


def _targets(ending: "Ending", takes: "Takes", reach: Reach | None) -> Targets:
    given = np.asarray(ending.targets)
    units, size = ending.outputs.shape[1], ending.outputs.size
    values = given.astype(np.float64) if given.dtype.kind in "fiub" else np.zeros(given.shape)
    rows = values.reshape(len(values), -1) if values.ndim != 1 else values[:, None]
    if values.size == size:
        rows = values.reshape(-1, units)
    finite = np.isfinite(rows)
    counts = _counts(ending, takes, values) if finite.all() else None
    unreached, outside = 0.0, 0.0
    if takes.task == "values" and reach is not None and finite.any():
        known = rows[finite]
        away = np.maximum(np.maximum(reach[0] - known, known - reach[1]), 0.0)
        spread = float(np.nanvar(np.where(finite, rows, np.nan), axis=0).mean())
        unreached = float(np.square(away).mean()) / spread if spread > 0 else float(away.any())
        # As far as float32 tells.
        outside = float((away > 1e-6 * max(1.0, float(np.abs(known).max()))).mean())
    return Targets(
        values=Signal.of(rows),
        missing=int((~finite).sum()),
        counts=None if counts is None else counts[counts > 0],
        classes=0 if counts is None else len(counts),
        unreached=unreached,
        outside=outside,
        together=_together(rows) if takes.task == "binary" and finite.all() else 0.0,
    )


def _together(rows: Array) -> float:
    """Return the least binary cross-entropy of shares of 1, by that of guessing each column's mean.

    Of n labels that are right in a row, each gets 1 / n at best; of none each column 1 / K.
    """
    units = rows.shape[1]
    right = rows.sum(axis=1)
    if units < 2 or bool((np.abs(right - 1) <= _NEAR).all()):
        return 0.0
    least = right * np.log(np.maximum(right, 1.0))
    least = np.where(right < 1, -units * math.log1p(-1 / units), least)
    means = np.clip(rows.mean(axis=0), 1e-9, 1 - 1e-9)
    guess = float(-(means * np.log(means) + (1 - means) * np.log1p(-means)).sum())
    return float(least.mean()) / guess if guess > 0 else 0.0


def _counts(ending: "Ending", takes: "Takes", values: Array) -> NDArray[np.int64] | None:
    """Return the samples of each class, where each sample has one class."""
    if takes.task not in ("classes", "binary"):
        return None
    if values.size == ending.samples:
        labels = values.reshape(-1)
    elif takes.task == "classes" and values.shape == (ending.samples, ending.outputs.shape[1]):
        labels = values.argmax(axis=1)
    else:
        return None
    if not (np.equal(labels, np.floor(labels)) & (labels >= 0) & (labels < 1e6)).all():
        return None
    return np.bincount(labels.astype(np.int64))
