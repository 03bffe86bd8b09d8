"""A line search for the strong Wolfe conditions: enough decrease, and a slope that is flat enough.

Nocedal and Wright's algorithms 3.5 (bracketing) and 3.6 (zoom) with cubic interpolation and the
safeguards of M. Schmidt's minFunc (2005), as in torch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

DECREASE, FLATNESS = 1e-4, 0.9


@dataclass(eq=False, repr=False)
class Point:
    """The loss at a length along the direction, its slope there, and the whole gradient."""

    length: float
    loss: float
    slope: float
    gradient: NDArray[Any]


def search(
    at: Callable[[float], Point], origin: Point, length: float, limit: int, closest: float
) -> tuple[Point, int]:
    """Find a point that satisfies the conditions, or the best of those that were tried.

    Parameters
    ----------
    at : callable
        Evaluates the point of a length.
    origin : Point
        Where the search begins, with a slope below 0.
    length : float
        What to try first.
    limit : int
        Points to try after the first.
    closest : float
        Ends of a bracket that are nearer to each other than this end the search.

    Returns
    -------
    Point, int
        The point, and how many were evaluated.
    """
    before, now, tried = origin, at(length), 0
    while tried < limit:
        rises = now.loss > _allowed(origin, now) or (tried > 1 and now.loss >= before.loss)
        if not rises and _is_flat(origin, now):
            return now, tried + 1
        if rises or now.slope >= 0:
            return _zoom(at, origin, [before, now], tried, limit, closest)
        gap = now.length - before.length
        bounds = now.length + 0.01 * gap, now.length * 10
        before, now = now, at(_interpolate(before, now, bounds))
        tried += 1
    return (now if now.loss < origin.loss else origin), tried + 1


def _allowed(origin: Point, point: Point) -> float:
    return origin.loss + DECREASE * point.length * origin.slope


def _is_flat(origin: Point, point: Point) -> bool:
    return abs(point.slope) <= -FLATNESS * origin.slope


def _zoom(
    at: Callable[[float], Point],
    origin: Point,
    ends: list[Point],
    tried: int,
    limit: int,
    closest: float,
) -> tuple[Point, int]:
    """Narrow a bracket that has such a point within."""
    low, high = (ends[1], ends[0]) if ends[1].loss < ends[0].loss else (ends[0], ends[1])
    hesitant = False
    while tried < limit and abs(high.length - low.length) >= closest:
        # In the order in which the bracket was found: the two ways to round are not the same.
        length, hesitant = _within(ends, hesitant)
        new = at(length)
        tried += 1
        if new.loss > _allowed(origin, new) or new.loss >= low.loss:
            ends[ends.index(high)] = new
            low, high = (ends[1], ends[0]) if ends[1].loss < ends[0].loss else (ends[0], ends[1])
            continue
        if _is_flat(origin, new):
            return new, tried + 1
        place = ends.index(low)
        if new.slope * (high.length - low.length) >= 0:
            ends[1 - place] = high = low
        ends[place] = low = new
    return low, tried + 1


def _within(ends: list[Point], hesitant: bool) -> tuple[float, bool]:
    """Return a length between two ends, and whether it is near one of them for the first time.

    One that is near an end twice in a row, or at it, is moved a tenth of the bracket away from it.
    """
    length = _interpolate(ends[0], ends[1], None)
    left, right = sorted(end.length for end in ends)
    margin = 0.1 * (right - left)
    if min(right - length, length - left) >= margin:
        return length, False
    if hesitant or length >= right or length <= left:
        near_right = abs(length - right) < abs(length - left)
        return (right - margin if near_right else left + margin), False
    return length, True


def _interpolate(one: Point, other: Point, bounds: tuple[float, float] | None) -> float:
    """Return where the cubic with both losses and slopes is least, within the bounds."""
    low, high = bounds or sorted((one.length, other.length))
    if one.length == other.length:
        return low
    rise = 3 * (one.loss - other.loss) / (one.length - other.length)
    middle = one.slope + other.slope - rise
    square = middle**2 - one.slope * other.slope
    if not square >= 0:
        return (low + high) / 2
    left, right = (one, other) if one.length <= other.length else (other, one)
    root = math.sqrt(square)
    width = right.slope - left.slope + 2 * root
    share = (right.slope + root - middle) / width if width else math.nan
    if not math.isfinite(share):
        return (low + high) / 2
    return min(max(right.length - (right.length - left.length) * share, low), high)
