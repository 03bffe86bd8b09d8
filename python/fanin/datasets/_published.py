"""One published file: where it may lie on this machine, its checksum, and its download."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fanin import _optional
from fanin._checks import found
from fanin.datasets import _sources
from fanin.datasets._sources import Source

KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


class File(NamedTuple):
    """A file that Keras loads too.

    Attributes
    ----------
    title : str
        What people call the data set: ``"MNIST"``.
    name : str
        Of the file, as it is published.
    url : str
        Where it is.
    digest : str
        ``"sha256:..."`` or ``"md5:..."`` of its bytes, which Keras's own source has.
    in_keras : tuple of str
        Names of the same file in Keras's cache, if they differ.
    in_torch : tuple of str
        Its places below torchvision's usual folders.
    """

    title: str
    name: str
    url: str
    digest: str
    in_keras: tuple[str, ...] = ()
    in_torch: tuple[str, ...] = ()


def obtain(file: File, path: str | os.PathLike[str] | None = None) -> Path:
    """Find a file, or else download it; its bytes are the published ones.

    Parameters
    ----------
    file : File
        Which.
    path : path-like, optional
        Another name of it in the folders, or where it is.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError
        When `path` is no path.
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set, or `path` has folders, and the file is not there.
    ImportError
        When it is nowhere and pooch, which downloads, is not installed.
    ConnectionError
        When it is nowhere and is not delivered.
    ValueError
        When the first file of this name, here or delivered, has other bytes.
    """
    source = find(file, path)
    # Pooch looks after its own cache: what is damaged there is fetched again.
    if source is None or source.kind == _sources._CACHE:
        return _download(file)
    check(source.path, file.digest)
    return source.path


def find(file: File, path: str | os.PathLike[str] | None = None) -> Source | None:
    """Find the first place on this machine that has the file, whatever its bytes are."""
    if path is not None and not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected the name of a file, found {found(path)}")
    name = file.name if path is None else os.fspath(path)
    if os.path.dirname(name):
        full = _sources._expand(name)
        if not os.path.isfile(full):
            raise FileNotFoundError(f"path: expected {file.title} in {full}, found no file there")
        return Source("path", full)
    if chosen := os.environ.get("FANIN_DATA_DIR"):
        at = _sources._expand(chosen) / name
        if not os.path.isfile(at):
            raise FileNotFoundError(
                f"FANIN_DATA_DIR is {chosen}, but there is no {name} ({file.title}) in it; put the "
                "file there, or unset the variable"
            )
        return Source("FANIN_DATA_DIR", at)
    return next((place for place in _places(file, name) if os.path.isfile(place.path)), None)


def check(path: Path, digest: str) -> None:
    """Refuse a file whose bytes are not the published ones."""
    kind, _, expected = digest.partition(":")
    hashed = hash_of(path, kind)
    if hashed != expected:
        raise ValueError(
            f"{path}: expected the published file, whose {kind} is {expected}, found {hashed}: it "
            "is damaged or another file; remove it, and the right one is fetched"
        )


def hash_of(path: Path, kind: str) -> str:
    """Return the ``"sha256"`` or ``"md5"`` of a file, in hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, _md5 if kind == "md5" else "sha256").hexdigest()


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)


def _places(file: File, name: str) -> Iterator[Source]:
    keras = os.environ.get("KERAS_HOME") or "~/.keras"
    paths = [("Keras cache", f"{keras}/datasets/{one}") for one in (name, *file.in_keras)]
    paths += [
        ("torchvision cache", f"{root}/{one}")
        for root in _sources.torch_roots()
        for one in file.in_torch
    ]
    if _optional.lack("pooch") is None:
        paths.append((_sources._CACHE, f"{_cache_path()}/{file.name}"))
    for kind, path in paths:
        try:
            yield Source(kind, _sources._expand(path))
        except FileNotFoundError:  # there is no home, or the working folder is gone
            continue


def _cache_path() -> str:
    return os.path.dirname(_sources._cache_path())


def _download(file: File) -> Path:
    first = next(_places(file, file.name), None)
    missing = f"{file.title} ({file.name}) is not on this machine"
    advice = "set FANIN_DATA_DIR to its folder"
    if first is not None:
        advice = f"put the file into {first.path.parent}, or {advice}"
    lack = _optional.lack("pooch")
    if lack is not None:
        raise ImportError(f"{missing}. {lack}; or {advice}", name="pooch")
    pooch = _optional.require("pooch")
    try:
        folder = _sources._expand(_cache_path())
        # Written under another name first, and moved when its checksum is right.
        return Path(pooch.retrieve(file.url, file.digest, fname=file.name, path=folder))
    except ValueError as error:
        raise ValueError(
            f"{missing}, and {file.url} delivered other bytes than the published ones, which were "
            f"not kept; {advice}"
        ) from error
    except OSError as error:
        raise ConnectionError(
            f"{missing}, and could not be fetched from {file.url} "
            f"({type(error).__name__}: {error}); {advice}"
        ) from error
