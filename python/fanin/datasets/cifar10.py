"""CIFAR-10 [1]_: 32 x 32 coloured pictures of ten kinds.

References
----------
.. [1] A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009. No licence is
   named by its authors.
"""

from fanin._absences import _absent
from fanin.datasets import _cifar, _published
from fanin.datasets._cifar import Part
from fanin.datasets._published import File

__all__ = ["load_data"]

_FILE = File(
    "CIFAR-10",
    "cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ("cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz"),
    ("cifar-10-python.tar.gz",),
)
_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))


def load_data() -> tuple[Part, Part]:
    """Load the pictures and their labels.

    They are taken from the first of these places that has the archive, and its checksum is looked
    at: the folder ``FANIN_DATA_DIR``, if that environment variable is set, Keras's cache,
    torchvision's usual folders, a download (170 MB, once) through pooch.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Pictures: ndarray of shape (n, 32, 32, 3), dtype uint8. Labels: ndarray of shape (n, 1),
        dtype uint8: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. 50000 are
        for training, 10000 for a test.

    Raises
    ------
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set and the file is not there.
    ImportError
        When the file has to be downloaded and pooch is not installed.
    ConnectionError
        When the file has to be downloaded and cannot be reached.
    ValueError
        When the file is damaged or another one.

    Examples
    --------
    >>> from fanin.datasets import cifar10
    >>> (x_train, y_train), (x_test, y_test) = cifar10.load_data()  # doctest: +SKIP
    """
    archive = _published.obtain(_FILE)
    x_train, y_train = _cifar.read(archive, _BATCHES, "labels")
    x_test, y_test = _cifar.read(archive, ("test_batch",), "labels")
    return (x_train, y_train.astype("uint8")), (x_test, y_test.astype("uint8"))


_absent.guard(__name__)
