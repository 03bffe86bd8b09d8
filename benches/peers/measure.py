"""Rounds: us, a peer, us, the next peer, so that a machine that slows down slows all of them."""

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from peers.catalogue import UNITS, Ladder, Peer, Row
from peers.crew import Crew, Measured, PeerError

AGREEMENT = 1e-3
"""How far arms may be apart after the same work, as a share of the larger."""
NOTHING = 1e-5
"""How far they may be apart in any case: a loss of 0.001 that began at 3 is rounding's."""
SLOWER = 1.05
"""How much slower two threads may be than one."""
AGAIN = 15
"""Rounds for a point of a ladder that seemed slower with two threads."""


@dataclass(frozen=True)
class Settings:
    """How thoroughly to measure."""

    rounds: int = 5
    seconds: float = 0.1
    """Of one arm in one round."""
    budget: float = 20.0
    """Seconds after which a row takes no more rounds, once it has three."""
    quick: bool = False


@dataclass
class Line:
    """One line of the table: us, a peer, and how they compare. Times are in the row's unit."""

    key: str
    label: str
    threads: int
    unit: str
    peer: str
    ours: float | None = None
    theirs: float | None = None
    ratio: float | None = None
    target: str = ""
    aim: float | None = None
    """What `ratio` should at least be."""
    at_most: float | None = None
    """What it could be: their time by that of a part of the work that nobody can leave out."""
    note: str = ""
    spread: tuple[float, float] | None = None
    """The quartiles of the ratio over the rounds."""
    cores: tuple[float, float] | None = None
    """How many cores we and they kept busy."""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> str:
        """Whether the target is met."""
        if self.aim is None:
            return ""
        if self.ratio is None:
            return "not measured"
        if self.ratio >= self.aim:
            return "yes"
        if self.ratio >= 0.9 * self.aim:
            return "within 10 %"
        return "no" if self.at_most is None or self.at_most >= self.aim else "out of reach"

    def as_dict(self) -> dict[str, Any]:
        """Return the line as JSON takes it."""
        return {**asdict(self), "met": self.met}


def lines_of(row: Row, crew: Crew, settings: Settings) -> list[Line]:
    """Measure a row."""
    ours = crew.make("ours", row.threads, row.work, _args(row.args, settings))
    begin = time.perf_counter()
    lines = [_blank(row, peer) for peer in row.peers]
    made: list[tuple[Peer, Line, Measured]] = []
    for peer, line in zip(row.peers, lines, strict=True):
        arm = _arm(row, peer, line, crew, settings)
        if arm is None:
            continue
        made.append((peer, line, arm))
        if not _agree(ours.check, arm.check):
            line.note = f"DISAGREES: {arm.check:.6g}, ours {ours.check:.6g}"
    pairs: dict[str, list[tuple[float, float]]] = {line.peer: [] for _, line, _ in made}
    rounds = 1 if settings.quick else row.rounds or settings.rounds
    warm = 0 if row.rounds else 1
    for turn in range(rounds + warm):
        late = time.perf_counter() - begin > settings.budget
        if late and turn >= 3 + warm and not row.rounds:
            break
        for peer, line, arm in list(made):
            try:
                _wait(row.threads)
                mine = ours.round(settings.seconds)
                _wait(row.threads)
                pair = mine, arm.round(settings.seconds)
            except PeerError as error:
                if arm.worker.alive:  # it was not the peer, but us
                    raise
                _lost(peer, line, arm, crew, str(error))
                made.remove((peer, line, arm))
                continue
            if turn >= warm:
                pairs[line.peer].append(pair)
    for _, line, arm in made:
        _fill(line, row, pairs[line.peer], ours, arm)
        arm.drop()
    # What takes longer than our whole work (a call by call of tiny products, say) limits nobody.
    floors = [line for peer, line, _ in made if peer.floor and line.ratio and line.ratio < 1]
    for line in lines:
        if floors and line.aim is not None and line.ratio is not None:
            line.at_most = line.ratio / min(floor.ratio for floor in floors if floor.ratio)
    if row.limit is not None and made:
        lines.insert(0, _limit(row, [a for found in pairs.values() for a, _ in found]))
    ours.drop()
    return lines


