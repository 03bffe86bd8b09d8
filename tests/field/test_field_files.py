"""Faults seen in use, files: names of other formats (F1), files of other libraries (F2)."""

import shutil
import zipfile
from pathlib import Path

import fanin
import numpy as np
import pytest
from blobs import QUICK
from fanin import callbacks, layers
from fanin.models import load_model
from refusals import assert_refused, outcome

FOREIGN = Path(__file__).parents[1] / "golden" / "foreign"


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
    from fanin._files import _formats

    known = set(_formats._KINDS) - {"npz", "zip"}
    assert {name.rpartition(".")[2].lower() for _, name in NAMES} <= known
    for suffix in known:
        assert_refused(lambda s=suffix: network().save(f"m.{s}"), ValueError, "filepath")


# F2. Files that others wrote: the content, and words of the answer.


def _torch(path):
    """A file with the members that `torch.save` writes."""
    with zipfile.ZipFile(path, "w") as archive:
        for member in ("data.pkl", "byteorder", "data/0", "version", ".data/serialization_id"):
            archive.writestr(f"archive/{member}", b"3\n")


def _old_torch(path):
    path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.")


def _copied(name):
    return lambda path: shutil.copy(FOREIGN / name, path)


def _bytes(content):
    return lambda path: path.write_bytes(content)


CONTENTS = {
    "keras": (_copied("model.keras"), ["Keras", "set_weights"]),
    "h5": (_copied("model.h5"), ["HDF5", "Keras", "set_weights"]),
    "weights.h5": (_copied("model.weights.h5"), ["HDF5", "Keras", "set_weights"]),
    "safetensors": (_copied("model.safetensors"), ["safetensors", "set_weights"]),
    "onnx": (_copied("model.onnx"), ["ONNX", "set_weights"]),
    "pt": (_torch, ["PyTorch", "set_weights", "transposed"]),
    "pth": (_old_torch, ["PyTorch", "set_weights", "transposed"]),
    "pkl": (_bytes(b"\x80\x04\x95\x0a\0\0\0\0\0\0\0]\x94K\x01a."), ["pickle"]),
    "npy": (lambda path: path.write_bytes(_npy()), ["single array", "np.load"]),
    "tflite": (_bytes(b"\x1c\0\0\0TFL3" + bytes(40)), ["TensorFlow Lite"]),
    "pb": (_bytes(b"\x08\x01\x12\x80\x01" + bytes(130)), ["TensorFlow"]),
    "json": (_bytes(b'\n{"class_name": "Sequential"}'), ["JSON"]),
    "html": (_bytes(b"<!DOCTYPE html><title>Sign in</title>"), ["page of the web"]),
    "lfs": (_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a"), ["Git LFS"]),
    "gz": (_bytes(b"\x1f\x8b\x08" + bytes(30)), ["gzip"]),
    "tar": (_bytes(bytes(257) + b"ustar" + bytes(300)), ["tar archive"]),
    "empty": (_bytes(b""), ["empty"]),
    "cut": (_bytes(b"PK\x03\x04" + bytes(100)), ["zip archive", "cut off"]),
    "docx": (_bytes(b""), ["zip archive", "word/document.xml"]),
    "text": (_bytes(b"hello world"), ["68 65 6c 6c 6f"]),
}


def _npy():
    import io

    stream = io.BytesIO()
    np.save(stream, np.ones(3))
    return stream.getvalue()


@pytest.mark.parametrize("load", ["load_model", "load_weights"])
@pytest.mark.parametrize("name", CONTENTS)
def test_field_F2_what_kind_of_file_it_is(name, load, tmp_path):
    write, words = CONTENTS[name]
    path = tmp_path / "model.npz"  # the content counts, not the name
    write(path)
    if name == "docx":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("word/document.xml", "<w:document/>")
    model = network()
    before = model.params.copy()
    call = load_model if load == "load_model" else model.load_weights
    assert_refused(lambda: call(path), ValueError, str(path), *words)
    assert np.array_equal(model.params, before)


def test_field_F2_arrays_of_others(tmp_path):
    """An npz archive, but not of a model: `load_model` does not send people to load_weights."""
    path = tmp_path / "data.npz"
    np.savez(path, x_train=np.ones(3), y_train=np.ones(3))
    error = outcome(lambda: load_model(path))
    assert isinstance(error, ValueError)
    assert "x_train" in str(error)
    assert "load_weights" not in str(error)
    network().save_weights(path)
    assert_refused(lambda: load_model(path), ValueError, str(path), "weights only", "load_weights")
