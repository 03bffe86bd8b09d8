"""Losses of one's own beside those of Keras: the same code, the same training."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import fanin
import numpy as np
import pytest

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 6)).astype("float32")
CLASSES = RNG.integers(0, 3, 64)
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]


def blend(k):
    def loss(y_true, y_pred):
        likely = k.losses.categorical_crossentropy(y_true, y_pred, label_smoothing=0.1)
        return likely + 0.5 * k.losses.mean_squared_error(y_true, y_pred)

    return loss


def of_objects(k):
    cross, apart = k.losses.CategoricalCrossentropy(), k.losses.MeanAbsoluteError()

    def loss(y_true, y_pred):
        return cross(y_true, y_pred) + 2.0 * apart(y_true, y_pred)

    return loss


def of_classes(k):
    def loss(y_true, y_pred):
        chosen = k.ops.one_hot(k.ops.cast(y_true, "int32"), 3)
        chosen = k.ops.reshape(chosen, (-1, 3))
        entropy = -k.ops.sum(y_pred * k.ops.log(y_pred + 1e-7), axis=-1)
        likely = k.losses.sparse_categorical_crossentropy(y_true, y_pred)
        return likely - 0.1 * entropy + k.ops.sum(k.ops.square(chosen - y_pred), axis=-1)

    return loss


def of_class(k):
    class Flags(k.losses.Loss):
        def call(self, y_true, y_pred):
            logits = k.ops.log(y_pred) - k.ops.log(1.0 - y_pred)
            return k.losses.binary_crossentropy(y_true, logits, from_logits=True)

    return Flags()


def network(k, loss):
    model = k.Sequential(
        [k.Input((6,)), k.layers.Dense(8, "tanh"), k.layers.Dense(3, activation="softmax")]
    )
    model.compile(k.optimizers.SGD(0.1), loss)
    return model


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("make", "y"),
    [(blend, ONE_HOT), (of_objects, ONE_HOT), (of_classes, CLASSES), (of_class, ONE_HOT)],
)
def test_twenty_steps_are_those_of_keras(make, y):
    theirs, ours = network(keras, make(keras)), network(fanin, make(fanin))
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    given = {"batch_size": 64, "epochs": 20, "shuffle": False, "verbose": 0}
    expected = theirs.fit(X, y, **given).history["loss"]
    np.testing.assert_allclose(ours.fit(X, y, **given).history["loss"], expected, rtol=1e-5)
