"""Losses that take outputs for what they are not, and activations that end a network wrongly."""

import math
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._finding import Finding, graded
from fanin.diagnosis.findings._fixes import bare, loss_of, over_classes, sigmoid_for
from fanin.frameworks._open import advice_of

if TYPE_CHECKING:
    from fanin.diagnosis._ending import EndReport
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements

_BRIDLE = "Bridle 1990; the loss's own formula"
_GOODFELLOW = "Goodfellow, Bengio and Courville 2016, section 6.2.2: output units fit the loss"
_WORDS = {
    "logits": "logits",
    "probabilities": "probabilities",
    "log_probabilities": "logarithms of probabilities",
    "values": "values",
    "log_rates": "logarithms of rates",
}


def misfit(measured: "Measurements") -> list[Finding]:
    """Find outputs that are not what the loss takes them for: the first that fits of these.

    What a loss takes is known from what it is, or from how it behaves; what outputs are from the
    activation that ends the network, and from sums: only probabilities have rows of sum 1.
    """
    ending = measured.ending
    if ending is None or not measured.layers or measured.inputs.first_non_finite is not None:
        return []
    last = measured.layers[ending.last]
    for check in _MISFITS:
        found = check(measured, ending, last)
        if found is not None:
            return [found]
    return []


def _one_of_several(
    measured: "Measurements", ending: "EndReport", last: "LayerReport"
) -> Finding | None:
    """Find a softmax, which shares 1 out, for labels of which several are right at once."""
    targets = ending.targets
    fits = ending.task == "binary" and ending.looks == "probabilities" and _is_softmax(last)
    if targets is None or not fits:
        return None
    severity = graded(targets.together, 0.1, 0.4)
    if severity is None:
        return None
    text = (
        f"The softmax of {last.name} shares 1 out among {ending.units} labels, of which several or "
        f"none are right at once: the loss stays above {targets.together:.0%} of that of guessing."
    )
    line = sigmoid_for(last, measured)
    value = targets.together
    return Finding("output_activation", severity, (last.name,), value, 0.1, text, _GOODFELLOW, line)


def _cut(measured: "Measurements", ending: "EndReport", last: "LayerReport") -> Finding | None:
    """Find outputs that a function cuts off at both ends, where the loss knows no bounds."""
    if ending.whole or ending.takes not in ("logits", "values") or ending.cut < _MUCH:
        return None
    low, high = ending.outputs.minimum, ending.outputs.maximum
    text = (
        f"A function behind {last.name} cuts {ending.cut:.0%} of the outputs off at {low:.3g} and "
        f"{high:.3g}, and {_takes(ending)}: those get no gradient."
    )
    severity = "severe" if ending.cut >= 0.9 else "warning"
    return Finding(
        "output_activation", severity, (last.name,), ending.cut, _MUCH, text, _GOODFELLOW
    )


_MUCH = 0.2
"""Share of the outputs that are the largest or the smallest one: of what varies it is one each."""


def _not_rates(
    measured: "Measurements", ending: "EndReport", last: "LayerReport"
) -> Finding | None:
    """Find outputs that may be negative where the loss takes rates, of which it has logarithms."""
    if ending.takes != "rates" or not (ending.outputs.minimum < 0 or _is_free(ending, last)):
        return None
    text = (
        f"The outputs of {last.name} may be negative, from {ending.outputs.minimum:.3g} on, and "
        "the loss takes rates, whose logarithms it has: it then measures nothing."
    )
    advice = advice_of(measured.framework)
    fix = advice.activated.format(
        name=last.name, layer=last.code, units=last.units, activation="softplus", module="Softplus"
    )
    return Finding("loss", "severe", (last.name,), 0.0, 0.0, text, _GOODFELLOW, fix)


def _takes(ending: "EndReport") -> str:
    """Say what the loss takes, as far as that is known."""
    verb = "takes" if ending.sure else "seems to take"
    return f"the loss {verb} {_WORDS.get(ending.takes, 'something else')}"


