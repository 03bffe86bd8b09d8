"""Further schedules, which `schedules` has as its own."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from fanin import _checks, _core
from fanin.optimizers.schedules import _NOT_NEGATIVE, LearningRateSchedule, _step

_STEPS = partial(_checks.number, above=0.0)


class PolynomialDecay(LearningRateSchedule):
    """From one rate to another: ``(initial - end) * (1 - step / decay_steps) ** power + end``.

    Parameters
    ----------
    initial_learning_rate : float
        Learning rate of step 0.
    decay_steps : int
        Steps of the descent.
    end_learning_rate : float, default 0.0001
        The last rate, which stays.
    power : float, default 1.0
        1 is a straight line.
    cycle : bool, default False
        Whether to begin anew at the end, with the next multiple of `decay_steps` for the steps of
        the descent.
    name : str, default "PolynomialDecay"
        Name of the object.

    Examples
    --------
    >>> decay = PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0, power=2.0)
    >>> decay(0), decay(5), decay(20)
    (1.0, 0.25, 0.0)
    """

    _options: ClassVar[Mapping[str, Any]] = {
        "initial_learning_rate": _NOT_NEGATIVE,
        "decay_steps": _STEPS,
        "end_learning_rate": _NOT_NEGATIVE,
        "power": _NOT_NEGATIVE,
        "cycle": _checks.flag,
    }

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate: float = initial_learning_rate
        self.decay_steps: int = decay_steps
        self.end_learning_rate: float = end_learning_rate
        self.power: float = power
        self.cycle: bool = cycle
        self.name: str = name

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            Steps done before, 0 at first.

        Returns
        -------
        float
            The learning rate.
        """
        done, steps = _step(step), float(self.decay_steps)
        if self.cycle:
            steps *= max(math.ceil(done / steps), 1)
        left = 1.0 - min(done, steps) / steps
        first, last = self.initial_learning_rate, self.end_learning_rate
        return (first - last) * _core.power(left, self.power) + last


class InverseTimeDecay(LearningRateSchedule):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
        Learning rate of step 0.
    decay_steps : int
        Steps that count as one.
    decay_rate : float
        What each of these adds to the divisor.
    staircase : bool, default False
        Whether to decay in jumps, once every `decay_steps`.
    name : str, default "InverseTimeDecay"
        Name of the object.

    Examples
    --------
    >>> InverseTimeDecay(1.0, decay_steps=10, decay_rate=0.5)(20)
    0.5
    """

    _options: ClassVar[Mapping[str, Any]] = {
        "initial_learning_rate": _NOT_NEGATIVE,
        "decay_steps": _STEPS,
        "decay_rate": _NOT_NEGATIVE,
        "staircase": _checks.flag,
    }

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate: float = initial_learning_rate
        self.decay_steps: int = decay_steps
        self.decay_rate: float = decay_rate
        self.staircase: bool = staircase
        self.name: str = name

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            Steps done before, 0 at first.

        Returns
        -------
        float
            The learning rate.
        """
        times = _step(step) / self.decay_steps
        if self.staircase:
            times = math.floor(times)
        return self.initial_learning_rate / (1.0 + self.decay_rate * times)


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine again and again [1]_.

    Each is `t_mul` times as long and `m_mul` times as high as the one before.

    Parameters
    ----------
    initial_learning_rate : float
        Learning rate of step 0.
    first_decay_steps : int
        Steps of the first descent.
    t_mul : float, default 2.0
        Length of a descent by that of the one before; at least 1.
    m_mul : float, default 1.0
        First rate of a descent by that of the one before.
    alpha : float, default 0.0
        The last rate of a descent as a share of `initial_learning_rate`.
    name : str, default "SGDRDecay"
        Name of the object.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts",
       ICLR 2017.

    Examples
    --------
    >>> decay = CosineDecayRestarts(1.0, first_decay_steps=10)
    >>> decay(0), decay(5), decay(10), decay(20)
    (1.0, 0.5, 1.0, 0.5)
    """

    _options: ClassVar[Mapping[str, Any]] = {
        "initial_learning_rate": _NOT_NEGATIVE,
        "first_decay_steps": _STEPS,
        "t_mul": partial(_checks.number, at_least=1.0),
        "m_mul": _NOT_NEGATIVE,
        "alpha": _NOT_NEGATIVE,
    }

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate: float = initial_learning_rate
        self.first_decay_steps: int = first_decay_steps
        self.t_mul: float = t_mul
        self.m_mul: float = m_mul
        self.alpha: float = alpha
        self.name: str = name

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            Steps done before, 0 at first.

        Returns
        -------
        float
            The learning rate.
        """
        share, restarts = self._place(_step(step) / self.first_decay_steps)
        height = 0.5 * _core.power(self.m_mul, restarts)
        cosine = height * (1.0 + _core.cosine_of_half_turns(share))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)

    def _place(self, times: float) -> tuple[float, float]:
        """Return the share of the descent that is done, and the number of those before it."""
        if self.t_mul == 1.0:
            restarts = math.floor(times)
            return times - restarts, restarts
        restarts, length = 0, 1.0
        while times >= length:
            times -= length
            length *= self.t_mul
            restarts += 1
        return times / length, restarts
