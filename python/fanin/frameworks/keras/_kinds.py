"""What each layer of Keras is, in the vocabulary of all frameworks."""

from typing import Any

import keras  # type: ignore[import-not-found,unused-ignore]

from fanin.frameworks._kinds import Kinds

_layers = keras.layers
_TRANSPOSED = (_layers.Conv1DTranspose, _layers.Conv2DTranspose, _layers.Conv3DTranspose)
_DEPTHWISE = (_layers.DepthwiseConv1D, _layers.DepthwiseConv2D)
_SEPARABLE = (_layers.SeparableConv1D, _layers.SeparableConv2D)
_MERGING = (
    *(_layers.Add, _layers.Subtract, _layers.Multiply, _layers.Average, _layers.Maximum),
    *(_layers.Minimum, _layers.Concatenate, _layers.Dot),
)
KINDS = Kinds(
    "keras.",
    (_layers.Dense, "dense"),
    (_layers.EinsumDense, "einsum"),
    (_TRANSPOSED, "transposed_convolution"),
    ((_layers.Conv1D, _layers.Conv2D, _layers.Conv3D, *_DEPTHWISE, *_SEPARABLE), "convolution"),
    (_layers.Embedding, "embedding"),
    (_layers.BatchNormalization, "batch_normalization"),
    (
        (_layers.LayerNormalization, _layers.GroupNormalization, _layers.RMSNormalization),
        "normalization",
    ),
    (
        (_layers.Activation, _layers.ReLU, _layers.LeakyReLU, _layers.ELU, _layers.Softmax),
        "activation",
    ),
    (_layers.Dropout, "dropout"),
    (_layers.Flatten, "flatten"),
    (_MERGING, "function"),
)


def is_depthwise(layer: Any) -> bool:
    """Whether each input has filters of its own."""
    return isinstance(layer, _DEPTHWISE)


def units_last(layer: Any) -> bool | None:
    """Return whether a layer has its units on the last axis, not on the second.

    None for one that may have them anywhere, such as an activation: where the one before had them.
    """
    if getattr(layer, "data_format", None) == "channels_first":
        return False
    kind = KINDS.of(layer)
    if kind in ("batch_normalization", "normalization"):
        axis = getattr(layer, "axis", -1)
        return axis not in (1, [1], (1,))
    known = kind in ("dense", "einsum", "embedding") or kind.endswith("convolution")
    return True if known or isinstance(layer, _layers.RNN) else None


def unit_axes(layer: Any) -> tuple[int, int]:
    """Return on how many axes, the last ones, the units of inputs and of outputs are."""
    if KINDS.of(layer) != "einsum":
        return 1, 1
    operands, outputs = layer.equation.replace(" ", "").split("->")
    inputs, kernel = operands.split(",")
    return _last(inputs, set(kernel) - set(outputs)), _last(outputs, set(kernel) - set(inputs))


def _last(letters: str, own: set[str]) -> int:
    """Return how many of the last letters are among others; one at least."""
    return max(1, len(letters) - len(letters.rstrip("".join(own))))
