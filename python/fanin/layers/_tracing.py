"""What is known while a `call` of users' runs: on values, to find what it computes, or on arrays.

A trace runs it on values. What cannot be part of a graph (a value's numbers, numbers drawn,
objects changed) is refused there, with the user's line.
"""

import linecache
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import numpy as np

from fanin import _checks
from fanin._members._member import Member
from fanin.layers._value import Value, the_trace, trace_now

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARIES = (_HERE, os.path.dirname(os.__file__) + os.sep, os.path.dirname(np.__file__) + os.sep)


@dataclass(eq=False, repr=False)
class Trace:
    """A run of a `call`."""

    owner: Any
    """Whose `call` it is."""
    training: bool
    arrays: "Mapping[int, Any] | None" = None
    """Of a run on arrays: those of weights and layers by `id`; None for a run on values."""
    known: frozenset[int] = frozenset()
    """The layers that the owner has, by `id`: others are made while it runs."""
    told: bool | None = None
    """What a model around what runs was told of training, which holds for its layers too."""
    building: bool = False
    """Whether it is no run, but a `build` that adds weights."""
    models: "dict[int, tuple[Any, Any, list[tuple[int, ...]]]]" = field(default_factory=dict)
    """The models that were called: how their inputs were given, and the shapes of these."""
    inputs: Sequence[Value] = ()
    """Of a run on values: what it is given."""
    drawn: list[Any] = field(default_factory=list)
    """The random numbers that it drew."""
    costs: list[Any] = field(default_factory=list)
    """Of a run on values: what was added to the loss."""
    stack: list[int] = field(default_factory=list)
    """The models of users' classes whose `call` runs as part of this one, by `id`."""


now = trace_now
"""Return the trace that runs in this thread, or None."""


@contextmanager
def running(trace: Trace) -> Iterator[Trace]:
    """Be in a trace for a block."""
    token = the_trace.set(trace)
    try:
        yield trace
    finally:
        the_trace.reset(token)


@contextmanager
def told(trace: Trace, training: bool | None) -> Iterator[None]:
    """Tell all that runs in a block whether it trains; nothing if None."""
    before = trace.training, trace.told
    if training is not None:
        trace.training = trace.told = training
    try:
        yield
    finally:
        trace.training, trace.told = before


# Lines of users' code.


def _is_users(filename: str) -> bool:
    return not filename.startswith(_LIBRARIES) and not filename.startswith("<frozen")


