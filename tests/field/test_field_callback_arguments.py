"""Faults seen in use, callbacks: what they and what they call are given (T6, S3)."""

import inspect
import math

import numpy as np
import pytest
from fanin import callbacks, optimizers
from refusals import assert_refused, outcome
from watched import Count, X, Y, assert_refused_before_training, network


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_field_S3_terminate_on_nan_can_raise():
    net = network(rate=1e30)
    made = []
    assert outcome(lambda: made.append(callbacks.TerminateOnNaN(raise_error=True))) is None
    error = outcome(lambda: net.fit(X, Y, epochs=50, verbose=0, callbacks=made))
    assert isinstance(error, RuntimeError)
    assert "loss" in str(error)
    quiet = callbacks.TerminateOnNaN(raise_error=False)
    assert len(network(rate=1e30).fit(X, Y, epochs=50, verbose=0, callbacks=[quiet]).epoch) < 50


class Unprintable:
    def __repr__(self):
        return "something"


NAN, INF, ARRAY, THING = math.nan, math.inf, np.ones(3), Unprintable()
FLAG = ([True, False, 0, 1, np.True_], [None, 2, 0.5, NAN, "yes", ARRAY, THING, []])
COUNT = ([0, 3, np.int64(3)], [-1, 0.5, NAN, None, "3", True, ARRAY, THING, [3]])
POSITIVE = ([1, np.int32(3)], [0, -1, 0.5, NAN, "3", True, ARRAY, THING, [3]])
LOUD = ([0, 1, 2, True, False], [-1, 3, 0.5, NAN, None, "loud", ARRAY, THING])
NUMBER = ([0, -1.5, np.float32(2)], [NAN, INF, -INF, 10**400, "1", True, ARRAY, THING, 1j])
NAME = (["loss", "val_loss"], [None, 3, NAN, b"loss", ["loss"], ARRAY, THING])
MODE = (["auto", "min", "max"], ["up", "", "MIN", None, 3, ARRAY, THING, ["min"]])
PATH = (["a.npz", b"a.npz"], ["", "a\0b", "a/", ".", None, 3, NAN, ["a"], ARRAY, THING])
FUNCTION = ([print, lambda *given: 0.5], [3, "print", ARRAY, THING, lambda: 0.5, lambda a, b, c: a])
BATCH = ([X], [])  # refused by `fit`, which knows the network

WITHOUT_ARGUMENTS = {"Callback", "History"}
RECORDS = {"Signals"}  # which SignalMonitor makes
ARGUMENTS = {
    "CSVLogger": {
        "filename": PATH,
        "separator": ([",", ";", "\t"], ["", ", ", '"', "\n", "\0", None, 3, b",", ARRAY, THING]),
        "append": FLAG,
    },
    "EarlyStopping": {
        "monitor": NAME,
        "min_delta": NUMBER,
        "patience": COUNT,
        "verbose": LOUD,
        "mode": MODE,
        "baseline": (NUMBER[0] + [None], NUMBER[1]),
        "restore_best_weights": FLAG,
        "start_from_epoch": COUNT,
    },
    "ReduceLROnPlateau": {
        "monitor": NAME,
        "factor": ([0.5, np.float32(0.5)], [0, 1, -0.5, NAN, INF, None, "1", ARRAY, THING, True]),
        "patience": COUNT,
        "verbose": LOUD,
        "mode": MODE,
        "min_delta": NUMBER,
        "cooldown": COUNT,
        "min_lr": ([0, 0.5], [-0.1, NAN, INF, None, "1", ARRAY, THING]),
    },
    "ModelCheckpoint": {
        "filepath": PATH,
        "monitor": NAME,
        "verbose": LOUD,
        "save_best_only": FLAG,
        "save_weights_only": FLAG,
        "mode": MODE,
        "save_freq": (["epoch", 3], ["batch", *POSITIVE[1]]),
        "initial_value_threshold": (NUMBER[0] + [None], NUMBER[1]),
    },
    "LearningRateScheduler": {"schedule": (FUNCTION[0], [None, *FUNCTION[1]]), "verbose": LOUD},
    "TerminateOnNaN": {"raise_error": FLAG},
    "SwapEMAWeights": {"swap_on_epoch": FLAG},
    "TensorBoard": {
        "log_dir": (["logs", b"logs"], ["", "a\0b", None, 3, NAN, ["a"], ARRAY, THING]),
        "histogram_freq": COUNT,
        "write_graph": FLAG,
        "write_images": ([False, 0], [True, *FLAG[1]]),
        "write_steps_per_second": FLAG,
        "update_freq": (["epoch", "batch", 3], ["step", *POSITIVE[1][:3], None, ARRAY, THING]),
        "profile_batch": ([0, None], [2, (1, 3), NAN, "5,10", ARRAY, THING]),
        "embeddings_freq": ([0], [1, *COUNT[1]]),
        "embeddings_metadata": ([None], ["meta.tsv", {"a": "b"}, 3, ARRAY, THING]),
    },
    "SignalMonitor": {
        "x": BATCH,
        "y": BATCH,
        "every": ([*POSITIVE[0], None], POSITIVE[1]),
        "cost": ([0.5, 1], [0, -0.5, 1.5, NAN, INF, None, "1", ARRAY, THING]),
    },
    "LambdaCallback": {
        name: ([print, None], FUNCTION[1])
        for name in (
            "on_epoch_begin",
            "on_epoch_end",
            "on_train_begin",
            "on_train_end",
            "on_train_batch_begin",
            "on_train_batch_end",
        )
    },
}
NEEDED = {
    "CSVLogger": {"filename": "log.csv"},
    "ModelCheckpoint": {"filepath": "model.npz"},
    "LearningRateScheduler": {"schedule": print},
    "SignalMonitor": {"x": X},
}


