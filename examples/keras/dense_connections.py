"""Each layer reads all layers before it: densely connected layers, for the kinds of wine."""

import keras
from keras.layers import BatchNormalization, Concatenate, Dense, Input, ReLU
from keras.models import Model
from keras.utils import to_categorical
from sklearn.datasets import load_wine

GROWTH = 8
EPOCHS = 20


def data(seed=0):
    wine = load_wine()
    x = (wine.data - wine.data.mean(axis=0)) / wine.data.std(axis=0)
    return x, to_categorical(wine.target, 3)


def build():
    inputs = Input((13,))
    values = [inputs]
    for number in range(4):
        joined = values[0] if number == 0 else Concatenate(name=f"all_{number}")(values)
        new = Dense(GROWTH, use_bias=False, name=f"grow_{number}")(joined)
        new = BatchNormalization(momentum=0.9)(new)
        values.append(ReLU()(new))
    outputs = Dense(3, activation="softmax")(Concatenate(name="everything")(values))
    model = Model(inputs, outputs)
    model.compile(
        keras.optimizers.Adagrad(learning_rate=0.02),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=16, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    model.summary()
    print("loss and accuracy:", model.evaluate(*data(), verbose=0))
