"""The golden digests of trainings hold at every instruction set and for any number of threads."""

import importlib.util
from itertools import chain
from pathlib import Path

import fanin
import numpy as np
import pytest
from fanin import _core
from fanin.layers import BatchNormalization, Dense, Input

ROOT = Path(__file__).parents[2]

_spec = importlib.util.spec_from_file_location("digests", ROOT / "scripts" / "digests.py")
assert _spec is not None
assert _spec.loader is not None
digests = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(digests)

GOLDEN = digests.read(ROOT / "tests" / "golden" / "digests.txt")
LEVELS = ("baseline", "avx2", "avx512")
HERE = LEVELS[: LEVELS.index(_core.simd_level()) + 1]
"""What this CPU has."""

RUNS = [*((level, 1) for level in HERE), *((HERE[-1], threads) for threads in (2, 3, 8, 17))]


@pytest.fixture
def machine():
    """Let a test choose, and put back what was chosen."""
    before = _core.simd_level(), _core.get_num_threads()

    def choose(level, threads):
        _core.set_num_threads(threads)
        assert _core.set_simd_level(level) == level

    yield choose
    choose(*before)


@pytest.mark.parametrize(("level", "threads"), RUNS)
def test_what_is_trained_and_computed_has_the_golden_digests(machine, level, threads):
    machine(level, threads)
    arrays = chain(digests.trained(), digests.computed())
    found = {name: digests.digest(array) for name, array in arrays}
    expected = {name: GOLDEN.get(name) for name in found}
    assert found == expected


def test_the_golden_digests_are_of_enough():
    trainings = {name.split(",")[0] for name in GOLDEN if name.startswith("training")}
    assert len(digests.trainings()) >= 10
    assert len(trainings) >= 10
    assert not [name for name in GOLDEN if "reported" in name and "training" not in name]


NETWORKS = {
    "a chain": [(40,), Dense(33, "relu"), Dense(7, "softmax")],
    "more inputs than a block": [(1300,), Dense(20, "gelu"), BatchNormalization(), Dense(1)],
    "narrow": [(3,), Dense(8, "tanh"), Dense(2)],
    "wide": [(64,), Dense(300, "silu"), Dense(200, "tanh"), Dense(10, "sigmoid")],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_sample_is_predicted_alike_in_every_batch_and_alone(machine, name, dtype):
    shape, *layers = NETWORKS[name]
    layers = [type(layer).from_config({**layer.get_config(), "dtype": dtype}) for layer in layers]
    model = fanin.Sequential([Input(shape, dtype=dtype), *layers], rng=1)
    x = _core.random_normal((700, *shape), dtype, "5", "x", 0.0, 1.0)
    whole = model.predict(x, verbose=0)
    for level in HERE:
        machine(level, 2)
        assert np.array_equal(model.predict(x, verbose=0), whole)
        for size in (1, 2, 5, 17, 64, 300, 513):
            parts = [
                model.predict(x[start : start + size], batch_size=size, verbose=0)
                for start in range(0, min(len(x), 9 * size), size)
            ]
            found = np.concatenate(parts)
            assert np.array_equal(found, whole[: len(found)]), size
        found = model.predict(x, batch_size=699, verbose=0)
        assert np.array_equal(found, whole)
        assert np.array_equal(model(x[:77]), whole[:77])
