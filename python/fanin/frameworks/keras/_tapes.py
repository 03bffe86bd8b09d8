"""Gradients by the backend of Keras: with respect to signals anywhere in a model, and to variables.

A tape runs a function forward that calls the model, and is told there which tensors are to be
differentiated by: `watch` returns what goes on in the tensor's place.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

Ends = Sequence[tuple[Any, Array]]
"""Watched tensors, and the gradients that go in there."""

Gradients = list[Array | None]
"""None for what nothing of an end depends on."""


class Tape(Protocol):
    """One pass forward, and the passes back from it."""

    def watch(self, tensor: Any) -> Any:
        """Return the tensor, or what takes its place."""

    def forward(self, function: Callable[[], Any]) -> Any:
        """Run the function, which calls the model, and return what it does."""

    def gradients(self, ends: Ends, tensors: Sequence[Any]) -> tuple[Gradients, Gradients]:
        """Return gradients with respect to watched tensors and to the trainable variables."""


def tape_of(model: Any) -> Tape:
    """Return a tape of the backend that Keras runs on."""
    known: dict[str, Callable[[Any], Tape]] = {
        "jax": _JaxTape,
        "torch": _TorchTape,
        "tensorflow": _TensorFlowTape,
    }
    backend = keras.backend.backend()
    if backend not in known:
        raise TypeError(
            "model: expected Keras on JAX, torch or TensorFlow, which have gradients, found it on "
            f"{backend}"
        )
    return known[backend](model)


def is_floating(tensor: Any) -> bool:
    """Whether a tensor has a gradient: indices and masks have none."""
    return "float" in keras.backend.standardize_dtype(tensor.dtype)


class _TorchTape:
    """Autograd, which has recorded everything."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def watch(self, tensor: Any) -> Any:
        # Only what comes from no variable, such as the samples, is not recorded yet.
        if is_floating(tensor) and not tensor.requires_grad:
            tensor = tensor.detach().requires_grad_()
        return tensor

    def forward(self, function: Callable[[], Any]) -> Any:
        import torch

        with torch.enable_grad():
            return function()

    def gradients(self, ends: Ends, tensors: Sequence[Any]) -> tuple[Gradients, Gradients]:
        import torch

        wanted = [*tensors, *(variable.value for variable in self._model.trainable_variables)]
        recorded = [(end, dy) for end, dy in ends if end.requires_grad]
        places = [place for place, tensor in enumerate(wanted) if tensor.requires_grad]
        found: Gradients = [None] * len(wanted)
        if recorded and places:
            given = torch.autograd.grad(
                [end for end, _ in recorded],
                [wanted[place] for place in places],
                [torch.from_numpy(np.ascontiguousarray(dy)).to(end) for end, dy in recorded],
                allow_unused=True,
            )
            for place, gradient in zip(places, given, strict=True):
                found[place] = None if gradient is None else _array(gradient)
        return found[: len(tensors)], found[len(tensors) :]


class _TensorFlowTape:
    """TensorFlow's own tape."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def watch(self, tensor: Any) -> Any:
        if is_floating(tensor):
            self._tape.watch(tensor)
        return tensor

    def forward(self, function: Callable[[], Any]) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as self._tape:
            return function()

    def gradients(self, ends: Ends, tensors: Sequence[Any]) -> tuple[Gradients, Gradients]:
        import tensorflow as tf

        variables = [variable.value for variable in self._model.trainable_variables]
        found = self._tape.gradient(
            [end for end, _ in ends],
            [*tensors, *variables],
            [tf.cast(tf.convert_to_tensor(dy), end.dtype) for end, dy in ends],
        )
        arrays = [None if g is None else _array(tf.convert_to_tensor(g)) for g in found]
        return arrays[: len(tensors)], arrays[len(tensors) :]


class _JaxTape:
    """JAX differentiates functions: to each tensor that matters a zero is added, as an argument.

    The pass forward shows which tensors there are. Gradients are then those of a second one.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._start({})

    def _start(self, zeros: dict[int, Any]) -> None:
        self._zeros, self._watched, self._places = zeros, list[Any](), dict[int, int]()

    def watch(self, tensor: Any) -> Any:
        if not is_floating(tensor) or id(tensor) in self._places:
            return tensor
        place = len(self._watched)
        if place in self._zeros:
            tensor = tensor + self._zeros[place]
        self._watched.append(tensor)  # also kept, so that no other gets its id
        self._places[id(tensor)] = place
        return tensor

    def forward(self, function: Callable[[], Any]) -> Any:
        self._function = function
        self._start({})
        found = self._run([variable.value for variable in self._model.trainable_variables])
        self._refuse_tracers()
        return found

    def _run(self, weights: Sequence[Any]) -> Any:
        """Run the function with other weights; what it assigns to variables is lost."""
        model = self._model
        state = [(variable, variable.value) for variable in model.non_trainable_variables]
        trained = zip(model.trainable_variables, weights, strict=True)
        with keras.StatelessScope(state_mapping=[*trained, *state]):
            return self._function()

    def _refuse_tracers(self) -> None:
        import jax

        if any(isinstance(tensor, jax.core.Tracer) for tensor in self._watched):
            raise TypeError(
                "model: expected layers that are called as Python goes, found some that are called "
                "inside jax.checkpoint, jit, scan or vmap, where their signals cannot be kept"
            )

    def gradients(self, ends: Ends, tensors: Sequence[Any]) -> tuple[Gradients, Gradients]:
        import jax

        behind = [self._places[id(end)] for end, _ in ends]
        wanted = [self._places.get(id(tensor)) for tensor in tensors]
        weights = [variable.value for variable in self._model.trainable_variables]
        zeros = {k: jax.numpy.zeros_like(self._watched[k]) for k in wanted if k is not None}

        def replay(weights: Any, zeros: Any) -> Any:
            self._start(zeros)
            self._run(weights)
            return [self._watched[place] for place in behind]

        first = self._watched, self._places
        try:
            values, pullback = jax.vjp(replay, weights, zeros)
            reached = _reached(replay, weights, zeros)
        finally:
            self._watched, self._places = first
        pairs = zip(ends, values, strict=True)
        by_weight, by_zero = pullback([jax.numpy.asarray(dy, v.dtype) for (_, dy), v in pairs])
        of_tensors = [
            np.asarray(by_zero[place]) if place in reached[1] else None for place in wanted
        ]
        of_weights = [np.asarray(g) if k in reached[0] else None for k, g in enumerate(by_weight)]
        return of_tensors, of_weights


def _reached(replay: Any, weights: list[Any], zeros: dict[int, Any]) -> tuple[set[int], set[Any]]:
    """Return which arguments the values depend on: JAX has zeros for those that they do not."""
    import jax

    try:
        program = jax.make_jaxpr(replay)(weights, zeros).jaxpr
    except jax.errors.ConcretizationTypeError:  # the model looks at its values
        return set(range(len(weights))), set(zeros)
    needed = {id(variable) for variable in program.outvars}
    for equation in reversed(program.eqns):
        if any(id(variable) in needed for variable in equation.outvars):
            needed |= {id(variable) for variable in equation.invars}
    reached = [id(variable) in needed for variable in program.invars]
    # Leaves of a dict are in the order of its keys.
    keys = [*range(len(weights)), *sorted(zeros)]
    flags = list(zip(keys, reached, strict=True))
    split = len(weights)
    return {k for k, yes in flags[:split] if yes}, {k for k, yes in flags[split:] if yes}


def _array(tensor: Any) -> Array:
    array: Array = np.asarray(keras.ops.convert_to_numpy(tensor))
    return array
