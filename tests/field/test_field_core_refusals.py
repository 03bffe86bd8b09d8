"""Faults seen in use, the core: poor words (S3), foreign caches (R8)."""

import os
import subprocess
import sys

import fanin
import members
import numpy as np
import pytest
from fanin import _core, layers
from fanin.layers._network import Network
from fanin.models._samples import Samples
from numerics import objective
from refusals import assert_refused, outcome

# What is no number of threads, the kind of refusal, and what is said to have been found.
NO_COUNTS = {
    "-1": (-1, ValueError, "found -1"),
    "0": (0, ValueError, "found 0"),
    "2^70": (2**70, ValueError, "found an integer of 71 bits"),
    "True": (True, TypeError, "found True"),
    "text": ("a", TypeError, "found 'a'"),
    "1.5": (1.5, TypeError, "found 1.5"),
    "an array": (np.array([1, 2]), TypeError, "found an array"),
}


def trained():
    model = fanin.Sequential([layers.Dense(1, input_dim=3)], rng=0)
    model.compile("sgd", "mse")
    return model


X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
FIT = {
    "fit": lambda n: trained().fit(X, Y, threads=n, verbose=0),
    "fit_many": lambda n: fanin.fit_many([trained()], X, Y, threads=n, verbose=0),
    "evaluate": lambda n: trained().evaluate(X, Y, threads=n, verbose=0),
    "predict": lambda n: trained().predict(X, threads=n, verbose=0),
    "symmetry": lambda n: fanin.symmetry(trained(), X, Y, steps=1, threads=n),
}


def backward(network, n):
    network.build((None, 3))
    y, cache = network.forward(X)
    network.backward(y, cache, threads=n)


PASSES = {
    "layer.forward": lambda n: layers.Dense(2).forward(X, threads=n),
    "layer.backward": lambda n: backward(layers.Dense(2), n),
    "model.forward": lambda n: trained().forward(X, threads=n),
    "model.backward": lambda n: backward(trained(), n),
    "moments": lambda n: _core.moments(X, n),
    "histogram": lambda n: _core.histogram(X, 0, 1, 8, n),
}


@pytest.mark.parametrize("row", NO_COUNTS.values(), ids=NO_COUNTS)
def test_field_S3_no_number_of_threads_is_refused_in_words(row):
    value, kind, found = row
    before = fanin.get_num_threads()
    error = outcome(lambda: fanin.set_num_threads(value))
    changed = fanin.get_num_threads() != before
    fanin.set_num_threads(before)
    assert isinstance(error, kind), repr(error)
    assert str(error).startswith("n: expected a whole number of at ")
    assert found in str(error)
    assert not changed


def test_field_S3_the_words_are_these():
    error = outcome(lambda: fanin.utils.set_num_threads(-1))
    assert str(error) == "n: expected a whole number of at least 1, found -1"


@pytest.mark.parametrize("row", NO_COUNTS.values(), ids=NO_COUNTS)
@pytest.mark.parametrize("entry", PASSES.values(), ids=PASSES)
def test_field_S3_a_pass_refuses_no_number_of_threads_likewise(entry, row):
    value, kind, found = row
    assert_refused(lambda: entry(value), kind, "threads: expected a whole number", found)


@pytest.mark.parametrize("row", NO_COUNTS.values(), ids=NO_COUNTS)
@pytest.mark.parametrize("entry", FIT.values(), ids=FIT)
def test_field_S3_training_refuses_no_number_of_threads_likewise(entry, row):
    value, kind, found = row
    assert_refused(lambda: entry(value), kind, "threads: expected a whole number", found)


def test_whole_numbers_of_any_library_are_numbers_of_threads():
    before = fanin.get_num_threads()
    for n in (1, 2, np.int64(3), np.uint8(2)):
        fanin.set_num_threads(n)
        assert fanin.get_num_threads() == n
    fanin.set_num_threads(before)
    for entry in (*FIT.values(), *PASSES.values()):
        for n in (None, 1, np.int64(2)):
            entry(n)


