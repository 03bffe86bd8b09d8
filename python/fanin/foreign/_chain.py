"""The layers of our own networks."""

from typing import Any

import numpy as np

from fanin._chain import Chain
from fanin.foreign._base import Array, Model, Parameter, Row, in_our_order

_KINDS = {"Dense": "dense", "BatchNormalization": "normalization"}


def opened_chain(model: Chain) -> Model:
    """See the arrays of a built network."""
    model.ready()
    row = Row()
    for layer in model.layers:
        found = [_parameter(layer.name, role, view) for role, view in layer.arrays.items()]
        row.add(_KINDS.get(type(layer).__name__, "other"), layer.name, found, layer)
    return Model(framework="fanin", layers=row.layers, result=lambda: model)


def _parameter(layer: str, role: str, view: Array) -> Parameter:
    def put(values: Any) -> None:
        np.copyto(view, values, casting="same_kind")

    return in_our_order(
        role=role,
        name=f"{layer}.{role}",
        shape=view.shape,
        dtype=view.dtype.name,
        get=lambda: view,
        put=put,
    )
