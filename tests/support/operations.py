"""Networks of operations: made of a function, compared with NumPy and with differences."""

import fanin
import numpy as np
from numerics import distance


def model_of(function, *shapes, dtype="float64"):
    inputs = [fanin.Input(shape, dtype=dtype) for shape in shapes]
    return fanin.Model(inputs, function(*inputs), rng=0)


def check(model, xs, expected, flat=False):
    """Compare a network's outputs with NumPy's and its gradients with differences."""
    y, cache = model.forward(xs if len(xs) > 1 else xs[0])
    assert y.shape == expected.shape
    assert distance(y, np.asarray(expected, float)) < 1e-12
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, _ = model.backward(dy, cache)
    found = dx if isinstance(dx, list) else [dx]
    if flat:
        assert not any(part.any() for part in found)
        return
    for part, x in zip(found, xs, strict=True):
        way, eps = np.random.default_rng(2).normal(size=x.shape), 1e-6
        ends = []
        for sign in (1, -1):
            moved = [x + sign * eps * way if other is x else other for other in xs]
            ends.append(float((model(moved if len(xs) > 1 else moved[0]) * dy).sum()))
        difference = (ends[0] - ends[1]) / (2 * eps)
        scale = np.abs(part * way).sum() + abs(ends[0])
        assert abs(float((part * way).sum()) - difference) < 1e-6 * max(scale, 1e-3)
