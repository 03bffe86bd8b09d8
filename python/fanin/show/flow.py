"""Boxes in ranks and curves between them: the layout of a graph that has no cycles.

After Sugiyama, Tagawa and Toda (1981): ranks by longest paths, places within a rank by medians of
neighbours, coordinates by least squares under the distances that boxes need. Ranks follow each
other along one axis, boxes of a rank stand across it; which axis is which is for who draws.
"""

import itertools
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]
"""Along, across."""

_BETWEEN_RANKS = 36.0
_SLOPE = 0.07
"""How much further ranks are apart where edges go far across."""
_MOST_BETWEEN_RANKS = 110.0
_BETWEEN_BOXES = 26.0
_BESIDE_EDGES = 14.0
_BETWEEN_PORTS = 18.0
_SWEEPS = 12
_NEARLY_STRAIGHT = 10.0


@dataclass(eq=False)
class Node:
    """A box, or the place where an edge passes a rank on its way, which has no size."""

    along: float = 0.0
    """Its length."""
    across: float = 0.0
    """Its width."""
    rank: int = 0
    at: Point = (0.0, 0.0)
    """Its middle."""
    before: "list[Node]" = field(default_factory=list)
    after: "list[Node]" = field(default_factory=list)

    @property
    def passing(self) -> bool:
        """Whether an edge passes here."""
        return self.across == 0


@dataclass(eq=False)
class Flow:
    """A layout: how long and wide it is, boxes, and edges in the order in which they were given."""

    along: float
    across: float
    boxes: list[Node]
    edges: list[list[Point]]
    """Points in pairs: straight lines along from the first of a pair to the second, and curves to
    the next pair."""


def lay_out(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    starts: Iterable[int] = (),
) -> Flow:
    """Place boxes.

    Parameters
    ----------
    sizes : sequence of (along, across)
        Those of the boxes.
    edges : sequence of (int, int)
        From which box to which, each once; the first of a pair has the lower number.
    starts : iterable of int
        Boxes that stand close to what follows them, as a network's inputs do.

    Returns
    -------
    Flow
        The layout.

    Examples
    --------
    >>> flow = lay_out([(20, 50), (20, 50), (20, 50)], [(0, 1), (1, 2), (0, 2)])
    >>> [box.rank for box in flow.boxes]
    [0, 1, 2]
    """
    boxes = [Node(along, across) for along, across in sizes]
    _rank(boxes, edges, set(starts))
    ways = [_way(boxes[a], boxes[b]) for a, b in edges]
    ranks: defaultdict[int, list[Node]] = defaultdict(list)
    for node in dict.fromkeys([*boxes, *(node for way in ways for node in way)]):
        ranks[node.rank].append(node)
    rows = [ranks[rank] for rank in sorted(ranks)]
    _order(rows)
    across = _place(rows)
    along, bands = 0.0, []
    for row in rows:
        height = max(node.along for node in row)
        bands.append((along, along + height))
        for node in row:
            node.at = (along + height / 2, node.at[1])
        far = max((abs(a.at[1] - b.at[1]) for a in row for b in a.after), default=0.0)
        along += height + min(_BETWEEN_RANKS + _SLOPE * far, _MOST_BETWEEN_RANKS)
    ports = _ports(boxes)
    _straighten(ports)
    drawn = [_drawn(way, ports, bands) for way in ways]
    return Flow(bands[-1][1], across, boxes, drawn)


def _rank(boxes: Sequence[Node], edges: Sequence[tuple[int, int]], starts: set[int]) -> None:
    """Give each box the length of the longest path to it; starts come just before what follows."""
    for a, b in sorted(edges, key=lambda edge: edge[1]):
        boxes[b].rank = max(boxes[b].rank, boxes[a].rank + 1)
    for start in starts:
        after = [boxes[b].rank for a, b in edges if a == start]
        if after:
            boxes[start].rank = min(after) - 1


def _way(first: Node, last: Node) -> list[Node]:
    """Return the nodes of an edge, new ones in the ranks between."""
    way = [first, *(Node(rank=rank) for rank in range(first.rank + 1, last.rank)), last]
    for a, b in itertools.pairwise(way):
        a.after.append(b)
        b.before.append(a)
    return way


# Places within a rank.


