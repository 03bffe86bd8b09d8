"""Formats that others write: the names of such files, and what their first bytes say."""

import os
from collections.abc import Collection, Sequence
from typing import Any

from fanin._files._disk import as_path

HTML, JSON = ("html", "htm"), ("json",)
NPZ = ("npz", "zip")  # which it is
"""Suffixes of what is written, the usual one first."""

_BY_SUFFIX = {
    "a Keras model": ("keras",),
    "an HDF5 file": ("h5", "hdf5", "hdf", "he5"),
    "a safetensors file": ("safetensors",),
    "an ONNX model": ("onnx", "ort"),
    "a PyTorch file": ("pt", "pth", "pt2", "ptl", "pte", "torchscript", "t7"),
    "a checkpoint of another framework": ("ckpt", "orbax", "distcp"),
    "a TensorFlow graph": ("pb", "pbtxt", "tf", "savedmodel", "index", "meta"),
    "a TensorFlow Lite model": ("tflite", "lite"),
    "a Core ML model": ("mlmodel", "mlpackage"),
    "a model of another format": ("gguf", "ggml", "pmml", "caffemodel", "prototxt", "msgpack"),
    "a pickle": ("pkl", "pickle", "joblib", "dill"),
    "an array of NumPy's": ("npy",),
    "a MATLAB file": ("mat",),
    "a table": ("csv", "tsv", "xls", "xlsx", "parquet", "feather", "arff"),
    "a database": ("db", "sqlite", "sqlite3"),
    "a JSON file": ("json", "jsonl", "ipynb"),
    "a YAML file": ("yaml", "yml", "toml", "ini", "cfg"),
    "a text": ("txt", "md", "rst", "log", "tex"),
    "a program": ("py", "rs", "c", "cpp", "js", "sh", "r", "jl", "exe", "so", "dll"),
    "a page": ("html", "htm", "xhtml", "xml"),
    "a picture": ("png", "jpg", "jpeg", "gif", "svg", "svgz", "webp", "tif", "tiff", "bmp"),
    "a document": ("pdf", "ps", "eps", "doc", "docx"),
    "a compressed file": ("gz", "bz2", "xz", "zst", "lz4", "br", "z", "7z", "rar", "tar", "tgz"),
    "an npz archive": ("npz",),
    "a zip archive": ("zip",),
}
_KINDS = {suffix: kind for kind, suffixes in _BY_SUFFIX.items() for suffix in suffixes}


def check_suffix(name: str, path: object, written: Sequence[str]) -> str:
    """Refuse a file name that promises another format than the one that is written.

    A name without a suffix, or with one that is no format's, promises nothing.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    path : str, bytes or path-like
        The file's name, or a pattern for one; only its suffix matters, in any case.
    written : sequence of str
        The suffixes of what is written, without dots, the usual one first.

    Returns
    -------
    str
        The path.

    Raises
    ------
    TypeError
        If it is no path.
    ValueError
        If the suffix is that of another format.

    Examples
    --------
    >>> check_suffix("filepath", "model.npz", ("npz",)), check_suffix("filepath", "model", ("npz",))
    ('model.npz', 'model')
    >>> check_suffix("filepath", "model.onnx", ("npz",))
    Traceback (most recent call last):
    ...
    ValueError: filepath: expected a name that ends in .npz, as that is what is written, found \
'model.onnx', the name of an ONNX model; write 'model.npz'
    """
    path = as_path(name, path)
    base = os.path.basename(path)
    stem, dot, suffix = base.rpartition(".")
    kind = _KINDS.get(suffix.strip().lower()) if dot else None
    if kind is None or suffix.strip().lower() in written:
        return path
    usual = written[0]
    instead = f"{path[: len(path) - len(base)]}{stem}.{usual}"
    raise ValueError(
        f"{name}: expected a name that ends in .{usual}, as that is what is written, found "
        f"{path!r}, the name of {kind}" + (f"; write {instead!r}" if stem else "")
    )


def as_json(plain: Any, *, ensure_ascii: bool = False) -> str:
    """Return plain types as the text of a JSON file; `ensure_ascii` escapes all other signs.

    Examples
    --------
    >>> print(as_json({"mean": 0.5}), end="")
    {
      "mean": 0.5
    }
    """
    import json

    return json.dumps(plain, indent=2, allow_nan=False, ensure_ascii=ensure_ascii) + "\n"


_KERAS = (
    "load it with Keras and give its get_weights() to set_weights of a network of the same layers"
)
_TORCH = (
    "load it with torch and give its arrays to set_weights of a network of the same layers, "
    "weights of Linear transposed"
)
_OTHER = (
    "load it with the library that wrote it and give its arrays to set_weights of a network of "
    "the same layers"
)