def _over_batch(
    measured: "Measurements", ending: "EndReport", last: "LayerReport"
) -> Finding | None:
    """Find a softmax over the samples of a batch: columns have the sum 1."""
    if not ending.over_batch:
        return None
    text = (
        f"The softmax of {last.name} is over the samples, not over the classes: the outputs of one "
        "sample depend on the others, and have no sum of 1."
    )
    # A loss of logits has a softmax of its own.
    made = bare if ending.takes == "logits" else over_classes
    fix = made(last, measured) if last.activation == "softmax" else ""
    return Finding("output_activation", "severe", (last.name,), 0.0, 1.0, text, _BRIDLE, fix)


def _one_unit(measured: "Measurements", ending: "EndReport", last: "LayerReport") -> Finding | None:
    """Find a softmax of one unit, which is always 1."""
    classes = ending.takes == "logits" and ending.task == "classes"
    if ending.units != 1 or not (last.activation == "softmax" or classes):
        return None
    text = (
        f"A softmax of one unit is always 1, whatever {last.name} computes: two classes need two "
        "units, or one with a sigmoid and a binary cross-entropy."
    )
    fix = bare(last, measured) if last.activation == "softmax" else ""
    return Finding("output_activation", "severe", (last.name,), 1.0, 2.0, text, _BRIDLE, fix)


def _softmax_twice(
    measured: "Measurements", ending: "EndReport", last: "LayerReport"
) -> Finding | None:
    """Find a softmax of probabilities: in the loss, or in a last activation behind another."""
    inside = ending.before == "probabilities" and _is_softmax(last)
    in_loss = (
        ending.looks == "probabilities" and ending.takes == "logits" and ending.task == "classes"
    )
    if not (inside or in_loss):
        return None
    # One class at probability 1 and the others at 0 is all that can go in.
    floor = math.log1p((ending.units - 1) / math.e)
    chance = math.log(ending.units)
    where = f"in {last.name}, behind another" if inside else f"and {_takes(ending)}"
    text = (
        f"The outputs are of a softmax, {where}: twice is once too often. The loss cannot fall "
        f"below {floor:.3g}, where guessing has {chance:.3g}."
    )
    # Of Keras's losses and ours the loss can be told; torch has none that takes probabilities.
    told = not inside and (measured.framework != "torch" or not bare(last, measured))
    # Behind a softmax it may be logarithms that the loss wants: the one before goes.
    gone = measured.layers[last.index - 1] if inside and measured.framework == "torch" else last
    fix = loss_of(last, measured, "probabilities") if told else bare(gone, measured)
    return Finding("softmax_twice", "severe", (last.name,), floor / chance, 0.0, text, _BRIDLE, fix)


def _is_softmax(layer: "LayerReport") -> bool:
    return layer.activation == "softmax" or layer.kind in ("LogSoftmax", "Softmin")


def _wrong_loss(
    measured: "Measurements", ending: "EndReport", last: "LayerReport"
) -> Finding | None:
    """Find outputs that are no probabilities, or no logarithms, where the loss takes such."""
    if ending.takes == "log_probabilities":
        if ending.looks == "log_probabilities":
            return None
    elif ending.takes != "probabilities" or _may_be_probabilities(measured, ending, last):
        return None
    found = _WORDS.get(ending.looks)
    ends = found or (last.activation and f"the outputs of {last.activation}") or "linear"
    text = (
        f"The outputs of {last.name} are {ends}, from {ending.outputs.minimum:.3g} to "
        f"{ending.outputs.maximum:.3g}, and {_takes(ending)}: it is then no measure of what the "
        "network knows."
    )
    looks = ending.looks or ("logits" if _is_free(ending, last) else "")
    fix = loss_of(last, measured, looks) if looks else bare(last, measured)
    return Finding("loss", "severe", (last.name,), 0.0, 0.0, text, _GOODFELLOW, fix)


def _may_be_probabilities(
    measured: "Measurements", ending: "EndReport", last: "LayerReport"
) -> bool:
    """Return whether a loss of probabilities can do something with the outputs."""
    if ending.task == "classes" and ending.looks == "probabilities":
        return True
    low, high = ending.outputs.minimum, ending.outputs.maximum
    inside = low >= -1e-6 and high <= 1 + 1e-6
    if ending.task == "binary":
        return inside and not _is_free(ending, last)
    # Those of this package and of Keras divide rows by their sum.
    divided = measured.framework != "torch" and low >= 0 and ending.outputs.zeros < 0.05
    return divided and not _is_free(ending, last)


