"""A pass through a Keras model that rescales its layers as they run."""

from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import keras
import numpy as np

from fanin.frameworks._trace import as_matrix
from fanin.frameworks._visit import Visit, Visitor
from fanin.frameworks.keras._arrays import copied, parameter_of
from fanin.frameworks.keras._batch import batch_of, build
from fanin.frameworks.keras._calls import around_calls, call_in_two, run, undisturbed
from fanin.frameworks.keras._kinds import unit_axes, units_last
from fanin.frameworks.keras._places import Place, every, leaves, step_of


class KerasPass:
    """A Keras model that is passed through."""

    def __init__(self, model: Any, x: Any) -> None:
        self.model, self._batch = model, batch_of(model, x)
        build(model, self._batch)

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
        seen: set[int] = set()
        written: list[Any] = []
        computed = _computed(self.model)

        def around(place: Place, call: Any, *args: Any, **kwargs: Any) -> Any:
            layer, changed = step_of(place.layer), list[Any]()
            if getattr(layer, "kernel", None) is None or id(layer) in seen:
                # One that runs again keeps what its first run made of it.
                return call(*args, **kwargs)
            seen.add(id(layer))

            def rescale(outputs: Any) -> Any:
                changed.append(_rescaled(place.name, layer, outputs, visit, written, computed))
                return changed[-1]

            outputs, _ = call_in_two(place.layer, call, args, kwargs, rescale)
            return outputs if changed else rescale(outputs)

        inputs = keras.tree.map_structure(keras.ops.convert_to_tensor, self._batch.inputs)
        # Running averages and the like are not what this is about.
        with ExitStack() as stack:
            stack.enter_context(undisturbed(self.model, but=written))
            stack.enter_context(_without_gradients())
            stack.enter_context(around_calls(leaves(self.model), around))
            run(self.model, inputs, training=True)


def _computed(model: Any) -> set[int]:
    """Return the layers whose kernels are made again in each call."""
    normalized = keras.layers.SpectralNormalization
    return {id(p.layer.layer) for p in every(model) if isinstance(p.layer, normalized)}


def _rescaled(
    name: str, layer: Any, outputs: Any, visit: Visitor, written: list[Any], computed: set[int]
) -> Any:
    """Change a layer as `visit` says, and with it what it computes before the activation."""
    variable, bias = layer.kernel, getattr(layer, "bias", None)
    if not isinstance(variable, keras.Variable) or id(layer) in computed:
        # What is written into a result is lost when it is computed again.
        raise TypeError(
            f"model: expected layers whose kernels are variables, found {name}, whose kernel "
            "is computed"
        )
    array = copied(outputs)
    last = units_last(layer) is not False or array.ndim < 3
    turned = array if last else np.moveaxis(array, 1, -1)
    by_unit = turned.reshape(*turned.shape[: -unit_axes(layer)[1]], -1)
    factor, shift = visit(Visit(name, as_matrix(by_unit), bias is not None))
    kernel = parameter_of(layer, variable)
    if factor.ndim and by_unit.shape[-1] != kernel.units:
        raise TypeError(
            "model: expected kernels with an axis of units, which is that of the outputs, "
            f"found {name} with another"
        )
    dtype = by_unit.dtype
    kernel.write(kernel.read() * kernel.by_unit(factor.astype(dtype)))
    written.append(variable)
    if bias is not None:
        held = parameter_of(layer, bias)
        was = held.read()
        held.write(((was.reshape(-1) - shift) * factor).astype(dtype).reshape(was.shape))
        written.append(bias)
    turned = ((by_unit - shift) * factor).astype(dtype).reshape(turned.shape)
    return keras.ops.convert_to_tensor(turned if last else np.moveaxis(turned, -1, 1))


def _without_gradients() -> AbstractContextManager[object]:
    if keras.backend.backend() != "torch":
        return nullcontext()
    import torch

    without: AbstractContextManager[object] = torch.no_grad()
    return without
