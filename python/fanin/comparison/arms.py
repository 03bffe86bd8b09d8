"""What is compared: an initializer, with or without batch normalization."""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fanin import initializers
from fanin._checks import found, several, unknown
from fanin._checks import text as checked_text
from fanin.initializers import Initializer
from fanin.show.results import Result

if TYPE_CHECKING:
    from fanin.typing import ArmLike, InitializerLike

_SUFFIXES: dict[str, Literal["before", "after"]] = {
    "bn": "after",
    "bn_after": "after",
    "bn_before": "before",
}


@dataclass(frozen=True, repr=False)
class Arm(Result):
    """One arm of a comparison.

    Parameters
    ----------
    initializer : str, Initializer, dict or callable
        Anything `fanin.initializers.get` takes, and a name with arguments:
        ``"random_normal(stddev=0.01)"``.
    batch_normalization : bool or {"before", "after"}, default False
        Whether a `BatchNormalization` layer stands behind each hidden layer's activation
        (``"after"``, which True means too) or between the product and the activation
        (``"before"``).
    label : str, optional
        What tables and pictures call the arm. Default: the initializer with the arguments that
        are not its defaults.

    Raises
    ------
    ValueError
        If the initializer is not known, or `batch_normalization` is something else.

    Examples
    --------
    >>> Arm("he_normal", batch_normalization=True).label
    'HeNormal + BN'
    >>> Arm("random_normal(stddev=0.01)").label
    'RandomNormal(stddev=0.01)'
    """

    initializer: Initializer
    batch_normalization: bool | Literal["before", "after"] = False
    label: str = ""

    if TYPE_CHECKING:  # what a field is given is more than what it is then

        def __init__(
            self,
            initializer: "InitializerLike",
            batch_normalization: bool | Literal["before", "after"] = False,
            label: str = "",
        ) -> None: ...

    def __post_init__(self) -> None:
        place = _place(self.batch_normalization)
        initializer: Any = self.initializer
        if initializer is None:
            raise TypeError(
                "initializer: expected a name, an initializer or a function, found None"
            )
        if isinstance(initializer, str):
            initializer = _parse_initializer(initializer)
        initializer = initializers.get(initializer)
        # A frozen dataclass normalises its own fields this way only.
        object.__setattr__(self, "batch_normalization", place)
        object.__setattr__(self, "initializer", initializer)
        if not isinstance(self.label, str):
            raise TypeError(f"label: expected a str, found {found(self.label)}")
        if not self.label:
            object.__setattr__(self, "label", _describe(initializer) + _BN_LABELS[place])

    @classmethod
    def parse(cls, text: str, label: str = "") -> "Arm":
        """Read an arm as the command line spells it.

        Parameters
        ----------
        text : str
            ``NAME``, ``NAME(argument=value, ...)``, either followed by ``+bn`` (batch
            normalization after the activation), ``+bn_after`` or ``+bn_before``.
        label : str, optional
            The arm's label.

        Returns
        -------
        Arm
            The arm.

        Raises
        ------
        ValueError
            If the text is not of this form or holds an unknown name.

        Examples
        --------
        >>> Arm.parse("glorot_normal+bn_before").batch_normalization
        'before'
        """
        name, _, suffix = checked_text("text", text).rpartition("+")
        # "constant(1e+3)" holds a plus too; a suffix never holds a parenthesis.
        if not name or ")" in suffix:
            return cls(text, label=label)
        key = suffix.strip().lower().replace("-", "_")
        if key not in _SUFFIXES:
            raise unknown("addition to an arm", suffix.strip(), _SUFFIXES)
        return cls(name, _SUFFIXES[key], label)

    @property
    def spec(self) -> str | None:
        """The arm as `parse` reads it; None when it holds a callable that has no such spelling."""
        try:
            text = _call_text(self.initializer)
        except _NoSpellingError:
            return None
        return text + {False: "", "after": "+bn", "before": "+bn_before"}[self.batch_normalization]


def _place(given: object) -> Literal[False, "before", "after"]:
    """Return where batch normalization stands, if anywhere."""
    if isinstance(given, bool | np.bool_):
        return "after" if given else False
    if isinstance(given, str) and given in ("before", "after"):
        return given  # type: ignore[return-value]  # checked right here
    error = ValueError if isinstance(given, str) else TypeError
    raise error(
        "batch_normalization: expected True, False, 'before' or 'after' (the activation), found "
        f"{found(given)}"
    )


