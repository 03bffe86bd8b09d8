"""What a function says when it is called with arguments that it does not take."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from fanin._absences import _reasons

P = ParamSpec("P")
R = TypeVar("R")


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
    >>> train(None, nb_epoch=3)
    Traceback (most recent call last):
    TypeError: train got an unexpected keyword argument 'nb_epoch': it is called epochs
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            wrong = _misuse(function, args, kwargs, error)
            if wrong is None:
                raise
            raise wrong from None

    return call


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
    owner, given = function.__name__, list(args)
    if given and named and named[0].name in ("self", "cls"):
        called = given.pop(0)
        named.pop(0)
        cls = called if isinstance(called, type) else type(called)
        owner = cls.__name__ if owner == "__init__" else f"{cls.__name__}.{owner}"
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
