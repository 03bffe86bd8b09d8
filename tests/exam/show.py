"""The tables of an examination."""

from collections.abc import Callable, Sequence

from exam.grade import OUTCOMES, Mark, Share

GOALS = "goals: on top 95 %, anywhere 98 %, healthy 2 %, warned 2 % and none severely, mended 95 %"


def summary(marks: Sequence[Mark]) -> str:
    """Return all tables."""
    faulty = [mark for mark in marks if not mark.sound and mark.shown]
    sound = [mark for mark in marks if mark.sound and mark.shown]
    lines = [
        f"{len(faulty)} networks with a fault, {len(sound)} sound ones; 95 % intervals of Wilson",
        GOALS,
        "",
    ]
    frameworks = sorted({mark.framework for mark in marks})
    for name, of in (
        [("all", None), *((f, f) for f in frameworks)] if len(frameworks) > 1 else [("all", None)]
    ):
        lines += [name, *_figures([m for m in faulty if of in (None, m.framework)],
                                  [m for m in sound if of in (None, m.framework)]), ""]  # fmt: skip
    lines += [*_by_kind(faulty), "", *_by_family(sound)]
    missed = [mark.name for mark in marks if not mark.shown]
    if missed:
        lines += [
            "",
            f"not borne out by training here, and not counted: {', '.join(sorted(missed))}",
        ]
    return "\n".join(lines)


def _figures(faulty: Sequence[Mark], sound: Sequence[Mark]) -> list[str]:
    def share(test: Callable[[Mark], bool], among: Sequence[Mark] = faulty) -> Share:
        return Share.where(test(mark) for mark in among)

    rows = [
        ("right on top", share(lambda m: m.outcome == "top")),
        ("right anywhere", share(lambda m: m.outcome in ("top", "anywhere"))),
        ("wrong place", share(lambda m: m.outcome == "wrong place")),
        ("wrong kind", share(lambda m: m.outcome == "wrong kind")),
        ("called healthy", share(lambda m: m.outcome == "healthy")),
        ("refused", share(lambda m: m.outcome == "refused")),
        ("fixes that run", share(lambda m: bool(m.ran), [m for m in faulty if m.ran is not None])),
        (
            "fixes that mend",
            share(lambda m: bool(m.mended), [m for m in faulty if m.mended is not None]),
        ),
        ("sound: warned", share(lambda m: m.outcome in ("warned", "severe"), sound)),
        ("sound: severely", share(lambda m: m.outcome == "severe", sound)),
        ("sound: refused", share(lambda m: m.outcome == "refused", sound)),
    ]
    return [f"  {name:<16} {value}" for name, value in rows]


def _by_kind(faulty: Sequence[Mark]) -> list[str]:
    heads = [*OUTCOMES, "run", "mended"]
    lines = [f"{'fault':<24} {'n':>3} " + " ".join(f"{head:>11}" for head in heads)]
    for kind in sorted({mark.kind for mark in faulty}):
        of = [mark for mark in faulty if mark.kind == kind]
        counts = [sum(mark.outcome == outcome for mark in of) for outcome in OUTCOMES]
        counts.append(sum(mark.ran is True for mark in of))
        counts.append(sum(mark.mended is True for mark in of))
        lines.append(
            f"{kind:<24} {len(of):>3} " + " ".join(f"{count or '.':>11}" for count in counts)
        )
    return lines


def _by_family(sound: Sequence[Mark]) -> list[str]:
    heads = ("clean", "warned", "severe", "refused")
    lines = [f"{'sound family':<24} {'n':>3} " + " ".join(f"{head:>11}" for head in heads)]
    for kind in sorted({mark.kind for mark in sound}):
        of = [mark for mark in sound if mark.kind == kind]
        counts = [sum(mark.outcome == head for mark in of) for head in heads]
        lines.append(
            f"{kind:<24} {len(of):>3} " + " ".join(f"{count or '.':>11}" for count in counts)
        )
    return lines


def misses(marks: Sequence[Mark]) -> str:
    """Return the cases that fell short: outcome, name, what was said, the fix and what it did."""
    short = [
        m
        for m in marks
        if m.shown and not (m.outcome in ("top", "clean") and m.mended is not False)
    ]
    return "".join(
        f"{mark.outcome:<12} {mark.name}\n    said: {mark.said}\n"
        + (
            f"    fix: {mark.fix or 'none'}: {'mended' if mark.mended else mark.why}\n"
            if not mark.sound
            else ""
        )
        for mark in sorted(short, key=lambda mark: (mark.sound, mark.kind, mark.name))
    )
