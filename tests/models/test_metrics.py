"""Metrics by themselves, and what "accuracy" means."""

import numpy as np
import pytest
from fanin import losses, metrics
from fanin.errors import ShapeError

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.5, 0.3]])


def test_values():
    classes = np.array([0, 1, 1])
    assert metrics.SparseCategoricalAccuracy()(classes, P) == pytest.approx(2 / 3)
    assert metrics.CategoricalAccuracy()(np.eye(3)[classes], P) == pytest.approx(2 / 3)
    assert metrics.BinaryAccuracy()([1, 0, 0], [0.9, 0.5, 0.6]) == pytest.approx(2 / 3)
    assert metrics.BinaryAccuracy(threshold=0.7)([1, 0, 0], [0.9, 0.5, 0.6]) == 1.0
    assert metrics.MeanSquaredError()([[0.0], [2.0]], [[0.0], [0.0]]) == 2.0
    assert metrics.MeanAbsoluteError()([[0.0], [2.0]], [[0.0], [0.0]]) == 1.0


def test_running_mean():
    metric = metrics.MeanSquaredError()
    assert metric.result() == 0.0
    metric.update_state([[0.0]], [[2.0]])
    metric.update_state([[0.0], [0.0]], [[1.0], [1.0]])
    assert metric.result() == 2.0
    metric.reset_state()
    metric.update_state([[0.0], [0.0]], [[1.0], [3.0]], sample_weight=[3, 1])
    assert metric.result() == 3.0


@pytest.mark.parametrize(
    ("identifier", "loss", "outputs", "cls"),
    [
        ("accuracy", "sparse_categorical_crossentropy", 10, metrics.SparseCategoricalAccuracy),
        ("acc", "categorical_crossentropy", 10, metrics.CategoricalAccuracy),
        ("accuracy", "binary_crossentropy", 1, metrics.BinaryAccuracy),
        # Keras goes by the shape alone, and compares places of maxima, which mean nothing here.
        ("accuracy", "binary_crossentropy", 3, metrics.BinaryAccuracy),
        ("accuracy", "mean_squared_error", 1, metrics.BinaryAccuracy),
        ("mse", "categorical_crossentropy", 3, metrics.MeanSquaredError),
        (losses.mean_absolute_error, "mean_squared_error", 3, metrics.MeanAbsoluteError),
        (metrics.BinaryAccuracy, "binary_crossentropy", 3, metrics.BinaryAccuracy),
    ],
)
def test_resolution(identifier, loss, outputs, cls):
    metric = metrics.resolve(identifier, loss, outputs)
    assert type(metric) is cls
    if isinstance(identifier, str):
        assert metric.name == identifier


@pytest.mark.parametrize("cls", metrics._registry().members)
def test_round_trip(cls):
    needed = {"recall", "precision", "specificity", "sensitivity"} & cls._options.keys()
    own = next((name for name in needed if cls.__name__.lower().endswith(f"at{name}")), None)
    metric = cls(name="mine", **({} if own is None else {own: 0.5}))
    assert metrics.deserialize(metrics.serialize(metric)).get_config() == metric.get_config()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.check("acuracy"), ValueError, "did you mean 'accuracy'"),
        (lambda: metrics.check("accurcy"), ValueError, "did you mean 'accuracy'"),
        (lambda: metrics.get("binary_acuracy"), ValueError, "did you mean 'binary_accuracy'"),
        (lambda: metrics.check(3), TypeError, "metric: expected a name"),
        (lambda: metrics.Metric(), TypeError, "base class"),
        (lambda: metrics.BinaryAccuracy(threshold="x"), TypeError, "threshold"),
        (
            lambda: metrics.resolve("mse", "sparse_categorical_crossentropy", 3),
            ValueError,
            "integer classes",
        ),
        (lambda: metrics.CategoricalAccuracy()([0, 1, 1], P), ShapeError, "sparse_categorical"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
