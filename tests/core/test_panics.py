"""Whatever the core is given, Python sees an ordinary exception: never a panic, an abort or a hang.

Every function of the core is called with each argument in turn exchanged for every hostile value,
and with each value of its settings exchanged likewise. Most calls are refused; a few are fine.
"""

import copy
import inspect

import members
import numpy as np
import pytest
from fanin import _core
from fanin._core import Plan
from fanin.layers._network import Network
from fanin.models._compiled import Update
from fanin.models._samples import Samples
from fanin.models._step import Batches
from numerics import objective

HOSTILE = {
    "None": None,
    "True": True,
    "-1": -1,
    "0": 0,
    "2^63 - 1": 2**63 - 1,
    "2^70": 2**70,
    "1.5": 1.5,
    "-1.5": -1.5,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "text": "text",
    "no text": "",
    "a lone surrogate": "\ud800",
    "a list": [1, "2", None],
    "an empty list": [],
    "an empty dict": {},
    "a dict of itself": {"kind": {"kind": {}}},
    "(2^40, 2^40)": (2**40, 2**40),
    "(-1, 2)": (-1, 2),
    "(0, 3)": (0, 3),
    "an object": object(),
    "an empty array": np.zeros(0),
    "an array without axes": np.zeros(()),
    "an array of no rows": np.zeros((0, 4)),
    "an array of no columns": np.zeros((4, 0)),
    "a long array": np.zeros(1000),
    "a float32 array": np.zeros((4, 5), "float32"),
    "an array of NaN": np.full((4, 5), np.nan),
    "an integer array": np.full((4, 5), -7),
    "large classes": np.full(4, 2**62),
    "large indices": np.full(4, 2**32 - 1, "uint32"),
    "a boolean array": np.zeros((4, 5), bool),
    "a complex array": np.zeros((4, 5), complex),
    "an object array": np.full((4, 5), None),
    "a string array": np.full((4, 5), "a"),
    "a record array": np.zeros(4, [("a", float)]),
    "a transposed array": np.zeros((5, 4)).T,
    "a reversed array": np.zeros((4, 5))[::-1],
    "a byte-swapped array": np.zeros((4, 5), ">f8"),
    "a broadcast array": np.broadcast_to(0.0, (4, 5)),
    "many axes": np.zeros((1,) * 32),
}

PENALTY = {"kind": "l1_l2", "l1": 0.1, "l2": 0.1}
ORTHOGONAL = {"kind": "orthogonal", "factor": 0.1, "mode": "rows"}
NORMS = {"kind": "min_max_norm", "min_value": 0.1, "max_value": 1.0, "rate": 0.5, "axis": (0,)}
DENSE, NORMAL = members.dense(3, members.SOFTMAX), members.batch_normalization()
PLAN = Plan((5,), [NORMAL, DENSE], "float64")
DEMANDS = {
    "kernel_regularizer": ORTHOGONAL, "kernel_constraint": NORMS, "activity_regularizer": PENALTY
}  # fmt: skip
PENALIZED = Plan((5,), [NORMAL, {**DENSE, **DEMANDS}], "float64")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(4, 5)), np.array([0, 1, 2, 0])
PARAMS, STATE = RNG.normal(size=PLAN.parameter_count), np.ones(PLAN.state_count)
SPARSE, ACCURACY = members.LOSSES[4], {"kind": "sparse_categorical_accuracy"}
SLOTS = np.zeros((2, PLAN.parameter_count))
MT19937 = _core.mt19937_state(1)
CACHE = PLAN.forward(PARAMS, STATE.copy(), X, True)[1]
TRACE = PLAN.trace(PARAMS, STATE.copy(), X, True)[1]

NETWORK, UPDATE = Network(PLAN, PARAMS, STATE), Update(members.adam(), SLOTS)
OBJECTIVE, SAMPLES = objective(SPARSE, ACCURACY), Samples(X, Y, np.ones(4))
BATCHES = Batches(np.arange(4, dtype=np.uint32), 2, np.array([0.1, 0.1]), np.zeros(4))


# The same, with the parts of records as arguments.
def predict(plan, params, state, x, batch_size, threads):
    return _core.predict(Network(plan, params, state), x, batch_size, threads)


