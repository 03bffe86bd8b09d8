"""Lines of code that put things right, in the words of the network's framework."""

import functools
import math
from typing import TYPE_CHECKING

from fanin.frameworks._open import advice_of
from fanin.initializers._suitability import SUITABLE

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._measurements import Measurements


def initializer_for(activation: str) -> str:
    """Return code of an initializer that suits an activation."""
    known = SUITABLE.get(activation or "linear")
    if known is not None:
        return f'"{known[-1]}"'
    return f'fanin.initializers.VarianceScaling.for_activation("{activation}")'


def dense_with(layer: "LayerReport", framework: str) -> str:
    """Return code of a layer like this one, with an initializer that suits it."""
    advice, activation = advice_of(framework), layer.activation
    if not trainable_when_deep(activation):
        named = advice.activation(activation)
        return advice.normalized.format(at=advice.at, units=layer.units, activation=named)
    initializer = initializer_for(activation)
    return advice.dense.format(units=layer.units, ended=_ended(layer), initializer=initializer)


def _ended(layer: "LayerReport") -> str:
    """Return how code of a layer goes on that ends with an activation."""
    return f', activation="{layer.activation}"' if layer.activation else ""


def leaky(layer: "LayerReport", framework: str) -> str:
    """Return code of a layer like this one whose units cannot die."""
    advice = advice_of(framework)
    return advice.leaky.format(at=advice.at, units=layer.units)


def smaller_outputs(measured: "Measurements") -> str:
    """Return code that brings the last layer's outputs to a root mean square of about 0.1."""
    layer = measured.kernels[-1] if measured.kernels else measured.layers[-1]
    before = measured.layers[layer.index - 1].output if layer.index else measured.inputs
    factor = 0.1 / max(layer.signal.rms, 0.1)
    size = before.second_moment
    scale = 0.01 / size if math.isfinite(size) and size > 1 else 0.01
    return advice_of(measured.framework).smaller.format(
        name=layer.name,
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


def multiplied(layer: "LayerReport", role: str, factor: float, framework: str) -> str:
    """Return code that multiplies an array of a layer."""
    advice = advice_of(framework)
    own = advice.roles.get(role, role)
    return advice.multiplied.format(name=layer.name, role=own, factor=f"{factor:.2g}")


def filled(layer: "LayerReport", role: str, value: float, framework: str) -> str:
    """Return code that sets an array of a layer to one value."""
    advice = advice_of(framework)
    own = advice.roles.get(role, role)
    return advice.filled.format(name=layer.name, role=own, value=f"{value:g}")


def suitable_gain(activation: str) -> float:
    """Return the root of fan_in Var[w] that suits an activation: √2 for ReLU, 1 for most others."""
    rectifies = activation in ("relu", "leaky_relu", "elu", "gelu", "silu")
    return math.sqrt(2.0) if rectifies else 1.0
