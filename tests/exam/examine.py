"""One candidate at a time: a sound network and those with a fault that were made of it."""

import math
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import fanin
import numpy as np

from exam import mend
from exam.cases import Case
from exam.fault import FAULTS, Expectation
from exam.grade import (
    SHARE_THAT_HURTS,
    SHARE_THAT_IS_MENDED,
    SOUND,
    Mark,
    course,
    grave,
    guessing,
    judge,
    judge_sound,
    lag,
    right,
)
from exam.sides import side
from exam.sides.session import Session


def examine(cases: Sequence[Case], diagnosing: bool = True) -> list[Mark]:
    """Examine the cases of one sound network.

    Parameters
    ----------
    cases : sequence of Case
        All of one twin, which need not be among them.
    diagnosing : bool, default True
        Whether to diagnose; if not, only what training shows is looked at.

    Returns
    -------
    list of Mark
        One a case.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Networks that overflow are what this is about.
        warnings.simplefilter("ignore")
        session, _ = cases[0].twin.session()
        network, guess = session.network, guessing(session.network.loss, session.y)
        losses = side(network.framework).train(session)
        sound = course(losses, guess)
        return [
            _faulty(case, sound, guess, diagnosing)
            if case.fault
            else _sound(case, losses[-1] / guess, diagnosing)
            for case in cases
        ]


def _sound(case: Case, end: float, diagnosing: bool) -> Mark:
    said, outcome, shown = "", "", end <= SOUND
    if diagnosing:
        report = _diagnosis(case.session()[0])
        said = _line(report)
        outcome = "refused" if isinstance(report, Exception) else judge_sound(report.findings)
    return Mark(
        case.name, case.sound.framework, case.sound.family, True, outcome, said, shown,
        why=f"ends at {end:.2f} of guessing",
    )  # fmt: skip


def _faulty(case: Case, sound: float, guess: float, diagnosing: bool) -> Mark:
    fault = FAULTS[case.fault]
    behind = _lag(case.session()[0], sound, guess) if fault.hurts or diagnosing else 0.0
    shown = behind >= SHARE_THAT_HURTS or not fault.hurts
    why = f"lag {behind:.2f}"
    mark = Mark(case.name, case.sound.framework, case.fault, False, "", "", shown, why=why)
    if not diagnosing:
        return mark
    session, expected = case.session()
    assert expected is not None
    report = _diagnosis(session)
    if isinstance(report, Exception):
        # A name of the argument that is at fault is an answer; anything else is not.
        named = expected.error and re.search(expected.error, str(report))
        outcome = "top" if named else "refused"
        mended = False if fault.mendable and not named else None
        return replace(mark, outcome=outcome, said=_line(report), mended=mended)
    mark = replace(mark, outcome=judge(report.findings, expected), said=_line(report))
    if not fault.mendable:
        return mark
    # Where it hardly hurts, that training goes well proves nothing.
    named = behind > SHARE_THAT_IS_MENDED or mark.outcome == "top"
    done = _mended(mark, case, report.findings, expected, sound, guess)
    return replace(done, mended=done.mended and named)


def _mended(
    mark: Mark,
    case: Case,
    findings: Sequence[Any],
    expected: Expectation,
    sound: float,
    guess: float,
) -> Mark:
    """Apply the top fix to a new copy, diagnose that again, and train it."""
    code, layers = mend.top_fix(findings)
    if not code:
        return replace(mark, mended=False, why="no fix")
    session, _ = case.session()
    try:
        mend.apply(session, code, layers)
    except Exception as error:
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        return replace(mark, fix=code, ran=False, mended=False, why=why)
    after = _diagnosis(session)
    if isinstance(after, Exception):
        return replace(mark, fix=code, ran=True, mended=False, why=_line(after))
    gone = not any(right(finding, expected) for finding in grave(after.findings))
    try:
        behind = _lag(session, sound, guess)
    except (RuntimeError, TypeError) as error:
        return replace(mark, fix=code, ran=True, mended=False, why=_line(error))
    mended = gone and behind <= SHARE_THAT_IS_MENDED
    why = f"lag {behind:.2f}" + ("" if gone else ", found again")
    return replace(mark, fix=code, ran=True, mended=mended, why=why)


def _lag(session: Session, sound: float, guess: float) -> float:
    """Train, and return how much worse than the sound network that goes."""
    try:
        losses = side(session.network.framework).train(session)
    except (ValueError, FloatingPointError):
        return math.inf  # NaN is refused, and so is what overflows
    # Targets may have been scaled, labels not.
    own = guessing("mse", session.y) if session.network.loss == "mse" else guess
    return lag(course(losses, own), sound)


def _diagnosis(session: Session) -> Any:
    """Return a report, or what was raised: that is an outcome too."""
    try:
        return side(session.network.framework).diagnose(session)
    except Exception as error:
        return error


def _line(report: Any) -> str:
    if isinstance(report, Exception):
        return f"{type(report).__name__}: {report}".splitlines()[0]
    said = [f"{f.severity} {f.kind} [{' '.join(f.layers)}]" for f in report.findings]
    return "; ".join(said) or "nothing"


def examine_all(cases: Iterable[Case], jobs: int, diagnosing: bool = True) -> Iterator[Mark]:
    """Examine cases in processes of one thread each; marks come as they are done."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.twin.name].append(case)
    # New processes: torch and JAX do not bear being forked.
    with ProcessPoolExecutor(jobs, get_context("spawn"), _alone) as pool:
        waiting = [pool.submit(examine, group, diagnosing) for group in groups.values()]
        try:
            for done in as_completed(waiting):
                yield from done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _alone() -> None:
    fanin.set_num_threads(1)
