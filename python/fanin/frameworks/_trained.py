"""What can be asked only of networks that this package trains: the functions of `Training`."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin import optimizers
from fanin.frameworks._fanin import checked_targets, of_each
from fanin.frameworks._framework import Descent
from fanin.frameworks._objective import fitting_loss, sum_gradient
from fanin.initializers import Initializer, RandomNormal
from fanin.layers import Dense, Layer
from fanin.models import Model, Sequential
from fanin.models._rewiring import again, rewired
from fanin.optimizers import Optimizer
from fanin.random import Stream

Array = NDArray[Any]


def check(model: Model, x: Any, y: Any, loss: Any) -> None:
    """Refuse samples, targets or a loss that do not fit; nothing is built."""
    inputs = model.take(x, finite=False)
    if y is not None:
        checked_targets(model, inputs, y, loss)


def samples(model: Model, x: Any) -> Array:
    """Return samples as the network takes them, finite."""
    return model.take(x)


def random(model: Model, seed: int) -> Array:
    """Return made-up samples as `samples` returns them, normal ones."""
    shape = (_MADE_UP, *(model.known_shape() or ()))
    return RandomNormal(0.0, 1.0)(shape, model.dtype, rng=Stream(seed, "recommend"))


_MADE_UP = 64


def is_row(model: Model) -> bool:
    """Whether each layer reads what the one before makes."""
    return model.chain


def hidden(model: Model) -> list[Layer]:
    """Return the Dense layers behind which there is another up to the output."""
    ends = _ends(model)
    return [la for la in model.computing if isinstance(la, Dense) and la not in ends]


def between(model: Model) -> list[Layer]:
    """Return the layers without a kernel that are not the end of the network."""
    ends = _ends(model)
    return [la for la in model.computing if not isinstance(la, Dense) and la not in ends]


def _ends(model: Model) -> list[Layer]:
    """Return the layers that lead to the output without another kernel, the last kernels too."""
    inputs = len(model.inputs)
    found: list[Layer] = []
    todo, seen = [len(model.calls) - 1], set[int]()
    while todo:
        call = todo.pop()
        if call >= 0 and call not in seen:
            seen.add(call)
            place, reads = model.calls[call]
            found.append(model.computing[place])
            if not isinstance(found[-1], Dense):
                todo += [number - inputs for number in reads]
    return found


def row(layers: list[Layer], seed: int) -> Model:
    """Return a network of layers in a row."""
    return Sequential(layers, rng=seed)


def drawn(model: Model, initializer: Initializer, seed: int) -> Model:
    """Return the same network with hidden kernels from another initializer."""
    those = hidden(model)

    def instead(layer: Layer) -> list[Layer]:
        if layer not in those:
            return [again(layer)]
        config = {**layer.get_config(), "kernel_initializer": initializer.clone()}
        return [type(layer).from_config(config)]

    return rewired(model, instead, rng=seed)


def layers(model: Model) -> list[Layer]:
    """Return the layers of a chain anew, without arrays."""
    if model._branched or any(layer._traced for layer in model.computing):
        return [again(layer) for layer in model.computing]
    return Sequential.from_config(model.get_config()).layers


def descent(
    model: Model, arrays: tuple[Array, Array], x: Any, y: Any, loss: Any, count: int
) -> Descent | None:
    """Return the descent of a network that is compiled with SGD, on the first `count` samples.

    It is from `arrays`, the parameters and the state that a trace was of.
    """
    if not model.compiled or not isinstance(model.optimizer, optimizers.SGD):
        return None
    inputs = model.take(x, finite=False)[:count]
    targets, aim = checked_targets(model, inputs, np.asarray(y)[:count], loss)
    plan, (start, state), passed = model.ready(), arrays, None

    def gradient(params: Array) -> Array:
        nonlocal passed
        at = params.astype(model.dtype, copy=False)
        # One mask of Dropout for all: a loss that changes at random has no curvature.
        passed = outputs, cache = plan.forward(at, state.copy(), inputs, True, None, 0, passed)
        _, dy = sum_gradient(aim, targets, outputs)
        return plan.backward(at, cache, dy / np.asarray(len(inputs), dy.dtype), None)[1]

    rate = float(model.optimizer.learning_rates(0, 1)[0])
    return Descent(start, gradient, rate, model.optimizer.momentum)


def train(
    model: Model,
    x: Any,
    y: Any,
    loss: Any,
    optimizer: Optimizer | None,
    steps: int,
    threads: int | None,
) -> str:
    """Train on all samples at once; return the name of the optimizer."""
    inputs = model.take(x)
    targets, aim = checked_targets(model, inputs, y, loss)
    given = (model.optimizer if model.compiled else "sgd") if optimizer is None else optimizer
    model.compile(given, aim)
    model.fit(
        of_each(model, inputs),
        targets,
        batch_size=len(inputs),
        epochs=steps,
        shuffle=False,
        verbose=0,
        threads=threads,
    )
    return type(model.optimizer).__name__


def each(model: Model, x: Array) -> Any:
    """Return what `samples` returned as the model is called with it: of several inputs a list."""
    return of_each(model, x)


def trial_loss(
    network: Model,
    like: Model | None,
    train: tuple[Array, Array],
    held: tuple[Array, Array] | None,
    epochs: int,
    seed: int,
) -> float:
    """Train a network, compiled `like` another or as fits; infinite if it fails.

    The loss is that of the samples that are `held` back, or of the last epoch where there are none.
    """
    x, y = train
    if like is not None and like.compiled:
        network.compile(like.optimizer.from_config(like.optimizer.get_config()), like.loss)
    else:
        last = network._last_layer
        outputs = (len(y), last.units) if isinstance(last, Dense) else y.shape
        network.compile("adam", fitting_loss(y, outputs, last.settings().get("activation")))
    try:
        history = network.fit(of_each(network, x), y, epochs=epochs, verbose=0, rng=seed)
        found = history.history["loss"][-1] if held is None else _loss(network, *held)
    except FloatingPointError:  # infinite numbers behind a finite loss
        return math.inf
    return float(found) if math.isfinite(found) else math.inf


def _loss(network: Model, x: Array, y: Array) -> float:
    found = network.evaluate(of_each(network, x), y, verbose=0)
    return float(found[0] if isinstance(found, list) else found)
