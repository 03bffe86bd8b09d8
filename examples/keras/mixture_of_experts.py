"""A mixture of experts: a softmax weighs what several small networks answer."""

import keras
import numpy as np
from keras.layers import Concatenate, Dense, Dot, Input
from keras.models import Model, Sequential

EXPERTS = 4
EPOCHS = 15


def data(seed=0):
    """Return points of a function that has another law in each half of its domain."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, size=(1024, 2))
    y = np.where(x[:, 0] < 0, np.sin(4 * x[:, 1]), x[:, 0] * x[:, 1])
    return x, y + rng.normal(0, 0.02, len(y))


def build():
    inputs = Input((2,))
    answers = []
    for number in range(EXPERTS):
        expert = Sequential(
            [Input((2,)), Dense(16, activation="tanh"), Dense(1)], name=f"expert_{number}"
        )
        answers.append(expert(inputs))
    weights = Dense(EXPERTS, activation="softmax", name="gate")(
        Dense(16, activation="relu")(inputs)
    )
    output = Dot(axes=-1)([weights, Concatenate()(answers)])
    model = Model(inputs, output)
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(learning_rate=0.01))
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    x, y = data(seed)
    model = build()
    history = model.fit(x, y, epochs=EPOCHS, batch_size=32, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, loss = main()
    gate = Model(model.input, model.get_layer("gate").output)
    shares = gate.predict(np.array([[-1.0, 0.5], [1.0, 0.5]]), verbose=0)
    print(f"loss {loss:.4f}; shares of the experts left and right:\n{shares.round(2)}")
