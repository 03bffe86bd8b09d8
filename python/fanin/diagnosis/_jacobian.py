"""Jacobians of a traced network, layer by layer from its weights and slopes."""

import math

import numpy as np
from numpy.typing import NDArray

from fanin import _checks, _core
from fanin.activations import MIXING
from fanin.frameworks._trace import LayerTrace, Trace

Array = NDArray[np.float64]

_WIDEST = 2048


def singular_values(trace: Trace, samples: int) -> list[Array | None]:
    """Return the singular values of the Jacobian from the inputs to each layer's output.

    Parameters
    ----------
    trace : Trace
        With the arrays of some samples, the inputs and parameters of all.
    samples : int
        How many of them to average over.

    Returns
    -------
    list of (ndarray or None)
        For each layer, largest first: the root of the mean square over the samples.
    """
    count = min(_checks.integer("samples", samples, minimum=1), len(trace.inputs))
    widest = max((layer.outputs.shape[-1] for layer in trace.layers), default=0)
    if max(widest, trace.inputs.shape[1]) > _WIDEST:
        raise ValueError(
            f"samples: expected a network of at most {_WIDEST} units a layer, found {widest}: its "
            "Jacobian is a matrix for each sample"
        )
    made: list[list[Array] | None] = []
    begins = _inputs(trace, count)
    for place, layer in enumerate(trace.layers):
        reads = (place - 1,) if layer.reads is None else layer.reads
        given = [made[read] if read >= 0 else begins[-1 - read] for read in reads]
        known = [jacobians for jacobians in given if jacobians is not None]
        if len(known) < len(given):
            made.append(None)
        elif layer.kind in _JOINS:
            signals = [trace.layers[read].outputs for read in reads if read >= 0]
            made.append(_joined(layer.kind, known, signals))
        else:
            made.append(_through(layer, known[0]))
    return [None if jacobians is None else _mean(jacobians) for jacobians in made]


_JOINS = ("add", "subtract", "average", "multiply", "concatenate")


def _inputs(trace: Trace, count: int) -> list[list[Array] | None]:
    """Return the Jacobians of each input with respect to all: rows of the identity."""
    whole = np.eye(trace.inputs.shape[1])
    ends = np.cumsum([one.samples.shape[1] for one in trace.sources])[:-1]
    return [[rows] * count for rows in np.split(whole, ends)]


def _joined(kind: str, jacobians: list[list[Array]], signals: list[Array]) -> list[Array] | None:
    """Join the Jacobians of each sample; None where rows are parts of samples, or not known."""
    count, shapes = len(jacobians[0]), {one[0].shape for one in jacobians}
    by_sample = list(zip(*jacobians, strict=True))
    if kind == "concatenate":
        return [np.concatenate(parts) for parts in by_sample]
    if len(shapes) > 1:
        return None
    if kind == "multiply":
        if len(signals) != 2 or any(s.shape[1] != len(jacobians[0][0]) for s in signals):
            return None
        first, second = (signal.astype(np.float64) for signal in signals)
        return [
            second[i][:, None] * by_sample[i][0] + first[i][:, None] * by_sample[i][1]
            for i in range(count)
        ]
    signs = [1.0, *[-1.0 if kind == "subtract" else 1.0] * (len(jacobians) - 1)]
    by = 1 / len(jacobians) if kind == "average" else 1.0
    return [by * sum(s * part for s, part in zip(signs, parts, strict=True)) for parts in by_sample]


def _mean(jacobians: list[Array]) -> Array:
    if not all(np.isfinite(jacobian).all() for jacobian in jacobians):
        return np.full(min(jacobians[0].shape), math.nan)
    values = [np.linalg.svd(jacobian, compute_uv=False) for jacobian in jacobians]
    return np.asarray(np.sqrt(np.mean(np.square(values), axis=0)))


def _through(layer: LayerTrace, jacobians: list[Array]) -> list[Array] | None:
    """Multiply by the layer's own Jacobians, from the left; None if they are not known."""
    if layer.kind != "flatten" and layer.inputs.shape[1] != len(jacobians[0]):
        return None  # its rows are parts of samples, such as places or times
    if layer.kind == "dense":
        kernel = layer.parameters["kernel"].astype(np.float64)
        jacobians = [kernel.T @ jacobian for jacobian in jacobians]
    elif layer.kind == "batch_normalization" and layer.inputs.shape[0] >= len(jacobians):
        scale = _normalizing(layer)
        jacobians = [scale[:, None] * jacobian for jacobian in jacobians]
    elif layer.kind == "dropout":
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = np.where(layer.inputs != 0, layer.outputs / layer.inputs, 0.0)
        jacobians = [kept[i][:, None] * jacobian for i, jacobian in enumerate(jacobians)]
    elif layer.kind not in ("flatten", "activation"):
        return None
    if layer.activation is None:
        return None if layer.kind == "activation" else jacobians
    return [_activated(layer, i, jacobian) for i, jacobian in enumerate(jacobians)]


def _activated(layer: LayerTrace, sample: int, jacobian: Array) -> Array:
    assert layer.activation is not None
    assert layer.pre_activation is not None
    settings = dict(layer.activation)
    z = np.ascontiguousarray(layer.pre_activation[sample : sample + 1], np.float64)
    if settings["kind"] == "softmax":
        p = np.exp(z[0] - z[0].max())
        p /= p.sum()
        return np.asarray((np.diag(p) - np.outer(p, p)) @ jacobian)
    if settings["kind"] in MIXING:
        rows = np.repeat(z, z.size, axis=0)
        own = _core.activate_backward(settings, rows, np.eye(z.size))
        return np.asarray(own @ jacobian)
    slope = _core.activate_backward(settings, z, np.ones_like(z))[0]
    return np.asarray(slope[:, None] * jacobian)


def _normalizing(layer: LayerTrace) -> Array:
    """Return what a normalization multiplies each unit by, its statistics taken as constants."""
    inputs, outputs = layer.inputs.astype(np.float64), layer.outputs.astype(np.float64)
    gamma = layer.parameters.get("gamma")
    if len(inputs) < 2:
        variance = layer.parameters["moving_variance"].astype(np.float64)
        scale = 1 / np.sqrt(variance + float(layer.settings["epsilon"]))
        return np.asarray(scale if gamma is None else scale * gamma)
    # Outputs are a linear function of the inputs: its slope between the samples furthest apart.
    units = np.arange(inputs.shape[1])
    low, high = inputs.argmin(axis=0), inputs.argmax(axis=0)
    run = inputs[high, units] - inputs[low, units]
    rise = outputs[high, units] - outputs[low, units]
    return np.asarray(np.divide(rise, run, out=np.full(len(run), math.nan), where=run > 0))
