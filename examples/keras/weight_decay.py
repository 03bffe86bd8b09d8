"""Weight decay of kernels alone, gradients of four batches at once, and a bound on their norm."""

import keras
import numpy as np
from keras import layers

EPOCHS = 10


def data(seed=0):
    """Return mixtures of three signals, and the first of these."""
    rng = np.random.default_rng(seed)
    signals = rng.uniform(-1, 1, size=(1024, 3))
    mix = np.random.default_rng(7).normal(size=(3, 10))
    return np.tanh(signals @ mix), signals[:, :1] ** 2


def build():
    inputs = keras.Input((10,))
    x = inputs
    for width in (48, 24):
        x = layers.Dense(width)(x)
        x = layers.LayerNormalization()(x)
        x = layers.Activation("silu")(x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    optimizer = keras.optimizers.AdamW(
        0.01, weight_decay=0.05, clipnorm=1.0, gradient_accumulation_steps=4
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer=optimizer, loss="huber")
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    print(f"final loss: {main()[1]:.4f}")
