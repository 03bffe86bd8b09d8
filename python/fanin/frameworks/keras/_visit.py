"""A pass through a Keras model, layer by layer."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from fanin._checks import numeric
from fanin.errors import ShapeError
from fanin.frameworks._trace import as_matrix
from fanin.frameworks._visit import Visit, Visitor
from fanin.frameworks.keras._arrays import copied, parameter_of
from fanin.frameworks.keras._trace import chain, check_model, linear, takes_training


class KerasPass:
    """A Keras model that is passed through."""

    def __init__(self, model: Any, x: Any) -> None:
        check_model(model)
        self.model, self.inputs = model, numeric("x", x)
        if self.inputs.ndim < 2 or not len(self.inputs):
            raise ShapeError(f"x: expected a batch of samples, found shape {self.inputs.shape}")
        if not model.built:
            model.build((None, *self.inputs.shape[1:]))

    def alone(self) -> AbstractContextManager[object]:
        """Keep nothing away: whose threads these are is not ours to say."""
        return nullcontext()

    def keep(self) -> Any:
        """Copy what may change."""
        return [(v, copied(v)) for v in self.model.variables]

    def restore(self, kept: Any) -> None:
        """Put it back."""
        for variable, was in kept:
            variable.assign(was)

    def __call__(self, visit: Visitor) -> None:
        """Pass the batch through once."""
        values = self.inputs.astype(self.model.compute_dtype, copy=False)
        state = [(v, copied(v)) for v in self.model.variables]
        trained = {id(v) for v in self.model.trainable_variables}
        for layer in chain(self.model, values):
            values = _run(layer, values, visit)
        # Running averages and the like are not what this is about.
        self.restore([(v, was) for v, was in state if id(v) not in trained])


def _run(layer: Any, x: Any, visit: Visitor) -> Any:
    options = {"training": True} if takes_training(layer) else {}
    variable, bias = getattr(layer, "kernel", None), getattr(layer, "bias", None)
    if variable is None:
        return copied(layer(x, **options))
    if not isinstance(variable, keras.Variable):
        # What is written into a result is lost when it is computed again.
        raise TypeError(
            f"model: expected layers whose kernels are variables, found {layer.name}, whose kernel "
            "is computed"
        )
    with linear(layer):
        outputs = copied(layer(x, **options))
    factor, shift = visit(Visit(layer.name, as_matrix(outputs), bias is not None))
    kernel = parameter_of(layer, variable)
    if factor.ndim and outputs.shape[-1] != kernel.units:
        raise TypeError(
            "model: expected kernels with an axis of units, which is the last of the outputs, "
            f"found {layer.name} with another"
        )
    kernel.write(kernel.read() * kernel.by_unit(factor.astype(outputs.dtype)))
    if bias is not None:
        held = parameter_of(layer, bias)
        held.write(((held.read() - shift) * factor).astype(outputs.dtype))
    outputs = ((outputs - shift) * factor).astype(outputs.dtype)
    activation = getattr(layer, "activation", None)
    if activation is None:
        return outputs
    return copied(activation(keras.ops.convert_to_tensor(outputs)))
