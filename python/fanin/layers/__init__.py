"""Layers, usable in a network and by themselves on NumPy arrays."""

import functools
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fanin._absences import _absent
from fanin._members._registry import Registry
from fanin.layers._activation import ELU, Activation, Identity, LeakyReLU, ReLU, Softmax
from fanin.layers._base import Layer
from fanin.layers._batch_normalization import BatchNormalization
from fanin.layers._dense import Dense
from fanin.layers._dropout import Dropout
from fanin.layers._shape import Flatten, Input, InputLayer

if TYPE_CHECKING:  # what `_LATER` has
    from fanin.layers._embedding import CategoryEncoding, Embedding
    from fanin.layers._lambda import Lambda
    from fanin.layers._merge_functions import (
        add,
        average,
        concatenate,
        dot,
        maximum,
        minimum,
        multiply,
        subtract,
    )
    from fanin.layers._merging import (
        Add,
        Average,
        Concatenate,
        Dot,
        Maximum,
        Minimum,
        Multiply,
        Subtract,
    )
    from fanin.layers._noise import AlphaDropout, GaussianDropout, GaussianNoise
    from fanin.layers._normalizing import (
        GroupNormalization,
        LayerNormalization,
        RMSNormalization,
        UnitNormalization,
    )
    from fanin.layers._penalties import ActivityRegularization
    from fanin.layers._prelu import PReLU
    from fanin.layers._reshape import Permute, RepeatVector, Rescaling, Reshape
    from fanin.layers._standardizing import Normalization

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "CategoryEncoding",
    "Concatenate",
    "Dense",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Subtract",
    "UnitNormalization",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

# What `import fanin` need not pay for.
_LATER = {
    "ActivityRegularization": "fanin.layers._penalties",
    **dict.fromkeys(("AlphaDropout", "GaussianDropout", "GaussianNoise"), "fanin.layers._noise"),
    **dict.fromkeys(
        ("GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"),
        "fanin.layers._normalizing",
    ),
    "Lambda": "fanin.layers._lambda",
    "Normalization": "fanin.layers._standardizing",
    "PReLU": "fanin.layers._prelu",
    **dict.fromkeys(("CategoryEncoding", "Embedding"), "fanin.layers._embedding"),
    **dict.fromkeys(("Permute", "RepeatVector", "Rescaling", "Reshape"), "fanin.layers._reshape"),
    **dict.fromkeys(
        ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"),
        "fanin.layers._merging",
    ),
    **dict.fromkeys(
        ("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"),
        "fanin.layers._merge_functions",
    ),
}


@functools.cache
def _registry() -> Registry[Layer | InputLayer]:
    """Return the layers by name."""
    here = sys.modules[__name__]
    from fanin.layers._operation import Operation

    late = [getattr(here, name) for name in _LATER if name[0].isupper()]
    return Registry(
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
            Identity,
            Flatten,
            *late,
        ),
        {"InputLayer": InputLayer, "input_layer": InputLayer, "Operation": Operation},
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
        ``class_name`` and ``config``; of a class with a `call` of its own also ``parts``, the
        options of layers within that are others than the constructor gives them.

    Raises
    ------
    ValueError
        If what `get_config` of a class with a `call` returns does not make such a layer.

    Examples
    --------
    >>> serialize(Flatten(name="flat"))
    {'class_name': 'Flatten', 'config': {'name': 'flat', 'trainable': True}}
    """
    written = _registry().serialize(layer)
    if isinstance(layer, Layer) and layer._traced:
        from fanin.layers import _inner

        return _inner.described(layer, written)
    return written


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
    layer = _registry().deserialize(config, custom_objects)
    if "parts" in config:
        from fanin.layers import _inner

        _inner.tell_layer(layer, config["parts"])
    return layer


_absent.guard(__name__, _LATER)
