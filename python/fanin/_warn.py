"""Warnings that point at the user's line."""

import sys
import warnings


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
