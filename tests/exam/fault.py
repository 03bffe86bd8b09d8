"""What a fault is, and what a diagnosis should say of it."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exam.network import Network, Part

Array = NDArray[Any]


@dataclass(frozen=True)
class Answer:
    """A right answer: a finding of one of these kinds that names nothing but these places."""

    kinds: frozenset[str]
    layers: frozenset[str] | None = None
    """Words of layers' names; none for what names no layer, None for what may name any."""

    def has(self, names: tuple[str, ...]) -> bool:
        """Whether layers that a finding names are where the fault is."""
        if self.layers is None:
            return True
        if not self.layers:
            return not names
        return bool(names) and all(self.layers & set(re.split(r"[.()\s]+", name)) for name in names)


@dataclass(frozen=True)
class Expectation:
    """What a diagnosis should say of a fault."""

    answers: tuple[Answer, ...]
    error: str = ""
    """A word of an error that is as good: that `diagnose` refuses, and says why."""


@dataclass
class Draft:
    """A sound network and its data, into which a fault is put."""

    network: Network
    x: Array
    y: Array
    rng: np.random.Generator
    touches: list[tuple[str, str, Callable[[Array], Array]]] = field(default_factory=list)
    """What is done to the arrays once there are any: name of the layer, role, new from old."""

    def touch(self, name: str, role: str, function: Callable[[Array], Array]) -> None:
        """Note a change of an array."""
        self.touches.append((name, role, function))

    def one(self, parts: list[Part]) -> Part:
        """Choose one of some parts."""
        return parts[int(self.rng.integers(len(parts)))]

    def at(self, *parts: Part) -> frozenset[str]:
        """Return the names of all that is at the places of parts."""
        places = {part.place for part in parts}
        return frozenset(part.name for part in self.network.walk() if part.place in places)

    def expect(self, kinds: Iterable[str], *parts: Part, error: str = "") -> Expectation:
        """Expect findings of kinds at the places of parts; without parts anywhere."""
        layers = self.at(*parts) if parts else None
        return Expectation((Answer(frozenset(kinds), layers),), error)


@dataclass(frozen=True)
class Fault:
    """A fault, where it can be, and how it is known to be one."""

    name: str
    put: Callable[[Draft], Expectation]
    fits: Callable[[Network], bool]
    hurts: bool
    """Whether it must be shown to hurt; else it is there by construction."""
    held: bool
    """Whether it is only in what is held apart."""
    mendable: bool
    """Whether a line of code can mend it; no line makes up samples that are not there."""


FAULTS: dict[str, Fault] = {}


def fault(
    fits: Callable[[Network], bool],
    *,
    hurts: bool = True,
    held: bool = False,
    mendable: bool = True,
) -> Callable[[Callable[[Draft], Expectation]], Callable[[Draft], Expectation]]:
    """Enter a function among the faults."""

    def enter(put: Callable[[Draft], Expectation]) -> Callable[[Draft], Expectation]:
        FAULTS[put.__name__] = Fault(put.__name__, put, fits, hurts, held, mendable)
        return put

    return enter
