"""The front door: a network and a batch in, a report out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from fanin import _checks
from fanin._core import get_num_threads
from fanin.diagnosis._curvature import curvature
from fanin.diagnosis._first_step import first_step
from fanin.diagnosis._layer import LayerReport
from fanin.diagnosis._measurements import collected
from fanin.diagnosis._mend import Given
from fanin.diagnosis._report import Report
from fanin.diagnosis._theory import predict
from fanin.diagnosis.findings import find
from fanin.frameworks import _open as frameworks
from fanin.frameworks._trace import LayerTrace, Trace

if TYPE_CHECKING:
    from fanin.typing import LossLike, ModelLike, OptimizerLike

_KEPT = 16
"""Samples whose arrays a report keeps, for its Jacobians."""


def diagnose(
    model: "ModelLike",
    x: ArrayLike,
    y: ArrayLike | None = None,
    loss: "LossLike | Callable[..., object] | None" = None,
    *,
    training: bool = True,
    optimizer: "OptimizerLike | object | None" = None,
    learning_rate: float | None = None,
) -> Report:
    """Measure what an initialization does to signals and gradients, and say what is wrong.

    One pass forward and one back over a batch; nothing of the model changes. Next to each
    measurement is what mean-field theory predicts for it, with the range that one draw of finite
    width leaves it; docs/diagnosis.md explains each figure and gives the thresholds' sources.

    Parameters
    ----------
    model : Sequential, Model, torch.nn.Module or keras.Model
        The network.
    x : array_like of shape (n, ...)
        A batch of samples; 64 to 512 are enough. For a model of several inputs a list or dict of
        arrays, as it takes them.
    y : array_like, or list or dict of them, optional
        Their targets, of several outputs as ``fit`` takes them: each end is then examined for its
        own loss, and gradients are those of the sum. Of a Keras model of several outputs those of
        one, ``{name: targets}``. Without them gradients are those of a random direction of the
        outputs.
    loss : str, Loss or callable, or list or dict of them, optional
        The loss; unless given the one the model is compiled with, or one that fits `y`. For a torch
        module a function of (outputs, y), a mean over the batch.
    training : bool, default True
        Whether layers behave as in training: Dropout drops, BatchNormalization uses the batch.
    optimizer : Optimizer, optional
        What the network is to be trained with: one of its framework, for a torch module one that
        has its parameters. Unless given the one that a model of this package or of Keras is
        compiled with. Its next step is tried on copies of the parameters.
    learning_rate : float, optional
        The learning rate, if another than the optimizer's own; without an optimizer that of
        gradient descent.

    Returns
    -------
    Report
        ``print(report)``, ``report.findings``, ``report.layers``, ``report.plot()``.

    Raises
    ------
    ShapeError
        If `x` or `y` has the wrong shape.
    TypeError
        If `model` is none of these, or `optimizer` is of another framework.
    ValueError
        If the model is not on the CPU, `y` does not fit the loss, or `loss`, `optimizer` or
        `learning_rate` comes without `y`.

    Examples
    --------
    >>> import numpy as np
    >>> import fanin
    >>> from fanin.layers import Dense
    >>> layers = [Dense(100, "tanh", kernel_initializer="zeros") for _ in range(5)]
    >>> report = diagnose(fanin.Sequential(layers), np.random.default_rng(0).normal(size=(64, 20)))
    >>> report.findings[0].kind
    'symmetric'
    """
    training = _checks.flag("training", training)
    rate = None
    if learning_rate is not None:
        rate = _checks.number("learning_rate", learning_rate, at_least=0.0)
    if y is None:
        wanting = {"loss": loss, "optimizer": optimizer, "learning_rate": learning_rate}
        for name, value in wanting.items():
            if value is not None:
                raise ValueError(f"{name}: expected None without y, found {_checks.found(value)}")
    trace = frameworks.trace(model, x, y, loss, training)
    with ThreadPoolExecutor(get_num_threads()) as pool:
        theory = pool.submit(predict, trace, training)
        reports = pool.map(LayerReport.of, count(), trace.layers)
        # Meanwhile, and on this thread: a user's module may depend on what is set for it.
        curved = curvature(model, trace.arrays, x, y, loss)
        step = first_step(model, x, y, loss, training, optimizer, rate, trace)
        layers = list(reports)
        measured = collected(trace, layers, training, theory.result(), curved, step)
    given = Given(model, x, y, loss, training, optimizer, rate)
    kept = _shortened(trace, layers)
    return Report(**vars(measured), findings=find(measured), _trace=kept, _given=given)


def _shortened(trace: Trace, reports: list[LayerReport]) -> Trace:
    """Keep what Jacobians need: the first samples, and the reports' copies of the parameters."""
    layers = [_first(*pair) for pair in zip(trace.layers, reports, strict=True)]
    return replace(
        trace,
        inputs=trace.inputs[:_KEPT].copy(),
        layers=layers,
        ending=None,
        sources=[replace(one, samples=one.samples[:_KEPT].copy()) for one in trace.sources],
        outputs=(),
        arrays=None,
        attentions=(),
        recurrences=(),
        inner=(),
        gradient=None,
    )


def _first(layer: LayerTrace, report: LayerReport) -> LayerTrace:
    pre = layer.pre_activation
    return replace(
        layer,
        inputs=layer.inputs[:_KEPT].copy(),
        outputs=layer.outputs[:_KEPT].copy(),
        pre_activation=None if pre is None else pre[:_KEPT].copy(),
        output_gradient=None,
        pre_activation_gradient=None,
        parameters={role: weights.values for role, weights in report.weights.items()},
        gradients={},
    )
