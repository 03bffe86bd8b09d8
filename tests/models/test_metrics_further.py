"""Metrics that count, and means of losses: laws, the pass of training, names, what is refused."""

import fanin
import numpy as np
import pytest
from fanin import layers, losses, metrics
from fanin.errors import ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3)).astype("float32")
YES = (X[:, :1] + 0.5 * RNG.normal(size=(200, 1)) > 0).astype("float32")
SCORES = RNG.uniform(size=(60, 1))
LABELS = (RNG.uniform(size=(60, 1)) < SCORES).astype(float)
W = RNG.integers(1, 5, 60).astype(float)


def exact_area(labels, scores, weights=None):
    """The share of pairs of yes and no in which yes has the larger score."""
    weights = np.ones(len(labels)) if weights is None else weights
    yes = labels[:, 0] == 1
    pairs = weights[yes][:, None] * weights[~yes]
    wins = scores[yes] > scores[~yes].T
    return (pairs * wins).sum() / pairs.sum()


@pytest.mark.parametrize("weights", [None, W])
def test_auc_is_the_share_of_pairs_in_order(weights):
    """With a threshold between any two scores nothing is approximated."""
    found = metrics.AUC(thresholds=np.sort(SCORES.ravel()))(LABELS, SCORES, weights)
    assert found == pytest.approx(exact_area(LABELS, SCORES, weights), rel=1e-12)


def test_auc_of_logits_is_that_of_probabilities():
    logits = np.log(SCORES / (1 - SCORES))
    assert metrics.AUC(from_logits=True)(LABELS, logits) == metrics.AUC()(LABELS, SCORES)


def test_bounds_of_areas():
    lower, middle, upper = (
        metrics.AUC(20, summation_method=method)(LABELS, SCORES)
        for method in ("minoring", "interpolation", "majoring")
    )
    assert lower < middle < upper


def test_a_weight_is_a_repetition():
    repeated = [np.repeat(a, W.astype(int), axis=0) for a in (LABELS, SCORES)]
    for make in (
        metrics.AUC,
        metrics.Precision,
        metrics.Recall,
        metrics.FalsePositives,
        lambda: metrics.F1Score("weighted", 0.5),
        metrics.R2Score,
        lambda: metrics.PrecisionAtRecall(0.7),
        metrics.RootMeanSquaredError,
    ):
        assert make()(LABELS, SCORES, W) == pytest.approx(make()(*repeated), rel=1e-12)


def test_rates_are_ratios_of_counts():
    counts = {
        name: getattr(metrics, name)([0.7, 0.2])(LABELS, SCORES)
        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
    }
    hits, false, right, missed = counts.values()
    assert (hits + false + right + missed).tolist() == [60, 60]
    assert hits[0] < hits[1]  # in the order of the thresholds, which is not theirs
    np.testing.assert_array_equal(
        metrics.Precision([0.7, 0.2])(LABELS, SCORES), hits / (hits + false)
    )
    np.testing.assert_array_equal(
        metrics.Recall([0.7, 0.2])(LABELS, SCORES), hits / (hits + missed)
    )


def test_the_largest_and_one_class():
    y = np.array([[0, 1, 0], [1, 0, 0]])
    p = np.array([[0.1, 0.3, 0.6], [0.7, 0.2, 0.1]])
    assert metrics.Precision(top_k=1)(y, p) == 0.5
    assert metrics.Recall(top_k=2)(y, p) == 1.0
    assert metrics.Recall(class_id=1)(y, p) == 0.0
    assert metrics.Precision(class_id=0)(y, p) == 1.0


def test_nothing_and_reset():
    for make in (metrics.AUC, metrics.Precision, metrics.R2Score, metrics.Mean, metrics.Hinge):
        metric = make()
        assert metric.result() == 0.0
    metric = metrics.Precision()
    metric.update_state([1, 0], [0.9, 0.8])
    metric.reset_state()
    assert metric([1], [0.9]) == 1.0


def test_missing_outputs_are_above_no_threshold():
    assert metrics.TruePositives(0.0)([1, 1], [np.nan, np.inf]) == 1.0


def test_means_and_sums_of_numbers():
    mean, total = metrics.Mean(), metrics.Sum()
    for values, weights in (([1.0, 3.0], None), ([[2.0, 4.0], [0.0, 6.0]], [1.0, 0.5])):
        mean.update_state(values, weights)
        total.update_state(values, weights)
    assert mean.result() == (1 + 3 + 3 + 1.5) / 3.5
    assert total.result() == 1 + 3 + 6 + 3
    assert mean(7.0) == pytest.approx((8.5 + 7) / 4.5)


