"""Losses by themselves: Keras's meanings, targets in all their forms, refusals."""

import numpy as np
import pytest
from fanin import losses
from fanin.errors import ShapeError

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
ONE_HOT = np.array([[1.0, 0, 0], [0, 1, 0]])
CLASSES = np.array([0, 1])
ROWS = -np.log([0.7, 0.1])


def test_crossentropies_agree():
    for y_true, loss in (
        (ONE_HOT, losses.CategoricalCrossentropy()),
        (CLASSES, losses.SparseCategoricalCrossentropy()),
        (CLASSES[:, None], losses.SparseCategoricalCrossentropy()),
        (CLASSES.astype(float), losses.SparseCategoricalCrossentropy()),
        (CLASSES.astype(np.uint8), losses.SparseCategoricalCrossentropy()),
    ):
        assert loss(y_true, P) == pytest.approx(ROWS.mean(), rel=1e-12)


def test_functions_give_rows_and_logits_agree():
    logits = np.log(P) + 5
    np.testing.assert_allclose(losses.categorical_crossentropy(ONE_HOT, P), ROWS, rtol=1e-12)
    np.testing.assert_allclose(
        losses.sparse_categorical_crossentropy(CLASSES, logits, from_logits=True), ROWS, rtol=1e-12
    )
    np.testing.assert_allclose(
        losses.binary_crossentropy([[1.0, 0.0]], [[0.5, 0.75]]),
        [(np.log(2) + np.log(4)) / 2],
        rtol=1e-12,
    )
    np.testing.assert_allclose(losses.mean_squared_error([[0.0, 2.0]], [[1.0, 0.0]]), [2.5])
    np.testing.assert_allclose(losses.mean_absolute_error([[0.0, 2.0]], [[1.0, 0.0]]), [1.5])


def test_label_smoothing():
    smooth = 0.9 * ONE_HOT + 0.1 / 3
    expected = -(smooth * np.log(P)).sum(1).mean()
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1)
    assert loss(ONE_HOT, P) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum_over_batch_size", ROWS @ [2, 0.5] / 2),
        ("mean", ROWS @ [2, 0.5] / 2),
        ("sum", ROWS @ [2, 0.5]),
        ("none", ROWS * [2, 0.5]),
        (None, ROWS * [2, 0.5]),
    ],
)
def test_reductions_and_weights(reduction, expected):
    loss = losses.CategoricalCrossentropy(reduction=reduction)
    np.testing.assert_allclose(loss(ONE_HOT, P, sample_weight=[2, 0.5]), expected, rtol=1e-12)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_gradient_is_that_of_the_value(reduction):
    loss = losses.MeanSquaredError(reduction)
    y, t, w = P.copy(), ONE_HOT, np.array([1.0, 3.0])
    _, gradient = loss.value_and_gradient(t, y, w)
    for index in np.ndindex(y.shape):
        ends = []
        for step in (1e-5, -1e-5):
            moved = y.copy()
            moved[index] += step
            ends.append(loss(t, moved, w))
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-9)


def test_shapes_like_keras():
    mse = losses.MeanSquaredError()
    column, flat = np.array([[1.0], [2.0]]), np.array([0.0, 0.0])
    assert mse(flat, column) == 2.5  # (n,) against (n, 1): no broadcasting to (n, n)
    assert losses.mse(flat, flat + 2) == 4.0
    three = np.random.default_rng(0).random((2, 3, 4))
    assert losses.mse(three, three + 1).shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("mse", losses.MeanSquaredError),
        ("MSE", losses.MeanSquaredError),
        ("mae", losses.MeanAbsoluteError),
        ("bce", losses.BinaryCrossentropy),
        ("binary_crossentropy", losses.BinaryCrossentropy),
        ("CategoricalCrossentropy", losses.CategoricalCrossentropy),
        ("sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy),
        (losses.mean_squared_error, losses.MeanSquaredError),
        (losses.MeanSquaredError, losses.MeanSquaredError),
        ({"class_name": "MeanSquaredError", "config": {}}, losses.MeanSquaredError),
    ],
)
def test_names(name, cls):
    assert type(losses.resolve(name)) is cls


def test_get_is_keras():
    assert losses.get("mse") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(None) is None


@pytest.mark.parametrize("cls", losses._registry().members)
def test_round_trip(cls):
    loss = cls(name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert again.name == "mine"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: losses.get("categorical_crossentrpy"), ValueError, "categorical_crossentropy"),
        (lambda: losses.resolve(lambda t, y: 0), TypeError, "loss: expected a name"),
        (lambda: losses.MeanSquaredError(reduction="men"), ValueError, "reduction"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=2), ValueError, "label_smoothing"),
        (lambda: losses.CategoricalCrossentropy(axis=1), ValueError, "last axis"),
        (lambda: losses.Loss(), TypeError, "base class"),
        (lambda: losses.categorical_crossentropy(CLASSES, P), ShapeError, "to_categorical"),
        (lambda: losses.categorical_crossentropy(ONE_HOT[:, :2], P), ShapeError, "3 outputs"),
        (
            lambda: losses.sparse_categorical_crossentropy(ONE_HOT, P),
            ShapeError,
            "'categorical_crossentropy'",
        ),
        (lambda: losses.sparse_categorical_crossentropy([0, 3], P), ValueError, "from 0 to 2"),
        (
            lambda: losses.sparse_categorical_crossentropy([0, -1], P),
            ValueError,
            r"found -1 at \[1\]",
        ),
        (lambda: losses.sparse_categorical_crossentropy([0, 0.5], P), ValueError, "integer"),
        (lambda: losses.sparse_categorical_crossentropy([0, np.nan], P), ValueError, "integer"),
        (lambda: losses.binary_crossentropy([[2.0]], [[0.5]]), ValueError, "numbers from 0 to 1"),
        (lambda: losses.binary_crossentropy([[-1.0]], [[0.5]]), ValueError, "numbers from 0 to 1"),
        (lambda: losses.mse([[np.nan]], [[0.5]]), ValueError, r"y_true: .* found nan at \[0, 0\]"),
        (lambda: losses.mse([[1.0]], [[0.5], [1.0]]), ShapeError, "y_true"),
        (lambda: losses.mse([["a"]], [[0.5]]), TypeError, "y_true"),
        (lambda: losses.mse(np.zeros((0, 2)), np.zeros((0, 2))), ShapeError, "non-empty"),
        (
            lambda: losses.MeanSquaredError()([[1.0]], [[1.0]], sample_weight=[1, 2]),
            ShapeError,
            "sample_weight",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
