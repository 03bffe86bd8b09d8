"""What all arms of a comparison have in common."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from fanin import _checks, activations, optimizers
from fanin.show import text
from fanin.show.results import Result

if TYPE_CHECKING:
    from fanin.typing import ActivationLike, OptimizerLike

DEFAULT_EPOCHS = 5
DEFAULT_SEEDS = 3

count: "partial[int]" = partial(_checks.count, minimum=1, maximum=2**31 - 1)
"""Return a number of at least one thing, and of no more than the core can count."""


@dataclass(frozen=True, repr=False)
class Settings(Result):
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
    activation: str | Mapping[str, object]
    optimizer: Mapping[str, Any]
    batch_size: int
    validation_split: float
    initialize: Literal["hidden", "all"]
    target: float | None

    def _says(self) -> str:
        return (
            f"hidden={text.short(self.hidden)}, {self.activation_text}, {self.optimizer_text}, "
            f"batch_size={self.batch_size}, epochs={self.epochs}, seeds={text.short(self.seeds)}"
        )

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
    seeds: int | Iterable[int],
    epochs: int,
    hidden: int | Iterable[int],
    activation: "ActivationLike",
    optimizer: "OptimizerLike",
    learning_rate: float | None,
    batch_size: int,
    validation_split: float,
    initialize: Literal["hidden", "all"],
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
    sizes = _checks.several(hidden)
    sizes = [hidden] if sizes is None else sizes
    units = tuple(count("hidden", size) for size in sizes)
    filled = _checks.one_of("initialize", initialize, ("hidden", "all"))
    if not units and filled == "hidden":
        raise ValueError(
            "hidden: expected at least one layer where initialize is 'hidden', found none: nothing "
            "would differ"
        )
    split = _checks.number("validation_split", validation_split, at_least=0.0, below=1.0)
    goal = None if target is None else _checks.number("target", target, above=0.0, at_most=1.0)
    if goal is not None and split == 0:
        raise ValueError(
            f"target: expected None without a validation_split, found {goal:g}, which is an "
            "accuracy on validation rows"
        )
    return Settings(
        seeds=_seeds(seeds),
        epochs=count("epochs", epochs),
        hidden=units,
        activation=activations.serialize(activations.get(activation)),
        optimizer=_optimizer(optimizer, learning_rate),
        batch_size=count("batch_size", batch_size),
        validation_split=split,
        initialize=filled,  # type: ignore[arg-type]  # checked above
        target=goal,
    )


def _seeds(seeds: object) -> tuple[int, ...]:
    given = _checks.several(seeds)
    if given is None:
        return tuple(range(count("seeds", seeds, maximum=1_000_000)))
    chosen = tuple(_checks.integer("seeds", seed, minimum=0) for seed in given)
    if not chosen:
        raise ValueError("seeds: expected at least one, found none")
    if len(set(chosen)) < len(chosen):
        twice = _checks.found(next(seed for seed in chosen if chosen.count(seed) > 1))
        raise ValueError(f"seeds: expected different ones, found {twice} more than once")
    return chosen


def _optimizer(optimizer: "OptimizerLike", learning_rate: object) -> dict[str, Any]:
    recipe: dict[str, Any] = optimizers.serialize(optimizers.get(optimizer))
    if learning_rate is not None:
        rate = _checks.number("learning_rate", learning_rate, above=0.0)
        recipe["config"]["learning_rate"] = rate
    return recipe