NUMBERS = {
    "auc": metrics.AUC,
    "precision": metrics.Precision,
    "recall": lambda: metrics.Recall(thresholds=0.3),
    "true_positives": metrics.TruePositives,
    "f1_score": lambda: metrics.F1Score("micro", 0.5),
    "sensitivity_at_specificity": lambda: metrics.SensitivityAtSpecificity(0.5),
    "r2_score": metrics.R2Score,
    "root_mean_squared_error": metrics.RootMeanSquaredError,
    "binary_crossentropy": metrics.BinaryCrossentropy,
    "hinge": metrics.Hinge,
}


def network(loss="binary_crossentropy", **arguments):
    model = fanin.Sequential([layers.Dense(4, "tanh"), layers.Dense(1, "sigmoid")], rng=0)
    model.compile("sgd", loss, **arguments)
    return model


@pytest.mark.parametrize("batch_size", [7, 200])
@pytest.mark.parametrize("threads", [1, 2])
def test_evaluation_counts_what_is_counted_by_hand(batch_size, threads):
    """Whole numbers exactly, for any cut; with weights in the weighted ones alone."""
    weights = RNG.integers(1, 4, 200).astype("float32")
    made = [make() for make in NUMBERS.values()]
    heavy = [make() for make in NUMBERS.values()]
    model = network(metrics=made, weighted_metrics=heavy)
    model.fit(X, YES, verbose=0)
    before = fanin.get_num_threads()
    fanin.set_num_threads(threads)
    try:
        logs = model.evaluate(X, YES, batch_size, 0, weights, return_dict=True)
    finally:
        fanin.set_num_threads(before)
    outputs = model.predict(X, verbose=0)
    for name, make in NUMBERS.items():
        exactly = {"rel": 1e-6 if name in ("r2_score", "binary_crossentropy", "hinge") else 1e-12}
        assert logs[name] == pytest.approx(make()(YES, outputs), **exactly)
        weighted = make()(YES, outputs, weights)
        assert logs[f"weighted_{name}"] == pytest.approx(weighted, **exactly)
    assert logs["true_positives"] == int(logs["true_positives"])


class ByBatch(fanin.callbacks.Callback):
    """Has evaluation report each batch."""

    def on_test_batch_end(self, batch, logs=None):
        self.logs = logs


def test_evaluation_by_batch_counts_the_same():
    model = network(metrics=[metrics.AUC(), metrics.FalseNegatives()])
    model.fit(X, YES, verbose=0)
    whole = model.evaluate(X, YES, verbose=0, return_dict=True)
    by_batch = ByBatch()
    parts = model.evaluate(X, YES, 13, 0, callbacks=[by_batch], return_dict=True)
    assert parts["auc"] == whole["auc"] == by_batch.logs["auc"]
    assert parts["false_negatives"] == whole["false_negatives"]


class Square(losses.Loss):
    """A loss of a user's, with which steps are Python's."""

    def value_and_gradient(self, y_true, y_pred):
        e = y_pred - y_true
        return (e**2).mean(), 2 * e / e.size


def test_a_loss_of_ones_own_beside_counts():
    """Counted in another step, of the same outputs, they are the same numbers."""
    histories = []
    for loss in ("mse", Square()):
        model = network(loss, metrics=[metrics.AUC(), metrics.TruePositives(), "mae"])
        histories.append(model.fit(X, YES, epochs=2, verbose=0, validation_split=0.25).history)
    for name, values in histories[0].items():
        assert histories[1][name] == pytest.approx(values, rel=1e-5)


def test_one_run_after_another_begins_anew():
    model = network(metrics=[metrics.TruePositives()])
    history = model.fit(X, YES, epochs=3, verbose=0).history["true_positives"]
    assert max(history) <= YES.sum()
    assert "val_true_positives" in model.fit(X, YES, validation_split=0.5, verbose=0).history


def test_names_are_those_of_keras():
    def names(*given):
        return network(metrics=[*given]).metrics_names[1:]

    assert names(metrics.AUC(), metrics.AUC(curve="PR")) == ["auc", "auc_1"]
    assert names("AUC", "Precision", "recall") == ["AUC", "Precision", "recall"]
    assert names(metrics.Precision(name="p"), metrics.Precision) == ["p", "precision"]
    assert names(metrics.LogCoshError, losses.hinge, "mape") == ["logcosh", "hinge", "mape"]
    with pytest.raises(ValueError, match="names that differ"):
        names("mse", "mse")


def test_accuracy_beside_new_losses():
    for loss, cls in (
        ("binary_focal_crossentropy", metrics.BinaryAccuracy),
        ("categorical_focal_crossentropy", metrics.CategoricalAccuracy),
        ("categorical_hinge", metrics.CategoricalAccuracy),
        ("huber", metrics.CategoricalAccuracy),
    ):
        assert type(metrics.resolve("accuracy", loss, 3)) is cls


