"""A mean and a spread for each sample: the likelihood of a normal law as a loss of one's own."""

import keras
import numpy as np
from keras import ops
from keras.layers import Dense, Input

EPOCHS = 15


def negative_log_likelihood(y_true, y_pred):
    """Of a normal law, whose mean and logarithm of the variance are the two outputs."""
    mean, log_variance = y_pred[:, :1], y_pred[:, 1:]
    squared = ops.square(y_true - mean) * ops.exp(-log_variance)
    return ops.mean(0.5 * (log_variance + squared), axis=-1)


def data(seed=0):
    """Return a line whose noise grows."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, size=(1024, 1))
    return x, 2 * x - 1 + rng.normal(size=x.shape) * (0.05 + 0.5 * x)


def build():
    inputs = Input((1,))
    x = Dense(24, activation="tanh")(inputs)
    model = keras.Model(inputs, Dense(2)(x))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=negative_log_likelihood)
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    for place in (0.1, 0.9):
        mean, log_variance = model.predict(np.array([[place]]), verbose=0)[0]
        print(f"at {place}: {mean:.2f} +- {np.exp(log_variance / 2):.2f}")
