"""One way to say that a name is not here: a name of a module, an attribute, an argument.

What users of Keras, torch and scikit-learn look for is in the tables of `fanin._absences`, which
are read when something was not found. `guard` makes a public module use them.
"""

import functools
import sys
from collections.abc import Collection, Iterable
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any, NoReturn

from fanin._absences._calls import explained


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
    from fanin import _checks
    from fanin._absences.arguments import RECORDS

    if not isinstance(name, str):
        return KeyError(f"expected the name of what was recorded, found {_checks.found(name)}")
    part = "val_" if name.startswith("val_") else ""
    if part and not any(key.startswith(part) for key in known):
        return KeyError(f"no {name!r} was recorded: fit was given no validation data")
    others = RECORDS.get(name.removeprefix(part), "").split()
    there = [part + other for other in others if part + other in known]
    hint = f": it is called {there[0]}" if there else _hint(name, known)
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
    >>> registered("optimizer", "adamw")
    "there is no optimizer 'adamw': Adam(weight_decay=0.004) does the same: its decay is ...
    >>> registered("optimizer", "adm")
    """
    from fanin._absences.names import KINDS

    if kind not in KINDS or not isinstance(name, str):
        return None
    reasons = _names(KINDS[kind])
    spelled = {_key(there): reason for there, reason in reasons.items()}
    reason = reasons.get(name) or spelled.get(_key(name))
    return None if reason is None else f"there is no {kind} {name!r}: {reason}"


class Absent:
    """What stands for a class, function or module that is not there, so that it can be imported.

    Calling it and deriving from it are a NotImplementedError that says why, taking an attribute is
    an AttributeError. Nothing is an instance of it.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.__module__, _, self.__name__ = path.rpartition(".")
        self.__qualname__ = self.__name__
        self.__doc__ = f"There is no {path}: {reason}."
        self._text = f"there is no {path}: {reason}"

    def __repr__(self) -> str:
        return f"<{self._text}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return find, (self.__module__, self.__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(self._text)

    def __mro_entries__(self, bases: Any) -> NoReturn:
        raise NotImplementedError(self._text)

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __subclasscheck__(self, cls: type) -> bool:
        return False

    def __or__(self, other: Any) -> Any:  # a mention in an annotation is no use
        from typing import Union

        return Union[self, other]  # noqa: UP007

    __ror__ = __or__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        path = f"{self.__module__}.{self.__name__}"
        if _reason_for_module(path) is not None:
            return find(path, name)
        raise AttributeError(self._text)


def find(module: str, name: str) -> Any:
    """Return what stands for a name that a module does not have, or say that it has none.

    Parameters
    ----------
    module : str
        The module, such as ``"fanin.layers"``.
    name : str
        The name.

    Returns
    -------
    Absent
        For a name that the tables have.

    Raises
    ------
    AttributeError
        For any other name; the message suggests the one that was meant.
    """
    if name.startswith("_"):  # asked for by Python and by tools, all the time
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    reason = _reason(module, name)
    if reason is not None:
        return _stand_in(f"{module}.{name}", reason)
    raise attribute(f"module {module!r}", name, _public(module))


@functools.cache
def _stand_in(path: str, reason: str) -> Absent:
    return Absent(path, reason)


# Called for every batch or layer: a look for TypeErrors would cost more than it tells.
_UNGUARDED = {
    "at",
    "backward",
    "forward",
    "get",
    "is_trained",
    "known_shape",
    "learning_rates",
    "overrides",
    "plan_for",
    "ready",
    "resolve",
    "rows",
    "settings",
    "slot_names",
    "step",
    "take",
}


