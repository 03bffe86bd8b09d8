"""The layout of graphs: nothing overlaps, edges go forward and past boxes, texts fit."""

import itertools

import numpy as np
import pytest
from fanin.show import boxes
from fanin.show.flow import lay_out


def random_graph(seed):
    """Sizes and edges of a graph in which each box but the first reads some before it."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 25))
    sizes = [(float(a), float(b)) for a, b in rng.uniform(20, 120, (count, 2))]
    edges = []
    for box in range(1, count):
        reads = rng.choice(box, size=min(box, int(rng.integers(1, 4))), replace=False)
        edges += [(int(read), box) for read in reads]
    return sizes, edges


def box_of(node):
    (along, across), half = node.at, (node.along / 2, node.across / 2)
    return along - half[0], along + half[0], across - half[1], across + half[1]


def overlap(one, other, room=0.0):
    return (
        one[0] < other[1] + room
        and other[0] < one[1] + room
        and one[2] < other[3] + room
        and other[2] < one[3] + room
    )


def along_edge(points):
    """Points of a drawn edge, close together."""
    for k, ((a, b), (c, d)) in enumerate(itertools.pairwise(points)):
        for t in np.linspace(0, 1, 21):
            if k % 2 == 0:
                yield a + t * (c - a), b + t * (d - b)
            else:  # a cubic curve that leaves and arrives along
                yield (
                    a + (c - a) * (1.5 * t * (1 - t) ** 2 + 1.5 * t**2 * (1 - t) + t**3),
                    b + (d - b) * (3 * t**2 * (1 - t) + t**3),
                )


@pytest.mark.parametrize("seed", range(60))
def test_boxes_are_apart_and_edges_go_past_them(seed):
    sizes, edges = random_graph(seed)
    flow = lay_out(sizes, edges)
    places = [box_of(node) for node in flow.boxes]
    assert [(n.along, n.across) for n in flow.boxes] == sizes
    for one, other in itertools.combinations(places, 2):
        assert not overlap(one, other, 10.0)
    for low, high, left, right in places:
        assert low >= -1e-6
        assert left >= -1e-6
        assert high <= flow.along + 1e-6
        assert right <= flow.across + 1e-6
    for (a, b), points in zip(edges, flow.edges, strict=True):
        assert flow.boxes[a].rank < flow.boxes[b].rank
        assert points[0][0] == pytest.approx(places[a][1])
        assert points[-1][0] == pytest.approx(places[b][0])
        assert places[a][2] <= points[0][1] <= places[a][3]
        assert places[b][2] <= points[-1][1] <= places[b][3]
        # It never goes back, and through no box.
        walk = list(along_edge(points))
        assert all(p[0] <= q[0] + 1e-6 for p, q in itertools.pairwise(walk))
        for k, (low, high, left, right) in enumerate(places):
            inside = [low < x < high and left < y < right for x, y in walk]
            assert k in (a, b) or not any(inside), (seed, a, b, k)


def test_a_chain_is_straight_and_a_skip_runs_beside_it():
    flow = lay_out([(20, 50)] * 6, [(k, k + 1) for k in range(5)])
    assert len({round(node.at[1], 6) for node in flow.boxes}) == 1
    assert all(len({p[1] for p in edge}) == 1 for edge in flow.edges)
    flow = lay_out([(20, 50)] * 5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 3)])
    places = [node.at[1] for node in flow.boxes]
    assert max(places) - min(places) < 10
    assert flow.across < 90


def test_starts_stand_before_what_follows_them():
    flow = lay_out([(20, 50)] * 5, [(0, 2), (2, 3), (3, 4), (1, 4)], starts=(0, 1))
    assert [node.rank for node in flow.boxes] == [0, 2, 1, 2, 3]


def test_an_order_without_crossings_is_found():
    # Two ladders, given in turns.
    edges = [(0, 3), (1, 2), (2, 5), (3, 4), (4, 7), (5, 6)]
    flow = lay_out([(20, 50)] * 8, edges)
    sides = {k: flow.boxes[k].at[1] for k in range(8)}
    left = sides[0] < sides[1]
    for k in (3, 4, 7):
        assert (sides[k] < sides[{3: 2, 4: 5, 7: 6}[k]]) == left


def test_one_box_and_many():
    assert lay_out([(20, 50)], []).across == 50
    flow = lay_out([(20, 50)] * 400, [(k, k + 1) for k in range(399)])
    assert flow.boxes[-1].rank == 399


def test_texts_are_no_wider_than_their_boxes_in_the_widest_font():
    pytest.importorskip("matplotlib")
    from matplotlib.textpath import TextPath

    for text in (
        "BatchNormalization", "dense_1", "(None, 784) \N{RIGHTWARDS ARROW} (None, 10)", "MW@m%",
        "shared, call 1 of 2", "Embedding", "iIlLjJtT[]{}", "0123456789", "activation: leaky_relu",
    ):  # fmt: skip
        for bold in (False, True):
            font = {"family": "DejaVu Sans", "weight": "bold" if bold else "normal"}
            needed = TextPath((0, 0), text, size=10, prop=font).get_extents().width
            found = boxes.text_width(text, 10, bold=bold)
            assert needed <= found + 1 <= 1.45 * needed + 4, (text, bold)
