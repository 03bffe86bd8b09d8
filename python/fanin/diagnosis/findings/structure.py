"""How a network is built: what drops nearly all, what is linear, what mixes samples."""

from typing import TYPE_CHECKING

from fanin.diagnosis.findings._finding import Finding, graded, named
from fanin.frameworks._open import advice_of

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements
    from fanin.frameworks._framework import Advice

_SRIVASTAVA = (
    "Srivastava et al. 2014, JMLR 15: rates of 0.2 to 0.5 serve, and above 0.8 training fails; "
    "what is kept is multiplied by 1 / (1 - rate): noise has rate / (1 - rate) times its square"
)
_DROPS, _NEARLY_ALL = 0.85, 0.95
_DROPPING = ("dropout", "alpha_dropout", "gaussian_dropout")


def dropped(measured: "Measurements") -> list[Finding]:
    """Find layers that drop so much that what is left is noise."""
    if not measured.training:
        return []
    rates = {
        layer.name: (rate, layer)
        for layer in measured.once
        if layer.kind in _DROPPING and isinstance(rate := layer.settings.get("rate"), float)
    }
    found = {name: pair for name, pair in rates.items() if pair[0] >= _DROPS}
    if not found:
        return []
    worst = max(found, key=lambda name: found[name][0])
    rate, names = found[worst][0], tuple(found)
    text = (
        f"{named(names)} {'drops' if len(names) == 1 else 'drop'} {rate:.0%} of what comes in, and "
        f"multiplies the rest by {1 / (1 - rate):.3g}: noise has {rate / (1 - rate):.3g} times the "
        "square of the signal."
    )
    advice = advice_of(measured.framework)
    fix = "; ".join(
        advice.dropped.format(name=layer.name, layer=layer.code, value=0.5)
        for _, layer in found.values()
    )
    severity = graded(rate, _DROPS, _NEARLY_ALL) or "warning"
    return [Finding("dropout", severity, names, rate, _DROPS, text, _SRIVASTAVA, fix)]


def linear(measured: "Measurements") -> list[Finding]:
    """Find several layers with nothing but products in them: they are one.

    A hidden layer that is narrower than what is before and behind it is a product of low rank, and
    meant so.
    """
    ending, kernels = measured.ending, measured.kernels
    if ending is None or not ending.whole or len(kernels) < 2:
        return []
    last = measured.layers[ending.last]
    if any(not _is_linear(layer) for layer in measured.layers if layer is not last):
        return []
    if last.pre_activation is not None and "kernel" not in last.weights:
        return []
    shapes = [layer.weights["kernel"].values.shape for layer in kernels]
    ends = shapes[0][0], shapes[-1][-1]
    hidden = kernels[:-1]
    if any(len(shape) != 2 for shape in shapes) or min(la.units for la in hidden) < min(ends):
        return []
    names = tuple(layer.name for layer in hidden)
    text = (
        f"Nothing but products and sums is between the inputs and the outputs: {named(names)} and "
        f"{kernels[-1].name} are one linear layer. An activation was left out."
    )
    advice = advice_of(measured.framework)
    lines = [_activated(layer, advice) for layer in hidden]
    fix = "; ".join(lines[:1] if advice.replaces else lines)
    source = "a product of matrices is a matrix"
    return [Finding("activation", "warning", names, 1.0, len(kernels), text, source, fix)]


def _activated(layer: "LayerReport", advice: "Advice") -> str:
    return advice.activated.format(
        name=layer.name, layer=layer.code, units=layer.units, activation="relu", module="ReLU"
    )


_PASSING = ("dense", "flatten", "dropout", "reshape", "Identity", "identity", "linear")


def _is_linear(layer: "LayerReport") -> bool:
    activated = layer.activation not in ("", "linear")
    return layer.kind in (*_PASSING, "activation") and not activated


def mixed(measured: "Measurements") -> list[Finding]:
    """Find samples that see each other, though no normalization of batches does it.

    The same sample is run twice with another one beside it, as in prediction: what it gives must be
    the same. Where it is not, an axis is taken for another, as by attention that wants steps first.
    """
    if not measured.mixed:
        return []
    name, fix = measured.mixed
    known = (name,) if name in {layer.name for layer in measured.layers} else ()
    text = (
        f"What {name} gives for a sample depends on the other samples of the batch, in prediction "
        "too: an axis is taken for another, such as samples for steps."
    )
    source = "a prediction is of one sample"
    return [Finding("mixed_samples", "severe", known, 1.0, 0.0, text, source, fix)]
