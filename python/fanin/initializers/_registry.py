"""From names, configurations and functions to initializers, and back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from fanin._checks import found, unknown
from fanin._members import _custom
from fanin._members._registry import parse_serialized
from fanin.initializers._arguments import missing_arguments
from fanin.initializers._base import FromCallable, Initializer
from fanin.initializers._constant import Constant, Identity, Ones, Zeros
from fanin.initializers._looks_linear import LooksLinear
from fanin.initializers._orthogonal import DeltaOrthogonal, Orthogonal
from fanin.initializers._presets import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    SklearnDefault,
    TorchDefault,
)
from fanin.initializers._random import RandomNormal, RandomUniform, TruncatedNormal
from fanin.initializers._structured import Dirac, Sparse, ZerO
from fanin.initializers._variance_scaling import VarianceScaling

if TYPE_CHECKING:
    from fanin.typing import InitializerLike

_CLASSES: dict[str, type[Initializer]] = {
    "constant": Constant,
    "delta_orthogonal": DeltaOrthogonal,
    "looks_linear": LooksLinear,
    "dirac": Dirac,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "identity": Identity,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "sklearn_default": SklearnDefault,
    "sparse": Sparse,
    "torch_default": TorchDefault,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "zero_init": ZerO,
    "zeros": Zeros,
}

# Those that are imported when they are first named.
LATE = {
    "beta": "Beta",
    "cauchy": "Cauchy",
    "laplace": "Laplace",
    "logistic": "Logistic",
    "student_t": "StudentT",
}

# Names that Keras and JAX have or had for the same things.
_ALIASES: dict[str, type[Initializer]] = {
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "XavierNormal": GlorotNormal,
    "XavierUniform": GlorotUniform,
    "eye": Identity,
    "kaiming_normal": HeNormal,
    "kaiming_uniform": HeUniform,
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "zero": Zeros,
}

# torch's names end in "_" and mean what torch means by them, with its defaults.
_TORCH: dict[str, tuple[type[Initializer], dict[str, Any]]] = {
    "constant_": (Constant, {}),
    "dirac_": (Dirac, {}),
    "eye_": (Identity, {}),
    "kaiming_normal_": (HeNormal, {"truncated": False}),
    "kaiming_uniform_": (HeUniform, {}),
    "normal_": (RandomNormal, {"mean": 0.0, "stddev": 1.0}),
    "ones_": (Ones, {}),
    "orthogonal_": (Orthogonal, {"flatten": "trailing"}),
    "sparse_": (Sparse, {"stddev": 0.01}),
    "trunc_normal_": (TruncatedNormal, {"mean": 0.0, "stddev": 1.0, "bounds": "absolute"}),
    "uniform_": (RandomUniform, {"minval": 0.0, "maxval": 1.0}),
    "xavier_normal_": (GlorotNormal, {"truncated": False}),
    "xavier_uniform_": (GlorotUniform, {}),
    "zeros_": (Zeros, {}),
}

_KNOWN = {**_CLASSES, **_ALIASES, **{kind.__name__: kind for kind in _CLASSES.values()}}
_NAMES = (*_KNOWN, *LATE, *LATE.values(), *_TORCH)


def classes() -> dict[str, type[Initializer]]:
    """Return all classes by name."""
    return dict(sorted({**_CLASSES, **{name: _late(name) for name in LATE}}.items()))


def _late(name: str) -> Any:
    """Return one of those that are imported late, None for any other name."""
    called = LATE.get(name, name)
    if called not in LATE.values():
        return None
    from fanin.initializers import _inverse

    return getattr(_inverse, called)


@overload
def get(identifier: None, custom_objects: Mapping[str, object] | None = None) -> None: ...


@overload
def get(
    identifier: "InitializerLike", custom_objects: Mapping[str, object] | None = None
) -> Initializer: ...


def get(
    identifier: "InitializerLike | None", custom_objects: Mapping[str, object] | None = None
) -> Initializer | None:
    """Make an initializer of whatever names one.

    Parameters
    ----------
    identifier : None, str, dict, type, Initializer or callable
        A name (``"he_normal"``, ``"HeNormal"``; ``"kaiming_normal_"`` with an underscore at its end
        is torch's), a configuration (see :func:`serialize`), a class,
        an initializer, or a function of ``(shape, dtype)``.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Initializer or None
        None for None.

    Raises
    ------
    ValueError
        If the name is not known (the message suggests the close ones) or does not tell all, or a
        configuration is damaged.
    TypeError
        If `identifier` is of another type.

    Examples
    --------
    >>> get("he_normal")
    HeNormal(seed=None)
    >>> get("kaiming_normal_")
    HeNormal(truncated=False, seed=None)
    """
    if identifier is None or isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, str):
        with _custom.custom_object_scope(custom_objects):
            return _make(identifier, {})
    if isinstance(identifier, Mapping):
        return deserialize(identifier, custom_objects)
    if isinstance(identifier, type):
        initializer: Initializer | None = get(_instantiate(identifier.__name__, identifier, {}))
        return initializer
    if callable(identifier):
        return FromCallable(identifier)
    raise TypeError(
        "initializer: expected a name, a configuration, an initializer or a function of "
        f"(shape, dtype), found {found(identifier)}"
    )


def serialize(initializer: Initializer) -> dict[str, object]:
    """Describe an initializer so that :func:`deserialize` makes an equal one.

    Parameters
    ----------
    initializer : Initializer
        One whose arguments JSON can hold.

    Returns
    -------
    dict
        ``class_name`` and ``config``.

    Raises
    ------
    TypeError
        If it is no initializer, or an argument is a function or a random generator.

    Examples
    --------
    >>> serialize(RandomNormal(stddev=1.0))
    {'class_name': 'RandomNormal', 'config': {'mean': 0.0, 'stddev': 1.0, 'seed': None}}
    """
    if not isinstance(initializer, Initializer):
        raise TypeError(f"initializer: expected an Initializer, found {found(initializer)}")
    import json  # here and in `models/_archive.py`: two of the 40 ms that `import fanin` takes

    config = initializer.get_config()
    try:
        json.dumps(config)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"initializer: expected arguments that JSON can hold, found {found(initializer)}: "
            f"{error}"
        ) from None
    return {**_custom.names_of(type(initializer)), "config": config}


def deserialize(
    config: Mapping[str, object], custom_objects: Mapping[str, object] | None = None
) -> Initializer:
    """Make the initializer that :func:`serialize` described.

    Parameters
    ----------
    config : mapping
        With ``"class_name"`` and, optionally, ``"config"``; what Keras adds is passed over.
    custom_objects : mapping of str to type, optional
        Further classes by name.

    Returns
    -------
    Initializer
        An equal one.

    Raises
    ------
    ValueError
        If the name is missing or not known, or its configuration lacks an argument.
    TypeError
        If `config` is no mapping, or its arguments are of another type.

    Examples
    --------
    >>> deserialize({"class_name": "Constant", "config": {"value": 0.5}})
    Constant(value=0.5)
    """
    name, arguments = parse_serialized("initializer", config)
    with _custom.custom_object_scope(custom_objects):
        return _make(name, arguments, config)


def _make(
    name: str, arguments: dict[str, Any], config: Mapping[str, object] | None = None
) -> Initializer:
    """Make the initializer called `name`, which may be the user's own."""
    ours, defaults = _TORCH.get(name, (_KNOWN.get(name) or _late(name), {}))
    described = {"class_name": name} if config is None else config
    kind = _custom.find_described("initializer", (Initializer,), described, ours)
    if kind is None:
        error = unknown if config is None else _custom.unknown
        raise error("initializer", name, _NAMES)
    arguments = {**defaults, **arguments} if kind is ours else arguments
    return _instantiate(name, kind, arguments)  # type: ignore[no-any-return]


def _instantiate(name: str, kind: Any, arguments: dict[str, Any]) -> Any:
    """Make an initializer, or say what a name alone does not tell."""
    if not isinstance(kind, type):
        raise TypeError(f"initializer: expected a class called {name!r}, found {found(kind)}")
    if not issubclass(kind, Initializer):
        try:
            return kind(**arguments)
        except TypeError as error:
            raise TypeError(
                f"initializer: expected an initializer or a class of one, found {found(kind)}: "
                f"{error}"
            ) from None
    if missing := missing_arguments(kind, arguments):
        given = ", ".join(f"{argument}=..." for argument in missing)
        raise ValueError(
            f"initializer: expected one that tells all, found {name!r}, which alone does not tell "
            f"{' and '.join(missing)}; give fanin.initializers.{kind.__name__}({given})"
        )
    return kind.from_config(arguments)
