"""Reviews of films from IMDB [1]_: 25000 to train with and 25000 for a test, good or bad.

References
----------
.. [1] A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts, "Learning word vectors for
   sentiment analysis", ACL 2011. No licence is named by its authors.
"""

import os

from fanin._absences import _absent
from fanin.datasets import _pickles, _published, _words
from fanin.datasets._published import File
from fanin.datasets._words import Numbering, Part

__all__ = ["get_word_index", "load_data"]

_FILE = File(
    "IMDB",
    "imdb.npz",
    f"{_published.KERAS_URL}imdb.npz",
    "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
)
_INDEX = File(
    "the word index of IMDB",
    "imdb_word_index.json",
    f"{_published.KERAS_URL}imdb_word_index.json",
    "md5:bfafd718b763782e994055a2d397834f",
)


def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Part, Part]:
    """Load the texts as lists of numbers of words, and their labels.

    They are taken from the first of these places that has the file, and its checksum is looked at:
    the folder ``FANIN_DATA_DIR``, if that environment variable is set, Keras's cache, a download
    (17 MB, once) through pooch.

    Parameters
    ----------
    path : str or path-like, default "imdb.npz"
        What the file is called in these folders, or where it is.
    num_words : int, optional
        Words from this number on are rare, and become `oov_char`.
    skip_top : int, default 0
        Words below this number are frequent, and become `oov_char`.
    maxlen : int, optional
        Texts of this length or longer are left out.
    seed : int, default 113
        Of the shuffle, which is NumPy's ``RandomState``, as in Keras.
    start_char : int, default 1
        The number that each text begins with; None for none.
    oov_char : int, default 2
        What stands for words that are left out; None for nothing.
    index_from : int, default 3
        Added to the numbers of words.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        ndarray of lists of int, and ndarray of shape (n,): 0 bad, 1 good.

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
    >>> from fanin.datasets import imdb
    >>> (x, y), (x_test, y_test) = imdb.load_data(num_words=10000)  # doctest: +SKIP
    """
    numbering = Numbering(num_words, skip_top, maxlen, seed, start_char, oov_char, index_from)
    numbering.check()
    file = _pickles.load_npz(_published.obtain(_FILE, path))
    random = numbering.random()
    x_train, y_train = numbering.shuffle(random, file["x_train"], file["y_train"])
    x_test, y_test = numbering.shuffle(random, file["x_test"], file["y_test"])
    texts = numbering.limit(x_train + x_test)
    cut = len(x_train)
    return _words.part(texts[:cut], y_train), _words.part(texts[cut:], y_test)


def get_word_index(path: str | os.PathLike[str] = "imdb_word_index.json") -> dict[str, int]:
    """Load the numbers of words.

    Parameters
    ----------
    path : str or path-like, default "imdb_word_index.json"
        What the file is called in the folders of `load_data`, or where it is.

    Returns
    -------
    dict of str to int
        The number of each word, from 1; `load_data` adds its `index_from`.

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
    >>> from fanin.datasets import imdb
    >>> index = imdb.get_word_index()  # doctest: +SKIP
    """
    return _words.read_index(_INDEX, path)


_absent.guard(__name__)
