"""Options that a callback sets while a network is trained count from the next batch on."""

import fanin
import numpy as np
import pytest
from fanin import layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = RNG.normal(size=(64, 2)).astype("float32")


class At(fanin.callbacks.Callback):
    """Do something when an epoch or a batch begins."""

    def __init__(self, change, epoch, batch=None):
        super().__init__()
        self.change, self.epoch, self.batch, self.now = change, epoch, batch, None

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        if self.batch is None and epoch == self.epoch:
            self.change(self.model)


class AtBatch(At):
    """The same before a batch."""

    def on_train_batch_begin(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, self.batch):
            self.change(self.model)


def network(optimizer=None):
    row = [
        fanin.Input((4,)),
        layers.Dense(6, "tanh", name="first"),
        layers.BatchNormalization(name="norm"),
        layers.Dropout(0.5, name="drop"),
        layers.Dense(2, name="last"),
    ]
    model = fanin.Sequential(row, rng=0)
    model.compile(optimizer or optimizers.SGD(0.05), "mse")
    return model


CHANGES = {
    "rate": lambda m: setattr(m.get_layer("drop"), "rate", 0.0),
    "trainable": lambda m: setattr(m.get_layer("first"), "trainable", False),
    "momentum": lambda m: setattr(m.get_layer("norm"), "momentum", 0.5),
    "epsilon": lambda m: setattr(m.get_layer("norm"), "epsilon", 0.1),
    "activation": lambda m: setattr(m.get_layer("first"), "activation", "relu"),
    "weight_decay": lambda m: setattr(m.optimizer, "weight_decay", 0.9),
    "clipnorm": lambda m: setattr(m.optimizer, "clipnorm", 1e-3),
    "learning_rate": lambda m: setattr(m.optimizer, "learning_rate", 0.01),
    "optimizer's momentum": lambda m: setattr(m.optimizer, "momentum", 0.9),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_set_as_an_epoch_begins_counts_as_between_two_fits(change):
    within, between, never = network(), network(), network()
    call = {"shuffle": False, "verbose": 0, "batch_size": 16}
    within.fit(X, Y, epochs=4, callbacks=[At(change, 2)], **call)
    between.fit(X, Y, epochs=2, **call)
    change(between)
    between.fit(X, Y, epochs=4, initial_epoch=2, **call)
    never.fit(X, Y, epochs=4, **call)
    for a, b in zip(within.get_weights(), between.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(within.get_weights(), never.get_weights(), strict=True)
    )


@pytest.mark.parametrize("loss", ["core", "python"])
def test_what_is_set_before_a_batch_counts_for_that_batch(loss):
    class Own(fanin.losses.Loss):
        def value_and_gradient(self, y_true, y_pred, sample_weight=None, *, threads=None):
            own = fanin.losses.MeanSquaredError()
            return own.value_and_gradient(y_true, y_pred, sample_weight)

    seen = []

    def freeze(model):
        model.get_layer("first").trainable = False
        seen.append([w.copy() for w in model.get_layer("first").get_weights()])

    model = network()
    model.compile("adam", "mse" if loss == "core" else Own())
    begin = model.get_layer("first").get_weights()
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[AtBatch(freeze, 0, 2)])
    assert not np.array_equal(begin[0], seen[0][0])
    for a, b in zip(seen[0], model.get_layer("first").get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_an_attribute_that_a_call_of_ones_own_reads():
    class Scaled(layers.Layer):
        def __init__(self):
            super().__init__()
            self.factor = 1.0

        def call(self, x):
            return x * self.factor

    def make():
        inputs = fanin.Input((4,))
        scaled = Scaled()
        model = fanin.Model(inputs, scaled(layers.Dense(2)(inputs)), rng=0)
        model.compile("sgd", "mse")
        return model, scaled

    call = {"shuffle": False, "verbose": 0}
    (within, scaled), (between, other) = make(), make()
    change = At(lambda model: setattr(scaled, "factor", 0.25), 1)
    within.fit(X, Y, epochs=3, callbacks=[change], **call)
    between.fit(X, Y, epochs=1, **call)
    other.factor = 0.25
    between.fit(X, Y, epochs=3, initial_epoch=1, **call)
    assert np.array_equal(within.params, between.params)


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.compile("sgd", "mse"),
        lambda model: model.add(layers.Dense(1)),
        lambda model: model.pop(),
    ],
)
def test_what_training_is_made_of_does_not_change_within_it(change):
    def refused(model):
        with pytest.raises(RuntimeError, match="this thread trains or changes"):
            change(model)

    model, twin = network(), network()
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[At(refused, 1)])
    twin.fit(X, Y, epochs=2, verbose=0)
    assert np.array_equal(model.params, twin.params)
