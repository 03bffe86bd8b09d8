"""A layer made of layers: a residual block, of which a functional model stacks four."""

import keras
import numpy as np
from keras.layers import BatchNormalization, Dense, Layer

EPOCHS = 12


class ResidualBlock(Layer):
    """Adds to its input what dense layers make of it."""

    def __init__(self, depth, units, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.units = units
        self.hidden = [Dense(units, activation="relu") for _ in range(depth)]
        self.norm = BatchNormalization()

    def call(self, inputs):
        x = inputs
        for layer in self.hidden:
            x = layer(x)
        return self.norm(inputs + x)

    def get_config(self):
        return {**super().get_config(), "depth": self.depth, "units": self.units}


def data(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1024, 5))
    return x, np.sin(2 * x[:, :1]) * x[:, 1:2] + np.cos(x[:, 2:3])


def build():
    inputs = keras.Input((5,))
    x = Dense(24, activation="relu")(inputs)
    for number in range(4):
        x = ResidualBlock(2, 24, name=f"block_{number}")(x)
    model = keras.Model(inputs, Dense(1)(x))
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.003))
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, loss = main()
    model.summary()
    print(f"loss {loss:.3f}, on new points {model.evaluate(*data(seed=1), verbose=0):.3f}")
