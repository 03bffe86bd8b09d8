"""One way to say that a name is not here: an attribute, a keyword argument."""

from collections.abc import Iterable

from fanin._checks import did_you_mean


def attribute(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """Build the error for an attribute that `owner` does not have.

    Parameters
    ----------
    owner : str
        What was asked, as the user would call it: ``"module 'fanin.layers'"``, ``"Dense"``.
    name : str
        The attribute.
    known : iterable of str
        The public attributes there are.

    Returns
    -------
    AttributeError
        Its message says that the name is not there, and what to use instead.

    Examples
    --------
    >>> print(attribute("Dense", "kernal", ["kernel", "bias"]))
    Dense has no attribute 'kernal'; did you mean 'kernel'?
    """
    return AttributeError(f"{owner} has no attribute {name!r}{did_you_mean(name, known)}")


def argument(owner: str, name: str, known: Iterable[str]) -> TypeError:
    """Build the error for a keyword argument that `owner` does not take.

    Parameters
    ----------
    owner : str
        The function or class that was called: ``"Dense"``, ``"fit"``.
    name : str
        The argument.
    known : iterable of str
        The arguments there are.

    Returns
    -------
    TypeError
        Its message says that the argument is not there, and what to use instead.

    Examples
    --------
    >>> print(argument("Dense", "activaton", ["units", "activation"]))
    Dense got an unexpected keyword argument 'activaton'; did you mean 'activation'?
    """
    return TypeError(
        f"{owner} got an unexpected keyword argument {name!r}{did_you_mean(name, known)}"
    )
