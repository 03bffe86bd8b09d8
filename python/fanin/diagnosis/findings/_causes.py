"""Which findings explain which: causes before their effects.

Findings are the nodes of a graph. An edge goes from what is wrong to what follows from it, and each
has a reason, which is the row of `_RULES` that it comes from. What is explained is shown below its
cause, without a claim of its own: to mend the cause is enough.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from fanin.diagnosis.findings import learning
from fanin.diagnosis.findings._finding import SEVERITIES, Finding
from fanin.diagnosis.findings._places import activated_behind, feeding, normalizes

if TYPE_CHECKING:
    from fanin.diagnosis._measurements import Measurements

Condition = Callable[["_Case"], bool]


class _Case(NamedTuple):
    """Two findings among all, of which the one may explain the other."""

    cause: Finding
    effect: Finding
    found: Sequence[Finding]
    measured: "Measurements"


class _Rule(NamedTuple):
    """Findings of a kind explain others, where a condition holds."""

    cause: str
    effects: frozenset[str]
    holds: Condition


def order(found: Sequence[Finding], measured: "Measurements") -> list[Finding]:
    """Put causes first, most severe first, each before what it explains.

    A cause is as severe as what follows from it; equally severe ones stay as they were found.

    Parameters
    ----------
    found : sequence of Finding
        As they were found.
    measured : Measurements
        What they were found in.

    Returns
    -------
    list of Finding
        The same ones, with `effects` and `because`.
    """
    reasons: dict[int, Finding | None] = {}
    for effect in found:
        reasons[id(effect)] = _cause_of(effect, found, measured, reasons)
    roots = [finding for finding in found if reasons[id(finding)] is None]
    below: dict[int, list[Finding]] = {id(root): [] for root in roots}
    for effect in found:
        root = _root(effect, reasons)
        if root is not effect:
            below[id(root)].append(replace(effect, because=root.title))
    whole = [_with_effects(root, below[id(root)]) for root in roots]
    whole.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return [one for root in whole for one in (root, *root.effects)]


def _cause_of(
    effect: Finding,
    found: Sequence[Finding],
    measured: "Measurements",
    reasons: dict[int, Finding | None],
) -> Finding | None:
    """Return the first finding that explains one, in the order of `_RULES`, and not by it."""
    for rule in _RULES:
        if effect.kind not in rule.effects:
            continue
        for cause in found:
            fits = cause.kind == rule.cause and cause is not effect and cause.severity != "note"
            if not fits or _root(cause, reasons) is effect:
                continue
            if rule.holds(_Case(cause, effect, found, measured)):
                return cause
    return None


def _root(finding: Finding, reasons: dict[int, Finding | None]) -> Finding:
    while (cause := reasons.get(id(finding))) is not None:
        finding = cause
    return finding


def _with_effects(root: Finding, effects: list[Finding]) -> Finding:
    effects.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    worst = min([root, *effects], key=lambda finding: SEVERITIES.index(finding.severity))
    return replace(root, severity=worst.severity, effects=tuple(effects))


# Conditions.


def _always(case: _Case) -> bool:
    return True


def _severe(case: _Case) -> bool:
    """Whether all of the inputs are the same, not only some features."""
    return case.cause.severity == "severe"


def _noted(case: _Case) -> bool:
    """Whether equal units part in the first step; if they do not, that is what is wrong."""
    return case.effect.severity == "note"


def _first(finding: Finding, measured: "Measurements") -> int:
    """Return the place of the first layer that a finding names; -1 for the data."""
    return min((measured[name].index for name in finding.layers), default=-1)


def _behind(case: _Case) -> bool:
    """Whether all of the effect is at the cause's place or after it: signals go forward."""
    cause, effect = _first(case.cause, case.measured), _first(case.effect, case.measured)
    return case.measured.flow.leads(cause, effect)


def _by_size(case: _Case) -> bool:
    """Whether sizes would change little without the causes of this direction.

    Signals and gradients are proportional to each kernel and each γ, up to what normalizes: without
    all of those that are off, what they change by would be less by their factors. Where something
    behind restores the size, the change that is seen is back to it: then it goes the other way.
    """
    if len(case.cause.layers) > 1:
        return False
    factor = 1.0
    for finding in case.found:
        same = (finding.value > 1) is (case.cause.value > 1)
        if finding.kind in ("scale", "normalization") and same:
            factor *= finding.value
    if not factor or _at_the_same_place(case):
        return True  # a γ of zero, or the very step
    factor, value = max(factor, 1 / factor), case.effect.value
    change, limit = (
        v if case.effect.kind == "exploding" else 1 / v if v else math.inf
        for v in (value, case.effect.threshold)
    )
    # More than half of it, in orders of magnitude, or all that is too much: activations do their
    # part, as GELU, which halves signals that are small.
    return change / factor < limit or factor >= math.sqrt(change)


