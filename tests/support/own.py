"""Losses as users write them, and networks to train with them."""

import fanin
import numpy as np
import pytest
from fanin import layers, losses

RNG = np.random.default_rng(0)
# Batches, the last one too, and outputs are powers of two, so that means are exact in any order;
# rows are wider than the 16 from which on training computes what a pass by hand does.
X = RNG.normal(size=(80, 18)).astype("float32")
Y = RNG.normal(size=(80, 4)).astype("float32")
WEIGHTS = RNG.uniform(0.0, 2.0, 80).astype("float32")
OPTIONS = {"batch_size": 32, "epochs": 3, "verbose": 0}


class Square(losses.Loss):
    """Mean squared error."""

    def value_and_gradient(self, y_true, y_pred):
        error = y_pred - y_true
        return np.mean(error * error), 2 * error / error.size


class WeightedSquare(losses.Loss):
    """The same, with weights of samples."""

    def value_and_gradient(self, y_true, y_pred, sample_weight=None):
        weights = 1 if sample_weight is None else sample_weight[:, np.newaxis]
        error = y_pred - y_true
        return np.mean(weights * error * error), weights * (2 * error / error.size)


class Plain:
    """The same, and no class of the package."""

    def value_and_gradient(self, y_true, y_pred):
        return Square().value_and_gradient(y_true, y_pred)


class Inherited(losses.MeanSquaredError):
    """A loss of the package with something around it."""

    def value_and_gradient(self, y_true, y_pred, sample_weight=None):
        return super().value_and_gradient(y_true, y_pred, sample_weight)


class Huber(losses.Loss):
    """A loss with an argument."""

    def __init__(self, delta=1.0, name=None):
        super().__init__(name)
        self.delta = delta

    def value_and_gradient(self, y_true, y_pred):
        error = y_pred - y_true
        slope = np.clip(error, -self.delta, self.delta)
        return np.mean(slope * (error - slope / 2)), slope / error.size

    def get_config(self):
        return {"delta": self.delta, "name": self.name}


OWN = [Square(), Square, WeightedSquare(), Plain(), Plain, Inherited()]
every_own = pytest.mark.parametrize("loss", OWN, ids=lambda v: f"{v!r}".partition(" object")[0])


def network(loss, optimizer="adam", dtype="float32", given=None):
    parts = [
        layers.Dense(20, "relu", input_dim=18, dtype=dtype),
        layers.BatchNormalization(dtype=dtype),
        layers.Dropout(0.25, dtype=dtype),
        layers.Dense(20, "tanh", dtype=dtype),
        layers.Dense(4, dtype=dtype),
    ]
    model = fanin.Sequential(parts, rng=0)
    model.compile(optimizer, loss, metrics=given)
    return model


def arrays(model):
    return [model.params, model.state, *model.slots.values()]


def assert_equal(model, other):
    for ours, theirs in zip(arrays(model), arrays(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.optimizer.iterations == other.optimizer.iterations
    assert model.epoch == other.epoch


def values(model):
    return model.params.tobytes(), model.state.tobytes()
