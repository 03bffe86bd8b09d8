"""Initialization from data: one pass over a batch sets the scale of each layer.

Each layer is measured when the pass reaches it, rescaled, and its outputs with it, so that nothing
is computed twice: the cost is that of one forward pass, whatever the depth.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

import fanin
from fanin import _checks, _core
from fanin._absences import _absent
from fanin.frameworks._open import visiting
from fanin.frameworks._visit import Visit
from fanin.random import Rng, drawing, resolve
from fanin.show.progress import Progress
from fanin.show.results import Result
from fanin.show.table import Table
from fanin.show.text import counted

if TYPE_CHECKING:
    from fanin.typing import InitializerLike, ModelLike, Verbose

__all__ = ["LayerScale", "Scales", "data_dependent", "lsuv", "weight_norm"]

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class LayerScale(Result):
    """What was done to one layer.

    Attributes
    ----------
    name : str
        The layer.
    before, after : float
        Standard deviation of its outputs, before its activation, over samples and units.
    factor : ndarray of shape () or (units,)
        What the weights were multiplied by.
    """

    name: str
    before: float
    after: float
    factor: Array


@dataclass(frozen=True, repr=False)
class Scales(Result):
    """What a data-dependent initialization did, layer by layer.

    Attributes
    ----------
    layers : list of LayerScale
        The layers with weights, in the order in which they ran.
    """

    layers: list[LayerScale]

    def _says(self) -> str:
        before = [layer.before for layer in self.layers]
        after = [layer.after for layer in self.layers]
        return (
            f"{counted(len(self.layers), 'layer')}: std of outputs from {_range(before)} to "
            f"{_range(after)}"
        )

    def _contents(self) -> list[str | Table]:
        table = Table("layer", "std before", "std after", "weights x")
        for layer in self.layers:
            factor = _range(layer.factor.ravel())
            table.add(layer.name, f"{layer.before:.4g}", f"{layer.after:.4g}", factor)
        return [table]


def _range(values: Sequence[float] | Array) -> str:
    low, high = float(min(values)), float(max(values))
    return f"{low:.4g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g}"


def lsuv(
    model: "ModelLike",
    x: ArrayLike,
    *,
    std: float = 1.0,
    initializer: "InitializerLike | None" = "orthogonal",
    rng: Rng = None,
    centre: bool = False,
    verbose: "Verbose" = "auto",
) -> Scales:
    """Layer-sequential unit-variance initialization [1]_, in one pass.

    Weights are drawn orthonormal, biases are 0, and each layer is divided by the standard deviation
    of its outputs. Those are linear in the weights, so that one division is exact, where [1]_
    repeats it until it is near enough.

    Parameters
    ----------
    model : Sequential, Model, torch.nn.Module or keras.Model
        Changed in place. Of a torch module the linear and convolutional layers count, in the order
        in which they run; of a Keras model all that have a kernel. One that runs several times is
        what its first run makes it.
    x : array_like of shape (n, ...)
        A batch; a few hundred samples are enough.
    std : float, default 1.0
        Standard deviation to reach.
    initializer : str, Initializer or None, default "orthogonal"
        What fills the weights first; None keeps them, and the biases.
    rng : optional
        Where the random numbers come from, see :mod:`fanin.random`.
    centre : bool, default False
        Whether biases take the mean of each layer's outputs off, which [1]_ does not.
    verbose : {"auto", 0, 1, 2}, default "auto"
        Nothing, or a line that counts layers. "auto" is that line in a notebook or on a terminal if
        the call takes longer than 100 ms, else nothing.

    Returns
    -------
    Scales
        ``print(scales)`` shows the layers.

    Raises
    ------
    ShapeError
        If `x` has the wrong shape.
    ValueError
        If a layer's outputs do not vary, or are not finite; the model is as it was.
    TypeError
        If `model` is none of these.

    References
    ----------
    .. [1] D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016, arXiv:1511.06422.

    Examples
    --------
    >>> from fanin.layers import Dense
    >>> model = fanin.Sequential([Dense(50, "relu") for _ in range(20)])
    >>> scales = lsuv(model, np.random.default_rng(0).normal(size=(256, 30)), rng=0)
    >>> max(abs(layer.after - 1) for layer in scales.layers) < 1e-4
    True
    """
    target = _checks.number("std", std, above=0.0)
    whole = _checks.flag("centre", centre)

    def rule(mean: Array, variance: Array) -> tuple[Array, Array]:
        middle = _mean(mean)
        spread = math.sqrt(_mean(variance) + _mean(np.square(mean - middle)))
        factor = np.divide(target, spread, out=np.array(np.inf), where=spread > 0)
        return factor, np.array(middle if whole else 0.0)

    progress = Progress.aside("lsuv", verbose, "layers")
    return _run(model, x, initializer, rng, rule, progress)


def data_dependent(
    model: "ModelLike",
    x: ArrayLike,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    initializer: "InitializerLike | None" = None,
    rng: Rng = None,
    verbose: "Verbose" = "auto",
) -> Scales:
    """Give every unit outputs of one mean and one standard deviation [1]_.

    The within-layer part of [1]_: unit by unit, where LSUV goes layer by layer. Its second part,
    which balances the rates of layers by their gradients, is not done here.

    Parameters
    ----------
    model : Sequential, Model, torch.nn.Module or keras.Model
        Changed in place, see :func:`lsuv`.
    x : array_like of shape (n, ...)
        A batch; a few hundred samples are enough.
    mean, std : float
        Mean and standard deviation to reach, before the activation.
    initializer : str, Initializer or None, optional
        What fills the weights first; None keeps them.
    rng : optional
        Where the random numbers come from, see :mod:`fanin.random`.
    verbose : {"auto", 0, 1, 2}, default "auto"
        See :func:`lsuv`.

    Returns
    -------
    Scales
        ``print(scales)`` shows the layers.

    Raises
    ------
    ShapeError
        If `x` has the wrong shape.
    ValueError
        If a unit's outputs do not vary, or are not finite; the model is as it was.
    TypeError
        If `model` is none of these, or a layer has no bias.

    References
    ----------
    .. [1] P. Krähenbühl, C. Doersch, J. Donahue, T. Darrell, "Data-dependent initializations of
       convolutional neural networks", ICLR 2016, arXiv:1511.06856.

    Examples
    --------
    >>> from fanin.layers import Dense
    >>> model = fanin.Sequential([Dense(50, "tanh") for _ in range(5)], rng=0)
    >>> x = np.random.default_rng(0).normal(size=(256, 30))
    >>> scales = data_dependent(model, x)
    >>> z = x @ model.layers[0].kernel + model.layers[0].bias
    >>> bool(np.allclose(z.mean(axis=0), 0, atol=1e-5) and np.allclose(z.std(axis=0), 1, atol=1e-4))
    True
    """
    return _scale_units("data_dependent", model, x, mean, std, initializer, rng, verbose)


def _scale_units(
    title: str,
    model: "ModelLike",
    x: ArrayLike,
    mean: float,
    std: float,
    initializer: "InitializerLike | None",
    rng: Rng,
    verbose: int | str,
) -> Scales:
    centre, target = _checks.number("mean", mean), _checks.number("std", std, above=0.0)
    progress = Progress.aside(title, verbose, "layers")

    def rule(mean: Array, variance: Array) -> tuple[Array, Array]:
        spread = np.sqrt(variance)
        factor = np.divide(target, spread, out=np.full_like(spread, np.inf), where=spread > 0)
        # Taken off before the units are multiplied.
        return factor, mean - centre / factor

    return _run(model, x, initializer, rng, rule, progress, needs_bias=True)


def weight_norm(
    model: "ModelLike", x: ArrayLike, *, rng: Rng = None, verbose: "Verbose" = "auto"
) -> Scales:
    """Data-dependent initialization of weight normalization [1]_.

    Directions are drawn from N(0, 0.05²); the length of each unit's weights and its bias are chosen
    so that its outputs have mean 0 and variance 1. The weights are those that the parametrization
    ``w = g v / ‖v‖`` of [1]_ starts from.

    Parameters
    ----------
    model : Sequential, Model, torch.nn.Module or keras.Model
        Changed in place, see :func:`lsuv`.
    x : array_like of shape (n, ...)
        A batch; a few hundred samples are enough.
    rng : optional
        Where the random numbers come from, see :mod:`fanin.random`.
    verbose : {"auto", 0, 1, 2}, default "auto"
        See :func:`lsuv`.

    Returns
    -------
    Scales
        ``print(scales)`` shows the layers.

    Raises
    ------
    ShapeError, ValueError, TypeError
        As for :func:`data_dependent`.

    References
    ----------
    .. [1] T. Salimans, D. P. Kingma, "Weight normalization", NeurIPS 2016, arXiv:1602.07868,
       section 3.

    Examples
    --------
    >>> from fanin.layers import Dense
    >>> model = fanin.Sequential([Dense(50, "relu") for _ in range(3)])
    >>> scales = weight_norm(model, np.random.default_rng(0).normal(size=(256, 30)), rng=0)
    >>> round(scales.layers[0].after, 3)
    1.0
    """
    directions = fanin.initializers.RandomNormal(stddev=0.05)
    return _scale_units("weight_norm", model, x, 0.0, 1.0, directions, rng, verbose)


def _mean(values: Array) -> float:
    """Return the mean of finite numbers, their sum rounded once: NumPy's depends on its version."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.inf


