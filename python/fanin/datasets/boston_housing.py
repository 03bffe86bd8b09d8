"""Boston housing [1]_: 506 districts of 1970, thirteen numbers of each, and what houses cost.

One of the numbers was made from the share of black people in a district, on the assumption that
segregation raises prices: take `fanin.datasets.california_housing` unless that is the subject.

References
----------
.. [1] D. Harrison, D. L. Rubinfeld, "Hedonic prices and the demand for clean air", Journal of
   Environmental Economics and Management 5, 1978. From StatLib; no licence is named there.
"""

import os

from fanin._absences import _absent
from fanin.datasets import _housing, _published
from fanin.datasets._housing import Part
from fanin.datasets._published import File

__all__ = ["load_data"]

_FILE = File(
    "Boston housing",
    "boston_housing.npz",
    f"{_published.KERAS_URL}boston_housing.npz",
    "sha256:f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
)


def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Part, Part]:
    """Load the table, shuffled and split.

    It is taken from the first of these places that has the file, and its checksum is looked at:
    the folder ``FANIN_DATA_DIR``, if that environment variable is set, Keras's cache, a download
    (60 kB, once) through pooch.

    Parameters
    ----------
    path : str or path-like, default "boston_housing.npz"
        What the file is called in these folders, or where it is.
    test_split : float, default 0.2
        Which part of them is for a test, below 1.
    seed : int, default 113
        Of the shuffle, which is NumPy's ``RandomState``, as in Keras.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        ndarray of shape (n, 13) and of shape (n,): median prices in thousands of dollars.

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
    >>> from fanin.datasets import boston_housing
    >>> (x, y), (x_test, y_test) = boston_housing.load_data()  # doctest: +SKIP
    """
    _housing.check(test_split, seed)
    return _housing.split(_published.obtain(_FILE, path), None, test_split, seed)


_absent.guard(__name__)
