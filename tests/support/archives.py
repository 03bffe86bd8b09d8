"""Archives to damage: whole files, what reads them, and forging of members."""

import io
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.comparison import data
from fanin.models import load_model
from refusals import assert_refused

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = np.arange(20) % 2


def network(rng=0):
    model = fanin.Sequential(
        [
            layers.Dense(4, activation="relu", input_dim=3),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ],
        rng=rng,
    )
    model.compile(
        fanin.optimizers.Adam(fanin.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def content_of(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def model_file():
    model = network()
    model.fit(X, Y, batch_size=5, verbose=0)
    with tempfile.TemporaryDirectory() as there:
        path = Path(there) / "m.npz"
        model.save(path)
        return path.read_bytes()


MODEL = model_file()
DATA = content_of(lambda s: np.savez(s, x_train=X, y_train=Y, x_test=X[:4], y_test=Y[:4]))


def load_weights_into_another(path):
    model = network(1)
    before = model.params.copy(), model.state.copy()
    try:
        model.load_weights(path)
    except Exception:
        assert np.array_equal(model.params, before[0])
        assert np.array_equal(model.state, before[1])
        raise


# Every reader of archives: what reads, a whole file, and its members that are arrays of numbers.
READERS = {
    "load_model": (load_model, MODEL),
    "load_weights": (load_weights_into_another, MODEL),
    "data": (lambda path: data.load(path, 0.25), DATA),
}
readers = pytest.mark.parametrize("reader", READERS)


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def archive(contents, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", compression) as file:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in contents.items() if isinstance(contents, dict) else contents:
            file.writestr(name, content)
    return stream.getvalue()


def npy(array):
    return content_of(lambda stream: np.save(stream, array, allow_pickle=True))


def header(text, body=b"", version=(1, 0)):
    """The bytes of an .npy file with a header that NumPy would not write."""
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text.encode("latin1") + body


def needed(reader):
    """A member that the reader needs."""
    return "x_test.npy" if reader == "data" else "0/kernel.npy"


def assert_refused_file(reader, content, folder, *words):
    path = folder / "damaged.npz"
    path.write_bytes(content)
    assert_refused(lambda: READERS[reader][0](path), ValueError, str(path), *words)


def with_member(reader, name, content):
    return archive({**members(READERS[reader][1]), name: content})


def set_field(content, offset, value):
    """Change a field of every member, in the list at the end and before the member."""
    out = bytearray(content)
    for mark, start in ((b"PK\x01\x02", 6 + offset), (b"PK\x03\x04", 4 + offset)):
        place = out.find(mark)
        while place >= 0:
            struct.pack_into("<H", out, place + start, value)
            place = out.find(mark, place + 4)
    return bytes(out)
