"""Lines of code that put things right, in the words of the network's framework."""

import functools
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fanin.diagnosis.findings._places import behind
from fanin.frameworks._open import advice_of
from fanin.initializers._suitability import RECTIFIERS, SUITABLE

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements


def initializer_for(activation: str) -> str:
    """Return code of an initializer that suits an activation."""
    known = SUITABLE.get(activation or "linear")
    if known is not None:
        return f'"{known[-1]}"'
    return f'fanin.initializers.VarianceScaling.for_activation("{activation}")'


def dense_with(layer: "LayerReport", framework: str, activation: str | None = None) -> str:
    """Return code of a layer like this one, with an initializer that suits its activation."""
    advice = advice_of(framework)
    activation = layer.activation if activation is None else activation
    if not trainable_when_deep(activation):
        named = advice.activation(activation)
        return advice.normalized.format(at=advice.at, units=layer.units, activation=named)
    initializer = initializer_for(activation)
    return advice.dense.format(units=layer.units, ended=_ended(layer), initializer=initializer)


def _ended(layer: "LayerReport") -> str:
    """Return how code of a layer goes on that ends with an activation."""
    return f', activation="{layer.activation}"' if layer.activation else ""


def redrawn(names: tuple[str, ...], measured: "Measurements") -> str:
    """Return code that draws the layers of these names again, as suits the activation behind them.

    An activation that is a module of its own is the one of the layer before it. Where all hidden
    layers are named, so is the model.
    """
    drawn = (_drawn_for(measured[name], measured) for name in names)
    advice = advice_of(measured.framework)
    lines = []
    layers = list({layer.index: layer for layer in drawn if layer is not None}.values())
    if len(layers) > 1 and len(layers) >= len(measured.kernels) - 1:
        return dense_with(layers[0], measured.framework, activation_behind(layers[0], measured))
    for layer in layers:
        activation = activation_behind(layer, measured)
        if layer.kind == "batch_normalization" and advice.replaces:
            return f"{advice.at}BatchNormalization()"
        if layer.kind.endswith("normalization") and "gamma" in layer.weights:
            lines.append(filled(layer, "gamma", 1.0, measured.framework))
            continue
        lines.append(
            advice.redrawn.format(
                name=layer.name,
                layer=layer.code,
                units=layer.units,
                ended=_ended(layer),
                initializer=_trainable(activation, len(measured.hidden)),
            )
        )
    # Of layers that are written anew one stands for all: others have their own width.
    return "; ".join(lines[:1] if advice.replaces else lines)


def _drawn_for(layer: "LayerReport", measured: "Measurements") -> "LayerReport | None":
    """Return the layer with weights that makes what a layer gets: itself, or one before it."""
    while not layer.weights:
        given = measured.given(layer)
        if not given:
            return None
        layer = given[0]
    return layer


def activation_behind(layer: "LayerReport", measured: "Measurements") -> str:
    """Return the activation that ends a layer, be it its own or that of a layer behind it."""
    found = (after.activation for after in (layer, *behind(measured, layer)))
    return next(filter(None, found), "")


def _trainable(activation: str, depth: int) -> str:
    """Return an initializer; Glorot's for a few layers of what is hard to train when deep."""
    if depth <= _SHALLOW and not trainable_when_deep(activation):
        return '"glorot_uniform"'
    return initializer_for(activation)


_SHALLOW = 4
"""Hidden layers that Glorot's weights serve whatever the activation."""


def widened(
    layer: "LayerReport", after: "LayerReport", units: int, measured: "Measurements"
) -> str:
    """Return code of a layer like this one with more units, and of the one that reads it."""
    initializer = _trainable(activation_behind(layer, measured), len(measured.hidden))
    kernels = layer.weights["kernel"].values, after.weights["kernel"].values
    return advice_of(measured.framework).widened.format(
        name=layer.name,
        behind=after.name,
        units=units,
        inputs=kernels[0].shape[0],
        outputs=kernels[1].shape[-1],
        ended=_ended(layer),
        initializer=initializer,
    )


def finite_inputs(measured: "Measurements") -> str:
    """Return code that puts zeros, the mean of inputs that are centred, for NaN and infinity."""
    line = advice_of(measured.framework).finite_inputs
    wrong = [one.code for one in measured.sources if one.signal.first_non_finite is not None]
    return "; ".join(re.sub(r"\bx\b", code, line) for code in wrong) if wrong else line


def smaller_outputs(measured: "Measurements") -> str:
    """Return code that brings the last layer's outputs to a root mean square of about 0.1."""
    layer = max(measured.ends, key=lambda end: end.signal.rms, default=measured.layers[-1])
    before = measured.coming(layer)
    factor = 0.1 / max(layer.signal.rms, 0.1)
    size = before.second_moment
    scale = 0.01 / size if math.isfinite(size) and size > 1 else 0.01
    return advice_of(measured.framework).smaller.format(
        name=layer.name,
        layer=layer.code,
        units=layer.units,
        ended=_ended(layer),
        factor=f"{factor:.1g}",
        scale=f"{scale:.1g}",
    )