def test_every_argument_of_every_callback_has_a_row():
    assert {*ARGUMENTS, *WITHOUT_ARGUMENTS, *RECORDS} == set(callbacks.__all__)
    for kind in {*ARGUMENTS, *WITHOUT_ARGUMENTS}:
        parameters = inspect.signature(getattr(callbacks, kind)).parameters.values()
        taken = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
        assert taken == set(ARGUMENTS.get(kind, {})), kind


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_field_T6_every_argument_of_every_callback_is_checked(kind):
    made, table, faults = getattr(callbacks, kind), ARGUMENTS[kind], []
    for name, (good, bad) in table.items():
        for value in good:
            given = {**NEEDED.get(kind, {}), name: value}
            if (error := outcome(lambda given=given: made(**given))) is not None:
                faults.append(f"{name}={value!r}: {error!r}")
        for value in bad:
            given = {**NEEDED.get(kind, {}), name: value}
            error = outcome(lambda given=given: made(**given))
            text = str(error)
            clear = text.startswith(f"{name}: expected ") and ", found " in text
            if not (isinstance(error, TypeError | ValueError) and clear):
                faults.append(f"{name}={value!r}: {error!r}")
    assert faults == []


def test_field_T6_lambda_callbacks_take_hooks_alone():
    for name in ("on_epoch_ends", "on_batch", "model", "params", "set_model", "overrides", "x"):
        assert_refused(
            lambda name=name: callbacks.LambdaCallback(**{name: print}),
            TypeError,
            f"LambdaCallback got an unexpected keyword argument {name!r}",
        )
    seen = []
    hooks = [name for name in dir(callbacks.Callback) if name.startswith("on_")]
    short = ("on_train_begin", "on_train_end", "on_test_begin", "on_test_end")
    one = {*short, "on_predict_begin", "on_predict_end"}
    for name in hooks:
        taking = (lambda logs: seen.append(0)) if name in one else (lambda i, logs: seen.append(0))
        assert outcome(lambda n=name, f=taking: callbacks.LambdaCallback(**{n: f})) is None
    called = callbacks.LambdaCallback(on_batch_end=lambda i, l: seen.append(i))  # noqa: E741
    assert outcome(lambda: network().fit(X, Y, verbose=0, callbacks=[called])) is None
    assert seen == [0, 1]


@pytest.mark.parametrize("value", [None, NAN, INF, -0.1, "0.1", True, 1j, [0.1], ARRAY, THING])
def test_field_T6_what_a_schedule_returned_is_refused_in_one_voice(value):
    net, count = network(), Count()
    before, rate = net.get_weights(), net.optimizer.learning_rate
    scheduler = callbacks.LearningRateScheduler(lambda epoch: value)
    assert_refused(
        lambda: net.fit(X, Y, verbose=0, callbacks=[scheduler, count]),
        (TypeError, ValueError),
        "what schedule returned: expected a",
        "found",
    )
    assert (count.batches, net.optimizer.learning_rate) == (0, rate)
    assert all(map(np.array_equal, before, net.get_weights()))


@pytest.mark.parametrize(
    "make",
    [
        lambda: callbacks.ReduceLROnPlateau("loss"),
        lambda: callbacks.LearningRateScheduler(lambda epoch: 0.1),
    ],
    ids=["ReduceLROnPlateau", "LearningRateScheduler"],
)
def test_field_T6_who_sets_the_rate_refuses_a_schedule_before_training(make):
    net, count = network(optimizer=optimizers.SGD(lambda step: 0.1)), Count()
    assert_refused(
        lambda: net.fit(X, Y, verbose=0, callbacks=[count, make()]),
        ValueError,
        type(make()).__name__,
        "schedule",
    )
    assert (count.begun, count.batches) == (0, 0)


@pytest.mark.parametrize("every", [0, -2, 2.5, NAN, "often", True, ARRAY])
def test_field_T6_pulses_are_asked_for_by_whole_numbers(every):
    class Pulse(callbacks.Callback):
        pulse_every = every

        def on_train_pulse(self, batch, logs=None):
            raise AssertionError("no training")

    for call in (
        lambda net: net.fit(X, Y, verbose=0, callbacks=[Pulse()]),
        lambda net: net.evaluate(X, Y, verbose=0, callbacks=Pulse()),
    ):
        assert_refused(
            lambda call=call: call(network()),
            (TypeError, ValueError),
            "pulse_every of Pulse: expected a whole number",
        )


def test_field_T6_what_is_no_callback_is_named():
    for wrong in ("EarlyStopping", 3, callbacks.EarlyStopping, [None], {"a": 1}):
        assert_refused(
            lambda wrong=wrong: network().fit(X, Y, verbose=0, callbacks=wrong),
            TypeError,
            "callbacks: expected",
            "found",
        )


def test_field_T6_a_monitor_of_signals_is_checked_before_anything_is_built():
    bad = {
        "wide": (X[:, :2], None),
        "text": (X.astype(str), None),
        "not finite": (np.where(X > 1, np.nan, X), None),
        "targets": (X, np.zeros((40, 2))),
        "missing targets": (X, np.full((40, 1), np.nan)),
        "few targets": (X, Y[:7]),
    }
    for x, y in bad.values():
        assert_refused_before_training(
            lambda x=x, y=y: [callbacks.SignalMonitor(x, y)],
            (TypeError, ValueError),
            "of SignalMonitor",
        )
