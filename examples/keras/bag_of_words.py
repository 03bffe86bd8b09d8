"""Short texts as bags of words: a multi-hot encoding of their words, then dense layers."""

import keras
import numpy as np
from keras import layers

VOCABULARY = 200
LENGTH = 12
EPOCHS = 10


def data(seed=0):
    """Return texts as numbers of words, and whether their words are of the first kind mostly."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, 1024)
    words = rng.zipf(1.3, size=(1024, LENGTH)) % (VOCABULARY // 2)
    other = rng.random((1024, LENGTH)) < np.where(kind[:, None], 0.3, 0.7)
    return words + other * VOCABULARY // 2, kind.astype("float32")


def build():
    words = keras.Input((LENGTH,), dtype="int64", name="words")
    bag = layers.CategoryEncoding(num_tokens=VOCABULARY, output_mode="multi_hot")(words)
    x = layers.Dense(16, activation="relu")(bag)
    output = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(words, output)
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    words, kind = data(seed)
    model = build()
    history = model.fit(words, kind, batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    print("loss and accuracy on new texts:", model.evaluate(*data(seed=1), verbose=0))
