"""Wide and deep over categories: one-hot rows go straight on, embeddings through layers."""

import keras
import numpy as np
from keras.layers import CategoryEncoding, Concatenate, Dense, Embedding, Flatten, Input

JOBS, CITIES = 12, 30
EPOCHS = 10


def data(seed=0):
    rng = np.random.default_rng(seed)
    job, city = rng.integers(0, JOBS, 2048), rng.integers(0, CITIES, 2048)
    age = rng.uniform(-1, 1, 2048)
    truth = np.random.default_rng(5)
    score = truth.normal(size=JOBS)[job] + truth.normal(size=(JOBS, CITIES))[job, city] * 0.5
    score += truth.normal(size=CITIES)[city] * age
    rich = rng.random(2048) < 1 / (1 + np.exp(-2 * score))
    return [job[:, None], city[:, None], age[:, None]], rich.astype("float32")


def build():
    job = Input((1,), dtype="int32", name="job")
    city = Input((1,), dtype="int32", name="city")
    age = Input((1,), name="age")
    wide = Concatenate(name="wide")(
        [
            CategoryEncoding(num_tokens=JOBS, output_mode="one_hot")(job),
            CategoryEncoding(num_tokens=CITIES, output_mode="one_hot")(city),
        ]
    )
    deep = Concatenate(name="deep")(
        [Flatten()(Embedding(JOBS, 6)(job)), Flatten()(Embedding(CITIES, 8)(city)), age]
    )
    for units in (32, 16):
        deep = Dense(units, activation="relu")(deep)
    output = Dense(1, activation="sigmoid", name="rich")(Concatenate()([wide, deep]))
    model = keras.Model([job, city, age], output)
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    columns, rich = data(seed)
    model = build()
    history = model.fit(columns, rich, batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    print("loss and accuracy on new people:", model.evaluate(*data(seed=1), verbose=0))
