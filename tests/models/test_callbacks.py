"""Callbacks: which hooks are called when, and what the ready-made ones do."""

import csv
import math
import warnings

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, optimizers
from trainings import feed

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X.sum(1)


def model(rate=0.01, **kwargs):
    net = fanin.Sequential([layers.Dense(1, input_dim=3)], rng=0)
    net.compile(**{"optimizer": optimizers.SGD(rate), "loss": "mse", "metrics": ["mae"], **kwargs})
    return net


class Recorder(callbacks.Callback):
    """Writes down every hook that is called."""

    def __init__(self):
        super().__init__()
        self.calls = []


for hook in (name for name in dir(callbacks.Callback) if name.startswith("on_")):

    def record(self, *args, hook=hook, **kwargs):
        self.calls.append((hook, *args))

    if hook not in ("on_batch_begin", "on_batch_end"):
        setattr(Recorder, hook, record)


def test_order_of_the_hooks():
    recorder = Recorder()
    net = model()
    net.fit(X, Y, batch_size=20, epochs=2, validation_split=0.5, verbose=0, callbacks=[recorder])
    batch = ["on_train_batch_begin", "on_train_batch_end", "on_train_pulse"]
    test = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    epoch = ["on_epoch_begin", *batch, *test, "on_epoch_end"]
    assert [c[0] for c in recorder.calls] == ["on_train_begin", *epoch, *epoch, "on_train_end"]
    assert recorder.model is net
    assert recorder.params == {"verbose": 0, "epochs": 2, "steps": 1}
    logs = {c[0]: c[-1] for c in recorder.calls}
    assert set(logs["on_train_batch_end"]) == {"loss", "mae"}
    assert set(logs["on_test_end"]) == {"loss", "mae"}
    assert set(logs["on_epoch_end"]) == {"loss", "mae", "val_loss", "val_mae"}


def test_pulse_comes_less_often_than_batches_and_changes_nothing():
    class Pulse(callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.batches = []

        def on_train_pulse(self, batch, logs=None):
            self.batches.append(batch)

    x, y = np.tile(X, (50, 1)), np.tile(Y, 50)
    watched, alone, pulse = model(), model(), Pulse()
    watched.fit(x, y, batch_size=2, verbose=0, callbacks=[pulse])
    alone.fit(x, y, batch_size=2, verbose=0)
    assert pulse.batches[-1] == 999
    assert len(pulse.batches) < 500
    np.testing.assert_array_equal(watched.params, alone.params)


def test_hooks_of_evaluate_and_predict():
    recorder = Recorder()
    net = model()
    watched = net.evaluate(X, Y, batch_size=15, verbose=0, callbacks=recorder)
    assert [c[0] for c in recorder.calls].count("on_test_batch_end") == 3
    assert watched == pytest.approx(net.evaluate(X, Y, batch_size=15, verbose=0), rel=1e-6)
    recorder.calls.clear()
    outputs = net.predict(X, batch_size=15, verbose=0, callbacks=[recorder])
    assert [c[1] for c in recorder.calls if c[0] == "on_predict_batch_end"] == [0, 1, 2]
    assert np.array_equal(outputs, net.predict(X, verbose=0))


def test_former_names_of_the_batch_hooks():
    seen = []

    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append((batch, sorted(logs)))

    model().fit(X, Y, batch_size=20, verbose=0, callbacks=[Old()])
    assert seen == [(0, ["loss", "mae"]), (1, ["loss", "mae"])]


def test_batch_logs_are_running_means():
    seen = []
    watcher = callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(logs["loss"]))
    history = model(rate=0.0).fit(
        X, Y, batch_size=15, shuffle=False, verbose=0, callbacks=[watcher]
    )
    rows = (model().predict(X, verbose=0)[:, 0] - Y) ** 2
    expected = [rows[:15].mean(), rows[:30].mean(), rows.mean()]
    assert seen == pytest.approx(expected, rel=1e-5)
    assert history.history["loss"] == [seen[-1]]


