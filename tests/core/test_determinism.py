"""Same seed, same bits: for any number of threads, every instruction set, in copies and forks."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import fanin
import members
import numpy as np
import pytest
from fanin import _core
from fanin.layers import BatchNormalization, Dense, Dropout, Input
from hypothesis import given, settings
from hypothesis import strategies as st
from numerics import RandomNetwork

THREADS = [1, 2, 3]


def classified(rows, width, classes=10):
    """A data set with something to learn."""
    rng = np.random.default_rng(rows)
    labels = rng.integers(0, classes, rows)
    centres = rng.normal(size=(classes, width))
    return (centres[labels] + rng.normal(size=(rows, width))).astype("float32"), labels


def network(*hidden, width, normalized=False, dropped=0.0, activation="relu", dtype="float32"):
    layers = [Input(shape=(width,))]
    for units in hidden:
        layers.append(Dense(units, activation, kernel_initializer="he_normal", dtype=dtype))
        if normalized:
            layers.append(BatchNormalization(dtype=dtype))
        if dropped:
            layers.append(Dropout(dropped, dtype=dtype))
    model = fanin.Sequential([*layers, Dense(10, activation="softmax", dtype=dtype)], rng=1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Case:
    """A network, its data and its batch size; `fit` and `bits` are what is compared."""

    def __init__(self, *hidden, width, rows, batch_size, **network):
        self.hidden, self.width, self.rows = hidden, width, rows
        self.batch_size, self.network = batch_size, network

    def model(self):
        return network(*self.hidden, width=self.width, **self.network)

    def fit(self, model, threads=None, epochs=2):
        x, y = classified(self.rows, self.width)
        history = model.fit(
            x,
            y,
            batch_size=self.batch_size,
            epochs=epochs,
            verbose=0,
            validation_split=0.1,
            rng=2,
            threads=threads,
        )
        return history.history

    def bits(self, model):
        return [w.tobytes() for w in model.get_weights()]


# Large enough for parallel products, statistics, activations and optimizer passes, and small ones
# that stay on one thread; with last batches that are short.
CASES = {
    "784-512-512-10 normalized, batch 256": Case(
        512, 512, width=784, rows=1300, batch_size=256, normalized=True
    ),
    "784-128-10, batch 64": Case(128, width=784, rows=2000, batch_size=64),
    "64-64-10, batch 32": Case(64, width=64, rows=1000, batch_size=32),
    "gelu and an odd batch": Case(
        301, 77, width=203, rows=1500, batch_size=611, activation="gelu", normalized=True
    ),
    "double precision": Case(
        257, 130, width=200, rows=1500, batch_size=400, normalized=True, dtype="float64"
    ),
    "dropout": Case(300, 100, width=200, rows=1500, batch_size=256, dropped=0.3),
    "the whole set as one batch": Case(33, width=50, rows=9000, batch_size=9000, normalized=True),
}
SMALL, LARGE = CASES["64-64-10, batch 32"], CASES["784-512-512-10 normalized, batch 256"]


@pytest.mark.parametrize("name", CASES)
def test_fit_is_the_same_for_any_number_of_threads(name):
    case = CASES[name]
    runs = []
    for threads in THREADS:
        model = case.model()
        history = case.fit(model, threads)
        runs.append((case.bits(model), history))
    assert np.isfinite(runs[0][1]["loss"]).all()
    assert runs[0] == runs[1] == runs[2]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    rows=st.integers(1, 700),
    fan_in=st.integers(1, 700),
    units=st.integers(1, 700),
    activation=st.sampled_from(members.ACTIVATIONS),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_a_pass_is_the_same_for_any_number_of_threads(rows, fan_in, units, activation, dtype):
    stack = [members.dense(units, activation), members.batch_normalization(), members.dropout(0.4)]
    net = RandomNetwork((fan_in,), stack, dtype)
    x, results = net.input(rows), []
    for threads in THREADS:
        state = net.state.copy()
        y, cache = net.plan.forward(net.params, state, x, True, threads)
        dx, grads = net.plan.backward(net.params, cache, y, threads)
        results.append([a.tobytes() for a in (y, state, dx, grads)])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("name", CASES)
def test_predict_and_evaluate_are_the_same_for_any_number_of_threads(name):
    case = CASES[name]
    model = case.model()
    x, y = classified(case.rows, case.width)
    before = _core.get_num_threads()
    results = []
    try:
        for threads in THREADS:
            _core.set_num_threads(threads)
            results.append((model.predict(x, verbose=0).tobytes(), model.evaluate(x, y, verbose=0)))
    finally:
        _core.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_a_prediction_does_not_depend_on_its_batch():
    """The rows that share a batch change no bit of a row."""
    model = LARGE.model()
    x, _ = classified(300, 784)
    whole, single = (model.predict(x, batch_size=size, verbose=0) for size in (300, 1))
    assert np.array_equal(whole, single)


def test_the_environment_sets_the_threads():
    code = "from fanin import _core; print(_core.get_num_threads())"
    environment = {**os.environ, "FANIN_NUM_THREADS": "3"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "3"


SAMPLES = """
import hashlib
from fanin import _core, initializers as i
digest = hashlib.sha256()
for threads in (1, 2):
    _core.set_num_threads(threads)
    for dtype in ("float32", "float64"):
        for initializer in (
            i.RandomUniform(-2, 3), i.RandomNormal(1, 2), i.TruncatedNormal(0, 1), i.HeNormal(),
            i.GlorotUniform(), i.LecunNormal(), i.Orthogonal(),
            i.VarianceScaling(2, "fan_avg", "untruncated_normal"),
        ):
            for shape in ((1, 1), (7, 3), (130, 121), (257, 300)):
                digest.update(initializer(shape, dtype, rng=5).tobytes())
