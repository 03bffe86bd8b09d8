"""The benches against peers compare equal work; nothing here is timed."""

import ast
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHES = Path(__file__).resolve().parents[2] / "benches"
sys.path.insert(0, str(BENCHES))

from peers import catalogue, page, peak  # noqa: E402
from peers.arms import by_hand, ours  # noqa: E402
from peers.common import network, products  # noqa: E402
from peers.measure import AGREEMENT, NOTHING, Line  # noqa: E402

NETWORKS = [((5, 7, 6, 3), True, 8, 6), ((5, 7, 3), False, 8, 6)]


def functions(module: str) -> set[str]:
    tree = ast.parse((BENCHES / "peers" / "arms" / f"{module}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_whoever_a_row_names_can_do_its_work() -> None:
    for row in catalogue.rows():
        assert row.work in functions("ours"), row.label
        for peer in row.peers:
            assert (peer.work or row.work) in functions(peer.module), (row.label, peer.label)
    for ladder in catalogue.ladders():
        assert ladder.work in functions("ours"), ladder.label


@pytest.mark.parametrize("net", NETWORKS)
def test_the_network_by_hand_trains_as_ours(net: tuple[tuple[int, ...], bool, int, int]) -> None:
    checks = [arms.train(*net).check for arms in (ours, by_hand)]
    mine, theirs = (check() for check in checks if check is not None)
    assert mine == pytest.approx(theirs, rel=AGREEMENT / 100)


def test_layers_adam_and_predictions_by_hand_agree_with_ours() -> None:
    for work, args in (
        ("batch_normalization", (64, 5)),
        ("adam", (100,)),
        ("predict", ((4, 8, 3), 5)),
    ):
        mine, theirs = (getattr(arms, work)(*args).check() for arms in (ours, by_hand))
        assert mine == pytest.approx(theirs, rel=1e-5), work


def test_multiply_adds_are_those_of_the_five_products() -> None:
    # Forward, dW of each layer, and dX of the second only.
    first, second = 784 * 128, 128 * 10
    assert network((784, 128, 10), False, 64, 1).multiply_adds == 64 * (2 * first + 3 * second)


def test_the_slope_of_a_power_is_its_exponent() -> None:
    points = [{"size": 2**k, "one": 3.0 * 2 ** (1.5 * k)} for k in range(6)]
    assert page.slope(points, "one") == pytest.approx(1.5)


def test_the_page_says_what_its_program_says() -> None:
    written = (BENCHES.parent / "docs" / "performance.md").read_text()
    measured = page._HEAD[page._HEAD.index("## How it is measured") :]
    assert measured.format(agreement=AGREEMENT, nothing=NOTHING) in written
    assert "(performance_causes.md)" in page._HEAD
    for heading in re.findall(r"^#.*|^Targets are ratios too\.$", page._HEAD, re.MULTILINE):
        assert f"\n{heading}\n" in f"\n{written}"


def test_the_first_table_has_the_smallest_ratio_of_each_family() -> None:
    def line(peer: str, ratio: float | None, threads: int = 2) -> dict[str, Any]:
        return {"label": "a step", "threads": threads, "peer": peer, "ratio": ratio}

    lines = [line("torch eager", 3.0), line("torch, fused Adam", 2.0), line("JAX jit", None)]
    lines += [line("torch eager", 1.0, threads=1), line("its products alone, MKL", 0.5)]
    rows = page._glance(lines).splitlines()
    assert rows[0].startswith("| work | torch | JAX | Keras |")
    assert rows[2:] == ["| a step | 2x |  |  |  |  |"]


def test_shares_of_the_peak_are_multiply_adds_over_time() -> None:
    label = "784-128-10, batch 64"
    net = network((784, 128, 10), False, 64, 1)

    def line(label: str, peer: str, ours: float, theirs: float | None) -> dict[str, Any]:
        return {"label": label, "threads": 1, "peer": peer, "ours": ours, "theirs": theirs}

    # At 100 GFLOP/s the products take so many microseconds.
    least = 2 * net.multiply_adds / 100e9 * 1e6
    lines = [
        line(label, "torch eager", 2 * least, 9 * least),
        line(label, "JAX jit", 2 * least, None),
    ]
    lines += [line(label, "torch, fused Adam", 2 * least, 4 * least)]
    alone = least / (net.parameters / 100_000)
    lines += [line("Adam, 100k parameters", peak._ALONE, 1.0, alone)]
    rows = peak.table({1: 100.0, 2: 200.0}, lines)
    assert rows == [[label, "1", "100", "50%", "", "25%", "50%"]]
    assert len(rows[0]) == len(peak.COLUMNS)
    ours = next(row for row in catalogue.rows() if row.key == "adam")
    assert peak._ALONE in [peer.label for peer in ours.peers]


def test_a_target_above_what_is_possible_is_out_of_reach() -> None:
    def met(ratio: float, at_most: float) -> str:
        return Line("step", "x", 1, "µs", "y", ratio=ratio, aim=2.0, at_most=at_most).met

    assert met(1.2, 1.5) == "out of reach"
    assert met(1.2, 2.5) == "no"
    assert met(2.1, 1.5) == "yes"
    assert met(1.9, 1.5) == "within 10 %"


def test_the_products_of_a_step_are_its_multiply_adds() -> None:
    net = network((5, 7, 6, 3), True, 8, 6)
    done = 0

    def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        nonlocal done
        np.matmul(a, b, out=out)
        done += a.size * b.shape[1]

    products(net, lambda array: array, multiply).run()
    assert done == net.multiply_adds


@pytest.mark.parametrize(
    ("ratio", "met"), [(2.0, "yes"), (1.85, "within 10 %"), (1.7, "no"), (None, "not measured")]
)
def test_a_target_is_met_by_its_ratio(ratio: float | None, met: str) -> None:
    assert Line("step", "a network", 1, "µs", "a peer", ratio=ratio, aim=2.0).met == met
