"""Where the full Fashion-MNIST may lie on this machine, and where it is fetched from."""

import errno
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from fanin import _optional

DEBIAN = Path("/usr/share/datasets/fashion-mnist")

# The same four archives, bit for bit. The last one has no https; checksums make that safe.
MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)

_CACHE = "download cache"

_REMEDIES = """\
Any one of these helps:
  load_data(size="small")             a part of it that is embedded and needs nothing else
  apt install dataset-fashion-mnist   the Debian and Ubuntu package
  FANIN_DATA_DIR=/some/folder         an environment variable: where the four files are
  pip install fanin[data]             lets fanin download it (30 MB, once)
  XDG_CACHE_HOME=/some/folder         where it keeps what it downloads, if not at home"""


class Source(NamedTuple):
    """Where a data set comes from.

    Attributes
    ----------
    kind : str
        What put it there, for people: ``"Keras cache"``.
    path : Path
        The folder or the file.
    """

    kind: str
    path: Path


def locate(folder: Path, name: str) -> Path:
    """Name the path of a file in a folder: its plain form where there is one, else gzipped."""
    plain = folder / name
    # os.path: a folder that we may not enter is one that holds nothing for us.
    return plain if os.path.isfile(plain) else folder / f"{name}.gz"


def find(names: Collection[str]) -> Source | None:
    """Find the first folder on this machine that holds all the named files.

    Raises
    ------
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set and does not hold them: whoever sets it means it.
    """
    if chosen := os.environ.get("FANIN_DATA_DIR"):
        folder = _expand(chosen)
        # The subfolder first: MNIST's files, which may lie beside it, have the same names.
        for candidate in (folder / "fashion-mnist", folder):
            if not _missing(candidate, names):
                return Source("FANIN_DATA_DIR", candidate)
        raise FileNotFoundError(
            f"FANIN_DATA_DIR is {chosen}, but {folder} lacks {', '.join(_missing(folder, names))} "
            f"(plain or .gz), and so does its subfolder fashion-mnist. Correct the variable or "
            f'unset it; load_data(size="small") needs no files.'
        )
    return next((place for place in _places() if not _missing(place.path, names)), None)


def obtain(archives: Mapping[str, str]) -> Path:
    """Find the folder that holds the files, or else download them.

    Parameters
    ----------
    archives : mapping of str to str
        The name of each file, and the sha256 of the ``.gz`` archive in which it is published.

    Raises
    ------
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set and does not hold them.
    ImportError
        When they are nowhere and pooch, which downloads, is not installed.
    ConnectionError
        When they are nowhere and no mirror delivers the right bytes.
    """
    source = find(archives)
    # Pooch looks after its own cache: what is damaged there is fetched again.
    if source is None or source.kind == _CACHE:
        return _download(archives)
    return source.path


def _places() -> Iterator[Source]:
    yield Source("Debian package", DEBIAN)
    keras = os.environ.get("KERAS_HOME") or "~/.keras"
    places = [("Keras cache", f"{keras}/datasets/fashion-mnist")]
    for root in torch_roots():
        places.append(("torchvision cache", f"{root}/FashionMNIST/raw"))
    if _optional.lack("pooch") is None:
        places.append((_CACHE, _cache_path()))
    for kind, path in places:
        try:
            folder = _expand(path)
        except FileNotFoundError:  # there is no home, or the working folder is gone
            continue
        yield Source(kind, folder)


def torch_roots() -> tuple[str, ...]:
    """Return where data of torchvision may be: it has no cache, its users name these folders."""
    torch = os.environ.get("TORCH_HOME") or "~/.cache/torch"
    return ("data", "../data", "~/data", torch)


def _cache_path() -> str:
    try:
        base = _optional.require("pooch").os_cache("fanin")
    except RuntimeError:  # there is no home, of which some versions of its library say nothing
        base = "~/.cache/fanin"
    return f"{base}/fashion-mnist"


def _cache() -> Path:
    return _expand(_cache_path())


def _download(archives: Mapping[str, str]) -> Path:
    lack = _optional.lack("pooch")
    if lack is not None:
        raise ImportError(f"{_searched(archives)}\n{lack}\n{_REMEDIES}", name="pooch")
    pooch = _optional.require("pooch")
    failures: list[str] = []
    cause: Exception | None = None
    try:
        folder = _cache()
    except FileNotFoundError as error:
        failures, cause = [f"{error.filename}: {error.strerror}"], error
    else:
        for mirror in MIRRORS:
            try:
                for name, sha256 in archives.items():
                    # Whatever an earlier mirror delivered intact is kept.
                    pooch.retrieve(f"{mirror}{name}.gz", sha256, fname=f"{name}.gz", path=folder)
                return folder
            # Not reached or broken off: an OSError. Other bytes than the published: a ValueError.
            except (OSError, ValueError) as error:
                cause = error
                if not os.access(folder, os.W_OK):  # no mirror can do anything about that
                    failures.append(f"{folder}: cannot be written: {error}")
                    break
                failures.append(f"{mirror}: {type(error).__name__}: {error}")
    attempts = "\n".join(f"  {failure}" for failure in failures)
    tried = f"{_searched(archives)}\nDownloading it failed:\n{attempts}"
    raise ConnectionError(f"{tried}\n{_REMEDIES}") from cause


def _searched(names: Collection[str]) -> str:
    """Say where we looked, and what was missing there."""
    lines = ["The full Fashion-MNIST is not on this machine:"]
    for kind, path in _places():
        missing = _missing(path, names)
        found = "nothing there" if len(missing) == len(names) else f"lacks {', '.join(missing)}"
        lines.append(f"  {kind}: {path}: {found}")
    return "\n".join(lines)


def _missing(folder: Path, names: Collection[str]) -> list[str]:
    return [name for name in names if not os.path.isfile(locate(folder, name))]


def _expand(path: str) -> Path:
    """Return an absolute path; a FileNotFoundError if what it is relative to is not there."""
    full = os.path.expanduser(path)
    if full.startswith("~"):
        raise FileNotFoundError(errno.ENOENT, "expected a home folder, found none", path)
    return Path(os.path.abspath(full))
