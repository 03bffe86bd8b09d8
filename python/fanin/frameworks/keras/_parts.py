"""What Keras's attention and recurrent layers hold, and what it multiplies."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from fanin.frameworks._trace import Array, AttentionTrace, RecurrentTrace, matrix
from fanin.frameworks.keras._arrays import measured
from fanin.frameworks.keras._places import every

_RECURRENT = (keras.layers.GRU, keras.layers.LSTM, keras.layers.SimpleRNN)
_UNBOUNDED = ("relu", "linear", "leaky_relu", "elu", "gelu", "silu", "softplus")
_ELEMENTS = 2**20
"""Scores of one attention that are looked at."""


def attentions_of(model: Any, calls: Sequence[Any]) -> Iterator[AttentionTrace]:
    """Go through the attention of a model, by the layers in it that make queries and keys.

    Masks are not looked at: the scores are those of all queries and all keys.

    Parameters
    ----------
    model : keras.Model
        The model.
    calls : sequence of Call
        The calls of its layers in one pass.
    """
    made = {id(call.layer): call for call in calls}
    for place in every(model):
        pair = [getattr(place.layer, f"_{what}_dense", None) for what in ("query", "key")]
        query, key = (made.get(id(layer)) for layer in pair)
        if query is not None and key is not None:
            logarithms = _logarithms(measured(query.outputs), measured(key.outputs))
            if logarithms.shape[-1] > 1:
                yield AttentionTrace((query.name, key.name), logarithms)


def _logarithms(queries: Array, keys: Array) -> Array:
    """Return the logarithms of weights, of arrays of shape (batch, steps, heads, size)."""
    steps, heads, size = queries.shape[1:]
    count = max(1, min(len(queries), _ELEMENTS // max(steps * heads * keys.shape[1], 1)))
    keys = np.repeat(keys[:count], heads // keys.shape[2], axis=2)
    scores = np.einsum("bqhd,bkhd->bhqk", queries[:count], keys) / np.sqrt(size)
    scores -= scores.max(axis=-1, keepdims=True)
    logarithms = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return np.asarray(logarithms.reshape(-1, steps, keys.shape[1]))


def recurrences_of(calls: Sequence[Any]) -> Iterator[RecurrentTrace]:
    """Go through the kernels of recurrent layers, with the states that these returned."""
    for call in calls:
        if not isinstance(call.layer, _RECURRENT):
            continue
        cell = call.layer.cell
        bounded = getattr(cell.activation, "__name__", "") not in _UNBOUNDED
        for role, given in (("recurrent_kernel", call.outputs), ("kernel", call.inputs)):
            kernel = measured(getattr(cell, role))
            states, bias = role == "recurrent_kernel", getattr(cell, "bias", None)
            # With reset_after a GRU has two rows of biases, which are added.
            added = (
                None if bias is None or not states else measured(bias).reshape(-1, kernel.shape[1])
            )
            yield RecurrentTrace(
                layer=call.name,
                role=f"cell.{role}",
                kernel=kernel,
                gates=kernel.shape[1] // cell.units,
                states=states,
                given=matrix(measured(given)),
                bounded=bounded,
                bias=None if added is None else added.sum(axis=0),
                bias_roles=() if added is None else ("cell.bias",),
            )
