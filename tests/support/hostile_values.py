"""Values that no argument is meant for, and what a call that refuses one must leave alone."""

import contextlib
import io
import os
import pickle
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fanin
import numpy as np
from fanin import comparison, diagnosis


def _recursive_list():
    made: list[Any] = [1.0]
    made.append(made)
    return made


def _recursive_dict():
    made: dict[str, Any] = {"class_name": "Dense"}
    made["config"] = made
    return made


def _deep(depth=3000):
    made: Any = 1.0
    for _ in range(depth):
        made = [made]
    return made


def _deep_dict(depth=3000):
    made: Any = {}
    for _ in range(depth):
        made = {"class_name": "Sequential", "config": made}
    return made


class _NoArray:
    """What cannot be read: it has all the doors, and they are closed."""

    shape, dtype, ndim = (3, 4), "bfloat17", 2

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array for you")

    def __len__(self):
        return 3

    def __getitem__(self, key):
        raise IndexError("nothing at all")


def _masked():
    return np.ma.masked_array(np.ones((12, 4), "float32"), mask=np.eye(12, 4, dtype=bool))


# By name, so that a fault can be told.
VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: -float("inf"),
    "-1": lambda: -1,
    "0": lambda: 0,
    "0.5": lambda: 0.5,
    "-1e300": lambda: -1e300,
    "1e300": lambda: 1e300,
    "True": lambda: True,
    "2**40": lambda: 2**40,
    "2**63": lambda: 2**63,
    "-2**63": lambda: -(2**63),
    "10**400": lambda: 10**400,
    "1j": lambda: 1j,
    "''": lambda: "",
    "'nonsense'": lambda: "nonsense",
    "'a\\0b'": lambda: "a\0b",
    "'\\ud800'": lambda: "\ud800",
    "b'bytes'": lambda: b"bytes",
    "[]": list,
    "()": tuple,
    "{}": dict,
    "[None]": lambda: [None],
    "['a', 1]": lambda: ["a", 1],
    "[-1]": lambda: [-1],
    "(-1, 2)": lambda: (-1, 2),
    "(0, 3)": lambda: (0, 3),
    "(2**40, 2**40)": lambda: (2**40, 2**40),
    "(2**63, 2)": lambda: (2**63, 2),
    "[[1], [1, 2]]": lambda: [[1.0], [1.0, 2.0]],
    "{'a': 1}": lambda: {"a": 1},
    "{1: nan}": lambda: {1: float("nan")},
    "{'class_name': 'Nothing'}": lambda: {"class_name": "Nothing", "config": {}},
    "{'class_name': 3, 'config': 4}": lambda: {"class_name": 3, "config": 4},
    "{'class_name': 'Dense', 'config': {'units': -1}}": lambda: {
        "class_name": "Dense",
        "config": {"units": -1},
    },
    "{'class_name': 'Adam', 'config': {'beta_1': 'x'}}": lambda: {
        "class_name": "Adam",
        "config": {"beta_1": "x"},
    },
    "{'Dense': int, 'Adam': int}": lambda: dict.fromkeys(("Dense", "HeNormal", "Adam", "mse"), int),
    "{1, 2}": lambda: {1, 2},
    "object()": object,
    "int": lambda: int,
    "a function": lambda: lambda *given, **named: None,
    "a generator": lambda: (value for value in (1.0, 2.0)),
    "an iterator": lambda: iter([1.0]),
    "a path that is not there": lambda: Path("nowhere") / "at" / "all",
    "a folder": lambda: Path("."),
    "np.nan": lambda: np.float32("nan"),
    "np.int64(-1)": lambda: np.int64(-1),
    "array(nan)": lambda: np.array(np.nan),
    "array(-1)": lambda: np.array(-1),
    "zeros(0)": lambda: np.zeros(0),
    "zeros((0, 4))": lambda: np.zeros((0, 4), "float32"),
    "zeros((4, 0))": lambda: np.zeros((4, 0), "float32"),
    "ones(3)": lambda: np.ones(3),
    "ones((12, 3))": lambda: np.ones((12, 3)),
    "ones((2, 3, 4))": lambda: np.ones((2, 3, 4)),
    "nan (12, 4)": lambda: np.full((12, 4), np.nan, "float32"),
    "inf (12, 4)": lambda: np.full((12, 4), np.inf, "float32"),
    "1e300 (12, 4)": lambda: np.full((12, 4), 1e300),
    "nan (12,)": lambda: np.full(12, np.nan),
    "-7 (12,)": lambda: np.full(12, -7),
    "2**62 (12,)": lambda: np.full(12, 2**62),
    "int8 (12, 4)": lambda: np.full((12, 4), -7, "int8"),
    "bool (12, 4)": lambda: np.zeros((12, 4), bool),
    "complex (12, 4)": lambda: np.zeros((12, 4), complex),
    "objects (12, 4)": lambda: np.full((12, 4), None),
    "texts (12, 4)": lambda: np.full((12, 4), "a"),
    "dates (12,)": lambda: np.zeros(12, "datetime64[s]"),
    "records (12,)": lambda: np.zeros(12, [("a", "f4")]),
    "masked (12, 4)": _masked,
    "read-only (4, 3)": lambda: np.broadcast_to(np.float32(0), (4, 3)),
    "absurd (2**40, 4)": lambda: np.broadcast_to(np.float32(0), (2**40, 4)),
    "many axes": lambda: np.zeros((1,) * 32),
    "a list of itself": _recursive_list,
    "a dict of itself": _recursive_dict,
    "a deep list": _deep,
    "a deep dict": _deep_dict,
    "no array": _NoArray,
}


