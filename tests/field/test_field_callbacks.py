"""Faults seen in use, callbacks: monitors, logs, checkpoints, arguments (T6, T7, T8, S3)."""

import copy
import csv
import math

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, metrics, optimizers
from refusals import assert_refused, outcome
from trainings import feed
from watched import Count, Write, X, Y, assert_refused_before_training, network, quiet_fit

MONITORS = {
    "EarlyStopping": callbacks.EarlyStopping,
    "ReduceLROnPlateau": callbacks.ReduceLROnPlateau,
    "ModelCheckpoint": lambda *args, **options: callbacks.ModelCheckpoint(
        "never-written.npz", *args, save_best_only=True, **options
    ),
}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# T6: what a monitor watches, and which way is better.


@pytest.mark.parametrize("make", MONITORS.values(), ids=MONITORS)
@pytest.mark.parametrize("name", ["val_f1", "val_accumulated_error", "balanced_acc", "iou"])
def test_field_T6_an_unknown_direction_asks_for_mode(make, name):
    assert_refused_before_training(
        lambda: [Write(**{name: 0.5}), make(name)], ValueError, "mode=", name
    )


def test_field_T6_a_learning_rate_has_no_direction():
    def given():
        return [callbacks.ReduceLROnPlateau("loss"), callbacks.EarlyStopping("learning_rate")]

    assert_refused_before_training(given, ValueError, "mode=", "learning_rate")


def test_the_mode_decides():
    f1 = Write(val_f1=[0.1, 0.5, 0.9, 0.2, 0.2])
    for mode, best in (("max", 2), ("min", 0)):
        stop = callbacks.EarlyStopping("val_f1", patience=9, mode=mode)
        network().fit(X, Y, epochs=5, verbose=0, callbacks=[f1, stop])
        assert stop.best_epoch == best


DIRECTIONS = {
    "CategoricalAccuracy": True,
    "SparseCategoricalAccuracy": True,
    "BinaryAccuracy": True,
    "MeanSquaredError": False,
    "MeanAbsoluteError": False,
}


def test_field_T6_directions_come_from_losses_and_metrics_alone():
    members = {name: getattr(metrics, name) for name in metrics.__all__}
    known = {
        name: member
        for name, member in members.items()
        if isinstance(member, type) and member is not metrics.Metric
    }
    # Of numbers by hand nobody knows; those of all others are in tests/models/test_own_metrics.py.
    without = {name for name, member in known.items() if member.larger_is_better is None}
    assert without == {"Mean", "Sum"}
    for class_name, larger in DIRECTIONS.items():
        metric = known[class_name]()
        for name in (metric.name, f"val_{metric.name}"):
            stop = callbacks.EarlyStopping(name)
            stop.set_model(network(metrics=None))
            assert stop.larger_is_better() is larger, name
        # A metric's own direction, whatever it is called.
        stop = callbacks.EarlyStopping("val_accident")
        net = network(metrics=None)
        stop.set_model(net)
        assert_refused(stop.larger_is_better, ValueError, "mode=")
    stop = callbacks.EarlyStopping("val_accident")
    stop.set_model(network(metrics=[metrics.MeanSquaredError(name="accident")]))
    assert stop.larger_is_better() is False
    stop.set_model(network(metrics=[metrics.BinaryAccuracy(name="accident")]))
    assert stop.larger_is_better() is True
    for name, larger in (("loss", False), ("val_loss", False), ("acc", True), ("val_mse", False)):
        stop = callbacks.EarlyStopping(name)
        stop.set_model(network(metrics=None))
        assert stop.larger_is_better() is larger


def assert_stops(patience, values, epochs):
    """Assert when training stops with a baseline of 0.5, and that the best epoch comes back."""
    for mode, sign in (("min", 1), ("max", -1)):
        stop = callbacks.EarlyStopping(
            patience=patience, baseline=0.5 * sign, mode=mode, restore_best_weights=True
        )
        reached, net = feed(stop, [sign * value for value in values])
        assert reached == epochs
        assert net.restored == min(range(reached), key=lambda epoch: values[epoch])


