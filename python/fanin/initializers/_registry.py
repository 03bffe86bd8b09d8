"""From names, configurations and functions to initializers, and back."""

import json
from collections.abc import Mapping
from typing import Any

from fanin._names import unknown
from fanin.initializers._base import FromCallable, Initializer
from fanin.initializers._constant import Constant, Identity, Ones, Zeros
from fanin.initializers._random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from fanin.initializers._variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

_CLASSES: dict[str, type[Initializer]] = {
    "constant": Constant,
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
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "zeros": Zeros,
}

# Names that Keras has or had for the same things.
_ALIASES: dict[str, type[Initializer]] = {
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "XavierNormal": GlorotNormal,
    "XavierUniform": GlorotUniform,
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "zero": Zeros,
}

_KNOWN = {**_CLASSES, **_ALIASES, **{kind.__name__: kind for kind in _CLASSES.values()}}


def get(identifier: Any) -> Initializer | None:
    """Make an initializer of whatever names one.

    Parameters
    ----------
    identifier : None, str, dict, type, Initializer or callable
        A name (``"he_normal"``, ``"HeNormal"``), a configuration (see :func:`serialize`), a class,
        an initializer, or a function of ``(shape, dtype)``.

    Returns
    -------
    Initializer or None
        None for None.

    Raises
    ------
    ValueError
        If the name is not known; the message suggests the close ones.
    TypeError
        If `identifier` is of another type.

    Examples
    --------
    >>> get("he_normal")
    HeNormal(seed=None)
    """
    if identifier is None or isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type):
        return get(identifier())
    if callable(identifier):
        return FromCallable(identifier)
    raise TypeError(
        "initializer: expected a name, a configuration, an initializer or a function of "
        f"(shape, dtype), found {identifier!r}"
    )


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Describe an initializer so that :func:`deserialize` makes an equal one.

    Parameters
    ----------
    initializer : Initializer
        One whose arguments JSON can hold.

    Returns
    -------
    dict
        ``{"class_name": ..., "config": ...}``

    Raises
    ------
    TypeError
        If an argument is a function or a random generator.

    Examples
    --------
    >>> serialize(RandomNormal(stddev=1.0))
    {'class_name': 'RandomNormal', 'config': {'mean': 0.0, 'stddev': 1.0, 'seed': None}}
    """
    if not isinstance(initializer, Initializer):
        raise TypeError(f"initializer: expected an Initializer, found {initializer!r}")
    config = initializer.get_config()
    try:
        json.dumps(config)
    except TypeError:
        raise TypeError(
            f"initializer: expected arguments that JSON can hold, found {initializer!r}"
        ) from None
    return {"class_name": type(initializer).__name__, "config": config}


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[Initializer]] | None = None
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

    Raises
    ------
    ValueError
        If the name is missing or not known.

    Examples
    --------
    >>> deserialize({"class_name": "Constant", "config": {"value": 0.5}})
    Constant(value=0.5)
    """
    known = {**_KNOWN, **(custom_objects or {})}
    if "class_name" not in config:
        raise ValueError(f"initializer: expected a 'class_name', found {dict(config)!r}")
    name = config["class_name"]
    if name not in known:
        raise unknown("initializer", name, known)
    return known[name].from_config(dict(config.get("config") or {}))
