"""Small files in the formats of Keras's data sets are read as Keras reads them."""

import importlib
import os
import tarfile

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import published
import pytest

keras = pytest.importorskip("keras")

CONTENTS = published.contents()
CALLS = [
    ("mnist", {}),
    ("imdb", {}),
    ("imdb", {"num_words": 30, "skip_top": 4}),
    ("imdb", {"maxlen": 8, "oov_char": None, "seed": 3}),
    ("imdb", {"start_char": None, "index_from": 0}),
    ("reuters", {}),
    ("reuters", {"num_words": 20, "maxlen": 9, "test_split": 0.3, "index_from": 5}),
    ("california_housing", {}),
    ("california_housing", {"version": "small", "test_split": 0.33, "seed": 7}),
    ("boston_housing", {}),
    ("cifar100", {}),
    ("cifar100", {"label_mode": "coarse"}),
]


@pytest.mark.parametrize(("name", "options"), CALLS)
def test_arrays_are_those_of_keras(name, options, tmp_path, monkeypatch):
    theirs = importlib.import_module(f"keras.src.datasets.{name}")
    ours = importlib.import_module(f"fanin.datasets.{name}")
    path = published.put(tmp_path / ours._FILE.name, CONTENTS[name])
    folder = tmp_path / "unpacked"
    if name.startswith("cifar"):
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")

    def fetch(*args, extract=False, **kwargs):
        return str(folder if extract else path)

    monkeypatch.setattr(theirs, "get_file", fetch)
    monkeypatch.setattr(ours, "_FILE", ours._FILE._replace(digest=published.sha256(CONTENTS[name])))
    monkeypatch.setenv("FANIN_DATA_DIR", str(tmp_path))
    found, expected = ours.load_data(**options), theirs.load_data(**options)
    for part, their_part in zip(found, expected, strict=True):
        for array, other in zip(part, their_part, strict=True):
            assert array.shape == other.shape
            assert array.dtype == other.dtype
            if array.dtype == object:
                assert array.tolist() == other.tolist()
            else:
                np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("name", ["mnist", "imdb", "reuters", "cifar10", "cifar100"])
def test_checksums_are_those_of_keras(name):
    ours = importlib.import_module(f"fanin.datasets.{name}")
    source = importlib.import_module(f"keras.src.datasets.{name}").__file__
    with open(source, encoding="utf-8") as file:
        text = file.read()
    for found in (ours._FILE, getattr(ours, "_INDEX", ours._FILE)):
        assert found.digest.partition(":")[2] in text
    assert importlib.import_module("keras.datasets").reuters.get_label_names() == tuple(
        importlib.import_module("fanin.datasets.reuters").get_label_names()
    )
