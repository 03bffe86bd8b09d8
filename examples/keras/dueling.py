"""The value of a state and the advantages of actions, joined by a `Lambda` layer."""

import keras
import numpy as np
from keras import layers, ops

ACTIONS = 4
EPOCHS = 15


def join(x):
    """Return values of actions: that of the state, and advantages whose mean is zero."""
    value, advantages = x[:, :1], x[:, 1:]
    return value + advantages - ops.mean(advantages, axis=1, keepdims=True)


def data(seed=0):
    """Return states, and what each action is worth in them."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(768, 5))
    worth = np.sin(states[:, :ACTIONS]) + states[:, 4:] ** 2
    return states, worth + 0.05 * rng.normal(size=worth.shape)


def build():
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(1 + ACTIONS),
            layers.Lambda(join, output_shape=(ACTIONS,)),
            layers.Lambda(lambda x, scale: scale * x, arguments={"scale": 2.0}),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss="mse")
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    states, worth = data(seed=1)
    best = model.predict(states, verbose=0).argmax(axis=1) == worth.argmax(axis=1)
    print(f"best action found: {best.mean():.2f}")
