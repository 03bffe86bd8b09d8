"""What theory predicts for each layer of a network, with bands for finite widths and one draw."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fanin import _checks
from fanin.errors import ShapeError
from fanin.show.results import Result
from fanin.show.table import Table
from fanin.show.text import counted
from fanin.theory import signals
from fanin.theory.bands import TINY, Band, exp, quantile
from fanin.theory.gradients import Gradient
from fanin.theory.passes import Backward, Forward, Trace, Way, softmax_gradient
from fanin.theory.signals import Signal
from fanin.theory.steps import DenseStep, LayerSteps, read

if TYPE_CHECKING:
    from fanin.layers import Layer
    from fanin.models._layered import Layered

_LARGEST, _SMALLEST = math.log(float(np.finfo(np.float32).max)), math.log(1.2e-38)


@dataclass(frozen=True, repr=False)
class LayerPrediction(Result):
    """What theory predicts for one layer; None where it predicts nothing, with the reason.

    Parameters
    ----------
    name : str
        Name of the layer.
    pre_activation : Band or None
        Second moment of ``x @ W + b``; only Dense layers have one.
    activation : Band or None
        Second moment of what the layer hands on.
    activation_mean : float
        Mean of what the layer hands on; NaN if unknown.
    correlation : float
        Mean correlation (cosine) of two samples in what the layer hands on; NaN if unknown.
    chi : float
        Factor by which the second moment of gradients changes from behind this layer to before
        it, widths included; NaN if unknown.
    gradient : Band or None
        Second moment of the loss's gradient with respect to the pre-activations (to the outputs,
        in a layer that has none).
    input_gradient : Band or None
        Second moment of the gradient with respect to the layer's inputs.
    kernel_gradient : Band or None
        Second moment of the gradient with respect to the kernel; approximate, see docs/theory.md.
    float32 : {"overflow", "underflow"} or None
        Whether values leave float32's range.
    reason : str or None
        Why there is no prediction.
    """

    name: str
    pre_activation: Band | None
    activation: Band | None
    activation_mean: float
    correlation: float
    chi: float
    gradient: Band | None
    input_gradient: Band | None
    kernel_gradient: Band | None
    float32: str | None
    reason: str | None

    @classmethod
    def none(cls, name: str, reason: str) -> "LayerPrediction":
        """Return that nothing is predicted for a layer, and why."""
        nan = math.nan
        return cls(name, None, None, nan, nan, nan, None, None, None, None, reason)


@dataclass(frozen=True, repr=False)
class Prediction(Result):
    """What theory predicts for a network before training.

    Parameters
    ----------
    layers : tuple of LayerPrediction
        One for each layer of the network, in order.
    input_second_moment : float
        Second moment of the inputs.
    batch : int
        Number of samples that the bands are for.
    coverage : float
        Share of draws for which all layers lie in their bands at once.
    relative_gradients : bool
        Whether gradients are relative to those of the network's outputs.
    """

    layers: tuple[LayerPrediction, ...]
    input_second_moment: float
    batch: int
    coverage: float
    relative_gradients: bool

    def _says(self) -> str:
        known = [la.activation.value for la in self.layers if la.activation is not None]
        layers = counted(len(self.layers), "layer")
        if not known:  # behind a layer without a formula, such as a lookup
            return layers
        return f"{layers}: rms of signals from {known[0] ** 0.5:.3g} to {known[-1] ** 0.5:.3g}"

    def _contents(self) -> list[str | Table]:
        table = Table("layer", "signals", "gradients", "cosine", "chi")
        for la in self.layers:
            bands = (la.pre_activation or la.activation, la.gradient)
            numbers = [_shown(value) for value in (la.correlation, la.chi)]
            table.add(la.name, *map(_shown_band, bands), *numbers)
        note = (
            "Second moments before the activation, with the range that "
            f"{self.coverage:.0%} of draws leave them, for {counted(self.batch, 'sample')} of "
            f"second moment {self.input_second_moment:.4g}; cosine: of two samples' outputs; chi: "
            "factor of the gradients from behind a layer to before it."
        )
        relative = "Gradients are relative to those of the outputs."
        reasons = [f"{la.name}: {la.reason}." for la in self.layers if la.reason]
        return [table, note, *([relative] if self.relative_gradients else []), *reasons]


def _shown(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _shown_band(band: Band | None) -> str:
    return "" if band is None else f"{band.value:.3g} ({band.low:.3g} to {band.high:.3g})"


def predict(
    network: "Layered | Iterable[Layer | LayerSteps]",
    x: ArrayLike | None = None,
    *,
    features: int | None = None,
    second_moment: float = 1.0,
    correlation: float = 0.0,
    batch: int = 1,
    output_gradient: tuple[float, float] | None = None,
    training: bool = True,
    coverage: float = 0.95,
) -> Prediction:
    """Predict signals and gradients of a network before training, from its initializers.

    Mean-field theory [1]_, [2]_ layer by layer with the widths, the batch and the bias as they are,
    and the noise of finite widths [3]_; docs/theory.md has the formulas.

    Parameters
    ----------
    network : Sequential, or iterable of Layer or LayerSteps
        The network. Only the configuration is read: the weights may be trained or not there yet.
    x : array_like of shape (batch, ...), optional
        The samples: their second moments and correlations are where the prediction starts.
    features : int, optional
        Without `x`: number of features, unless the network is built.
    second_moment, correlation, batch : float, float, int
        Without `x`: second moment of the inputs, correlation of two samples, number of samples.
    output_gradient : tuple of float (second moment, correlation), optional
        Of the loss's gradient with respect to the last pre-activations, over units and samples,
        and of two samples' such gradients. Without it: softmax's with the mean cross-entropy over
        balanced classes where the network ends in softmax, else 1 and 0, and gradients are
        relative to that.
    training : bool, default True
        Whether Dropout and BatchNormalization behave as in training.
    coverage : float, default 0.95
        Share of draws for which all bands of a kind hold in all layers at once.

    Returns
    -------
    Prediction
        What each layer's signals and gradients will be.

    Raises
    ------
    ShapeError
        If `x` is not a batch of samples.
    ValueError
        If a number is out of range, or the number of features is not known.
    TypeError
        If `network` is none.

    References
    ----------
    .. [1] B. Poole et al., "Exponential expressivity in deep neural networks through transient
       chaos", NeurIPS 2016, arXiv:1606.05340.
    .. [2] S. Schoenholz et al., "Deep information propagation", ICLR 2017, arXiv:1611.01232.
    .. [3] B. Hanin, M. Nica, "Products of many large random matrices and gradients in deep neural
       networks", Communications in Mathematical Physics 376 (2020), arXiv:1812.05994.

    Examples
    --------
    >>> from fanin.layers import Dense
    >>> deep = [Dense(100, activation="relu", kernel_initializer="lecun_normal") for _ in range(10)]
    >>> found = predict(deep, features=100)
    >>> round(found.layers[-1].pre_activation.value, 6)
    0.001953
    >>> found.layers[-1].pre_activation.high < 0.1
    True
    """
    share = _checks.number("coverage", coverage, above=0.0, below=1.0)
    training = _checks.flag("training", training)
    start, features = _start(x, features, second_moment, correlation, batch)
    layers = read(network, features)
    gradient = _given_gradient(output_gradient, start, _outputs(layers))
    return predict_steps(layers, start, gradient, training=training, coverage=share)


def predict_steps(
    layers: Sequence[LayerSteps],
    start: Signal,
    gradient: Gradient | None,
    *,
    training: bool,
    coverage: float = 0.95,
) -> Prediction:
    """Predict what `predict` does from a signal and a gradient.

    Parameters
    ----------
    layers : sequence of LayerSteps
        The network.
    start : Signal
        Its inputs.
    gradient : Gradient or None
        With respect to the last pre-activations; see `predict` for what None means.
    training : bool
        Whether Dropout and BatchNormalization behave as in training.
    coverage : float, default 0.95
        Share of draws for which all bands of a kind hold in all layers at once.

    Returns
    -------
    Prediction
    """
    forward = Forward(start, training)
    traces = [forward.layer(layer) for layer in layers]
    known = gradient is not None
    if gradient is None and layers and forward.softmax is not None:
        gradient, known = softmax_gradient(*forward.softmax), True
    if gradient is None:
        gradient = Gradient.even(start, 0.0, 0.0, _outputs(layers))
    ways = Backward(gradient).through(traces)
    names = [layer.name for layer in layers]
    return assembled(names, traces, ways, start, coverage, relative=not known)


def assembled(
    names: Sequence[str],
    traces: Sequence[Trace],
    ways: Sequence[Way],
    start: Signal,
    coverage: float,
    *,
    relative: bool,
) -> Prediction:
    """Return a prediction of what a pass forward and one back did, layer by layer.

    Parameters
    ----------
    names : sequence of str
        Of the layers.
    traces : sequence of Trace
        What each did to signals.
    ways : sequence of Way
        What each did to gradients.
    start : Signal
        The inputs.
    coverage : float
        Share of draws for which all bands of a kind hold in all layers at once.
    relative : bool
        Whether gradients are relative to those of the outputs.

    Returns
    -------
    Prediction
    """
    forward_links, backward_links = _links(traces, ways)
    inside = quantile(forward_links, coverage), quantile(backward_links, coverage)
    return Prediction(
        tuple(
            _layer(name, trace, way, *inside)
            for name, trace, way in zip(names, traces, ways, strict=True)
        ),
        exp(start.log_square),
        start.batch,
        coverage,
        relative,
    )


def _start(
    x: ArrayLike | None,
    features: int | None,
    second_moment: float,
    correlation: float,
    batch: int,
) -> tuple[Signal, int | None]:
    if x is not None:
        rows = _checks.numeric("x", x)
        if rows.ndim < 2 or rows.size == 0:
            raise ShapeError(f"x: expected shape (batch, features), found {rows.shape}")
        flat = rows.reshape(len(rows), -1)
        if not np.isfinite(flat).all():
            raise ValueError("x: expected finite numbers, found NaN or infinity")
        if features is not None and _checks.integer("features", features) != flat.shape[1]:
            raise ValueError(
                f"features: expected those of x, {flat.shape[1]}, found {_checks.found(features)}"
            )
        return signals.measure(flat)[0], flat.shape[1]
    q = _checks.number("second_moment", second_moment, at_least=0.0)
    c = _checks.number("correlation", correlation, at_least=-1.0, at_most=1.0)
    size = _checks.integer("batch", batch, minimum=1)
    if features is not None:
        # More is no shape.
        features = _checks.count("features", features, minimum=1, maximum=2**31 - 1)
    return Signal.even(math.log(q) if q else -math.inf, c, size), features


def _outputs(layers: Sequence[LayerSteps]) -> int:
    """Return how many units the last Dense layer has; 1 without one."""
    units = [step.units for layer in layers for step in layer.steps if isinstance(step, DenseStep)]
    return units[-1] if units else 1


def _given_gradient(
    given: tuple[float, float] | None, start: Signal, units: int
) -> Gradient | None:
    if given is None:
        return None
    pair = _checks.numeric("output_gradient", given)
    if pair.shape != (2,):
        raise ShapeError(
            f"output_gradient: expected (second moment, correlation), found {_checks.found(given)}"
        )
    square = _checks.number("output_gradient[0]", pair[0], at_least=0.0)
    c = _checks.number("output_gradient[1]", pair[1], at_least=-1.0, at_most=1.0)
    log_square = math.log(square) if square else -math.inf
    return Gradient.even(start, log_square, c, units)


def _links(traces: Sequence[Trace], ways: Sequence[Way]) -> tuple[list[float], list[float]]:
    """Return correlations of the logarithms of Dense layers' signals, and of their gradients."""
    dense = [(trace, way) for trace, way in zip(traces, ways, strict=True) if trace.pre is not None]
    signals, gradients = [], []
    for (before, near_inputs), (trace, near_outputs) in pairwise(dense):
        if before.pre is not None and trace.pre is not None:
            ratio = (before.pre[1] + TINY) / (trace.pre[1] + TINY)
            signals.append(min(trace.carried * math.sqrt(ratio), 1.0))
        if near_inputs.gradient is not None and near_outputs.gradient is not None:
            ratio = (near_outputs.gradient[1] + TINY) / (near_inputs.gradient[1] + TINY)
            gradients.append(math.sqrt(min(ratio, 1 / ratio)))
    return signals, gradients


def _layer(name: str, trace: Trace, way: Way, forward: float, backward: float) -> LayerPrediction:
    def band(found: tuple[float, float] | None, reach: float = backward) -> Band | None:
        return None if found is None else Band.of(*found, reach)

    scales = [found[0] for found in (trace.pre, trace.post) if found is not None]
    return LayerPrediction(
        name=name,
        pre_activation=band(trace.pre, forward),
        activation=band(trace.post, forward),
        activation_mean=trace.mean,
        correlation=trace.correlation,
        chi=way.chi,
        gradient=band(way.gradient),
        input_gradient=band(way.input_gradient),
        kernel_gradient=band(way.kernel_gradient),
        float32=_range(scales),
        reason=trace.reason,
    )


def _range(logs: list[float]) -> str | None:
    """Say whether values of these mean squares leave float32; the largest is some 5 std."""
    if any(t / 2 + math.log(5) > _LARGEST for t in logs):
        return "overflow"
    return "underflow" if any(-math.inf < t / 2 < _SMALLEST for t in logs) else None
