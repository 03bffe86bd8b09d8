"""MNIST [1]_: 28 x 28 grey pictures of handwritten digits.

References
----------
.. [1] Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". Licence: Creative
   Commons Attribution-Share Alike 3.0; copyright Yann LeCun and Corinna Cortes.
"""

import os
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin._absences import _absent
from fanin.datasets import _idx, _published, _sources
from fanin.datasets._published import File

__all__ = ["load_data"]

Part: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]

_FILE = File(
    "MNIST",
    "mnist.npz",
    f"{_published.KERAS_URL}mnist.npz",
    "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
# torchvision keeps the four archives of LeCun's page: their shapes and checksums.
_ARCHIVES = {
    "train-images-idx3-ubyte.gz": ((60000, 28, 28), "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "train-labels-idx1-ubyte.gz": ((60000,), "md5:d53e105ee54ea40749a09fcbcd1e9432"),
    "t10k-images-idx3-ubyte.gz": ((10000, 28, 28), "md5:9fb629c4189551a2d022fa330f9573f3"),
    "t10k-labels-idx1-ubyte.gz": ((10000,), "md5:ec29112dd5afa0611ce80d1b7f02629c"),
}


def load_data(path: str | os.PathLike[str] = "mnist.npz") -> tuple[Part, Part]:
    """Load the pictures and their labels.

    They are taken from the first of these places that has them, and their checksum is looked at:
    the folder ``FANIN_DATA_DIR``, if that environment variable is set, Keras's cache, torchvision's
    usual folders, a download (11 MB, once) through pooch.

    Parameters
    ----------
    path : str or path-like, default "mnist.npz"
        What the file is called in these folders, or where it is.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Pictures: ndarray of shape (n, 28, 28), dtype uint8. Labels: ndarray of shape (n,), dtype
        uint8, from 0 to 9. 60000 are for training, 10000 for a test.

    Raises
    ------
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set, or `path` has folders, and the file is not there.
    ImportError
        When the file has to be downloaded and pooch is not installed.
    ConnectionError
        When the file has to be downloaded and cannot be reached.
    ValueError
        When the file is damaged, or another one.

    Examples
    --------
    >>> from fanin.datasets import mnist
    >>> (x_train, y_train), (x_test, y_test) = mnist.load_data()  # doctest: +SKIP
    """
    source = _published.find(_FILE, path)
    if source is None or source.kind == _sources._CACHE:
        folder = _torch_folder()
        if folder is not None:
            return _of_archives(folder)
    with np.load(_published.obtain(_FILE, path), allow_pickle=False) as file:
        return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])


def _torch_folder() -> Path | None:
    for root in _sources.torch_roots():
        try:
            folder = _sources._expand(f"{root}/MNIST/raw")
        except FileNotFoundError:  # there is no home
            continue
        if all(os.path.isfile(folder / name) for name in _ARCHIVES):
            return folder
    return None


def _of_archives(folder: Path) -> tuple[Part, Part]:
    arrays = []
    for name, (shape, digest) in _ARCHIVES.items():
        _published.check(folder / name, digest)
        arrays.append(_idx.read(folder / name, shape))
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train), (x_test, y_test)


_absent.guard(__name__)