def line() -> str:
    """Return which line of the user's code is running: " (file.py, line 3: y = float(x))"."""
    frame = sys._getframe(1)
    while frame is not None:
        if _is_users(frame.f_code.co_filename):
            return _shown(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def _shown(filename: str, number: int) -> str:
    text = linecache.getline(filename, number).strip()
    where = f"{os.path.basename(filename)}, line {number}"
    return f" ({where}: {text})" if text else f" ({where})"


def refuse(expected: str, found: str) -> NoReturn:
    """Raise an error about what a trace has met, with the user's line."""
    trace = now()
    whose = "" if trace is None else f"call of {trace.owner.name!r}: "
    raise TypeError(f"{whose}expected {expected}, found {found}{line()}")


# What must not happen meanwhile.


class Watch:
    """Find the line that draws numbers or changes an object, from its begin to its end.

    Parameters
    ----------
    owner : object
        Whose `call` runs.
    users : list of object
        The objects of users' classes that it may change.
    """

    def __init__(self, owner: Any, users: list[Any]) -> None:
        self._owner, self._users = owner, users
        self._random = _generators(users)
        self._found: tuple[str, str] | None = None
        self._at = ("", 0)

    def __enter__(self) -> "Watch":
        self._state = self._states()
        self._before = sys.gettrace()
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        sys.settrace(self._before)
        self._look()
        if self._found is not None and kind is None:
            what, where = self._found
            raise TypeError(
                f"call of {self._owner.name!r}: expected code that does the same whenever it runs, "
                f"since it is run to find what it computes, found {what}{where}"
            )

    def _enter_frame(self, frame: Any, event: str, arg: Any) -> Any:
        return self._step if _is_users(frame.f_code.co_filename) else None

    def _step(self, frame: Any, event: str, arg: Any) -> Any:
        self._look()
        self._at = (frame.f_code.co_filename, frame.f_lineno)
        return self._step

    def _look(self) -> None:
        states = self._states()
        if states != self._state and self._found is None:
            what = next(name for name, state in states.items() if state != self._state.get(name))
            self._found = what, _shown(*self._at) if self._at[1] else ""
        self._state = states

    def _states(self) -> dict[str, Any]:
        states: dict[str, Any] = {name: state() for name, state in self._random.items()}
        for thing in self._users:
            states[f"that it changes {thing.name!r}"] = contents(thing)
        return states


def _generators(users: list[Any]) -> dict[str, Callable[[], Any]]:
    """Return what tells whether numbers were drawn, by the words for it."""
    import random

    def of_numpy() -> Any:
        _, keys, place, *rest = np.random.get_state()
        return hash(np.asarray(keys).tobytes()), place, rest

    found: dict[str, Callable[[], Any]] = {
        "numbers drawn from numpy.random": of_numpy,
        "numbers drawn from random": random.getstate,
    }
    seen = [(name, value) for thing in users for name, value in vars(thing).items()]
    for thing in users:
        seen += _outside(thing)
    for name, value in seen:
        if isinstance(value, np.random.Generator | np.random.RandomState):
            found[f"numbers drawn from {name}"] = partial(_state_of, value)
        elif isinstance(value, random.Random):
            found[f"numbers drawn from {name}"] = value.getstate
    return found


def _outside(thing: Any) -> list[tuple[str, Any]]:
    """Return what the code of an object reads by name: globals, and what closures hold.

    That is its `call`, and functions that are attributes, such as that of a `Lambda`.
    """
    given = [getattr(type(thing), "call", None), *vars(thing).values()]
    return [read for function in given for read in read_by(function)]


def read_by(function: Any) -> list[tuple[str, Any]]:
    """Return what a function of a user's reads by name: globals, and what closures hold."""
    function = getattr(function, "__func__", function)  # of a method
    if not isinstance(function, types.FunctionType) or _is_library(function):
        return []
    code, around = function.__code__, function.__globals__
    found = [(name, around[name]) for name in code.co_names if name in around]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            found.append((name, cell.cell_contents))
        except ValueError:  # not set yet
            continue
    return found


def _is_library(function: types.FunctionType) -> bool:
    return function.__code__.co_filename.startswith(_HERE)


def _state_of(generator: Any) -> str:
    new = isinstance(generator, np.random.Generator)
    return repr(generator.bit_generator.state if new else generator.get_state())


# Attributes of objects that are no users': they change when layers are called.
_INTERNAL = frozenset(
    {
        *("_network", "_plan", "_owner", "_kept_settings", "_calls", "_feature_shape", "_passes"),
        *("_body", "_busy", "_own_weights", "_itself", "_made", "_version", "arrays", "_form"),
        *("_layers", "_wiring", "_values", "_spread", "_home", "_masks", "_source", "_lock"),
        *("_modes", "_compiled", "history", "stop_training", "_declared", "_told", "_noise"),
        *("_to_tell", "_waiting"),
    }
)
_LARGEST = 1 << 20


def contents(thing: Any) -> tuple[Any, ...]:
    """Return what tells whether what an object of a user's class reads was changed.

    That is its attributes, those of its class, and what its `call` reads by name.
    """
    held = [(name, value) for name, value in vars(thing).items() if name not in _INTERNAL]
    for cls in type(thing).__mro__:
        if cls.__module__.partition(".")[0] == "fanin":
            break
        held += [pair for pair in vars(cls).items() if not pair[0].startswith("__")]
    return tuple((name, _content(value)) for name, value in [*held, *_outside(thing)])


def contents_of(function: Any) -> tuple[Any, ...]:
    """Return what tells whether what a function reads by name was changed."""
    return tuple((name, _content(value)) for name, value in read_by(function))


def _content(value: Any, depth: int = 3) -> Any:
    if isinstance(value, bool | int | float | str | type(None)):
        return value if value == value else "nan"
    if isinstance(value, np.ndarray) and value.dtype != object and value.nbytes <= _LARGEST:
        return value.shape, hash(value.tobytes())
    if depth and isinstance(value, list | tuple):
        return tuple(_content(part, depth - 1) for part in value)
    if depth and isinstance(value, dict):
        return tuple((repr(key), _content(part, depth - 1)) for key, part in value.items())
    if depth and isinstance(value, set | frozenset):
        return tuple(sorted(map(repr, value)))
    plain = not isinstance(value, type | Member | types.ModuleType) and not callable(value)
    if depth and plain and hasattr(value, "__dict__"):
        parts = vars(value).items()
        return id(value), tuple((name, _content(part, depth - 1)) for name, part in parts)
    return id(value)


def in_call() -> bool:
    """Whether a `call` runs."""
    trace = trace_now()
    return trace is not None and not trace.building


def refuse_change(thing: Any, name: str) -> None:
    """Refuse to set an attribute of an object of a user's class while a `call` runs."""
    held = thing.__dict__
    if name not in _INTERNAL and in_call() and held.get("_busy") != "build" and thing._made:
        refuse(
            "code that does the same whenever it runs, since it is run to find what it computes",
            f"that it sets {name!r} of {held.get('name')!r}",
        )


def notice(thing: Any, name: str) -> None:
    """Take notice that an attribute of an object of a user's class was set."""
    if name not in _INTERNAL:
        held = thing.__dict__
        held["_version"] = held.get("_version", 0) + 1


def flag_of(training: Any) -> bool | None:
    """Return whether a layer is told to behave as in training; None if it is told nothing."""
    if training is None or isinstance(training, bool | np.bool_):
        return None if training is None else bool(training)
    if isinstance(training, int) and training in (0, 1):
        return bool(training)
    raise TypeError(f"training: expected True, False or None, found {_checks.found(training)}")


def called(layer: Any, reads: list[Value], mode: bool | None, shape: tuple[int, ...]) -> Value:
    """Return what a layer makes in the trace that runs."""
    kind = Value if any(read.batched for read in reads) else type(reads[0])
    made = kind(layer, reads, shape)
    made.mode, made.where = mode, line()
    return made
