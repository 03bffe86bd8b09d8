"""Faults seen in use: data of `fanin.compare` (N1, N2), and files of such data (R8)."""

import fanin
import numpy as np
import pytest
from blobs import DATA, QUICK
from fanin.comparison import data
from refusals import assert_refused, outcome

(X, Y), (X_TEST, Y_TEST) = DATA
NAMES = ("x_train", "y_train", "x_test", "y_test")


def compare(values):
    x_train, y_train, x_test, y_test = values
    pair = ((x_train, y_train), (x_test, y_test))
    return fanin.compare("zeros", seeds=1, **{**QUICK, "epochs": 1, "data": pair})


@pytest.mark.parametrize("place", range(4), ids=NAMES)
def test_field_N1_masked_data_of_a_comparison(place):
    values = [X, Y, X_TEST, Y_TEST]
    masked = np.ma.masked_array(values[place].copy())
    masked[3] = np.ma.masked
    masked.data[3] = 2
    values[place] = masked
    assert_refused(lambda: compare(values), ValueError, NAMES[place], "mask")


@pytest.mark.parametrize("place", range(4), ids=NAMES)
def test_field_N2_what_is_no_array_of_a_comparison(place):
    values = [X, Y, X_TEST, Y_TEST]
    for odd, word in (((row for row in values[place]), "once"), ({"a": values[place]}, "dict")):
        assert_refused(
            lambda odd=odd: compare([*values[:place], odd, *values[place + 1 :]]),
            TypeError,
            NAMES[place],
            word,
        )


WRONG = {
    "NaN": ("x_test", np.full((60, 6), np.nan)),
    "too large": ("x_train", np.full((240, 6), 1e300)),
    "one axis": ("x_train", np.zeros(240)),
    "another width": ("x_test", np.zeros((60, 5))),
    "negative": ("y_test", np.full(60, -1)),
    "fractions": ("y_train", np.full(240, 0.5)),
    "absurd": ("y_train", np.full(240, 1e300)),
    "absurd integers": ("y_train", np.full(240, 2**62)),
    "one class": ("y_train", np.zeros(240, int)),
}


@pytest.mark.parametrize("kind", WRONG)
def test_field_R8_wrong_values_of_a_file_name_it(kind, tmp_path):
    name, values = WRONG[kind]
    arrays = dict(zip(NAMES, (X, Y, X_TEST, Y_TEST), strict=True))
    if kind == "one class":
        arrays["y_test"] = np.zeros(60, int)
    path = tmp_path / "data.npz"
    np.savez(path, **{**arrays, name: values})
    word = "labels" if kind == "one class" else name
    assert_refused(lambda: data.load(path, 0.25), ValueError, str(path), word, "expected")


@pytest.mark.parametrize("value", [2**62, 10**9, 1e18])
def test_field_R8_absurd_classes_are_refused(value):
    """Each would be a row of outputs."""
    error = outcome(lambda: data.load(((X, np.full(240, value)), (X_TEST, Y_TEST)), 0.25))
    assert isinstance(error, ValueError)
    assert "y_train" in str(error)
