"""Monte Carlo dropout: units are dropped in prediction too, and the spread tells the doubt."""

import keras
import numpy as np
from keras import layers

DROPOUT = 0.1
EPOCHS = 20


class MCDropout(layers.Dropout):
    """Drops units whatever the mode."""

    def call(self, inputs, training=False):
        return super().call(inputs, training=True)


def data(seed=0):
    """Return a noisy curve, of which the middle is missing."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 3, size=(768, 1)) * rng.choice([-1, 1], size=(768, 1))
    return x, np.sin(2 * x) + rng.normal(0, 0.1, size=x.shape)


def build():
    model = keras.Sequential(
        [
            keras.Input((1,)),
            layers.Dense(64, activation="relu"),
            MCDropout(DROPOUT),
            layers.Dense(64, activation="relu"),
            MCDropout(DROPOUT),
            layers.Dense(1),
        ]
    )
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.005))
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    x = np.array([[-2.0], [0.0], [2.0]])
    draws = np.stack([model.predict(x, verbose=0) for _ in range(30)])
    for place, mean, spread in zip(x, draws.mean(axis=0), draws.std(axis=0), strict=True):
        print(f"at {place[0]:4.1f}: {mean[0]:6.2f} +- {spread[0]:.2f}")
