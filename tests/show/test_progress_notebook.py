"""What a notebook keeps of the progress of a cell: one output with one line, in a real kernel."""

import re

import nbformat
import pytest
from nbclient import NotebookClient

# Jupyter's own packages warn.
pytestmark = pytest.mark.filterwarnings("default")

START = """
import contextlib, io, os, signal, threading, time
import numpy as np
import fanin
from fanin.layers import Dense

X = np.random.default_rng(0).normal(size=(64, 4))
Y = (X[:, 0] > 0).astype(int)
DATA = (X, Y), (X, Y)

def network(rng=0):
    model = fanin.Sequential([Dense(8, "relu"), Dense(1, "sigmoid")], rng=rng)
    model.compile("adam", "bce", metrics=["accuracy"])
    return model

class Slow(fanin.callbacks.Callback):
    "An epoch takes long enough for the next one to be drawn."
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.12)

class Ends(Slow):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if epoch == 2:
            self.how()

def fail():
    raise RuntimeError("of the callback")

class Sleepy(fanin.initializers.Initializer):
    def __call__(self, shape, dtype=None, rng=None):
        time.sleep(0.12)
        return fanin.initializers.HeNormal(seed=0)(shape, dtype)

model = network()
model.build((None, 4))
"""
EPOCH = r"Epoch {}/{} - 2/2 - \d+s - \d+.?s/step - accuracy: \d\.\d+ - loss: \d\.\d+"
EVALUATED = r"2/2 - \d+s - \d+.?s/step - accuracy: \d\.\d+ - loss: \d\.\d+"
COMPARED = r"compare - 8/8 epochs - \d+s - accuracy: \w+ \d\.\d{3}, \w+ \d\.\d{3}"
LSUV = r"lsuv - 2 layers - \d+s - std before: \S+ - std after: 1\.0000"


def lines(count):
    return [EPOCH.format(each + 1, count) for each in range(count)]


# A cell, and the lines of its one output; none for a cell without an output.
CELLS = {
    "auto": ("h = network().fit(X, Y, epochs=50)", lines(50)[-1:]),
    "auto, slow": ("h = network().fit(X, Y, epochs=4, callbacks=[Slow()])", lines(4)[-1:]),
    "1": ("h = network().fit(X, Y, epochs=4, verbose=1, callbacks=[Slow()])", lines(4)[-1:]),
    "2": ("h = network().fit(X, Y, epochs=4, verbose=2)", lines(4)),
    "2, slow": ("h = network().fit(X, Y, epochs=4, verbose=2, callbacks=[Slow()])", lines(4)),
    "0": ("h = network().fit(X, Y, epochs=4, verbose=0, callbacks=[Slow()])", []),
    "no epochs": ("h = network().fit(X, Y, epochs=0)", []),
    "fit_many": (
        "h = fanin.fit_many([network(0), network(1)], X, Y, epochs=50)",
        lines(50)[-1:],
    ),
    "evaluate": ("loss = network().evaluate(X, Y)", [EVALUATED]),
    "predict": ("p = network().predict(X)", [r"2/2 - \d+s - \d+.?s/step"]),
    "compare": (
        "r = fanin.compare([Sleepy(), 'zeros'], data=DATA, seeds=2, epochs=2)",
        [COMPARED],
    ),
    "compare, silent": (
        "r = fanin.compare([Sleepy(), 'zeros'], data=DATA, seeds=2, epochs=2, progress=False)",
        [],
    ),
    "compare, short and asked for": (
        "r = fanin.compare(['he_normal', 'zeros'], data=DATA, seeds=2, epochs=2, progress=True)",
        [COMPARED],
    ),
    "initialize": (
        "m = fanin.initialize(model, Sleepy(), seed=0)",
        [r"initialize - 4/4 parameters - \d+s"],
    ),
    "initialize, silent": ("m = fanin.initialize(model, Sleepy(), seed=0, verbose=0)", []),
    "lsuv": ("s = fanin.lsuv(model, X, initializer=Sleepy(), rng=0)", [LSUV]),
    "lsuv, silent": ("s = fanin.lsuv(model, X, initializer=Sleepy(), rng=0, verbose=0)", []),
    "lsuv, short and asked for": ("s = fanin.lsuv(model, X, rng=0, verbose=1)", [LSUV]),
    "a fit within a callback": (
        "h = network().fit(X, Y, epochs=3, callbacks="
        "[Ends(lambda: network().fit(X, Y, epochs=4, callbacks=[Slow()]))])",
        lines(3)[-1:],
    ),
    "a fit in another thread": (
        "thread = threading.Thread(target=network().fit, args=(X, Y), kwargs={'epochs': 50})\n"
        "thread.start(); thread.join()",
        lines(50)[-1:],
    ),
    "interrupted": (
        "h = network().fit(X, Y, epochs=9, callbacks="
        "[Ends(lambda: os.kill(os.getpid(), signal.SIGINT) or time.sleep(60))])",
        [f"{EPOCH.format(3, 9)} - interrupted"],
    ),
    "failed": (
        "h = network().fit(X, Y, epochs=9, callbacks=[Ends(fail)])",
        [f"{EPOCH.format(3, 9)} - failed"],
    ),
    "failed, verbose=2": (
        "h = network().fit(X, Y, epochs=9, verbose=2, callbacks=[Ends(fail)])",
        lines(9)[:3],
    ),
}
ERRORS = {"interrupted": "KeyboardInterrupt", "failed": "RuntimeError"}
OTHERS = {
    "redirected": (
        "with contextlib.redirect_stdout(io.StringIO()) as file:\n"
        "    h = network().fit(X, Y, epochs=3)\n"
        "assert len(file.getvalue().splitlines()) == 3"
    ),
    "captured": "%%capture kept\nh = network().fit(X, Y, epochs=3)",
    "what was captured": "assert len(kept.stdout.splitlines()) == 3",
    "many short calls": "for _ in range(5): p = model.predict(X)",
    "printed": (
        "h = network().fit(X, Y, epochs=3, callbacks=[Ends(lambda: print('by the callback'))])"
    ),
}


