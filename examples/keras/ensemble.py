"""An ensemble in one model: networks of different kinds over one input, averaged."""

import keras
import numpy as np
from keras import layers
from keras.callbacks import EarlyStopping
from sklearn.datasets import load_breast_cancer

EPOCHS = 15
DROPOUT = 0.2


def data(seed=0):
    cancer = load_breast_cancer()
    x = (cancer.data - cancer.data.mean(axis=0)) / cancer.data.std(axis=0)
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order], cancer.target[order]


def member(inputs, activation, units, number):
    x = layers.Dense(units, activation=activation)(inputs)
    x = layers.Dropout(DROPOUT)(x)
    return layers.Dense(1, activation="sigmoid", name=f"member_{number}")(x)


def build():
    inputs = keras.Input(shape=(30,))
    answers = [
        member(inputs, "relu", 16, 1),
        member(inputs, "tanh", 8, 2),
        member(inputs, "selu", 24, 3),
    ]
    model = keras.Model(inputs, layers.average(answers))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    x, y = data(seed)
    model = build()
    stop = EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)
    history = model.fit(
        x, y, batch_size=32, epochs=EPOCHS, validation_split=0.25, callbacks=[stop], verbose=0
    )
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    x, y = data()
    one = keras.Model(model.input, model.get_layer("member_2").output)
    alone = np.mean((one.predict(x, verbose=0)[:, 0] > 0.5) == y)
    print(f"accuracy of all: {model.evaluate(x, y, verbose=0)[1]:.3f}, of one: {alone:.3f}")
