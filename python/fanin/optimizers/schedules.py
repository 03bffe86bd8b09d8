"""Learning rates that change with the step.

A schedule is anything that can be called with the number of steps done and returns the learning
rate of the next one; a plain function will do.
"""

import math
from collections.abc import Sequence
from typing import Any, Self

from fanin import _absent, _checks

__all__ = ["CosineDecay", "ExponentialDecay", "LearningRateSchedule", "PiecewiseConstantDecay"]


class LearningRateSchedule:
    """Base class of the schedules: subclass it and write ``__call__(self, step)``.

    Examples
    --------
    >>> class Inverse(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 1.0 / (step + 1)
    >>> Inverse()(3)
    0.25
    """

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
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule.

        Returns
        -------
        dict
            Arguments by name.
        """
        raise NotImplementedError(f"{type(self).__name__} must define get_config(self)")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a schedule from what `get_config` returned.

        Parameters
        ----------
        config : dict
            Arguments by name.

        Returns
        -------
        LearningRateSchedule
            The schedule.
        """
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
        Learning rate of step 0.
    decay_steps : int
        Steps over which the rate is multiplied by `decay_rate` once.
    decay_rate : float
        The factor.
    staircase : bool, default False
        Whether to decay in jumps, once every `decay_steps`.
    name : str, default "ExponentialDecay"
        Name of the object.

    Examples
    --------
    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = _checks.number(
            "initial_learning_rate", initial_learning_rate, at_least=0.0
        )
        self.decay_steps = _checks.number("decay_steps", decay_steps, above=0.0)
        self.decay_rate = _checks.number("decay_rate", decay_rate, at_least=0.0)
        self.staircase = _checks.flag("staircase", staircase)
        self.name = name

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
        power = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (
            math.floor(power) if self.staircase else power
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule.

        Returns
        -------
        dict
            Arguments by name.
        """
        return dict(vars(self))


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the start (or the end of a warm-up) down to `alpha` times it [1]_.

    Parameters
    ----------
    initial_learning_rate : float
        Learning rate of step 0.
    decay_steps : int
        Steps of the descent; the rate stays at its end afterwards.
    alpha : float, default 0.0
        The last rate as a share of the highest.
    name : str, default "CosineDecay"
        Name of the object.
    warmup_target : float, optional
        Rate at the end of a linear warm-up; without it there is none.
    warmup_steps : int, default 0
        Steps of the warm-up, which comes before the descent.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts",
       ICLR 2017.

    Examples
    --------
    >>> decay = CosineDecay(0.1, decay_steps=100)
    >>> decay(0), round(decay(50), 4), decay(1000)
    (0.1, 0.05, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = _checks.number(
            "initial_learning_rate", initial_learning_rate, at_least=0.0
        )
        self.decay_steps = _checks.number("decay_steps", decay_steps, above=0.0)
        self.alpha = _checks.number("alpha", alpha, at_least=0.0)
        self.name = name
        self.warmup_target = (
            None
            if warmup_target is None
            else _checks.number("warmup_target", warmup_target, at_least=0.0)
        )
        self.warmup_steps = _checks.integer("warmup_steps", warmup_steps, minimum=0)

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
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return top + (self.warmup_target - top) * step / self.warmup_steps
            top = self.warmup_target
            step -= self.warmup_steps
        share = min(step / self.decay_steps, 1.0)
        cosine = 0.5 * (1.0 + math.cos(math.pi * share))
        return top * ((1.0 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule.

        Returns
        -------
        dict
            Arguments by name.
        """
        return dict(vars(self))


class PiecewiseConstantDecay(LearningRateSchedule):
    """One value up to each boundary.

    Parameters
    ----------
    boundaries : sequence of float
        Increasing steps; a value holds up to its boundary, that step included.
    values : sequence of float
        One more than boundaries.
    name : str, default "PiecewiseConstant"
        Name of the object.

    Examples
    --------
    >>> decay = PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> decay(100), decay(101), decay(500)
    (0.1, 0.01, 0.001)
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        self.boundaries = [_checks.number("boundaries", boundary) for boundary in boundaries]
        self.values = [_checks.number("values", value, at_least=0.0) for value in values]
        self.name = name
        if len(self.boundaries) != len(self.values) - 1:
            raise ValueError(
                "values must have one entry more than boundaries, "
                f"got {len(self.values)} values and {len(self.boundaries)} boundaries"
            )
        if sorted(set(self.boundaries)) != self.boundaries:
            raise ValueError(f"boundaries must increase, got {self.boundaries}")

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
        for boundary, value in zip(self.boundaries, self.values[:-1], strict=True):
            if step <= boundary:
                return value
        return self.values[-1]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule.

        Returns
        -------
        dict
            Arguments by name.
        """
        return dict(vars(self))


_absent.guard(__name__)