# (offset, bytes there, what that is, what to do about it). The first that fits counts.
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as Keras's .h5", _KERAS),
    (0, b"\x93NUMPY", "a single array (.npy)", "read it with np.load"),
    (0, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a PyTorch file of the old kind", _TORCH),
    (4, b"TFL3", "a TensorFlow Lite model", _OTHER),
    (0, b"GGUF", "a GGUF model", _OTHER),
    (0, b"MATLAB ", "a MATLAB file", _OTHER),
    (0, b"PK\x03\x04", "a zip archive that is damaged or cut off", "copy or save it again"),
    (0, b"PK\x05\x06", "an empty zip archive", "save it again"),
    (0, b"\x1f\x8b", "a file compressed by gzip", "decompress it first"),
    (0, b"BZh", "a file compressed by bzip2", "decompress it first"),
    (0, b"\xfd7zXZ\0", "a file compressed by xz", "decompress it first"),
    (0, b"\x28\xb5\x2f\xfd", "a file compressed by zstd", "decompress it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (0, b"Rar!", "a RAR archive", "unpack it first"),
    (257, b"ustar", "a tar archive", "unpack it first"),
    (
        0,
        b"version https://git-lfs.github.com",
        "a pointer of Git LFS in place of the file",
        "fetch the file with git lfs pull",
    ),
    (0, b"%PDF", "a PDF document", ""),
    (0, b"\x89PNG", "a picture", ""),
    (0, b"SQLite format 3", "an SQLite database", ""),
)


def describe(head: bytes, size: int) -> str:
    """Say what kind of file has these first bytes, and what to do about it.

    Parameters
    ----------
    head : bytes
        The first bytes, some hundreds or more.
    size : int
        Length of the whole file in bytes.

    Returns
    -------
    str
        Such as "an HDF5 file, …; load it with Keras …".

    Examples
    --------
    >>> describe(b"", 0)
    'an empty file'
    >>> describe(b"GIF89a", 6000)
    'a file of another format, which begins with 47 49 46 38 39 61'
    """
    if not size:
        return "an empty file"
    for offset, magic, kind, advice in _MAGIC:
        if head.startswith(magic, offset):
            return f"{kind}; {advice}" if advice else kind
    if _is_safetensors(head, size):
        return f"a safetensors file; {_OTHER}"
    if head.startswith(_PICKLES):
        return f"a pickle, which may run any program when it is read; {_OTHER}"
    if head[:3] == b"\x08\x01\x12":
        return f"a TensorFlow SavedModel (.pb); {_OTHER}"
    if head[0] == 0x08 and len(head) > 2 and 2 <= head[1] <= 32 and head[2] in _ONNX_FIELDS:
        return f"an ONNX model; {_OTHER}"
    if (text := head.lstrip().lower()).startswith((b"<!doctype", b"<html")):
        return "a page of the web (HTML); the download gave a page in place of the file"
    if text.startswith((b"{", b"[")):
        return "a text in JSON, which holds no arrays"
    return f"a file of another format, which begins with {head[:8].hex(' ')}"


_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

# What follows the version in an ONNX model: the producer, the domain, the graph, the operators.
_ONNX_FIELDS = frozenset((0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42))


def _is_safetensors(head: bytes, size: int) -> bool:
    """Whether a length comes first, and that much JSON behind it."""
    if len(head) < 10:
        return False
    length = int.from_bytes(head[:8], "little")
    return 2 <= length <= size - 8 and head[8:9] == b"{"


def describe_members(names: Collection[str]) -> str:
    """Say what kind of zip archive has members of these names, and what to do about it.

    Parameters
    ----------
    names : collection of str
        The members.

    Returns
    -------
    str
        As of `describe`.

    Examples
    --------
    >>> describe_members(["[Content_Types].xml", "word/document.xml"])
    "a zip archive of other things: '[Content_Types].xml', 'word/document.xml'"
    """
    bases = {name.rpartition("/")[2] for name in names}
    if "model.weights.h5" in names or {"metadata.json", "config.json"} <= set(names):
        return f"a Keras model (.keras); {_KERAS}"
    if "data.pkl" in bases:
        return f"a PyTorch file; {_TORCH}"
    if "saved_model.pb" in bases:
        return f"a TensorFlow SavedModel in a zip archive; {_OTHER}"
    return f"a zip archive of other things: {listed(names)}"


def listed(names: Collection[str], most: int = 6) -> str:
    """Return some names for a message.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(repr(name[:40]) for name in list(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