@pytest.mark.parametrize(
    ("patience", "values", "epochs"),
    [
        (3, [9, 8, 7, 6, 5, 4], 3),  # improving all along, but never below the baseline
        (3, [9, 8, 7, 0.4, 0.3], 3),
        (1, [9, 8, 7], 2),  # never after the first epoch
        (0, [9, 8, 7], 2),
    ],
)
def test_field_T6_only_what_beats_the_baseline_counts(patience, values, epochs):
    assert_stops(patience, values, epochs)


@pytest.mark.parametrize(
    ("patience", "values", "epochs"),
    [
        (5, [0.9, 0.8, 0.7, 0.71, 0.72, 0.73], 5),  # a row of Keras's own tests
        (3, [9, 8, 0.4, 0.5, 0.5, 0.5, 0.5], 6),  # reached in time: patience starts anew
        (3, [0.4, 0.3, 0.35, 0.35, 0.35, 0.2], 5),
        (3, [9, 0.4, 0.45, 0.45, 0.3, 0.3, 0.3, 0.3], 8),
    ],
)
def test_a_baseline_that_is_reached_in_time(patience, values, epochs):
    assert_stops(patience, values, epochs)


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau"])
def test_field_T6_epochs_without_validation_are_waited_for(name):
    made = MONITORS[name](patience=2, mode="max")  # the loss falls: no improvement but the first
    net = network()
    history, warned = quiet_fit(
        net, [made], epochs=9, validation_split=0.5, validation_freq=2, initial_epoch=0
    )
    assert warned == []
    # Validated: epochs 2, 4 and 6 by their number; the second and third do not improve.
    if name == "EarlyStopping":
        assert history.epoch == list(range(6))
    else:
        assert history.history["learning_rate"] == [0.01] * 6 + [pytest.approx(0.001)] * 3


def test_field_T6_checkpoints_wait_for_validation(tmp_path):
    path = str(tmp_path / "{epoch}.npz")
    for best in (False, True):
        saved = callbacks.ModelCheckpoint(path, save_best_only=best)
        _, warned = quiet_fit(network(), [saved], epochs=5, validation_split=0.5, validation_freq=2)
        assert warned == []
    by_value = callbacks.ModelCheckpoint(str(tmp_path / "v{epoch}-{val_loss:.3f}.npz"))
    assert outcome(lambda: network().fit(
        X, Y, epochs=5, verbose=0, validation_split=0.5, validation_freq=2, callbacks=[by_value]
    )) is None  # fmt: skip
    assert sorted(p.name[:2] for p in tmp_path.glob("v*")) == ["v2", "v4"]


@pytest.mark.parametrize("make", MONITORS.values(), ids=MONITORS)
def test_field_T6_what_cannot_be_in_the_logs_is_refused(make):
    no_data = ("val_loss", "validation data")
    assert_refused_before_training(lambda: [make()], ValueError, *no_data)
    split = {"validation_split": 0.5}
    assert_refused_before_training(
        lambda: [make("val_mea")], ValueError, "val_mea", "did you mean 'val_mae'", **split
    )
    assert_refused_before_training(lambda: [make("acc")], ValueError, "loss, mae", "'acc'")
    # Who writes a value must come before who reads it.
    assert_refused_before_training(
        lambda: [make("f1", mode="max"), Write(f1=1.0)], ValueError, "before this one"
    )
    assert outcome(lambda: network().fit(
        X, Y, epochs=2, verbose=0, callbacks=[Write(f1=1.0), make("f1", mode="max")]
    )) is None  # fmt: skip


@pytest.mark.parametrize("make", MONITORS.values(), ids=MONITORS)
def test_field_T6_what_a_callback_failed_to_write_warns_once(make, tmp_path):
    _, warned = quiet_fit(network(), [Write(), make("f1", mode="max")], epochs=4)
    assert len(warned) == 1
    assert "'f1'" in warned[0]
    # A validation that never comes is told at the end.
    _, warned = quiet_fit(network(), [make()], epochs=4, validation_split=0.5, validation_freq=7)
    assert len(warned) == 1
    assert "validation_freq" in warned[0]
    assert not list(tmp_path.iterdir())


def test_field_T6_a_value_that_is_no_number_is_named():
    for value in ("high", [0.5, 0.5], None, 1j):
        stop = callbacks.EarlyStopping("f1", mode="max")
        given = [Write(f1=value), stop] if not isinstance(value, list) else [
            callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: logs.update(f1=np.array([0.5, 0.5]))
            ),
            stop,
        ]  # fmt: skip
        if value is None:
            given[0] = callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: logs.update(f1=None)
            )
        assert_refused(
            lambda given=given: network().fit(X, Y, verbose=0, callbacks=given),
            TypeError,
            "'f1'",
            "expected a number, found",
        )


