"""What a user writes: each line's type must be known, to the last part, to pyright and to mypy.

`tests/package/test_typing.py` runs both over it; it runs as a script too.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import fanin
import numpy as np
from fanin.callbacks import Callback, EarlyStopping
from fanin.layers import BatchNormalization, Dense, Dropout, Input
from fanin.typing import FloatArray, InitializerName

if not TYPE_CHECKING:

    def reveal_type(value):
        """Return the value, as `typing.reveal_type` does, and print nothing."""
        return value


class Watch(Callback):
    """A callback of the user's own."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        reveal_type(self.model)
        reveal_type(self.params)


def spread(kernel: FloatArray, name: InitializerName = "he_normal") -> float:
    """Compare a kernel's spread with that of a fresh one."""
    fresh = fanin.initializers.get(name)(kernel.shape)
    return float(kernel.std() / fresh.std())


(pictures, labels), test = reveal_type(fanin.datasets.fashion_mnist.load_data("small"))
x, y = pictures[:200].reshape(-1, 784) / 255.0, labels[:200]
hidden = reveal_type(Dense(16, "relu", kernel_initializer="he_normal"))
head = Dense(10, activation="softmax", name="head")
model = reveal_type(
    fanin.Sequential([Input((784,)), hidden, BatchNormalization(), Dropout(0.1), head], rng=0)
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
reveal_type(model.optimizer)
reveal_type(model.loss)
reveal_type(model.metrics)
history = reveal_type(
    model.fit(x, y, epochs=2, verbose=0, validation_split=0.2, callbacks=[Watch(), EarlyStopping()])
)
reveal_type(history.history)
reveal_type(history.history["val_loss"][-1])
reveal_type(history.epoch)
reveal_type(model.evaluate(x, y, verbose=0, return_dict=True))
loss, accuracy = reveal_type(model.evaluate(x, y, verbose=0))
reveal_type(model.train_on_batch(x, y, return_dict=True))
loss, accuracy = reveal_type(model.test_on_batch(x, y))
reveal_type(model.predict_on_batch(x))
reveal_type(loss)
outputs = reveal_type(model.predict(x, verbose=0))
reveal_type(model(x))
out, cache = reveal_type(model.forward(x, training=True))
value, dy = reveal_type(model.loss.value_and_gradient(y, out))
reveal_type(model.backward(dy, cache))
reveal_type(model.layers)
reveal_type(model.get_layer("head"))
reveal_type(model.get_weights())
reveal_type(model.params)
reveal_type(model.slots)
reveal_type(hidden.kernel)
reveal_type(hidden.bias)
reveal_type(model.layers[0].kernel)
reveal_type(hidden.units)
reveal_type(hidden.activation)
reveal_type(hidden.kernel_initializer)
hidden.kernel_initializer = "glorot_uniform"
reveal_type(hidden.get_config())
reveal_type(spread(hidden.kernel))

report = reveal_type(fanin.diagnose(model, x, y))
reveal_type(report.findings)
reveal_type(report.layers[0].output.std)
reveal_type(report.layers[0].weights["kernel"])
reveal_type(report.to_dict())
result = reveal_type(
    fanin.compare(
        ["he_normal", "zeros"],
        data=((x, y), (x, y)),
        seeds=2,
        epochs=1,
        hidden=(4,),
        progress=False,
    )
)
reveal_type(result.best)
reveal_type(result["Zeros"].test_accuracy.mean)
reveal_type([arm.label for arm in result])
advice = reveal_type(fanin.recommend(model))
reveal_type(advice.initializer)
reveal_type(advice.code)
reveal_type(fanin.symmetry(model, x, y))
reveal_type(fanin.initialize(model, "he_normal", seed=1, rules={"head": "orthogonal"}))
reveal_type(fanin.lsuv(model, x))
reveal_type(fanin.gain("relu"))
reveal_type(fanin.gain(lambda z: np.maximum(z, 0) ** 2))
reveal_type(fanin.theory.mean_field("tanh", 1.0))
reveal_type(fanin.batch_norm_report(model, x))
reveal_type(fanin.fold_batch_norm(model))

initializer = reveal_type(fanin.initializers.HeNormal(seed=3))
reveal_type(initializer((784, 16)))
reveal_type(initializer.explain((784, 16), activation="relu"))
reveal_type(fanin.initializers.get("orthogonal"))
reveal_type(fanin.initializers.get(None))
reveal_type(fanin.he_init((784, 16)))
reveal_type(fanin.activations.relu([-1.0, 1.0]))
reveal_type(fanin.activations.get("relu"))
reveal_type(fanin.losses.get("mse"))
reveal_type(fanin.losses.mean_squared_error([[0.0]], [[1.0]]))
reveal_type(fanin.losses.MeanSquaredError()([[0.0]], [[1.0]]))
reveal_type(fanin.metrics.get("mae"))
optimizer = reveal_type(fanin.optimizers.Adam(1e-3))
reveal_type(optimizer.learning_rate)
reveal_type(fanin.optimizers.schedules.CosineDecay(0.1, 100)(3))
reveal_type(fanin.optimizers.get("sgd"))
reveal_type(fanin.random.Stream(3).at("0/kernel"))
reveal_type(fanin.init.normal_(np.empty((3, 4))))
reveal_type(fanin.utils.to_categorical(y, 10))
reveal_type(fanin.keras.layers.Dense(3))
reveal_type(fanin.__version__)
reveal_type(fanin.get_num_threads())
twin = fanin.models.clone_model(model)
twin.compile("sgd", fanin.losses.SparseCategoricalCrossentropy())
reveal_type(fanin.fit_many([twin], x, y, verbose=0))

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "model.npz")
    model.save(path)
    reveal_type(fanin.saving.load_model(path))
