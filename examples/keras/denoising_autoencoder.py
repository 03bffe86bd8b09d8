"""Clean pictures out of noisy ones: two Sequential models in a functional one."""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

NOISE = 0.3
DROPOUT = 0.1
EPOCHS = 10


def data(seed=0):
    clean = load_digits().images / 16.0
    rng = np.random.default_rng(seed)
    return np.clip(clean + rng.normal(0, NOISE, clean.shape), 0, 1), clean


def build():
    encoder = keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.Flatten(),
            layers.Dropout(DROPOUT),
            layers.Dense(64),
            layers.LeakyReLU(negative_slope=0.1),
            layers.Dense(24, activation="elu"),
        ],
        name="encoder",
    )
    decoder = keras.Sequential(
        [
            keras.Input((24,)),
            layers.Dense(64),
            layers.LeakyReLU(negative_slope=0.1),
            layers.Dense(64, activation="sigmoid"),
            layers.Reshape((8, 8)),
        ],
        name="decoder",
    )
    noisy = keras.Input((8, 8))
    model = keras.Model(noisy, decoder(encoder(noisy)))
    model.compile(optimizer="adam", loss="mean_squared_error")
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    noisy, clean = data(seed)
    model = build()
    history = model.fit(noisy, clean, batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    noisy, clean = data(seed=1)
    found = model.predict(noisy, verbose=0)
    print(f"error before {np.mean((noisy - clean) ** 2):.4f}")
    print(f"error after  {np.mean((found - clean) ** 2):.4f}")
