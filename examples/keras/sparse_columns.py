"""Which columns of a table matter: an L1 penalty leaves the others without weight."""

import keras
import numpy as np
from keras import layers, regularizers

EPOCHS = 30


def data(seed=0):
    """Return samples of 20 columns, of which four say what is asked for."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(640, 20))
    y = np.tanh(x[:, 0] - x[:, 1]) + 0.5 * x[:, 2] * x[:, 3]
    return x, y[:, None] + 0.1 * rng.normal(size=(640, 1))


def build():
    model = keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(16, activation="tanh", kernel_regularizer=regularizers.L1(0.01)),
            layers.Dense(
                8,
                activation="tanh",
                kernel_regularizer="l2",
                bias_regularizer=regularizers.l2(1e-3),
            ),
            layers.Dense(1, kernel_regularizer=regularizers.L1L2(l1=1e-4, l2=1e-3)),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    sizes = np.abs(np.asarray(model.get_weights()[0])).max(axis=1)
    print("largest weight of each column:", np.round(sizes, 2))
