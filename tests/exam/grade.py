"""Marks: what a diagnosis said against what it should have said, and shares with intervals."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exam.fault import Expectation

OUTCOMES = ("top", "anywhere", "wrong place", "wrong kind", "healthy", "refused")
"""Of a faulty network: the right finding is on top, is below others, names other layers; none is
right; none is graver than a note; or `diagnose` raised an error."""

SHARE_THAT_HURTS = 0.3
"""Of the way from the sound network's loss to that of guessing, on average while training."""
SHARE_THAT_IS_MENDED = 0.25
SOUND = 0.75
"""Of the loss of guessing: what a sound network's last epoch must be below."""


@dataclass(frozen=True)
class Mark:
    """What one case showed."""

    name: str
    framework: str
    kind: str
    """The fault; of a sound network its family."""
    sound: bool
    outcome: str
    """One of `OUTCOMES`; of a sound network ``clean``, ``warned``, ``severe`` or ``refused``."""
    said: str
    """The findings, or the error, in a line."""
    shown: bool
    """Whether training bore out that it is sound, or that it hurts."""
    fix: str = ""
    ran: bool | None = None
    """Whether the top fix ran; None if there was none."""
    mended: bool | None = None
    """Whether it mended; None of what no code can mend."""
    why: str = ""
    """What the fix raised, or how far from the sound network it left the training."""


def grave(findings: Sequence[Any]) -> list[Any]:
    """Return the findings that are more than notes."""
    return [finding for finding in findings if finding.severity != "note"]


def right(finding: Any, expected: Expectation) -> bool:
    """Return whether a finding is a right answer."""
    return any(finding.kind in a.kinds and a.has(finding.layers) for a in expected.answers)


def judge(findings: Sequence[Any], expected: Expectation) -> str:
    """Return the outcome of a diagnosis of a faulty network."""
    found = grave(findings)
    if not found:
        return "healthy"
    if right(found[0], expected):
        return "top"
    if any(right(finding, expected) for finding in found):
        return "anywhere"
    kinds = frozenset().union(*(answer.kinds for answer in expected.answers))
    return "wrong place" if any(f.kind in kinds for f in found) else "wrong kind"


def judge_sound(findings: Sequence[Any]) -> str:
    """Return the outcome of a diagnosis of a sound network."""
    found = grave(findings)
    if any(finding.severity == "severe" for finding in found):
        return "severe"
    return "warned" if found else "clean"


def guessing(loss: str, y: Any) -> float:
    """Return the loss of the best constant answer: the labels' entropy, the targets' variance."""
    targets = np.asarray(y, float)
    if loss == "mse":
        return float(np.nanvar(targets, axis=0).mean())
    shares = np.unique(targets, return_counts=True)[1] / targets.size
    return float(-(shares * np.log(shares)).sum())


def course(losses: Sequence[float], guess: float) -> float:
    """Return the mean of the epochs' losses, in units of guessing, each counted as two at most.

    One below zero counts as two: no loss here gets there but on what it is not meant for.
    """
    if not guess > 0:
        return math.nan
    return float(np.mean([min(loss / guess, 2.0) if loss >= 0 else 2.0 for loss in losses]))


def lag(course_of: float, course_of_sound: float) -> float:
    """Return how much worse than its sound twin one trains: 0 is as well, 1 is as guessing."""
    return (course_of - course_of_sound) / max(1.0 - course_of_sound, 1e-9)


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @classmethod
    def where(cls, flags: Iterable[bool]) -> "Share":
        """Count what is true."""
        listed = list(flags)
        return cls(sum(listed), len(listed))

    def wilson(self, z: float = 1.96) -> tuple[float, float]:
        """Return the 95 % interval of Wilson (1927) for the share."""
        if not self.of:
            return 0.0, 1.0
        n, p = self.of, self.hits / self.of
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        if not self.of:
            return "-"
        low, high = self.wilson()
        return f"{self.hits / self.of:6.1%} ({self.hits}/{self.of}; {low:.1%} to {high:.1%})"
