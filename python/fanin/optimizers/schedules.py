"""Learning rates that change with the step.

A schedule is anything that can be called with the number of steps done and returns the learning
rate of the next one; a plain function will do. Those here give the same bits on every machine
(docs/bits.md): powers and cosines are the nearest numbers to the exact ones.
"""

import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fanin import _checks, _core
from fanin._absences import _absent
from fanin._members._registry import Configurable, Registry, own_arguments

if TYPE_CHECKING:  # what `_LATER` has
    from fanin.optimizers._schedules import CosineDecayRestarts, InverseTimeDecay, PolynomialDecay

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule(Configurable):
    """Base class of the schedules: subclass it and write ``__call__(self, step)``.

    A model that was saved with a schedule of your own is loaded with
    ``load_model(path, custom_objects={"Inverse": Inverse})``, or once the class is registered with
    `fanin.utils.register_keras_serializable`. The class then needs `get_config` too.

    Examples
    --------
    >>> class Inverse(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 1.0 / (step + 1)
    >>> Inverse()(3)
    0.25
    """

    _family = "schedules"

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

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make an equal schedule.

        Returns
        -------
        dict
            Arguments by name.
        """
        if not own_arguments(type(self)):
            raise NotImplementedError(f"{type(self).__name__} must define get_config(self)")
        return super().get_config()

    def __repr__(self) -> str:
        # What the arguments of a user's own class are, it alone knows.
        return super().__repr__() if own_arguments(type(self)) else object.__repr__(self)


_NOT_NEGATIVE = partial(_checks.number, at_least=0.0)
_step = partial(_NOT_NEGATIVE, "step")


def _warmup_target(name: str, value: Any) -> float | None:
    return None if value is None else _checks.number(name, value, at_least=0.0)


def _boundaries(name: str, values: Any) -> list[float]:
    numbers = _numbers(name, values)
    if sorted(set(numbers)) != numbers:
        raise ValueError(f"{name}: expected numbers that increase, found {_checks.found(numbers)}")
    return numbers


def _numbers(name: str, values: Any, **bounds: float) -> list[float]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name}: expected a list of numbers, found {_checks.found(values)}")
    return [_checks.number(name, value, **bounds) for value in values]


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

    _options: ClassVar[Mapping[str, Any]] = {
        "initial_learning_rate": _NOT_NEGATIVE,
        "decay_steps": partial(_checks.number, above=0.0),
        "decay_rate": _NOT_NEGATIVE,
        "staircase": _checks.flag,
    }

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
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
        power = _step(step) / self.decay_steps
        times = float(np.floor(power)) if self.staircase else power
        # Infinite for a rate above 1 in the end; the optimizer refuses that by its step.
        return self.initial_learning_rate * _core.power(self.decay_rate, times)


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

    _options: ClassVar[Mapping[str, Any]] = {
        "initial_learning_rate": _NOT_NEGATIVE,
        "decay_steps": partial(_checks.number, above=0.0),
        "alpha": _NOT_NEGATIVE,
        "warmup_target": _warmup_target,
        "warmup_steps": _checks.count,
    }

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate: float = initial_learning_rate
        self.decay_steps: int = decay_steps
        self.alpha: float = alpha
        self.name: str = name
        self.warmup_target: float | None = warmup_target
        self.warmup_steps: int = warmup_steps

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
        done, top = _step(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if done < self.warmup_steps:
                return top + (self.warmup_target - top) * done / self.warmup_steps
            top = self.warmup_target
            done -= self.warmup_steps
        share = min(done / self.decay_steps, 1.0)
        cosine = 0.5 * (1.0 + _core.cosine_of_half_turns(share))
        return top * ((1.0 - self.alpha) * cosine + self.alpha)


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

    _options: ClassVar[Mapping[str, Any]] = {
        "boundaries": _boundaries,
        "values": partial(_numbers, at_least=0.0),
    }

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        self.boundaries: Sequence[float] = boundaries
        self.values: Sequence[float] = values
        self.name: str = name
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"values: expected {len(self.boundaries) + 1}, one more than boundaries, "
                f"found {len(self.values)}"
            )

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
        done = _step(step)
        for boundary, value in zip(self.boundaries, self.values[:-1], strict=True):
            if done <= boundary:
                return value
        return self.values[-1]


# What `import fanin` need not pay for.
_LATER = dict.fromkeys(
    ("CosineDecayRestarts", "InverseTimeDecay", "PolynomialDecay"), "fanin.optimizers._schedules"
)


@functools.cache
def _registry() -> Registry[LearningRateSchedule]:
    """Return the schedules by name."""
    here = sys.modules[__name__]
    late = [getattr(here, name) for name in _LATER]
    return Registry(
        "learning rate schedule",
        LearningRateSchedule,
        (ExponentialDecay, CosineDecay, PiecewiseConstantDecay, *late),
    )


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, object]:
    """Write a schedule down.

    Parameters
    ----------
    learning_rate_schedule : LearningRateSchedule
        The schedule; one of your own needs `get_config`.

    Returns
    -------
    dict
        ``class_name`` and ``config``.

    Examples
    --------
    >>> serialize(CosineDecay(0.1, decay_steps=100))["class_name"]
    'CosineDecay'
    """
    return _registry().serialize(learning_rate_schedule)


def deserialize(
    config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> LearningRateSchedule:
    """Read what `serialize` wrote.

    Parameters
    ----------
    config : dict
        ``class_name`` and ``config``.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    LearningRateSchedule
        The schedule.

    Examples
    --------
    >>> deserialize(serialize(ExponentialDecay(0.1, 10, 0.5)))(20)
    0.025
    """
    return _registry().deserialize(config, custom_objects)


_absent.guard(__name__, _LATER)