print(_core.simd_level(), digest.hexdigest())
print(hashlib.sha256(i.HeNormal()((513, 511), rng=9).tobytes()).hexdigest())
"""


def test_samplers_are_the_same_at_every_instruction_set():
    best = _core.simd_level()
    levels = ["baseline", "avx2", "avx512"]
    results = {}
    for level in levels[: levels.index(best) + 1]:
        environment = {**os.environ, "FANIN_SIMD": level}
        run = subprocess.run(
            [sys.executable, "-c", SAMPLES],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        ran_at, *digests = run.stdout.split()
        assert ran_at == level
        results[level] = digests
    assert len(set(map(tuple, results.values()))) == 1


@pytest.mark.parametrize("initializer", ["he_normal", "glorot_uniform", "orthogonal"])
def test_samplers_are_the_same_for_any_number_of_threads(initializer):
    before = _core.get_num_threads()
    drawn = []
    try:
        for threads in THREADS:
            _core.set_num_threads(threads)
            drawn.append(fanin.initializers.get(initializer)((611, 409), rng=3).tobytes())
    finally:
        _core.set_num_threads(before)
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["deepcopy", "pickle"],
)
def test_a_copy_continues_as_the_original(duplicate):
    """Weights, statistics, the optimizer's memory and masks come along; nothing is shared."""
    case = Case(40, width=30, rows=500, batch_size=32, normalized=True, dropped=0.2)
    model = case.model()
    case.fit(model)
    twin = duplicate(model)
    before = case.bits(twin)
    expected = case.fit(model)
    assert case.bits(twin) == before, "training the original changed the copy"
    assert case.fit(twin) == expected
    assert case.bits(twin) == case.bits(model)


def test_models_trained_at_once_equal_those_trained_in_turn():
    cases = [SMALL, LARGE, CASES["gelu and an odd batch"], SMALL]

    def trained(case):
        model = case.model()
        return case.fit(model, threads=2), case.bits(model)

    in_turn = [trained(case) for case in cases]
    with ThreadPoolExecutor(len(cases)) as pool:
        at_once = list(pool.map(trained, cases))
    assert at_once == in_turn


def trained_in_child(answers):
    model = LARGE.model()
    LARGE.fit(model, threads=2, epochs=1)
    answers.put(LARGE.bits(model))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # Python 3.12: threads and fork
def test_a_forked_child_can_train():
    """The parent's threads do not exist in the child, which must not wait for them."""
    model = LARGE.model()
    LARGE.fit(model, threads=2, epochs=1)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=trained_in_child, args=(answers,))
    child.start()
    try:
        assert answers.get(timeout=1200) == LARGE.bits(model)
        child.join(timeout=1200)
        assert child.exitcode == 0
    finally:
        child.kill()
    again = LARGE.model()
    LARGE.fit(again, threads=2, epochs=1)
    assert LARGE.bits(again) == LARGE.bits(model), "the parent still can"


def test_every_model_of_a_seed_sees_the_same_batches():
    """The order of an epoch is a function of the seed, the epoch and the number of rows alone."""
    orders = [_core.permutation("7", "shuffle/0", 1000) for _ in range(2)]
    assert np.array_equal(*orders)
    assert np.array_equal(np.sort(orders[0]), np.arange(1000))
    others = [_core.permutation("8", "shuffle/0", 1000), _core.permutation("7", "shuffle/1", 1000)]
    for other in others:
        assert np.mean(other == orders[0]) < 0.02
