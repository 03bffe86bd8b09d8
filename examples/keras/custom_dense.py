"""A dense layer of one's own: weights are made in `build` and used in `call`."""

import keras
from keras import layers, ops
from sklearn.datasets import load_diabetes

EPOCHS = 15


class Linear(layers.Layer):
    """Multiplies by a matrix and adds a vector."""

    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="w"
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b


class Scale(layers.Layer):
    """Multiplies each column by the exponential of a weight."""

    def build(self, input_shape):
        self.log_scale = self.add_weight(shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        return inputs * ops.exp(self.log_scale)


def data(seed=0):
    diabetes = load_diabetes()
    y = diabetes.target
    return diabetes.data * 20, (y - y.mean()) / y.std()


def build():
    model = keras.Sequential(
        [
            keras.Input((10,)),
            Scale(),
            Linear(24),
            layers.Activation("relu"),
            Linear(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(0.02, momentum=0.9), loss="mse")
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, loss = main()
    print(f"loss {loss:.3f}; weights {[weight.shape for weight in model.get_weights()]}")
