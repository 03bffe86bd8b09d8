"""Small files in the formats of published data sets, and the arrays that are in them."""

import hashlib
import io
import json
import pickle
import tarfile
from pathlib import Path

import numpy as np

RNG = np.random.default_rng(0)


def texts(count: int) -> np.ndarray:
    found = np.empty(count, object)
    found[:] = [
        RNG.integers(1, 60, RNG.integers(1, 12)).tolist() for _ in range(count)
    ]  # lists, as Keras's files have them
    return found


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def cifar(names: list[str], folder: str, *labels: str) -> bytes:
    """Return an archive of batches, whose keys are bytes: Python 2 wrote them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number, name in enumerate(["readme.html", *names]):
            batch = {
                label.encode(): RNG.integers(0, 10, 3).tolist() for label in ("filenames", *labels)
            }
            batch[b"data"] = RNG.integers(0, 256, (3, 3072), dtype=np.uint8)
            content = pickle.dumps(batch, protocol=3) if number else b"<html>"
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def contents() -> dict[str, bytes]:
    """Return the file of each data set."""

    def pictures(count: int) -> np.ndarray:
        return RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)

    def classes(count: int) -> np.ndarray:
        return RNG.integers(0, 10, count, dtype=np.uint8)

    batches = [f"data_batch_{number}" for number in (1, 2, 3, 4, 5)]
    return {
        "mnist": npz(
            x_train=pictures(4), y_train=classes(4), x_test=pictures(2), y_test=classes(2)
        ),
        "imdb": npz(
            x_train=texts(20), y_train=classes(20) % 2, x_test=texts(10), y_test=classes(10) % 2
        ),
        "reuters": npz(x=texts(30), y=classes(30)),
        "california_housing": npz(x=RNG.normal(size=(700, 8)), y=RNG.normal(size=700)),
        "boston_housing": npz(x=RNG.normal(size=(50, 13)), y=RNG.normal(size=50)),
        "cifar10": cifar([*batches, "test_batch"], "cifar-10-batches-py", "labels"),
        "cifar100": cifar(["train", "test"], "cifar-100-python", "fine_labels", "coarse_labels"),
    }


def index() -> bytes:
    return json.dumps({"the": 1, "of": 2}).encode()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
