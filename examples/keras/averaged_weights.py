"""The average of the weights over the steps: it is validated while the network trains."""

import keras
import numpy as np
from keras import layers
from keras.callbacks import SwapEMAWeights

EPOCHS = 12


def data(seed=0):
    """Return noisy samples of a smooth function."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(768, 6))
    y = np.sin(x[:, :1]) * x[:, 1:2] + 0.3 * rng.normal(size=(768, 1))
    return x, y


def build():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(32, activation="gelu"),
            layers.Dense(32, activation="gelu"),
            layers.Dense(1),
        ]
    )
    optimizer = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.95)
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(
        *data(seed),
        batch_size=32,
        epochs=EPOCHS,
        verbose=0,
        validation_data=data(seed + 1000),
        callbacks=[SwapEMAWeights()],
    )
    return model, history.history["val_loss"][-1]


if __name__ == "__main__":
    print(f"loss of the average on samples of its own: {main()[1]:.3f}")
