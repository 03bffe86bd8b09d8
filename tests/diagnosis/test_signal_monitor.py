"""Watching signals while training: what is recorded, when, and that training does not notice."""

import pickle

import fanin
import numpy as np
import pytest
from fanin.callbacks import Callback, SignalMonitor
from fanin.layers import BatchNormalization, Dense, Dropout

RNG = np.random.default_rng(0)
X = RNG.normal(size=(320, 6)).astype("float32")
Y = RNG.integers(0, 3, 320)


def network(activation="relu"):
    layers = [Dense(16, activation), BatchNormalization(), Dropout(0.2, seed=1)]
    model = fanin.Sequential([*layers, Dense(16, activation), Dense(3, "softmax")], rng=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(model, *callbacks, epochs=3):
    return model.fit(X, Y, batch_size=32, epochs=epochs, verbose=0, callbacks=list(callbacks))


@pytest.mark.parametrize("every", [None, 1, 4, 7, 1000])
def test_training_gives_the_same_bits(every):
    alone, watched = network(), network()
    fit(alone)
    fit(watched, SignalMonitor(X[:64], Y[:64], every=every))
    for a, b in zip(alone.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("every", "steps"),
    [(4, [0, 4, 8, 12, 16, 20, 24, 28, 30]), (15, [0, 15, 30]), (1000, [0, 30])],
)
def test_records_come_after_the_steps_that_were_asked_for(every, steps):
    monitor = SignalMonitor(X[:64], every=every)
    assert fit(network(), monitor).signals is monitor.signals
    assert monitor.signals.steps == steps


def test_a_further_fit_goes_on_counting_and_records_anew():
    model, monitor = network(), SignalMonitor(X[:64], Y[:64], every=20)
    first = fit(model, monitor).signals
    second = fit(model, monitor).signals
    assert first.steps == [0, 20, 30]
    assert second.steps == [30, 40, 60]
    np.testing.assert_array_equal(first["std"][-1], second["std"][0])


def test_the_budget_is_kept():
    monitor = SignalMonitor(X[:64], Y[:64], cost=1e-9)
    fit(network(), monitor)
    assert monitor.signals.steps == [0, 30]


def test_values_are_those_of_the_layers():
    model, monitor = network("tanh"), SignalMonitor(X, Y, every=1000)
    fit(model, monitor, epochs=1)
    signals = monitor.signals
    assert signals.layers == [layer.name for layer in model.layers if "dense" in layer.name]
    first = model.layers[0]
    z = X @ first.kernel + first.bias
    assert signals["std"][-1, 0] == pytest.approx(float(np.tanh(z).std()), rel=1e-5)
    assert signals["mean"][-1, 0] == pytest.approx(float(np.tanh(z).mean()), abs=1e-6)
    flat = float((1 - np.tanh(z.astype(float)) ** 2 < 0.1).mean())
    assert signals["saturated"][-1, 0] == pytest.approx(flat, abs=1e-6)


def test_gradients_are_those_of_training():
    layers = [Dense(16, "tanh"), Dense(3, "softmax")]
    model = fanin.Sequential(layers, rng=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    monitor = SignalMonitor(X, Y, every=1)
    model.build((None, 6))
    before = model.layers[0].kernel.copy()
    model.fit(X, Y, batch_size=320, verbose=0, callbacks=[monitor])
    gradient = (before - model.layers[0].kernel) / 0.01
    ratio = float(np.sqrt((gradient**2).mean()) / np.sqrt((before**2).mean()))
    assert monitor.signals["ratio"][0, 0] == pytest.approx(ratio, rel=1e-3)


def test_dead_units_are_seen():
    model = network()
    model.build((None, 6))
    model.layers[0].bias[:4] = -100.0
    monitor = SignalMonitor(X, Y, every=1000)
    fit(model, monitor, epochs=1)
    assert monitor.signals["dead"][0, 0] == pytest.approx(4 / 16)
    assert np.isnan(monitor.signals["dead"][0, -1])  # softmax has no dead units


def test_pulses_of_several_callbacks_do_not_get_in_each_others_way():
    class Pulse(Callback):
        def __init__(self, every):
            super().__init__()
            self.pulse_every, self.seen = every, []

        def on_train_pulse(self, batch, logs=None):
            self.seen.append(batch)

    three, five, batches = Pulse(3), Pulse(5), []
    each = fanin.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: batches.append(batch))
    fit(network(), three, five, epochs=1)
    assert {2, 5, 8} <= set(three.seen)
    assert {4, 9} <= set(five.seen)
    fit(network(), Pulse(3), each, epochs=1)
    assert batches == list(range(10))


def test_a_picture_is_drawn_and_says_what_it_shows():
    pytest.importorskip("matplotlib")
    history = fit(network(), SignalMonitor(X[:64], Y[:64], every=5))
    figure = history.plot_signals()
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert "standard deviation of activations" in titles
    assert figure.axes[-1].get_xlabel() == "step"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == history.signals.layers


def test_refusals():
    for arguments in ({"every": 0}, {"every": 1.5}, {"cost": 0.0}, {"cost": 2.0}):
        with pytest.raises((ValueError, TypeError), match=next(iter(arguments))):
            SignalMonitor(X, **arguments)
    model = network()
    with pytest.raises(ValueError, match="x of SignalMonitor"):
        fit(model, SignalMonitor(X[:, :3]))
    with pytest.raises(ValueError, match="SignalMonitor"):
        fit(network()).plot_signals()
    with pytest.raises(KeyError, match="expected one of"):
        fit(network(), SignalMonitor(X)).signals["variance"]


def test_a_monitor_can_be_copied_while_it_watches():
    copies = []

    class Copying(Callback):
        def on_epoch_end(self, epoch, logs=None):
            copies.append(pickle.loads(pickle.dumps(monitor)))

    monitor = SignalMonitor(X[:64], Y[:64], every=5)
    network().fit(X, Y, verbose=0, callbacks=[monitor, Copying()])
    assert copies[0].signals.steps == monitor.signals.steps == [0, 5, 10]
