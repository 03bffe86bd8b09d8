"""One case in twelve is rare: weights of classes, a focal loss, and metrics that see the rare."""

import keras
import numpy as np
from keras import layers, metrics

EPOCHS = 8


def data(seed=0):
    """Return samples of which one in twelve is of the rare kind."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1920, 8))
    score = x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * rng.normal(size=1920)
    return x, (score > 2.0).astype("float32")[:, None]


def build():
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.003),
        loss=keras.losses.BinaryFocalCrossentropy(gamma=1.0),
        metrics=[
            metrics.AUC(curve="PR", name="pr"),
            metrics.AUC(name="roc"),
            metrics.PrecisionAtRecall(0.8, name="precision_at_recall"),
            metrics.Recall(thresholds=0.3, name="recall"),
        ],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    x, y = data(seed)
    weights = {0: 1.0, 1: 4.0}
    history = model.fit(x, y, batch_size=64, epochs=EPOCHS, class_weight=weights, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    found = model.evaluate(*data(seed=1), verbose=0, return_dict=True)
    print({name: round(value, 3) for name, value in found.items()})
