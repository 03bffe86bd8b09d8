"""What all arms of a comparison have in common."""

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fanin import activations, optimizers

DEFAULT_EPOCHS = 5
DEFAULT_SEEDS = 3


@dataclass(frozen=True)
class Settings:
    """Network and training, the same for every arm.

    Parameters
    ----------
    seeds : tuple of int
        One trial an arm and seed. A seed decides the start and the order of the batches.
    epochs : int
        Passes over the training rows.
    hidden : tuple of int
        Units of each hidden layer.
    activation : str or dict
        Activation of the hidden layers, as `fanin.activations.serialize` writes it.
    optimizer : dict
        Class name and configuration of the optimizer. It is kept as a recipe: an optimizer is
        made anew for every trial.
    batch_size : int
        Rows a step.
    validation_split : float
        Share of the training rows held out, from their end.
    initialize : {"hidden", "all"}
        Which layers' kernels an arm's initializer fills.
    target : float or None
        The validation accuracy whose epoch and time are reported.
    """

    seeds: tuple[int, ...]
    epochs: int
    hidden: tuple[int, ...]
    activation: Any
    optimizer: Mapping[str, Any]
    batch_size: int
    validation_split: float
    initialize: Literal["hidden", "all"]
    target: float | None

    @property
    def learning_rate_text(self) -> str:
        """The learning rate, or the name of its schedule."""
        rate = self.optimizer["config"].get("learning_rate")
        return str(rate["class_name"]) if isinstance(rate, Mapping) else f"{rate:g}"

    @property
    def optimizer_text(self) -> str:
        """The optimizer with its learning rate, for people: ``"Adam(0.001)"``."""
        return f"{self.optimizer['class_name']}({self.learning_rate_text})"

    @property
    def activation_text(self) -> str:
        """The activation's name."""
        if isinstance(self.activation, Mapping):
            return str(self.activation["class_name"])
        return str(self.activation)


def make_settings(
    *,
    seeds: object,
    epochs: object,
    hidden: object,
    activation: object,
    optimizer: object,
    learning_rate: float | None,
    batch_size: object,
    validation_split: float,
    initialize: str,
    target: float | None,
) -> Settings:
    """Check every setting before anything is loaded or trained.

    Parameters
    ----------
    seeds, epochs, hidden, activation, optimizer, learning_rate, batch_size, validation_split, \
initialize, target
        As in `fanin.compare`.

    Returns
    -------
    Settings
        The settings.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, what was expected and what came.
    """
    sizes = (hidden,) if isinstance(hidden, (int, np.integer)) else hidden
    if not isinstance(sizes, Iterable):
        raise TypeError(f"hidden must list the units of each hidden layer, got {hidden!r}")
    units = tuple(at_least_one("hidden", size) for size in sizes)
    if initialize not in ("hidden", "all"):
        raise ValueError(f"initialize must be 'hidden' or 'all', got {initialize!r}")
    if not units and initialize == "hidden":
        raise ValueError("hidden names no layer, so initialize must be 'all': nothing would differ")
    if not 0 <= _number("validation_split", validation_split) < 1:
        raise ValueError(f"validation_split must lie in [0, 1), got {validation_split}")
    if target is not None:
        if not 0 < _number("target", target) <= 1:
            raise ValueError(f"target must be an accuracy in (0, 1], got {target}")
        if validation_split == 0:
            raise ValueError("target is a validation accuracy, so validation_split must be over 0")
    return Settings(
        seeds=_seeds(seeds),
        epochs=at_least_one("epochs", epochs),
        hidden=units,
        activation=activations.serialize(activations.get(activation)),
        optimizer=_optimizer(optimizer, learning_rate),
        batch_size=at_least_one("batch_size", batch_size),
        validation_split=float(validation_split),
        initialize=initialize,  # type: ignore[arg-type]  # checked above
        target=None if target is None else float(target),
    )


def at_least_one(name: str, value: object) -> int:
    """Check that an argument is a whole number from 1 up.

    Parameters
    ----------
    name : str
        The argument's name.
    value : object
        What was given.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError, TypeError
        If it is something else.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < 1 or isinstance(value, bool):
        raise ValueError(f"{name} must be at least 1, got {value!r}")
    return number


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def _seeds(seeds: object) -> tuple[int, ...]:
    if isinstance(seeds, Iterable) and not isinstance(seeds, str):
        chosen = tuple(_seed(seed) for seed in seeds)
        if not chosen:
            raise ValueError("seeds must name at least one seed, got none")
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"seeds must differ from each other, got {list(chosen)}")
        return chosen
    return tuple(range(at_least_one("seeds", seeds)))


def _seed(seed: object) -> int:
    try:
        number = operator.index(seed)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"seeds must be whole numbers, got {seed!r}") from None
    if number < 0:
        raise ValueError(f"seeds must not be negative, got {number}")
    return number


def _optimizer(optimizer: object, learning_rate: float | None) -> dict[str, Any]:
    recipe = optimizers.serialize(optimizers.get(optimizer))
    if learning_rate is not None:
        rate = _number("learning_rate", learning_rate)
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"learning_rate must be over 0 and finite, got {learning_rate}")
        recipe["config"]["learning_rate"] = rate
    return recipe
