"""One way to say that a name is not known."""

from collections.abc import Iterable


def unknown(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """Build the error for a name that no registry holds.

    Parameters
    ----------
    kind : str
        What was looked up, as the user would call it: ``"activation"``.
    name : object
        The name that was given.
    known : iterable of str
        The names there are.

    Returns
    -------
    ValueError
        Its message suggests the close matches, or else lists what is known.

    Examples
    --------
    >>> print(unknown("activation", "rleu", ["relu", "tanh"]))
    unknown activation 'rleu'; did you mean 'relu'?
    """
    import difflib  # only messages need it

    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    if close:
        hint = f"did you mean {' or '.join(repr(n) for n in close)}?"
    else:
        hint = f"known: {', '.join(names)}"
    return ValueError(f"unknown {kind} {name!r}; {hint}")
