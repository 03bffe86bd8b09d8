"""Which initializer suits a network: by theory, and by a short trial where there is data."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, initializers, theory
from fanin.comparison.statistics import mean_interval
from fanin.errors import ShapeError
from fanin.frameworks import _open as frameworks
from fanin.initializers import Initializer
from fanin.initializers._suitability import SUITABLE
from fanin.layers import Dense
from fanin.show.results import Result
from fanin.show.table import Table

if TYPE_CHECKING:
    from fanin.models import Sequential
    from fanin.typing import NonlinearityLike

Array = NDArray[Any]

_CANDIDATES = (
    "he_normal",
    "glorot_uniform",
    "glorot_normal",
    "lecun_normal",
    "orthogonal",
)
"""Names that are tried for every activation, besides what is derived for it."""

_FEATURES = 100
_TRIED = 3
_HOPELESS = 3.0
"""Decades of change that no initializer of a good network makes."""


@dataclass(repr=False)
class Candidate(Result):
    """One initializer, and what speaks for and against it.

    Attributes
    ----------
    code : str
        How to write it.
    initializer : Initializer
        The initializer.
    score : float
        Decades by which the root mean squares of signals and of gradients change over the depth,
        and by which signals are away from 1, added up: 0 is best. Infinite without a prediction.
    signal, gradient : float
        Factors of the root mean square of signals from the first hidden layer to the last, and of
        gradients from the last to the first.
    losses : list of float
        Training loss at the end of the trial, a number a seed; empty without one.
    """

    code: str
    initializer: Initializer
    score: float
    signal: float
    gradient: float
    losses: list[float] = field(default_factory=list)

    def _says(self) -> str:
        tried = f", loss of the trial {self.loss:.4g}" if self.losses else ""
        return (
            f"{self.code}: signals x {self.signal:.3g}, gradients x {self.gradient:.3g}, "
            f"score {self.score:.2f}{tried}"
        )

    @property
    def loss(self) -> float:
        """Mean loss of the trial; infinite where one was not finite, NaN without a trial."""
        if not self.losses:
            return math.nan
        return float(np.mean([loss if math.isfinite(loss) else math.inf for loss in self.losses]))


@dataclass(repr=False)
class Recommendation(Result):
    """The initializer to use, and those that it beat.

    Attributes
    ----------
    initializer : Initializer
        For the hidden layers' kernels.
    code : str
        How to write it.
    bias : str
        What biases start at.
    activation : str
        The activation that it was chosen for.
    depth : int
        Number of hidden layers.
    reason : str
        Why, in a sentence.
    ranked : list of Candidate
        All candidates, best first.
    """

    initializer: Initializer
    code: str
    bias: str
    activation: str
    depth: int
    reason: str
    ranked: list[Candidate]

    _width = 88

    def _says(self) -> str:
        return f"kernel_initializer={self.code}, bias_initializer={self.bias!r}: {self.reason}"

    def _contents(self) -> list[str | Table]:
        tried = any(candidate.losses for candidate in self.ranked)
        titles = ["signals x", "gradients x", "score", *(["loss of the trial"] if tried else [])]
        table = Table("initializer", *titles)
        for c in self.ranked:
            row = [c.code, f"{c.signal:.3g}", f"{c.gradient:.3g}", f"{c.score:.2f}"]
            table.add(*row, *(["" if math.isnan(c.loss) else f"{c.loss:.4g}"] if tried else []))
        code = f"kernel_initializer={self.code}, bias_initializer={self.bias!r}"
        return [code, self.reason, "", table]


def recommend(
    model: "Sequential | Sequence[int]",
    activation: "NonlinearityLike | None" = None,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    seeds: int = 3,
    epochs: int = 3,
) -> Recommendation:
    """Recommend an initializer for the hidden layers of a dense network.

    By theory first: for each candidate the change of signals and gradients over the depth is
    predicted, widths and activations as they are (`fanin.theory.predict`). With `x` and `y` the
    three best are then trained for some epochs, paired over seeds, and the losses decide if they
    differ by more than their noise.

    Parameters
    ----------
    model : Sequential or sequence of int
        The network, or the widths of its hidden layers; it does not change.
    activation : str, optional
        The hidden layers' activation, for widths; a network has its own.
    x : array_like of shape (n, ...), optional
        Data: theory starts from its scale and correlations. For widths it also gives the inputs.
    y : array_like, optional
        Targets, for the trial.
    seeds, epochs : int
        Size of the trial: networks a candidate, and epochs of each.

    Returns
    -------
    Recommendation
        ``print`` shows it with the alternatives that it beat.

    Raises
    ------
    ValueError
        If there is no hidden layer, widths come without an activation or a network with one, or
        `y` without `x`.
    TypeError
        If `model` is neither a network nor widths.
    ShapeError
        If `x` or `y` has the wrong shape.

    Examples
    --------
    >>> recommend([256] * 20, "relu").code
    '"he_normal"'
    >>> print(recommend([256] * 20, "tanh").reason)
    Over 20 hidden layers of tanh it changes signals 0.555 times and gradients 1.72 times, ...
    """
    count = _checks.integer("seeds", seeds, minimum=1)
    length = _checks.integer("epochs", epochs, minimum=1)
    chain = _layers(model, activation)
    data = None if x is None else _samples(model, x)
    targets = None if y is None else _targets(y, data)
    hidden = [layer for layer in chain[:-1] if isinstance(layer, Dense)]
    if not hidden:
        raise ValueError("model: expected at least one hidden Dense layer, found none")
    kind = _activation(chain)
    ranked = sorted(
        (_predicted(code, made, chain, data) for code, made in _candidates(kind)),
        key=lambda candidate: round(candidate.score, 1),  # of equals the first, best known one
    )
    reason = _reason(ranked[0], kind, len(hidden))
    if targets is not None:
        reason = _try(ranked, model, chain, data, targets, count, length) or reason
    best = ranked[0]
    return Recommendation(best.initializer, best.code, "zeros", kind, len(hidden), reason, ranked)


def _layers(model: Any, activation: Any) -> list[Any]:
    training = frameworks.training_of(model)
    if training is not None:
        if activation is not None:
            raise ValueError(
                f"activation: expected None with a network, which has its own, found "
                f"{_checks.found(activation)}"
            )
        return [*training.layers(model)]
    given = _checks.several(model)
    if given is None or isinstance(model, Mapping | Set):
        raise TypeError(
            f"model: expected a fanin.Sequential or widths, found {_checks.found(model)}"
        )
    if activation is None:
        raise ValueError("activation: expected one for the hidden layers of these widths")
    widths = [_checks.count("model", width, minimum=1) for width in given]
    return [*(Dense(width, activation=activation) for width in widths), Dense(1)]


def _samples(model: Any, x: ArrayLike) -> Array:
    training = frameworks.training_of(model)
    if training is not None:
        return training.samples(model, x)
    rows = _checks.numeric("x", x)
    if rows.ndim < 2 or rows.size == 0:
        raise ShapeError(f"x: expected shape (n, ...), found {rows.shape}")
    return rows


def _targets(y: ArrayLike, x: Array | None) -> Array:
    if x is None:
        raise ValueError("y: expected None without x")
    targets = _checks.numeric("y", y)
    if targets.ndim == 0 or len(targets) != len(x):
        raise ShapeError(
            f"y: expected one entry for each of the {len(x)} samples, found shape {targets.shape}"
        )
    return targets


def _activation(chain: list[Any]) -> str:
    """Return the activation that most hidden layers have."""
    end = max(i for i, layer in enumerate(chain) if isinstance(layer, Dense))
    names = [
        layer.settings()["activation"]["kind"]
        for layer in chain[:end]
        if "activation" in layer.settings()
    ]
    names = [name for name in names if name != "linear"] or ["linear"]
    return str(max(names, key=names.count))


def _candidates(kind: str) -> list[tuple[str, Initializer]]:
    """Return code and initializer, those that are known for the activation first."""
    known = SUITABLE.get(kind, ())
    names = [*known, *(name for name in _CANDIDATES if name not in known)]
    found = [(f'"{name}"', _named(name)) for name in names]
    gain = theory.gain(kind)
    derived = [
        (
            f'VarianceScaling.for_activation("{kind}")',
            initializers.VarianceScaling.for_activation(kind),
        ),
        (f"Orthogonal({gain:.4g})", initializers.Orthogonal(float(f"{gain:.4g}"))),
    ]
    return [*found[: len(known)], *derived, *found[len(known) :]]


def _named(name: str) -> Initializer:
    found = initializers.get(name)
    assert found is not None
    return found


def _with(chain: list[Any], initializer: Initializer) -> list[Any]:
    """Return the layers anew, with their hidden kernels from `initializer`."""
    end = max(i for i, layer in enumerate(chain) if isinstance(layer, Dense))
    made = []
    for place, layer in enumerate(chain):
        config = layer.get_config()
        if isinstance(layer, Dense) and place < end:
            config["kernel_initializer"] = initializer.clone()
        made.append(type(layer).from_config(config))
    return made


def _predicted(code: str, initializer: Initializer, chain: list[Any], x: Array | None) -> Candidate:
    layers = _with(chain, initializer)
    if x is None:
        prediction = theory.predict(layers, features=_FEATURES, batch=64)
    else:
        prediction = theory.predict(layers, x.reshape(len(x), -1)[:256])
    found = [p for p in prediction.layers if p.pre_activation is not None][:-1]
    if not found or any(p.gradient is None for p in found):
        return Candidate(code, initializer, math.inf, math.nan, math.nan)
    forward = [p.pre_activation.log_value / 2 for p in found]  # type: ignore[union-attr]
    backward = [p.gradient.log_value / 2 for p in found]  # type: ignore[union-attr]
    signal, gradient = forward[-1] - forward[0], backward[0] - backward[-1]
    away = abs(forward[-1])
    score = (abs(signal) + abs(gradient) + 0.25 * away) / math.log(10)
    return Candidate(code, initializer, score, _exp(signal), _exp(gradient))


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _reason(best: Candidate, kind: str, depth: int) -> str:
    if math.isinf(best.score):
        return f"Theory has no prediction for this network; {best.code} is the usual choice."
    changes = (
        f"Over {depth} hidden layers of {kind} it changes signals {best.signal:.3g} times and "
        f"gradients {best.gradient:.3g} times, least of all candidates"
    )
    if best.score < _HOPELESS:
        return f"{changes}."
    return (
        f"{changes}; that is too much for any of them: put a BatchNormalization before each {kind}."
    )


def _try(
    ranked: list[Candidate],
    model: Any,
    chain: list[Any],
    x: Any,
    y: Array,
    seeds: int,
    epochs: int,
) -> str | None:
    """Train the best few, put the best of them first, and say so if it is for its loss."""
    tried, ours = ranked[:_TRIED], frameworks.our_training()
    like = None if frameworks.training_of(model) is None else model
    for candidate in tried:
        for seed in range(seeds):
            layers = _with(chain, candidate.initializer)
            whole = _ended(layers, y) if like is None else layers
            candidate.losses.append(ours.final_loss(whole, like, x, y, epochs, seed))
    best = min(tried, key=lambda candidate: candidate.loss)
    if best is ranked[0]:
        return None
    gaps = [a - b for a, b in zip(ranked[0].losses, best.losses, strict=True)]
    finite = all(map(math.isfinite, gaps))
    if finite and (seeds < 2 or not mean_interval(gaps).excludes_zero()):
        return None  # no more than noise: theory's choice stays
    loser = ranked[0]
    ranked.remove(best)
    ranked.insert(0, best)
    return (
        f"After {epochs} epochs its loss is {best.loss:.4g}, and {loser.loss:.4g} with "
        f"{loser.code}, which theory puts first ({seeds} seeds, paired)."
    )


def _ended(layers: list[Any], y: Array) -> list[Any]:
    """Return layers of these widths with outputs that suit the targets."""
    if y.dtype.kind in "iub" and y.ndim == 1:
        return [*layers[:-1], Dense(max(int(y.max()) + 1, 2), activation="softmax")]
    return [*layers[:-1], Dense(1 if y.ndim == 1 else y.shape[-1])]
