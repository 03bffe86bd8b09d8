"""Layers, usable in a network and by themselves on NumPy arrays."""

from collections.abc import Mapping
from typing import Any

from fanin import _absent
from fanin._registry import Registry
from fanin._registry import serialize as _serialize
from fanin.layers._activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from fanin.layers._base import Layer
from fanin.layers._batch_normalization import BatchNormalization
from fanin.layers._dense import Dense
from fanin.layers._dropout import Dropout
from fanin.layers._shape import Flatten, Input, InputLayer

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Softmax",
    "deserialize",
    "serialize",
]

_REGISTRY: Registry[Layer] = Registry(
    "layer",
    Layer,
    (Dense, BatchNormalization, Dropout, Activation, ReLU, LeakyReLU, ELU, Softmax, Flatten),
)


def serialize(layer: Layer | InputLayer) -> dict[str, Any]:
    """Write a layer down, without its arrays.

    Parameters
    ----------
    layer : Layer
        The layer.

    Returns
    -------
    dict
        ``class_name`` and ``config``.

    Examples
    --------
    >>> serialize(Flatten(name="flat"))
    {'class_name': 'Flatten', 'config': {'name': 'flat', 'trainable': True}}
    """
    return _serialize(layer)


def deserialize(config: Mapping[str, Any]) -> Any:
    """Read what `serialize` wrote.

    Parameters
    ----------
    config : dict
        ``class_name`` and ``config``.

    Returns
    -------
    Layer or InputLayer
        The layer, not built.
    """
    if isinstance(config, Mapping) and config.get("class_name") == "InputLayer":
        return InputLayer.from_config(dict(config["config"]))
    return _REGISTRY.deserialize(config)


_absent.guard(__name__)
