"""What `fanin.compare` takes and refuses: settings and data."""

import math

import fanin
import numpy as np
import pytest
from blobs import DATA, LABELS, QUICK
from fanin.comparison import data
from fanin.errors import ShapeError


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs: expected a whole number of at least 1, found 0"),
        ({"epochs": 1.5}, TypeError, "epochs: expected a whole number"),
        ({"epochs": True}, TypeError, "epochs"),
        ({"seeds": 0}, ValueError, "seeds"),
        ({"seeds": []}, ValueError, "seeds: expected at least one"),
        ({"seeds": [1, 1]}, ValueError, "seeds: expected different ones"),
        ({"seeds": [-1]}, ValueError, "seeds: expected a whole number of at least 0, found -1"),
        ({"seeds": "three"}, TypeError, "seeds"),
        ({"hidden": [0]}, ValueError, "hidden: expected a whole number of at least 1"),
        ({"hidden": []}, ValueError, "hidden: expected at least one layer"),
        ({"batch_size": -1}, ValueError, "batch_size"),
        ({"validation_split": 1.0}, ValueError, "validation_split"),
        ({"validation_split": "a"}, TypeError, "validation_split"),
        ({"validation_split": 0.999}, ValueError, "validation_split"),
        ({"target": 1.5}, ValueError, "target"),
        ({"target": 0.5, "validation_split": 0}, ValueError, "target"),
        ({"initialize": "output"}, ValueError, "initialize"),
        ({"learning_rate": 0}, ValueError, "learning_rate"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate"),
        ({"optimizer": "adm"}, ValueError, "did you mean 'adam'"),
        ({"activation": "rleu"}, ValueError, "did you mean 'relu'"),
        ({"workers": 0}, ValueError, "workers"),
        ({"progress": "maybe"}, ValueError, "progress"),
        ({"data": "mnist"}, ValueError, "unknown data set 'mnist'"),
        ({"data": 3}, TypeError, "data: expected"),
        ({"data": "no.npz"}, FileNotFoundError, "no.npz"),
    ],
)
def test_bad_settings(changes, error, message):
    with pytest.raises(error, match=message):
        fanin.compare("zeros", **{**QUICK, **changes})


def changed(part, place, value):
    parts = [list(pair) for pair in DATA]
    parts[part][place] = value
    return tuple(tuple(pair) for pair in parts)


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        (changed(0, 0, np.full((240, 6), np.nan)), ValueError, "x_train: expected finite"),
        (changed(1, 0, np.full((60, 6), 1e300)), ValueError, "x_test: expected finite"),
        (changed(1, 0, np.zeros((60, 5))), ShapeError, "x_test"),
        (changed(1, 0, np.zeros((0, 6))), ShapeError, "x_test"),
        (changed(0, 0, np.zeros(240)), ShapeError, "x_train"),
        (changed(0, 0, np.full((240, 6), "a")), TypeError, "x_train"),
        (changed(0, 1, np.zeros(239, int)), ShapeError, "y_train"),
        (changed(0, 1, np.full(240, 0.5)), ValueError, "y_train: expected whole numbers"),
        (changed(0, 1, np.full(240, -1)), ValueError, "y_train: expected classes from 0 to"),
        (changed(0, 1, np.ones((240, 3))), ValueError, "y_train: expected a single 1"),
        (changed(0, 1, np.full(240, "a")), TypeError, "y_train"),
    ],
)
def test_bad_data(arrays, error, message):
    with pytest.raises(error, match=message):
        fanin.compare("zeros", **{**QUICK, "data": arrays})


def test_labels_in_every_form_are_the_same_data():
    plain = data.load(DATA, 0.25)
    one_hot = data.load(changed(0, 1, np.eye(3)[LABELS[:240]]), 0.25)
    column = data.load(changed(0, 1, LABELS[:240, None].astype("uint8")), 0.25)
    for other in (one_hot, column):
        np.testing.assert_array_equal(plain.y_train, other.y_train)
        np.testing.assert_array_equal(plain.y_validation, other.y_validation)
    assert (len(plain.x_train), len(plain.x_validation), len(plain.x_test)) == (180, 60, 60)


def test_file_of_arrays(tmp_path):
    (x, y), (x_test, y_test) = DATA
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    from_file = fanin.compare("he_normal", seeds=1, **{**QUICK, "data": tmp_path / "d.npz"})
    from_arrays = fanin.compare("he_normal", seeds=1, **QUICK)
    assert from_file.arms == from_arrays.arms
    np.savez(tmp_path / "e.npz", x_train=x)
    with pytest.raises(ValueError, match="found one without y_train, x_test, y_test"):
        fanin.compare("zeros", data=str(tmp_path / "e.npz"))
    (tmp_path / "f.npz").write_text("no archive")
    with pytest.raises(
        ValueError, match=r"f\.npz: expected an npz archive .* found a file of another format"
    ):
        fanin.compare("zeros", data=str(tmp_path / "f.npz"))