ENVIRONMENT = """
import fanin
import numpy as np

calls = {
    "get": fanin.get_num_threads,
    "draw": lambda: fanin.initializers.HeNormal()((3, 4)),
    "layer": lambda: fanin.layers.Dense(1)(np.ones((2, 3))),
    "moments": lambda: fanin._core.moments(np.ones((2, 3))),
}
for name, call in calls.items():
    try:
        call()
        print(name, "is done")
    except Exception as error:
        print(type(error).__name__, error)
fanin.set_num_threads(2)
print(fanin.get_num_threads(), calls["draw"]().shape)
"""


@pytest.mark.parametrize("text", ["banana", "0", "-1", "2,2"])
def test_field_S3_our_own_environment_variable_is_refused_in_words(text):
    environment = {**os.environ, "FANIN_NUM_THREADS": text, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", ENVIRONMENT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    words = f'FANIN_NUM_THREADS: expected a whole number of at least 1, found "{text}"'
    assert run.stdout.splitlines() == [f"ValueError {words}"] * 4 + ["2 (3, 4)"], run.stderr


def layer():
    made = layers.Dense(3, "tanh")
    made.build((None, 3))
    return made


def model():
    return fanin.Sequential([layers.Dense(3, "tanh", input_dim=3), layers.Dense(3, "gelu")], rng=1)


def normalized():
    made = layers.BatchNormalization()
    made.build((None, 3))
    return made


NETWORKS = {"layer": layer, "model": model, "batch normalization": normalized}
# What is given in the place of a network's cache, made of that and of a network like it.
FOREIGN = {
    "None": lambda cache, twin: None,
    "a number": lambda cache, twin: 3,
    "an array": lambda cache, twin: X,
    "an empty tuple": lambda cache, twin: (),
    "a list": lambda cache, twin: [*cache],
    "too few": lambda cache, twin: cache[:-1],
    "too many": lambda cache, twin: (*cache, 1),
    "in another order": lambda cache, twin: cache[::-1],
    "one within another": lambda cache, twin: (cache,),
    "of one like it": lambda cache, twin: twin.forward(X)[1],
    "of one that is wider": lambda cache, twin: layers.Dense(7).forward(X)[1],
    "of one in double precision": lambda cache, twin: layers.Dense(3, dtype="float64").forward(X)[
        1
    ],
    "of a longer batch": lambda cache, twin: twin.forward(np.ones((9, 3), "float32"))[1],
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_field_R8_backward_takes_only_its_own_cache(make, foreign):
    network, twin = make(), make()
    y, cache = network.forward(X, training=True)
    dy = np.full_like(y, 0.5)
    given = foreign(cache, twin)
    words = "cache: expected what forward of this network returned, found "
    assert_refused(lambda: network.backward(dy, given), (TypeError, ValueError), words)
    dx, gradients = network.backward(dy, cache)
    assert all(np.isfinite(array).all() for array in (dx, *gradients.values()))


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_cache_is_its_networks_whatever_else_is_done(make):
    network = make()
    y, cache = network.forward(X, training=True)
    dx, gradients = network.backward(np.ones_like(y), cache)
    dx, gradients = dx.copy(), {name: array.copy() for name, array in gradients.items()}
    for rows in (3, 9):
        network.forward(np.zeros((rows, 3), "float32"), training=True)
    again, gradients_again = network.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(again, dx)
    for name, array in gradients.items():
        np.testing.assert_array_equal(gradients_again[name], array)
    # The outputs themselves may be what comes back, though they may lie in what is kept.
    expected = network.backward(y.copy(), cache)[0].copy()
    np.testing.assert_array_equal(network.backward(y, cache)[0], expected)
    assert_refused(lambda: network.backward(np.ones((9, 3)), cache), ValueError, "dy")


# What the core is asked for with a dtype by name.
OF_DTYPE = {
    "Plan": lambda dtype: _core.Plan((3,), [members.dense(2)], dtype),
    "constant": lambda dtype: _core.constant((3,), dtype, 1.0),
    "random_normal": lambda dtype: _core.random_normal((3,), dtype, "1", "a", 0.0, 1.0),
    "torch_uniform": lambda dtype: _core.torch_uniform(_core.mt19937_state(1), (3,), dtype, 0, 1),
    "torch_normal": lambda dtype: _core.torch_normal(_core.mt19937_state(1), (16,), dtype, 0, 1),
    "jax_uniform": lambda dtype: _core.jax_uniform((0, 1), (3,), dtype, 0.0, 1.0),
    "jax_normal": lambda dtype: _core.jax_normal((0, 1), (3,), dtype),
    "jax_truncated_normal": lambda dtype: _core.jax_truncated_normal((0, 1), (3,), dtype, -1, 1),
}


@pytest.mark.parametrize("dtype", ["float16", "int64", "f4", ""])
@pytest.mark.parametrize("entry", OF_DTYPE.values(), ids=OF_DTYPE)
def test_field_S3_another_dtype_is_a_type_error_in_one_form_of_words(entry, dtype):
    words = f'dtype: expected float32 or float64, found "{dtype}"'
    assert_refused(lambda: entry(dtype), TypeError, words)


# Refusals of the core that had other words, or none of its own.
WORDS = {
    "too many units": (
        lambda: layers.Dense(2**70)(X),
        ValueError,
        "units: expected a whole number of at most 9223372036854775807, found an integer of 71 "
        "bits",
    ),
    "too many inputs": (
        lambda: fanin.Sequential([layers.Dense(1, input_dim=2**70)]),
        ValueError,
        "input_dim: expected a whole number of at most ",
    ),
    "an array that is too large": (
        lambda: fanin.initializers.HeNormal()((2**40, 2**40)),
        ValueError,
        "shape: expected an array that fits into memory, found (1099511627776, 1099511627776)",
    ),
    "too many axes": (
        lambda: _core.constant((1,) * 70, "float32", 1.0),
        ValueError,
        "shape: expected one that NumPy takes, found (1, 1, ",
    ),
    "no samples": (
        lambda: _core.moments(np.ones((0, 3))),
        ValueError,
        "x: expected at least one element, found shape (0, 3)",
    ),
    "an array that is read-only": (
        lambda: _core.constant((2, 2), "float64", 1.0, READ_ONLY),
        ValueError,
        "out: expected an array that can be written to, found a read-only one",
    ),
    "an array given twice": (
        lambda: _core.outputs_first(SQUARE, SQUARE),
        ValueError,
        "out: expected an array for this call alone, found one that ",
    ),
    "matrices that do not fit": (
        lambda: _core.product(np.ones((2, 3)), SQUARE, SQUARE.copy()),
        ValueError,
        "rows of b: expected shape (3,), found (2,)",
    ),
    "a product into what it reads": (
        lambda: _core.product(SQUARE, SQUARE, SQUARE[:1]),
        ValueError,
        "out: expected an array for this call alone, found one that ",
    ),
    "a product of no matrix": (
        lambda: _core.product(np.ones(2), SQUARE, SQUARE.copy()),
        ValueError,
        "a: expected 2 dimensions, found shape (2,)",
    ),
    "a metric of other targets": (
        lambda: evaluate({"kind": "sparse_categorical_accuracy"}),
        ValueError,
        "metrics: expected metrics of one number an output, as the loss is, found one of one class",
    ),
}
SQUARE, READ_ONLY = np.ones((2, 2)), np.ones((2, 2))
READ_ONLY.flags.writeable = False


def evaluate(metric):
    plan = _core.Plan((3,), [members.dense(3)], "float64")
    x, mse = np.ones((2, 3)), {"kind": "mean_squared_error"}
    network = Network(plan, np.zeros(12), np.zeros(0))
    _core.evaluate(network, objective(mse, metric), Samples(x, x, None), 1)


@pytest.mark.parametrize("row", WORDS.values(), ids=WORDS)
def test_field_S3_the_core_refuses_in_one_form_of_words(row):
    assert_refused(*row)
