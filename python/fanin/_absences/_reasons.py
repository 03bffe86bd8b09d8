"""One way to say that a name is not here: a name of a module, an attribute, an argument.

What users of Keras, torch and scikit-learn look for is in the tables of this folder, which are read
when something was not found.
"""

import functools
from collections.abc import Collection, Iterable

from fanin._checks import _messages


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
    >>> print(attribute("Adam", "lr", ["learning_rate", "learning_rates"]))
    Adam has no attribute 'lr': it is called learning_rate
    """
    known = set(known)
    reason = _member(name, known)
    return AttributeError(f"{owner} has no attribute {name!r}{_because(reason, name, known)}")


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
    >>> print(argument("Dense", "output_dim", ["units", "activation"]))
    Dense got an unexpected keyword argument 'output_dim': it is called units
    """
    from fanin._absences.arguments import REASONS

    known = set(known)
    new = renamed(name, known)
    reason = _spread(REASONS).get(name) if new is None else f"it is called {new}"
    return TypeError(
        f"{owner} got an unexpected keyword argument {name!r}{_because(reason, name, known)}"
    )


def recorded(name: object, known: Collection[str]) -> KeyError:
    """Build the error for a value that no epoch recorded.

    Parameters
    ----------
    name : object
        The key that was asked for.
    known : collection of str
        The keys there are.

    Returns
    -------
    KeyError
        Its message says which key holds what was asked for, or which keys there are.

    Examples
    --------
    >>> print(recorded("val_loss", ["loss"]))
    "no 'val_loss' was recorded: fit was given no validation data"
    """
    from fanin._absences.arguments import RECORDS

    if not isinstance(name, str):
        return KeyError(f"expected the name of what was recorded, found {_messages.found(name)}")
    part = "val_" if name.startswith("val_") else ""
    if part and not any(key.startswith(part) for key in known):
        return KeyError(f"no {name!r} was recorded: fit was given no validation data")
    others = RECORDS.get(name.removeprefix(part), "").split()
    there = [part + other for other in others if part + other in known]
    hint = f": it is called {there[0]}" if there else suggestion(name, known)
    if not hint:
        hint = f"; there are {', '.join(known)}" if known else ": no epoch was trained"
    return KeyError(f"no {name!r} was recorded{hint}")


def renamed(name: str, known: Collection[str]) -> str | None:
    """Return which of the arguments `known` has the other name `name` elsewhere, or None."""
    from fanin._absences.arguments import RENAMED

    return next((new for new in RENAMED.get(name, "").split() if new in known), None)


def registered(kind: str, name: object) -> str | None:
    """Return what to say of a name that a registry does not hold, if the tables have it.

    Parameters
    ----------
    kind : str
        What the registry holds, as the user would call it: ``"loss"``.
    name : object
        The name, in any of its spellings.

    Returns
    -------
    str or None
        A sentence, or None for a name that nobody would look for.

    Examples
    --------
    >>> registered("optimizer", "radam")
    "there is no optimizer 'radam': use Adam, AdamW or SGD"
    >>> registered("optimizer", "adm")
    """
    from fanin._absences.names import KINDS

    if kind not in KINDS or not isinstance(name, str):
        return None
    reasons = _names(KINDS[kind])
    spelled = {_key(there): reason for there, reason in reasons.items()}
    reason = reasons.get(name) or spelled.get(_key(name))
    return None if reason is None else f"there is no {kind} {name!r}: {reason}"


def _because(reason: str | None, name: str, known: Iterable[str]) -> str:
    return f": {reason}" if reason is not None else suggestion(name, known)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the known name that was meant, or nothing."""
    return _messages.did_you_mean(name, known)


def _spread(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the rows of a table as a dict of names to reasons."""
    return {name: reason for reason, names in rows for name in names.split()}


def _key(name: str) -> str:
    return name.replace("_", "").lower()


@functools.cache
def _names(module: str) -> dict[str, str]:
    """Return the reasons for the names of a module, which is called without "fanin."."""
    from fanin._absences.names import MODULES, NAMES

    return _spread(NAMES.get(module, ())) | _spread(MODULES.get(module, ()))


@functools.cache
def _modules(parent: str) -> dict[str, str]:
    from fanin._absences.names import MODULES

    return _spread(MODULES.get(parent, ()))


def of_module(path: str) -> str | None:
    """Return why there is no module of this path, if the tables have it."""
    parent, _, name = path.removeprefix("fanin").removeprefix(".").rpartition(".")
    return _modules(parent).get(name)


def of_name(module: str, name: str) -> str | None:
    """Return why a module does not have a name: its own reason, or that of an absent module."""
    own = _names(module.removeprefix("fanin").removeprefix(".")).get(name)
    return of_module(module) if own is None else own


def _member(name: str, known: set[str]) -> str | None:
    """Return why an object with the attributes `known` does not have one called `name`."""
    from fanin._absences.members import MARKS, MEMBERS

    kinds = [kind for kind, mark in MARKS.items() if mark in known]
    for kind in kinds:
        reason = _spread(MEMBERS[kind]).get(name)
        if reason is not None:
            return reason
    return None
