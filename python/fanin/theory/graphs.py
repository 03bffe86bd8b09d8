"""What theory predicts for a graph: along what is a row, and where signals are joined.

Signals side by side have the mean of their second moments. A sum of independent ones has the sum of
these, and what their means have in common; a product has the product. They are independent where a
Dense layer makes the units of one that nothing in the other depends on: its weights are drawn
apart, so that whatever the other is, products of two units have a mean of zero but for the means of
the units. The sizes of what is joined go together as much as they can, since branches begin at one
signal: bands are rather too wide. Gradients are followed from each output back to where several
of them add up.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fanin.show.results import Result
from fanin.theory.gradients import Gradient
from fanin.theory.passes import Backward, Forward, Trace, Way
from fanin.theory.prediction import Prediction, assembled
from fanin.theory.signals import Array, Signal, Units
from fanin.theory.steps import DenseStep, LayerSteps

_SIGNS = {"add": 1.0, "subtract": -1.0, "average": 1.0}

SEVERAL = "gradients of several ways add up here, and there is no formula for what they share"


@dataclass(frozen=True, repr=False)
class Node(Result):
    """A call of a layer.

    Parameters
    ----------
    layer : LayerSteps
        The layer; one of the same name is the same layer.
    reads : tuple of int
        Places of the nodes that it reads; of input number k that is ``-1 - k``.
    size : int
        Numbers in what it makes of a sample.
    join : str
        What it does to several signals: ``add``, ``subtract``, ``average``, ``multiply``,
        ``concatenate``, or something that there is no formula for. Empty for others.
    start : Signal or None
        What it hands on, where that is measured and the prediction begins.
    """

    layer: LayerSteps
    reads: tuple[int, ...]
    size: int
    join: str = ""
    start: Signal | None = None


@dataclass(frozen=True)
class _State:
    """A signal on its way."""

    forward: Forward
    size: int
    roots: tuple[str | None, ...]
    """Of each part the Dense layer whose units it is a function of; None for inputs."""
    uses: frozenset[str]
    """All Dense layers that it depends on."""


def predict_graph(
    nodes: Sequence[Node],
    inputs: Sequence[tuple[Signal, int]],
    whole: Signal,
    gradients: Sequence[tuple[int, Gradient]],
    *,
    training: bool,
    coverage: float = 0.95,
) -> Prediction:
    """Predict signals and gradients of a graph.

    Parameters
    ----------
    nodes : sequence of Node
        Calls of layers, in an order in which they can run.
    inputs : sequence of tuple (Signal, int)
        Each input, and its numbers in a sample; all stand for the same samples.
    whole : Signal
        All inputs side by side.
    gradients : sequence of tuple (int, Gradient)
        Nodes that make outputs, and gradients with respect to their pre-activations.
    training : bool
        Whether Dropout and BatchNormalization behave as in training.
    coverage : float, default 0.95
        Share of draws for which all bands of a kind hold in all layers at once.

    Returns
    -------
    Prediction
    """
    begins = [_State(Forward(one, training), size, (None,), frozenset()) for one, size in inputs]
    states: list[_State] = []
    traces: list[Trace] = []
    for node in nodes:
        given = [states[read] if read >= 0 else begins[-1 - read] for read in node.reads]
        state, trace = _through(node, given, training)
        states.append(state)
        traces.append(trace)
    ways = _back(nodes, traces, gradients)
    return assembled([n.layer.name for n in nodes], traces, ways, whole, coverage, relative=False)


def _through(node: Node, given: list[_State], training: bool) -> tuple[_State, Trace]:
    if node.start is not None:
        reason = f"theory begins at what {node.layer.name} hands on, as it was measured"
        begun = _State(Forward(node.start, training), node.size, (None,), frozenset())
        return begun, Trace(reason=reason, tapes=[None])
    uses = frozenset[str]().union(*(state.uses for state in given))
    if node.join:
        forward, trace = _join(node, given, training)
        roots = tuple(dict.fromkeys(root for state in given for root in state.roots))
        return _State(forward, node.size, roots, uses), trace
    forward = copy.copy(given[0].forward)
    trace = forward.layer(node.layer)
    roots = given[0].roots
    if any(isinstance(step, DenseStep) for step in node.layer.steps):
        roots, uses = (node.layer.name,), uses | {node.layer.name}
    return _State(forward, node.size, roots, uses), trace


def _join(node: Node, given: list[_State], training: bool) -> tuple[Forward, Trace]:
    """Return the pass behind a join, and what the join did."""
    name = node.layer.name
    reason = next((one.forward.reason for one in given if one.forward.signal is None), None)
    if reason is None and node.join not in _JOINS:
        reason = f"there is no formula for a layer of type {node.join}"
    apart = all(_independent(*pair) for pair in combinations(given, 2))
    if reason is None and node.join != "concatenate" and not apart:
        reason = f"what {name} joins is made of the same, and there is no formula for that"
    if reason is not None:
        forward = copy.copy(given[0].forward)
        forward.signal = forward.waiting = forward.softmax = None
        forward.reason = reason
        return forward, Trace(reason=reason, tapes=[None])
    forward = _JOINS[node.join](node, given, training)
    forward.units = node.size
    trace = Trace(tapes=[None])
    trace.post, trace.mean, trace.correlation = forward.outgoing()
    return forward, trace


def _independent(one: _State, other: _State) -> bool:
    """Whether each part of one has units that are drawn apart from the other, or the other way."""
    return all(
        (a is not None and a not in other.uses) or (b is not None and b not in one.uses)
        for a in one.roots
        for b in other.roots
    )


def _sampled(state: _State) -> Signal:
    """Return a signal of the units that there are."""
    forward = copy.copy(state.forward)
    forward.sample(Trace())
    assert forward.signal is not None
    return forward.signal


def _added(node: Node, given: list[_State], training: bool) -> Forward:
    sign = _SIGNS[node.join]
    signs = [1.0, *[sign] * (len(given) - 1)]
    by = 1 / len(given) if node.join == "average" else 1.0
    waiting = [state.forward.waiting for state in given]
    drawn = [units for units in waiting if units is not None and not units.normalized]
    gaussian = len(drawn) == len(given)
    signals = [_signal(state) if gaussian else _sampled(state) for state in given]
    found, shares = _mixed(signals, [1.0] * len(given), signs)
    size = node.size
    if not gaussian:
        found = _with_chance(found, signals, shares, size)
    scaled = _changed(found, log_squares=found.log_squares + 2 * math.log(by), mean=found.mean * by)
    forward = Forward(scaled, training)
    if gaussian:
        shift = by * sum(s * units.shift for s, units in zip(signs, drawn, strict=True))
        share = sum(w * units.share for w, units in zip(shares, drawn, strict=True))
        forward.waiting = Units(size, 0.0, shift, np.asarray(share))
    forward.carried = _carried(given, shares)
    return forward


def _beside(node: Node, given: list[_State], training: bool) -> Forward:
    signals = [_sampled(state) for state in given]
    total = sum(state.size for state in given)
    parts = [state.size / total for state in given]
    found, shares = _mixed(signals, parts, None)
    mean = sum(part * signal.mean for part, signal in zip(parts, signals, strict=True))
    forward = Forward(_changed(found, mean=mean), training)
    forward.carried = _carried(given, shares)
    return forward


def _multiplied(node: Node, given: list[_State], training: bool) -> Forward:
    signals = [_sampled(state) for state in given]
    cosines = np.prod([signal.cosines for signal in signals], axis=0)
    roots = sum(np.sqrt(np.maximum(signal.spread, 0.0)) for signal in signals)
    # Two units' squares of kurtosis 3 have a product of 9 or less: what is not in either's noise.
    chance = 4 * cosines**2 / node.size
    first = signals[0]
    found = Signal(
        log_squares=np.sum([signal.log_squares for signal in signals], axis=0),
        cosines=cosines,
        spread=np.asarray(roots) ** 2 + chance,
        wobble=min(sum(signal.wobble for signal in signals), 1.0),
        mean=float(np.prod([signal.mean for signal in signals])),
        batch=first.batch,
    )
    forward = Forward(found, training)
    forward.carried = min(sum(state.forward.carried for state in given), 1.0)
    return forward


_JOINS: dict[str, Callable[[Node, list[_State], bool], Forward]] = {
    "add": _added,
    "subtract": _added,
    "average": _added,
    "concatenate": _beside,
    "multiply": _multiplied,
}


def _signal(state: _State) -> Signal:
    assert state.forward.signal is not None
    return state.forward.signal


def _mixed(
    signals: list[Signal], parts: list[float], signs: list[float] | None
) -> tuple[Signal, list[Array]]:
    """Return what signals are together, a ``part`` of each one's square; and what each has of it.

    Parameters
    ----------
    signals : list of Signal
        The signals.
    parts : list of float
        What the square of each is multiplied by.
    signs : list of float or None
        Signs of a sum, of which the means have something in common; None for what is not added.
    """
    logs = np.stack(
        [signal.log_squares + math.log(part) for signal, part in zip(signals, parts, strict=True)]
    )
    total = np.logaddexp.reduce(logs, axis=0)
    silent = np.isneginf(total)
    shares = [
        np.where(silent, 1 / len(logs), np.exp(log - np.where(silent, 0.0, total))) for log in logs
    ]
    products = np.zeros_like(signals[0].cosines)
    for signal, share in zip(signals, shares, strict=True):
        products += np.sqrt(share[:, None] * share) * signal.cosines
    mean = 0.0
    if signs is not None:
        means = []
        for signal, sign, share in zip(signals, signs, shares, strict=True):
            log = signal.log_square
            size = sign * signal.mean * math.exp(-log / 2) if math.isfinite(log) else 0.0
            means.append(size * np.sqrt(share))
            mean += sign * signal.mean
        for one, other in combinations(means, 2):
            products += one[:, None] * other + other[:, None] * one
    squares = np.maximum(np.diagonal(products), 1e-6)
    roots = np.sqrt(squares)
    cosines = np.clip(products / (roots[:, None] * roots), -1.0, 1.0)
    np.fill_diagonal(cosines, 1.0)
    moved = sum(
        share[:, None] * np.sqrt(np.maximum(signal.spread, 0.0))
        for signal, share in zip(signals, shares, strict=True)
    )
    wobble = sum(
        float((share**2).mean()) * signal.wobble
        for signal, share in zip(signals, shares, strict=True)
    )
    found = Signal(
        log_squares=total + np.log(squares),
        cosines=cosines,
        spread=np.asarray(moved * np.transpose(moved)),
        wobble=wobble,
        mean=mean,
        batch=signals[0].batch,
    )
    return found, shares


def _with_chance(found: Signal, signals: list[Signal], shares: list[Array], size: int) -> Signal:
    """Add what products of two signals of so many units are by chance, whose mean is zero."""
    spread, wobble = found.spread.copy(), found.wobble
    pairs = list(zip(signals, shares, strict=True))
    for (one, part), (other, rest) in combinations(pairs, 2):
        both = np.sqrt(part * rest)
        spread += 4 * both[:, None] * both * one.cosines * other.cosines / size
        wobble += 2 * float((part * rest).mean()) / size
    return _changed(found, spread=spread, wobble=min(wobble, 1.0))


def _changed(signal: Signal, **values: object) -> Signal:
    known = {name: getattr(signal, name) for name in Signal.__dataclass_fields__}
    return Signal(**{**known, **values})


def _carried(given: list[_State], shares: list[Array]) -> float:
    pairs = zip(given, shares, strict=True)
    return min(sum(state.forward.carried * float(share.mean()) for state, share in pairs), 1.0)


def _back(
    nodes: Sequence[Node], traces: list[Trace], gradients: Sequence[tuple[int, Gradient]]
) -> list[Way]:
    """Go back from the outputs as far as each signal is read but once."""
    readers = [0] * len(nodes)
    for node in nodes:
        for read in set(node.reads):
            if read >= 0:
                readers[read] += 1
    for end, _ in gradients:
        readers[end] += 1
    ways = [Way()] * len(nodes)
    for end, gradient in gradients:
        row, at = list[int](), end
        while at >= 0 and not nodes[at].join and (at == end or readers[at] <= 1):
            row.append(at)
            at = nodes[at].reads[0]
        row.reverse()
        known = Backward(gradient).through([traces[place] for place in row])
        for place, way in zip(row, known, strict=True):
            ways[place] = way
        if row and at >= 0 and readers[at] > 1:
            first = ways[row[0]]
            ways[row[0]] = Way(math.nan, first.gradient, None, first.kernel_gradient)
    return ways
