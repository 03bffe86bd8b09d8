"""Members of one kind by name: how a string, a class or a configuration becomes an object."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

from fanin import _checks, _custom
from fanin._checks import unknown
from fanin._member import Member


class Configurable(Member):
    """A member that can be written down as a class name and a configuration."""

    _fields: ClassVar[tuple[str, ...]] = ()
    """The arguments in a configuration, which are attributes too."""

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make an equal object.

        Returns
        -------
        dict
            Arguments by name.
        """
        return {field: getattr(self, field) for field in self._fields}

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Make an object from what `get_config` returned.

        Parameters
        ----------
        config : dict
            Arguments by name.

        Returns
        -------
        object
            Of the class whose method this is.

        Raises
        ------
        TypeError
            If `config` is no mapping.
        ValueError
            If its names or values are not those of arguments of this class.
        """
        arguments = check_config("config", config)
        try:
            return cls(**arguments)
        except TypeError as error:
            raise ValueError(
                f"config of {cls.__name__}: expected the arguments of its class, found others: "
                f"{error}"
            ) from error


class CoreMember(Configurable):
    """A member that the compiled core computes: the core is told its settings."""

    kind: ClassVar[str]
    """What the core calls it."""
    _kept_settings: dict[str, object] | None = None

    @classmethod
    def _usable(cls) -> bool:
        return hasattr(cls, "kind")

    def settings(self) -> dict[str, object]:
        """Return what the core is told about this object.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        return {"kind": self.kind, **{field: getattr(self, field) for field in self._fields}}

    def _settings(self) -> dict[str, object]:
        """Return the `settings`: the same dict again, unless an option was set meanwhile."""
        kept = self._kept_settings
        if kept is None:
            kept = self.settings()
            if self._steady():
                self._kept_settings = kept
        return kept

    def _steady(self) -> bool:
        """Return whether the settings depend on options only; of a user's class nobody knows."""
        return self._own and self._options.keys() >= set(self._fields)

    def _changed(self) -> None:
        self._kept_settings = None


def check_config(name: str, config: object) -> dict[str, Any]:
    """Return a configuration as a dict of its own, if it has names and values."""
    if not isinstance(config, Mapping):
        raise TypeError(f"{name}: expected a dict of arguments, found {_checks.found(config)}")
    for key in config:
        if not isinstance(key, str):
            raise TypeError(
                f"{name}: expected a dict of arguments by name, found {_checks.found(key)}"
            )
    return dict(config)


T = TypeVar("T", bound=Configurable)


def snake(name: str) -> str:
    """Return a class name in snake case.

    Examples
    --------
    >>> snake("MeanSquaredError"), snake("RMSprop"), snake("ReLU")
    ('mean_squared_error', 'rmsprop', 'relu')
    """
    if name in ("RMSprop", "ReLU", "ELU"):
        return name.lower()
    if name == "LeakyReLU":
        return "leaky_relu"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Registry(Generic[T]):
    """The classes of one kind, by class name, snake name and alias.

    Parameters
    ----------
    kind : str
        What the members are, as the user would call it: ``"loss"``.
    base : type or tuple of types
        The class that all members derive from.
    members : iterable of type
        The classes.
    aliases : mapping of str to type, optional
        Further names.
    """

    def __init__(
        self,
        kind: str,
        base: type[T] | tuple[type[T], ...],
        members: Iterable[type[T]],
        aliases: Mapping[str, type[T]] | None = None,
    ) -> None:
        self.kind = kind
        self.base = base if isinstance(base, tuple) else (base,)
        self.members = tuple(members)
        self._by_name: dict[str, type[T]] = {}
        for member in self.members:
            self._by_name[member.__name__] = member
            self._by_name[snake(member.__name__)] = member
        self._by_name.update(aliases or {})

    def find(self, name: str, also: Iterable[str] = ()) -> type[T]:
        """Return the class called `name`, in any of its spellings; `also` are names to suggest."""
        found = _custom.find(self.kind, self.base, name) or self._known(name)
        if found is None:
            raise unknown(self.kind, name, [*self._by_name, *also])
        return found

    def _known(self, name: str) -> type[T] | None:
        return self._by_name.get(name) or self._by_name.get(name.lower())

    def serialize(self, member: T) -> dict[str, Any]:
        """Write `member` down as ``{"class_name": ..., "config": ...}``."""
        if not isinstance(member, self.base):
            found = _checks.found(member)
            raise TypeError(f"{self.kind}: expected {_an(self.base)} object, found {found}")
        return {**_custom.names_of(type(member)), "config": member.get_config()}

    def deserialize(
        self, config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
    ) -> T:
        """Make the object that ``{"class_name": ..., "config": ...}`` describes."""
        with _custom.custom_object_scope(custom_objects):
            name, arguments = described(self.kind, config)
            found = _custom.find_described(self.kind, self.base, config, self._known(name))
            if found is None:
                raise _custom.unknown(self.kind, name, self._by_name)
            made: T = found.from_config(arguments)
            return made

    def get(self, identifier: object, custom_objects: Mapping[str, object] | None = None) -> T:
        """Return the object that a name, configuration, class or object stands for."""
        if isinstance(identifier, self.base):
            return identifier
        if isinstance(identifier, type) and issubclass(identifier, self.base):
            return identifier()
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier, custom_objects)
        if isinstance(identifier, str):
            with _custom.custom_object_scope(custom_objects):
                return self.find(identifier)()
        raise TypeError(
            f"{self.kind}: expected a name, a configuration or {_an(self.base)}, "
            f"found {_checks.found(identifier)}"
        )


def _an(base: tuple[type, ...]) -> str:
    return " or ".join(f"{'an' if b.__name__[0] in 'AEIOU' else 'a'} {b.__name__}" for b in base)


def described(kind: str, config: object) -> tuple[str, dict[str, Any]]:
    """Return class name and arguments of a configuration ``{"class_name": ..., "config": ...}``."""
    if not isinstance(config, Mapping):
        found = _checks.found(config)
        raise TypeError(f"{kind}: expected a dict of 'class_name' and 'config', found {found}")
    name, arguments = config.get("class_name"), config.get("config")
    if not isinstance(name, str):
        found = _checks.found(config)
        raise ValueError(f"{kind}: expected a dict of 'class_name' and 'config', found {found}")
    try:
        return name, {} if arguments is None else check_config(f"config of {name}", arguments)
    except TypeError as error:  # a part of the dict that was given
        raise ValueError(str(error)) from None
