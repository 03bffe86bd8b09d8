"""Layers, usable in a network and by themselves on NumPy arrays."""

from collections.abc import Mapping

from fanin._absences import _absent
from fanin._members._registry import Registry
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

_REGISTRY: Registry[Layer | InputLayer] = Registry(
    "layer",
    (Layer, InputLayer),
    (
        Dense,
        BatchNormalization,
        Dropout,
        Activation,
        ReLU,
        LeakyReLU,
        ELU,
        Softmax,
        Flatten,
    ),
    {"InputLayer": InputLayer, "input_layer": InputLayer},
)


def serialize(layer: Layer | InputLayer) -> dict[str, object]:
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
    return _REGISTRY.serialize(layer)


def deserialize(
    config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> Layer | InputLayer:
    """Read what `serialize` wrote.

    Parameters
    ----------
    config : dict
        ``class_name`` and ``config``.
    custom_objects : mapping of str to type, optional
        Further classes by name: subclasses of layers, and initializers.

    Returns
    -------
    Layer or InputLayer
        The layer, not built.

    Examples
    --------
    >>> deserialize(serialize(Dense(3, name="out"))).name
    'out'
    """
    return _REGISTRY.deserialize(config, custom_objects)


_absent.guard(__name__)
