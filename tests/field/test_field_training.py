"""Faults seen in use, training: weights of classes (T1), shares (T11)."""

import fractions
import math

import fanin
import numpy as np
import pytest
from fanin import callbacks, layers, losses, optimizers
from refusals import outcome
from trainings import WAYS, fit, fit_many

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
CLASSES = (X[:, 0] > 0).astype(int)


def network(loss="sparse_categorical_crossentropy", optimizer="sgd", seed=0, given=("accuracy",)):
    kind = losses.resolve(loss).kind
    last = (
        layers.Dense(1, "sigmoid") if kind == "binary_crossentropy" else layers.Dense(2, "softmax")
    )
    model = fanin.Sequential([layers.Dense(4, "relu", input_dim=3), last], rng=seed)
    model.compile(optimizer, loss, metrics=list(given))
    return model


# Every loss of classes, with targets for it.
TARGETS = {
    "sparse_categorical_crossentropy": CLASSES,
    "categorical_crossentropy": np.eye(2)[CLASSES],
    "binary_crossentropy": CLASSES,
}
WEIGHTS = {0: 10.0, 1: 100.0}


# T1: weights of classes.


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("loss", TARGETS)
def test_field_T1_class_weights_are_for_training_only(loss, way):
    model, y = network(loss), TARGETS[loss]
    history = way(model, X, y, validation_split=0.5, class_weight=WEIGHTS).history
    expected = model.evaluate(X[20:], y[20:], verbose=0)
    found = history["val_loss"][-1], history["val_accuracy"][-1]
    assert found == pytest.approx(expected, rel=1e-6)
    assert history["loss"][0] > 5 * history["val_loss"][0]


def test_field_T1_early_stopping_picks_the_epoch_by_what_evaluate_says():
    seen = []
    model = network(optimizer=optimizers.SGD(1.0))
    watch = callbacks.LambdaCallback(
        on_epoch_end=lambda e, logs: seen.append(
            (logs["val_loss"], model.evaluate(X[20:], CLASSES[20:], verbose=0)[0])
        )
    )
    options = {"validation_split": 0.5, "class_weight": WEIGHTS, "epochs": 5, "verbose": 0}
    model.fit(X, CLASSES, callbacks=[watch], **options)
    assert [told for told, _ in seen] == pytest.approx([right for _, right in seen], rel=1e-6)


def test_every_loss_of_classes_has_targets():
    kinds = {cls.kind for cls in losses._registry().members}
    of_classes = {kind for kind in kinds if kind.endswith("crossentropy") and "focal" not in kind}
    assert of_classes == set(TARGETS)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_weights_of_samples_go_where_the_samples_go(way):
    """And weights of classes leave validation data alone, whose own weights count."""
    weights, model = np.linspace(0.1, 3, 40), network()
    history = way(model, X, CLASSES, validation_split=0.5, sample_weight=weights).history
    expected, _ = model.evaluate(X[20:], CLASSES[20:], sample_weight=weights[20:], verbose=0)
    assert history["val_loss"][0] == pytest.approx(expected, rel=1e-6)
    model = network()
    data = X[20:], CLASSES[20:], weights[20:]
    history = way(model, X[:20], CLASSES[:20], validation_data=data, class_weight=WEIGHTS).history
    expected, _ = model.evaluate(X[20:], CLASSES[20:], sample_weight=weights[20:], verbose=0)
    assert history["val_loss"][0] == pytest.approx(expected, rel=1e-6)


# T11: shares.


def rows_of_fit(way):
    def count(samples, split):
        model, y = network(given=()), np.zeros(samples, int)
        x = np.zeros((samples, 3), "float32")
        return way(model, x, y, validation_split=split, batch_size=1, epochs=0).params["steps"]

    return count


def rows_of_compare(samples, split):
    data = (np.zeros((samples, 2)), np.arange(samples) % 2), (np.zeros((2, 2)), np.arange(2))
    result = fanin.compare(
        ["zeros"], data=data, validation_split=split, epochs=1, seeds=1, hidden=2, progress=False
    )
    return result.data.train


SPLITS = {"fit": rows_of_fit(fit), "fit_many": rows_of_fit(fit_many), "compare": rows_of_compare}


@pytest.mark.parametrize("rows", SPLITS.values(), ids=SPLITS)
@pytest.mark.parametrize(
    ("samples", "split", "trained"), [(10, 0.8, 2), (10, 0.9, 1), (50, 0.34, 33), (60, 0.55, 27)]
)
def test_field_T11_a_share_is_the_one_that_was_written(samples, split, trained, rows):
    found = []
    assert outcome(lambda: found.append(rows(samples, split))) is None
    assert found == [trained]


def test_field_T11_every_share_in_percent_is_exact():
    count = rows_of_fit(fit)
    for samples in (10, 37, 100):
        for percent in range(1, 100):
            right = math.floor(samples * (1 - fractions.Fraction(percent, 100)))
            try:
                found = count(samples, percent / 100)
            except ValueError:  # nothing left to train on
                found = 0
            assert found == right, (samples, percent)


def test_field_T11_sums_and_single_precision_mean_what_they_look_like():
    count = rows_of_fit(fit)
    assert count(10, 0.1 + 0.2) == 7
    assert count(10, np.float32(0.8)) == 2
    assert count(9, 2 / 3) == 3
