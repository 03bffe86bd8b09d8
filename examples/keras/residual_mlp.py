"""A residual network of dense layers with batch normalization, fitted to a surface."""

import keras
import numpy as np
from keras.layers import Activation, Add, BatchNormalization, Dense, Input
from keras.models import Model

WIDTH = 32
BLOCKS = 3
EPOCHS = 15


def data(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, size=(1024, 6)).astype("float32")
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * np.abs(x[:, 3])
    return x, y.astype("float32")[:, None]


def residual_block(x, units):
    """Two normalized layers, around which their input is added."""
    shortcut = x
    x = Dense(units, use_bias=False)(x)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)
    x = Dense(units, use_bias=False)(x)
    x = BatchNormalization()(x)
    x = Add()([shortcut, x])
    return Activation("relu")(x)


def build():
    inputs = Input(shape=(6,))
    x = Dense(WIDTH, activation="relu", kernel_initializer="he_normal")(inputs)
    for _ in range(BLOCKS):
        x = residual_block(x, WIDTH)
    model = Model(inputs, Dense(1)(x))
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    x, y = data(seed=1)
    print("mse and mae of a new sample:", model.evaluate(x, y, verbose=0))