def _at_the_same_place(case: _Case) -> bool:
    """Whether the effect is of one layer: the cause's, or what activates that."""
    if len(case.effect.layers) != 1:
        return False
    layer = case.measured[case.cause.layers[0]]
    after = activated_behind(case.measured, layer) or layer
    return layer.index <= case.measured[case.effect.layers[0]].index <= after.index


def _not_normalized(case: _Case) -> bool:
    """Whether a normalization is held in inference, so that its averages are what it divides by."""
    cause = case.measured[case.cause.layers[0]]
    gamma, beta = cause.weights.get("gamma"), cause.weights.get("beta")
    if gamma is None or not case.measured.training:
        return False
    expected = gamma.second_moment + (beta.second_moment if beta is not None else 0.0)
    normalized = 0.5 * expected <= cause.output.second_moment <= 2 * expected
    return not normalized and _behind(case)


def _too_large(case: _Case) -> bool:
    if len(case.cause.layers) > 1 and case.effect.kind == "saturated":
        return False  # then that is the name of it
    return case.cause.value > 1 and _behind(case)


def _too_small(case: _Case) -> bool:
    return case.cause.value < 1 and _behind(case)


def _shrinks(case: _Case) -> bool:
    """Whether signals get smaller; gradients then do on their way back, wherever that is seen."""
    return case.cause.value < 1


def _large_inputs(case: _Case) -> bool:
    """Whether inputs are larger than weights are made for, not smaller."""
    return case.cause.value > 1


def _normalized(case: _Case) -> bool:
    """Whether it is a normalization that makes small again what comes of large inputs."""
    fed = (feeding(case.measured, case.measured[name]) for name in case.effect.layers)
    return case.cause.value > 1 and any(one is not None and normalizes(one) for one in fed)


def _only_shifted(case: _Case) -> bool:
    """Whether inputs are large by their mean alone."""
    return 0.1 <= case.measured.inputs.varying <= 10


def _all_off(case: _Case) -> bool:
    """Whether most layers are off, and what follows has a name that says so of as many."""
    return 1 < len(case.effect.layers) <= len(case.cause.layers)


def _more_off(case: _Case) -> bool:
    """Whether most layers are off, of which what follows names fewer."""
    return len(case.cause.layers) > max(1, len(case.effect.layers))


def _same_way(case: _Case) -> bool:
    """Whether the same weights shrink signals, and gradients on their way back."""
    return case.found.index(case.cause) < case.found.index(case.effect)


def _grown_before(case: _Case) -> bool:
    """Whether signals grow over layers on their way to where units are off, or all is the same.

    There their size alone decides: what differs between samples is the sign of what has grown.
    """
    cause = case.cause.layers
    first, last = (case.measured[name].index for name in (cause[0], cause[-1]))
    return first < last and first < _first(case.effect, case.measured)


def _still_there(finding: Finding, measured: "Measurements") -> bool:
    """Whether signals still vary, as in the first hidden layer, where units are dead.

    If so the units are why signals end; if not, they ended before, and biases alone decide.
    """
    at, hidden = measured.layers[_first(finding, measured)], measured.hidden
    return 10 * at.signal.varying >= hidden[0].signal.varying


def _ends_signals(case: _Case) -> bool:
    return _still_there(case.cause, case.measured)


def _ended_before(case: _Case) -> bool:
    return not _still_there(case.effect, case.measured)


def _of_its_layers(case: _Case) -> bool:
    """Whether the effect is of layers that the cause names, and of no others."""
    return set(case.effect.layers) <= set(case.cause.layers)


def _of_gradients(case: _Case) -> bool:
    """Whether a learning rate is too large because gradients are, which the cause makes so."""
    return learning.explained(case.effect, case.measured, [case.cause])


_ENLARGE = (
    *("feature_scale", "unscaled_input", "uncentred_input", "target_scale", "normalization"),
    *("scale", "bias", "symmetric", "saturated", "exploding", "vanishing", "dead", "output_scale"),
)
_SIZES = frozenset({"exploding", "vanishing"})
_PARTS = frozenset({"attention", "recurrence"})
_FLAT = _PARTS | {"dead", "saturated", "bias"}
_ENDS = frozenset({"constant_output", "no_gradient"})
_NOTHING = _ENDS | {"vanishing", "dead", "bias", "rank"}
_OF_LARGE = _FLAT | {"output_scale", "exploding"}

