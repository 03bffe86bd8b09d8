"""Handwritten digits by a functional model: one input, two hidden layers, dropout."""

import keras
from keras import layers
from sklearn.datasets import load_digits

EPOCHS = 12
DROPOUT = 0.3


def data(seed=0):
    """Return 8 x 8 pictures with numbers from 0 to 16, and their digits."""
    digits = load_digits()
    return digits.images, digits.target


def build():
    inputs = keras.Input(shape=(8, 8), name="picture")
    x = layers.Rescaling(1 / 16)(inputs)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.Dropout(DROPOUT)(x)
    x = layers.Dense(32, activation="relu")(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    model = keras.Model(inputs=inputs, outputs=outputs, name="digits")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    x, y = data(seed)
    model = build()
    history = model.fit(x, y, batch_size=64, epochs=EPOCHS, validation_split=0.1, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    model.summary()
    loss, accuracy = model.evaluate(*data(), verbose=0)
    print(f"loss {loss:.3f}, accuracy {accuracy:.3f}")