def evaluate(plan, params, state, loss, metrics, x, y, weights, batch_size, threads):
    aim = objective(loss, *metrics)
    network = Network(plan, params, state)
    return _core.evaluate(network, aim, Samples(x, y, weights), batch_size, threads)


def train(
    plan, params, state, optimizer, slots, loss, metrics, x, y, weights, order, batch_size, rates,
    progress, outputs, threads,
):  # fmt: skip
    aim = objective(loss, *metrics)
    networks, updates = [Network(plan, params, state)], [Update(optimizer, slots)]
    batches = [Batches(order, batch_size, rates, progress, outputs)]
    _core.train(networks, updates, aim, Samples(x, y, weights), batches, threads)


def update(
    plan, params, state, optimizer, slots, cache, dy, staged, progress, after, rate, threads,
):  # fmt: skip
    network, update = Network(plan, params, state), Update(optimizer, slots)
    _core.update(network, update, cache, dy, staged, progress, after, rate, threads)


def copies(lock, arrays):
    return lock.copies(arrays)


def read(lock, arrays):
    with _core.Reading(lock, arrays) as held:
        return held


def write(locks, names, training, change, *arguments):
    with _core.Writing(locks, names, training) as writing:
        return writing.turn(change, *arguments)


# A good call of each function; of a method, with its plan bound.
CALLS = {
    "Plan": (Plan, (5,), [NORMAL, DENSE], "float64"),
    "Plan.forward": (PLAN.forward, PARAMS, STATE, X, True, 1, 0, np.zeros((4, 3))),
    "Plan.forward of out": (PLAN.forward, PARAMS, STATE, X, True, 1, 0, (np.zeros((4, 3)), CACHE)),
    "Plan.backward": (
        PLAN.backward, PARAMS, CACHE, np.ones((4, 3)), 1, np.zeros((4, 5)), np.zeros(28)
    ),
    "Plan.trace": (PLAN.trace, PARAMS, STATE, X, True, 1),
    "Plan.gradients": (PLAN.gradients, PARAMS, TRACE, np.ones((4, 3)), True, 1),
    "Plan of demands": (Plan, (5,), [NORMAL, {**DENSE, **DEMANDS}], "float64"),
    "Plan.penalties": (PENALIZED.penalties, PARAMS),
    "predict": (_core.predict, NETWORK, X, 2, 1),
    "Lock": (copies, _core.Lock(), [PARAMS]),
    "Reading": (read, _core.Lock(), [PARAMS, STATE]),
    "Writing": (write, [_core.Lock()], ["network"], False, np.copyto, PARAMS, 1.0),
    "evaluate": (_core.evaluate, NETWORK, OBJECTIVE, SAMPLES, 2, 1),
    "train": (_core.train, [NETWORK], [UPDATE], OBJECTIVE, SAMPLES, [BATCHES], 1),
    "update": (
        _core.update, NETWORK, UPDATE, CACHE, np.ones((4, 3)), STATE.copy(), np.zeros(3),
        np.ones(3), 0.1, 1,
    ),
    "update of parts": (
        update, PLAN, PARAMS, STATE, members.adam(), SLOTS, CACHE, np.ones((4, 3)), STATE.copy(),
        np.zeros(3), np.ones(3), 0.1, 1,
    ),
    "predict of parts": (predict, PLAN, PARAMS, STATE, X, 2, 1),
    "evaluate of parts": (
        evaluate, PLAN, PARAMS, STATE, SPARSE, [ACCURACY], X, Y, np.ones(4), 2, 1
    ),
    "train of parts": (
        train, PLAN, PARAMS, STATE, members.adam(), SLOTS, SPARSE, [ACCURACY], X, Y, np.ones(4),
        np.arange(4, dtype=np.uint32), 2, np.array([0.1, 0.1]), np.zeros(4), np.zeros((4, 3)), 1,
    ),
    "activate": (_core.activate, {"kind": "softmax"}, X),
    "activate_backward": (_core.activate_backward, {"kind": "elu", "alpha": 1.0}, X, X),
    "loss_rows": (_core.loss_rows, SPARSE, np.ones((4, 3)), Y),
    "loss_rows of values": (_core.loss_rows, members.LOSSES[1], np.ones((4, 5)), X),
    "metric_rows": (_core.metric_rows, ACCURACY, np.ones((4, 3)), Y),
    "metric_sums": (_core.metric_sums, ACCURACY, np.ones((4, 3)), Y, np.ones(4)),
    "optimizer_slots": (_core.optimizer_slots, members.adam()),
    "optimizer_step": (
        _core.optimizer_step, members.adam(), np.zeros(6), np.ones(6), np.zeros((2, 6)), 0, 0.1
    ),
    "penalty": (_core.penalty, PENALTY, X),
    "penalty of a matrix": (_core.penalty, ORTHOGONAL, X),
    "constrain": (_core.constrain, NORMS, X.copy()),
    "first_non_finite": (_core.first_non_finite, X),
    "fans": (_core.fans, (3, 4)),
    "fans of axes": (_core.fans, (3, 4, 6), ([-2], [-1], [0], 2, False)),
    "hadamard": (_core.hadamard, (3, 4), "float32", 1.0),
    "constant": (_core.constant, (3, 4), "float32", 1.0),
    "identity": (_core.identity, (3, 4), "float32", 1.0),
    "orthogonal": (_core.orthogonal, (3, 4), "float32", "1", "a", 1.0),
    "orthogonalize": (_core.orthogonalize, np.ones((4, 3)), (3, 4), 1.0),
    "outputs_first": (_core.outputs_first, np.ones((2, 3, 4)), np.ones((4, 3, 2))),
    "product": (_core.product, X, X, np.ones((4, 4)), (False, True), 1),
    "permutation": (_core.permutation, "1", "a", 10),
    "philox_words": (_core.philox_words, "1", "a", 0, 10),
    "random_normal": (_core.random_normal, (3, 4), "float32", "1", "a", 0.0, 1.0),
    "random_uniform": (_core.random_uniform, (3, 4), "float64", "1", "a", -1.0, 1.0),
    "inverse": (_core.inverse, (3, 4), "float32", "1", "a", "student_t", [3.0, 0.0, 1.0]),
    "truncated_normal": (
        _core.truncated_normal, (3, 4), "float32", "1", "a", 0.0, 1.0, -2.0, 2.0
    ),
    "variance_scaling": (
        _core.variance_scaling, (3, 4), "float32", "1", "a", 2.0, "fan_in", "truncated_normal"
    ),
    "variance_scaling_spread": (
        _core.variance_scaling_spread, (3, 4), 2.0, "fan_in", "truncated_normal"
    ),
    "mt19937_state": (_core.mt19937_state, 1),
    "mt19937_words": (_core.mt19937_words, MT19937, 700),
    "torch_uniform": (_core.torch_uniform, MT19937, (3, 4), "float32", -1.0, 1.0),
    "torch_normal": (_core.torch_normal, MT19937, (3, 6), "float64", 0.0, 1.0),
    "torch_serial_normal": (_core.torch_serial_normal, MT19937, 0.5, (3, 4), 0.0, 1.0),
    "torch_permutation": (_core.torch_permutation, MT19937, 10),
    "threefry_words": (_core.threefry_words, (0, 1), 2, 10),
    "jax_uniform": (_core.jax_uniform, (0, 1), (3, 4), "float32", -1.0, 1.0),
    "jax_normal": (_core.jax_normal, (0, 1), (3, 4), "float64"),
    "jax_truncated_normal": (
        _core.jax_truncated_normal, (0, 1), (3, 4), "float32", -2.0, 2.0
    ),
    "moments": (_core.moments, X, 1),
    "unit_slopes": (_core.unit_slopes, {"kind": "tanh"}, X, 0.1),
    "histogram": (_core.histogram, X, -1.0, 1.0, 8, 1),
    "second_moment": (_core.second_moment, X),
    "row_pairs": (_core.row_pairs, X),
    "row_cosines": (_core.row_cosines, X),
    "participation_ratio": (_core.participation_ratio, X, 1),
    "equal_columns": (_core.equal_columns, X, 0.1),
    "power": (_core.power, 0.9, 1.5),
    "cosine_of_half_turns": (_core.cosine_of_half_turns, 0.3),
    "elementary": (_core.elementary, "exp", X),
    "set_simd_level": (_core.set_simd_level, _core.simd_level()),
}  # fmt: skip
# Changed for the whole process, so called on their own in the tests of threads.
ELSEWHERE = {"get_num_threads", "set_num_threads", "simd_level"}

