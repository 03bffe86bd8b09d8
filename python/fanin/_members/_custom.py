"""Classes and functions of users by name, so that what was saved with them can be loaded."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from fanin import _checks
from fanin._members import ours

_Object = TypeVar("_Object", bound=Callable[..., Any])

_registered: dict[str, Any] = {}
_NOTHING: Mapping[str, Any] = {}
_in_scope: ContextVar[Mapping[str, Any]] = ContextVar("custom_objects", default=_NOTHING)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[_Object], _Object]:
    """Register a class or a function, so that models that were saved with it can be loaded.

    A decorator, as Keras's of this name: for schedules, initializers, losses and other classes of
    your own, and for functions that are metrics.

    Parameters
    ----------
    package : str, default "Custom"
        Whose class it is, to tell it from others of its name.
    name : str, optional
        What it is called in files; the name of the class or function if not given.

    Returns
    -------
    callable
        The decorator; it returns what is decorated.

    Raises
    ------
    TypeError
        If an argument is no text, or what is decorated is neither a class with `get_config` nor a
        function.

    Examples
    --------
    >>> from fanin.optimizers import schedules
    >>> @register_keras_serializable("examples")
    ... class Halving(schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5**step
    ...
    ...     def get_config(self):
    ...         return {}
    >>> schedules.deserialize(schedules.serialize(Halving()))(1)
    0.05
    """
    _checks.text("package", package)
    if name is not None:
        _checks.text("name", name)

    def decorate(given: _Object) -> _Object:
        usable = hasattr(given, "get_config") if isinstance(given, type) else callable(given)
        called = getattr(given, "__name__", None) if name is None else name
        if not usable or called is None:
            raise TypeError(
                f"class: expected one with get_config, or a function, found {_checks.found(given)}"
            )
        _registered[f"{package}>{called}"] = given
        return given

    return decorate


def get_custom_objects() -> dict[str, object]:
    """Return the classes that are found by name everywhere.

    Returns
    -------
    dict of str to type
        The dict itself: what is added to it is found, as in Keras.

    Examples
    --------
    >>> get_custom_objects() is get_custom_objects()
    True
    """
    return _registered


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, object] | None) -> Iterator[None]:
    """Let classes be found by name inside a ``with`` block.

    Parameters
    ----------
    custom_objects : mapping of str to type, or None
        The classes; they come before those of the package and registered ones.

    Yields
    ------
    None

    Raises
    ------
    TypeError
        If it is no mapping.

    Examples
    --------
    >>> from fanin import optimizers
    >>> class Slow(optimizers.SGD):
    ...     pass
    >>> with custom_object_scope({"Slow": Slow}):
    ...     optimizers.get("Slow")
    Slow(learning_rate=0.01, momentum=0.0, nesterov=False)
    """
    if custom_objects is None:
        yield
        return
    if not isinstance(custom_objects, Mapping):
        found = _checks.found(custom_objects)
        raise TypeError(f"custom_objects: expected a dict of classes by name, found {found}")
    token = _in_scope.set({**_in_scope.get(), **custom_objects})
    try:
        yield
    finally:
        _in_scope.reset(token)


def lookup(name: str) -> Any:
    """Return what the user calls `name`, or None."""
    found = _in_scope.get().get(name)
    return _registered.get(name) if found is None else found


def find(kind: str, base: tuple[type, ...], name: str) -> Any:
    """Return the user's class called `name`, or None."""
    found = lookup(name)
    if found is None or (isinstance(found, type) and issubclass(found, base)):
        return found
    raise TypeError(
        f"custom_objects[{name!r}]: expected a subclass of {base[0].__name__} for the {kind}, "
        f"found {_checks.found(found)}"
    )


def find_described(
    kind: str, base: tuple[type, ...], config: Mapping[str, object], known: Any
) -> Any:
    """Return the class that a configuration names: the user's, else `known`, or None."""
    name, full = config["class_name"], config.get("registered_name")
    for key in (full, name):
        found = find(kind, base, key) if isinstance(key, str) else None
        if found is not None:
            return found
    if known is not None and (full is None or not isinstance(full, str)):
        return known
    # Written before it was registered, or registered since under another package.
    alike = [
        value
        for key, value in _registered.items()
        if isinstance(value, type)
        and issubclass(value, base)
        and name in (key.rpartition(">")[2], value.__name__)
    ]
    return alike[0] if len(alike) == 1 else None


def names_of(cls: type) -> dict[str, str]:
    """Return what a configuration says of a class: its name, and what a user's is registered as."""
    if ours(cls):
        return {"class_name": cls.__name__}
    return {"class_name": cls.__name__, "registered_name": registered_name(cls, cls.__name__)}


def registered_name(given: object, name: str) -> str:
    """Return what a user's class or function is registered as; `name` if it is not."""
    return next((key for key, value in _registered.items() if value is given), name)


def name_in_scope(given: object) -> str | None:
    """Return what a scope calls a user's function; None if none has it."""
    return next((key for key, value in _in_scope.get().items() if value is given), None)


def find_function(kind: str, name: object) -> Any:
    """Return the user's function that was written down by `name`, with or without its package."""
    if not isinstance(name, str):
        raise ValueError(
            f"{kind}: expected the name of a function as 'registered_name', found "
            f"{_checks.found(name)}"
        )
    short = name if name[:1] == "<" else name.rpartition(">")[2]  # a lambda is called <lambda>
    found = lookup(name) or lookup(short)
    if found is None:  # written before it was registered, or registered since elsewhere
        alike = [v for key, v in _registered.items() if key.rpartition(">")[2] == short]
        found = alike[0] if len(alike) == 1 else None
    if found is None:
        raise unknown(kind, short, ())
    if isinstance(found, type) or not callable(found):
        raise TypeError(
            f"custom_objects[{short!r}]: expected a function for the {kind}, found "
            f"{_checks.found(found)}"
        )
    return found


class UnknownClassError(ValueError):
    """A configuration names a class that is neither the package's nor registered."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownClassError:
    """Build the error for a configuration of a class that is not known."""
    error = str(_checks.unknown(kind, name, known)).partition("; known:")[0]
    return UnknownClassError(
        f"{error}; for one of your own give custom_objects={{{name!r}: {name}}}, or register "
        "it with fanin.utils.register_keras_serializable()"
    )
