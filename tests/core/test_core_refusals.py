"""The core refuses by itself what Python would not pass it: right kind, and words that help."""

import members
import numpy as np
import pytest
from fanin import _core
from fanin.errors import ShapeError
from fanin.layers._network import Network
from fanin.models._compiled import Update
from fanin.models._samples import Samples
from fanin.models._step import Batches
from numerics import objective
from refusals import refused

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 5)).astype("float32"), RNG.integers(0, 3, 40)


def train(order=(0, 1), rates=2, progress=3, params=18, batch_size=1):
    plan = _core.Plan((5,), [members.dense(3, members.SOFTMAX)], "float32")
    _core.train(
        [Network(plan, np.zeros(params, "float32"), np.zeros(0, "float32"))],
        [Update(members.sgd(), np.zeros((0, params), "float32"))],
        objective(members.LOSSES[4]),
        Samples(X, Y, None),
        [Batches(np.array(order, "uint32"), batch_size, np.full(rates, 0.1), np.zeros(progress))],
    )


def gradients(*layers, dy=(40, 3)):
    plan = _core.Plan((5,), layers, "float32")
    params = np.zeros(plan.parameter_count, "float32")
    _, cache = plan.trace(params, np.zeros(0, "float32"), X, training=True)
    plan.gradients(params, cache, np.zeros(dy, "float32"), before_activation=True)


CALLS = {
    "plan of an unknown layer": (
        lambda: _core.Plan((3,), [{"kind": "dens"}], "float32"),
        ValueError,
        "dens",
    ),
    "plan of no kind": (
        lambda: _core.Plan((3,), [{}], "float32"),
        (ValueError, TypeError),
        "layer",
    ),
    "plan of a number": (lambda: _core.Plan((3,), [3], "float32"), (ValueError, TypeError), ""),
    "plan without units": (
        lambda: _core.Plan((3,), [{**members.dense(3), "units": 0}], "float32"),
        ValueError,
        "units",
    ),
    "plan of an absurd layer": (
        lambda: _core.Plan((2**40,), [members.dense(2**40)], "float32"),
        (ValueError, MemoryError),
        "",
    ),
    "plan of absurd axes": (
        lambda: _core.Plan((2**40, 2**40), [members.FLATTEN], "float32"),
        (ValueError, MemoryError),
        "",
    ),
    "plan of another dtype": (
        lambda: _core.Plan((3,), [members.dense(3)], "float16"),
        TypeError,
        "dtype: expected float32 or float64, found .float16.",
    ),
    "plan of no axis": (lambda: _core.Plan((), [members.dense(3)], "float32"), ValueError, ""),
    "plan of no layer": (
        lambda: _core.Plan((3,), [], "float32").forward(
            np.zeros(1, "f"), np.zeros(1, "f"), X, True
        ),
        ValueError,
        "",
    ),
    "steps of different lengths": (
        lambda: _core.optimizer_step(
            members.sgd(), np.zeros(3), np.zeros(4), np.zeros((0, 3)), 0, 0.1
        ),
        ShapeError,
        "",
    ),
    "steps of too few slots": (
        lambda: _core.optimizer_step(
            members.adam(), np.zeros(3), np.zeros(3), np.zeros((1, 3)), 0, 0.1
        ),
        ShapeError,
        "slots",
    ),
    "steps of two dtypes": (
        lambda: _core.optimizer_step(
            members.sgd(), np.zeros(3), np.zeros(3, "f"), np.zeros((0, 3)), 0, 0.1
        ),
        (TypeError, ValueError),
        "",
    ),
    "activation of a number": (
        lambda: _core.activate({"kind": "relu"}, np.float64(1)),
        (TypeError, ValueError),
        "",
    ),
    "activation of integers": (
        lambda: _core.activate({"kind": "relu"}, np.zeros(3, int)),
        (TypeError, ValueError),
        "",
    ),
    "activation of two shapes": (
        lambda: _core.activate_backward({"kind": "relu"}, np.zeros(3), np.zeros(4)),
        ShapeError,
        "",
    ),
    "loss of two shapes": (
        lambda: _core.loss_rows({"kind": "mean_squared_error"}, np.zeros((3, 2)), np.zeros((3, 1))),
        ShapeError,
        "targets|y",
    ),
    "loss of a class too large": (
        lambda: _core.loss_rows(members.LOSSES[4], np.ones((2, 3)), np.array([0, 3])),
        ValueError,
        "3",
    ),
    "loss of a negative class": (
        lambda: _core.loss_rows(members.LOSSES[4], np.ones((2, 3)), np.array([0, -1])),
        ValueError,
        "-1",
    ),
    "metric of a class too large": (
        lambda: _core.metric_rows(members.METRICS[1], np.ones((2, 3)), np.array([0, 3])),
        ValueError,
        "3",
    ),
    "gradients before an activation that is not there": (
        lambda: gradients(members.dense(3)),
        ValueError,
        "before_activation: expected False, .* found True",
    ),
    "gradients before an activation that is not the last": (
        lambda: gradients(members.dense(3, members.SOFTMAX), members.dense(3)),
        ValueError,
        "before_activation: expected False, .* found True",
    ),
    "gradients of another shape than the outputs": (
        lambda: gradients(members.dense(3, members.SOFTMAX), dy=(40, 2)),
        ShapeError,
        r"dy: expected shape \(40, 3\)",
    ),
    "order of too large an index": (lambda: train(order=[0, 40]), ValueError, "order|40"),
    "too few learning rates": (lambda: train(rates=1), ShapeError, "learning_rates"),
    "progress too short": (lambda: train(progress=2), ShapeError, "progress"),
    "params too short": (lambda: train(params=3), ShapeError, "params"),
    "batches of 0": (lambda: train(batch_size=0), ValueError, "batch_size"),
    "permutation of too many": (
        lambda: _core.permutation("1", "p", 2**40),
        (ValueError, OverflowError),
        "",
    ),
    "permutation of fewer than none": (
        lambda: _core.permutation("1", "p", -1),
        (ValueError, OverflowError),
        "",
    ),
    "an unknown instruction set": (lambda: _core.set_simd_level("neon"), ValueError, "neon"),
}


@pytest.mark.parametrize("name", CALLS)
def test_refused(name):
    refused(*CALLS[name])
