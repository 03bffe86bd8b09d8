"""Two outputs of one body: the class of a wine, and how much alcohol it has."""

import keras
from keras import layers
from sklearn.datasets import load_wine

EPOCHS = 20


def data(seed=0):
    """Return all measurements but the alcohol, and the two targets by name."""
    wine = load_wine()
    x = (wine.data - wine.data.mean(axis=0)) / wine.data.std(axis=0)
    return x[:, 1:], {"kind": wine.target, "alcohol": x[:, :1]}


def build():
    inputs = keras.Input((12,), name="measurements")
    body = layers.Dense(32, activation="relu")(inputs)
    body = layers.Dense(16, activation="relu")(body)
    kind = layers.Dense(3, activation="softmax", name="kind")(body)
    alcohol = layers.Dense(1, name="alcohol")(body)
    model = keras.Model(inputs, {"kind": kind, "alcohol": alcohol})
    model.compile(
        optimizer=keras.optimizers.Adam(0.003),
        loss={"kind": "sparse_categorical_crossentropy", "alcohol": "mse"},
        loss_weights={"kind": 1.0, "alcohol": 0.5},
        metrics={"kind": ["accuracy"], "alcohol": ["mae"]},
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=16, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    for name, value in model.evaluate(*data(), verbose=0, return_dict=True).items():
        print(f"{name:16} {value:.3f}")
