"""What layers, losses, metrics, optimizers, initializers, schedules, callbacks and models share.

Compiled code runs a network, and calls no method of these objects. So what a user's subclass
overrides is either called from Python, or refused when the class is made; and an attribute that
nothing reads is refused when it is set.
"""

import functools
import itertools
from abc import ABCMeta
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from fanin._absences import _calls, _reasons
from fanin._members import ours

_set, _make = object.__setattr__, type.__call__


class MemberType(ABCMeta):
    """The type of the classes; an `ABCMeta`, so that a user's subclass may be abstract too."""

    if not TYPE_CHECKING:  # type checkers see the constructors as they are written

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            """Make an object; wrong arguments are reported in the name of `cls`."""
            if "_complete" not in vars(cls):
                cls._check_usable()
                cls._complete = True
            if kwargs and not _calls.OLD.keys().isdisjoint(kwargs):
                from fanin._members import _signatures

                kwargs = _calls.renew(cls.__name__, kwargs, _signatures.names(cls)[len(args) :])
            try:
                member = _make(cls, *args, **kwargs)
            except TypeError as error:
                from fanin._members import _signatures

                wrong = _signatures.misfit(cls, args, kwargs, error)
                if wrong is None:
                    raise
                raise wrong from None
            if type(member) is cls:
                if not cls._own and cls._begun is not None and cls._begun not in vars(member):
                    raise TypeError(
                        f"{cls.__name__}.__init__: expected that it calls super().__init__(), "
                        "found that it does not"
                    )
                _set(member, "_made", True)
            return member

        @property
        def __signature__(cls) -> Any:
            """The arguments that `cls` takes, for `inspect.signature` and `help`."""
            from fanin._members import _signatures

            return _signatures.of(cls)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name[:1] != "_" or name == "__call__":
            problem = _problem(cls, name, value)
            if problem is not None:
                raise TypeError(problem)
        super().__setattr__(name, value)


if TYPE_CHECKING:
    Kept = TypeVar("Kept", covariant=True)
    Given = TypeVar("Given", contravariant=True)

    class Option(Generic[Kept, Given]):
        """For annotations: an attribute that can be set by name, and is then what has the name."""

        def __get__(self, member: object, owner: type | None = None) -> Kept: ...
        def __set__(self, member: object, value: Given) -> None: ...


class Member(metaclass=MemberType):
    """Base class of what is made by name: see the top of this module.

    What a kind of member says about itself is in its base class.
    """

    _family: ClassVar[str]
    """The module: ``"layers"``."""
    _honoured: ClassVar[tuple[str, ...] | None] = None
    """Methods that a subclass may override, since Python calls them; None for all of them."""
    _elsewhere: ClassVar[tuple[str, ...]] = ()
    """Methods that other libraries call, and that nothing here would call."""
    _reason: ClassVar[str] = ""
    """Why the other methods cannot be overridden."""
    _instead: ClassVar[str] = ""
    """What to do instead."""
    _options: ClassVar[Mapping[str, Any]] = {}
    """Checks of attributes, ``check(name, value) -> value``; those of base classes are added."""
    _unsupported: ClassVar[Mapping[str, str]] = {}
    """Arguments that the constructor takes where they ask for nothing, and why no more."""
    _own: ClassVar[bool] = True
    """Whether the class is the package's, not a user's."""
    _own_base: ClassVar[Any]
    """The class, or of a user's the first of its bases that is the package's."""
    _complete: ClassVar[bool]
    """Set once the class was found to say enough to make objects of."""
    _settable: ClassVar[set[str]] = set()
    """Attributes that were found to be there, and have no check."""

    _begun: ClassVar[str | None] = None
    """An attribute that the constructor of the kind sets, without which nothing works."""
    _made: bool = False
    """Whether the constructor is done."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._settable = set()
        if ours(cls):
            cls._own_base = cls
        else:
            cls._own = False
        if not cls._own or "_options" in vars(cls):
            options: dict[str, Any] = {}
            for base in reversed(cls.__mro__):
                options.update(vars(base).get("_options", {}))
            cls._options = options
        if not cls._own:
            for name, value in _definitions(cls):
                problem = _problem(cls, name, value)
                if problem is not None:
                    raise TypeError(problem)

    @classmethod
    def _usable(cls) -> bool:
        """Return whether the class says enough to make objects of."""
        return True

    @classmethod
    def _check_usable(cls) -> None:
        if cls._usable():
            return
        if cls._own:
            raise TypeError(f"{cls.__name__} is a base class: use one of its subclasses")
        raise TypeError(
            f"{cls.__name__} is not one of fanin's {cls._family}: {cls._reason}; {cls._instead}"
        )

    def _check_change(self, name: str, value: Any) -> None:
        """Refuse to set an option that cannot change any more."""

    def _changed(self) -> None:
        """Take notice that an option was set."""

    if not TYPE_CHECKING:  # type checkers refuse unknown attributes by themselves

        def __setattr__(self, name: str, value: Any) -> None:
            # Counters and caches, at once. (An object whose dict was asked for is slower to read.)
            if name in self._settable or (name[:1] == "_" and name != "__call__"):
                _set(self, name, value)
                return
            check = self._options.get(name)
            if check is not None:
                value = check(name, value)
                self._check_change(name, value)
            # What the constructor of a class of ours sets is what its objects have.
            elif self._made or not self._own:
                _check_new(self, name, value)
            super().__setattr__(name, value)
            if check is not None:
                self._changed()
            else:
                self._settable.add(name)

        def __getattr__(self, name: str) -> Any:
            # Also called where a property raises AttributeError: that error is the one to see.
            if name[:1] == "_" or _defined(type(self), name):
                return object.__getattribute__(self, name)
            raise _reasons.attribute(type(self).__name__, name, _attributes(self))


def _defined(cls: type, name: str) -> bool:
    """Return whether a class or one of its bases has `name`; those of metaclasses do not count."""
    return any(name in vars(base) for base in cls.__mro__)


def _definitions(cls: type) -> Iterator[tuple[str, Any]]:
    """Walk what the user's classes among the bases define, where it is what `cls` shows."""
    for base in cls.__mro__:
        if base is not object and not ours(base):
            for name, value in tuple(vars(base).items()):
                first = next(other for other in cls.__mro__ if name in vars(other))
                if not ours(first):
                    yield name, value