def test_callbacks_know_which_way_is_better():
    model = network(metrics=[metrics.AUC(), metrics.FalsePositives()])
    for monitor in ("val_auc", "val_false_positives"):
        stop = fanin.callbacks.EarlyStopping(monitor, patience=1)
        model.fit(X, YES, epochs=2, verbose=0, validation_split=0.5, callbacks=[stop])


def test_a_saved_model_has_its_metrics(tmp_path):
    made = [metrics.AUC(thresholds=[0.3, 0.6]), metrics.Recall(0.7), metrics.F1Score("macro", 0.5)]
    model = network(metrics=made)
    model.fit(X, YES, verbose=0)
    model.save(tmp_path / "model.npz")
    again = fanin.models.load_model(tmp_path / "model.npz")
    assert again.evaluate(X, YES, verbose=0) == model.evaluate(X, YES, verbose=0)


def test_functions():
    p = np.array([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]])
    assert metrics.sparse_top_k_categorical_accuracy([2, 0], p, k=2).tolist() == [1, 0]
    assert metrics.binary_accuracy([1, 0], [0.6, 0.7]).tolist() == [1, 0]
    assert metrics.mean_squared_error is losses.mean_squared_error
    assert type(metrics.get(metrics.top_k_categorical_accuracy)) is metrics.TopKCategoricalAccuracy


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.AUC(1), ValueError, "num_thresholds: expected"),
        (lambda: metrics.AUC(curve="roc2"), ValueError, "curve: expected 'ROC'"),
        (lambda: metrics.AUC(summation_method=3), TypeError, "summation_method: expected"),
        (lambda: metrics.AUC(num_labels=3), ValueError, "num_labels: expected None"),
        (lambda: metrics.AUC(label_weights=[-1]), ValueError, "label_weights: expected"),
        (lambda: metrics.Precision(thresholds=1.5), ValueError, "thresholds: expected"),
        (lambda: metrics.Precision(thresholds=[]), ValueError, "thresholds: expected at least one"),
        (lambda: metrics.Precision(top_k=0), ValueError, "top_k"),
        (lambda: metrics.Recall(class_id=-1), ValueError, "class_id"),
        (lambda: metrics.PrecisionAtRecall(2), ValueError, "recall: expected"),
        (lambda: metrics.FBetaScore(beta=0), ValueError, "beta: expected"),
        (lambda: metrics.F1Score("mean"), ValueError, "average: expected 'micro'"),
        (lambda: metrics.TopKCategoricalAccuracy(0), ValueError, "k: expected"),
        (lambda: metrics.R2Score("mean"), ValueError, "class_aggregation: expected"),
        (
            lambda: metrics.Recall(class_id=3)(np.eye(3), np.eye(3)),
            ValueError,
            "class_id: expected",
        ),
        (lambda: metrics.Recall(top_k=4)(np.eye(3), np.eye(3)), ValueError, "top_k: expected"),
        (
            lambda: metrics.AUC(label_weights=[1, 2])(np.eye(3), np.eye(3)),
            ValueError,
            "label_weights: expected 3",
        ),
        (lambda: metrics.AUC()([-1, 1], [0.5, 0.5]), ValueError, "y_true: expected numbers from 0"),
        (lambda: metrics.AUC()([[1.0]], [[0.5, 0.5]]), ShapeError, "y_true: expected the shape"),
        (lambda: metrics.AUC()([1, 0], [0.5, 0.5], [1, 2, 3]), ShapeError, "sample_weight"),
        (lambda: metrics.AUC()([1], [0.5], [-1]), ValueError, "sample_weight: expected weights"),
        (lambda: metrics.AUC()([], []), ShapeError, "y_pred: expected a non-empty array"),
        (
            lambda: metrics.Mean()([1.0, 2.0], [1.0, 2.0, 3.0]),
            ShapeError,
            "sample_weight: expected",
        ),
        (lambda: network(metrics=["f1_score"]), ValueError, "average='macro'"),
        (lambda: network(metrics=[metrics.Recall([0.1, 0.2])]), ValueError, "one a threshold"),
        (lambda: network(metrics=[metrics.R2Score(None)]), ValueError, "aggregate them"),
        (lambda: network(metrics=[metrics.Mean()]), ValueError, "found Mean, which takes numbers"),
        (
            lambda: network("sparse_categorical_crossentropy", metrics=["AUC"]),
            ValueError,
            "integer classes",
        ),
        (
            lambda: network(metrics=[metrics.Recall(class_id=1)]).fit(X, YES, verbose=0),
            ValueError,
            "class_id: expected a class below 1, found 1",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_other_outputs_than_before_are_refused():
    metric = metrics.F1Score()
    metric.update_state(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match="as many outputs as before, found 2"):
        metric.update_state(np.eye(2), np.eye(2))
    assert metric.result().shape == (3,)
