"""What can be asked only of networks that this package trains: the functions of `Training`."""

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from fanin import _core, optimizers
from fanin.frameworks._aims import Aim, aims_of, mean_gradient
from fanin.frameworks._fanin import of_each, places_of_outputs
from fanin.frameworks._framework import Descent
from fanin.frameworks._objective import fitting_loss
from fanin.initializers import Initializer, RandomNormal
from fanin.layers import Dense, Layer
from fanin.layers._merging import apart
from fanin.models import Model, Sequential
from fanin.models._rewiring import again, rewired
from fanin.optimizers import Optimizer
from fanin.random import Stream

Array = NDArray[Any]


def check(model: Model, x: Any, y: Any, loss: Any) -> None:
    """Refuse samples, targets or a loss that do not fit; nothing is built."""
    inputs = model.take(x, finite=False)
    if y is not None:
        aims_of(model, inputs, y, loss)


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
    todo, seen = places_of_outputs(model), set[int]()
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
    inputs = model.take(x, finite=False)
    aims = [aim.of(slice(count)) for aim in aims_of(model, inputs, y, loss)]
    inputs = inputs[:count]
    plan, (start, state), passed = model.ready(), arrays, None

    def gradient(params: Array) -> Array:
        nonlocal passed
        at = params.astype(model.dtype, copy=False)
        # One mask of Dropout for all: a loss that changes at random has no curvature.
        passed = outputs, cache = plan.forward(at, state.copy(), inputs, True, None, 0, passed)
        dy = mean_gradient(aims, parts_of(plan, outputs))
        return plan.backward(at, cache, dy, None)[1]

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
    aims = aims_of(model, inputs, y, loss)
    given = (model.optimizer if model.compiled else "sgd") if optimizer is None else optimizer
    compile_for(model, given, aims)
    model.fit(
        of_each(model, inputs),
        given_targets(model, aims),
        batch_size=len(inputs),
        epochs=steps,
        shuffle=False,
        verbose=0,
        threads=threads,
    )
    return type(model.optimizer).__name__


def compile_for(model: Model, optimizer: Any, aims: Sequence[Aim]) -> None:
    """Compile a network with the losses of its outputs, and what each counts."""
    if not model._ends.several:
        model.compile(optimizer, aims[0].loss)
        return
    outputs = range(len(model._ends.names))
    of = {aim.output: aim for aim in aims}
    model.compile(
        optimizer,
        [of[output].loss if output in of else None for output in outputs],
        loss_weights=[of[output].weight if output in of else 1.0 for output in outputs],
    )


def given_targets(model: Model, aims: Sequence[Aim]) -> Any:
    """Return targets as `fit` takes them: of several outputs a list."""
    if not model._ends.several:
        return aims[0].targets
    return [aim.targets for aim in aims]


def parts_of(plan: _core.Plan, outputs: Array) -> list[Array]:
    """Return what a pass made as an array of each output."""
    shapes = plan.shapes_of_outputs
    return [outputs] if len(shapes) == 1 else apart(outputs, shapes)


def each(model: Model, x: Array) -> Any:
    """Return what `samples` returned as the model is called with it: of several inputs a list."""
    return of_each(model, x)


def aims(model: Model, x: Array, y: Any) -> list[Aim]:
    """Return targets with the losses that a network is compiled with, or that fit."""
    return aims_of(model, x, y, None)


def trial_loss(
    network: Model,
    like: Model | None,
    train: tuple[Array, Any],
    held: tuple[Array, Any] | None,
    epochs: int,
    seed: int,
) -> float:
    """Train a network, compiled `like` another or as fits; infinite if it fails.

    Targets are an array; of several outputs a list of `Aim`. The loss is that of the samples that
    are `held` back, or of the last epoch where there are none.
    """
    x, y = train
    optimizer: Any = "adam"
    if like is not None and like.compiled:
        optimizer = like.optimizer.from_config(like.optimizer.get_config())
    if isinstance(y, list):
        compile_for(network, optimizer, y)
    elif like is not None and like.compiled:
        network.compile(optimizer, like.loss)
    else:
        last = network._last_layer
        outputs = (len(y), last.units) if isinstance(last, Dense) else y.shape
        network.compile(optimizer, fitting_loss(y, outputs, last.settings().get("activation")))
    try:
        targets = _targets(network, y)
        history = network.fit(of_each(network, x), targets, epochs=epochs, verbose=0, rng=seed)
        found = history.history["loss"][-1] if held is None else _loss(network, *held)
    except FloatingPointError:  # infinite numbers behind a finite loss
        return math.inf
    return float(found) if math.isfinite(found) else math.inf


def _targets(network: Model, y: Any) -> Any:
    return given_targets(network, y) if isinstance(y, list) else y


def _loss(network: Model, x: Array, y: Any) -> float:
    found = network.evaluate(of_each(network, x), _targets(network, y), verbose=0)
    return float(found[0] if isinstance(found, list) else found)
