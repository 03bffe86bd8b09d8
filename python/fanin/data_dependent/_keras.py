"""A pass through a Keras model, layer by layer."""

from typing import Any

import keras
import numpy as np

from fanin._checks import numeric
from fanin.data_dependent._models import Visit, Visitor
from fanin.diagnosis._keras import chain, linear, takes_training
from fanin.diagnosis._signals import as_matrix
from fanin.errors import ShapeError


class KerasRun:
    """A Keras model that is passed through."""

    def __init__(self, model: Any, x: Any) -> None:
        self.model, self.inputs = model, numeric("x", x)
        if self.inputs.ndim < 2 or not len(self.inputs):
            raise ShapeError(f"x: expected a batch of samples, found shape {self.inputs.shape}")
        if not model.built:
            model.build((None, *self.inputs.shape[1:]))

    def keep(self) -> Any:
        """Copy what may change."""
        return [(v, np.array(keras.ops.convert_to_numpy(v))) for v in self.model.variables]

    def restore(self, kept: Any) -> None:
        """Put it back."""
        for variable, was in kept:
            variable.assign(was)

    def __call__(self, visit: Visitor) -> None:
        """Pass the batch through once."""
        values = self.inputs.astype(self.model.compute_dtype, copy=False)
        state = [(v, np.array(keras.ops.convert_to_numpy(v))) for v in self.model.variables]
        trained = {id(v) for v in self.model.trainable_variables}
        for layer in chain(self.model, values):
            values = _run(layer, values, visit)
        # Running averages and the like are not what this is about.
        self.restore([(v, was) for v, was in state if id(v) not in trained])


def _run(layer: Any, x: Any, visit: Visitor) -> Any:
    options = {"training": True} if takes_training(layer) else {}
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return np.array(keras.ops.convert_to_numpy(layer(x, **options)))
    if not isinstance(kernel, keras.Variable):
        # What is written into a result is lost when it is computed again.
        raise TypeError(
            f"model: expected layers whose kernels are variables, found {layer.name}, whose kernel "
            "is computed"
        )
    with linear(layer):
        outputs = np.array(keras.ops.convert_to_numpy(layer(x, **options)))
    bias = getattr(layer, "bias", None)
    factor, shift = visit(Visit(layer.name, as_matrix(outputs), bias is not None))
    if outputs.shape[-1] != kernel.shape[-1] and factor.ndim:
        raise TypeError(
            f"model: expected kernels whose last axis is the units, found {layer.name} with another"
        )
    kernel.assign(keras.ops.convert_to_numpy(kernel) * factor.astype(outputs.dtype))
    if bias is not None:
        bias.assign(((keras.ops.convert_to_numpy(bias) - shift) * factor).astype(outputs.dtype))
    outputs = ((outputs - shift) * factor).astype(outputs.dtype)
    activation = getattr(layer, "activation", None)
    if activation is None:
        return outputs
    return np.array(keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(outputs))))