_RULES: tuple[_Rule, ...] = (
    # Samples that are all the same leave nothing that differs.
    _Rule("constant_input", _NOTHING | {"symmetric", "saturated", "repeated_samples"}, _severe),
    # Inputs far from zero, or of another size, are what the first layer's weights are not made for.
    _Rule("uncentred_input", frozenset({"unscaled_input"}), _only_shifted),
    _Rule("feature_scale", frozenset({"unscaled_input", "uncentred_input"}), _always),
    _Rule("feature_scale", _OF_LARGE, _large_inputs),
    _Rule("unscaled_input", _OF_LARGE, _large_inputs),
    _Rule("uncentred_input", _OF_LARGE, _large_inputs),
    _Rule("uncentred_input", frozenset({"vanishing"}), _always),
    _Rule("feature_scale", frozenset({"vanishing"}), _normalized),
    _Rule("unscaled_input", frozenset({"vanishing"}), _normalized),
    # No sample tells from another behind a kernel or a γ of zero, and no gradient gets before it.
    _Rule("zero", _NOTHING | {"batch_norm_lag"}, _always),
    _Rule("zero", frozenset({"symmetric"}), _noted),
    _Rule("normalization", _SIZES, _by_size),
    _Rule("normalization", _ENDS | {"dead", "bias", "symmetric"}, _too_small),
    _Rule("normalization", frozenset({"no_gradient"}), _shrinks),
    _Rule("normalization", _PARTS | {"saturated", "output_scale"}, _too_large),
    # Scores are products of queries and keys: the kernels of both are mended together.
    _Rule("attention", frozenset({"scale"}), _of_its_layers),
    # Weights of another size: signals behind them, gradients before them.
    _Rule("scale", _SIZES, _by_size),
    _Rule("scale", _SIZES | {"saturated"}, _more_off),
    _Rule("scale", _ENDS | {"dead", "bias"}, _too_small),
    _Rule("scale", frozenset({"no_gradient"}), _shrinks),
    _Rule("scale", _PARTS | {"dead", "saturated", "output_scale"}, _too_large),
    _Rule("scale", frozenset({"unexpected"}), _behind),
    _Rule("batch_norm_lag", _ENDS | _SIZES | {"dead", "saturated", "bias"}, _not_normalized),
    _Rule("bias", frozenset({"dead", "saturated", "exploding", "unexpected"}), _behind),
    _Rule("bias", _ENDS | {"vanishing", "output_scale"}, _always),
    # A softmax inside hands on little, and no gradient; gates that are flat neither.
    _Rule("activation", _SIZES | _ENDS | {"rank", "bias", "scale", "unexpected"}, _always),
    _Rule("recurrence", _SIZES | _ENDS | {"rank", "output_scale", "saturated"}, _always),
    _Rule("attention", _SIZES | {"output_scale", "rank"}, _always),
    # Equal units are one, which the next layer adds up.
    # What all layers do has a name of its own.
    _Rule("saturated", frozenset({"scale"}), _all_off),
    _Rule("exploding", frozenset({"scale"}), _all_off),
    _Rule("vanishing", frozenset({"scale"}), _all_off),
    _Rule("symmetric", _SIZES | _ENDS | {"zero", "dead", "rank", "unexpected"}, _always),
    # What is off or flat hands nothing on, and no gradient back.
    _Rule("dead", _ENDS | {"rank", "unexpected"}, _always),
    _Rule("dead", frozenset({"vanishing"}), _ends_signals),
    _Rule("saturated", _SIZES | _ENDS | {"unexpected"}, _always),
    _Rule("exploding", frozenset({"exploding"}), _same_way),
    _Rule("exploding", frozenset({"output_scale", "unexpected"}), _always),
    _Rule("exploding", frozenset({"dead", "constant_output"}), _grown_before),
    _Rule("vanishing", frozenset({"vanishing"}), _same_way),
    _Rule("vanishing", frozenset({"dead"}), _ended_before),
    _Rule("vanishing", _ENDS | {"unexpected"}, _always),
    _Rule("constant_output", frozenset({"no_gradient", "rank"}), _always),
    # Gradients are as large as signals, weights and errors; so are steps along them.
    *(_Rule(kind, frozenset({"learning_rate"}), _of_gradients) for kind in _ENLARGE),
)
