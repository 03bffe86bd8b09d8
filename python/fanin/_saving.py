"""Weights and whole models in one file: NumPy's npz, written all or not at all."""

import functools
import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fanin import _files, _formats, losses, metrics, optimizers, random
from fanin.errors import ShapeError

Path_ = str | os.PathLike[str]
Arrays = dict[str, NDArray[Any]]

_CONFIG = "config"
_OPTIMIZER = "optimizer/"


def check_path(filepath: object) -> str:
    """Return the path of a file that is to be written, if its name says what is written.

    Parameters
    ----------
    filepath : str, bytes or path-like
        Where to; may be a pattern with fields, of which the suffix counts.

    Returns
    -------
    str
        The path.

    Raises
    ------
    TypeError
        If it is no path.
    ValueError
        If its suffix is that of a format which is not written.
    """
    return _formats.check_suffix("filepath", filepath, _formats.NPZ)


def write(path: str, arrays: Arrays, overwrite: bool) -> None:
    """Write arrays to a file: it appears whole, or what was there stays."""
    # Array by array: no second copy of all of them.
    fill = functools.partial(np.savez, **arrays)  # type: ignore[arg-type]
    _files.stream(path, fill, overwrite=overwrite)


def read(path: Path_) -> Arrays:
    """Read what `write` wrote."""
    import zipfile

    path = _files.as_path("filepath", path)
    try:
        with _files.open_regular(path) as file:
            return _read(file)
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError) as error:
        raise ValueError(f"{os.fspath(path)} is not a file of fanin's weights: {error}") from None


def _read(file: BinaryIO) -> Arrays:
    import zipfile

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
    import json

    try:
        text = json.dumps(config)
    except TypeError as error:
        raise ValueError(
            f"the model has an argument that a file cannot hold, such as a function: {error}"
        ) from None
    return np.frombuffer(text.encode(), dtype=np.uint8)


def unpack(path: Path_, found: Arrays) -> dict[str, Any]:
    """Return the configuration in an archive."""
    import json

    if _CONFIG not in found:
        raise ValueError(
            f"{os.fspath(path)} holds weights only: make the model and call its load_weights"
        )
    try:
        config = json.loads(found[_CONFIG].tobytes())
        return {key: config[key] for key in ("model", "rng", "compile", "done")}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{os.fspath(path)} is not a file of Sequential.save: {error}") from None


def whole(model: Any, compiled: Any) -> Arrays:
    """Return all that a model is, as arrays by name."""
    source = model.source
    config: dict[str, Any] = {
        "model": model.get_config(),
        # A stream goes on where it stopped; a NumPy generator is the user's, who has it.
        "rng": [_numbers(source.seed), source.path] if isinstance(source, random.Stream) else None,
        "compile": None,
        "done": [0, 0],
    }
    arrays: Arrays = dict(model.named_weights())
    if compiled is not None:
        config["compile"] = {
            "optimizer": optimizers.serialize(compiled.optimizer),
            "loss": losses.serialize(compiled.loss),
            "metrics": [
                m if isinstance(m, str) else metrics.serialize(m) for m in compiled.metrics
            ],
        }
        config["done"] = [compiled.iterations, compiled.epochs]
        if compiled.slots is not None:
            arrays[f"{_OPTIMIZER}slots"] = compiled.slots
    return {**arrays, _CONFIG: pack(config)}


def _numbers(seed: str) -> list[int]:
    return [int(number) for number in seed.split(",")]


def slots_of(found: Arrays) -> NDArray[Any] | None:
    """Return the optimizer's arrays in an archive, if there are some."""
    return found.get(f"{_OPTIMIZER}slots")
