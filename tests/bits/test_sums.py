"""Sums over the batch go in the order that docs/bits.md says, and are as exact as it says."""

import math

import members
import numpy as np
import pytest
import slow_training as slow
from fanin import _core
from numerics import RandomNetwork
from slow_arithmetic import FLOAT32, FLOAT64

ELEMENTS = {"float32": FLOAT32, "float64": FLOAT64}
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}
NORMALIZATION = members.batch_normalization(momentum=0.0)


def normals(dtype, *shape, path="x", mean=0.0):
    return _core.random_normal(shape, dtype, "6", path, mean, 1.0)


def passed(layers, x, dy, seed=0):
    """Run forward and back: the network, outputs, state, gradients of x and of the parameters."""
    net = RandomNetwork(x.shape[1:], layers, x.dtype.name, seed)
    state = net.state.copy()
    y, cache = net.plan.forward(net.params, state, x, True)
    dx, grads = net.plan.backward(net.params, cache, dy)
    return net, y, state, dx, grads


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 31, 32, 33, 64, 65, 100, 191])
def test_gradients_of_biases_are_summed_in_stripes(rows, dtype):
    x, dy = normals(dtype, rows, 2), normals(dtype, rows, 3, path="dy", mean=1.0)
    *_, grads = passed([members.dense(3)], x, dy)
    ways = slow.Rows(ELEMENTS[dtype])
    assert grads[6:].tolist() == [ways.column_sum(column) for column in dy.T.tolist()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [2, 63, 64, 65, 128, 200])
def test_batch_normalization_is_what_the_page_says(rows, dtype):
    F = ELEMENTS[dtype]
    x, dy = normals(dtype, rows, 3, mean=5.0), normals(dtype, rows, 3, path="dy")
    net, y, state, dx, grads = passed([NORMALIZATION], x, dy)
    twin = slow.BatchNormalization(slow.Rows(F), 3, 0.0, 1e-3)
    twin.gamma, twin.beta = net.params[:3].tolist(), net.params[3:].tolist()
    twin.running_mean, twin.running_variance = net.state[:3].tolist(), net.state[3:].tolist()
    assert y.tolist() == twin.forward(x.tolist(), 0)
    assert state.tolist() == twin.state()
    assert dx.tolist() == twin.backward(dy.tolist())
    assert grads.tolist() == twin.dgamma + twin.dbeta


def exact(columns):
    """Return the sum of each column, rounded once."""
    return np.array([math.fsum(column) for column in columns.T])


@pytest.mark.parametrize("mean", [0.0, 0.5, 100.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 512, 513, 10_000, 1_000_000])
def test_gradients_are_as_exact_as_the_page_says(rows, dtype, mean):
    """A product over the batch, and a column sum: errors beside sums of what is exact."""
    x, dy = normals(dtype, rows, 1), normals(dtype, rows, 2, path="dy", mean=mean)
    *_, grads = passed([members.dense(2)], x, dy)
    unit = UNIT[dtype]
    # In float64 the products of float32 are exact; those of float64 are as good as the bound asks.
    terms = x.astype("f8") * dy.astype("f8")
    slack = 2.0**-53 * exact(np.abs(terms))
    bound = (512 + rows / 512 + 1) * unit * exact(np.abs(terms)) + slack
    assert (np.abs(grads[:2] - exact(terms)) <= bound).all()
    bound = (32 + rows / 32) * unit * exact(np.abs(dy))
    assert (np.abs(grads[2:] - exact(dy)) <= bound).all()


@pytest.mark.parametrize("mean", [0.0, 1000.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [2, 64, 65, 10_000, 1_000_000])
def test_statistics_are_as_exact_as_the_page_says(rows, dtype, mean):
    x = normals(dtype, rows, 2, mean=mean)
    _, _, state, *_ = passed([NORMALIZATION], x, np.zeros_like(x))
    wide = x.astype("f8")
    centred = wide - wide[0]
    shift = exact(centred) / rows
    variance = exact(np.square(centred - shift)) / rows
    factor = (64 + rows / 64 + 4) * UNIT[dtype]
    # The running mean is the pivot and the mean from there: one rounding more.
    rounding = UNIT[dtype] * np.abs(wide[0] + shift)
    bound = factor * exact(np.abs(centred)) / rows + rounding
    assert (np.abs(state[:2] - (wide[0] + shift)) <= bound).all()
    bound = 3 * factor * exact(np.square(centred)) / rows
    assert (np.abs(state[2:] - variance) <= bound).all()


@pytest.mark.parametrize("rows", [1, 1000, 1_000_000])
def test_the_loss_of_a_batch_is_summed_in_float64(rows):
    import fanin
    from fanin.layers import Dense, Input

    model = fanin.Sequential([Input((1,)), Dense(1)], rng=0)
    model.compile("sgd", "mse")
    x, y = normals("float32", rows, 1), normals("float32", rows, 1, path="y")
    model.build()
    errors = model.predict(x, verbose=0) - y
    values = np.square(errors).astype("f8")
    found = model.evaluate(x, y, verbose=0)
    assert abs(found - math.fsum(values.ravel()) / rows) <= rows * 2.0**-53 * found
