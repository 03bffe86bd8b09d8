"""Plans whose arrays lie among those of others: the same bits, and nothing else is touched."""

import itertools

import numpy as np
import pytest
from fanin import _core

DENSE = {"kind": "dense", "units": 3, "activation": {"kind": "tanh"}, "use_bias": True}
NORMAL = {"kind": "batch_normalization", "momentum": 0.9, "epsilon": 1e-3, "center": True} | {
    "scale": True
}
LAYERS = [DENSE, NORMAL, DENSE]
SIZES, AVERAGES = [15, 6, 12], [0, 6, 0]
LENGTHS = (60, 20)
X = np.random.default_rng(0).normal(size=(7, 4))


def plan(starts=None, lengths=LENGTHS):
    spread = None if starts is None else (starts, lengths)
    return _core.Plan((4,), LAYERS, "float64", spread=spread)


def laid_out(flat, starts, sizes, length, rest):
    whole, at = np.full(length, rest, float), 0
    for start, size in zip(starts, sizes, strict=True):
        whole[start : start + size] = flat[at : at + size]
        at += size
    return whole


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_a_pass_gives_the_bits_of_a_plan_in_a_row(order):
    starts, at = [0] * 3, 2
    for layer in order:
        starts[layer], at = at, at + SIZES[layer] + 5
    begins = [(start, 9 if layer == 1 else 0) for layer, start in enumerate(starts)]
    rng = np.random.default_rng(1)
    params, state = rng.normal(size=33), rng.uniform(1, 2, size=6)
    of_rest = laid_out(params, starts, SIZES, 60, np.nan)
    averages = laid_out(state, [0, 9, 0], AVERAGES, 20, np.nan)
    row, spread = plan(), plan(begins)
    assert row.in_a_row
    assert not spread.in_a_row
    assert (spread.parameter_count, spread.state_count) == LENGTHS
    assert [place[2] for place in spread.parameters][::2] == starts
    dy = rng.normal(size=(7, 3))
    for training in (False, True):
        y, cache = row.forward(params, state, X, training)
        z, other = spread.forward(of_rest, averages, X, training)
        assert np.array_equal(y, z)
        (dx, dw), (dz, dv) = row.backward(params, cache, dy), spread.backward(of_rest, other, dy)
        assert np.array_equal(dx, dz)
        assert np.array_equal(laid_out(dw, starts, SIZES, 60, 0.0), dv)
    assert np.array_equal(averages, laid_out(state, [0, 9, 0], AVERAGES, 20, np.nan), True)


@pytest.mark.parametrize(
    ("starts", "lengths", "error", "message"),
    [
        ([(0, 0)], LENGTHS, ValueError, "expected 3, one a layer, found 1"),
        ([(0, 0)] * 3, LENGTHS, ValueError, "two that meet"),
        ([(0, 0), (15, 15), (21, 0)], LENGTHS, ValueError, "found one up to 21"),
        ([(0, 0), (15, 0), (55, 0)], LENGTHS, ValueError, "found one up to 67"),
        ([(0, 0), (15, 0), (61, 0)], LENGTHS, ValueError, "starts in arrays of 60 and 20"),
        ([(0, 0), (2**63, 0), (21, 0)], LENGTHS, ValueError, "starts in arrays of 60 and 20"),
        ([(0, 0), (15, 0), (21, 0)], (2**63, 6), ValueError, "spread"),
        ([(0, 0), (-1, 0), (21, 0)], LENGTHS, (OverflowError, TypeError, ValueError), "."),
        ([(0, 0), (15,), (21, 0)], LENGTHS, (TypeError, ValueError), "."),
        ("spread", LENGTHS, (TypeError, ValueError), "."),
    ],
)
def test_what_cannot_be_is_refused(starts, lengths, error, message):
    with pytest.raises(error, match=message):
        plan(starts, lengths)
