"""The few statistics a comparison needs, without SciPy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fanin.show.results import Result

SIGNIFICANCE = 0.001
"""How unlikely guessing must be before an accuracy counts as learned."""


@dataclass(frozen=True, repr=False)
class Interval(Result):
    """A mean and the half width of its confidence interval.

    Parameters
    ----------
    mean : float
        Mean of the values.
    half_width : float
        The interval is ``mean ± half_width``; NaN when one value (or none) was given, since one
        value says nothing about its spread.
    """

    mean: float
    half_width: float

    def excludes_zero(self) -> bool:
        """Tell whether zero lies outside the interval (never for an unknown half width)."""
        return abs(self.mean) > self.half_width

    def __str__(self) -> str:
        if math.isnan(self.half_width):
            return f"{self.mean:.4f}"
        return f"{self.mean:.4f}+/-{self.half_width:.4f}"


def mean_interval(
    values: Sequence[float], confidence: float = 0.95, least_variance: float = 0.0
) -> Interval:
    """Compute Student's t interval of a mean.

    Parameters
    ----------
    values : sequence of float
        Independent measurements: one a seed.
    confidence : float, default 0.95
        Coverage of the interval.
    least_variance : float, default 0.0
        What a measurement varies by at least, such as by being rounded: a few rounded values may
        all be the same, which does not make their mean exact.

    Returns
    -------
    Interval
        The mean and the half width.

    Examples
    --------
    >>> print(mean_interval([0.86, 0.87, 0.88]))
    0.8700+/-0.0248
    """
    count = len(values)
    if count == 0:
        return Interval(math.nan, math.nan)
    if not all(math.isfinite(value) for value in values):
        return Interval(math.nan, math.nan)
    mean = math.fsum(values) / count
    if count == 1:
        return Interval(mean, math.nan)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    variance = max(variance, least_variance)
    quantile = student_t_quantile((1 + confidence) / 2, count - 1)
    return Interval(mean, quantile * math.sqrt(variance / count))


def student_t_quantile(probability: float, degrees: int) -> float:
    """Invert the distribution function of Student's t.

    Parameters
    ----------
    probability : float
        In (0.5, 1).
    degrees : int
        Degrees of freedom, at least 1.

    Returns
    -------
    float
        The value that t stays under with this probability.

    Notes
    -----
    Bisection on the closed form for whole degrees of freedom [1]_, which is exact; there is no
    table to run out of.

    References
    ----------
    .. [1] Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.

    Examples
    --------
    >>> round(student_t_quantile(0.975, 2), 4)
    4.3027
    """
    if not 0.5 < probability < 1:
        raise ValueError(f"probability: expected one between 0.5 and 1, found {probability}")
    if degrees < 1:
        raise ValueError(f"degrees: expected at least 1, found {degrees}")
    # The angle atan(t / sqrt(degrees)) has the bounded range (0, pi/2), t has not.
    low, high = 0.0, math.pi / 2
    for _ in range(64):
        middle = (low + high) / 2
        if (1 + _central_probability(middle, degrees)) / 2 < probability:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(low)


def _central_probability(angle: float, degrees: int) -> float:
    """P(|T| < sqrt(degrees)·tan(angle))."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2 == 1
    term = cosine if odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(3 if odd else 2, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def binomial_tail(successes: int, trials: int, probability: float) -> float:
    """Compute the chance of at least so many successes.

    Parameters
    ----------
    successes : int
        The least number of successes counted.
    trials : int
        Number of independent trials.
    probability : float
        Chance of success in each, in [0, 1].

    Returns
    -------
    float
        P(X >= successes) for X binomial.

    Examples
    --------
    >>> round(binomial_tail(9, 10, 0.5) * 1024, 9)
    11.0
    """
    if successes <= 0:
        return 1.0
    if successes > trials or probability <= 0:
        return 0.0
    if probability >= 1:
        return 1.0
    log_p, log_q = math.log(probability), math.log1p(-probability)
    log_trials = math.lgamma(trials + 1)
    return min(
        1.0,
        math.fsum(
            math.exp(
                log_trials
                - math.lgamma(k + 1)
                - math.lgamma(trials - k + 1)
                + k * log_p
                + (trials - k) * log_q
            )
            for k in range(successes, trials + 1)
        ),
    )


def beats_chance(accuracy: float, rows: int, chance: float) -> bool:
    """Tell whether an accuracy is out of reach of a constant guess.

    Parameters
    ----------
    accuracy : float
        Share of `rows` that was classified rightly.
    rows : int
        Number of rows it was measured on.
    chance : float
        Accuracy of always guessing the most frequent class.

    Returns
    -------
    bool
        True when somebody who is right with probability `chance` on each row would reach this
        accuracy with a probability below 0.001 (one-sided exact binomial test).

    Examples
    --------
    >>> beats_chance(0.105, 10_000, 0.1), beats_chance(0.12, 10_000, 0.1)
    (False, True)
    """
    if math.isnan(accuracy):
        return False
    return binomial_tail(round(accuracy * rows), rows, chance) < SIGNIFICANCE
