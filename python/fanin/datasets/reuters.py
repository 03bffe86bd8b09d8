"""News of Reuters [1]_: 11228 of 1987, of 46 subjects.

References
----------
.. [1] D. D. Lewis, "Reuters-21578 text categorization test collection", 1997. Copyright Reuters
   Ltd.; it may be used for research.
"""

import os

from fanin._absences import _absent
from fanin._checks import number
from fanin.datasets import _pickles, _published, _words
from fanin.datasets._published import File
from fanin.datasets._words import Numbering, Part

__all__ = ["get_label_names", "get_word_index", "load_data"]

_FILE = File(
    "Reuters",
    "reuters.npz",
    f"{_published.KERAS_URL}reuters.npz",
    "sha256:d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
)
_INDEX = File(
    "the word index of Reuters",
    "reuters_word_index.json",
    f"{_published.KERAS_URL}reuters_word_index.json",
    "md5:4d44cc38712099c9e383dc6e5f11a921",
)
_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves "
    "ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold "
    "tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange "
    "pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Part, Part]:
    """Load the texts as lists of numbers of words, and their labels.

    They are taken from the first of these places that has the file, and its checksum is looked at:
    the folder ``FANIN_DATA_DIR``, if that environment variable is set, Keras's cache, a download
    (2 MB, once) through pooch.

    Parameters
    ----------
    path : str or path-like, default "reuters.npz"
        What the file is called in these folders, or where it is.
    num_words : int, optional
        Words from this number on are rare, and become `oov_char`.
    skip_top : int, default 0
        Words below this number are frequent, and become `oov_char`.
    maxlen : int, optional
        Texts of this length or longer are left out.
    test_split : float, default 0.2
        Which part of the texts is for a test, below 1.
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
        ndarray of lists of int, and ndarray of shape (n,): places in `get_label_names`.

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
    >>> from fanin.datasets import reuters
    >>> (x, y), (x_test, y_test) = reuters.load_data(num_words=10000)  # doctest: +SKIP
    """
    numbering = Numbering(num_words, skip_top, maxlen, seed, start_char, oov_char, index_from)
    numbering.check()
    number("test_split", test_split, at_least=0.0, below=1.0)
    file = _pickles.load_npz(_published.obtain(_FILE, path))
    texts, labels = numbering.shuffle(numbering.random(), file["x"], file["y"])
    texts = numbering.limit(texts)
    cut = int(len(texts) * (1 - test_split))
    return _words.part(texts[:cut], labels[:cut]), _words.part(texts[cut:], labels[cut:])


def get_word_index(path: str | os.PathLike[str] = "reuters_word_index.json") -> dict[str, int]:
    """Load the numbers of words.

    Parameters
    ----------
    path : str or path-like, default "reuters_word_index.json"
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
    >>> from fanin.datasets import reuters
    >>> index = reuters.get_word_index()  # doctest: +SKIP
    """
    return _words.read_index(_INDEX, path)


def get_label_names() -> tuple[str, ...]:
    """Return the names of the subjects.

    Returns
    -------
    tuple of str
        By their numbers.

    Examples
    --------
    >>> get_label_names()[:3]
    ('cocoa', 'grain', 'veg-oil')
    """
    return tuple(_TOPICS.split())


_absent.guard(__name__)
