"""CIFAR-100 [1]_: 32 x 32 coloured pictures of a hundred kinds.

References
----------
.. [1] A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009. No licence is
   named by its authors.
"""

from typing import Literal

from fanin import _checks
from fanin._absences import _absent
from fanin.datasets import _cifar, _published
from fanin.datasets._cifar import Part
from fanin.datasets._published import File

__all__ = ["load_data"]

_FILE = File(
    "CIFAR-100",
    "cifar-100-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ("cifar-100-python-target_archive", "cifar-100-python.tar.gz"),
    ("cifar-100-python.tar.gz",),
)


def load_data(label_mode: Literal["fine", "coarse"] = "fine") -> tuple[Part, Part]:
    """Load the pictures and their labels.

    They are taken from the first of these places that has the archive, and its checksum is looked
    at: the folder ``FANIN_DATA_DIR``, if that environment variable is set, Keras's cache,
    torchvision's usual folders, a download (169 MB, once) through pooch.

    Parameters
    ----------
    label_mode : {"fine", "coarse"}, default "fine"
        A hundred kinds, or the twenty groups of them.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        Pictures: ndarray of shape (n, 32, 32, 3), dtype uint8. Labels: ndarray of shape (n, 1),
        dtype int64, as Keras returns them. 50000 are for training, 10000 for a test.

    Raises
    ------
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set and the file is not there.
    ImportError
        When the file has to be downloaded and pooch is not installed.
    ConnectionError
        When the file has to be downloaded and cannot be reached.
    ValueError
        When the file is damaged or another one, or `label_mode` is unknown.

    Examples
    --------
    >>> from fanin.datasets import cifar100
    >>> (x_train, y_train), (x_test, y_test) = cifar100.load_data()  # doctest: +SKIP
    """
    labels = f"{_checks.one_of('label_mode', label_mode, ('fine', 'coarse'))}_labels"
    archive = _published.obtain(_FILE)
    return _cifar.read(archive, ("train",), labels), _cifar.read(archive, ("test",), labels)


_absent.guard(__name__)
