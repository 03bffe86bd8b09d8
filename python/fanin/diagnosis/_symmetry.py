"""Units that are equal and stay so, because gradients do not tell them apart."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from fanin import _checks, optimizers
from fanin.diagnosis._signals import Places, equal_units, number_of_groups, tied_units
from fanin.frameworks import _open as frameworks
from fanin.frameworks._trace import LayerTrace, Trace
from fanin.show.results import Result
from fanin.show.table import Table
from fanin.show.text import counted

if TYPE_CHECKING:
    from fanin.typing import LossLike, ModelLike, OptimizerLike


@dataclass(frozen=True, repr=False)
class LayerSymmetry(Result):
    """The equal units of one layer.

    Attributes
    ----------
    name : str
        The layer.
    groups : ndarray of int of shape (units,)
        For each unit the first one with equal incoming weights and bias.
    tied : ndarray of int of shape (units,)
        For each unit the first one of its group whose gradient is equal too: an optimizer that
        treats elements alike gives both the same step.
    """

    name: str
    groups: Places
    tied: Places

    def _says(self) -> str:
        return f"{self.name}: {self.distinct} distinct of {self.units} units"

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.groups)

    @property
    def distinct(self) -> int:
        """Number of units that differ."""
        return number_of_groups(self.groups)

    @property
    def free(self) -> int:
        """Number of units that differ after the next step."""
        return number_of_groups(self.tied)

    @classmethod
    def of(cls, trace: LayerTrace, tolerance: float) -> "LayerSymmetry":
        """Compare the units of a traced layer that has a kernel."""
        groups = _groups(trace.parameters, tolerance)
        if "kernel" not in trace.gradients:
            return cls(trace.name, groups, groups)  # not trained: no gradient parts them
        return cls(trace.name, groups, tied_units(groups, _groups(trace.gradients, tolerance)))


def _groups(arrays: Any, tolerance: float) -> Places:
    kernel = arrays["kernel"]
    return equal_units(kernel.reshape(-1, kernel.shape[-1]), arrays.get("bias"), tolerance)


@dataclass(frozen=True, repr=False)
class SymmetryReport(Result):
    """Equal units before training and after some steps of it.

    Attributes
    ----------
    start : list of LayerSymmetry
        The layers with a kernel, as the network is now.
    after : list of LayerSymmetry or None
        The same after `steps` steps of `optimizer`; None if none were asked for.
    steps : int
        Number of steps.
    optimizer : str
        Name of the optimizer that took them; empty if none.
    shared : list of tuple of str
        Layers whose kernels are equal, element for element.
    """

    start: list[LayerSymmetry]
    after: list[LayerSymmetry] | None
    steps: int
    optimizer: str
    shared: list[tuple[str, ...]]

    @property
    def tied_layers(self) -> list[str]:
        """Names of the layers that have tied units, after the steps if any were taken."""
        return [layer.name for layer in self.after or self.start if layer.free < layer.units]

    @property
    def symmetric(self) -> bool:
        """Whether any units are tied."""
        return bool(self.tied_layers)

    @property
    def verdict(self) -> str:
        """One sentence."""
        found = {layer.name: layer for layer in self.after or self.start}
        if not self.tied_layers:
            return "Every unit is distinct, or gets a gradient of its own."
        parts = [
            f"{name} has {found[name].units} units that act as {found[name].free}"
            for name in self.tied_layers
        ]
        when = f" after {self.steps} steps of {self.optimizer}" if self.after else ""
        return f"Units are tied{when}: {'; '.join(parts)}. Draw their weights at random."

    def _says(self) -> str:
        found = {layer.name: layer for layer in self.after or self.start}
        tied = [f"{n} {found[n].units} act as {found[n].free}" for n in self.tied_layers]
        layers = counted(len(self.start), "layer")
        return f"tied units in {len(tied)} of {layers}: {', '.join(tied) or 'none'}"

    def _contents(self) -> list[str | Table]:
        titles = ["units", "distinct", "after a step"]
        if self.after is not None:
            titles.append(f"after {self.steps} of {self.optimizer}")
        table = Table("layer", *titles)
        for layer, later in zip(self.start, self.after or self.start, strict=True):
            row = [layer.name, str(layer.units), str(layer.distinct), str(layer.free)]
            table.add(*row, *([str(later.distinct)] if self.after is not None else []))
        return [table, *(f"Equal kernels: {', '.join(n)}" for n in self.shared), self.verdict]


def symmetry(
    model: "ModelLike",
    x: ArrayLike,
    y: ArrayLike | None = None,
    loss: "LossLike | None" = None,
    *,
    steps: int = 0,
    optimizer: "OptimizerLike | None" = None,
    tolerance: float = 1e-6,
    threads: int | None = None,
) -> SymmetryReport:
    """Find units that are equal, and whether training will ever tell them apart.

    Two units of a layer with equal incoming weights and bias compute the same. If their gradients
    are equal too, every optimizer that treats elements alike keeps them equal: the layer acts as a
    narrower one for ever [1]_.

    Parameters
    ----------
    model : Sequential, Model, torch.nn.Module or keras.Model
        Built, or to be built for `x`; it does not change. For `steps` one of this
        package.
    x : array_like of shape (n, ...)
        A batch.
    y : array_like, or list or dict of them, optional
        Its targets, of several outputs as `fit` takes them; without them the gradient is that of a
        random direction of the outputs.
    loss : str or Loss, or list or dict of them, optional
        The loss; unless given the one the model is compiled with, or one that fits `y`.
    steps : int, default 0
        Train a copy so many steps on the whole batch, and look again. Needs `y`.
    optimizer : str or Optimizer, optional
        For these steps; unless given a copy of the one the model is compiled with, or "sgd".
    tolerance : float, default 1e-6
        Largest difference of two equal units, relative to the layer's largest weight (gradient).
    threads : int, optional
        For the steps; the result is the same, bit for bit.

    Returns
    -------
    SymmetryReport
        ``print(report)`` shows it.

    Raises
    ------
    ShapeError
        If `x` or `y` has the wrong shape.
    ValueError
        If `steps` or `loss` come without `y`, or a number is out of range.
    TypeError
        If `model` is none of these, or another argument of the wrong kind.

    References
    ----------
    .. [1] I. Goodfellow, Y. Bengio, A. Courville, "Deep learning", MIT Press 2016, section 8.4.

    Examples
    --------
    >>> import numpy as np
    >>> from fanin import Sequential, symmetry
    >>> from fanin.layers import Dense
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(64, 4)), rng.integers(0, 2, 64)
    >>> layers = [Dense(8, "tanh", kernel_initializer="ones"), Dense(2, "softmax")]
    >>> report = symmetry(Sequential(layers), x, y, steps=10, optimizer="adam")
    >>> [(layer.units, layer.distinct) for layer in report.start]
    [(8, 1), (2, 2)]
    """
    count = _checks.integer("steps", steps, minimum=0)
    limit = _checks.number("tolerance", tolerance, at_least=0.0)
    workers = _checks.thread_count(threads)
    if y is None and (count or loss is not None):
        name, found = ("steps", count) if count else ("loss", loss)
        raise ValueError(
            f"{name}: expected {0 if count else None} without y, found {_checks.found(found)}"
        )
    taken = None if optimizer is None else optimizers.get(optimizer)
    training = (
        frameworks.trained(model, "a fanin.Sequential or fanin.Model to train") if count else None
    )
    # Tracing builds one of ours, and training changes it; other models stay as they are.
    trial = model if frameworks.training_of(model) is None else copy.deepcopy(model)
    trace = frameworks.trace(trial, x, y, loss, training=True)
    _checks.floats("x", trace.inputs, trace.inputs.dtype.name)
    shared, start = _equal_kernels(trace), _layers(trace, limit)
    if training is None:
        return SymmetryReport(start, None, 0, "", shared)
    name = training.train(trial, x, y, loss, taken, count, workers)
    after = _layers(frameworks.trace(trial, x, y, loss, training=True), limit)
    return SymmetryReport(start, after, count, name, shared)


def _layers(trace: Trace, tolerance: float) -> list[LayerSymmetry]:
    with_kernel = (layer for layer in trace.layers if "kernel" in layer.parameters)
    return [LayerSymmetry.of(layer, tolerance) for layer in with_kernel]


def _equal_kernels(trace: Trace) -> list[tuple[str, ...]]:
    """Return the names of layers whose kernels are equal, element for element."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for layer in trace.layers:
        kernel = layer.parameters.get("kernel")
        if kernel is not None and kernel.size:
            found.setdefault((kernel.shape, kernel.tobytes()), []).append(layer.name)
    # A layer that runs twice is one.
    distinct = (tuple(dict.fromkeys(names)) for names in found.values())
    return [names for names in distinct if len(names) > 1]
