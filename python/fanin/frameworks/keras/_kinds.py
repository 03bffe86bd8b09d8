"""What each layer of Keras is, in the vocabulary of all frameworks."""

from typing import Any

import keras  # type: ignore[import-not-found,unused-ignore]

from fanin.frameworks._kinds import Kinds

_layers = keras.layers
_TRANSPOSED = (_layers.Conv1DTranspose, _layers.Conv2DTranspose, _layers.Conv3DTranspose)
_DEPTHWISE = (_layers.DepthwiseConv1D, _layers.DepthwiseConv2D)
_SEPARABLE = (_layers.SeparableConv1D, _layers.SeparableConv2D)
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
)


def is_depthwise(layer: Any) -> bool:
    """Whether each input has filters of its own."""
    return isinstance(layer, _DEPTHWISE)
