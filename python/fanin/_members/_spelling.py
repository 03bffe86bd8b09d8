"""Telling a mistyped name from one that somebody chose."""

from collections.abc import Iterable

_DIGITS = "0123456789"


def meant(name: str, known: Iterable[str], words: set[str], *, plural: bool) -> str | None:
    """Return which of the known names is meant by one that is mistyped; None if it is another name.

    Parameters
    ----------
    name : str
        A name; of several words, if it has underscores.
    known : iterable of str
        The names that it may be.
    words : set of str
        Words that are spelled right: a name that differs from another in one of these was chosen.
    plural : bool
        Whether so is such a word with an "s" behind it, as in names of one word.

    Returns
    -------
    str or None
        A name at most two edits away: at most one in a word of less than eight letters. A short
        word with one letter instead of another is another word (file, fill).

    Examples
    --------
    >>> meant("trainabel", ["trainable", "name"], {"trainable", "name"}, plural=True)
    'trainable'
    >>> meant("best_model", ["set_model"], {"set", "model", "best"}, plural=True)
    >>> meant("models", ["model"], {"model"}, plural=True)
    """
    found = ((_distance(name, other, words, plural), other) for other in known)
    close = [(distance, other) for distance, other in found if distance is not None]
    return min(close)[1] if close else None


def words_in(names: Iterable[str]) -> set[str]:
    """Return the words that names are made of."""
    return {word for name in names for word in name.split("_")}


def _distance(name: str, other: str, words: set[str], plural: bool) -> int | None:
    """Return how many edits make `other` of a mistyped `name`; None if they are two names."""
    if abs(len(name) - len(other)) > 2 or len(other) < 4:
        return None
    mine, theirs = name.split("_"), other.split("_")
    if len(mine) != len(theirs):  # an underscore is missing, or one too many
        return 1 if edits(name, other) == 1 else None
    alone = len(mine) == 1
    if alone and (name + "s" == other or (len(other) < 6 and _replaces(name, other))):
        return None
    total = 0
    for word, right in zip(mine, theirs, strict=True):
        if word == right:
            continue
        several = (plural or alone) and word[-1:] == "s"
        if word.rstrip(_DIGITS) in words or (several and word[:-1] in words):
            return None
        steps = edits(word, right)
        if len(word) < 2 or steps > (1 if len(right) < 8 else 2):
            return None
        total += steps
    return total if 0 < total <= 2 else None


def _replaces(a: str, b: str) -> bool:
    """Return whether a word is as long as another, of other letters."""
    return len(a) == len(b) and sorted(a) != sorted(b)


def edits(a: str, b: str) -> int:
    """Return how many letters to insert, delete, replace or swap with the next to get `b` of `a`.

    Examples
    --------
    >>> edits("trainabel", "trainable"), edits("patiance", "patience"), edits("lr", "rate")
    (1, 1, 4)
    """
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        further = [i]
        for j, other in enumerate(b, 1):
            cost = min(row[j] + 1, further[-1] + 1, row[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            further.append(cost)
        before, row = row, further
    return row[-1]