# What is no record lacks an attribute.
REFUSALS = (ValueError, TypeError, OverflowError, MemoryError, AttributeError)


def fresh(arguments):
    """A copy of arguments, but for the plan, which never changes."""
    return copy.deepcopy(arguments, {id(PLAN): PLAN, id(PENALIZED): PENALIZED})


def survive(call):
    """Call; an ordinary refusal is fine, and so is a result. Anything else is raised."""
    try:
        call()
    except REFUSALS as error:
        return str(error)
    return "accepted"


def test_every_function_is_here():
    functions = {name for name in dir(_core) if callable(getattr(_core, name))}
    methods = {
        f"Plan.{name}"
        for name in dir(Plan)
        if not name.startswith("_") and callable(getattr(Plan, name))
    }
    public = {name for name in functions | methods if not name.startswith("_")}
    assert {name.split(" of ")[0] for name in CALLS} | ELSEWHERE == public


@pytest.mark.parametrize("name", CALLS)
def test_the_good_call_is_good(name):
    call, *arguments = CALLS[name]
    call(*fresh(arguments))


@pytest.mark.parametrize("name", CALLS)
def test_no_argument_makes_it_panic(name):
    call, *arguments = CALLS[name]
    for place in range(len(arguments)):
        for value in HOSTILE.values():
            given = fresh(arguments)
            given[place] = value
            assert survive(lambda given=given: call(*given))


