"""Networks to train beneath callbacks, and how these refuse."""

import warnings

import fanin
import numpy as np
from fanin import callbacks, layers, optimizers
from refusals import assert_refused

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def network(built=True, rate=0.01, **options):
    net = fanin.Sequential([layers.Dense(1, **({"input_dim": 3} if built else {}))], rng=0)
    net.compile(**{"optimizer": optimizers.SGD(rate), "loss": "mse", "metrics": ["mae"], **options})
    return net


class Count(callbacks.Callback):
    """Counts what training has come to."""

    begun = batches = 0

    def on_train_begin(self, logs=None):
        self.begun += 1

    def on_train_batch_begin(self, batch, logs=None):
        self.batches += 1


class Write(callbacks.Callback):
    """Writes values of its own into the logs of each epoch: a number, or one an epoch."""

    def __init__(self, **values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        for name, value in self.values.items():
            if not isinstance(value, list):
                logs[name] = value
            elif value[epoch] is not None:
                logs[name] = value[epoch]


def assert_refused_before_training(build, kinds, *words, **options):
    """Assert that `fit` with some callbacks refuses before it changes anything."""
    for built in (True, False):
        net, count = network(built), Count()
        before = net.get_weights() if built else None

        def train(net=net, count=count):
            given = [count, *build()]
            net.fit(X, Y, verbose=0, callbacks=given, **{"epochs": 3, **options})

        assert_refused(train, kinds, *words)
        assert (count.begun, count.batches) == (0, 0)
        assert net.built is built
        if built:
            assert all(map(np.array_equal, before, net.get_weights()))


def quiet_fit(net, given, **options):
    """Train, and return the history and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = net.fit(X, Y, verbose=0, callbacks=given, **options)
    return history, [str(warning.message) for warning in caught]