def recalibration(framework: str) -> str:
    """Return code that sets running averages to the statistics of the data."""
    return advice_of(framework).recalibrated


@functools.cache
def trainable_when_deep(activation: str) -> bool:
    """Return whether weights that keep the size of signals let gradients and differences pass.

    They do not where an activation is far from odd, such as sigmoid: its mean takes all the room.
    """
    from fanin import theory

    if (activation or "linear") in SUITABLE:
        return True
    return theory.mean_field(activation, theory.gain(activation) ** 2).chi > 0.8


def bare(layer: "LayerReport", measured: "Measurements", dead: bool = False) -> str:
    """Return code that takes the activation away that ends the network.

    Parameters
    ----------
    layer : LayerReport
        What ends it.
    measured : Measurements
        The network.
    dead : bool
        Whether the weights before it are to be drawn again, as they gave nothing above zero.
    """
    advice, alone = advice_of(measured.framework), "kernel" not in layer.weights
    if "(" in layer.name:
        return ""  # called as a function: no line reaches it
    parent, _, own = layer.name.rpartition(".")
    code = (advice.bare_alone if alone else advice.bare).format(
        name=layer.name, layer=layer.code, parent=parent, own=own, units=layer.units
    )
    if dead and not advice.replaces:
        code = "; ".join(filter(None, (redrawn((layer.name,), measured), code)))
    return code


def rectified(layer: "LayerReport", measured: "Measurements") -> str:
    """Return code that puts a rectifier in the place of an activation that a layer ends with."""
    advice, alone = advice_of(measured.framework), "kernel" not in layer.weights
    if "(" in layer.name:
        return ""  # called as a function: no line reaches it
    parent, _, own = layer.name.rpartition(".")
    code = advice.rectified_alone if alone else advice.rectified
    return code.format(name=layer.name, layer=layer.code, parent=parent, own=own, units=layer.units)


def sigmoid_for(layer: "LayerReport", measured: "Measurements") -> str:
    """Return code that puts a sigmoid in the place of the activation that ends the network."""
    advice, alone = advice_of(measured.framework), "kernel" not in layer.weights
    if "(" in layer.name:
        return ""  # called as a function: no line reaches it
    parent, _, own = layer.name.rpartition(".")
    code = advice.sigmoid_alone if alone else advice.sigmoid
    return code.format(name=layer.name, layer=layer.code, parent=parent, own=own, units=layer.units)


def over_classes(layer: "LayerReport", measured: "Measurements") -> str:
    """Return code that puts a softmax over classes in the place of one over samples."""
    advice = advice_of(measured.framework)
    if "(" in layer.name or not advice.over_classes:
        return ""
    parent, _, own = layer.name.rpartition(".")
    return advice.over_classes.format(parent=parent, own=own)


def loss_of(layer: "LayerReport", measured: "Measurements", looks: str) -> str:
    """Return code of a loss of the same task that takes what the outputs look like."""
    ending = measured.ending
    if ending is None:
        return ""
    return advice_of(measured.framework).loss(measured.loss, ending.task, looks)


def multiplied(layer: "LayerReport", role: str, factor: float, framework: str) -> str:
    """Return code that multiplies an array of a layer."""
    advice = advice_of(framework)
    own = _own_name(layer, role, framework)
    if layer.settings.get("computed"):  # of other arrays, which an assignment reaches
        return (
            f'layer = model.get_submodule("{layer.name}"); layer.{own} = {factor:.2g} * layer.{own}'
        )
    return advice.multiplied.format(
        name=layer.name, layer=layer.code, role=own, factor=f"{factor:.2g}"
    )


def filled(layer: "LayerReport", role: str, value: float, framework: str) -> str:
    """Return code that sets an array of a layer to one value."""
    advice = advice_of(framework)
    own = _own_name(layer, role, framework)
    return advice.filled.format(name=layer.name, layer=layer.code, role=own, value=f"{value:g}")


def _own_name(layer: "LayerReport", role: str, framework: str) -> str:
    """Return what an array is called in its framework, or in a layer of a user's own."""
    roles = layer.settings.get("roles")
    if not isinstance(roles, Mapping) or roles.get(role, role) == role:
        return advice_of(framework).roles.get(role, role)
    if framework == "fanin":
        return f'arrays["{roles[role]}"]'
    places = layer.settings.get("places")
    if framework == "keras" and isinstance(places, Mapping):
        return f"weights[{places[role]}]"
    return str(roles[role])


def suitable_gain(activation: str) -> float:
    """Return the root of fan_in Var[w] that suits an activation: √2 for ReLU, 1 for most others."""
    return math.sqrt(2.0) if activation in RECTIFIERS else 1.0
