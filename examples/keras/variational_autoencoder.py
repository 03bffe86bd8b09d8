"""A variational autoencoder: a layer draws the code, and adds its divergence to the loss."""

import keras
import numpy as np
from keras import layers, ops

EPOCHS = 10
NOISE = 1.0


def data(seed=0):
    """Return noisy copies of eight patterns, between 0 and 1, as inputs and as targets."""
    rng = np.random.default_rng(seed)
    patterns = rng.uniform(0.1, 0.9, size=(8, 20))
    x = np.clip(patterns[rng.integers(0, 8, 640)] + 0.05 * rng.normal(size=(640, 20)), 0, 1)
    return x, x


class Sampling(layers.Layer):
    """A code of the normal law that the encoder gives (Kingma and Welling 2014)."""

    def __init__(self, beta, **kwargs):
        super().__init__(**kwargs)
        self.beta = beta
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, inputs):
        mean, log_variance = inputs
        divergence = 1 + log_variance - ops.square(mean) - ops.exp(log_variance)
        self.add_loss(-0.5 * self.beta * ops.mean(ops.sum(divergence, axis=1)))
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        return mean + NOISE * ops.exp(0.5 * log_variance) * noise


def build():
    inputs = keras.Input((20,))
    hidden = layers.Dense(32, activation="tanh")(inputs)
    mean = layers.Dense(2, name="mean")(hidden)
    log_variance = layers.Dense(2, name="log_variance")(hidden)
    code = Sampling(beta=0.01)([mean, log_variance])
    hidden = layers.Dense(32, activation="tanh")(code)
    outputs = layers.Dense(20, activation="sigmoid")(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss="binary_crossentropy")
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    _, loss = main()
    print(f"loss {loss:.4f}")
