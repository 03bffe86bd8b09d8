"""Members of one kind by name: how a string, a class or a configuration becomes an object."""

import functools
import re
from collections.abc import Iterable, KeysView, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from fanin import _checks
from fanin._checks import unknown
from fanin._members import _custom, ours
from fanin._members._member import Member

if TYPE_CHECKING:
    from inspect import Parameter


class Configurable(Member):
    """A member that can be written down as a class name and a configuration.

    The configuration holds the arguments of the constructor, each of which the object has as an
    attribute of the same name. Arguments that are given by keyword alone are left out at their
    default. A user's subclass has the arguments of the class that it derives from, and adds its
    own to what `get_config` returns.
    """

    _left_out: ClassVar[tuple[str, ...]] = ()
    """Arguments in no configuration: they ask for nothing, or are other names of an argument."""
    _last: ClassVar[tuple[str, ...]] = ()
    """Arguments that come after the others in files and in `repr`, wherever they are taken."""

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make an equal object.

        Returns
        -------
        dict
            Arguments by name.

        Raises
        ------
        TypeError
            If a seed is a generator, which is consumed.
        """
        return {
            name: self._config_value(name)
            for name, parameter in _arguments(self._own_base).items()
            if not self._is_default(parameter)
        }

    def _config_value(self, name: str) -> Any:
        """Return an argument as a configuration has it."""
        return getattr(self, name)

    def _is_default(self, parameter: "Parameter") -> bool:
        """Return whether an argument is one by keyword alone that has its default."""
        if parameter.kind is not parameter.KEYWORD_ONLY:
            return False
        return bool(self._config_value(parameter.name) == parameter.default)

    def _shown(self) -> dict[str, Any]:
        """Return the arguments that `repr` shows."""
        return {name: getattr(self, name) for name in own_arguments(type(self))}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._shown().items())
        return f"{type(self).__name__}({shown})"

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
    """A member that the compiled core computes: the core gets its settings."""

    kind: ClassVar[str]
    """What the core calls it."""
    _not_settings: ClassVar[tuple[str, ...]] = ()
    """Arguments of its own that are no settings of the core."""
    _kept_settings: dict[str, object] | None = None

    @classmethod
    def _usable(cls) -> bool:
        return hasattr(cls, "kind")

    def settings(self) -> dict[str, object]:
        """Return the settings of this object for the core.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        names = _settings_of(self._own_base)
        return {"kind": self.kind, **{name: getattr(self, name) for name in names}}

    @classmethod
    def _setting_names(cls) -> list[str]:
        """List the attributes that are settings; asked for once a class."""
        return [name for name in own_arguments(cls) if name not in cls._not_settings]

    def _settings(self) -> dict[str, object]:
        """Return the `settings`: the same dict again, unless an option was set meanwhile."""
        settings = self._kept_settings
        if settings is None:
            settings = self.settings()
            if self._steady():
                self._kept_settings = settings
        return settings

    def __getstate__(self) -> dict[str, object]:
        """Return what is copied: all but the kept settings."""
        state = self.__dict__.copy()
        state.pop("_kept_settings", None)
        return state

    def _steady(self) -> bool:
        """Return whether the settings depend on options only; of a user's class nobody knows."""
        return self._own and self._options.keys() >= own_arguments(type(self))

    def _changed(self) -> None:
        self._kept_settings = None


@functools.cache
def _arguments(cls: type[Configurable]) -> "dict[str, Parameter]":
    """Return the arguments in the configurations of a class of ours."""
    from fanin._members import _signatures

    parameters = _signatures.parameters(cls)
    left_out = {name for base in cls.__mro__ for name in vars(base).get("_left_out", ())}
    names = [name for name in parameters if name not in left_out]
    names.sort(key=lambda name: cls._last.index(name) + 1 if name in cls._last else 0)
    return {name: parameters[name] for name in names}


def own_arguments(cls: type[Configurable]) -> KeysView[str]:
    """Return the arguments of a class that the base class of its kind does not have.

    One that the base class has too is the class's own where it is an option of it alone: it then
    means something else, as `input_dim` of `Embedding` does.
    """
    return _own_arguments(cls._own_base).keys()