_BN_LABELS: dict[bool | str, str] = {
    False: "",
    "after": " + BN",
    "before": " + BN before",
}

DOCUMENTED = ("zeros", "random_normal(stddev=1.0)", "glorot_normal", "he_normal")
"""The arms compared when none are named: one that cannot learn, one naive, two sound."""


def resolve(
    arms: "ArmLike | Iterable[ArmLike] | Mapping[str, ArmLike] | None",
) -> tuple[Arm, ...]:
    """Turn what the caller named into arms with labels of their own.

    Parameters
    ----------
    arms : None, arm, iterable of arms, or dict of label to arm
        An arm is an `Arm`, a text for `Arm.parse`, or an initializer.

    Returns
    -------
    tuple of Arm
        In the order given.

    Raises
    ------
    ValueError
        If there are none, or two have the same label.
    TypeError
        If something else than an arm is given.
    """
    if arms is None:
        arms = DOCUMENTED
    if isinstance(arms, Mapping) and "class_name" not in arms:
        named: Mapping[str, Any] = arms
        resolved = tuple(_as_arm(value, str(label)) for label, value in named.items())
    else:
        given = None if isinstance(arms, Mapping) else several(arms)
        resolved = tuple(map(_as_arm, [arms] if given is None else given))
    if not resolved:
        raise ValueError("arms: expected at least one initializer, found none")
    labels = [arm.label for arm in resolved]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(
                f"arms: expected labels of their own, found {label!r} {labels.count(label)} times; "
                "give Arm(..., label=...) or a dict of label to arm"
            )
    return resolved


def _as_arm(value: "ArmLike", label: str = "") -> Arm:
    if isinstance(value, Arm):
        return Arm(value.initializer, value.batch_normalization, label or value.label)
    if isinstance(value, str):
        return Arm.parse(value, label)
    return Arm(value, label=label)


def _parse_initializer(text: str) -> object:
    """Read ``name`` or ``name(argument=value)``; the values are literals, nothing is executed."""
    head, bracket, _ = text.partition("(")
    if not bracket:
        return text.strip()
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError(text)
        positional = [ast.literal_eval(argument) for argument in call.args]
        names = [str(keyword.arg) for keyword in call.keywords]  # "None" behind **
        if len(set(names)) < len(names):
            raise ValueError(text)
        named = {
            name: ast.literal_eval(keyword.value)
            for name, keyword in zip(names, call.keywords, strict=True)
        }
    # TypeError: a list as a key; the last two: brackets in brackets in brackets.
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"initializer: expected NAME or NAME(argument=number, ...), found {found(text)}"
        ) from error
    make: Callable[..., object] = type(initializers.get(head.strip()))
    try:
        return make(*positional, **named)
    except TypeError as error:
        raise ValueError(f"initializer {found(text)}: {error}") from error


class _NoSpellingError(Exception):
    """The initializer is no call of a known class with literal arguments."""


def _own_arguments(initializer: object) -> dict[str, object]:
    """Arguments that are not the class's defaults."""
    try:
        config = dict(initializer.get_config())  # type: ignore[attr-defined]
        usual = dict(type(initializer)().get_config())  # type: ignore[attr-defined]
    except (AttributeError, TypeError, NotImplementedError) as error:
        raise _NoSpellingError from error
    return {key: value for key, value in config.items() if value != usual.get(key)}


def _describe(initializer: object) -> str:
    name = getattr(initializer, "__name__", None) or type(initializer).__name__
    try:
        arguments = _own_arguments(initializer)
    except _NoSpellingError:
        return str(name)
    if not arguments:
        return str(name)
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _call_text(initializer: object) -> str:
    """Spell the initializer so that `_parse_initializer` reads it back."""
    if getattr(initializers, type(initializer).__name__, None) is not type(initializer):
        raise _NoSpellingError
    try:
        ast.literal_eval(repr(list(_own_arguments(initializer).values())))
    except (SyntaxError, ValueError) as error:  # such as a generator given as the seed
        raise _NoSpellingError from error
    return _describe(initializer).replace(" ", "")
