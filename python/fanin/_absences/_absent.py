"""Names that a module does not have: what stands for them, and who answers for them.

`guard` makes a public module say what it does not have; see `_reasons.py` for what is said.
"""

import functools
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any, NoReturn

from fanin._absences._calls import explained
from fanin._absences._reasons import attribute, of_module, of_name, suggestion
from fanin._checks._messages import warn


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
        if of_module(path) is not None:
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
        For a name that the tables have; of an old module the one that has its names.

    Raises
    ------
    AttributeError
        For any other name; the message suggests the one that was meant.
    """
    if name.startswith("_"):  # asked for by Python and by tools, all the time
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    new = _new_module(f"{module}.{name}")
    if new is not None:
        return import_module(new)
    reason = of_name(module, name)
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


def guard(module: str, later: Mapping[str, str] | None = None) -> None:
    """Make a public module say what it does not have, and its functions what they do not take.

    Called by the module itself, with its ``__name__``, once its public names are there: `dir` lists
    those alone; names and submodules that it lacks are answered by `find`; its public functions,
    and the methods of its public classes, become `explained`.

    Parameters
    ----------
    module : str
        The module's name.
    later : mapping of str to str, optional
        Public names that `import fanin` need not pay for, with the modules that have them: each is
        taken from there when it is first asked for.
    """
    names = vars(sys.modules[module])
    names.setdefault("__getattr__", functools.partial(_take, module, later or {}))
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


def _take(module: str, later: Mapping[str, str], name: str) -> Any:
    """Return what is there later, as public names are, or what `find` says."""
    if name not in later:
        return find(module, name)
    names = vars(sys.modules[module])
    names[name] = getattr(import_module(later[name]), name)
    guard(module)  # now that it is there
    return names[name]


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


class _Loader:
    """Loads a module under another name."""

    def __init__(self, home: str) -> None:
        self.home = home

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """Have an empty module made, which is put aside at once."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module that there is in its place."""
        sys.modules[module.__name__] = import_module(self.home)


class _Aliases:
    """The first to be asked where a module is: what is below another name of a module.

    ``fanin.keras.layers`` is ``fanin.layers``. Python would look below such a module in the folder
    of the real one, and load a second copy of what is there.
    """

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not fullname.startswith("fanin."):
            return None
        parent, _, name = fullname.rpartition(".")
        home = "fanin" if parent == "fanin.keras" else sys.modules[parent].__name__
        if home == parent:
            return None
        path = f"{home}.{name}"
        return _alias(fullname, _new_module(path) or path)


def _alias(fullname: str, home: str) -> ModuleSpec:
    return ModuleSpec(fullname, _Loader(home))  # type: ignore[arg-type]


def _new_module(fullname: str) -> str | None:
    """Return the module that has the names of one of Keras 1 or 2, and warn of its old name."""
    from fanin._absences.old_names import MODULES

    new = MODULES.get(fullname.removeprefix("fanin."))
    if new is None:
        return None
    warn(f"{fullname} is an old name: its names are in fanin.{new}", FutureWarning)
    return f"fanin.{new}"


class _Finder:
    """The last to be asked where a module is: it says what is not below `fanin`, and why."""

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not fullname.startswith("fanin."):
            return None
        if fullname in _MOVED:
            return _alias(fullname, _MOVED[fullname])
        new = _new_module(fullname)
        if new is not None:
            return _alias(fullname, new)
        parent, _, name = fullname.rpartition(".")
        reason = of_name(parent, name)
        if reason is not None:
            text = f"there is no {fullname}: {reason}"
            raise ModuleNotFoundError(text, name=fullname)
        if not name.startswith("_") and (hint := suggestion(name, _public(parent))):
            # Not `name=fullname`: `from fanin.layers import Dens` would drop this message.
            text = f"cannot import {name!r} from {parent!r}, which does not have it{hint}"
            raise ModuleNotFoundError(text, name=parent)
        return None


def install_finders() -> None:
    """Have the two finders asked; each once, however often `fanin` is imported."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Aliases)
        sys.meta_path.append(_Finder)


def _public(module: str) -> list[str]:
    names = vars(sys.modules[module]) if module in sys.modules else {}
    return [name for name in names.get("__all__", names) if not name.startswith("_")]
