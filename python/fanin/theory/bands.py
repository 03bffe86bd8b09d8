"""The range that one draw of the weights leaves a second moment, for all layers at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from fanin.show.results import Result

TINY = 1e-6
"""Variance of a logarithm that float32 and small samples are given for free."""


@dataclass(frozen=True, repr=False)
class Band(Result):
    """A predicted second moment and the range that one draw of the weights leaves it.

    Parameters
    ----------
    value : float
        Mean over draws; infinity where float64 does not reach.
    low, high : float
        The band.
    log_value : float
        Natural logarithm of `value`, which is finite where `value` overflows.
    log_std : float
        Standard deviation of the logarithm over draws.
    """

    value: float
    low: float
    high: float
    log_value: float
    log_std: float

    def _says(self) -> str:
        return f"{self.value:.4g}, {self.low:.4g} to {self.high:.4g}"

    def __contains__(self, measured: float) -> bool:
        return self.low <= measured <= self.high

    @classmethod
    def of(cls, log_value: float, variance: float, quantile: float) -> "Band":
        """Make the band of a log-normal variable from its mean and the variance of its log."""
        if log_value == -math.inf:
            return cls(0.0, 0.0, 0.0, log_value, 0.0)
        std = math.sqrt(variance + TINY)
        middle = log_value - variance / 2
        reach = quantile * std
        low, high = exp(middle - reach), exp(middle + reach)
        return cls(exp(log_value), low, high, log_value, std)


def exp(value: float) -> float:
    """Return the exponential, or infinity where float64 does not reach."""
    return math.exp(value) if value < 709 else math.inf


# The density on an interval, at the nodes of a rule that is exact for polynomials of degree 47.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)

_SAME = 0.95
"""Layers whose correlation is larger leave their bands together: the rule resolves no finer."""


def quantile(links: Sequence[float], coverage: float) -> float:
    """Return how many standard deviations all layers stay within at once.

    The logarithms are a Gaussian chain: each layer has its noise beside what comes from the layer
    before. The chance to stay inside is the integral of the chain's density over the interval,
    carried from layer to layer.

    Parameters
    ----------
    links : sequence of float
        Correlation of each layer's logarithm with that of the layer before, from 0 to 1.
    coverage : float
        The chance.

    Returns
    -------
    float
        Between the quantile of one layer and that of as many independent ones.
    """
    resolved, link = [], 1.0
    for step in links:
        link *= step
        if link < _SAME:
            resolved.append(link)
            link = 1.0
    one = NormalDist().inv_cdf((1 + coverage) / 2)
    if not resolved:
        return one
    most = NormalDist().inv_cdf((1 + coverage ** (1 / (len(resolved) + 1))) / 2)
    k = np.linspace(one, most, 8)
    x = k[:, None] * _NODES
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    for link in resolved:
        std = math.sqrt(1 - link * link)
        away = (x[:, :, None] - link * x[:, None, :]) / std
        kernel = np.exp(-away * away / 2) * (_WEIGHTS / (std * math.sqrt(2 * math.pi)))
        density = np.einsum("kij,kj->ki", kernel, k[:, None] * density)
    inside = k * (density @ _WEIGHTS)
    return float(np.interp(coverage, inside, k))