def test_a_second_training_starts_afresh_as_in_keras(tmp_path):
    stop = callbacks.EarlyStopping("loss", patience=1, mode="max")
    reduce = callbacks.ReduceLROnPlateau("loss", patience=1, mode="max", factor=0.5)
    for _ in range(2):
        net = network()
        history = net.fit(X, Y, epochs=9, verbose=0, callbacks=[reduce, stop])
        assert history.epoch == [0, 1]
        assert net.optimizer.learning_rate == pytest.approx(0.005)
    # A checkpoint remembers its best, so that a worse training does not replace the file.
    path = tmp_path / "best.npz"
    best = callbacks.ModelCheckpoint(path, "loss", save_best_only=True)
    network(rate=0.1).fit(X, Y, epochs=3, verbose=0, callbacks=[best])
    kept = path.read_bytes()
    network().fit(X, Y, epochs=1, verbose=0, callbacks=[best])
    assert path.read_bytes() == kept


# T7: the log file.


def rows(path, separator=","):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter=separator))


def test_field_T7_columns_are_those_of_the_run(tmp_path):
    path = tmp_path / "log.csv"
    given = [
        callbacks.LearningRateScheduler(lambda epoch: 0.01),
        callbacks.CSVLogger(path),
        callbacks.ReduceLROnPlateau("loss"),  # behind the log: nothing of it can be in there
    ]
    history, warned = quiet_fit(network(), given, epochs=3, validation_split=0.5, validation_freq=2)
    header, *lines = rows(path)
    assert header == ["epoch", "learning_rate", "loss", "mae", "val_loss", "val_mae"]
    assert warned == []
    assert [line[0] for line in lines] == ["0", "1", "2"]
    assert [line[1] for line in lines] == ["0.01"] * 3
    assert [line[4] for line in lines] == ["", str(history.history["val_loss"][0]), ""]
    assert [line[5] != "" for line in lines] == [False, True, False]
    assert [float(line[2]) for line in lines] == history.history["loss"]


def test_field_T7_a_log_that_lacks_columns_gets_them(tmp_path):
    path = tmp_path / "log.csv"
    net = network()
    net.fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path, separator=";")])
    first = rows(path, ";")
    more = callbacks.CSVLogger(path, separator=";", append=True)
    net.fit(X, Y, epochs=4, initial_epoch=2, verbose=0, validation_split=0.5, callbacks=[more])
    net.fit(X, Y, epochs=5, initial_epoch=4, verbose=0, callbacks=[more])
    header, *lines = rows(path, ";")
    assert header == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [line[0] for line in lines] == ["0", "1", "2", "3", "4"]
    assert [line[:3] for line in lines[:2]] == first[1:]
    assert [line[3] != "" for line in lines] == [False, False, True, True, False]
    assert all(len(line) == 5 for line in lines)


def test_field_T7_a_column_that_comes_late_is_added(tmp_path):
    path = tmp_path / "log.csv"
    write = Write(f1=[None, 0.5, None], note=["a,b", None, None])
    network().fit(X, Y, epochs=3, verbose=0, callbacks=[write, callbacks.CSVLogger(path)])
    header, *lines = rows(path)
    assert header == ["epoch", "loss", "mae", "note", "f1"]
    assert [line[3:] for line in lines] == [["a,b", ""], ["", "0.5"], ["", ""]]


def test_field_T7_every_line_is_there_when_its_epoch_ends(tmp_path):
    path, seen = tmp_path / "log.csv", []
    look = callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append(rows(path)),
        on_epoch_end=lambda epoch, logs: seen.append(rows(path)),
    )
    network().fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path), look])
    assert [len(found) for found in seen] == [1, 2, 3]
    assert all(found[0] == ["epoch", "loss", "mae"] for found in seen)
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


NOT_LOGS = {
    "other columns": b"a,b\n1,2\n",
    "another separator": b"epoch;loss\n0;1.0\n",
    "twice a column": b"epoch,loss,loss\n0,1,1\n",
    "a line too long": b"epoch,loss\n0,1.0\n1,2,3,4\n",
    "bytes": b"epoch,\xff\xfe\n",
}