OF_ARRAYS = {"absurd (2**40, 4)"}
"""Only in the place of arrays: nobody takes four terabytes for a shape."""
HUGE = {"2**40", "2**63", "10**400"}
"""Not in the place of epochs, which are as many as one asks for."""


def bytes_of(value: Any) -> Any:
    """Return what can be compared of a value later on: all of it where that is possible."""
    if isinstance(value, Iterator):  # looking at it would take from it
        return None
    if isinstance(value, np.ma.MaskedArray):  # whose other attributes change when it is printed
        return value.data.tobytes(), value.mask.tobytes()
    if isinstance(value, comparison.Comparison | diagnosis.Report):
        value = value.to_dict()  # without what they keep when they are first asked for it
    with contextlib.suppress(Exception):
        return pickle.dumps(value)
    with contextlib.suppress(RecursionError):
        if isinstance(value, dict):
            return [(bytes_of(key), bytes_of(member)) for key, member in value.items()]
        if isinstance(value, list | tuple):
            return [bytes_of(member) for member in value]
    return None


def files() -> dict[str, bytes]:
    """Return what is in the working directory."""
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def _is_open(stream: int) -> bool:
    try:
        return bool(os.fstat(stream))
    except OSError:
        return False


def folders() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_dir()}


class Everything:
    """All that a refused call must leave as it was."""

    def __init__(self, things: dict[str, Any]) -> None:
        self.things = things
        fanin.set_random_seed(20)
        self.before = self._state()

    def _state(self) -> dict[str, Any]:
        return {
            **{name: bytes_of(thing) for name, thing in self.things.items()},
            "NumPy's random state": np.random.get_state()[1].tobytes(),
            "its place": np.random.get_state()[2],
            "Python's random state": random.getstate(),
            "files": files(),
            "folders": folders(),
            "working directory": os.getcwd(),
            "standard streams": list(map(_is_open, range(3))),
            "threads": fanin.get_num_threads(),
        }

    def changed(self) -> list[str]:
        """Return what is not as it was."""
        after = self._state()
        found = [name for name, value in self.before.items() if after[name] != value]
        if fanin.random.resolve(None).path != "#0":  # what is next cannot be seen otherwise
            found.append("fresh streams")
        return found


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Keep a call from what would end the tests themselves: output, warnings, closed streams."""
    threads, kept = fanin.get_num_threads(), [os.dup(number) for number in range(3)]
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for number, copy in enumerate(kept):
            os.dup2(copy, number)
            os.close(copy)
        fanin.set_num_threads(threads)
