"""Noise within a network of SELU: added to what goes in, multiplied, and dropped."""

import keras
import numpy as np
from keras import layers

DROPOUT = 0.1
EPOCHS = 10


def data(seed=0):
    """Return points of two rings."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, 1024)
    angle = rng.uniform(0, 2 * np.pi, 1024)
    radius = 1.0 + kind + 0.2 * rng.normal(size=1024)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x, kind.astype("float32")[:, None]


def build():
    start = {"kernel_initializer": "lecun_normal"}
    model = keras.Sequential(
        [
            keras.Input((2,)),
            layers.GaussianNoise(DROPOUT),
            layers.Dense(32, activation="selu", **start),
            layers.AlphaDropout(DROPOUT),
            layers.Dense(32, activation="selu", **start),
            layers.GaussianDropout(DROPOUT),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss="binary_crossentropy")
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    x, y = data(seed=1)
    print(f"right: {((model.predict(x, verbose=0) > 0.5) == (y > 0.5)).mean():.3f}")
