"""Further layers in plain float64 NumPy: see `reference`, whose table takes them in."""

import math

import numpy as np
from fanin import _core


def _groups(settings, x):
    """Return samples as (batch, rows, places, groups, columns); places share statistics."""
    if settings["kind"] == "group_normalization":
        groups = x.shape[-1] if settings["groups"] == -1 else settings["groups"]
        return x.reshape(len(x), 1, -1, groups, x.shape[-1] // groups)
    first = min(axis % x.ndim for axis in settings["axis"])
    return x.reshape(len(x), math.prod(x.shape[1:first]), 1, 1, -1)


def normalization_forward(settings, arrays, x, training, step):
    parts = _groups(settings, x)
    over = {"axis": (2, 4), "keepdims": True}
    mean = 0 if settings["kind"] == "rms_normalization" else parts.mean(**over)
    std = np.sqrt(((parts - mean) ** 2).mean(**over) + settings["epsilon"])
    normal = ((parts - mean) / std).reshape(x.shape)
    y = arrays.get("gamma", 1) * normal + arrays.get("beta", 0)
    return y, (normal, std, arrays.get("gamma", 1))


def normalization_backward(settings, arrays, cache, dy):
    normal, std, gamma = cache
    gradients = {}
    for name, share in (("gamma", dy * normal), ("beta", dy)):
        if name in arrays:
            gradients[name] = share.reshape(-1, *arrays[name].shape).sum(axis=0)
    g, unit = _groups(settings, dy * gamma), _groups(settings, normal)
    over = {"axis": (2, 4), "keepdims": True}
    plain = 0 if settings["kind"] == "rms_normalization" else g.mean(**over)
    dx = (g - plain - unit * (g * unit).mean(**over)) / std
    return dx.reshape(dy.shape), gradients


def unit_normalization_forward(settings, arrays, x, training, step):
    norm = np.sqrt((x**2).sum(axis=settings["axis"], keepdims=True))
    norm = np.maximum(norm, settings["epsilon"])
    return x / norm, (x / norm, norm, settings["axis"])


def unit_normalization_backward(settings, arrays, cache, dy):
    y, norm, axis = cache
    return (dy - y * (y * dy).sum(axis=axis, keepdims=True)) / norm, {}


def standardization_forward(settings, arrays, x, training, step):
    std = np.maximum(np.sqrt(arrays["variance"]), 1e-7)
    y = arrays["mean"] + x * std if settings["invert"] else (x - arrays["mean"]) / std
    return y, std if settings["invert"] else 1 / std


def prelu_forward(settings, arrays, x, training, step):
    return np.where(x < 0, arrays["alpha"] * x, x), x


def prelu_backward(settings, arrays, cache, dy):
    share = np.where(cache < 0, dy * cache, 0).sum(axis=0)
    alpha = arrays["alpha"]
    shared = tuple(axis - 1 for axis in settings["shared_axes"])
    gradient = share.sum(axis=shared, keepdims=True).reshape(alpha.shape)
    return dy * np.where(cache > 0, 1, alpha), {"alpha": gradient}


def factor_backward(settings, arrays, cache, dy):
    return dy * cache, {}


def _normals(settings, shape, step):
    """Draw normal numbers as docs/stream.md says, in float64; a step has 2^38 words."""
    size = math.prod(shape)
    tiles = -(-size // 32)
    words = _core.philox_words(settings["seed"], settings["path"], step << 38, 64 * tiles)
    words = words.reshape(tiles, 4, 16).astype(float)
    radii, angles = (words[:, k] * 2.0**32 + words[:, k + 1] for k in (0, 2))
    radii = np.sqrt(-2 * np.log((radii + 0.5) / 2.0**64))
    turns = 2 * np.pi * ((angles + 0.5) / 2.0**64)
    pairs = np.stack([radii * np.cos(turns), radii * np.sin(turns)], axis=1)
    return pairs.reshape(-1)[:size].reshape(shape)


def gaussian_noise_forward(settings, arrays, x, training, step):
    return x + settings["stddev"] * _normals(settings, x.shape, step) if training else x, None


def gaussian_noise_backward(settings, arrays, cache, dy):
    return dy, {}


def gaussian_dropout_forward(settings, arrays, x, training, step):
    factors = np.ones(x.shape)
    if training:
        rate = settings["rate"]
        factors = 1 + math.sqrt(rate / (1 - rate)) * _normals(settings, x.shape, step)
    return x * factors, factors


def alpha_dropout_forward(settings, arrays, x, training, step):
    if not training:
        return x, np.ones(x.shape)
    rate, low = settings["rate"], -1.0507009873554805 * 1.6732632423543772
    words = _core.philox_words(settings["seed"], settings["path"], step << 38, x.size)
    kept = words.reshape(x.shape) >= math.floor(rate * 2**32)
    a = ((1 - rate) * (1 + rate * low**2)) ** -0.5
    return a * np.where(kept, x, low) - a * low * rate, a * kept


LAYERS = {
    **dict.fromkeys(
        ("layer_normalization", "rms_normalization", "group_normalization"),
        (normalization_forward, normalization_backward),
    ),
    "unit_normalization": (unit_normalization_forward, unit_normalization_backward),
    "normalization": (standardization_forward, factor_backward),
    "prelu": (prelu_forward, prelu_backward),
    "gaussian_noise": (gaussian_noise_forward, gaussian_noise_backward),
    "gaussian_dropout": (gaussian_dropout_forward, factor_backward),
    "alpha_dropout": (alpha_dropout_forward, factor_backward),
}
