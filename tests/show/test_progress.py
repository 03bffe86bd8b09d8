"""What is shown while a call runs: by a clock that stands still, on a terminal, and into a pipe."""

import contextlib
import io
import os
import re
import subprocess
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


# On a terminal.

SCREEN = """
import numpy as np, sys, time, fanin
from fanin import callbacks
from fanin.layers import Dense
X = np.random.default_rng(0).normal(size=(64, 4))
Y = (X[:, 0] > 0).astype(int)
model = fanin.Sequential([Dense(8, "relu"), Dense(1, "sigmoid")], rng=0)
model.compile("adam", "bce", metrics=["accuracy"])
class Slow(callbacks.Callback):
    "An epoch takes long enough for the next one to be drawn."
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.12)
"""


def on_a_terminal(code, columns=80):
    """Run a script on a terminal; return all that it wrote, and the lines that are then seen."""
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", SCREEN + code],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    os.close(slave)
    written = b""
    with contextlib.suppress(OSError):  # how a terminal's end is told
        while part := os.read(master, 65536):
            written += part
    process.wait()
    os.close(master)
    text = written.decode()
    assert not set(text) & set("\x1b\x07\x08"), "control characters that some terminals lack"
    return text, seen(text)


def seen(text):
    """Return the lines that a terminal shows after a text."""
    lines, column = [[]], 0
    for sign in text:
        if sign == "\n":
            lines.append([])
            column = 0
        elif sign == "\r":
            column = 0
        else:
            lines[-1][column : column + 1] = [sign]
            column += 1
    return [line for signs in lines if (line := "".join(signs).rstrip())]


LAST = r"Epoch 4/4 - 2/2 - \d+s - \d+.?s/step - accuracy: \d\.\d+ - loss: \d\.\d+"


@posix
@pytest.mark.parametrize("columns", [80, 20, 0])
def test_on_a_terminal_nothing_but_the_last_line_stays(columns):
    text, lines = on_a_terminal("model.fit(X, Y, epochs=4, callbacks=[Slow()])", columns)
    assert "Epoch 2/4 " in text  # it was drawn
    assert len(lines) == 1
    assert re.fullmatch(LAST, lines[0])
    drawn = [part for part in text.split("\r") if "━" in part]
    assert all(len(part) < (columns or 80) for part in drawn)


@posix
def test_on_a_terminal_what_is_printed_meanwhile_has_its_own_lines():
    _, lines = on_a_terminal("""
class Loud(Slow):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        print("said", epoch, end="")
        print(" by the callback")
        print("error", epoch, file=sys.stderr)
        logging.warning("logged %s", epoch)
import logging
logging.basicConfig(format="%(message)s")  # holds the stream from before
model.fit(X, Y, epochs=4, callbacks=[Loud()])
print("end", "write" in vars(sys.stdout), "write" in vars(sys.stderr))
""")
    said = [
        line
        for each in range(4)
        for line in (f"said {each} by the callback", f"error {each}", f"logged {each}")
    ]
    assert lines[:-2] == said
    assert re.fullmatch(LAST, lines[-2])
    assert lines[-1] == "end False False"


@posix
def test_on_a_terminal_a_row_that_is_not_finished_is_left_alone():
    _, lines = on_a_terminal("""
class Dots(Slow):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        print(".", end="", flush=True)
model.fit(X, Y, epochs=4, callbacks=[Dots()])
""")
    assert lines[0] == "...."
    assert re.fullmatch(LAST, lines[1])
    assert len(lines) == 2


@posix
@pytest.mark.parametrize(
    ("error", "end"), [("KeyboardInterrupt", "interrupted"), ("OSError('gone')", "failed")]
)
def test_on_a_terminal_an_error_leaves_it_in_order(error, end):
    _, lines = on_a_terminal(f"""
class Fails(Slow):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if epoch == 2:
            raise {error}
try:
    model.fit(X, Y, epochs=4, callbacks=[Fails()])
except BaseException as found:
    print(type(found).__name__)
print("end", "write" in vars(sys.stdout))
""")
    assert len(lines) == 3
    assert re.match(r"Epoch 3/4 - 2/2 - ", lines[0])
    assert lines[0].endswith(f" - {end}")
    assert lines[1] == error.partition("(")[0]
    assert lines[2] == "end False"


@posix
def test_on_a_terminal_others_leave_one_line_too():
    _, lines = on_a_terminal("""
class Sleepy(fanin.initializers.Initializer):
    def __call__(self, shape, dtype=None, rng=None):
        time.sleep(0.12)
        return fanin.initializers.HeNormal(seed=0)(shape, dtype)
model.build((None, 4))
fanin.initialize(model, Sleepy(), seed=0)
fanin.lsuv(model, X, initializer=Sleepy(), rng=0)
fanin.compare({"größe": Sleepy(), "zeros": "zeros"}, data=((X, Y), (X, Y)), seeds=2, epochs=2)
fanin.initialize(model, Sleepy(), seed=0, verbose=0)
fanin.lsuv(model, X, initializer=Sleepy(), rng=0, verbose=0)
fanin.compare(Sleepy(), data=((X, Y), (X, Y)), seeds=2, epochs=2, progress=False)
""")
    patterns = [
        r"initialize - 4/4 parameters - \d+s",
        r"lsuv - 2 layers - \d+s - std before: \S+ - std after: 1\.0000",
        r"compare - 8/8 epochs - \d+s - accuracy: .*größe \d\.\d{3}.*",
    ]
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


@posix
def test_a_pipe_that_is_closed_half_way_ends_no_training():
    code = SCREEN + "h = model.fit(X, Y, epochs=300)\nprint(len(h.epoch), file=sys.stderr)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith("Epoch 1/300")
    process.stdout.close()
    assert process.stderr.read().splitlines()[0] == "300"
    process.stderr.close()
    process.wait()


@posix
def test_a_child_that_is_forked_by_a_callback_shows_its_own_calls():
    """Another thread of the parent holds the lock of the outputs at that time."""
    code = (
        SCREEN
        + """
import os
from fanin.show import progress
class Forks(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        progress._LOCK.acquire()
        child = os.fork()
        if not child:
            other = fanin.Sequential([Dense(1, "sigmoid")], rng=0)
            other.compile("adam", "bce")
            other.fit(X, Y, epochs=3, verbose=1)
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)
        progress._LOCK.release()
model.fit(X, Y, epochs=1, verbose=0, callbacks=[Forks()])
"""
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"Epoch 3/3 - 2/2 - .*\n", done.stdout)
