"""What is shown while a call runs: by a clock that stands still, on a terminal, and into a pipe."""

import contextlib
import io
import os
import re
import sys
import threading

import fanin
import numpy as np
import pytest
from fanin import callbacks
from fanin.layers import Dense
from fanin.show import progress as module
from fanin.show.progress import Progress, resolve_verbose

X = np.random.default_rng(0).normal(size=(64, 4))
Y = (X[:, 0] > 0).astype(int)
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other terminals")


def network(rng=0):
    model = fanin.Sequential([Dense(8, "relu"), Dense(1, "sigmoid")], rng=rng)
    model.compile("adam", "bce", metrics=["accuracy"])
    return model


class Clock:
    """Time that passes when the test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Screen(module._Output):
    """Writes down what is drawn, and when."""

    def __init__(self, clock, takes=0.0):
        super().__init__(clock)
        self.takes = takes
        self.drawn, self.kept = [], []

    def _draw(self, text):
        self.drawn.append((self.clock(), text))
        self.clock.now += self.takes

    def _keep(self, text):
        self.kept.append(text)


@pytest.fixture
def screen(monkeypatch):
    made = Screen(Clock())
    monkeypatch.setattr(module, "_output", lambda name, clock: made)
    return made


def run(screen, steps, tick, verbose=1, passes=1, **options):
    with Progress(verbose, steps, passes, clock=screen.clock, **options) as progress:
        for each in range(passes):
            progress.begin(f"Epoch {each + 1}/{passes}")
            for step in range(steps):
                screen.clock.now += tick
                progress.update(step + 1, {"loss": 1.0})
            progress.end({"loss": 0.5})


# When.


def test_nothing_is_drawn_in_the_first_100_ms(screen):
    run(screen, steps=99, tick=0.001)
    assert screen.drawn == []
    assert screen.kept == ["Epoch 1/1 - 99/99 - 0s - 1ms/step - loss: 0.5000"]


@pytest.mark.parametrize("tick", [0.001, 0.03, 0.1, 0.7])
def test_the_first_is_drawn_after_100_ms_and_at_most_ten_a_second(screen, tick):
    run(screen, steps=200, tick=tick)
    times = [when for when, _ in screen.drawn]
    assert 0.1 <= times[0] < 0.1 + tick + 1e-9
    assert np.diff(times).min() >= 0.1 - 1e-9
    assert np.diff(times).max() < 0.1 + tick + 1e-9  # and it does move


def test_where_drawing_takes_long_it_is_done_less_often(screen):
    screen.takes = 0.1
    run(screen, steps=2000, tick=0.01)
    assert len(screen.drawn) * screen.takes < 0.03 * screen.clock.now


def test_one_line_stays_and_two_is_a_line_for_each_pass(screen):
    run(screen, steps=3, tick=1.0, passes=4)
    assert screen.kept == ["Epoch 4/4 - 3/3 - 12s - 1s/step - loss: 0.5000"]
    screen.kept.clear()
    screen.drawn.clear()
    run(screen, steps=3, tick=1.0, passes=4, verbose=2)
    assert screen.drawn == []
    assert screen.kept == [
        f"Epoch {each}/4 - 3/3 - 3s - 1s/step - loss: 0.5000" for each in (1, 2, 3, 4)
    ]


def test_what_is_drawn_says_how_far_the_whole_call_is(screen):
    run(screen, steps=4, tick=1.0, passes=2)
    texts = [text for _, text in screen.drawn]
    assert texts[1] == "Epoch 1/2 ━━──────── 2/4 - 6s left - loss: 1.0000"
    assert texts[-1].startswith("Epoch 2/2 ━━━━━━━━━━ 4/4 - 0s left")


def test_a_brief_call_shows_nothing(screen):
    run(screen, steps=3, tick=0.01, brief=True)
    assert (screen.drawn, screen.kept) == ([], [])
    run(screen, steps=3, tick=1.0, brief=True)
    assert len(screen.kept) == 1


@pytest.mark.parametrize(
    ("error", "end"), [(KeyboardInterrupt, "interrupted"), (RuntimeError, "failed")]
)
def test_what_was_shown_says_how_it_ended(screen, error, end):
    def stop(after):
        with Progress(1, 9, 3, clock=screen.clock) as progress:
            progress.begin("Epoch 1/3")
            progress.end({"loss": 0.5})
            progress.begin("Epoch 2/3")
            screen.clock.now += after
            progress.update(4, {"loss": 0.25})
            raise error

    with pytest.raises(error):
        stop(0.01)
    assert screen.kept == []  # the traceback says it
    with pytest.raises(error):
        stop(1.3)
    assert screen.kept == [f"Epoch 2/3 - 4/9 - 1s - 100ms/step - loss: 0.2500 - {end}"]
    assert module._OPEN == []


def test_a_line_of_an_epoch_has_the_values_of_that_epoch(screen):
    with Progress(2, 1, 2, clock=screen.clock) as progress:
        for each, logs in enumerate([{"loss": 1.0, "val_loss": 2.0}, {"loss": 0.5}]):
            progress.begin(f"Epoch {each + 1}/2")
            progress.end(logs)
    assert "val_loss: 2.0000" in screen.kept[0]
    assert "val_loss" not in screen.kept[1]


def test_times_and_paces_are_read_easily():
    times = {0.2: "0s", 12: "12s", 99.4: "99s", 125: "2m05s", 3725: "1h02m"}
    assert {seconds: module._duration(seconds) for seconds in times} == times
    paces = {1e-5: "10us/step", 0.02: "20ms/step", 3: "3s/step"}
    assert {seconds: module._pace(seconds, 1) for seconds in paces} == paces


# How many.


def test_a_call_inside_of_another_draws_into_its_output(screen):
    with Progress(1, 2, clock=screen.clock) as outer:
        outer.begin("outer")
        run(screen, steps=3, tick=1.0)
        outer.end({"loss": 0.1})
    assert any(text.startswith("Epoch 1/1") for _, text in screen.drawn)
    assert [line.split(" - ")[0] for line in screen.kept] == ["outer"]


def test_a_call_inside_of_one_that_is_silent_shows_itself(screen):
    with Progress(0, 2, clock=screen.clock) as outer:
        outer.begin("outer")
        run(screen, steps=3, tick=1.0)
        outer.end({"loss": 0.1})
    assert [line.split(" - ")[0] for line in screen.kept] == ["Epoch 1/1"]


class Within(callbacks.Callback):
    """Trains and predicts within a callback."""

    def on_epoch_end(self, epoch, logs=None):
        network().fit(X, Y, epochs=2)
        self.model.predict(X)


def test_a_fit_within_a_callback_adds_no_lines(capsys):
    network().fit(X, Y, epochs=2, callbacks=[Within()])
    assert [line.split(" - ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "Epoch 1/2",
        "Epoch 2/2",
    ]


def test_fits_in_threads_have_a_line_each(capsys):
    threads = [
        threading.Thread(target=network().fit, args=(X, Y), kwargs={"verbose": 1}) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capsys.readouterr().out.count("Epoch 1/1") == 4
    assert module._OPEN == []


TRAINED = {
    "fit": lambda models, **options: [model.fit(X, Y, **options) for model in models],
    "fit_many": lambda models, **options: fanin.fit_many(models, X, Y, **options),
}


@pytest.mark.parametrize("train", TRAINED.values(), ids=TRAINED)
def test_being_watched_cuts_epochs_and_changes_nothing(train, screen, monkeypatch):
    steps = []
    update = Progress.update

    def count(self, done, values=module._NONE):
        steps.append(done)
        update(self, done, values)

    monkeypatch.setattr(Progress, "update", count)
    alone, watched = ([network(0), network(1)] for _ in range(2))
    options = {"epochs": 3, "batch_size": 4, "validation_split": 0.25}
    expected = train(alone, verbose=0, **options)
    uncut = len(steps)
    found = train(watched, verbose=1, **options)
    assert len(steps) - uncut > uncut
    assert [each.history for each in found] == [each.history for each in expected]
    for one, other in zip(alone, watched, strict=True):
        assert np.array_equal(one.params, other.params)
        assert one.optimizer.iterations == other.optimizer.iterations


# Into a pipe, a file, or what a user put in the place of a stream.


def lines_of(call):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        call()
    text = out.getvalue()
    assert text.replace("\n", "").isprintable()
    return text.splitlines()


MANY = {
    "auto": (lambda v: network().fit(X, Y, epochs=3, verbose=v), {"auto": 3, 0: 0, 1: 1, 2: 3}),
    "fit_many": (
        lambda v: fanin.fit_many([network(0), network(1)], X, Y, epochs=3, verbose=v),
        {"auto": 3, 0: 0, 1: 1, 2: 3},
    ),
    "evaluate": (
        lambda v: network().evaluate(X, Y, verbose=v),
        {"auto": 1, 0: 0, 1: 1, 2: 1},
    ),
    "predict": (lambda v: network().predict(X, verbose=v), {"auto": 1, 0: 0, 1: 1, 2: 1}),
    "initialize": (
        lambda v: fanin.initialize(built(), verbose=v),
        {"auto": 0, 0: 0, 1: 1, 2: 1},
    ),
    "lsuv": (lambda v: fanin.lsuv(network(), X, verbose=v), {"auto": 0, 0: 0, 1: 1, 2: 1}),
    "data_dependent": (
        lambda v: fanin.data_dependent.data_dependent(network(), X, verbose=v),
        {"auto": 0, 0: 0, 1: 1, 2: 1},
    ),
    "weight_norm": (
        lambda v: fanin.data_dependent.weight_norm(network(), X, verbose=v),
        {"auto": 0, 0: 0, 1: 1, 2: 1},
    ),
}


def built():
    model = network()
    model.build((None, 4))
    return model


@pytest.mark.parametrize("verbose", ["auto", 0, 1, 2])
@pytest.mark.parametrize(("call", "expected"), MANY.values(), ids=MANY)
def test_what_a_pipe_gets(call, expected, verbose):
    lines = lines_of(lambda: call(verbose))
    assert len(lines) == expected[verbose]


@pytest.mark.parametrize(
    ("progress", "lines"), [("auto", 0), (False, 0), (True, 1), (lambda *args: None, 0)]
)
def test_what_a_pipe_gets_of_compare(progress, lines, capsys):
    fanin.compare(
        ["zeros", "he_normal"], data=((X, Y), (X, Y)), seeds=2, epochs=2, progress=progress
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == lines
    if lines:
        assert re.match(r"compare - 8/8 epochs - \d+s - accuracy: ", err)


@pytest.mark.parametrize("call", [call for name, (call, _) in MANY.items()], ids=MANY)
def test_other_levels_are_refused(call):
    with pytest.raises(ValueError, match="verbose: expected 0, 1, 2 or 'auto', found 3"):
        call(3)
    with pytest.raises(TypeError, match="verbose: expected 0, 1, 2 or 'auto', found None"):
        call(None)


class Counting(io.StringIO):
    flushes = 0

    def flush(self):
        self.flushes += 1


@pytest.mark.parametrize(("tick", "flushes"), [(0.0011, 2), (0.051, 50), (0.2, 100)])
def test_lines_are_flushed_at_most_ten_times_a_second_and_at_the_end(tick, flushes, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(sys, "stdout", stream := Counting())
    with Progress(2, 1, 100, clock=clock) as progress:
        for _ in range(100):
            progress.begin()
            clock.now += tick
            progress.end({"loss": 1.0})
            if clock.now < 0.1:
                assert stream.flushes == 0
    assert len(stream.getvalue().splitlines()) == 100
    assert stream.flushes == flushes


class Broken(io.StringIO):
    """A stream that takes nothing any more."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


