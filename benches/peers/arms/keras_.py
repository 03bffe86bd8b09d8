"""Keras on JAX, its fastest backend on a CPU."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras

from peers.arms import script
from peers.common import Arm

VERSION = keras.__version__


def experiment(epochs: int, samples: int | None) -> Arm:
    return script.experiment(keras, epochs, samples)
