"""What runs on whatever has Keras's interface: the documents' experiment, networks that branch."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

from fanin.datasets import fashion_mnist
from fanin.utils import get_num_threads, to_categorical

from peers.common import ADAM_EPSILON, LEARNING_RATE, Arm, Array, Residual, WideAndDeep, training

ARMS = 4


def _trials(keras: Any, epochs: int, samples: int | None) -> list[Callable[..., float]]:
    (pictures, labels), (pictures_test, labels_test) = fashion_mnist.load_data()
    x, y = pictures[:samples] / 255.0, to_categorical(labels[:samples])
    x_test, y_test = pictures_test / 255.0, to_categorical(labels_test)
    initializers = [
        keras.initializers.Zeros(),
        keras.initializers.RandomNormal(mean=0.0, stddev=1.0),
        keras.initializers.GlorotNormal(),
        keras.initializers.HeNormal(),
    ]

    def trial(initializer: Any, **threads: int) -> float:
        model = keras.models.Sequential(
            [
                keras.layers.Input((28, 28)),
                keras.layers.Flatten(),
                keras.layers.Dense(128, activation="relu", kernel_initializer=initializer),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=epochs, batch_size=64, validation_split=0.2, verbose=0, **threads)
        return float(model.evaluate(x_test, y_test, verbose=0)[1])

    return [lambda i=i, **threads: trial(i, **threads) for i in initializers]


def experiment(keras: Any, epochs: int, samples: int | None) -> Arm:
    """Make the arm that trains the next of the four initializers each time it is run."""
    turns = cycle(_trials(keras, epochs, samples))
    # One run is one of the four, and what counts is all of them.
    return Arm(lambda: next(turns)(), 1 / ARMS)


def over_cores(keras: Any, epochs: int, samples: int | None) -> Arm:
    """Make the arm that trains all four at once, each on one thread."""
    trials = _trials(keras, epochs, samples)

    def run() -> None:
        with ThreadPoolExecutor(get_num_threads()) as pool:
            for done in [pool.submit(trial, threads=1) for trial in trials]:
                done.result()

    return Arm(run)


def train_residual(keras: Any, net: Residual) -> Arm:
    """Make the arm that trains a residual network."""
    layers, (x, y) = keras.layers, net.data()

    def model() -> Any:
        inputs = keras.Input((net.inputs,))
        h = layers.Dense(net.width, activation="relu")(inputs)
        for _ in range(net.blocks):
            inner = layers.Dense(net.width, activation="relu")(h)
            h = layers.Add()([h, layers.Dense(net.width)(inner)])
        return keras.Model(inputs, layers.Dense(net.outputs, activation="softmax")(h))

    return _fitted(keras, net, model, net.kernels, "sparse_categorical_crossentropy", [x], y)


def train_wide_and_deep(keras: Any, net: WideAndDeep) -> Arm:
    """Make the arm that trains a wide and deep network, with an input for each column."""
    layers, (chosen, numbers, y) = keras.layers, net.data()

    def model() -> Any:
        columns = [keras.Input((1,), dtype="int32") for _ in range(net.columns)]
        wide = keras.Input((net.numbers,))
        tables = [layers.Embedding(net.categories, net.features) for _ in columns]
        found = [layers.Flatten()(table(x)) for table, x in zip(tables, columns, strict=True)]
        h = layers.Concatenate()([*found, wide])
        for width in net.hidden:
            h = layers.Dense(width, activation="relu")(h)
        h = layers.Dense(1, activation="sigmoid")(layers.Concatenate()([h, wide]))
        return keras.Model([*columns, wide], h)

    x = [*(chosen[:, i : i + 1] for i in range(net.columns)), numbers]

    def weights() -> list[Array]:
        return [*net.tables(), *net.kernels()]

    return _fitted(keras, net, model, weights, "binary_crossentropy", x, y)


def _fitted(
    keras: Any,
    net: Residual | WideAndDeep,
    make: Callable[[], Any],
    weights: Callable[[], list[Array]],
    loss: str,
    x: list[Array],
    y: Array,
) -> Arm:
    """Make the arm that fits what `make` returns, from these kernels and biases of zero."""
    models: list[Any] = []

    def start() -> None:
        model = make()
        model.compile(keras.optimizers.Adam(LEARNING_RATE, epsilon=ADAM_EPSILON), loss)
        given = iter(weights())
        start = [next(given) if w.ndim == 2 else 0 * w for w in model.get_weights()]
        model.set_weights(start)
        models[:] = [model]

    def epoch(order: Array) -> float:
        parts = [part[order] for part in x]
        done = models[0].fit(parts, y[order], net.batch, verbose=0, shuffle=False)
        return float(done.history["loss"][-1])

    arm = training(net, start, epoch)
    # Timed with its own shuffle.
    arm.run = lambda: models[0].fit(x, y, net.batch, verbose=0)
    return arm
