"""Files and pickles of 0.1.0 are read, and training goes on from them.

It goes on to the bits of ``continued.npz`` on every machine, which are, but for rounding, what
0.1.0 went on to.
"""

import importlib.util
import pickle
from pathlib import Path

import fanin
import numpy as np
import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDER = GOLDEN / "archives_0_1_0"
_spec = importlib.util.spec_from_file_location("make_archives", GOLDEN / "make_archives.py")
program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(program)


def _arrays(name):
    with np.load(FOLDER / name) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def after():
    return _arrays("after.npz")


@pytest.fixture(scope="module")
def continued():
    return _arrays("continued.npz")


def of(name, arrays):
    start = f"{name}/"
    return {key.removeprefix(start): a for key, a in arrays.items() if key.startswith(start)}


def assert_bits(model, name, arrays):
    expected, found = of(name, arrays), program.bits(model)
    assert found.keys() == expected.keys()
    for key, array in found.items():
        assert array.dtype == expected[key].dtype
        assert array.tobytes() == expected[key].tobytes(), key


@pytest.mark.parametrize("name", program.TRAINED)
def test_training_goes_on_to_the_same_bits(name, continued, tmp_path):
    model = fanin.models.load_model(FOLDER / f"{name}.npz")
    targets = program.CLASSES if model.name == "classifier" else program.TARGETS
    model.save(tmp_path / "again.npz")  # what is read is written as it was
    again = fanin.models.load_model(tmp_path / "again.npz")
    for each in (model, again):
        program.train(each, targets, 2, 4)
        assert_bits(each, name, continued)


@pytest.mark.parametrize("name", program.TRAINED)
def test_training_goes_on_from_a_pickle(name, continued):
    model = pickle.loads((FOLDER / f"{name}.pickle").read_bytes())
    targets = program.CLASSES if model.name == "classifier" else program.TARGETS
    for each in (pickle.loads(pickle.dumps(model)), model):
        program.train(each, targets, 2, 4)
        assert_bits(each, name, continued)


def test_an_untrained_model_starts_to_the_same_bits(continued):
    model = fanin.models.load_model(FOLDER / "untrained.npz")
    program.train(model, program.CLASSES, 0, 1)
    assert_bits(model, "untrained", continued)


@pytest.mark.parametrize("name", [*program.TRAINED, "untrained"])
def test_it_is_what_0_1_0_went_on_to_but_for_rounding(name, after, continued):
    expected, found = of(name, after), of(name, continued)
    assert found.keys() == expected.keys()
    for key, array in found.items():
        scale = np.abs(expected[key]).max(initial=0)
        error = np.abs(array - expected[key]).max(initial=0)
        assert error <= (1e-5 if array.dtype == np.float32 else 1e-13) * scale, key


def test_models_and_weights_without_an_optimizer(after):
    assert_bits(fanin.models.load_model(FOLDER / "uncompiled.npz"), "uncompiled", after)
    model, _ = program.classifier("sgd", 0)
    model.load_weights(FOLDER / "weights.npz")
    assert model.params.tobytes() == after["weights/params"].tobytes()
    assert model.state.tobytes() == after["weights/state"].tobytes()
    weights = model.get_weights()
    model.load_weights(FOLDER / "untrained.npz")  # weights out of a whole model
    assert not np.array_equal(weights[0], model.get_weights()[0])


def test_every_file_is_tested():
    names = {path.stem for path in FOLDER.glob("*.npz")}
    assert names == {*program.TRAINED, "untrained", "uncompiled", "weights", "after", "continued"}
