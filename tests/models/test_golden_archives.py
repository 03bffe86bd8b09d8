"""Files and pickles of 0.1.0 are read; training goes on from them to the bits that 0.1.0 gave."""

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


@pytest.fixture(scope="module")
def after():
    with np.load(FOLDER / "after.npz") as archive:
        return dict(archive)


def assert_bits(model, name, after):
    expected = {
        key.removeprefix(f"{name}/"): array
        for key, array in after.items()
        if key.startswith(f"{name}/")
    }
    found = program.bits(model)
    assert found.keys() == expected.keys()
    for key, array in found.items():
        assert array.dtype == expected[key].dtype
        assert array.tobytes() == expected[key].tobytes(), key


@pytest.mark.parametrize("name", program.TRAINED)
def test_training_goes_on_to_the_same_bits(name, after, tmp_path):
    model = fanin.models.load_model(FOLDER / f"{name}.npz")
    targets = program.CLASSES if model.name == "classifier" else program.TARGETS
    model.save(tmp_path / "again.npz")  # what is read is written as it was
    again = fanin.models.load_model(tmp_path / "again.npz")
    for each in (model, again):
        program.train(each, targets, 2, 4)
        assert_bits(each, name, after)


@pytest.mark.parametrize("name", program.TRAINED)
def test_training_goes_on_from_a_pickle(name, after):
    model = pickle.loads((FOLDER / f"{name}.pickle").read_bytes())
    targets = program.CLASSES if model.name == "classifier" else program.TARGETS
    for each in (pickle.loads(pickle.dumps(model)), model):
        program.train(each, targets, 2, 4)
        assert_bits(each, name, after)


def test_an_untrained_model_starts_to_the_same_bits(after):
    model = fanin.models.load_model(FOLDER / "untrained.npz")
    program.train(model, program.CLASSES, 0, 1)
    assert_bits(model, "untrained", after)


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
    assert names == {*program.TRAINED, "untrained", "uncompiled", "weights", "after"}
