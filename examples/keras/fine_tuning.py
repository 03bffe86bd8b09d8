"""Fine tuning: a trained model as a layer, frozen first, then trained on in small steps."""

import keras
import numpy as np
from keras.layers import BatchNormalization, Dense, Dropout
from keras.models import Model, Sequential
from keras.optimizers import Adam

DROPOUT = 0.2


def table(seed, count, shift):
    """Return a table with 12 columns; where the classes part depends on `shift`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 12))
    return x, (np.sin(x[:, 0] + shift) + x[:, 1] * x[:, 2] > 0).astype("float32")


def data(seed=0):
    """Return the few samples of the second task."""
    return table(seed + 1000, 640, 0.5)


def train_base(seed):
    base = Sequential(
        [
            keras.Input((12,)),
            Dense(48, activation="relu"),
            BatchNormalization(),
            Dense(24, activation="relu"),
        ],
        name="base",
    )
    inputs = keras.Input((12,))
    whole = Model(inputs, Dense(1, activation="sigmoid")(base(inputs)))
    whole.compile(Adam(0.003), "binary_crossentropy")
    whole.fit(*table(seed, 2048, 0.0), batch_size=64, epochs=8, verbose=0)
    return base


def build(seed=0):
    trained = train_base(seed)
    base = keras.models.clone_model(trained)
    base.set_weights(trained.get_weights())
    base.trainable = False
    inputs = keras.Input((12,))
    x = base(inputs, training=False)
    x = Dropout(DROPOUT)(x)
    model = Model(inputs, Dense(1, activation="sigmoid")(x))
    model.compile(Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    x, y = data(seed)
    model = build(seed)
    model.fit(x, y, batch_size=32, epochs=5, verbose=0)
    for layer in model.layers:
        layer.trainable = True
    model.compile(Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=32, epochs=8, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, loss = main()
    print(f"loss {loss:.3f}, accuracy {model.evaluate(*data(), verbose=0)[1]:.3f}")
