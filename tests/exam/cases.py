"""All cases: which networks, with which fault, and which of them are held apart.

The enumeration is seeded, so that a name says everything. `void.txt` names what training did not
bear out: a sound network that does not train, a fault that does not hurt. They are left out.
"""

import functools
import hashlib
import zlib
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import exam.faults  # noqa: F401  its functions enter themselves in FAULTS
from exam import data
from exam.fault import FAULTS, Draft, Expectation
from exam.network import Network
from exam.networks import FAMILIES, HELD_FAMILIES
from exam.sides.session import Session

VOID = Path(__file__).with_name("void.txt")

# How many of each family; what a framework has no layers for is not among them.
_COUNTS = {
    "fanin": {
        "shallow": 44, "wide": 8, "narrowing": 10, "default": 8, "deep": 26, "normalized": 28,
        "zero_output": 8, "autoencoder": 8,
    },
    "torch": {
        "shallow": 22, "wide": 6, "narrowing": 8, "default": 8, "deep": 16, "normalized": 20,
        "zero_output": 6, "autoencoder": 6, "residual": 16, "convolutional": 18,
        "residual_convolutional": 10, "separable": 6, "recurrent": 10, "lstm": 6,
        "bag_of_words": 8, "transformer": 14, "rms_transformer": 8, "temporal": 8,
    },
    "keras": {
        "shallow": 14, "wide": 3, "narrowing": 4, "deep": 8, "normalized": 10, "zero_output": 3,
        "residual": 5, "convolutional": 8, "recurrent": 4, "lstm": 3, "bag_of_words": 4,
        "transformer": 4, "temporal": 3,
    },
}  # fmt: skip
_FAULTS_EACH = 2
"""Faults that are put into each network, where so many fit."""
_OFTEN = {"layer_too_large": 3, "layer_too_small": 3, "dead_units": 2, "output_too_large": 2}
"""Faults that are put in so many times as often as others: the commonest, and those of a place."""


@dataclass(frozen=True)
class Case:
    """A network, sound or with one fault."""

    name: str
    sound: Network
    fault: str = ""

    @property
    def twin(self) -> "Case":
        """The sound network that it was made of."""
        return Case(self.name.split("+")[0], self.sound)

    def draft(self) -> tuple[Draft, Expectation | None]:
        """Return the network and its data with the fault in them, and what is expected."""
        x, y = data.load(self.sound.data)
        if self.sound.shape == "vector":
            x = x.reshape(len(x), -1)
        if self.sound.family == "autoencoder":
            y = x
        draft = Draft(self.sound, x, y, _random(self.name))
        return draft, FAULTS[self.fault].put(draft) if self.fault else None

    def session(self) -> tuple[Session, Expectation | None]:
        """Make the model, as a user has it before them, and return what is expected."""
        from exam.sides import side

        draft, expected = self.draft()
        made = side(draft.network.framework)
        session = made.open_session(draft.network, draft.x, draft.y)
        for name, role, function in draft.touches:
            made.change(session, name, role, function)
        return session, expected


def _random(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def held_out(case: Case) -> bool:
    """Whether a case is held apart: by its kind, or by a hash of its sound network's name."""
    if case.sound.family in HELD_FAMILIES or (case.fault and FAULTS[case.fault].held):
        return True
    digest = hashlib.sha256(case.twin.name.encode()).digest()
    return digest[0] < 90  # of 256; the kinds above are held besides


@functools.cache
def every_sound() -> tuple[Case, ...]:
    """Return all sound networks, those that are void too."""
    cases = []
    for framework, counts in _COUNTS.items():
        for family, count in counts.items():
            for number in range(count):
                rng = _random(f"{framework}/{family}/{number}")
                network = replace(FAMILIES[family](rng, framework), family=family, seed=number)
                name = f"{framework}/{family}-{number:02d}-{network.label}-{network.data}"
                cases.append(Case(name, network))
    return tuple(cases)


@functools.cache
def every_faulty() -> tuple[Case, ...]:
    """Return all networks with a fault; of those that fit each gets the ones that are rarest."""
    cases, used = [], defaultdict[tuple[str, str], float](float)
    for twin in every_sound():
        framework, rng = twin.sound.framework, _random(twin.name + "/faults")
        fitting = [name for name, fault in FAULTS.items() if fault.fits(twin.sound)]
        rng.shuffle(fitting)
        fitting.sort(key=lambda name: used[framework, name])
        for name in fitting[:_FAULTS_EACH]:
            used[framework, name] += 1 / _OFTEN.get(name, 1)
            cases.append(Case(f"{twin.name}+{name}", twin.sound, name))
    return tuple(cases)


@functools.cache
def void() -> frozenset[str]:
    """Return the names that training did not bear out."""
    lines = VOID.read_text(encoding="utf-8").splitlines() if VOID.exists() else []
    return frozenset(line.split()[0] for line in lines if line and not line.startswith("#"))


def cases(held: bool, frameworks: tuple[str, ...] = tuple(_COUNTS)) -> tuple[Case, ...]:
    """Return the cases of a set: sound ones, and faulty ones, without what is void.

    Parameters
    ----------
    held : bool
        Those that are held apart, or the open ones.
    frameworks : tuple of str
        Of these.
    """
    return tuple(
        case
        for case in (*every_sound(), *every_faulty())
        if held_out(case) is held
        and case.sound.framework in frameworks
        and case.name not in void()
        and case.twin.name not in void()
    )
