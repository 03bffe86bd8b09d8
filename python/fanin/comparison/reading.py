"""A result read back from plain types: whatever they are, they fit together afterwards."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from fanin import _checks
from fanin.comparison.data import DataSummary
from fanin.comparison.result import ArmResult
from fanin.comparison.settings import Settings, make_settings
from fanin.comparison.trial import Trial

Record = TypeVar("Record", Trial, DataSummary, ArmResult)


def read(plain: Mapping[str, object]) -> dict[str, Any]:
    """Read the fields of a `Comparison`.

    Parameters
    ----------
    plain : mapping
        From `Comparison.to_dict`, or from its JSON.

    Returns
    -------
    dict
        By the names of the fields.

    Raises
    ------
    ValueError, TypeError
        Naming the first field that is missing or not as `to_dict` writes it.
    """
    given = _named("settings", _given(plain, "settings"), [f.name for f in fields(Settings)])
    settings = make_settings(**given, learning_rate=None)
    arms = tuple(
        _record(ArmResult, f"arms[{place}]", arm)
        for place, arm in enumerate(_list("arms", _given(plain, "arms")))
    )
    if not arms:
        raise ValueError("arms: expected at least one, found none")
    for place, arm in enumerate(arms):
        _check_trials(f"arms[{place}].trials", arm.trials, settings)
    return {
        "arms": arms,
        "settings": settings,
        "data": _record(DataSummary, "data", _given(plain, "data")),
        "environment": dict(_mapping("environment", _given(plain, "environment"))),
        "seconds": _real("seconds", _given(plain, "seconds")),
    }


def _given(plain: Mapping[str, Any], name: str) -> Any:
    if name not in plain:
        raise ValueError(f"{name}: expected a field of this name, found none")
    return plain[name]


def _check_trials(name: str, trials: tuple[Trial, ...], settings: Settings) -> None:
    seeds = tuple(trial.seed for trial in trials)
    if seeds != settings.seeds:
        raise ValueError(f"{name}: expected the seeds {settings.seeds}, found {seeds}")
    for trial in trials:
        epochs = len(trial.loss)
        curves = (trial.accuracy, trial.epoch_seconds)
        held_out = (trial.val_loss, trial.val_accuracy)
        if (
            not 1 <= epochs <= settings.epochs
            or {len(curve) for curve in curves} != {epochs}
            or {len(curve) for curve in held_out} not in ({0}, {epochs})
        ):
            raise ValueError(f"{name}: expected one value an epoch, found curves of other lengths")


def _record(kind: type[Record], name: str, plain: object) -> Record:
    """Make a record of plain values, each read by the type of its field."""
    kinds = {field.name: field.type for field in fields(kind)}
    given = _named(name, plain, kinds)
    return kind(**{key: _READERS[of](f"{name}.{key}", given[key]) for key, of in kinds.items()})


def _named(name: str, plain: object, names: Collection[str]) -> Mapping[str, Any]:
    given = _mapping(name, plain)
    if given.keys() != set(names):
        raise ValueError(f"{name}: expected {', '.join(names)}, found {', '.join(given) or 'none'}")
    return given


def _mapping(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name}: expected a dict of names, found {_checks.found(value)}")
    return value


def _list(name: str, value: object) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name}: expected a list, found {_checks.found(value)}")
    return value


def _real(name: str, value: object) -> float:
    """Return a number, or what JSON has words for: NaN and infinities."""
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(value, float):
        return value
    return _checks.number(name, value)


def _several(read_one: Callable[[str, Any], Any]) -> Callable[[str, Any], tuple[Any, ...]]:
    def read_all(name: str, value: object) -> tuple[Any, ...]:
        return tuple(read_one(f"{name}[{i}]", item) for i, item in enumerate(_list(name, value)))

    return read_all


_READERS: dict[Any, Callable[[str, Any], Any]] = {
    int: lambda name, value: _checks.integer(name, value, minimum=0),
    float: _real,
    bool: _checks.flag,
    str: _checks.text,
    str | None: lambda name, value: None if value is None else _checks.text(name, value),
    tuple[int, ...]: _several(lambda name, value: _checks.integer(name, value, minimum=0)),
    tuple[float, ...]: _several(_real),
    tuple[Trial, ...]: _several(lambda name, value: _record(Trial, name, value)),
}
"""How the value of a field is read, by the field's type."""