BROKEN = {
    "closed pipe": BrokenPipeError(32, "Broken pipe"),
    "full disk": OSError(28, "No space left on device"),
    "closed file": ValueError("I/O operation on closed file"),
}


@pytest.mark.parametrize("error", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_stream_that_takes_nothing_ends_no_training(error, verbose, monkeypatch):
    model = network()
    monkeypatch.setattr(sys, "stdout", Broken(error))
    history = model.fit(X, Y, epochs=3, verbose=verbose)
    monkeypatch.undo()
    expected = network().fit(X, Y, epochs=3, verbose=0)
    assert history.history == expected.history


@pytest.mark.parametrize("gone", [None, "closed"])
def test_no_stream_is_no_error(gone, monkeypatch):
    stream = None
    if gone:
        stream = io.StringIO()
        stream.close()
    model = network()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    history = model.fit(X, Y, epochs=3)
    fanin.compare("zeros", data=((X, Y), (X, Y)), seeds=1, epochs=1)
    monkeypatch.undo()
    assert len(history.epoch) == 3


def test_names_a_stream_lacks_and_control_characters():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with contextlib.redirect_stdout(stream), Progress(1, 2) as progress:
        progress.begin("größe")
        progress.end({"a\x1b[31m\nb": 1.0})
    stream.flush()
    assert re.fullmatch(
        rb"gr\?\?e - 2/2 - \d+s - \S+/step - a \[31m b: 1.0000\n", stream.buffer.getvalue()
    )


def test_auto_is_two_for_whom_nobody_watches():
    with contextlib.redirect_stdout(io.StringIO()):
        assert resolve_verbose("auto") == 2
        assert resolve_verbose("auto", unwatched=0) == 0


def test_an_ipython_that_lacks_what_is_asked_of_it_is_none(monkeypatch):
    class Shell:
        kernel = object()

    class Old:
        @staticmethod
        def get_ipython():
            return Shell()

    for ipython in (Old, object()):
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert len(lines_of(lambda: network().fit(X, Y, epochs=2))) == 2
