"""Layers of users' own that are a product: known by what they do, as no class says it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fanin import _core
from fanin.frameworks._kinds import TRACED
from fanin.frameworks._trace import Array, LayerTrace

_ENDS: tuple[Mapping[str, Any], ...] = (
    *({"kind": kind} for kind in ("relu", "tanh", "sigmoid", "silu", "softplus")),
    {"kind": "gelu", "approximate": False},
    {"kind": "gelu", "approximate": True},
)
_NAMED = (*TRACED, "embedding", "einsum", "normalization", "function")
"""Kinds that say what a layer does."""
_ROWS = 64
"""Rows that are compared: that so many agree is no chance."""


def recognized(layer: LayerTrace) -> LayerTrace:
    """Return a layer of no known kind as a dense one, if it multiplies by its only matrix.

    What comes out must be inputs times the matrix, or times the transposed one, plus the only
    vector, perhaps activated. Others are returned as they are.
    """
    if layer.kind in _NAMED or layer.activation is not None or layer.outputs.ndim != 2:
        return layer
    matrices = {n: a for n, a in layer.parameters.items() if a.ndim == 2}
    vectors = {n: a for n, a in layer.parameters.items() if a.ndim == 1}
    if len(matrices) != 1 or len(vectors) > 1 or len(layer.inputs) != len(layer.outputs):
        return layer
    if len(matrices) + len(vectors) != len(layer.parameters):
        return layer
    ((name, matrix),), shift = matrices.items(), next(iter(vectors), "")
    sizes = layer.inputs.shape[-1], layer.outputs.shape[-1]
    for turned in (False, True):
        kernel = matrix.T if turned else matrix
        if kernel.shape != sizes or (shift and vectors[shift].shape != sizes[1:]):
            continue
        found = _ended(layer, kernel, vectors[shift] if shift else None)
        if found is not None:
            return _as_dense(layer, name, shift, turned, found)
    return layer


def _ended(layer: LayerTrace, kernel: Array, bias: Array | None) -> Mapping[str, Any] | None:
    """Return the activation behind a product, empty for none; None where it is no such product."""
    z = layer.inputs[:_ROWS] @ kernel
    z = z if bias is None else z + bias
    wanted = layer.outputs[:_ROWS]
    if _close(z, wanted):
        return {}
    if z.dtype not in (np.float32, np.float64):
        return None
    z = np.ascontiguousarray(z)
    return next((end for end in _ENDS if _close(_core.activate(dict(end), z), wanted)), None)


def _close(one: Array, other: Array) -> bool:
    size = float(np.abs(other).max(initial=0.0))
    return size > 0 and bool(np.abs(one - other).max(initial=0.0) <= 1e-4 * size)


def _as_dense(
    layer: LayerTrace, name: str, shift: str, turned: bool, end: Mapping[str, Any]
) -> LayerTrace:
    roles = {"kernel": name} | ({"bias": shift} if shift else {})

    def by_role(arrays: Mapping[str, Array]) -> dict[str, Array]:
        found = {role: arrays[own] for role, own in roles.items() if own in arrays}
        if turned and "kernel" in found:
            found["kernel"] = np.ascontiguousarray(found["kernel"].T)
        return found

    parameters = by_role(layer.parameters)
    z = None
    if end:
        z = layer.inputs @ parameters["kernel"]
        z = z + parameters["bias"] if shift else z
        z = np.ascontiguousarray(z, layer.outputs.dtype)
    listed = list(layer.parameters)
    places = {role: listed.index(own) for role, own in roles.items()}
    back = {own: role for role, own in roles.items()}
    return replace(
        layer,
        kind="dense",
        activation=end or None,
        pre_activation=z,
        parameters=parameters,
        gradients=by_role(layer.gradients),
        frozen=frozenset(back.get(role, role) for role in layer.frozen),
        initializers={
            r: layer.initializers[o] for r, o in roles.items() if o in layer.initializers
        },
        settings={**layer.settings, "kind": "dense", "roles": roles, "places": places},
        note="",
    )
