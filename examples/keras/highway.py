"""A highway network: gates say how much of a value is changed, and how much is carried on."""

import keras
import numpy as np
from keras import layers

DEPTH = 6
EPOCHS = 12


def data(seed=0):
    """Return noisy points of two spirals, and which spiral each is of."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 2, 1024)
    turn = rng.uniform(0.5, 4, 1024)
    angle = turn + np.pi * which
    x = turn[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (x + rng.normal(0, 0.1, x.shape)) / 2, which


def highway(x, units):
    change = layers.Dense(units, activation="tanh")(x)
    gate = layers.Dense(
        units, activation="sigmoid", bias_initializer=keras.initializers.Constant(-2.0)
    )(x)
    return gate * change + (1 - gate) * x


def build():
    inputs = keras.Input((2,))
    x = layers.Dense(24, activation="tanh")(inputs)
    for _ in range(DEPTH):
        x = highway(x, 24)
    outputs = layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(0.005, clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    x, y = data(seed)
    model = build()
    history = model.fit(x, y, batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    print("loss and accuracy on new points:", model.evaluate(*data(seed=1), verbose=0))
