"""Files of one's own: fetched once, checked, unpacked."""

import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from fanin import _checks, _optional
from fanin._files import _disk
from fanin.datasets import _published, _sources

# Of a digest, by its digits.
_ALGORITHMS = {32: "md5", 64: "sha256"}


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str | os.PathLike[str] = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file, which is fetched if it is not there yet.

    Where it lies is where Keras puts it: what one has fetched, the other finds.

    Parameters
    ----------
    fname : str, optional
        Name of the file, without folders; the last part of `origin` if not given. Of an archive
        that is unpacked: a name without a dot is that of its folder.
    origin : str
        Its URL.
    untar : bool, default False
        Whether to unpack it as a tar archive; the older name of `extract`.
    md5_hash : str, optional
        MD5 of the file; the older name of `file_hash`.
    file_hash : str, optional
        MD5 or SHA-256 of the file, in hexadecimal digits. A file that is there and has another one
        is fetched again.
    cache_subdir : path-like, default "datasets"
        Folder below `cache_dir`, or a folder by itself if it begins at the root.
    hash_algorithm : {"auto", "md5", "sha256"}, default "auto"
        Which digest `file_hash` is; its length says that, too.
    extract : bool, default False
        Whether to unpack it: the folder is returned, ``<name>_extracted`` of a name with a dot.
    archive_format : {"auto", "tar", "zip"}, optional
        What may be unpacked; "auto" looks at the file. None unpacks nothing.
    cache_dir : path-like, optional
        The folder of all that is kept: ``$KERAS_HOME`` or ``~/.keras`` if not given.
    force_download : bool, default False
        Whether to fetch it in any case.

    Returns
    -------
    str
        Path of the file, or of the folder into which it was unpacked.

    Raises
    ------
    ImportError
        If it is to be fetched and pooch, which downloads, is not installed.
    ConnectionError
        If it is not delivered. What was there before stays.
    ValueError
        If the file that came has another digest, which is not kept; if what is to be unpacked is no
        archive of a kind that is allowed; or if an argument is none of its choices.

    See Also
    --------
    fanin.datasets.mnist.load_data : One of the published data sets, ready as arrays.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> cache = pathlib.Path(tempfile.mkdtemp())
    >>> (cache / "datasets").mkdir()
    >>> _ = (cache / "datasets" / "auto.csv").write_text("mpg,weight")
    >>> path = get_file(origin="https://example.org/auto.csv", cache_dir=cache)
    >>> pathlib.Path(path).read_text()
    'mpg,weight'
    """
    if origin is None:
        raise TypeError("origin: expected the URL of a file, found None")
    scheme = urlsplit(_checks.text("origin", origin)).scheme
    if scheme not in ("http", "https", "ftp"):
        raise ValueError(f"origin: expected a URL of http, https or ftp, found {origin!r}")
    name = _name(fname, origin)
    digest = _digest(md5_hash, file_hash, hash_algorithm)
    unpacks = _checks.flag("extract", extract) or _checks.flag("untar", untar)
    kinds = _kinds("tar" if untar else archive_format, unpacks)
    folder = _folder(cache_dir, cache_subdir)
    if not unpacks:
        return str(_fetched(origin, folder / name, digest, force_download))
    if fname and "." in name:
        archive, target = folder / name, folder / f"{name.partition('.')[0]}_extracted"
    else:
        archive, target = folder / f"{name}_archive", folder / name
    _fetched(origin, archive, digest, force_download)
    _unpack(archive, target, kinds)
    return str(target)


def _name(fname: object, origin: str) -> str:
    if not fname:
        name = os.path.basename(urlsplit(origin).path)
        if not name:
            raise ValueError(f"fname: expected a name, as {origin} ends in none")
        return name
    name = os.fspath(_disk.as_path("fname", fname))
    if os.path.basename(name) != name:
        raise ValueError(
            f"fname: expected a name without folders, found {name!r}; cache_dir and cache_subdir "
            "say where"
        )
    return name


def _digest(md5: str | None, digest: str | None, algorithm: str) -> str | None:
    """Return ``"sha256:..."`` or ``"md5:..."``, None if no digest is given."""
    argument = "file_hash"
    if digest is None and md5 is not None:
        argument, digest, algorithm = "md5_hash", md5, "md5"
    kind = _checks.one_of("hash_algorithm", algorithm, ("auto", *_ALGORITHMS.values()))
    if digest is None:
        return None
    digits = _checks.text(argument, digest).lower()
    by_length = _ALGORITHMS.get(len(digits))
    if (
        by_length is None
        or kind not in ("auto", by_length)
        or set(digits) - set("0123456789abcdef")
    ):
        wanted = {"auto": "32 or 64", "md5": "32", "sha256": "64"}[kind]
        raise ValueError(f"{argument}: expected {wanted} hexadecimal digits, found {digest!r}")
    return f"{by_length}:{digits}"


def _kinds(archive_format: object, unpacks: bool) -> tuple[str, ...]:
    if archive_format is None:
        if unpacks:
            raise ValueError("archive_format: expected what to unpack, found None")
        return ()
    kind = _checks.one_of("archive_format", archive_format, ("auto", "tar", "zip"))
    return ("tar", "zip") if kind == "auto" else (kind,)


def _folder(cache_dir: object, subdir: object) -> Path:
    if cache_dir is None:
        cache_dir = os.environ.get("KERAS_HOME") or "~/.keras"
    base = _sources._expand(os.fspath(_disk.as_path("cache_dir", cache_dir)))
    return base / _disk.as_path("cache_subdir", subdir)


def _fetched(origin: str, path: Path, digest: str | None, force: bool) -> Path:
    """Return the file's path; it is fetched if it is not there, or not with the right bytes."""
    if os.path.isfile(path) and not _checks.flag("force_download", force):
        try:
            if digest is not None:
                _published.check(path, digest)
        except ValueError:
            pass  # damaged or older: the right one takes its place
        else:
            return path
    lack = _optional.lack("pooch")
    if lack is not None:
        raise ImportError(f"{path} is not there. {lack}; or put the file there", name="pooch")
    pooch = _optional.require("pooch")
    path.parent.mkdir(parents=True, exist_ok=True)
    # To another name first: whoever reads the file meanwhile finds the old one or all of the new.
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        came = Path(folder) / path.name
        pooch.get_logger().info("Downloading %s", origin)
        try:
            # `pooch.retrieve` would tell whoever gives no digest to look it up.
            pooch.downloaders.choose_downloader(origin)(origin, came, None)
        except OSError as error:
            raise ConnectionError(
                f"origin: {origin} could not be fetched ({type(error).__name__}: {error})"
            ) from error
        if digest is not None and not _has(came, digest):
            raise ValueError(
                f"file_hash: expected {digest}, found another one in what {origin} delivered, "
                "which was not kept"
            )
        os.replace(came, path)
    return path


def _has(path: Path, digest: str) -> bool:
    kind, _, expected = digest.partition(":")
    return _published.hash_of(path, kind) == expected


def _unpack(archive: Path, target: Path, kinds: tuple[str, ...]) -> None:
    """Unpack below a folder, and nowhere else: members that would leave it are refused."""
    looks = {"tar": tarfile.is_tarfile, "zip": zipfile.is_zipfile}
    kind = next((kind for kind in kinds if looks[kind](archive)), None)
    if kind is None:
        wanted = " or ".join(kinds)
        raise ValueError(f"archive_format: expected a {wanted} file, found {archive}")
    # The filter came with Python 3.11.4; without it members may lie anywhere.
    if kind == "tar" and not hasattr(tarfile, "data_filter"):
        raise NotImplementedError(f"{archive}: unpacking tar needs Python 3.11.4 or newer")
    target.mkdir(parents=True, exist_ok=True)
    try:
        shutil.unpack_archive(archive, target, kind, filter="data" if kind == "tar" else None)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"origin: {archive} is damaged or unsafe: {error}") from error
