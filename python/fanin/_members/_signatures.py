"""The arguments of a class: what they are called, and what is wrong with those of a call."""

import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Unpack, get_args, get_origin

from fanin._absences import _reasons
from fanin._members import ours

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_OWNER = re.compile(r"^[\w.<>]+\.__init__\(\)")
_COMPLAINT = re.compile(
    r"(?:unexpected keyword argument|multiple values for (?:keyword )?argument) '(\w+)'"
)


def of(cls: type) -> inspect.Signature:
    """Return the signature of the constructor."""
    own = next(_constructors(cls), None)
    if own is None:
        return inspect.Signature()
    signature = inspect.signature(own)
    parameters = list(signature.parameters.values())[1:]
    return signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Return the arguments by name, with those that ``**kwargs`` pass on to base classes.

    Examples
    --------
    >>> from fanin.initializers import HeNormal
    >>> list(parameters(HeNormal))[:5]
    ['seed', 'negative_slope', 'truncated', 'mode', 'in_axis']
    """
    found: dict[str, inspect.Parameter] = {}
    passed_on: Collection[str] | None = None  # None: all
    for constructor in _constructors(cls):
        rest = None
        for parameter in list(inspect.signature(constructor).parameters.values())[1:]:
            if parameter.kind is parameter.VAR_KEYWORD:
                rest = parameter
            elif parameter.kind in _NAMED and (passed_on is None or parameter.name in passed_on):
                found.setdefault(parameter.name, parameter)
        if rest is None:
            break
        if get_origin(rest.annotation) is Unpack:  # **options: Unpack[Options]
            passed_on = get_args(rest.annotation)[0].__annotations__
    return found


def names(cls: type) -> list[str]:
    """Return the names of `parameters`."""
    return list(parameters(cls))


def _constructors(cls: type) -> Iterator[Any]:
    """Walk the constructors of a class and its bases."""
    for base in cls.__mro__:
        if base is not object and "__init__" in vars(base):
            yield vars(base)["__init__"]


def misfit(
    cls: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: TypeError
) -> TypeError | None:
    """Return what is wrong with the arguments of a call that failed, in the name of the class.

    Parameters
    ----------
    cls : type
        What was called.
    args, kwargs
        The arguments.
    error : TypeError
        What the constructor, or that of a base class, said.

    Returns
    -------
    TypeError or None
        None if the arguments fit, and the error is about something else.
    """
    own = of(cls)
    taken = own.parameters.values()
    by_place = [p.name for p in taken if p.kind in _BY_PLACE]
    kinds = {p.kind for p in taken}
    owner = cls.__name__
    if len(args) > len(by_place) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        plural = "" if len(by_place) == 1 else "s"
        listed = f" ({', '.join(by_place)})" if by_place else ""
        return TypeError(
            f"{owner} takes {len(by_place) or 'no'} positional argument{plural}{listed}, "
            f"found {len(args)}"
        )
    for name in by_place[: len(args)]:
        if name in kwargs:
            return TypeError(f"{owner} got multiple values for argument {name!r}")
    accepted = names(cls)
    if inspect.Parameter.VAR_KEYWORD in kinds:
        # Who is given the rest may take any of it; the complaint says which one nobody takes.
        complaint = _COMPLAINT.search(str(error))
        unknown = [complaint[1]] if complaint and complaint[1] in kwargs else []
        unknown = [name for name in unknown if name not in own.parameters]
    else:
        unknown = [name for name in kwargs if name not in own.parameters]
    given = {*by_place[: len(args)], *kwargs}
    missing = [
        p.name for p in taken if p.kind in _NAMED and p.default is p.empty and p.name not in given
    ]
    if missing and ours(next(base for base in cls.__mro__ if "__init__" in vars(base))):
        # The one that is missing may have been given under another name.
        unknown += [name for name in kwargs if name not in (*accepted, *cls._unsupported)]
    for name in unknown:
        return _reasons.argument(owner, name, [other for other in accepted if other != name])
    if missing:
        return TypeError(_OWNER.sub(f"{owner}()", str(error)))
    return None
