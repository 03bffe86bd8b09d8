"""Data sets that are one file: the published one, wherever it is, or one clear error.

On an imaginary machine (fixture `home`) the files are small, and their servers on the loopback
interface or nowhere. `tests/peers/test_datasets.py` compares what is read with Keras.
"""

import gzip
import importlib
import io
import os
import pickle
import sys
import tarfile

import numpy as np
import published
import pytest
from fanin.datasets import _pickles, _published, _sources, cifar10, imdb, mnist, reuters
from refusals import assert_refused, outcome
from test_datasets import Mirror, idx

SETS = tuple(published.contents())


def module(name):
    return importlib.import_module(f"fanin.datasets.{name}")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a home without data, in a world where the files are small."""
    for name in ("FANIN_DATA_DIR", "KERAS_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache" if "CACHE" in name else tmp_path))
    work = tmp_path / "project"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("NO_PROXY", "*")
    for name, content in CONTENTS.items():
        set_file(monkeypatch, name, "_FILE", content)
    for name in ("imdb", "reuters"):
        set_file(monkeypatch, name, "_INDEX", published.index())
    return tmp_path


CONTENTS = published.contents()


def set_file(monkeypatch, name, which, content, address="http://127.0.0.1:9/"):
    # Port 9 is "discard": nobody listens there.
    file = getattr(module(name), which)
    url = address + file.url.rpartition("/")[2]
    new = file._replace(url=url, digest=published.sha256(content))
    monkeypatch.setattr(module(name), which, new)


def in_keras(home, name):
    return home / ".keras/datasets" / module(name)._FILE.name


@pytest.mark.parametrize("name", SETS)
def test_a_file_of_keras_is_read(home, name):
    published.put(in_keras(home, name), CONTENTS[name])
    (x, y), (x_test, y_test) = module(name).load_data()
    assert len(x) == len(y) >= len(x_test) == len(y_test) > 0
    for array in (x, y, x_test, y_test):
        assert isinstance(array, np.ndarray)
        assert array.flags.writeable
    if name.startswith("cifar"):
        assert x.shape[1:] == (32, 32, 3)
        assert x.flags.c_contiguous
        assert x.dtype == np.uint8
        assert y.dtype == (np.uint8 if name == "cifar10" else np.int64)
        assert y.shape == (len(x), 1)


def test_places_in_their_order(home, monkeypatch):
    file = cifar10._FILE
    places = [
        ("download cache", str(_sources._expand(_published._cache_path()) / file.name)),
        ("torchvision cache", f"project/data/{file.name}"),
        ("Keras cache", f".keras/datasets/{file.in_keras[0]}"),
        ("Keras cache", f".keras/datasets/{file.name}"),
        ("FANIN_DATA_DIR", f"mine/{file.name}"),
    ]
    assert _published.find(file) is None
    for kind, path in places:
        at = published.put(home / path, CONTENTS["cifar10"])
        if kind == "FANIN_DATA_DIR":
            monkeypatch.setenv("FANIN_DATA_DIR", str(home / "mine"))
        assert _published.find(file) == (kind, at)
        cifar10.load_data()


def test_archives_of_torchvision_are_mnist(home, monkeypatch):
    rng = np.random.default_rng(1)
    arrays = [
        rng.integers(0, 10, shape, dtype=np.uint8)
        for shape in ((4, 28, 28), (4,), (2, 28, 28), (2,))
    ]
    archives = {}
    for name, array in zip(mnist._ARCHIVES, arrays, strict=True):
        content = gzip.compress(idx(array), mtime=0)
        published.put(home / "data/MNIST/raw" / name, content)
        archives[name] = (array.shape, published.sha256(content))
    monkeypatch.setattr(mnist, "_ARCHIVES", archives)
    (x, y), (x_test, y_test) = mnist.load_data()
    for found, expected in zip((x, y, x_test, y_test), arrays, strict=True):
        np.testing.assert_array_equal(found, expected)
    published.put(home / "data/MNIST/raw" / name, gzip.compress(idx(arrays[-1]), mtime=1))
    assert_refused(mnist.load_data, ValueError, name, "expected the published file")
    published.put(in_keras(home, "mnist"), CONTENTS["mnist"])
    assert outcome(mnist.load_data) is None, "Keras's cache is looked at first"


@pytest.mark.parametrize("name", SETS)
def test_other_bytes_are_refused(home, name):
    path = published.put(in_keras(home, name), CONTENTS[name][:-1])
    assert_refused(module(name).load_data, ValueError, f"{path}: ", "sha256", "remove it")
    assert path.exists()


def test_a_path_is_a_name_or_a_place(home, monkeypatch):
    published.put(home / ".keras/datasets/mine.npz", CONTENTS["mnist"])
    path = published.put(home / "elsewhere/any.npz", CONTENTS["mnist"])
    for given in ("mine.npz", str(path), path, "~/elsewhere/any.npz"):
        assert mnist.load_data(given)[0][0].shape == (4, 28, 28)
    assert_refused(
        lambda: mnist.load_data("/nowhere/a.npz"), FileNotFoundError, "/nowhere/a.npz", "MNIST"
    )
    assert_refused(lambda: mnist.load_data(3), TypeError, "path: expected the name of a file")
    monkeypatch.setenv("FANIN_DATA_DIR", str(home / "elsewhere"))
    assert_refused(mnist.load_data, FileNotFoundError, "FANIN_DATA_DIR", "mnist.npz")
    assert mnist.load_data("any.npz")[0][0].shape == (4, 28, 28)


# Downloads, all of them from this process.


def test_a_file_is_fetched_once(home, monkeypatch):
    with Mirror({"mnist.npz": CONTENTS["mnist"]}) as mirror:
        set_file(monkeypatch, "mnist", "_FILE", CONTENTS["mnist"], mirror.url)
        for _ in range(2):
            assert mnist.load_data()[0][0].shape == (4, 28, 28)
        cached = _published.find(mnist._FILE)
        assert cached.kind == "download cache"
        cached.path.write_bytes(b"damaged")
        assert mnist.load_data()[0][0].shape == (4, 28, 28)
    assert mirror.asked == ["/mnist.npz", "/mnist.npz"]


def test_what_another_delivers_is_not_kept(home, monkeypatch):
    with Mirror({"mnist.npz": b"<html>Please log in</html>"}) as mirror:
        set_file(monkeypatch, "mnist", "_FILE", CONTENTS["mnist"], mirror.url)
        assert_refused(
            mnist.load_data, ValueError, "MNIST", mirror.url, "other bytes", "put the file into"
        )
    folder = _sources._expand(_published._cache_path())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", SETS)
def test_without_a_network_one_sentence_says_what_helps(home, name):
    error = outcome(module(name).load_data)
    assert isinstance(error, ConnectionError)
    file = module(name)._FILE
    for words in (file.title, file.name, file.url, "put the file into", ".keras"):
        assert words in str(error)
    assert "\n" not in str(error)
    folder = _sources._expand(_published._cache_path())
    assert not folder.exists() or list(folder.iterdir()) == []


def test_without_pooch_one_sentence_says_what_helps(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert_refused(
        imdb.get_word_index, ImportError, "word index of IMDB", 'pip install "fanin[data]"', "put"
    )
    published.put(in_keras(home, "mnist"), CONTENTS["mnist"])
    assert mnist.load_data()[0][0].shape == (4, 28, 28), "what is there needs none"


# What Keras's arguments say.


def test_words_are_numbered_and_cut(home):
    published.put(in_keras(home, "reuters"), CONTENTS["reuters"])
    (plain, y), (_, y_test) = reuters.load_data(
        start_char=None, index_from=0, test_split=0, num_words=1000
    )
    assert len(plain) == 30
    assert len(y_test) == 0
    (x, same), _ = reuters.load_data(test_split=0, num_words=20, skip_top=5)
    np.testing.assert_array_equal(y, same)
    for text, numbers in zip(plain, x, strict=True):
        expected = [1, *(word + 3 for word in text)]
        assert numbers == [w if 5 <= w < 20 else 2 for w in expected], text
    (short, _), (rest, _) = imdb_of(home, maxlen=6, oov_char=None, num_words=30)
    assert all(len(text) < 6 and max(text, default=0) < 30 for text in (*short, *rest))
    assert_refused(lambda: reuters.load_data(maxlen=1), ValueError, "maxlen: ", "found 1")


def imdb_of(home, **options):
    published.put(in_keras(home, "imdb"), CONTENTS["imdb"])
    return imdb.load_data(**options)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: imdb.load_data(num_words=0), "num_words"),
        (lambda: imdb.load_data(maxlen=-1), "maxlen"),
        (lambda: imdb.load_data(index_from=None), "index_from"),
        (lambda: imdb.load_data(start_char="a"), "start_char"),
        (lambda: imdb.load_data(seed=2**32), "seed"),
        (lambda: reuters.load_data(test_split=1), "test_split"),
        (lambda: module("california_housing").load_data("medium"), "version"),
        (lambda: module("california_housing").load_data(test_split="a"), "test_split"),
        (lambda: module("boston_housing").load_data(seed=-1), "seed"),
        (lambda: module("cifar100").load_data("rough"), "label_mode"),
    ],
)
def test_arguments_are_looked_at_before_files(home, call, words):
    assert_refused(call, (TypeError, ValueError), f"{words}")


def test_tables_are_shuffled_and_split(home):
    published.put(in_keras(home, "california_housing"), CONTENTS["california_housing"])
    housing = module("california_housing")
    (x, y), (x_test, y_test) = housing.load_data(test_split=0.25)
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((525, 8), (525,), (175, 8), (175,))
    (small, _), (rest, _) = housing.load_data("small")
    assert len(small) + len(rest) == 600
    again = housing.load_data("small", seed=114)[0][0]
    assert not np.array_equal(again, small)


def test_words_have_numbers(home):
    for name in ("imdb", "reuters"):
        published.put(home / f".keras/datasets/{name}_word_index.json", published.index())
        assert module(name).get_word_index() == {"the": 1, "of": 2}
    assert len(set(reuters.get_label_names())) == 46


class Harm:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("value", [Harm(), os.system, np.load], ids=["call", "system", "load"])
def test_a_pickle_makes_arrays_alone(tmp_path, value):
    stream = io.BytesIO(pickle.dumps(value))
    assert_refused(lambda: _pickles.load(stream), pickle.UnpicklingError, "arrays alone")
    objects = np.empty(1, object)
    objects[0] = value
    path = published.put(tmp_path / "a.npz", published.npz(x=objects))
    assert_refused(lambda: _pickles.load_npz(path), pickle.UnpicklingError, "arrays alone")


def test_pictures_have_their_channels_last(home):
    published.put(in_keras(home, "cifar10"), CONTENTS["cifar10"])
    (x, y), (x_test, y_test) = cifar10.load_data()
    with tarfile.open(in_keras(home, "cifar10")) as archive:
        for number, (pictures, labels) in enumerate([(x[:3], y[:3]), (x_test, y_test)]):
            name = "cifar-10-batches-py/" + ("test_batch" if number else "data_batch_1")
            batch = pickle.load(archive.extractfile(name), encoding="bytes")
            assert labels[:, 0].tolist() == batch[b"labels"]
            for row, column, channel in ((0, 0, 0), (3, 4, 1), (31, 30, 2)):
                place = channel * 1024 + row * 32 + column
                np.testing.assert_array_equal(
                    pictures[:, row, column, channel], batch[b"data"][:, place]
                )


def test_an_archive_is_not_unpacked(home):
    content = CONTENTS["cifar10"]
    published.put(home / "data/cifar-10-python.tar.gz", content)
    before = {path for path in home.rglob("*") if path.is_file()}
    cifar10.load_data()
    assert {path for path in home.rglob("*") if path.is_file()} == before
