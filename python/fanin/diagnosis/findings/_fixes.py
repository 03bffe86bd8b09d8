"""Lines of code that put things right."""

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
    act = f', activation="{layer.activation}"' if layer.activation else ""
    return f"Dense({layer.units}{act}, kernel_initializer={initializer_for(layer.activation)})"