@functools.cache
def _own_arguments(cls: type[Configurable]) -> "dict[str, Parameter]":
    base = next(base for base in cls.__mro__ if "_family" in vars(base))
    shared = _arguments(base).keys() - (cls._options.keys() - vars(base).get("_options", {}).keys())
    return {name: argument for name, argument in _arguments(cls).items() if name not in shared}


@functools.cache
def _settings_of(cls: type[CoreMember]) -> list[str]:
    return cls._setting_names()


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


_SNAKE = {
    "LeakyReLU": "leaky_relu",
    "RMSNormalization": "rms_normalization",
    "KLDivergence": "kl_divergence",
    "TopKCategoricalAccuracy": "top_k_categorical_accuracy",
    "SparseTopKCategoricalAccuracy": "sparse_top_k_categorical_accuracy",
}


def snake(name: str) -> str:
    """Return a class name in snake case.

    Examples
    --------
    >>> snake("MeanSquaredError"), snake("RMSprop"), snake("ReLU")
    ('mean_squared_error', 'rmsprop', 'relu')
    """
    if name in ("RMSprop", "ReLU", "ELU", "PReLU", "AdamW"):
        return name.lower()
    if name in _SNAKE:
        return _SNAKE[name]
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

    def find(self, name: str, suggestions: Iterable[str] = ()) -> type[T]:
        """Return the class called `name`, in any spelling; `suggestions` are further names."""
        found = _custom.find(self.kind, self.base, name) or self._known(name)
        if found is None:
            raise unknown(self.kind, name, [*self._by_name, *suggestions])
        return found

    def _known(self, name: str) -> type[T] | None:
        return self._by_name.get(name) or self._by_name.get(name.lower())

    def serialize(self, member: T) -> dict[str, Any]:
        """Write `member` down as ``{"class_name": ..., "config": ...}``."""
        if not isinstance(member, self.base):
            found = _checks.found(member)
            raise TypeError(f"{self.kind}: expected {_an(self.base)} object, found {found}")
        if not hasattr(member, "get_config"):
            raise ValueError(
                f"{self.kind}: expected a class with get_config(), which returns the arguments "
                f"of the constructor, found {type(member).__name__}"
            )
        return {**_custom.names_of(type(member)), "config": member.get_config()}

    def serialize_own(self, member: T) -> dict[str, Any]:
        """Write `member` down; one of a user's only if all arguments of its class are told."""
        written = self.serialize(member)
        if not ours(type(member)):
            from fanin._members import _signatures

            told = {*written["config"], "name", "reduction", "dtype"}
            untold = [name for name in _signatures.names(type(member)) if name not in told]
            if untold:
                raise ValueError(
                    f"get_config of {type(member).__name__}: expected all arguments of its "
                    f"constructor, found none for {', '.join(map(repr, untold))}"
                )
        return written

    def deserialize(
        self, config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
    ) -> T:
        """Make the object that ``{"class_name": ..., "config": ...}`` describes."""
        with _custom.custom_object_scope(custom_objects):
            name, arguments = parse_serialized(self.kind, config)
            found = _custom.find_described(self.kind, self.base, config, self._known(name))
            if found is None:
                raise _custom.unknown(self.kind, name, self._by_name)
            make = getattr(found, "from_config", None)
            member: T = found(**arguments) if make is None else make(arguments)
            return member

    def get(self, identifier: object, custom_objects: Mapping[str, object] | None = None) -> T:
        """Return the object that a name, configuration, class or object stands for."""
        if isinstance(identifier, type):
            if issubclass(identifier, self.base):
                return identifier()
        elif isinstance(identifier, self.base):
            return identifier
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
    names = [b.__name__ for b in base if not getattr(b, "_is_protocol", False)]
    return " or ".join(f"{'an' if name[0] in 'AEIOU' else 'a'} {name}" for name in names)


def parse_serialized(kind: str, config: object) -> tuple[str, dict[str, Any]]:
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
