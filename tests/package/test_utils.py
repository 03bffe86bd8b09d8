"""Helpers of scripts: one-hot targets, norms, threads."""

import numpy as np
import pytest
from fanin import utils


def test_to_categorical_is_keras():
    rows = utils.to_categorical([0, 2, 1])
    assert rows.dtype == np.float64
    assert np.array_equal(rows, np.eye(3)[[0, 2, 1]])
    assert utils.to_categorical(np.zeros((4, 1), "uint8"), 2).shape == (4, 2)
    assert utils.to_categorical(np.zeros((4, 5)), 3).shape == (4, 5, 3)
    assert utils.to_categorical(2).shape == (3,)


@pytest.mark.parametrize(
    ("x", "classes", "error", "message"),
    [
        ([0, 3], 3, ValueError, r"x: expected classes from 0 to 2, found 3 at \[1\]"),
        ([-1, 0], None, ValueError, r"found -1 at \[0\]"),
        ([0.5], None, ValueError, r"expected integer classes, found 0.5 at \[0\]"),
        ([np.nan], None, ValueError, "integer classes"),
        ([], None, ValueError, "empty"),
        (["a"], None, TypeError, "expected numbers, found the text"),
        ([1], 0, ValueError, "num_classes"),
        ([1], 2.0, TypeError, "num_classes"),
    ],
)
def test_to_categorical_refuses(x, classes, error, message):
    with pytest.raises(error, match=message):
        utils.to_categorical(x, classes)


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert np.array_equal(utils.normalize(x), [[0.6, 0.8], [0.0, 0.0]])
    np.testing.assert_allclose(np.abs(utils.normalize(x + 1, axis=0, order=1)).sum(0), 1)


def test_threads():
    before = utils.get_num_threads()
    utils.set_num_threads(1)
    assert utils.get_num_threads() == 1
    utils.set_num_threads(before)
    with pytest.raises(ValueError, match="n: expected"):
        utils.set_num_threads(0)