def test_a_callback_may_change_the_rate_at_every_batch():
    rates = []

    class Finder(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = 0.0 if batch else 0.1
            rates.append(self.model.params.copy())

    net = model()
    net.fit(X, Y, batch_size=10, verbose=0, callbacks=[Finder()])
    assert not np.array_equal(rates[0], rates[1])
    assert np.array_equal(rates[1], rates[3])


def test_stop_training_after_a_batch():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    net = model()
    history = net.fit(X, Y, batch_size=10, epochs=5, verbose=0, callbacks=[Stop()])
    assert history.epoch == [0]
    assert net._compiled.iterations == 2
    assert len(net.fit(X, Y, epochs=2, verbose=0).epoch) == 2  # the next fit starts afresh


@pytest.mark.parametrize(
    ("kwargs", "values", "epochs"),
    [
        ({}, [3, 2, 2, 1], 3),
        ({"patience": 2}, [3, 2, 2, 2, 1], 4),
        ({"patience": 2}, [3, 2, 2, 1, 1, 1, 1], 6),
        ({"min_delta": 0.5}, [3, 2, 1.9, 1], 3),
        ({"mode": "max"}, [1, 2, 3, 3, 4], 4),
        ({"start_from_epoch": 3}, [1, 2, 3, 4, 3, 3], 6),
        ({"baseline": 0.5, "patience": 3}, [3, 2, 1, 0.9], 3),
        ({}, [math.nan, math.nan, 1], 2),
    ],
)
def test_early_stopping(kwargs, values, epochs):
    assert feed(callbacks.EarlyStopping(**kwargs), values)[0] == epochs


def test_early_stopping_knows_that_accuracy_goes_up():
    stop = callbacks.EarlyStopping(monitor="val_accuracy")
    assert feed(stop, [0.1, 0.2, 0.2, 0.3], "val_accuracy")[0] == 3


def test_early_stopping_restores_the_best():
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    epochs, net = feed(stop, [3, 1, 2, 2, 0])
    assert (epochs, net.restored, stop.best_epoch) == (4, 1.0, 1)
    net = model(rate=2.0)  # diverges
    best = model(rate=2.0)
    stop = callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)
    net.fit(X, Y, epochs=20, verbose=0, callbacks=[stop])
    best.fit(X, Y, epochs=stop.best_epoch + 1, verbose=0)
    assert np.array_equal(net.params, best.params)


def test_a_value_that_cannot_be_there_is_refused():
    stop = callbacks.EarlyStopping()
    with pytest.raises(ValueError, match="no validation data"):
        model().fit(X, Y, verbose=0, callbacks=[stop])
    stop = callbacks.EarlyStopping("val_mea")
    with pytest.raises(ValueError, match="did you mean 'val_mae'"):
        model().fit(X, Y, validation_split=0.5, verbose=0, callbacks=[stop])


def test_reduce_on_plateau():
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, min_lr=0.3)
    _, net = feed(reduce, [1, 1, 1])
    assert net.optimizer.learning_rate == 0.5
    net.optimizer.learning_rate = 1.0
    _, net = feed(callbacks.ReduceLROnPlateau(factor=0.1, patience=1, min_lr=0.3), [1] * 9)
    assert net.optimizer.learning_rate == 0.3
    net.optimizer.learning_rate = 1.0
    history = model().fit(
        X, Y, epochs=2, verbose=0, callbacks=[callbacks.ReduceLROnPlateau("loss")]
    )
    assert history.history["learning_rate"] == [0.01, 0.01]


