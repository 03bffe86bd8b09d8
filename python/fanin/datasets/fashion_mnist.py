"""Fashion-MNIST [1]_: 28 x 28 grey pictures of ten kinds of clothing.

References
----------
.. [1] H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
   Machine Learning Algorithms", 2017, arXiv:1708.07747. MIT licence, copyright 2017 Zalando SE;
   the notice is in ``data/NOTICE``.
"""

import hashlib
import math
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin._absences import _absent
from fanin._checks import unknown
from fanin.datasets import _idx, _sources
from fanin.datasets._sources import Source

__all__ = ["CLASS_NAMES", "Source", "find", "load_data"]

Size: TypeAlias = Literal["full", "small"]
Part: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# Written by scripts/embed_fashion_mnist.py: for each class its first pictures of the training part
# and then of the test part. Each picture lies on its side (columns one after another): clothes
# are more alike from top to bottom, which makes the file 5 % smaller.
EMBEDDED = Path(__file__).with_name("data") / "fashion_mnist_small.xz"
TRAIN_PER_CLASS, TEST_PER_CLASS = 360, 60
EMBEDDED_SHAPE = (len(CLASS_NAMES), TRAIN_PER_CLASS + TEST_PER_CLASS, 28, 28)


class _File(NamedTuple):
    """One of the four published files."""

    shape: tuple[int, ...]
    # Of the bytes of the decoded array, however they are packed.
    content_sha256: str
    # Of the .gz archive that the mirrors serve.
    archive_sha256: str


_FILES = {
    "train-images-idx3-ubyte": _File(
        (60000, 28, 28),
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "train-labels-idx1-ubyte": _File(
        (60000,),
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    "t10k-images-idx3-ubyte": _File(
        (10000, 28, 28),
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    "t10k-labels-idx1-ubyte": _File(
        (10000,),
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
}


def load_data(size: Size = "full") -> tuple[Part, Part]:
    """Load the pictures and their labels.

    The full set is taken from the first of these places that has it, and checked to be
    Fashion-MNIST to the last bit: the environment variable ``FANIN_DATA_DIR`` (a folder with the
    four files, plain or gzipped, itself or in ``fashion-mnist/``), Debian's package
    ``dataset-fashion-mnist``, Keras's cache, torchvision's usual folders, a download (30 MB, once)
    through pooch. There is no silent substitute for it.

    Parameters
    ----------
    size : {"full", "small"}, default "full"
        ``"full"`` is the whole set, as Keras returns it. ``"small"`` is a part of it that comes
        with this package: of each class the first 360 training and the first 60 test pictures.
        Their labels run 0, 1, …, 9, 0, 1, …, so any multiple of ten pictures is balanced,
        ``validation_split`` included.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Pictures: ndarray of shape (n, 28, 28), dtype uint8, 0 (background) to 255. Labels: ndarray
        of shape (n,), dtype uint8, indices into `CLASS_NAMES`. The full set has 60000 training
        and 10000 test pictures, the small one 3600 and 600. The arrays are new at each call.

    Raises
    ------
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set and a file is missing there.
    ImportError
        When the full set has to be downloaded and pooch is not installed.
    ConnectionError
        When the full set has to be downloaded and no mirror delivers it.
    ValueError
        When a file is truncated, forged or another data set's, or `size` is unknown.

    Examples
    --------
    >>> from fanin.datasets import fashion_mnist
    >>> (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data(size="small")
    >>> x_train.shape, y_test.shape
    ((3600, 28, 28), (600,))
    >>> [fashion_mnist.CLASS_NAMES[label] for label in y_train[:3]]
    ['T-shirt/top', 'Trouser', 'Pullover']
    """
    if _is_small(size):
        return _embedded()
    folder = _sources.obtain({name: file.archive_sha256 for name, file in _FILES.items()})
    x_train, y_train, x_test, y_test = (_read(folder, name) for name in _FILES)
    return (x_train, y_train), (x_test, y_test)


def find(size: Size = "full") -> Source | None:
    """Say where `load_data` would take its data from.

    Parameters
    ----------
    size : {"full", "small"}, default "full"
        As for `load_data`.

    Returns
    -------
    Source or None
        What put the data there (``kind``) and their ``path``; None when they would have to be
        downloaded.

    Raises
    ------
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set and a file is missing there.
    ValueError
        When `size` is unknown.

    Examples
    --------
    >>> from fanin.datasets import fashion_mnist
    >>> source = fashion_mnist.find("small")
    >>> source.kind, source.path.name
    ('embedded', 'fashion_mnist_small.xz')
    """
    return Source("embedded", EMBEDDED) if _is_small(size) else _sources.find(_FILES)


def _is_small(size: str) -> bool:
    if not isinstance(size, str) or size not in ("full", "small"):
        raise unknown("size", size, ("full", "small"))
    return size == "small"


def _embedded() -> tuple[Part, Part]:
    # Here, because some self-built Pythons lack it, and all else works without.
    import lzma

    size = math.prod(EMBEDDED_SHAPE)
    try:
        with lzma.open(EMBEDDED) as file:
            content = file.read(size + 1)  # no more, whatever it would unpack to
    except (lzma.LZMAError, EOFError) as error:
        raise ValueError(f"{EMBEDDED}: {error}; install fanin again") from error
    if len(content) != size:
        raise ValueError(f"{EMBEDDED}: expected {size} bytes of pictures, found others")
    values = np.frombuffer(content, np.uint8)
    # (class, picture, column, row) -> (picture, class, row, column): the classes take turns.
    pictures = values.reshape(EMBEDDED_SHAPE).transpose(1, 0, 3, 2)
    train, test = np.split(pictures, [TRAIN_PER_CLASS])
    return _part(train), _part(test)


def _part(pictures: NDArray[np.uint8]) -> Part:
    x = np.array(pictures, order="C").reshape(-1, 28, 28)
    return x, np.tile(np.arange(len(CLASS_NAMES), dtype=np.uint8), len(pictures))


def _read(folder: Path, name: str) -> NDArray[np.uint8]:
    file = _FILES[name]
    path = _sources.locate(folder, name)
    array = _idx.read(path, file.shape)
    if array.ndim == 1 and (highest := array.max()) >= len(CLASS_NAMES):
        where = array.argmax()
        raise ValueError(f"{path}: label {where} is {highest}, expected 0 to 9")
    # MNIST and others have files of the same names and shapes, which do get mixed up.
    if (found := hashlib.sha256(array.data).hexdigest()) != file.content_sha256:
        raise ValueError(
            f"{path}: a sound IDX file of shape {file.shape}, but not Fashion-MNIST's: the sha256 "
            f"of its values is {found}, expected {file.content_sha256}"
        )
    return array


_absent.guard(__name__)