def _wait(threads: int) -> None:
    """Let the threads of who ran before fall asleep: OpenMP's spin for 0.2 s after work."""
    if threads > 1:
        time.sleep(0.3)


def _args(args: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    shrunk = dict(args)
    if settings.quick and "epochs" in shrunk:
        shrunk |= {"epochs": 1, "samples": 6000}
    return shrunk


def _blank(row: Row, peer: Peer) -> Line:
    threads = row.threads
    line = Line(row.key, row.label, threads, row.unit, peer.label, note=peer.note)
    if peer.target is not None:
        line.aim = peer.target
        line.target = f"{peer.target:g}x"
    return line


def _arm(row: Row, peer: Peer, line: Line, crew: Crew, settings: Settings) -> Measured | None:
    threads = row.threads if peer.threads is None else peer.threads
    args = _args({**row.args, **peer.args}, settings)
    try:
        worker = crew.worker(peer.module, threads)
        if worker.missing is not None:
            line.note = f"not installed ({worker.missing})"
            return None
        return crew.make(peer.module, threads, peer.work or row.work, args)
    except PeerError as error:
        line.note = f"failed: {error}"
        crew.forget(peer.module, threads)
        return None


def _lost(peer: Peer, line: Line, arm: Measured, crew: Crew, why: str) -> None:
    line.note = f"failed: {why}"
    crew.forget(peer.module, arm.worker.threads)


def _agree(ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return True
    return math.isclose(ours, theirs, rel_tol=AGREEMENT, abs_tol=NOTHING)


def _fill(
    line: Line, row: Row, pairs: list[tuple[float, float]], ours: Measured, arm: Measured
) -> None:
    ratios = [theirs / mine for mine, theirs in pairs]
    line.ratio = statistics.median(ratios)
    line.ours = row.scale * statistics.median(mine for mine, _ in pairs)
    line.theirs = row.scale * statistics.median(theirs for _, theirs in pairs)
    if len(ratios) > 1:
        quartiles = statistics.quantiles(ratios, n=4, method="inclusive")
        line.spread = quartiles[0], quartiles[2]
    line.cores = tuple(
        statistics.median(found["cores"] for found in who.rounds) for who in (ours, arm)
    )
    line.details = {
        "rounds": len(ratios),
        "check": {"ours": ours.check, "theirs": arm.check},
        "values": {
            name: [found["value"] for found in who.rounds if found["value"] is not None]
            for name, who in (("ours", ours), ("theirs", arm))
        },
    }


def _limit(row: Row, mine: list[float]) -> Line:
    assert row.limit is not None
    ours = row.scale * statistics.median(mine)
    return Line(
        row.key,
        row.label,
        row.threads,
        row.unit,
        "(the limit aimed for)",
        ours,
        row.limit,
        row.limit / ours,
        f"{row.limit:g} {row.unit.split('/')[0]}",
        1.0,
    )


def climb(ladder: Ladder, crew: Crew, settings: Settings) -> dict[str, Any]:
    """Measure a ladder at one and two threads; return times in its unit and what two gain."""
    points = []
    sizes = list(ladder.points)[:3] if settings.quick else list(ladder.points)
    for size in sizes:
        args = ladder.points[size]
        one, two = (crew.make("ours", threads, ladder.work, dict(args)) for threads in (1, 2))
        rounds = 1 if settings.quick else settings.rounds
        pairs = _pairs(one, two, rounds, settings.seconds / 2)
        slower = statistics.median(b / a for a, b in pairs)
        if slower > SLOWER and not settings.quick:
            pairs = _pairs(one, two, AGAIN, settings.seconds)
            slower = statistics.median(b / a for a, b in pairs)
        scale = UNITS[ladder.unit] * (size if ladder.per_size else 1)
        points.append(
            {
                "size": size,
                "one": scale * statistics.median(a for a, _ in pairs),
                "two": scale * statistics.median(b for _, b in pairs),
                "two_over_one": slower,
            }
        )
        one.drop()
        two.drop()
    return {
        "key": ladder.key,
        "label": ladder.label,
        "axis": ladder.axis,
        "unit": ladder.unit,
        "points": points,
    }


def _pairs(one: Measured, two: Measured, rounds: int, seconds: float) -> list[tuple[float, float]]:
    one.round(0), two.round(0)
    return [(one.round(seconds), two.round(seconds)) for _ in range(rounds)]