Rule = Callable[[Array, Array], tuple[Array, Array]]
"""From each unit's mean and variance to a factor of the weights and what is taken off before."""


def _run(
    model: "ModelLike",
    x: ArrayLike,
    initializer: "InitializerLike | None",
    rng: Rng,
    rule: Rule,
    progress: Progress,
    *,
    needs_bias: bool = False,
) -> Scales:
    """Visit the layers in order and rescale each; put everything back if one cannot be."""
    found: list[LayerScale] = []

    def visit(layer: Visit) -> tuple[Array, Array]:
        mean, variance = _core.moments(layer.outputs)[0].T
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            raise ValueError(
                f"x: expected a batch that gives finite outputs, found others of {layer.name}"
            )
        factor, shift = rule(mean, variance)
        if not np.isfinite(factor).all():
            which = "" if factor.ndim == 0 else f" of unit {int(np.argmax(~np.isfinite(factor)))}"
            raise ValueError(
                f"x: expected a batch whose outputs vary, found that those{which} of {layer.name} "
                f"do not vary over {len(layer.outputs)} samples, so that no factor makes them"
            )
        if needs_bias and not layer.has_bias:
            raise TypeError(
                "model: expected layers with a bias to take the units' means off, found that "
                f"{layer.name} has no bias"
            )
        after = variance * factor**2
        means = (mean - shift) * factor
        spread = math.sqrt(_mean(after) + _mean(np.square(means - _mean(means))))
        before = math.sqrt(_mean(variance) + _mean(np.square(mean - _mean(mean))))
        found.append(LayerScale(layer.name, before, spread, factor))
        progress.update(len(found), {"std before": before, "std after": spread})
        return factor, shift

    with ExitStack() as stack:
        run = stack.enter_context(visiting(model, x))
        stack.enter_context(progress.over(None))
        if initializer is not None:
            source = stack.enter_context(drawing(rng))
            fanin.initialize(run.model, initializer, rng=source, verbose=progress.verbose)
        elif rng is not None:
            resolve(rng)
        run(visit)
    if not found:
        raise ValueError("model: expected at least one layer with weights, found none")
    return Scales(found)


_absent.guard(__name__)
