"""Being there when the layers of a Keras model are called, and leaving no trace of it."""

import copy
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import keras

from fanin.frameworks._arrays import Array
from fanin.frameworks.keras._arrays import copied
from fanin.frameworks.keras._places import Place, step_of

_NOTHING = object()


@contextmanager
def around_calls(places: Sequence[Place], around: Callable[..., Any]) -> Iterator[None]:
    """Run ``around(place, call, *args, **kwargs)`` instead of the layers' own `call`."""
    with ExitStack() as stack:
        for place in places:
            instead = partial(around, place, place.layer.call)
            stack.enter_context(shadowed(place.layer, "call", instead))
        yield


@contextmanager
def shadowed(layer: Any, name: str, value: Any) -> Iterator[None]:
    """Let a layer have another attribute for a while, without Keras, which tracks them."""
    held = vars(layer)
    was = held.get(name, _NOTHING)
    held[name] = value
    try:
        yield
    finally:
        if was is _NOTHING:
            del held[name]
        else:
            held[name] = was


def activation_of(layer: Any) -> Callable[[Any], Any] | None:
    """Return the function that a layer applies at its end; None if there is none.

    A recurrent layer only shows the activation of its cell, which does not end it.
    """
    function = getattr(layer, "activation", None)
    shown = isinstance(getattr(type(layer), "activation", None), property)
    known = not shown and callable(function) and function is not keras.activations.linear
    return function if known else None


def call_in_two(
    layer: Any, call: Callable[..., Any], args: Any, kwargs: Any, between: Callable[[Any], Any]
) -> tuple[Any, Any]:
    """Call a layer, and let `between` see, and replace, what its activation gets.

    Returns
    -------
    tuple of (outputs, before)
        What the layer returned, and what `between` gave to the activation that ends the layer; None
        where there is none.
    """
    step, ends = step_of(layer), list[Any]()
    function = activation_of(step)
    if function is None:
        return call(*args, **kwargs), None
    if step is not layer:
        # Steps are called one by one. Their activation is that of all of them together.
        with shadowed(step, "activation", keras.activations.linear):
            before = between(call(*args, **kwargs))
        return function(before), before

    def activate(given: Any) -> Any:
        before = between(given)
        ends[:] = before, function(before)
        return ends[1]

    with shadowed(layer, "activation", activate):
        outputs = call(*args, **kwargs)
    return outputs, ends[0] if ends and ends[1] is outputs else None


@contextmanager
def undisturbed(model: Any, but: Collection[Any] = ()) -> Iterator[None]:
    """Put back what a pass changes: variables, random numbers, losses that layers have added.

    What a layer raises comes as it was raised, not as Keras words it.

    Parameters
    ----------
    model : keras.Model
        The model.
    but : collection of keras.Variable
        Those that keep what the pass gives them; they may be put in while it runs.
    """
    generator = _global_generator()
    state = [] if generator is None else [generator.state]
    variables = [*model.variables, *getattr(model, "metrics_variables", []), *state]
    kept = [(variable, copied(variable)) for variable in variables]
    layers = [model, *model._flatten_layers(include_self=False)]
    losses = [(layer, list(layer._losses), copy.copy(layer._loss_ids)) for layer in layers]
    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        with _own_random_numbers():
            yield
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()
        for variable, was in kept:
            meant = any(variable is other for other in but)
            if not meant and not _equal(copied(variable), was):
                variable.assign(was)
        for layer, added, known in losses:
            layer._losses[:], layer._loss_ids = added, known


def _equal(one: Array, other: Array) -> bool:
    return one.tobytes() == other.tobytes()


def _global_generator() -> Any:
    """Return what draws where no seed is given; None if nothing has drawn yet."""
    from keras.src.backend.common import global_state  # there is no public way

    return global_state.get_global_attribute("global_seed_generator")


def _own_random_numbers() -> Any:
    """Keep the backend's own generator, which a layer of a user's may draw from, as it is."""
    if keras.backend.backend() != "torch":
        return nullcontext()
    import torch

    return torch.random.fork_rng(devices=[])


def takes_training(layer: Any) -> bool:
    """Whether a layer does something else in training."""
    return bool(getattr(layer, "_call_has_training_arg", False))


def run(model: Any, inputs: Any, training: bool) -> Any:
    """Call a model as Keras's own training does."""
    return model(inputs, training=training) if takes_training(model) else model(inputs)
