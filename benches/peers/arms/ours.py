"""fanin, through its public interface."""

from collections.abc import Sequence
from typing import Any

import fanin
import numpy as np

from peers.arms import script
from peers.common import (
    ADAM_EPSILON,
    BN_EPSILON,
    BN_MOMENTUM,
    LEARNING_RATE,
    Arm,
    Array,
    Network,
    Residual,
    WideAndDeep,
    network,
    training,
)

VERSION = fanin.__version__


def uniform(shape: Sequence[int], dtype: str) -> Arm:
    draw = fanin.initializers.RandomUniform(-0.1, 0.1)
    return Arm(lambda: draw(shape, dtype), float(np.prod(shape)))


def normal(shape: Sequence[int], dtype: str) -> Arm:
    draw = fanin.initializers.RandomNormal(0.0, 0.1)
    return Arm(lambda: draw(shape, dtype), float(np.prod(shape)))


def truncated_normal(shape: Sequence[int], dtype: str) -> Arm:
    draw = fanin.initializers.TruncatedNormal(0.0, 0.1)
    return Arm(lambda: draw(shape, dtype), float(np.prod(shape)))


def fill_uniform(shape: Sequence[int], dtype: str) -> Arm:
    return _fill(fanin.initializers.RandomUniform(-0.1, 0.1), shape, dtype)


def fill_normal(shape: Sequence[int], dtype: str) -> Arm:
    return _fill(fanin.initializers.RandomNormal(0.0, 0.1), shape, dtype)


def fill_truncated_normal(shape: Sequence[int], dtype: str) -> Arm:
    return _fill(fanin.initializers.TruncatedNormal(0.0, 0.1), shape, dtype)


def _fill(draw: Any, shape: Sequence[int], dtype: str) -> Arm:
    out = np.empty(shape, dtype)
    return Arm(lambda: draw.fill(out), out.size)


def orthogonal(n: int) -> Arm:
    draw = fanin.initializers.Orthogonal()
    return Arm(lambda: draw((n, n)))


def model_of(net: Network, member: int = 0) -> Any:
    """Return the compiled network with the starting weights."""
    layers: list[Any] = [fanin.Input((net.widths[0],))]
    for width in net.widths[1:-1]:
        layers.append(fanin.layers.Dense(width, activation="relu"))
        if net.normalized:
            layers.append(fanin.layers.BatchNormalization(momentum=BN_MOMENTUM, epsilon=BN_EPSILON))
    layers.append(fanin.layers.Dense(net.widths[-1], activation="softmax"))
    model = fanin.Sequential(layers, rng=member)
    model.compile(
        fanin.optimizers.Adam(LEARNING_RATE, epsilon=ADAM_EPSILON),
        "sparse_categorical_crossentropy",
    )
    dense = [layer for layer in model.layers if isinstance(layer, fanin.layers.Dense)]
    for layer, kernel in zip(dense, net.kernels(member), strict=True):
        layer.kernel[...] = kernel
    return model


def train(widths: Sequence[int], normalized: bool, batch: int, steps: int) -> Arm:
    net = network(widths, normalized, batch, steps)
    x, y = net.data()
    models: list[Any] = []

    def start() -> None:
        models[:] = [model_of(net)]

    def epoch(order: Array) -> float:
        history = models[0].fit(x[order], y[order], batch, verbose=0, shuffle=False)
        return history.history["loss"][-1]  # type: ignore[no-any-return]

    arm = training(net, start, epoch)
    # Timed with fanin's own shuffle, which gathers each batch inside the step.
    arm.run = lambda: models[0].fit(x, y, batch, verbose=0)
    return arm


def train_many(widths: Sequence[int], normalized: bool, batch: int, steps: int, count: int) -> Arm:
    net = network(widths, normalized, batch, steps)
    x, y = net.data()
    models: list[Any] = []

    def start() -> None:
        models[:] = [model_of(net, member) for member in range(count)]

    def epoch(order: Array) -> float:
        done = fanin.fit_many(models, x[order], y[order], batch, verbose=0, shuffle=False)
        return float(np.mean([history.history["loss"][-1] for history in done]))

    arm = training(net, start, epoch, count)
    arm.run = lambda: fanin.fit_many(models, x, y, batch, verbose=0)
    return arm


def fit_each(widths: Sequence[int], normalized: bool, batch: int, steps: int, count: int) -> Arm:
    """One `fit` after the other."""
    net = network(widths, normalized, batch, steps)
    x, y = net.data()
    models: list[Any] = []

    def start() -> None:
        models[:] = [model_of(net, member) for member in range(count)]

    def epoch(order: Array) -> float:
        done = [m.fit(x[order], y[order], batch, verbose=0, shuffle=False) for m in models]
        return float(np.mean([history.history["loss"][-1] for history in done]))

    arm = training(net, start, epoch, count)
    arm.run = lambda: [model.fit(x, y, batch, verbose=0) for model in models]
    return arm


def batch_normalization(rows: int, columns: int) -> Arm:
    layer = fanin.layers.BatchNormalization(momentum=BN_MOMENTUM, epsilon=BN_EPSILON)
    return _layer(layer, rows, columns, columns)


def dense(rows: int, inputs: int, outputs: int) -> Arm:
    layer = fanin.layers.Dense(outputs)
    layer.build((None, inputs))
    layer.kernel = Network((inputs, outputs), False, rows, 1).kernels()[0]
    return _layer(layer, rows, inputs, outputs)


def _layer(layer: Any, rows: int, inputs: int, outputs: int) -> Arm:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, inputs), dtype=np.float32)
    dy = rng.standard_normal((rows, outputs), dtype=np.float32)

    passed: Any = None
    found: Any = None

    def run() -> Array:
        nonlocal passed, found
        # As a loop by hand does that is written to be fast: into the arrays of the pass before.
        passed = layer.forward(x, training=True, out=passed)
        found = layer.backward(dy, passed[1], out=found)
        return found[0]  # type: ignore[no-any-return]

    return Arm(run, check=lambda: float(np.abs(run()).mean()))


def adam(size: int) -> Arm:
    rng = np.random.default_rng(0)
    rule = fanin.optimizers.Adam(LEARNING_RATE, epsilon=ADAM_EPSILON)
    w, g = (rng.standard_normal(size, dtype=np.float32) for _ in range(2))
    slots, done = rule.init(w), 0

    def run() -> None:
        nonlocal done
        rule.step(w, g, slots, done)
        done += 1

    def check() -> float:
        run()
        run()
        return float(np.abs(w).mean(dtype=np.float64))

    return Arm(run, check=check)


def predict(widths: Sequence[int], rows: int) -> Arm:
    net = Network(tuple(widths), False, rows, 1)
    model, x = model_of(net), net.data()[0]
    return Arm(
        lambda: model.predict(x, verbose=0),
        check=lambda: float(model.predict(x, verbose=0).std()),
    )


def call(widths: Sequence[int], rows: int) -> Arm:
    net = Network(tuple(widths), False, rows, 1)
    model, x = model_of(net), net.data()[0]
    return Arm(lambda: model(x), check=lambda: float(model(x).std()))


def experiment(epochs: int, samples: int | None) -> Arm:
    return script.experiment(fanin, epochs, samples)


def experiment_over_cores(epochs: int, samples: int | None) -> Arm:
    return script.over_cores(fanin, epochs, samples)


def train_residual(**shape: Any) -> Arm:
    return script.train_residual(fanin, Residual(**shape))


def train_wide_and_deep(**shape: Any) -> Arm:
    return script.train_wide_and_deep(fanin, WideAndDeep(**shape))
