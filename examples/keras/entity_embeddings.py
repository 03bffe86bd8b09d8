"""Entity embeddings: each category of a table's columns gets a vector, learned with the rest."""

import keras
import numpy as np
from keras.layers import Concatenate, Dense, Embedding, Flatten, Input
from keras.models import Model

CATEGORIES = {"shop": (40, 8), "weekday": (7, 3), "weather": (5, 2)}
EPOCHS = 12


def data(seed=0):
    """Return shops, weekdays, kinds of weather and a temperature, and what was sold."""
    rng = np.random.default_rng(seed)
    table = {name: rng.integers(0, count, 2048) for name, (count, _) in CATEGORIES.items()}
    table["temperature"] = rng.normal(size=2048)
    truth = np.random.default_rng(7)
    sold = truth.normal(size=40)[table["shop"]] + truth.normal(size=7)[table["weekday"]]
    sold += truth.normal(size=5)[table["weather"]] * table["temperature"]
    return [column[:, None] for column in table.values()], sold + rng.normal(0, 0.1, 2048)


def build():
    inputs, parts = [], []
    for name, (count, width) in CATEGORIES.items():
        column = Input(shape=(1,), name=name, dtype="int32")
        vector = Embedding(count, width, name=f"{name}_vector")(column)
        inputs.append(column)
        parts.append(Flatten()(vector))
    temperature = Input(shape=(1,), name="temperature")
    inputs.append(temperature)
    parts.append(temperature)
    x = Concatenate()(parts)
    x = Dense(32, activation="relu")(x)
    x = Dense(16, activation="relu")(x)
    model = Model(inputs=inputs, outputs=Dense(1)(x))
    model.compile(loss="mean_squared_error", optimizer=keras.optimizers.Adam(0.005))
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    columns, sold = data(seed)
    model = build()
    history = model.fit(columns, sold, batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, loss = main()
    (vectors,) = model.get_layer("weekday_vector").get_weights()
    print(f"loss {loss:.3f}; the vectors of the weekdays:\n{vectors.round(2)}")
