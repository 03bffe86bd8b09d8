"""Weights and whole models in one file: NumPy's npz, written all or not at all."""

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fanin.errors import ShapeError

Path_ = str | os.PathLike[str]
Arrays = dict[str, NDArray[Any]]

_CONFIG = "config"
_OPTIMIZER = "optimizer/"


def write(path: Path_, arrays: Arrays, overwrite: bool = True) -> None:
    """Write arrays to `path`: the file appears whole, or what was there stays."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"filepath must name a file, and {target} is a directory")
    if not overwrite and target.exists():
        raise FileExistsError(f"{target} exists, and overwrite is False")
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _permissions(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _permissions(target: Path) -> int:
    """Return the mode of the file that is replaced, or the one a new file would get."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def read(path: Path_) -> Arrays:
    """Read what `write` wrote."""
    try:
        with open(path, "rb") as file:
            return _read(file)
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError) as error:
        raise ValueError(f"{os.fspath(path)} is not a file of fanin's weights: {error}") from None


def _read(file: BinaryIO) -> Arrays:
    if not zipfile.is_zipfile(file):
        raise ValueError("it is not an npz archive")
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def check(path: Path_, found: Arrays, named: list[tuple[str, NDArray[Any]]]) -> list[NDArray[Any]]:
    """Return the arrays of a file in the order of a network's, having compared names and shapes."""
    found = {k: v for k, v in found.items() if k != _CONFIG and not k.startswith(_OPTIMIZER)}
    expected = dict(named)
    if found.keys() != expected.keys():
        missing = sorted(expected.keys() - found.keys())
        extra = sorted(found.keys() - expected.keys())
        raise ValueError(
            f"{os.fspath(path)} was written by another network: "
            f"it lacks {missing or 'nothing'} and has {extra or 'nothing'} besides"
        )
    for name, array in expected.items():
        if found[name].shape != array.shape:
            raise ShapeError(
                f"{os.fspath(path)} was written by another network: {name} has shape "
                f"{found[name].shape} there and {array.shape} here"
            )
    return [found[name] for name, _ in named]


def pack(config: dict[str, Any]) -> NDArray[np.uint8]:
    """Return a configuration as bytes that an archive of arrays can hold."""
    return np.frombuffer(json.dumps(config).encode(), dtype=np.uint8)


def unpack(path: Path_, found: Arrays) -> dict[str, Any]:
    """Return the configuration in an archive."""
    if _CONFIG not in found:
        raise ValueError(
            f"{os.fspath(path)} holds weights only: make the model and call its load_weights"
        )
    config: dict[str, Any] = json.loads(found[_CONFIG].tobytes())
    return config


def whole(named: list[tuple[str, NDArray[Any]]], config: dict[str, Any], slots: Any) -> Arrays:
    """Return all that a model is, as arrays by name."""
    arrays: Arrays = {**dict(named), _CONFIG: pack(config)}
    if slots is not None:
        arrays[f"{_OPTIMIZER}slots"] = slots
    return arrays


def slots_of(found: Arrays) -> NDArray[Any] | None:
    """Return the optimizer's arrays in an archive, if there are some."""
    return found.get(f"{_OPTIMIZER}slots")
