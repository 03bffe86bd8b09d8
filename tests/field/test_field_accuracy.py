"""Faults seen in use, training: what "accuracy" means (T4)."""

import warnings

import fanin
import numpy as np
import pytest
from fanin import layers, losses, metrics, optimizers
from refusals import outcome


def fit(model, x, y, **options):
    return model.fit(x, y, **{"verbose": 0, **options})


def fit_many(model, x, y, **options):
    return fanin.fit_many([model], x, y, **{"verbose": 0, **options})[0]


LOGITS = np.array([[0.25], [0.3], [-1.0]], "float32")
YES_NO = np.array([1, 1, 0])
THREE = np.array([[3.0, -2.0, 1.0], [-1.0, -4.0, -0.1]], "float32")


def passing_on(loss, given, activation=None):
    """A network that gives its inputs, or their activation."""
    chain = [layers.Dense(1, kernel_initializer="ones", use_bias=False, input_dim=1)]
    if activation is not None:
        chain = [layers.Activation(activation, input_shape=(3,))]
    model = fanin.Sequential(chain, rng=0)
    model.compile(optimizers.SGD(0.0), loss, metrics=[given])
    return model


SPELLINGS = {
    "accuracy": "accuracy",
    "acc": "acc",
    "Accuracy": "Accuracy",
    "ACC": "ACC",
    "binary_accuracy": "binary_accuracy",
    "BinaryAccuracy": metrics.BinaryAccuracy,
}
REPORTS = {
    "evaluate": lambda m, x, y: m.evaluate(x, y, verbose=0)[1],
    "return_dict": lambda m, x, y: m.evaluate(x, y, verbose=0, return_dict=True)[
        m.metrics_names[1]
    ],
    "fit": lambda m, x, y: fit(m, x, y).history[m.metrics_names[1]][0],
    "validation": lambda m, x, y: fit(m, x, y, validation_data=(x, y)).history[
        f"val_{m.metrics_names[1]}"
    ][0],
    "fit_many": lambda m, x, y: fit_many(m, x, y).history[m.metrics_names[1]][0],
    "metrics": lambda m, x, y: m.metrics[0](y, m.predict(x, verbose=0)),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
@pytest.mark.parametrize("given", SPELLINGS.values(), ids=SPELLINGS)
def test_field_T4_a_logit_above_0_means_yes(given, report):
    model = passing_on(losses.BinaryCrossentropy(from_logits=True), given)
    assert report(model, LOGITS, YES_NO) == 1.0
    assert report(model, LOGITS, 1 - YES_NO) == 0.0
    assert report(model, LOGITS, np.array([1, 0, 0])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
@pytest.mark.parametrize("given", ["accuracy", "acc"])
@pytest.mark.parametrize(
    ("loss", "activation"),
    [("bce", "sigmoid"), (losses.BinaryCrossentropy(from_logits=True), "linear")],
    ids=["probabilities", "logits"],
)
def test_field_T4_several_yes_or_no_outputs_count_one_by_one(loss, activation, given, report):
    model, y = passing_on(loss, given, activation), (THREE > 0).astype(int)
    assert report(model, THREE, y) == 1.0
    assert report(model, THREE, 1 - y) == 0.0
    assert report(model, THREE, y ^ [[1, 0, 0], [0, 0, 0]]) == pytest.approx(5 / 6)


# Loss, outputs: the metric that "accuracy" is, and its threshold.
ACCURACIES = {
    ("sparse_categorical_crossentropy", False): ["sparse_categorical_accuracy"] * 2,
    ("sparse_categorical_crossentropy", True): ["sparse_categorical_accuracy"] * 2,
    ("categorical_crossentropy", False): ["categorical_accuracy"] * 2,
    ("categorical_crossentropy", True): ["categorical_accuracy"] * 2,
    ("binary_crossentropy", False): [("binary_accuracy", 0.5)] * 2,
    ("binary_crossentropy", True): [("binary_accuracy", 0.0)] * 2,
    ("mean_squared_error", False): [("binary_accuracy", 0.5), "categorical_accuracy"],
    ("mean_absolute_error", False): [("binary_accuracy", 0.5), "categorical_accuracy"],
}


def test_field_T4_the_table_of_accuracies():
    walked = {}
    for kind in losses._EAGER:  # others: tests/models/test_metrics_further.py
        cls = type(losses.resolve(kind))
        for logits in (False, True)[: 1 + ("from_logits" in cls().get_config())]:
            loss = cls(from_logits=True) if logits else cls()
            found = []
            for outputs in (1, 4):
                model = fanin.Sequential([layers.Dense(outputs, input_dim=2)], rng=0)
                assert outcome(lambda m=model, a=loss: quietly(m, a)) is None
                (metric,) = model.metrics
                threshold = getattr(metric, "threshold", None)
                found.append(metric.kind if threshold is None else (metric.kind, threshold))
            walked[cls.kind, logits] = found
    assert walked == ACCURACIES


def quietly(model, loss):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.compile("sgd", loss, metrics=["accuracy"])


def test_a_metric_that_was_made_keeps_its_own_threshold():
    loss = losses.BinaryCrossentropy(from_logits=True)
    for given, right in (
        (metrics.BinaryAccuracy(), 1 / 3),
        (metrics.BinaryAccuracy(threshold=-2), 2 / 3),
    ):
        model = passing_on(loss, given)
        assert model.evaluate(LOGITS, YES_NO, verbose=0)[1] == pytest.approx(right)
    config = metrics.serialize(metrics.BinaryAccuracy(threshold=0.26))
    assert passing_on(loss, config).evaluate(LOGITS, YES_NO, verbose=0)[1] == pytest.approx(2 / 3)


def test_field_T4_names_are_known_before_the_network_is_built():
    model = fanin.Sequential([layers.Dense(1, "sigmoid")])
    model.compile("sgd", "bce", metrics=["acc", metrics.MeanSquaredError(name="mine"), losses.mse])
    assert model.metrics_names == ["loss", "acc", "mine", "mean_squared_error"]
    twice = outcome(lambda: model.compile("sgd", "bce", metrics=["acc", "acc"]))
    assert isinstance(twice, ValueError)
    assert "names that differ" in str(twice)
