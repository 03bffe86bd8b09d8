"""A model as a class: layers in the constructor, what they do in `call`."""

import keras
from keras import layers
from sklearn.datasets import load_digits

DROPOUT = 0.2
EPOCHS = 10


class Classifier(keras.Model):
    """Two hidden layers with dropout between them, and a skip from the first to the output."""

    def __init__(self, units, classes, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(units, activation="relu")
        self.dropout = layers.Dropout(DROPOUT)
        self.second = layers.Dense(units, activation="relu")
        self.norm = layers.BatchNormalization()
        self.out = layers.Dense(classes, activation="softmax")

    def call(self, inputs, training=False):
        x = self.first(inputs)
        skip = x
        x = self.dropout(x, training=training)
        x = self.norm(self.second(x), training=training)
        return self.out(x + skip)


def data(seed=0):
    digits = load_digits()
    return digits.data / 16.0, digits.target


def build():
    model = Classifier(48, 10)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    print("loss and accuracy:", model.evaluate(*data(), verbose=0))
