"""Are two pictures of the same digit? Two inputs go through the same layers."""

import keras
import numpy as np
from keras import layers, models
from sklearn.datasets import load_digits

EPOCHS = 10
CODE = 16


def data(seed=0):
    """Return pairs of pictures, half of them of one digit, and whether they are."""
    rng = np.random.default_rng(seed)
    digits = load_digits()
    x, y = digits.data / 16.0, digits.target
    left = rng.integers(0, len(x), 1536)
    right = rng.integers(0, len(x), 1536)
    for place in range(0, len(left), 2):
        right[place] = rng.choice(np.flatnonzero(y == y[left[place]]))
    return [x[left], x[right]], (y[left] == y[right]).astype("float32")


def build():
    first, second = layers.Input((64,), name="first"), layers.Input((64,), name="second")
    hidden = layers.Dense(48, activation="relu", name="hidden")
    code = layers.Dense(CODE, activation="tanh", name="code")
    a, b = code(hidden(first)), code(hidden(second))
    far = layers.Subtract()([a, b])
    far = layers.Multiply(name="squared_distance")([far, far])
    same = layers.Dense(1, activation="sigmoid")(far)
    model = models.Model([first, second], same)
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    pairs, same = data(seed)
    model = build()
    history = model.fit(pairs, same, batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    pairs, same = data(seed=1)
    accuracy = model.evaluate(pairs, same, verbose=0)[1]
    print(f"{model.count_params()} parameters; {accuracy:.2f} of new pairs are told")
