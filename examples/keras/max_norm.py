"""Digits by a wide network whose weights are kept within a ball, with dropout before them."""

import keras
from keras import layers
from keras.constraints import MaxNorm, UnitNorm
from sklearn.datasets import load_digits

DROPOUT = 0.2
EPOCHS = 10


def data(seed=0):
    """Return the digits of scikit-learn, a part of them by seed."""
    x, y = load_digits(return_X_y=True)
    start = 8 * seed
    return x[start : start + 1280] / 16.0, y[start : start + 1280]


def build():
    model = keras.Sequential()
    model.add(keras.Input((64,)))
    model.add(layers.Dropout(DROPOUT))
    model.add(layers.Dense(64, activation="relu", kernel_constraint=MaxNorm(1.0)))
    model.add(layers.Dropout(DROPOUT))
    model.add(layers.Dense(32, activation="relu", kernel_constraint=UnitNorm()))
    model.add(layers.Dense(10, activation="softmax", bias_constraint="non_neg"))
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    x, y = load_digits(return_X_y=True)
    print(f"accuracy of the rest: {model.evaluate(x[1280:] / 16.0, y[1280:], verbose=0)[1]:.3f}")