def _is_free(ending: "EndReport", last: "LayerReport") -> bool:
    """Return whether nothing ends the network that would bound its outputs."""
    linear = last.activation in ("", "linear") and "kernel" in last.weights
    return ending.whole and linear and ending.reach is None


def _out_of_reach(
    measured: "Measurements", ending: "EndReport", last: "LayerReport"
) -> Finding | None:
    """Find a last activation that cannot give what the loss asks for.

    How far the loss can fall with what it gives, by the loss of guessing, says how bad that is. Of
    the targets' variance 1 % is a warning (no model explains more than 99 %) and 10 % severe; of
    the cross-entropy 10 % and 40 %, since a network that is sure of 90 % of its answers has these.
    """
    floor, targets = ending.floor, ending.targets
    if floor is None or targets is None or ending.reach is None or targets.missing:
        return None
    values = ending.task == "values"
    severity = graded(floor, 0.01, 0.1) if values else graded(floor, 0.1, 0.4)
    if severity is None:
        return None
    low, high = ending.reach
    what = last.activation or last.kind
    given = f"from {low:.3g} to {high:.3g}" if math.isfinite(high) else f"from {low:.3g} on"
    if values:
        text = (
            f"{what} in {last.name} gives numbers {given}, and {targets.outside:.0%} of the "
            f"targets are outside: {floor:.0%} of their variance can never be explained."
        )
    else:
        text = (
            f"{what} in {last.name} gives numbers {given}, and {_takes(ending)}, which know no "
            f"bounds: the loss stays above {floor:.0%} of that of guessing."
        )
    sigmoid = ending.task == "binary" and what == "sigmoid"
    fix = loss_of(last, measured, "probabilities") if sigmoid else bare(last, measured)
    threshold = 0.01 if values else 0.1
    return Finding(
        "output_activation", severity, (last.name,), floor, threshold, text, _GOODFELLOW, fix
    )


def _rectified(
    measured: "Measurements", ending: "EndReport", last: "LayerReport"
) -> Finding | None:
    """Find logits, or shares of them, that a rectifier has cut off: those get no gradient."""
    rectifier = last.activation == "relu" or last.kind == "ReLU6"
    if not rectifier or ending.task not in ("classes", "binary", "counts") or not ending.whole:
        return None
    off = ending.outputs.zeros
    severity = "severe" if off >= 0.9 else "warning"
    text = (
        f"{last.activation or last.kind} ends the network in {last.name}, and {_takes(ending)}: "
        f"{off:.0%} of the outputs are cut off, and those get no gradient."
    )
    fix = bare(last, measured, dead=off >= 0.9)
    return Finding("output_activation", severity, (last.name,), off, 0.0, text, _GOODFELLOW, fix)


_MISFITS = (
    *(_over_batch, _one_unit, _softmax_twice, _not_rates, _wrong_loss, _one_of_several),
    *(_out_of_reach, _cut, _rectified),
)


def too_wide(measured: "Measurements") -> list[Finding]:
    """Note outputs for classes that do not come, where that cannot be chance.

    Were all K classes equally likely, n samples would all be of the first m with probability
    (m / K)^n.
    """
    ending = measured.ending
    if ending is None or ending.task != "classes" or ending.targets is None:
        return []
    counts, seen, units = ending.targets.counts, ending.targets.classes, ending.units
    if counts is None or len(counts) < 2 or seen >= units:
        return []
    if int(counts.sum()) * math.log(seen / units) > math.log(1e-6):
        return []
    last = measured.layers[ending.last]
    text = (
        f"{last.name} has {units} outputs, and the labels are of {seen} classes: the others never "
        "come."
    )
    source = "(m / K)^n is below one in a million for n labels that are all of the first m classes"
    return [Finding("output_width", "note", (last.name,), seen, units, text, source)]
