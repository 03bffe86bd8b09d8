"""How far the gradient of a batch is from that of all samples there could be."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.frameworks._trace import LayerTrace

Array = NDArray[Any]


def gradient_noise(layer: LayerTrace, batch: int) -> float:
    """Return the noise of the gradient of a dense layer's kernel, in samples.

    The simple noise scale ``B = tr(C) / |G|^2`` of McCandlish et al. 2018 (arXiv:1812.06162,
    section 2.2): C is the covariance of single samples' gradients, G their mean. In a batch of B
    samples noise is as large as what is learned from it; in one much smaller, steps are mostly
    noise, and one much larger is hardly better.

    No pass more is needed: a dense layer's gradient is a sum of ``g_i = a_i^T d_i``, a term a
    sample, of the layer's inputs and of the gradients of its outputs; ``|g_i|^2`` is that of a_i by
    that of d_i (Goodfellow 2015, arXiv:1510.01799), and for samples of several rows the sum of
    ``(a_i a_i^T) * (d_i d_i^T)``. From them come the estimates without bias of McCandlish et al.
    (appendix A.1), of batches of one sample and of all.

    Parameters
    ----------
    layer : LayerTrace
        A layer; each sample's rows are one behind the other.
    batch : int
        Samples.

    Returns
    -------
    float
        NaN for fewer than two samples, for other layers and without gradients; infinite where the
        mean is not told from noise.
    """
    before = layer.pre_activation_gradient
    back = layer.output_gradient if before is None else before
    if layer.kind != "dense" or back is None or batch < 2 or len(back) % batch or not len(back):
        return math.nan
    inputs, back = layer.inputs, np.ascontiguousarray(back)
    if len(inputs) != len(back):
        return math.nan
    mean = _square(inputs.T @ back) / batch**2
    single = _single(inputs, back, batch) / batch
    if not math.isfinite(mean + single):
        return math.nan
    covariance = (single - mean) / (1 - 1 / batch)
    squared = (batch * mean - single) / (batch - 1)
    return covariance / squared if squared > 0 else math.inf if covariance > 0 else math.nan


def _single(inputs: Array, back: Array, batch: int) -> float:
    """Return the sum of the squared sizes of single samples' gradients."""
    rows = len(back) // batch
    if rows == 1:
        sizes = [np.einsum("ij,ij->i", a, a, dtype=np.float64) for a in (inputs, back)]
        return float(sizes[0] @ sizes[1])
    total = 0.0
    for first in range(0, len(back), rows):
        a, d = inputs[first : first + rows], back[first : first + rows]
        # Whichever is smaller: products of rows, or the gradient itself.
        if rows**2 < a.shape[1] * d.shape[1]:
            total += float(np.einsum("ij,ij->", a @ a.T, d @ d.T, dtype=np.float64))
        else:
            total += _square(a.T @ d)
    return total


def _square(array: Array) -> float:
    return float(np.einsum("ij,ij->", array, array, dtype=np.float64))
