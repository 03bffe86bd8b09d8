"""What a function says when it is called with arguments that it does not take."""

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from fanin._absences import _reasons
from fanin._checks._messages import warn

P = ParamSpec("P")
R = TypeVar("R")

# Arguments of Keras 1 and 2 that mean what the new ones do: they work, with a warning.
OLD = {
    "lr": "learning_rate",
    "nb_epoch": "epochs",
    "output_dim": "units",
    "init": "kernel_initializer embeddings_initializer",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "W_regularizer": "kernel_regularizer embeddings_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint embeddings_constraint",
    "b_constraint": "bias_constraint",
    "p": "rate",
    "sigma": "stddev",
    "nb_classes": "num_classes",
    "nb_words": "num_words",
    "input": "inputs",
    "output": "outputs",
}


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that does the same, and says what it does not take when called wrongly.

    Parameters
    ----------
    function : callable
        A function or method written in Python.

    Returns
    -------
    callable
        With the same signature, name and documentation.

    Examples
    --------
    >>> @explained
    ... def train(x, epochs=1):
    ...     return epochs
    >>> train(None, n_epochs=3)
    Traceback (most recent call last):
    TypeError: train got an unexpected keyword argument 'n_epochs': it is called epochs
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            new = _renew_call(function, args, kwargs)
            wrong = None if new is not None else _misuse(function, args, kwargs, error)
            if wrong is not None:
                raise wrong from None
            if new is None:
                raise
        # The call did not begin: nothing was done twice.
        return function(*args, **new)

    return call


def renew(owner: str, kwargs: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Return keyword arguments with their names of today, and warn of each old one.

    Parameters
    ----------
    owner : str
        What was called, as the user would call it: ``"Dense"``.
    kwargs : mapping of str to object
        The arguments.
    known : iterable of str
        The arguments that it takes.

    Returns
    -------
    dict
        The arguments, those that are not of `OLD` as they were.
    """
    names = _new_names(kwargs, known)
    for old, new in names.items():
        warn(f"{owner}: {old} is the old name of {new}", FutureWarning)
    return {names.get(name, name): value for name, value in kwargs.items()}


def _new_names(kwargs: Collection[str], known: Iterable[str]) -> dict[str, str]:
    """Return the new names of those arguments that have an old one."""
    known, found = set(known), {}
    for old in (name for name in kwargs if name in OLD and name not in known):
        meant = [new for new in OLD[old].split() if new in known and new not in kwargs]
        if len(meant) == 1:
            found[old] = meant[0]
    return found


def _renew_call(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the arguments with their names of today; None if that was not what is wrong."""
    if OLD.keys().isdisjoint(kwargs):
        return None
    signature = inspect.signature(function)
    known = signature.parameters
    names = _new_names(kwargs, known)
    # Who takes any argument began with its work.
    if not names or any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return None
    try:
        signature.bind(*args, **{names.get(name, name): kwargs[name] for name in kwargs})
    except TypeError:
        return None
    return renew(_owner(function, args), kwargs, known)


def _owner(function: Callable[..., Any], args: Sequence[Any]) -> str:
    """Return what was called, as the user would call it."""
    first = next(iter(inspect.signature(function).parameters), None)
    if not args or first not in ("self", "cls"):
        return function.__name__
    cls = args[0] if isinstance(args[0], type) else type(args[0])
    name = cls.__name__
    return name if function.__name__ == "__init__" else f"{name}.{function.__name__}"


def _misuse(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], error: TypeError
) -> TypeError | None:
    """Return what is wrong with the arguments of a call; None if the error is about something else.

    A decorated function is asked for the arguments of the one that it stands for.
    """
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
        return None
    except TypeError:
        pass
    parameters = signature.parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    owner, given = _owner(function, args), list(args)
    if given and named and named[0].name in ("self", "cls"):
        given.pop(0)
        named.pop(0)
    known = [p.name for p in named]
    unknown = [name for name in kwargs if name not in known]
    if takes_any:  # what is passed on is looked at there, unless it is what is missing here
        unknown = [name for name in unknown if _reasons.renamed(name, known)]
    if unknown:
        return _reasons.argument(owner, unknown[0], known)
    places = [p.name for p in named if p.kind is not p.KEYWORD_ONLY]
    if len(given) > len(places):
        by_name = [p.name for p in named if p.kind is p.KEYWORD_ONLY]
        noun = "argument" if len(places) == 1 else "arguments"
        listed = f" ({', '.join(places)})" if places else ""
        hint = f"; by name it takes {', '.join(by_name)}" if by_name else ""
        return TypeError(
            f"{owner} takes {len(places)} positional {noun}{listed}, found {len(given)}{hint}"
        )
    return TypeError(str(error).replace(f"{function.__qualname__}()", f"{owner}()"))
