"""Fashion-MNIST is the real one, wherever it comes from; what is not is refused, never replaced.

The embedded part equals the published pictures. The full set is searched in the promised order.
The search and the download are tested on an imaginary machine (fixture `machine`) on which
Fashion-MNIST has six pictures and the mirrors are servers on the loopback interface.
"""

import gzip
import hashlib
import http.server
import lzma
import os
import runpy
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fanin.datasets import _sources, fashion_mnist
from fanin.datasets.fashion_mnist import CLASS_NAMES, find, load_data

ROOT = Path(__file__).parents[2]
NAMES = tuple(fashion_mnist._FILES)
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES
Data = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def assert_same(data: Data, expected: Data) -> None:
    for part, expected_part in zip(data, expected, strict=True):
        for array, expected_array in zip(part, expected_part, strict=True):
            np.testing.assert_array_equal(array, expected_array, strict=True)


# The embedded part.


@pytest.fixture(scope="module")
def small() -> Data:
    return load_data(size="small")


def test_small_has_the_promised_form(small: Data):
    for (x, y), per_class in zip(small, (360, 60), strict=True):
        assert x.shape == (10 * per_class, 28, 28)
        assert x.dtype == y.dtype == np.uint8
        assert x.flags.c_contiguous
        assert x.flags.writeable
        assert y.flags.writeable
        np.testing.assert_array_equal(y, np.tile(np.arange(10), per_class))


def test_small_is_new_at_each_call(small: Data):
    again = load_data("small")
    again[0][0][:] = 0
    again[0][1][:] = 0
    assert_same(load_data("small"), small)


def test_small_labels_belong_to_the_pictures(small: Data):
    # The nearest class mean gets 0.68 of the full test part right; chance gets 0.1.
    (x, y), (x_test, y_test) = ((x.reshape(len(x), -1) / 255, y) for x, y in small)
    means = np.stack([x[y == k].mean(axis=0) for k in range(10)])
    distances = np.linalg.norm(x_test[:, None] - means, axis=2)
    assert np.mean(distances.argmin(axis=1) == y_test) > 0.6


def test_embedded_file_is_small_and_carries_its_licence():
    folder = fashion_mnist.EMBEDDED.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 1_500_000
    notice = (folder / "NOTICE").read_text()
    for words in (
        "Copyright (c) 2017 Zalando SE",
        "Permission is hereby granted, free of charge",
        'THE SOFTWARE IS PROVIDED "AS IS"',
        "arXiv:1708.07747",
    ):
        assert words in notice


def test_class_names():
    assert len(CLASS_NAMES) == 10
    assert CLASS_NAMES[0] == "T-shirt/top"
    assert CLASS_NAMES[9] == "Ankle boot"


@pytest.mark.parametrize("size", ["smal", "FULL", "", None, 3])
@pytest.mark.parametrize("function", [load_data, find])
def test_unknown_size(function, size):
    with pytest.raises(ValueError, match=r"unknown size .*(full|small)"):
        function(size)


# The full set, where this machine has it; in CI it must.


@pytest.fixture(scope="module")
def full() -> Data:
    if find() is None:
        reason = "the full Fashion-MNIST is not on this machine"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; CI installs it")
        pytest.skip(reason)
    return load_data()


def test_full_is_fashion_mnist_in_the_shape_of_keras(full: Data):
    (x_train, y_train), (x_test, y_test) = full
    assert (x_train.shape, y_train.shape) == ((60000, 28, 28), (60000,))
    assert (x_test.shape, y_test.shape) == ((10000, 28, 28), (10000,))
    for array in (x_train, y_train, x_test, y_test):
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        assert array.flags.writeable
    np.testing.assert_array_equal(np.bincount(y_train), [6000] * 10)
    np.testing.assert_array_equal(np.bincount(y_test), [1000] * 10)
    # As printed in TensorFlow's tutorial of this data set.
    np.testing.assert_array_equal(y_train[:3], [9, 0, 0])
    np.testing.assert_array_equal(y_test[:5], [9, 2, 1, 1, 6])