def _problem(cls: Any, name: str, value: Any) -> str | None:
    """Say what is wrong with defining `name` in a class, or setting it; None if nothing is."""
    if name in _uncalled(cls):
        return f"{cls.__name__}.{name} cannot be overridden: {cls._reason}; {cls._instead}"
    if name[:1] == "_" or any(ours(b) and name in vars(b) for b in cls.__mro__):
        return None
    meant = _find_meant(cls, name, value, {*_public(cls), *_assigned_names(cls)})
    if meant is None:
        return None
    return (
        f"{cls.__name__} defines {name}, which nothing reads or calls; did you mean {meant!r}? "
        "(a name of your own must differ by more, or begin with an underscore)"
    )


def _check_new(member: Member, name: str, value: Any) -> None:
    """Refuse an attribute that the object does not have, as far as it cannot be the user's own."""
    cls = type(member)
    held = _look_up(cls, name)
    if isinstance(held, property) and held.fset is None:
        raise AttributeError(f"{cls.__name__}.{name} cannot be set: it is what the object computes")
    if hasattr(held, "__set__"):
        return  # what setting a property or an array means is its own affair
    if name in _uncalled(cls):
        raise AttributeError(_problem(cls, name, value))
    if _defined(cls, name) or name in vars(member):
        return
    if cls._own:
        raise _reasons.attribute(cls.__name__, name, _attributes(member))
    meant = _find_meant(cls, name, value, {*_public(cls), *_assigned_names(cls)})
    if meant is not None:
        error = _reasons.attribute(cls.__name__, name, [meant])
        raise AttributeError(
            f"{error} (a name of your own must differ by more, or begin with an underscore)"
        )


def _public(cls: Any) -> set[str]:
    """Return the public names of a class of ours, or of the one that a user's derives from."""
    from fanin._members import _signatures

    base = cls._own_base
    names = {name for name in dir(base) if name[:1] != "_"}
    return names.union(_signatures.names(base))


def _attributes(member: Member) -> set[str]:
    """Return the public names that an object has."""
    return _public(type(member)).union(name for name in vars(member) if name[:1] != "_")


def _uncalled(cls: Any) -> frozenset[str]:
    """Return the methods that a user's subclass of `cls` cannot override."""
    known: frozenset[str] | None = vars(cls).get("_uncalled_names")
    if known is None:
        names = set(cls._elsewhere)
        if cls._honoured is not None:
            for base in cls.__mro__:
                if ours(base) and issubclass(base, Member) and base is not Member:
                    names |= {
                        name
                        for name, value in vars(base).items()
                        if (name[:1] != "_" or name == "__call__") and hasattr(value, "__get__")
                    }
            names.difference_update(cls._honoured)
        known = frozenset(names)
        cls._uncalled_names = known
    return known


def _find_meant(cls: type, name: str, value: Any, known: set[str]) -> str | None:
    """Return which of our names a user's class or object has mistyped; None if it is another."""
    from fanin._members import _spelling

    method = _is_method(value)
    if not method:  # data is not taken for a method
        known = {other for other in known if not _is_method(_look_up(cls, other))}
    words = _spelling.words_in({*_argument_names(), *_used_names(cls), *known})
    return _spelling.meant(name, known, words, plural=not method)


def _look_up(cls: type, name: str) -> Any:
    """Return what the class or a base of it holds, as it is there; None for nothing."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def _is_method(value: Any) -> bool:
    return callable(value) or isinstance(value, classmethod | staticmethod)


def _walk_code(cls: type) -> Iterator[Any]:
    """Walk the code of the functions in a class, as they were before anything wrapped them."""
    import inspect

    for value in tuple(vars(cls).values()):
        function: Any = value.fget if isinstance(value, property) else value
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None:
            yield code


@functools.cache
def _find_assigned(cls: type) -> frozenset[str]:
    """Return the public attributes that the functions in a class of ours set."""
    import dis

    found = set()
    for code in _walk_code(cls):
        for before, step in itertools.pairwise(dis.get_instructions(code)):
            # Later versions of Python load two names at once.
            target = before.argval[-1:] if isinstance(before.argval, tuple) else (before.argval,)
            if step.opname == "STORE_ATTR" and step.argval[:1] != "_" and target == ("self",):
                found.add(step.argval)
    return frozenset(found)


def _assigned_names(cls: type) -> set[str]:
    """Return the public attributes that those of our classes among the bases set."""
    return {name for base in cls.__mro__ if ours(base) for name in _find_assigned(base)}


def _used_names(cls: type) -> set[str]:
    """Return the names that those of our classes among the bases use."""
    codes = (code for base in cls.__mro__ if ours(base) for code in _walk_code(base))
    return {name for code in codes for name in code.co_names}


@functools.cache
def _argument_names() -> set[str]:
    """Return the arguments in all classes of ours."""
    found: set[str] = set()
    waiting: list[type] = [Member]
    while waiting:
        member = waiting.pop()
        waiting.extend(member.__subclasses__())
        for code in _walk_code(member) if ours(member) else ():
            found.update(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    return found
