"""A letter from the three before it: one embedding that all places share, then dense layers."""

import keras
import numpy as np
from keras.layers import Dense, Embedding, Flatten, Input
from keras.models import Sequential

LETTERS = "abcdefghijklmnopqrstuvwxyz "
CONTEXT = 3
EPOCHS = 10
SYLLABLES = ("ba", "ten", "ri", "mo", "sul", "ka", "vi", "lor")


def data(seed=0):
    """Return windows of a text that is made of a few syllables, and the letters after them."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(SYLLABLES, size=rng.integers(1, 4))) for _ in range(300)]
    text = np.array([LETTERS.index(letter) for letter in " ".join(words)])[:1400]
    windows = np.lib.stride_tricks.sliding_window_view(text, CONTEXT + 1)
    return windows[:, :-1], windows[:, -1]


def build():
    model = Sequential()
    model.add(Input((CONTEXT,)))
    model.add(Embedding(input_dim=len(LETTERS), output_dim=8))
    model.add(Flatten())
    model.add(Dense(64, activation="tanh"))
    model.add(Dense(len(LETTERS), activation="softmax"))
    model.compile(
        optimizer=keras.optimizers.Adam(0.005),
        loss="sparse_categorical_crossentropy",
        metrics=["sparse_categorical_accuracy"],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    windows, following = data(seed)
    model = build()
    history = model.fit(windows, following, batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    text = "mor"
    for _ in range(30):
        window = np.array([[LETTERS.index(letter) for letter in text[-CONTEXT:]]])
        text += LETTERS[model.predict(window, verbose=0)[0].argmax()]
    print(text)