def test_learning_rate_scheduler():
    net = model()
    two = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = net.fit(X, Y, epochs=3, verbose=0, callbacks=[two])
    assert history.history["learning_rate"] == [0.005, 0.0025, 0.00125]
    one = callbacks.LearningRateScheduler(lambda epoch: 0.1 * (epoch + 1))
    net.fit(X, Y, epochs=2, verbose=0, callbacks=[one])
    assert net.optimizer.learning_rate == 0.2
    bad = callbacks.LearningRateScheduler(lambda epoch: "fast")
    with pytest.raises(TypeError, match="what schedule returned"):
        net.fit(X, Y, verbose=0, callbacks=[bad])


def test_errors_inside_a_schedule_are_its_own():
    def broken(epoch, rate):
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        model().fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(broken)])


def test_checkpoints(tmp_path):
    net = model()
    path = str(tmp_path / "sub" / "{epoch:02d}-{loss:.3f}.weights.npz")
    net.fit(
        X,
        Y,
        epochs=2,
        verbose=0,
        callbacks=[callbacks.ModelCheckpoint(path, save_weights_only=True)],
    )
    names = sorted(p.name for p in (tmp_path / "sub").iterdir())
    assert [n[:2] for n in names] == ["01", "02"]
    other = model()
    other.load_weights(tmp_path / "sub" / names[1])
    assert np.array_equal(other.params, net.params)


def test_checkpoint_of_the_best_only(tmp_path):
    path = tmp_path / "best.npz"
    net = model(rate=2.0)  # diverges: the first epoch is the best
    best = callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True)
    net.fit(X, Y, epochs=4, verbose=0, callbacks=[best])
    first = model(rate=2.0)
    first.fit(X, Y, verbose=0)
    assert np.array_equal(fanin.models.load_model(path).params, first.params)


def test_checkpoint_every_so_many_batches(tmp_path):
    path = str(tmp_path / "{epoch}.npz")
    checkpoint = callbacks.ModelCheckpoint(path, save_freq=5)
    model().fit(X, Y, batch_size=10, epochs=3, verbose=0, callbacks=[checkpoint])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2.npz", "3.npz"]
    with pytest.raises(ValueError, match=r"expected fields of .*, found \{val_loss\}"):
        model().fit(
            X, Y, verbose=0, callbacks=[callbacks.ModelCheckpoint(str(tmp_path / "{val_loss}"))]
        )


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    history = model().fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path)])
    model().fit(X, Y, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    assert [float(row["loss"]) for row in rows[:2]] == history.history["loss"]
    assert list(rows[0]) == ["epoch", "loss", "mae"]


def test_terminate_on_nan():
    net = model(rate=1e30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = net.fit(X, Y, epochs=50, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert len(history.epoch) < 5


def test_history_given_by_the_user_is_used():
    mine = callbacks.History()
    assert model().fit(X, Y, epochs=2, verbose=0, callbacks=[mine]) is mine
    assert mine.epoch == [0, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: callbacks.EarlyStopping(patience=-1), ValueError, "patience"),
        (lambda: callbacks.EarlyStopping(mode="up"), ValueError, "mode"),
        (lambda: callbacks.EarlyStopping(monitor=3), TypeError, "monitor"),
        (lambda: callbacks.ReduceLROnPlateau(factor=1.5), ValueError, "factor"),
        (lambda: callbacks.LearningRateScheduler(0.1), TypeError, "schedule"),
        (lambda: callbacks.LambdaCallback(on_epoch_ends=print), TypeError, "on_epoch_end"),
        (lambda: callbacks.LambdaCallback(on_epoch_end=3), TypeError, "function"),
        (lambda: callbacks.CSVLogger("a", separator=", "), ValueError, "separator"),
        (lambda: callbacks.ModelCheckpoint("a", save_freq=0), ValueError, "save_freq"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_reduce_on_plateau_refuses_a_schedule():
    net = model(optimizer=optimizers.SGD(lambda step: 0.1))
    with pytest.raises(ValueError, match="schedule"):
        net.fit(X, Y, verbose=0, callbacks=[callbacks.ReduceLROnPlateau("loss")])
