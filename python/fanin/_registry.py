"""Members of one kind by name: how a string, a class or a configuration becomes an object."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from fanin._checks import unknown


class Configurable(Protocol):
    """What can be written down as a class name and a configuration."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal object."""
        ...

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make an object from what `get_config` returned."""
        ...


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


def serialize(member: Configurable) -> dict[str, Any]:
    """Write `member` down as ``{"class_name": ..., "config": ...}``."""
    return {"class_name": type(member).__name__, "config": member.get_config()}


class Registry(Generic[T]):
    """The classes of one kind, by class name, snake name and alias.

    Parameters
    ----------
    kind : str
        What the members are, as the user would call it: ``"loss"``.
    base : type
        The class that all members derive from.
    members : iterable of type
        The classes.
    aliases : mapping of str to type, optional
        Further names.
    """

    def __init__(
        self,
        kind: str,
        base: type[T],
        members: Iterable[type[T]],
        aliases: Mapping[str, type[T]] | None = None,
    ) -> None:
        self.kind = kind
        self.base = base
        self.members = tuple(members)
        self._by_name: dict[str, type[T]] = {}
        for member in self.members:
            self._by_name[member.__name__] = member
            self._by_name[snake(member.__name__)] = member
        self._by_name.update(aliases or {})

    def find(self, name: str, also: Iterable[str] = ()) -> type[T]:
        """Return the class called `name`, in any of its spellings; `also` are names to suggest."""
        found = self._by_name.get(name) or self._by_name.get(name.lower())
        if found is None:
            raise unknown(self.kind, name, [*self._by_name, *also])
        return found

    def deserialize(self, config: Mapping[str, Any]) -> T:
        """Make the object that ``{"class_name": ..., "config": ...}`` describes."""
        if not isinstance(config, Mapping) or "class_name" not in config:
            raise ValueError(
                f"a {self.kind} configuration must have 'class_name' and 'config', got {config!r}"
            )
        member = self.find(str(config["class_name"]))
        made: T = member.from_config(dict(config.get("config") or {}))
        return made

    def get(self, identifier: object) -> T:
        """Return the object that a name, configuration, class or object stands for."""
        if isinstance(identifier, self.base):
            return identifier
        if isinstance(identifier, str):
            return self.find(identifier)()
        if isinstance(identifier, type) and issubclass(identifier, self.base):
            return self.find(identifier.__name__)()
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        raise TypeError(
            f"{self.kind} must be a name, a configuration or a {self.base.__name__}, "
            f"got {identifier!r} of type {type(identifier).__name__}"
        )
