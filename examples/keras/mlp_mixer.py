"""A mixer: dense layers along the rows of a picture, then along its columns, in turns."""

import keras
from keras import layers
from sklearn.datasets import load_digits

BLOCKS = 2
EPOCHS = 10


def data(seed=0):
    digits = load_digits()
    return digits.data, digits.target


def perceptron(x, hidden, units):
    x = layers.Dense(hidden, activation="gelu")(x)
    return layers.Dense(units)(x)


def mixer_block(x):
    across = layers.Permute((2, 1))(x)
    across = perceptron(across, 16, 8)
    x = layers.Add()([x, layers.Permute((2, 1))(across)])
    return layers.Add()([x, perceptron(x, 32, 16)])


def build():
    inputs = keras.Input((64,))
    x = layers.Rescaling(scale=1 / 8, offset=-1)(inputs)
    x = layers.Reshape((8, 8))(x)
    x = layers.Dense(16)(x)
    for _ in range(BLOCKS):
        x = mixer_block(x)
    x = layers.Flatten()(x)
    model = keras.Model(inputs, layers.Dense(10)(x))
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.ExponentialDecay(2e-3, decay_steps=100, decay_rate=0.9)
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    x, y = data(seed)
    model = build()
    history = model.fit(x, y, batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    model.summary()
    print("loss and accuracy:", model.evaluate(*data(), verbose=0))
