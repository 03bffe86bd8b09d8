"""Keras on JAX, its fastest backend on a CPU."""

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras

from peers.arms import script
from peers.common import Arm, Residual, WideAndDeep

VERSION = keras.__version__


def experiment(epochs: int, samples: int | None) -> Arm:
    return script.experiment(keras, epochs, samples)


def train_residual(**shape: Any) -> Arm:
    return script.train_residual(keras, Residual(**shape))


def train_wide_and_deep(**shape: Any) -> Arm:
    return script.train_wide_and_deep(keras, WideAndDeep(**shape))
