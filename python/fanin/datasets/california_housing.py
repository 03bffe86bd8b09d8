"""California housing [1]_: 20640 districts of 1990, eight numbers of each, and what houses cost.

References
----------
.. [1] R. K. Pace, R. Barry, "Sparse spatial autoregressions", Statistics & Probability Letters 33,
   1997. From StatLib; no licence is named there.
"""

import os
from typing import Literal

from fanin import _checks
from fanin._absences import _absent
from fanin.datasets import _housing, _published
from fanin.datasets._housing import Part
from fanin.datasets._published import File

__all__ = ["load_data"]

_FILE = File(
    "California housing",
    "california_housing.npz",
    f"{_published.KERAS_URL}california_housing.npz",
    "sha256:1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
)


def load_data(
    version: Literal["large", "small"] = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Part, Part]:
    """Load the table, shuffled and split.

    It is taken from the first of these places that has the file, and its checksum is looked at:
    the folder ``FANIN_DATA_DIR``, if that environment variable is set, Keras's cache, a download
    (1 MB, once) through pooch.
    scikit-learn's own copy is in other units and has no checksum: it is not looked at.

    Parameters
    ----------
    version : {"large", "small"}, default "large"
        All 20640 districts, or the first 600.
    path : str or path-like, default "california_housing.npz"
        What the file is called in these folders, or where it is.
    test_split : float, default 0.2
        Which part of them is for a test, below 1.
    seed : int, default 113
        Of the shuffle, which is NumPy's ``RandomState``, as in Keras.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        ndarray of shape (n, 8) and of shape (n,): median prices in dollars.

    Raises
    ------
    FileNotFoundError
        When ``FANIN_DATA_DIR`` is set, or `path` has folders, and the file is not there.
    ImportError
        When the file has to be downloaded and pooch is not installed.
    ConnectionError
        When the file has to be downloaded and cannot be reached.
    ValueError
        When the file is damaged or another one, or an argument is out of its range.

    Examples
    --------
    >>> from fanin.datasets import california_housing
    >>> (x, y), (x_test, y_test) = california_housing.load_data()  # doctest: +SKIP
    """
    size = _checks.one_of("version", version, ("large", "small"))
    _housing.check(test_split, seed)
    return _housing.split(
        _published.obtain(_FILE, path), 600 if size == "small" else None, test_split, seed
    )


_absent.guard(__name__)
