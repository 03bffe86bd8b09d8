"""Pickles that hold arrays, lists and numbers, and nothing that could run.

Lists of words of different lengths, and the batches of CIFAR, are published as pickles.
"""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return what makes arrays; refuse all else."""
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if module in _MULTIARRAY and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]  # wherever this NumPy has it
        raise pickle.UnpicklingError(f"expected arrays alone, found {module}.{name}")


def load(stream: BinaryIO) -> Any:
    """Read one pickle, of Python 2 or 3; strings of Python 2 become bytes."""
    return _Arrays(stream, encoding="bytes").load()


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read an archive whose arrays may be ones of lists."""
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            stream = io.BytesIO(archive.read(name))
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                read = np.lib.format.read_array_header_2_0
            holds_objects = read(stream)[2].hasobject
            if not holds_objects:
                stream.seek(0)
                arrays[name.removesuffix(".npy")] = np.load(stream, allow_pickle=False)
            else:
                arrays[name.removesuffix(".npy")] = load(stream)
    return arrays