def guard(module: str) -> None:
    """Make a public module say what it does not have, and its functions what they do not take.

    Called by the module itself, with its ``__name__``, once its public names are there: `dir` lists
    those alone; names and submodules that it lacks are answered by `find`; its public functions,
    and the methods of its public classes, become `explained`.

    Parameters
    ----------
    module : str
        The module's name.
    """
    names = vars(sys.modules[module])
    names.setdefault("__getattr__", functools.partial(find, module))
    if "__all__" in names:
        names["__dir__"] = functools.partial(sorted, names["__all__"])
    names.setdefault("__path__", [])  # so that imports below it come to `_Finder` too
    for name in names.get("__all__", tuple(names)):
        value = None if name in _UNGUARDED else names.get(name)
        if isinstance(value, FunctionType) and value.__module__.startswith("fanin."):
            names[name] = made = _once(value)
            home, defined = vars(sys.modules[value.__module__]), value.__name__
            if home.get(defined) is value:  # pickle finds a function where it was defined
                home[defined] = made
        elif isinstance(value, type):
            for cls in value.__mro__:
                if cls.__module__.startswith("fanin."):
                    _explain_methods(cls)


@functools.cache
def _explain_methods(cls: type) -> None:
    for name, member in list(vars(cls).items()):
        if name in _UNGUARDED or name.startswith("on_"):
            continue
        # Metaclasses that call a class may speak of its arguments themselves.
        if name.startswith("_") and (name != "__init__" or type(cls).__call__ is not type.__call__):
            continue
        if isinstance(member, FunctionType):
            type.__setattr__(cls, name, _once(member))
        elif isinstance(member, classmethod):
            type.__setattr__(cls, name, classmethod(_once(member.__func__)))


_explained: dict[Any, Any] = {}  # a function, or what it became, and what it became


def _once(function: Any) -> Any:
    """Return the function that explains `function`: for one function, one."""
    if function not in _explained:
        made = explained(function)
        _explained[function] = _explained[made] = made
    return _explained[function]


# Private modules whose classes stand in pickles of 0.1.0, and where these are now.
_MOVED = {"fanin._training": "fanin.models._compiled"}


class _Moved:
    """Loads a module under the name that it had."""

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """Have an empty module made, which is put aside at once."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Put the module of today in its place."""
        sys.modules[module.__name__] = import_module(_MOVED[module.__name__])


class _Finder:
    """The last to be asked where a module is: it says what is not below `fanin`, and why."""

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not fullname.startswith("fanin."):
            return None
        if fullname in _MOVED:
            return ModuleSpec(fullname, _Moved())  # type: ignore[arg-type]
        parent, _, name = fullname.rpartition(".")
        reason = _reason(parent, name)
        if reason is not None:
            text = f"there is no {fullname}: {reason}"
            raise ModuleNotFoundError(text, name=fullname)
        if not name.startswith("_") and (hint := _hint(name, _public(parent))):
            # Not `name=fullname`: `from fanin.layers import Dens` would drop this message.
            text = f"cannot import {name!r} from {parent!r}, which does not have it{hint}"
            raise ModuleNotFoundError(text, name=parent)
        return None


def install_finder() -> None:
    """Have `_Finder` asked after all other finders; once, however often `fanin` is imported."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)


# The tables.


def _because(reason: str | None, name: str, known: Iterable[str]) -> str:
    return f": {reason}" if reason is not None else _hint(name, known)


def _hint(name: str, known: Iterable[str]) -> str:
    from fanin._checks import did_you_mean  # which imports modules that are guarded

    return did_you_mean(name, known)


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


def _reason_for_module(path: str) -> str | None:
    parent, _, name = path.removeprefix("fanin").removeprefix(".").rpartition(".")
    return _modules(parent).get(name)


def _reason(module: str, name: str) -> str | None:
    """Return why a module does not have a name: its own reason, or that of an absent module."""
    own = _names(module.removeprefix("fanin").removeprefix(".")).get(name)
    return _reason_for_module(module) if own is None else own


def _member(name: str, known: set[str]) -> str | None:
    """Return why an object with the attributes `known` does not have one called `name`."""
    from fanin._absences.members import MARKS, MEMBERS

    kinds = [kind for kind, mark in MARKS.items() if mark in known]
    for kind in kinds:
        reason = _spread(MEMBERS[kind]).get(name)
        if reason is not None:
            return reason
    return None


def _public(module: str) -> list[str]:
    names = vars(sys.modules[module]) if module in sys.modules else {}
    return [name for name in names.get("__all__", names) if not name.startswith("_")]