def test_small_is_the_first_of_each_class(small: Data, full: Data):
    for (x, y), (x_full, y_full) in zip(small, full, strict=True):
        for k in range(10):
            count = np.count_nonzero(y == k)
            np.testing.assert_array_equal(x[y == k], x_full[y_full == k][:count])


def test_script_makes_the_embedded_content(full: Data):
    script = runpy.run_path(str(ROOT / "scripts" / "embed_fashion_mnist.py"))
    content = script["content"](*full)
    assert content == lzma.decompress(fashion_mnist.EMBEDDED.read_bytes())


# The imaginary machine.


class Machine:
    """A home without any data set, and what Fashion-MNIST is in that world."""

    def __init__(self, home: Path) -> None:
        rng = np.random.default_rng(0)
        self.home = home
        self.data: Data = tuple(
            (
                rng.integers(0, 256, (n, 28, 28), dtype=np.uint8),
                rng.integers(0, 10, n, dtype=np.uint8),
            )
            for n in (4, 2)
        )
        arrays = [array for part in self.data for array in part]
        self.contents = dict(zip(NAMES, map(idx, arrays), strict=True))
        self.archives = {k: gzip.compress(v, mtime=0) for k, v in self.contents.items()}
        self.table = {
            name: fashion_mnist._File(array.shape, sha256(array.data), sha256(archive))
            for array, (name, archive) in zip(arrays, self.archives.items(), strict=True)
        }

    def put(self, folder: str | Path, *, zipped: bool = True, without: str = "") -> Path:
        """Put the files into a folder of the home."""
        path = self.home / folder
        path.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            if name != without:
                new = path / (f"{name}.gz" if zipped else name)
                new.write_bytes((self.archives if zipped else self.contents)[name])
        return path


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def sha256(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    for name in ("FANIN_DATA_DIR", "KERAS_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    # What `~` and the folder for caches are made from, on any system.
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache" if "CACHE" in name else tmp_path))
    work = tmp_path / "project" / "notebooks"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setattr(fashion_mnist, "_FILES", machine.table)
    monkeypatch.setattr(_sources, "DEBIAN", tmp_path / "debian")
    # Port 9 is "discard": nobody listens there.
    monkeypatch.setattr(_sources, "MIRRORS", ("http://127.0.0.1:9/",))
    monkeypatch.setenv("NO_PROXY", "*")
    return machine


def test_places_in_their_order(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(machine.home / "torch"))
    places = [
        ("download cache", str(_sources._cache())),
        ("torchvision cache", "torch/FashionMNIST/raw"),
        ("torchvision cache", "data/FashionMNIST/raw"),
        ("torchvision cache", "project/data/FashionMNIST/raw"),
        ("torchvision cache", "project/notebooks/data/FashionMNIST/raw"),
        ("Keras cache", ".keras/datasets/fashion-mnist"),
        ("Debian package", "debian"),
        ("FANIN_DATA_DIR", "mine"),
        ("FANIN_DATA_DIR", "mine/fashion-mnist"),
    ]
    assert find() is None
    # Each one goes before those already there.
    for number, (kind, folder) in enumerate(places):
        path = machine.put(folder, zipped=number % 2 == 0)
        if kind == "FANIN_DATA_DIR":
            monkeypatch.setenv("FANIN_DATA_DIR", "~/mine")
        assert find() == (kind, path)
        assert_same(load_data(), machine.data)


def test_keras_home(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.put(".keras/datasets/fashion-mnist")
    monkeypatch.setenv("KERAS_HOME", str(machine.home / "elsewhere"))
    assert find() is None
    path = machine.put("elsewhere/datasets/fashion-mnist")
    assert find() == ("Keras cache", path)


def test_an_incomplete_folder_is_passed_over(machine: Machine):
    machine.put("debian", without=TEST_LABELS)
    path = machine.put("data/FashionMNIST/raw")
    assert find() == ("torchvision cache", path)


@pytest.mark.parametrize("exists", [True, False])
def test_fanin_data_dir_is_meant(machine: Machine, monkeypatch: pytest.MonkeyPatch, exists: bool):
    machine.put("debian")
    if exists:
        machine.put("mine", without=TEST_LABELS)
    monkeypatch.setenv("FANIN_DATA_DIR", str(machine.home / "mine"))
    for function in (find, load_data):
        with pytest.raises(FileNotFoundError, match=r"FANIN_DATA_DIR.*lacks") as caught:
            function()
        assert TEST_LABELS in str(caught.value)
        assert (TRAIN_LABELS in str(caught.value)) == (not exists)
    monkeypatch.setenv("FANIN_DATA_DIR", "")
    assert find() == ("Debian package", machine.home / "debian")


BAD = {
    "truncated": (TRAIN_IMAGES, lambda good: good[:-1], "ends after 3135 of 3136"),
    "too long": (TRAIN_IMAGES, lambda good: good + b"\0", "goes on after"),
    "more labels than pictures": (
        TEST_LABELS,
        lambda good: idx(np.zeros(3, np.uint8)),
        r"dimensions are \(3,\), expected \(2,\)",
    ),
    "an eleventh class": (
        TRAIN_LABELS,
        lambda good: good[:-2] + b"\x0a\x01",
        "label 2 is 10, expected 0 to 9",
    ),
    "one other pixel": (
        TEST_IMAGES,
        lambda good: good[:-1] + bytes([good[-1] ^ 1]),
        "but not Fashion-MNIST's",
    ),
    "one other label": (
        TEST_LABELS,
        lambda good: good[:-1] + bytes([(good[-1] + 1) % 10]),
        "but not Fashion-MNIST's",
    ),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("name", "spoil", "says"), BAD.values(), ids=BAD)
def test_a_bad_file_is_named_and_nothing_else_is_taken(
    machine: Machine, name: str, spoil, says: str, zipped: bool
):
    folder = machine.put("debian", zipped=zipped)
    machine.put(".keras/datasets/fashion-mnist")
    path = folder / (f"{name}.gz" if zipped else name)
    bad = spoil(machine.contents[name])
    path.write_bytes(gzip.compress(bad) if zipped else bad)
    with pytest.raises(ValueError, match=says) as caught:
        load_data()
    assert str(caught.value).startswith(f"{path}: ")


# Downloads, all of them from this process.


class Mirror:
    """A server on the loopback interface, and what it was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                body = mirror.files.get(self.path.removeprefix("/").partition("?")[0])
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self) -> "Mirror":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def mirrors(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Mirror, Mirror]]:
    files = {f"{name}.gz": archive for name, archive in machine.archives.items()}
    with Mirror(files.copy()) as first, Mirror(files.copy()) as second:
        monkeypatch.setattr(_sources, "MIRRORS", (first.url, second.url))
        yield first, second


ASKED_ALL = [f"/{name}.gz" for name in NAMES]


def test_download_once(machine: Machine, mirrors: tuple[Mirror, Mirror]):
    first, second = mirrors
    assert find() is None
    for _ in range(2):
        assert_same(load_data(), machine.data)
    assert first.asked == ASKED_ALL
    assert second.asked == []
    assert find() == ("download cache", _sources._cache())


def test_the_next_mirror_does_what_one_cannot(machine: Machine, mirrors: tuple[Mirror, Mirror]):
    first, second = mirrors
    first.files[f"{TEST_IMAGES}.gz"] = machine.archives[TRAIN_IMAGES]  # another file
    del first.files[f"{TEST_LABELS}.gz"]
    assert_same(load_data(), machine.data)
    # What the first delivered intact is kept.
    assert first.asked == ASKED_ALL[:3]
    assert second.asked == ASKED_ALL[2:]


def test_damage_to_the_download_is_repaired(machine: Machine, mirrors: tuple[Mirror, Mirror]):
    load_data()
    damaged = _sources._cache() / f"{TRAIN_LABELS}.gz"
    damaged.write_bytes(machine.archives[TRAIN_LABELS][:-1])
    assert_same(load_data(), machine.data)
    assert mirrors[0].asked == [*ASKED_ALL, f"/{TRAIN_LABELS}.gz"]


def assert_says_what_was_tried_and_what_helps(message: str) -> None:
    for tried in ("Debian package", "Keras cache", "torchvision cache", "nothing there"):
        assert tried in message
    for remedy in (
        'load_data(size="small")',
        "FANIN_DATA_DIR",
        "apt install dataset-fashion-mnist",
        "pip install fanin[data]",
    ):
        assert remedy in message


def test_wrong_bytes_everywhere(machine: Machine, mirrors: tuple[Mirror, Mirror]):
    for mirror in mirrors:
        mirror.files[f"{TEST_IMAGES}.gz"] = b"<html>Please log in to this network</html>"
    with pytest.raises(ConnectionError, match=r"(?i)sha256 hash .* does not match") as caught:
        load_data()
    assert_says_what_was_tried_and_what_helps(str(caught.value))
    for mirror in mirrors:
        assert mirror.url in str(caught.value)
    # Nothing but good files is left behind.
    left = sorted(path.name for path in _sources._cache().iterdir())
    assert left == sorted(f"{name}.gz" for name in (TRAIN_IMAGES, TRAIN_LABELS))


def test_no_network(machine: Machine):
    machine.put("debian", without=TEST_LABELS)
    with pytest.raises(ConnectionError, match=r"http://127\.0\.0\.1:9/: ConnectionError") as caught:
        load_data()
    assert_says_what_was_tried_and_what_helps(str(caught.value))
    assert f"lacks {TEST_LABELS}" in str(caught.value)


def test_no_pooch(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert find() is None
    with pytest.raises(ImportError, match="needs pooch, which is not installed") as caught:
        load_data()
    assert caught.value.name == "pooch"
    assert_says_what_was_tried_and_what_helps(str(caught.value))


def test_a_cache_that_cannot_be_written(machine: Machine, mirrors: tuple[Mirror, Mirror]):
    _sources._cache().parent.parent.mkdir()
    _sources._cache().parent.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="Downloading it failed") as caught:
        load_data()
    assert_says_what_was_tried_and_what_helps(str(caught.value))


def test_a_cache_that_cannot_be_written_is_said_once(
    machine: Machine, mirrors: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
):
    cache = _sources._cache()
    cache.mkdir(parents=True)

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError("Permission denied")

    # The superuser, who may run this, could write into any folder.
    monkeypatch.setattr("pooch.retrieve", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != cache)
    with pytest.raises(ConnectionError, match=f"{cache}: .*cannot be written") as caught:
        load_data()
    assert_says_what_was_tried_and_what_helps(str(caught.value))
    assert "XDG_CACHE_HOME" in str(caught.value)
    assert str(caught.value).count("Permission denied") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has other homes")
def test_without_a_home_nothing_is_searched_or_made_there(
    machine: Machine, mirrors: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
):
    import pwd

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name)
    assert find() is None
    with pytest.raises(ConnectionError, match="expected a home folder, found none") as caught:
        load_data()
    assert "XDG_CACHE_HOME" in str(caught.value)
    assert "Keras cache" not in str(caught.value)
    assert list(Path.cwd().iterdir()) == []  # no folder called ~
    path = machine.put("project/data/FashionMNIST/raw")
    assert find() == ("torchvision cache", path)
    assert_same(load_data("small"), load_data("small"))


def test_the_working_folder_may_be_gone(machine: Machine):
    Path.cwd().rmdir()
    assert find() is None
    path = machine.put(".keras/datasets/fashion-mnist")
    assert find() == ("Keras cache", path)


def test_old_pooch(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pooch.__version__", "0.7.1")
    assert find() is None
    with pytest.raises(ImportError, match=r"needs pooch 1\.8 or newer, found 0\.7\.1") as caught:
        load_data()
    assert_says_what_was_tried_and_what_helps(str(caught.value))


def test_small_needs_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch, small: Data):
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.setenv("FANIN_DATA_DIR", "/nowhere")
    assert_same(load_data("small"), small)
    assert find("small") == ("embedded", fashion_mnist.EMBEDDED)
