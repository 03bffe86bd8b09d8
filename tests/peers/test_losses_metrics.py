"""Losses and metrics beside Keras's in float64, and scikit-learn's.

Keras's means over an axis are in float32 whatever it is given, so that these agree to 1e-7.
"""

import numpy as np
import pytest
from fanin import losses, metrics

jax = pytest.importorskip("jax")
keras = pytest.importorskip("keras")
sklearn = pytest.importorskip("sklearn.metrics")

RNG = np.random.default_rng(0)
N = 200
P = RNG.random((N, 4))
B = (RNG.random((N, 4)) < P).astype(float)
Q = P / P.sum(axis=1, keepdims=True)
H = np.eye(4)[RNG.integers(0, 4, N)]
C = H.argmax(axis=1)
Y = RNG.normal(size=(N, 4))
T = Y + RNG.normal(size=(N, 4))
W = RNG.random(N)
FOCAL = [{"gamma": g, "label_smoothing": s} for g in (0.5, 2.0, 3.3) for s in (0.0, 0.1)]

LOSSES = [
    ("Huber", {"delta": 0.7}, T, Y),
    ("LogCosh", {}, T, 9 * Y),
    ("MeanAbsolutePercentageError", {}, T, Y),
    ("MeanSquaredLogarithmicError", {}, P, Q),
    ("Poisson", {}, B, P),
    ("KLDivergence", {}, Q, P),
    ("CosineSimilarity", {}, T, Y),
    ("Hinge", {}, B, Y),
    ("SquaredHinge", {}, 2 * B - 1, Y),
    ("CategoricalHinge", {}, H, Y),
    *(("BinaryFocalCrossentropy", {**f, "apply_class_balancing": True}, B, P) for f in FOCAL),
    *(("BinaryFocalCrossentropy", {**f, "from_logits": True}, B, Y) for f in FOCAL),
    *(("CategoricalFocalCrossentropy", f, H, P) for f in FOCAL),
    *(("CategoricalFocalCrossentropy", {**f, "from_logits": True}, H, Y) for f in FOCAL),
]


@pytest.fixture(autouse=True)
def double():
    before = keras.backend.floatx()
    keras.backend.set_floatx("float64")
    with jax.enable_x64(True):
        yield
    keras.backend.set_floatx(before)


@pytest.mark.parametrize(("name", "options", "y_true", "y_pred"), LOSSES)
def test_losses(name, options, y_true, y_pred):
    theirs = getattr(keras.losses, name)(**options)
    ours = getattr(losses, name)(**options)
    assert ours.name == theirs.name
    for weights in (None, W):
        found = ours(y_true, y_pred, weights)
        assert found == pytest.approx(float(theirs(y_true, y_pred, weights)), rel=1e-6)


COUNTS = ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
METRICS = [
    *(
        ("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 31}, B, P)
        for curve in ("ROC", "PR", "PRGAIN")
        for method in ("interpolation", "minoring", "majoring")
    ),
    ("AUC", {}, B, P),
    ("AUC", {"thresholds": [0.9, 0.2, 0.31]}, B, P),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 2, 3, 0], "num_labels": 4}, B, P),
    ("AUC", {"multi_label": True, "curve": "PR"}, B, P),
    ("AUC", {"from_logits": True}, B, Y),
    *(
        (name, options, B, P)
        for name in ("Precision", "Recall")
        for options in (
            {},
            {"thresholds": [0.7, 0.2]},
            {"top_k": 2},
            {"class_id": 1},
            {"top_k": 2, "class_id": 2},
        )
    ),
    *((name, options, B, P) for name in COUNTS for options in ({}, {"thresholds": [0.3, 0.8]})),
    *(
        (name, {bound: value, "num_thresholds": 50}, B, P)
        for name, bound in (
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
        )
        for value in (0.0, 0.3, 0.7, 0.95)
    ),
    *(
        (name, {"average": average, **options}, y_true, y_pred)
        for average in (None, "micro", "macro", "weighted")
        for name, options, y_true, y_pred in (
            ("F1Score", {}, H, Q),
            ("F1Score", {"threshold": 0.3}, B, P),
            ("FBetaScore", {"beta": 2.0}, H, Q),
        )
    ),
    *(
        ("R2Score", {"class_aggregation": how, "num_regressors": regressors}, T, Y)
        for how in (None, "uniform_average", "variance_weighted_average")
        for regressors in (0, 3)
    ),
    *(
        (name, {}, T, Y)
        for name in (
            "RootMeanSquaredError",
            "MeanAbsolutePercentageError",
            "LogCoshError",
            "CosineSimilarity",
        )
    ),
    ("Hinge", {}, B, Y),
    ("SquaredHinge", {}, B, Y),
    ("CategoricalHinge", {}, H, Y),
    ("MeanSquaredLogarithmicError", {}, P, Q),
    ("KLDivergence", {}, H, Q),
    ("Poisson", {}, B, P),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, B, P),
    ("CategoricalCrossentropy", {"from_logits": True}, H, Y),
    ("SparseCategoricalCrossentropy", {}, C, Q),
    ("TopKCategoricalAccuracy", {"k": 2}, H, Q),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, C, Q),
    ("Accuracy", {}, B, (P > 0.5).astype(float)),
]
BY_ELEMENT = ("AUC", "Precision", "Recall", *COUNTS)


@pytest.mark.parametrize("weighs", [False, True])
@pytest.mark.parametrize(("name", "options", "y_true", "y_pred"), METRICS)
def test_metrics(name, options, y_true, y_pred, weighs):
    theirs, ours = getattr(keras.metrics, name)(**options), getattr(metrics, name)(**options)
    for part in (slice(0, 70), slice(70, None)):
        weights = W[part] if weighs else None
        ours.update_state(y_true[part], y_pred[part], weights)
        if weighs and (name in BY_ELEMENT or "At" in name):  # Keras wants one an element
            width = 1 if "class_id" in options else y_true.shape[1]
            weights = np.repeat(weights[:, None], width, axis=1)
        theirs.update_state(y_true[part], y_pred[part], weights)
    np.testing.assert_allclose(ours.result(), np.asarray(theirs.result()), rtol=1e-6, atol=1e-12)


def test_scores_of_scikit_learn():
    exact = metrics.AUC(thresholds=np.sort(P[:, 0]))
    assert exact(B[:, 0], P[:, 0], W) == pytest.approx(
        sklearn.roc_auc_score(B[:, 0], P[:, 0], sample_weight=W), rel=1e-12
    )
    for average in ("micro", "macro", "weighted"):
        assert metrics.F1Score(average)(H, Q, W) == pytest.approx(
            sklearn.f1_score(C, Q.argmax(axis=1), average=average, sample_weight=W), abs=1e-6
        )
    assert metrics.R2Score()(T, Y, W) == pytest.approx(
        sklearn.r2_score(T, Y, sample_weight=W), rel=1e-12
    )
    assert metrics.TopKCategoricalAccuracy(2)(H, Q, W) == pytest.approx(
        sklearn.top_k_accuracy_score(C, Q, k=2, sample_weight=W), rel=1e-12
    )
    assert losses.MeanPinballLoss(0.3)(T, Y) == pytest.approx(
        sklearn.mean_pinball_loss(T, Y, alpha=0.3), rel=1e-12
    )
