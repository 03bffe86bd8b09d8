"""What a notebook shows of a result that is the last line of a cell."""

import base64
import re
import struct

import nbformat
import pytest
from nbclient import NotebookClient

SETUP = """
import numpy as np, fanin
from fanin.layers import BatchNormalization, Dense
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 8)), rng.integers(0, 3, 64)

def network(kernel="he_normal"):
    layers = [Dense(8, "relu", kernel_initializer=kernel, input_dim=8), BatchNormalization()]
    model = fanin.Sequential([*layers, Dense(3, "softmax")], rng=0)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

monitor = fanin.callbacks.SignalMonitor(x, y, every=1)
history = network().fit(x, y, epochs=2, validation_split=0.25, verbose=0, callbacks=[monitor])
report = fanin.diagnose(network(), x, y)
result = fanin.compare(["zeros", "he_normal"], seeds=1, epochs=1, hidden=(8,), progress=False)
"""
PICTURES = [
    "history.plot()",
    "history.plot_signals()",
    "report.plot()",
    "result.plot()",
    'fanin.phase_diagram("tanh", point=(1, 0))',
]
PAGES = [
    "network()",
    "history",
    "history.signals",
    "report",
    "report.layers[0]",
    "report.theory",
    "result",
    "result.best",
    'fanin.recommend([8] * 3, "relu")',
    "fanin.lsuv(network(), x, verbose=0)",  # where it takes long, its progress is shown too
    'fanin.symmetry(network("ones"), x, y)',
    "fanin.batch_norm_report(network(), x)",
    'fanin.initializers.HeNormal().explain((8, 8), activation="relu")',
    'fanin.theory.mean_field("tanh", 1.5)',
]
INLINE = "%matplotlib inline"


@pytest.fixture(scope="module")
def shown():
    """The outputs of cells by what is their last line: before inline pictures are on, and after."""
    sources = [SETUP, *PICTURES, *PAGES, INLINE, *PICTURES]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=1200).execute()
    turned = sources.index(INLINE)
    assert cells[0].outputs == []
    return [
        {cell.source: cell.outputs for cell in part} for part in (cells[1:turned], cells[turned:])
    ]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("inline", [0, 1], ids=["without pyplot", "inline"])
@pytest.mark.parametrize("source", PICTURES)
def test_figures_are_pictures_and_once(shown, source, inline):
    (output,) = shown[inline][source]
    assert set(output.data) == {"image/png", "text/plain"}
    if not inline:
        width, height = struct.unpack(">II", base64.b64decode(output.data["image/png"])[16:24])
        about = output.metadata["image/png"]
        # Drawn twice as fine as it is shown.
        assert (about["width"], about["height"]) == pytest.approx((width / 2, height / 2), abs=1)
        assert len(about["alt"]) > 40
    assert re.fullmatch(r"Figure\(.*\)", output.data["text/plain"])


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("source", PAGES)
def test_results_are_tables(shown, source):
    (output,) = shown[0][source]
    assert set(output.data) == {"text/html", "text/plain"}
    assert "<table" in output.data["text/html"]
    assert re.fullmatch(r"\w+\(.*\)|<Sequential .*>", output.data["text/plain"])
    assert len(output.data["text/plain"]) <= 120
