"""What is shown while a call runs, on a terminal and in child processes."""

import contextlib
import os
import re
import subprocess
import sys

import pytest

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other terminals")


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
