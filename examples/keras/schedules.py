"""A study of schedules: the same network with five ways to lower the learning rate."""

import keras
import numpy as np
from keras import layers
from keras.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
)

EPOCHS = 8
STEPS = EPOCHS * 24

SCHEDULES = {
    "exponential": ExponentialDecay(0.1, 24, 0.7),
    "inverse time": InverseTimeDecay(0.1, 24, 0.5, staircase=True),
    "steps": PiecewiseConstantDecay([STEPS // 2, 3 * STEPS // 4], [0.1, 0.03, 0.01]),
    "cosine, restarted": CosineDecayRestarts(0.1, 48),
    "cosine, warmed up": CosineDecay(0.0, STEPS - 24, warmup_target=0.1, warmup_steps=24),
}


def data(seed=0):
    """Return points of a wave in three dimensions."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, size=(768, 3))
    return x, np.sin(x.sum(axis=1, keepdims=True)) + 0.05 * rng.normal(size=(768, 1))


def build(schedule="cosine, warmed up"):
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(32, activation="tanh"),
            layers.Dense(32, activation="tanh"),
            layers.Dense(1),
        ]
    )
    optimizer = keras.optimizers.SGD(SCHEDULES[schedule], momentum=0.9)
    model.compile(optimizer=optimizer, loss="mse")
    return model


def main(seed=0):
    x, y = data(seed)
    final = []
    for schedule in SCHEDULES:
        keras.utils.set_random_seed(seed)
        model = build(schedule)
        history = model.fit(x, y, batch_size=32, epochs=EPOCHS, verbose=0)
        final.append(history.history["loss"][-1])
    return model, sum(final) / len(final)


if __name__ == "__main__":
    print(f"mean final loss of {len(SCHEDULES)} schedules: {main()[1]:.4f}")
