"""The arrays of a Keras model. Imported only where there is such a model.

This file says how Keras lays things out: kernels as we do, but for those of depthwise convolutions,
which are ``(spatial..., inputs, multiplier)``.
"""

from typing import Any

import keras  # type: ignore[import-not-found,unused-ignore]
import numpy as np

from fanin.frameworks._arrays import Array, Model, Parameter, Row, in_our_order
from fanin.frameworks.keras._kinds import KINDS, is_depthwise
from fanin.frameworks.keras._places import every
from fanin.initializers._fans import FanOptions


def open_keras(model: Any) -> Model:
    """See the variables of a built model, whatever the backend."""
    if not model.built:
        raise ValueError(
            f"model: expected one that is built, found {model.name!r}, which is not built; give it "
            "an Input, call build, or run a batch through it"
        )
    row = Row()
    seen: set[int] = set()
    for path, layer, _ in every(model):
        found = []
        for variable in (*layer._trainable_variables, *layer._non_trainable_variables):
            if id(variable) not in seen:
                seen.add(id(variable))
                found.append(parameter_of(layer, variable, path))
        row.add(KINDS.of(layer), path, found, layer)
    return Model(layers=row.layers, result=lambda: model)


def parameter_of(layer: Any, variable: Any, path: str = "") -> Parameter:
    """Return one variable of a layer, which stands at `path`, as a parameter."""
    shape = tuple(variable.shape)
    role = variable.name
    if isinstance(layer, keras.layers.RMSNormalization) and role == "scale":
        role = "gamma"
    ours, fans = _weights(layer, role, shape)
    return in_our_order(
        role=role,
        name=f"{path}.{variable.name}" if path else variable.name,
        shape=shape,
        dtype=variable.dtype,
        get=lambda: _read(variable),
        put=variable.assign,
        ours=ours,
        fans=fans,
    )


def _weights(
    layer: Any, role: str, shape: tuple[int, ...]
) -> tuple[tuple[int, ...] | None, FanOptions]:
    """Return our shape of an array, if it is another one, and how its fans are counted."""
    if role == "embeddings":
        # A lookup is a product with one input that is 1: the others do not add up.
        return None, FanOptions(fan_in=1.0, fan_out=float(shape[1]))
    if role == "depthwise_kernel" or (role == "kernel" and is_depthwise(layer)):
        # (spatial..., inputs, multiplier): as many groups as inputs, of one input each.
        *spatial, inputs, multiplier = shape
        return (*spatial, 1, inputs * multiplier), FanOptions(groups=inputs)
    if role != "kernel":
        return None, FanOptions()
    kind = KINDS.of(layer)
    if kind == "einsum":
        return None, _einsum_fans(layer.equation)
    if kind == "transposed_convolution":
        return None, FanOptions(transposed=True)
    if kind == "convolution":
        return None, FanOptions(groups=layer.groups)
    return None, FanOptions()


def _einsum_fans(equation: str) -> FanOptions:
    """Tell the kernel's axes by whether its letters are those of inputs, of outputs, or of both."""
    operands, outputs = equation.replace(" ", "").replace("...", "").split("->")
    inputs, kernel = operands.split(",")
    return FanOptions(
        in_axis=[i for i, c in enumerate(kernel) if c in inputs and c not in outputs],
        out_axis=[i for i, c in enumerate(kernel) if c in outputs and c not in inputs],
        batch_axis=[i for i, c in enumerate(kernel) if c in inputs and c in outputs],
    )


def _read(variable: Any) -> Array:
    if keras.backend.backend() == "torch":
        from fanin.frameworks.torch._arrays import read

        return read(variable.value)
    array: Array = np.asarray(keras.ops.convert_to_numpy(variable.value))
    return array


def copied(value: Any) -> Array:
    """Return the values of a variable or a tensor in memory of their own."""
    return np.array(keras.ops.convert_to_numpy(value))


def measured(tensor: Any) -> Array:
    """Return the values as the core measures them: in float32, unless they are in float64."""
    array: Array = np.asarray(keras.ops.convert_to_numpy(tensor))
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)