def _order(rows: list[list[Node]]) -> None:
    """Put the nodes of each rank in an order in which few edges cross."""
    best, fewest = [[*row] for row in rows], _crossings(rows)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            places = {node: i for other in rows for i, node in enumerate(other)}

            def middle(node: Node, down: bool = down, places: dict[Node, int] = places) -> float:
                near = node.before if down else node.after
                found = sorted(places[other] for other in near)
                if not found:
                    return float(places[node])
                return (found[(len(found) - 1) // 2] + found[len(found) // 2]) / 2

            # A box before what passes it: edges that skip it run beside it.
            row.sort(key=lambda node: (middle(node), node.passing))
        crossings = _crossings(rows)
        if crossings < fewest:
            best, fewest = [[*row] for row in rows], crossings
        if not fewest:
            break
    for row, kept in zip(rows, best, strict=True):
        row[:] = kept


def _crossings(rows: Sequence[Sequence[Node]]) -> int:
    """Count the pairs of edges between two ranks that cross."""
    crossings = 0
    for row, following in itertools.pairwise(rows):
        places = {node: i for i, node in enumerate(following)}
        seen: list[int] = []
        for node in row:
            ends = sorted(places[other] for other in node.after)
            crossings += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return crossings


# Coordinates.


def _place(rows: Sequence[Sequence[Node]]) -> float:
    """Say where across each node stands, close to its neighbours; return how wide all is."""
    for row in rows:
        _set(row, _settled(row, [0.0] * len(row), [1.0] * len(row)))
    for sweep in range(6 * _SWEEPS):
        # Both sides at last, so that what joins several stands in their middle.
        sides = (("before",), ("after",), ("before", "after"))[2 if sweep >= _SWEEPS else sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted, weights = [], []
            for node in row:
                near = [other for side in sides for other in getattr(node, side)]
                pulls = [_pull(node, other) for other in near]
                total = sum(pulls)
                weights.append(total or 1e-3)
                places = zip(pulls, near, strict=True)
                mean = sum(pull * other.at[1] for pull, other in places) / total if total else 0.0
                wanted.append(mean if total else node.at[1])
            _set(row, _settled(row, wanted, weights))
    left = min(node.at[1] - node.across / 2 for row in rows for node in row)
    right = max(node.at[1] + node.across / 2 for row in rows for node in row)
    for row in rows:
        _set(row, [node.at[1] - left for node in row])
    return right - left


def _pull(one: Node, other: Node) -> float:
    """Return how much an edge wants to be straight: between boxes, and where it passes ranks."""
    return 0.25 if one.passing != other.passing else 4.0


def _set(row: Sequence[Node], places: Sequence[float]) -> None:
    for node, place in zip(row, places, strict=True):
        node.at = (node.at[0], place)


def _settled(row: Sequence[Node], wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return places in the order of a rank and apart enough, closest to those that are wanted.

    Least squares with weights; by the algorithm that pools what would be out of order.
    """
    offsets = [0.0]
    for one, other in itertools.pairwise(row):
        apart = _BESIDE_EDGES if one.passing or other.passing else _BETWEEN_BOXES
        offsets.append(offsets[-1] + (one.across + other.across) / 2 + apart)
    pools: list[tuple[float, float, int]] = []  # mean, weight, nodes
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        pool = (want - offset, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            mean, before, count = pools.pop()
            total = before + pool[1]
            pool = ((mean * before + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


# Edges.


def _ports(boxes: Sequence[Node]) -> dict[tuple[Node, Node], float]:
    """Say where across edges leave and reach boxes, in the order of where they come from."""
    ports: dict[tuple[Node, Node], float] = {}
    for box in boxes:
        for near in (box.before, box.after):
            others = sorted(near, key=lambda node: node.at[1])
            room = (box.across - _BETWEEN_PORTS) / max(len(others), 1)
            step = max(min(_BETWEEN_PORTS, room), 0.0)
            for i, other in enumerate(others):
                ports[box, other] = box.at[1] + step * (i - (len(others) - 1) / 2)
    return ports


def _straighten(ports: dict[tuple[Node, Node], float]) -> None:
    """Make edges between two boxes straight that nearly are, where one has no others there."""
    for (box, other), port in [*ports.items()]:
        alone = len(box.after if other in box.after else box.before) == 1
        facing = ports.get((other, box))
        if alone and facing is not None and abs(facing - port) < _NEARLY_STRAIGHT:
            ports[box, other] = facing


def _drawn(
    way: Sequence[Node],
    ports: dict[tuple[Node, Node], float],
    bands: Sequence[tuple[float, float]],
) -> list[Point]:
    """Return the points of an edge; see `Flow.edges`."""
    first, last = way[0], way[-1]
    start, end = ports[first, way[1]], ports[last, way[-2]]
    points = [(first.at[0] + first.along / 2, start), (bands[first.rank][1], start)]
    for node in way[1:-1]:
        low, high = bands[node.rank]
        points += [(low, node.at[1]), (high, node.at[1])]
    return [*points, (bands[last.rank][0], end), (last.at[0] - last.along / 2, end)]
