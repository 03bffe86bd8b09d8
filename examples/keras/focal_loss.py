"""Rare cases by a focal loss, with a metric of one's own beside it."""

import keras
import numpy as np
from keras import layers, ops

GAMMA = 2.0
EPOCHS = 10


def focal_loss(y_true, y_pred):
    """Cross-entropy that counts what is right already less."""
    y_pred = ops.clip(y_pred, 1e-6, 1 - 1e-6)
    right = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    return ops.mean(-((1 - right) ** GAMMA) * ops.log(right), axis=-1)


def found(y_true, y_pred):
    """Whether a sample is taken for what it is."""
    return ops.mean(ops.cast(ops.equal(y_true > 0.5, y_pred > 0.5), "float32"), axis=-1)


def data(seed=0):
    """Return samples of which one in seven is of the rare kind."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1536, 6))
    rare = x[:, 0] * x[:, 1] + x[:, 2] > 1.2
    return x, rare.astype("float32")[:, None]


def build():
    inputs = keras.Input((6,))
    x = layers.Dense(32, activation="relu")(inputs)
    x = layers.Dense(16, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss=focal_loss, metrics=[found])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    x, y = data(seed=1)
    rare = y[:, 0] > 0
    answers = model.predict(x, verbose=0)[:, 0] > 0.5
    print(f"rare cases found: {answers[rare].mean():.2f}, others: {1 - answers[~rare].mean():.2f}")
