"""The documents' experiment: one script, which runs on whatever has Keras's interface."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

from fanin.datasets import fashion_mnist
from fanin.utils import get_num_threads, to_categorical

from peers.common import Arm

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
