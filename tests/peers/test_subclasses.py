"""Layers and models of users' classes train as Keras's: the same code, other imports."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import fanin
import numpy as np
import pytest

keras = pytest.importorskip("keras")

STEPS = 20
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(64, 6)), RNG.normal(size=(64, 1))


def linear(k):
    class Linear(k.layers.Layer):
        def __init__(self, units=8, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="glorot_uniform", trainable=True
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

        def call(self, inputs):
            return inputs @ self.w + self.b

    return Linear


def mlp_block(k):
    own = linear(k)

    class MLPBlock(k.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.linear_1 = own(8, dtype="float64")
            self.linear_2 = own(4, dtype="float64")
            self.linear_3 = own(1, dtype="float64")
            self.scale = self.add_weight(shape=(8,), initializer="ones", name="scale")

        def call(self, inputs):
            x = k.activations.tanh(self.linear_1(inputs) * self.scale)
            return self.linear_3(k.activations.relu(self.linear_2(x)))

    return k.Sequential([k.Input((6,), dtype="float64"), MLPBlock(dtype="float64")])


def residual(k):
    class ResidualBlock(k.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.dense = k.layers.Dense(units, activation="relu", dtype="float64")
            self.norm = k.layers.BatchNormalization(dtype="float64")
            self.drop = k.layers.Dropout(0.0, dtype="float64")

        def call(self, x, training=None):
            return x + self.drop(self.norm(self.dense(x), training=training), training=training)

    class Residual(k.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.last = k.layers.Dense(1, dtype="float64")
            self.first = k.layers.Dense(8, activation="tanh", dtype="float64")
            self.blocks = [ResidualBlock(8, dtype="float64") for _ in range(2)]

        def call(self, inputs, training=False):
            x = self.first(inputs)
            for block in self.blocks:
                x = block(x, training=training)
            return self.last(x)

    return Residual(dtype="float64") if k is keras else Residual()


def autoencoder(k):
    class Autoencoder(k.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            dense = k.layers.Dense
            self.encoder = k.Sequential(
                [dense(4, "relu", dtype="float64"), dense(2, dtype="float64")]
            )
            self.decoder = k.Sequential([dense(4, "tanh", dtype="float64")])
            self.last = dense(1, dtype="float64")

        def call(self, x):
            return self.last(self.decoder(self.encoder(x)))

    return Autoencoder(dtype="float64") if k is keras else Autoencoder()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("make", [mlp_block, residual, autoencoder])
def test_training_is_that_of_keras(make):
    keras.utils.set_random_seed(0)
    theirs, ours = make(keras), make(fanin)
    for model in (theirs, ours):
        model(X.copy())
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    theirs.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    ours.compile(fanin.optimizers.SGD(0.05, momentum=0.9), "mse")
    for model in (theirs, ours):
        model.fit(X, Y, batch_size=64, epochs=STEPS, shuffle=False, verbose=0)
    expected, found = theirs.predict(X, verbose=0), ours.predict(X, verbose=0)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