@pytest.mark.parametrize("content", NOT_LOGS.values(), ids=NOT_LOGS)
def test_field_T7_what_is_no_log_is_not_gone_on_with(content, tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    assert_refused_before_training(
        lambda: [callbacks.CSVLogger(path, append=True)],
        ValueError,
        "filename: expected a log",
        "found",
        str(path),
    )
    assert path.read_bytes() == content


def test_field_T7_a_log_without_a_last_line_end_or_without_content_goes_on(tmp_path):
    for number, content in enumerate([b"", b"epoch,loss,mae", b"epoch,loss,mae\n0,1.0,1.0"]):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(content)
        network().fit(X, Y, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
        found = rows(path)
        assert found[0] == ["epoch", "loss", "mae"]
        assert {len(row) for row in found} == {3}
        assert len(found) == content.count(b"\n0") + 2


# T8: names of files.


def test_field_T8_batches_are_a_field_of_the_name(tmp_path):
    path = str(tmp_path / "{epoch:02d}-{batch:02d}-{loss:.1f}.npz")
    saved = callbacks.ModelCheckpoint(path, save_freq=1, save_weights_only=True)
    net = network()
    error = outcome(lambda: net.fit(
        X, Y, batch_size=20, epochs=2, verbose=0, callbacks=[saved]
    ))  # fmt: skip
    assert error is None
    assert sorted(p.name[:5] for p in tmp_path.iterdir()) == ["01-01", "01-02", "02-01", "02-02"]


# Each with the words that a message must have; "" for a refusal by the constructor.
BAD_NAMES = {
    "no such value": ("{val_los:.2f}.npz", {}, "{val_los}"),
    "no validation": ("{val_loss:.2f}.npz", {}, "{val_loss}"),
    "validation of a batch": ("{val_loss:.2f}.npz", {"save_freq": 2}, "{val_loss}"),
    "a whole number's format": ("{loss:02d}.npz", {}, "loss"),
    "a batch without batches": ("{epoch}-{batch:02d}.npz", {}, "save_freq"),
    "a place": ("{}.npz", {}, "expected fields"),
    "a number": ("{0}.npz", {}, "expected fields"),
    "an open brace": ("{epoch.npz", {}, "expected fields"),
    "a closed brace": ("epoch}.npz", {}, "expected fields"),
    "a format of nothing": ("{epoch:zz}.npz", {}, "expected fields"),
    "a text's format": ("{epoch:s}.npz", {}, "expected fields"),
    "an attribute": ("{epoch.nothing}.npz", {}, "expected fields"),
    "an element": ("{epoch[3]}.npz", {}, "expected fields"),
    "a width by a field": ("{loss:{width}}.npz", {}, "width"),
}


@pytest.mark.parametrize(("name", "options", "word"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_field_T8_names_are_refused_before_the_first_epoch(name, options, word, tmp_path):
    def make():
        return [callbacks.ModelCheckpoint(str(tmp_path / name), **options)]

    assert_refused_before_training(make, ValueError, "filepath: expected", "found", word)
    assert not list(tmp_path.iterdir())


def test_field_T8_a_field_that_a_callback_writes(tmp_path):
    path = str(tmp_path / "{epoch}-{f1:.2f}.npz")
    saved = callbacks.ModelCheckpoint(path)
    error = outcome(lambda: quiet_fit(network(), [Write(f1=0.25), saved], epochs=2))
    assert error is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1-0.25.npz", "2-0.25.npz"]
    # What is written there for something else does not end a training, and is told once.
    for given in (Write(f1="high"), Write(f2=0.5)):
        net, told = network(), []
        saved = callbacks.ModelCheckpoint(path)

        def train(net=net, told=told, given=given, saved=saved):
            told += quiet_fit(net, [given, saved], epochs=3)[1]

        assert outcome(train) is None
        assert net.history.epoch == [0, 1, 2]
        assert len(told) == 1
        assert "f1" in told[0]
    assert_refused_before_training(
        lambda: [callbacks.ModelCheckpoint(path)], ValueError, "{f1}", "filepath"
    )


@pytest.mark.parametrize(
    "make",
    [callbacks.ModelCheckpoint, callbacks.CSVLogger],
    ids=["ModelCheckpoint", "CSVLogger"],
)
def test_field_T8_where_nothing_can_be_written_is_found_before_the_first_epoch(make, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"kept")
    for path in (file / "sub" / "name.npz", file / "name.npz", tmp_path):
        assert_refused_before_training(lambda path=path: [make(path)], OSError, str(tmp_path))
    assert file.read_bytes() == b"kept"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_field_T8_folders_are_made_not_before_the_first_save(tmp_path):
    path = str(tmp_path / "{epoch}" / "deep" / "model.npz")

    def given():
        return [callbacks.ModelCheckpoint(path), callbacks.EarlyStopping("nothing")]

    assert_refused_before_training(given, ValueError)
    assert not list(tmp_path.iterdir())
    network().fit(X, Y, epochs=2, verbose=0, callbacks=given()[:1])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2"]


def test_field_T8_a_model_that_no_file_can_hold_is_found_before_the_first_epoch(tmp_path):
    path, count = tmp_path / "model.npz", Count()
    net = network(optimizer=optimizers.SGD(lambda step: 0.01))
    given = [count, callbacks.ModelCheckpoint(path)]
    assert_refused(lambda: net.fit(X, Y, verbose=0, callbacks=given), ValueError, "function")
    assert count.batches == 0
    weights = callbacks.ModelCheckpoint(path, save_weights_only=True)
    assert outcome(lambda: net.fit(X, Y, verbose=0, callbacks=[weights])) is None
    assert path.exists()


# What stays consistent.


def test_field_T6_a_callback_that_raises_leaves_an_epoch_recorded():
    class Trip(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyError("mine")

    tripped, whole = network(), network()
    error = outcome(lambda: tripped.fit(X, Y, epochs=5, verbose=0, callbacks=[Trip()]))
    assert isinstance(error, KeyError)
    expected = whole.fit(X, Y, epochs=2, verbose=0)
    assert tripped.history.epoch == [0, 1]
    assert tripped.history.history == expected.history
    # The next training goes on with the third epoch's order.
    tripped.fit(X, Y, verbose=0)
    whole.fit(X, Y, verbose=0)
    assert np.array_equal(tripped.params, whole.params)


def test_the_weights_that_come_back_are_those_of_the_best_epoch():
    normalized = fanin.Sequential(
        [layers.Dense(4, input_dim=3), layers.BatchNormalization(), layers.Dense(1)], rng=0
    )
    normalized.compile(optimizers.SGD(0.05, momentum=0.9), "mse")
    kept = []
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append([w.tobytes() for w in net.get_weights()])
    )
    values = [3.0, 1.0, 2.0, 2.0, 0.5]
    for options, best in (
        ({"patience": 2}, 1),
        ({"patience": 9}, 4),
        ({"patience": 2, "baseline": 0.1}, 1),  # never reached: the best of those seen
        ({"patience": 9, "start_from_epoch": 2}, 4),
        ({"patience": 9, "start_from_epoch": 5}, None),  # never watched
    ):
        net, kept[:] = copy.deepcopy(normalized), []
        stop = callbacks.EarlyStopping("f1", mode="min", restore_best_weights=True, **options)
        net.fit(X, Y, epochs=5, verbose=0, callbacks=[keep, Write(f1=values), stop])
        restored = [w.tobytes() for w in net.get_weights()]
        assert restored == kept[-1 if best is None else best], options
        assert restored.count(restored[0]) < len(restored)
    net, kept[:] = copy.deepcopy(normalized), []
    stop = callbacks.EarlyStopping("f1", mode="min", patience=2, restore_best_weights=True)
    net.fit(X, Y, epochs=4, verbose=0, callbacks=[keep, Write(f1=[math.nan] * 4), stop])
    assert [w.tobytes() for w in net.get_weights()] == kept[0]  # nothing ever was better


def test_field_T6_a_subclass_may_choose_the_value_itself():
    class Gap(callbacks.EarlyStopping):
        def get_monitor_value(self, logs):
            return logs["loss"] - logs["mae"]

    stop = Gap("loss", patience=9)
    history = network().fit(X, Y, epochs=3, verbose=0, callbacks=[stop])
    gaps = [a - b for a, b in zip(history.history["loss"], history.history["mae"], strict=True)]
    assert stop.best == min(gaps)
