"""Lines of code that put things right."""

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport

_NAMED = {
    "relu": "he_normal",
    "selu": "lecun_normal",
    "tanh": "glorot_normal",
    "linear": "lecun_normal",
    "": "lecun_normal",
    "softmax": "glorot_uniform",
}


def initializer_for(activation: str) -> str:
    """Return code of an initializer that suits an activation."""
    if activation in _NAMED:
        return f'"{_NAMED[activation]}"'
    return f'fanin.initializers.VarianceScaling.for_activation("{activation}")'


def dense_with(layer: "LayerReport") -> str:
    """Return code of a Dense layer like this one, with an initializer that suits it."""
    if not trainable_when_deep(layer.activation):
        return (
            f"[Dense({layer.units}, use_bias=False), BatchNormalization(), "
            f'Activation("{layer.activation}")]'
        )
    act = f', activation="{layer.activation}"' if layer.activation else ""
    return f"Dense({layer.units}{act}, kernel_initializer={initializer_for(layer.activation)})"


@functools.cache
def trainable_when_deep(activation: str) -> bool:
    """Return whether weights that keep the size of signals let gradients and differences pass.

    They do not where an activation is far from odd, such as sigmoid: its mean takes all the room.
    """
    from fanin import theory

    if activation in _NAMED:
        return True
    return theory.mean_field(activation, theory.gain(activation) ** 2).chi > 0.8
