"""Losses of numbers, margins and focus in plain NumPy; see `reference.py`.

Each returns the values of the rows and the gradient of their sum.
"""

import numpy as np

EPSILON = 1e-7


def _mean(values, slopes):
    return values.mean(axis=-1), slopes / values.shape[-1]


def huber(y, t, delta):
    e = y - t
    far = np.abs(e) > delta
    values = np.where(far, delta * np.abs(e) - delta**2 / 2, e**2 / 2)
    return _mean(values, np.where(far, delta * np.sign(e), e))


def log_cosh(y, t):
    return _mean(np.logaddexp(y - t, t - y) - np.log(2), np.tanh(y - t))


def mean_absolute_percentage_error(y, t):
    size = np.maximum(np.abs(t), EPSILON)
    return _mean(100 * np.abs(y - t) / size, 100 * np.sign(y - t) / size)


def mean_squared_logarithmic_error(y, t):
    e = np.log1p(np.maximum(y, EPSILON)) - np.log1p(np.maximum(t, EPSILON))
    return _mean(e**2, np.where(y < EPSILON, 0, 2 * e / (1 + y)))


def poisson(y, t):
    return _mean(y - t * np.log(y + EPSILON), 1 - t / (y + EPSILON))


def mean_pinball_loss(y, t, alpha):
    e = y - t
    slopes = np.where(e > 0, 1 - alpha, np.where(e < 0, -alpha, 0))
    return _mean(slopes * e, slopes)


def kl_divergence(y, t):
    t, p = np.clip(t, EPSILON, 1), np.clip(y, EPSILON, 1)
    return (t * np.log(t / p)).sum(axis=-1), np.where(p == y, -t / p, 0)


def cosine_similarity(y, t):
    of_y, of_t = (np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), EPSILON) for a in (y, t))
    cosine = (y / of_y * t / of_t).sum(axis=-1, keepdims=True)
    return -cosine[..., 0], (cosine * y / of_y - t / of_t) / of_y


def hinge(y, t, power=1):
    t = np.where(t == 0, -1.0, t)
    short = np.maximum(1 - t * y, 0)
    return _mean(short**power, -t * (short > 0) * (2 * short if power == 2 else 1))


def squared_hinge(y, t):
    return hinge(y, t, 2)


def categorical_hinge(y, t):
    others = (1 - t) * y
    missing = others.max(axis=-1) - (t * y).sum(axis=-1) + 1
    at = np.arange(y.shape[-1]) == others.argmax(axis=-1)[..., None]
    return np.maximum(missing, 0), (missing > 0)[..., None] * (at * (1 - t) - t)


def binary_focal_crossentropy(
    y, t, apply_class_balancing, alpha, gamma, from_logits, label_smoothing
):
    t = t * (1 - label_smoothing) + label_smoothing / 2
    weight = t * alpha + (1 - t) * (1 - alpha) if apply_class_balancing else 1.0
    if from_logits:
        ln_p, ln_q = -np.logaddexp(0, -y), -np.logaddexp(0, y)
        p, q = np.exp(ln_p), np.exp(ln_q)
        slope, move = p - t, p * q
    else:
        clipped = np.clip(y, EPSILON, 1 - EPSILON)
        ln_p, ln_q, p, q = np.log(clipped), np.log(1 - clipped), y, 1 - y
        slope = np.where(clipped == y, (y - t) / (clipped * (1 - clipped)), 0)
        move = 1.0
    entropy, missed = -t * ln_p - (1 - t) * ln_q, t * q + (1 - t) * p
    turns = gamma * missed ** max(gamma - 1, 0) * (1 - 2 * t) * move  # tests have no 0 < gamma < 1
    return _mean(
        weight * missed**gamma * entropy, weight * (missed**gamma * slope + entropy * turns)
    )


def categorical_focal_crossentropy(y, t, alpha, gamma, from_logits, label_smoothing):
    t = t * (1 - label_smoothing) + label_smoothing / y.shape[-1]
    if from_logits:
        shifted = y - y.max(axis=-1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        p, total = np.exp(logs), None
    else:
        total = y.sum(axis=-1, keepdims=True)
        p = np.clip(y / total, EPSILON, 1 - EPSILON)
        logs = np.log(p)
    missed = -np.expm1(logs) if from_logits else 1 - p
    values = -alpha * (t * missed**gamma * logs).sum(axis=-1)
    # p times the derivative with respect to p
    h = alpha * t * (gamma * missed ** max(gamma - 1, 0) * p * logs - missed**gamma)
    if from_logits:
        return values, h - p * h.sum(axis=-1, keepdims=True)
    h = np.where(p == y / total, h, 0)
    return values, (h / p - h.sum(axis=-1, keepdims=True)) / total


LOSSES = {
    function.__name__: function
    for function in (
        huber,
        log_cosh,
        mean_absolute_percentage_error,
        mean_squared_logarithmic_error,
        poisson,
        mean_pinball_loss,
        kl_divergence,
        cosine_similarity,
        hinge,
        squared_hinge,
        categorical_hinge,
        binary_focal_crossentropy,
        categorical_focal_crossentropy,
    )
}
