"""Which initializer suits a network: by theory, and by a short trial where there is data."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks, _core, initializers, theory
from fanin.diagnosis._subjects import Graph, Row, Subject
from fanin.errors import ShapeError
from fanin.frameworks import _open as frameworks
from fanin.initializers import Initializer
from fanin.initializers._suitability import SUITABLE
from fanin.layers import Dense
from fanin.random import Stream
from fanin.show.results import Result
from fanin.show.table import Table

if TYPE_CHECKING:
    from fanin.models import Model
    from fanin.typing import NonlinearityLike

Array = NDArray[Any]

_CANDIDATES = (
    "he_normal",
    "glorot_uniform",
    "glorot_normal",
    "lecun_normal",
    "orthogonal",
    "random_normal",
    "random_uniform",
)
"""Names that are tried for every activation, besides what is derived for it. The last two are small
whatever the fans are: theory never puts them first, and few samples may."""

_HELD = 5
"""One sample of so many is held back, for the loss of the trial."""
_ENOUGH = 50
"""Fewer samples than these are all trained on: a loss of a handful would be luck."""
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
        Loss at the end of the trial, a number a seed; empty without one. It is that of a fifth of
        the samples, which are held back, others for each seed, or of training where there are fewer
        than 50.
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
    model: "Model | Sequence[int]",
    activation: "NonlinearityLike | None" = None,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    seeds: int = 3,
    epochs: int = 3,
) -> Recommendation:
    """Recommend an initializer for the hidden layers of a dense network.

    By theory first: for each candidate the change of signals and gradients over the depth is
    predicted, widths and activations as they are (`fanin.theory.predict`); of a graph it is
    measured along its longest way, in three networks that are drawn for it. With `x` and `y` the
    losses of a trial decide. It is successive halving (Karnin, Koren and Somekh, 2013): all
    candidates are trained, then the better half of them on twice as many further seeds, and so on
    until one is left, paired over seeds, each round with the same number of trainings.

    Parameters
    ----------
    model : Sequential, Model or sequence of int
        The network, or the widths of its hidden layers; it does not change.
    activation : str, optional
        The hidden layers' activation, for widths; a network has its own.
    x : array_like of shape (n, ...), or list or dict of them, optional
        Data: theory starts from its scale and correlations. For widths it also gives the inputs.
    y : array_like, or list or dict of them, optional
        Targets, for the trial. Of several outputs the sum of their losses counts, each times its
        `loss_weights`, where the network is compiled with some.
    seeds, epochs : int
        Size of the trial: at most `seeds` trainings for each of about nine candidates in all, of
        so many epochs each. Those who come far get more of them.

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
    Over 20 hidden layers of tanh it changes signals 0.555 times and gradients 1.73 times, ...
    """
    count = _checks.integer("seeds", seeds, minimum=1)
    length = _checks.integer("epochs", epochs, minimum=1)
    subject = _subject(model, activation)
    data = None if x is None else _samples(model, x)
    targets = None if y is None else _targets(model, y, data)
    if not subject.hidden:
        raise ValueError("model: expected at least one hidden Dense layer, found none")
    kind, depth = subject.activation, subject.hidden
    shapes = subject.shapes(data)
    ranked = sorted(
        (_judged(code, made, subject, data) for code, made in _candidates(kind, shapes)),
        key=lambda candidate: round(candidate.score, 1),  # of equals the first, best known one
    )
    reason = _reason(ranked[0], kind, depth)
    if targets is not None:
        like = None if frameworks.training_of(model) is None else model
        reason = _Trial(subject, like, data, targets, length).rank(ranked, count)
    best = ranked[0]
    return Recommendation(best.initializer, best.code, "zeros", kind, depth, reason, ranked)


def _subject(model: Any, activation: Any) -> Subject:
    training = frameworks.training_of(model)
    if training is not None:
        if activation is not None:
            raise ValueError(
                f"activation: expected None with a network, which has its own, found "
                f"{_checks.found(activation)}"
            )
        return Row(training.layers(model), False) if training.is_row(model) else Graph(model)
    given = _checks.several(model)
    if given is None or isinstance(model, Mapping | Set):
        raise TypeError(
            f"model: expected a fanin.Sequential, a fanin.Model or widths, found "
            f"{_checks.found(model)}"
        )
    if activation is None:
        raise ValueError("activation: expected one for the hidden layers of these widths")
    widths = [_checks.count("model", width, minimum=1) for width in given]
    return Row([*(Dense(width, activation=activation) for width in widths), Dense(1)], True)


def _samples(model: Any, x: ArrayLike) -> Array:
    training = frameworks.training_of(model)
    if training is not None:
        return training.samples(model, x)
    rows = _checks.numeric("x", x)
    if rows.ndim < 2 or rows.size == 0:
        raise ShapeError(f"x: expected shape (n, ...), found {rows.shape}")
    return rows


def _targets(model: Any, y: Any, x: Array | None) -> Any:
    """Return targets as an array; of a network of several outputs with their losses, of each."""
    if x is None:
        raise ValueError("y: expected None without x")
    training = frameworks.training_of(model)
    if training is not None and model._ends.several:
        return training.aims(model, x, y)
    targets = _checks.numeric("y", y)
    if targets.ndim == 0 or len(targets) != len(x):
        raise ShapeError(
            f"y: expected one entry for each of the {len(x)} samples, found shape {targets.shape}"
        )
    return targets


def _candidates(kind: str, shapes: Sequence[tuple[int, int]] = ()) -> list[tuple[str, Initializer]]:
    """Return code and initializer, those that are known for the activation first.

    Of several with the same law for all these shapes, such as Glorot's and LeCun's where layers are
    square, the first one stands for all.
    """
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
    laws: dict[object, tuple[str, Initializer]] = {}
    for code, made in [*found[: len(known)], *derived, *found[len(known) :]]:
        laws.setdefault(_law(made, shapes), (code, made))
    return list(laws.values())


def _law(initializer: Initializer, shapes: Sequence[tuple[int, int]]) -> object:
    """Return what tells the law of kernels of these shapes from others."""
    found: list[object] = [isinstance(initializer, initializers.Orthogonal)]
    for shape in shapes:
        facts = initializer._facts(shape)
        assert facts is not None  # all candidates have a formula
        numbers = facts.mean, facts.variance, facts.low, facts.high
        found += [float(f"{number:.6g}") for number in numbers]
    return tuple(found)


def _named(name: str) -> Initializer:
    found = initializers.get(name)
    assert found is not None
    return found


def _judged(code: str, initializer: Initializer, subject: Subject, x: Array | None) -> Candidate:
    sizes = subject.sizes(initializer, x)
    if sizes is None:
        return Candidate(code, initializer, math.inf, math.nan, math.nan)
    forward, backward = sizes
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


@dataclass
class _Trial:
    """Short trainings of networks that differ in their initializer."""

    subject: Subject
    like: Any
    """What they are compiled as, or None."""
    x: Any
    y: Any
    """An array, or a list of `Aim`."""
    epochs: int

    def rank(self, ranked: list[Candidate], seeds: int) -> str:
        """Put the candidates in the order of what they reached; return why, in words."""
        left, out, done = list(ranked), list[Candidate](), 0
        rounds = max(math.ceil(math.log2(len(left))), 1)
        budget = seeds * len(left)
        while True:
            more = max(budget // (rounds * len(left)), 1)
            for seed in range(done, done + more):
                train, held = self._parts(seed)
                for candidate in left:
                    candidate.losses.append(self._loss(candidate, train, held, seed))
            done += more
            left.sort(key=lambda candidate: candidate.loss)
            if len(left) <= 2:
                break
            half = math.ceil(len(left) / 2)
            left, out = left[:half], left[half:] + out
        ranked[:] = left + out
        return self._reason(ranked)

    def _parts(self, seed: int) -> tuple[tuple[Array, Any], tuple[Array, Any] | None]:
        """Return what is trained on, and what is held back for the loss: others for each seed."""
        count = len(self.x)
        if count < _ENOUGH:
            return (self.x, self.y), None
        stream = Stream(seed).at("recommend")
        rows = _core.permutation(stream.seed, stream.path, count)
        held, rest = np.sort(rows[: count // _HELD]), np.sort(rows[count // _HELD :])
        return (self.x[rest], self._of(rest)), (self.x[held], self._of(held))

    def _of(self, rows: Array) -> Any:
        """Return the targets of some samples."""
        return [aim.of(rows) for aim in self.y] if isinstance(self.y, list) else self.y[rows]

    def _loss(
        self,
        candidate: Candidate,
        train: tuple[Array, Any],
        held: tuple[Array, Any] | None,
        seed: int,
    ) -> float:
        network = self.subject.made(candidate.initializer, self.y)(seed)
        ours = frameworks.our_training()
        return ours.trial_loss(network, self.like, train, held, self.epochs, seed)

    def _reason(self, ranked: list[Candidate]) -> str:
        best, others = ranked[0], ranked[1:]
        whose = "training" if len(self.x) < _ENOUGH else "samples that were held back"
        words = f"After {self.epochs} epochs its loss of {whose} is {best.loss:.4g}"
        if not math.isfinite(best.loss):
            return f"{words}, as that of all candidates: nothing here trains this network."
        if not others:
            return f"{words}."
        rival = others[0]
        gaps = np.subtract(rival.losses, best.losses)
        spread = f"{np.std(gaps, ddof=1) / math.sqrt(len(gaps)):.2g}" if len(gaps) > 1 else "?"
        apart = f"{np.mean(gaps):.2g}"
        if not math.isfinite(rival.loss):
            return f"{words}; {rival.code} comes next, and did not stay finite."
        return (
            f"{words}, the lowest; {rival.code} is {apart} behind, with a standard error of "
            f"{spread} ({len(gaps)} seeds, paired)."
        )
