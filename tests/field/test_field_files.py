"""Faults seen in use, files: names of other formats (F1)."""

import fanin
import numpy as np
import pytest
from blobs import QUICK
from fanin import callbacks, layers
from fanin.models import load_model
from refusals import assert_refused, outcome


def network():
    model = fanin.Sequential([layers.Dense(2, input_dim=3)], rng=0)
    model.compile("sgd", "mse")
    return model


@pytest.fixture(scope="module")
def comparison():
    return fanin.compare("zeros", seeds=1, **{**QUICK, "epochs": 1})


@pytest.fixture(scope="module")
def report():
    return fanin.diagnose(network(), np.eye(3))


# F1. Every entry that writes a model, as a function of the file's name.
SAVERS = {
    "save": lambda path: network().save(path),
    "save_weights": lambda path: network().save_weights(path),
    "checkpoint": lambda path: callbacks.ModelCheckpoint(path),
    "checkpoint of weights": lambda path: callbacks.ModelCheckpoint(path, save_weights_only=True),
}
# What the name promises, and how it may be spelled.
OTHERS = {
    "Keras": ["m.keras", "M.KERAS", "m.2.keras"],
    "HDF5": ["m.h5", "m.weights.h5", "m.hdf5", ".h5"],
    "safetensors": ["m.safetensors"],
    "ONNX": ["m.onnx"],
    "PyTorch": ["m.pt", "m.pth", "m.pt2", "m.torchscript"],
    "checkpoint": ["m.ckpt"],
    "TensorFlow": ["m.pb", "m.tflite", "m.tf"],
    "Core ML": ["m.mlmodel", "m.mlpackage"],
    "pickle": ["m.pkl", "m.pickle", "m.joblib"],
    "array": ["m.npy"],
    "MATLAB": ["m.mat"],
    "table": ["m.csv", "m.parquet"],
    "JSON": ["m.json"],
    "YAML": ["m.yaml", "m.yml"],
    "text": ["m.txt"],
    "page": ["m.html"],
    "picture": ["m.png", "m.svg"],
    "document": ["m.pdf"],
    "compressed": ["m.npz.gz", "m.tar", "m.xz"],
    "program": ["train.py"],
}
NAMES = [(kind, name) for kind, names in OTHERS.items() for name in names]


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_field_F1_names_of_other_formats_are_refused(save, kind, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"precious")
    assert_refused(lambda: save(path), ValueError, "filepath", ".npz", name, kind)
    assert path.read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_field_F1_a_checkpoint_says_so_before_the_first_epoch(tmp_path):
    made = outcome(lambda: callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}-{loss:.2f}.h5"))
    assert isinstance(made, ValueError)
    assert "{epoch:02d}-{loss:.2f}.npz" in str(made)  # what to write instead


@pytest.mark.parametrize("save", ["save_json", "save_html", "to_html"])
@pytest.mark.parametrize("suffix", ["npz", "png", "csv", "txt", "json", "html"])
def test_field_F1_reports_have_names_of_what_they_are(save, suffix, comparison, report, tmp_path):
    own = {"save_json": "json", "save_html": "html", "to_html": "html"}[save]
    path = tmp_path / f"r.{suffix if suffix != own else 'pdf'}"
    write = getattr(report if save == "to_html" else comparison, save)
    assert_refused(lambda: write(path), ValueError, "path", f".{own}", path.name)
    assert not list(tmp_path.iterdir())


def test_names_that_promise_nothing_are_written(comparison, report, tmp_path):
    """Without a suffix, with one that is no format's, and with what is true."""
    for name in ("m.npz", "M.NPZ", "m", "m.zip", "m.model", "m.bin", "m.best", "m.h5.npz", "m."):
        network().save(tmp_path / name)
        assert load_model(tmp_path / name).count_params() == 8
    for write in (comparison.save_json, comparison.save_html, report.to_html):
        write(tmp_path / "page")
    comparison.save_html(tmp_path / "page.HTM")
    comparison.save_plot(tmp_path / "page.pdf")


def test_every_suffix_that_is_known_is_refused_for_models():
    from fanin import _formats

    known = set(_formats._KINDS) - {"npz", "zip"}
    assert {name.rpartition(".")[2].lower() for _, name in NAMES} <= known
    for suffix in known:
        assert_refused(lambda s=suffix: network().save(f"m.{s}"), ValueError, "filepath")
