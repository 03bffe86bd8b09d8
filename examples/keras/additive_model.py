"""An additive model: a small network for each column, whose answers are added up."""

import keras
import numpy as np
from keras.layers import Add, Dense, Input
from keras.models import Model

COLUMNS = ("age", "income", "distance", "visits")
EPOCHS = 12


def data(seed=0):
    rng = np.random.default_rng(seed)
    table = {name: rng.uniform(-1, 1, size=(1024, 1)) for name in COLUMNS}
    age, income, distance, visits = (table[name][:, 0] for name in COLUMNS)
    score = 2 * age**2 + np.sin(3 * income) - np.maximum(distance, 0) + 0.3 * visits
    bought = rng.random(1024) < 1 / (1 + np.exp(-3 * score))
    return table, bought.astype("float32")


def build():
    inputs = {name: Input((1,), name=name) for name in COLUMNS}
    parts = []
    for name, value in inputs.items():
        hidden = Dense(12, activation="softplus", name=f"{name}_hidden")(value)
        parts.append(Dense(1, use_bias=False, name=f"{name}_part")(hidden))
    total = Add()(parts)
    output = keras.layers.Activation("sigmoid", name="bought")(total)
    model = Model(inputs, output)
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    table, bought = data(seed)
    model = build()
    history = model.fit(table, bought, batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, loss = main()
    curve = Model(model.get_layer("age").output, model.get_layer("age_part").output)
    ages = np.linspace(-1, 1, 5)
    print(
        f"loss {loss:.3f}; what age adds:", curve.predict(ages[:, None], verbose=0)[:, 0].round(2)
    )
