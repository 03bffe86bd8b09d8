"""One pass through a model of any framework that stops at each layer with weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from fanin._network import Network
from fanin.diagnosis._network import split_steps
from fanin.diagnosis._signals import as_matrix

Array = NDArray[Any]


@dataclass
class Visit:
    """A layer with weights, when its outputs are there.

    Attributes
    ----------
    name : str
        The layer.
    outputs : ndarray of shape (rows, units)
        Before the activation; a row a sample, or a place of one.
    has_bias : bool
        Whether it can shift its outputs.
    """

    name: str
    outputs: Array
    has_bias: bool


Visitor = Callable[[Visit], tuple[Array, Array]]
"""Returns what a layer's weights are multiplied by, and what is taken off its outputs before."""


class Run(Protocol):
    """A model that can be passed through."""

    model: Any

    def __call__(self, visit: Visitor) -> None:
        """Pass the batch through; each layer is changed by `visit` before the next one runs."""


@contextmanager
def visiting(model: Any, x: Any) -> Iterator[Run]:
    """Open a model for a batch; whatever is raised inside, the model is then as it was."""
    run = _opened(model, x)
    kept = run.keep()
    try:
        yield run
    except BaseException:
        run.restore(kept)
        raise


def _opened(model: Any, x: Any) -> Any:
    if isinstance(model, Network):
        return _Own(model, x)
    modules = {base.__module__.split(".")[0] for base in type(model).__mro__}
    # First Keras: on its torch backend its models are torch modules as well.
    if "keras" in modules:
        from fanin.data_dependent._keras import KerasRun

        return KerasRun(model, x)
    if "torch" in modules:
        from fanin.data_dependent._torch import TorchRun

        return TorchRun(model, x)
    raise TypeError(
        "model: expected a fanin.Sequential, a torch.nn.Module or a keras.Model, found "
        f"{type(model).__name__}"
    )


class _Own:
    """A network of this package."""

    def __init__(self, model: Network, x: Any) -> None:
        self.model, self.inputs = model, model.take(x)
        model.build((None, *self.inputs.shape[1:]))
        model.ready()

    def keep(self) -> Any:
        return [array.copy() for array in self.model.weights]

    def restore(self, kept: Any) -> None:
        self.model.set_weights(kept)

    def __call__(self, visit: Visitor) -> None:
        inputs = self.inputs
        for step in split_steps(self.model, inputs.shape[1:]):
            inputs = step.forward(inputs, training=True)
            arrays = step.layer.arrays
            if step.activation is not None or "kernel" not in arrays:
                continue
            bias = arrays.get("bias")
            rows = as_matrix(inputs)
            factor, shift = visit(Visit(step.layer.name, rows, bias is not None))
            arrays["kernel"][...] *= factor
            if bias is not None:
                bias[...] = (bias - shift) * factor
            inputs = ((inputs - shift) * factor).astype(inputs.dtype, copy=False)
