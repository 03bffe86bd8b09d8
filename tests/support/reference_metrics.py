"""Metrics in plain NumPy: rows, and the sums that the core keeps; see `reference.py`."""

import numpy as np
from reference_losses import LOSSES


def _largest(y, k):
    """Where the k largest of each row are, the first of equal ones."""
    order = np.argsort(-y, axis=-1, kind="stable")
    return np.argsort(order, axis=-1) < k


def buckets(
    y, t, w, thresholds, soft, top_k, class_id, by_label, weighs_labels, label_weights, from_logits
):
    width = y.shape[-1]
    above = 1 / (1 + np.exp(-y)) if from_logits else y
    bucket = (above[..., None] > np.array(thresholds)).sum(axis=-1)
    if top_k:
        bucket = np.where(_largest(y, top_k), bucket, 0)
    yes = t if soft else (t != 0).astype(float)
    w = w[:, None] * (np.array(label_weights) if weighs_labels else np.ones(width))
    sums = np.zeros((width if by_label else 1, 2, len(thresholds) + 1))
    for row, label in np.ndindex(y.shape):
        if class_id in (-1, label):
            place = sums[label if by_label else 0]
            place[0, bucket[row, label]] += w[row, label] * yes[row, label]
            place[1, bucket[row, label]] += w[row, label] * (1 - yes[row, label])
    return sums.ravel()


def fbeta_score(y, t, w, threshold):
    chosen = y > threshold
    if np.isnan(threshold):
        chosen = (y >= y.max(axis=-1, keepdims=True)) & (np.abs(y) > 1e-9)
    w = w[:, None]
    sums = [w * chosen * t, w * chosen * (1 - t), w * ~chosen * t]
    return np.concatenate([part.sum(axis=0) for part in sums])


def r2_score(y, t, w):
    sums = np.ones_like(y), t, t**2, (t - y) ** 2
    return np.concatenate([*((w[:, None] * part).sum(axis=0) for part in sums), [y.size]])


COUNTS = {function.__name__: function for function in (buckets, fbeta_score, r2_score)}


def count(settings, y, t, w):
    """Return the sums over rows of two-dimensional outputs."""
    values = {name: value for name, value in settings.items() if name != "kind"}
    return COUNTS[settings["kind"]](y, t, w, **values)


def _top(y, classes, k):
    own = np.take_along_axis(y, classes[..., None], axis=-1)
    return (y > own).sum(axis=-1) < k


def _of_loss(kind):
    return lambda o, t, **values: LOSSES[kind](o, t, **values)[0]


ROWS = {
    "accuracy": lambda o, t: (o == t).mean(axis=-1),
    "top_k_categorical_accuracy": lambda o, t, k: _top(o, t.argmax(axis=-1), k),
    "sparse_top_k_categorical_accuracy": _top,
    "root_mean_squared_error": lambda o, t: ((o - t) ** 2).mean(axis=-1),
    "log_cosh_error": _of_loss("log_cosh"),
    "cosine_similarity": lambda o, t: -LOSSES["cosine_similarity"](o, t)[0],
    **{
        kind: _of_loss(kind)
        for kind in (
            "categorical_hinge",
            "hinge",
            "kl_divergence",
            "mean_absolute_percentage_error",
            "mean_squared_logarithmic_error",
            "poisson",
            "squared_hinge",
        )
    },
}