@pytest.mark.parametrize("name", CALLS)
def test_a_missing_argument_is_a_type_error(name):
    call, *arguments = CALLS[name]
    required = [
        parameter
        for parameter in inspect.signature(call).parameters.values()
        if parameter.default is inspect.Parameter.empty
    ]
    with pytest.raises(TypeError):
        call(*arguments[: len(required) - 1])


SETTINGS = {
    "activation": (lambda s: _core.activate(s, X), members.ACTIVATIONS),
    "layer": (
        lambda s: Plan((5,), [s], "float64").forward(np.ones(99), np.ones(99), X, True),
        [row.settings for row in members.LAYERS],
    ),
    "loss": (lambda s: _core.loss_rows(s, np.ones((4, 3)), np.ones((4, 3))), members.LOSSES),
    "metric": (lambda s: _core.metric_rows(s, np.ones((4, 3)), np.ones((4, 3))), members.METRICS),
    "count": (
        lambda s: _core.metric_sums(s, np.ones((4, 3)), np.ones((4, 3)), np.ones(4)),
        members.COUNTS,
    ),
    "optimizer": (_core.optimizer_slots, [row.settings for row in members.OPTIMIZERS]),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_no_setting_makes_it_panic(what):
    call, rows = SETTINGS[what]
    for row in rows:
        for key in row:
            assert survive(lambda row=row, key=key: call({k: row[k] for k in row if k != key}))
            for value in HOSTILE.values():
                assert survive(lambda row=row, key=key, value=value: call({**row, key: value}))


@pytest.mark.parametrize("place", range(len(CACHE)))
def test_no_cache_makes_it_panic(place):
    """A cache of another plan, of another batch, or with parts exchanged."""
    for value in (*HOSTILE.values(), *CACHE):
        forged = [*CACHE]
        forged[place] = value
        assert survive(lambda forged=forged: PLAN.backward(PARAMS, tuple(forged), np.ones((4, 3))))
    for rows in (0, 1, 3, 5, 1000):
        assert survive(lambda rows=rows: PLAN.backward(PARAMS, CACHE, np.ones((rows, 3))))
    other = Plan((5,), [DENSE], "float64")
    assert survive(lambda: other.backward(np.ones(other.parameter_count), CACHE, np.ones((4, 3))))