@pytest.fixture(scope="module")
def outputs():
    """Run all cells in one kernel: the outputs of each, as they are saved."""
    sources = {"start": START, **{name: cell for name, (cell, _) in CELLS.items()}, **OTHERS}
    cells = [nbformat.v4.new_code_cell(source) for source in sources.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=1200, kernel_name="python3", allow_errors=True).execute()
    return {name: cell.outputs for name, cell in zip(sources, notebook.cells, strict=True)}


def text_of(output):
    """Return what is shown; a call of less than 100 ms prints it, and is not displayed."""
    return output.text if output.output_type == "stream" else output.data["text/plain"]


@pytest.mark.parametrize(("name", "expected"), [(name, CELLS[name][1]) for name in CELLS])
def test_a_cell_keeps_one_output_with_the_last_values(name, expected, outputs):
    errors = [output.ename for output in outputs[name] if output.output_type == "error"]
    assert errors == [ERRORS[word] for word in [name.partition(",")[0]] if word in ERRORS]
    shown = [output for output in outputs[name] if output.output_type != "error"]
    assert len(shown) == bool(expected)
    found = text_of(shown[0]).splitlines() if shown else []
    assert len(found) == len(expected)
    for line, pattern in zip(found, expected, strict=True):
        assert re.fullmatch(pattern, line), line


@pytest.mark.parametrize("name", ["start", "redirected", "captured", "what was captured"])
def test_a_stream_that_the_user_put_there_gets_the_lines(name, outputs):
    assert outputs[name] == []


def test_what_was_drawn_is_one_display(outputs):
    slow = [name for name in CELLS if name.endswith("slow") or name in ("1", *ERRORS)]
    assert len(slow) == 5
    for name in slow:
        assert outputs[name][0].output_type == "display_data"


def test_short_calls_in_a_loop_share_an_output(outputs):
    found = "".join(text_of(output) for output in outputs["many short calls"])
    assert found.count("2/2 - ") == 5


def test_prints_of_a_callback_are_outputs_of_their_own(outputs):
    kinds = [output.output_type for output in outputs["printed"]]
    assert kinds == ["display_data", "stream"]
    assert outputs["printed"][1].text == "by the callback\n"
    assert re.fullmatch(lines(3)[-1], outputs["printed"][0].data["text/plain"])
