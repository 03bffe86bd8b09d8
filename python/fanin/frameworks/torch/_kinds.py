"""What each module of torch is, in the vocabulary of all frameworks."""

from collections.abc import Callable
from typing import Any

import torch  # type: ignore[import-not-found,unused-ignore]
import torch.nn.utils.parametrize  # type: ignore[import-not-found,unused-ignore]

from fanin.frameworks._kinds import TRACED, Kinds

_nn = torch.nn
_ACTIVATIONS: dict[Any, Callable[[Any], dict[str, Any]]] = {
    _nn.ReLU: lambda m: {"kind": "relu"},
    _nn.LeakyReLU: lambda m: {"kind": "leaky_relu", "negative_slope": float(m.negative_slope)},
    _nn.ELU: lambda m: {"kind": "elu", "alpha": float(m.alpha)},
    _nn.SELU: lambda m: {"kind": "selu"},
    _nn.GELU: lambda m: {"kind": "gelu", "approximate": m.approximate == "tanh"},
    _nn.SiLU: lambda m: {"kind": "silu"},
    _nn.Sigmoid: lambda m: {"kind": "sigmoid"},
    _nn.Tanh: lambda m: {"kind": "tanh"},
    _nn.Softsign: lambda m: {"kind": "softsign"},
    _nn.Softplus: lambda m: {"kind": "softplus"},
    _nn.Softmax: lambda m: {"kind": "softmax"},
}
_OF_CHANNELS = (_nn.modules.batchnorm._NormBase, _nn.GroupNorm)
_OF_SHAPES = (_nn.LayerNorm, *([_nn.RMSNorm] if hasattr(_nn, "RMSNorm") else []))  # torch 2.4
KINDS = Kinds(
    "torch.nn.modules.",
    (_nn.Linear, "dense"),
    # Before the convolutions, of which it is one.
    (_nn.modules.conv._ConvTransposeNd, "transposed_convolution"),
    (_nn.modules.conv._ConvNd, "convolution"),
    ((_nn.Embedding, _nn.EmbeddingBag), "embedding"),
    # Before the normalizations, of which it is one.
    (_nn.modules.batchnorm._BatchNorm, "batch_normalization"),
    ((*_OF_CHANNELS, *_OF_SHAPES), "normalization"),
    (_nn.MultiheadAttention, "attention"),
    ((_nn.RNNBase, _nn.RNNCellBase), "recurrent"),
    (tuple(_ACTIVATIONS), "activation"),
    (_nn.Dropout, "dropout"),
    (_nn.Flatten, "flatten"),
)


def traced(module: Any) -> tuple[str, str]:
    """Return kind and note of a module; of one with a parametrization those of its class."""
    if _nn.utils.parametrize.is_parametrized(module):
        kind = KINDS.of(module)
        if kind in TRACED and type(module).__bases__[0].__module__.startswith("torch.nn.modules."):
            return kind, ""
    return KINDS.traced(module)


def layers_of(model: Any) -> list[tuple[str, Any]]:
    """Return the modules that are looked at, by their paths: those without others inside.

    What makes weights of others, as weight_norm does, is no layer, and no reason to look inside.
    """
    return [
        (name, module)
        for name, module in model.named_modules()
        if "parametrizations" not in name.split(".")
        and (KINDS.of(module) == "attention" or _stands_alone(module))
    ]


def _stands_alone(module: Any) -> bool:
    return all(name == "parametrizations" for name, _ in module.named_children())


def activation_of(module: Any) -> dict[str, Any] | None:
    """Return the activation that a module is, as the core knows it; None if it is none."""
    settings = _ACTIVATIONS.get(type(module))
    return None if settings is None else settings(module)


def units_last(module: Any) -> bool | None:
    """Return whether a module has its units on the last axis, not on the second, as of images.

    None for one that may have them anywhere, such as an activation: where the one before had them.
    """
    kind = KINDS.of(module)
    if kind in ("dense", "embedding", "attention", "recurrent"):
        return True
    return False if kind.endswith("convolution") or isinstance(module, _OF_CHANNELS) else None
