"""An autoencoder as a class that holds two Sequential models; strange samples are found by it."""

import keras
import numpy as np
from keras import layers
from keras.models import Model

EPOCHS = 12


class AnomalyDetector(Model):
    """Reads 20 numbers, of which 4 must tell the rest."""

    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential(
            [layers.Dense(16, activation="relu"), layers.Dense(4, activation="tanh")]
        )
        self.decoder = keras.Sequential(
            [layers.Dense(16, activation="relu"), layers.Dense(20, activation="linear")]
        )

    def call(self, x):
        encoded = self.encoder(x)
        return self.decoder(encoded)


def data(seed=0):
    """Return waves of different frequency and phase."""
    rng = np.random.default_rng(seed)
    frequency, phase = rng.uniform(0.5, 1.5, (1024, 1)), rng.uniform(0, 2, (1024, 1))
    waves = np.sin(frequency * np.linspace(0, 6, 20) + phase)
    return waves, waves


def build():
    model = AnomalyDetector()
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss="mae")
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    waves, _ = data(seed=1)
    noise = np.random.default_rng(0).normal(0, 0.7, waves.shape)
    for name, x in (("waves", waves), ("noise", noise)):
        error = np.abs(model.predict(x, verbose=0) - x).mean()
        print(f"error of {name}: {error:.3f}")
