"""Formats that others write: the names of such files."""

import os
from collections.abc import Sequence

from fanin._files import as_path

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
