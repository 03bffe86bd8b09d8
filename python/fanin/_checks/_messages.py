"""What messages say: a value that was found, the name that was meant, where a warning points."""

import sys
import warnings
from collections.abc import Iterable

import numpy as np


def found(value: object) -> str:
    """Return what a message calls a value that was found: short, with its type if that helps.

    Examples
    --------
    >>> found("relu"), found(3), found(object)
    ("'relu'", '3', "<class 'object'>")
    >>> found(list(range(100)))
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1... of type list'
    """
    if isinstance(value, int) and not isinstance(value, bool):
        bits = int(value).bit_length()
        return repr(value) if bits < 70 else f"an integer of {bits} bits"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    try:
        text = repr(value)
    except Exception:  # nested too deeply, or a repr of the user's that fails
        text = f"a {type(value).__name__} that cannot be printed"
    if len(text) > 60:
        text = f"{text[:48]}... of type {type(value).__name__}"
    return text


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the one name that was meant, or nothing.

    Examples
    --------
    >>> did_you_mean("activaton", ["activation", "units"])
    "; did you mean 'activation'?"
    """
    close = close_names(name, sorted(known), most=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def close_names(name: object, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known names that look like the one that was given, best first."""
    import difflib  # only messages need it

    # Two of three letters are not close: 'cce' is no 'bce'.
    given = name if isinstance(name, str) else ""
    return difflib.get_close_matches(given, list(known), n=most, cutoff=0.67)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of what the user's call means, wherever in the package that was noticed.

    Parameters
    ----------
    message : str
        What to say.
    category : type, default UserWarning
        Of the warning.

    Notes
    -----
    The warning is that of the first line outside of the package: how many calls lie between is
    nobody's business, and differs from one entry to another.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("fanin."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
