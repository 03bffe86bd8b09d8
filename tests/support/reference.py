"""Plain float64 NumPy: what the formulas say, written down to be read, not to be fast.

Nothing here is taken from the package but the random words of a dropout mask, which have proofs of
their own. Things are described by the same settings that the package
takes (`{"kind": "relu"}`), so a test hands one description to both sides.

Conventions are Keras's: rows are all leading axes; a running statistic is r = m r + (1 - m) x with
the biased variance; losses are means over the last axis, probabilities are clipped to
[1e-7, 1 - 1e-7]; weight decay is decoupled and comes before the step, clipping before both.
"""

import math

import numpy as np
import reference_layers
import reference_losses
import reference_metrics
from fanin import _core

EPSILON = 1e-7  # keras.config.epsilon()

# Activations: the value and the derivative at z.

erf = np.vectorize(math.erf, otypes=[float])
erfc = np.vectorize(math.erfc, otypes=[float])
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _elu(z, alpha=1.0):
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def _d_elu(z, alpha=1.0):
    return np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0)))


def _gelu(z, approximate=False):
    if approximate:
        return z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
    return z / 2 * erfc(-z / math.sqrt(2))


def _d_gelu(z, approximate=False):
    if approximate:
        t = np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))
        inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z**2)
        return (1 + t) / 2 + z / 2 * (1 - t**2) * inner
    return erfc(-z / math.sqrt(2)) / 2 + z * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def _tanh_shrink(z):
    """Of small numbers by the series of z cosh z - sinh z, which does not cancel."""
    small = np.where(np.abs(z) < 1, z, 0.0)
    terms = (2 * k * small ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(1, 12))
    return np.where(np.abs(z) < 1, sum(terms) / np.cosh(small), z - np.tanh(z))


def _hard_sigmoid(z):
    return np.clip((z + 3) / 6, 0, 1)


def _rectifier(z, negative_slope, threshold, max_value=math.inf):
    return np.where(z > threshold, np.minimum(z, max_value), negative_slope * (z - threshold))


def _d_rectifier(z, negative_slope, threshold, max_value=math.inf):
    return np.where(z > threshold, (z < max_value).astype(float), negative_slope)


def log_softmax(z):
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def sparsemax(z):
    """Algorithm 1 of Martins and Astudillo: of sorted numbers."""
    down = -np.sort(-z, axis=-1)
    places = np.arange(1, z.shape[-1] + 1)
    sums = down.cumsum(axis=-1)
    count = (1 + places * down > sums).sum(axis=-1, keepdims=True)
    tau = (np.take_along_axis(sums, count - 1, axis=-1) - 1) / count
    return np.maximum(z - tau, 0)


ACTIVATIONS = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "leaky_relu": (
        lambda z, negative_slope: np.where(z > 0, z, negative_slope * z),
        lambda z, negative_slope: np.where(z > 0, 1.0, negative_slope),
    ),
    "elu": (_elu, _d_elu),
    "selu": (
        lambda z: SELU_SCALE * _elu(z, SELU_ALPHA),
        lambda z: SELU_SCALE * _d_elu(z, SELU_ALPHA),
    ),
    "gelu": (_gelu, _d_gelu),
    "silu": (
        lambda z: z * sigmoid(z),
        lambda z: sigmoid(z) + z * sigmoid(z) * sigmoid(-z),
    ),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "softplus": (lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), sigmoid),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda z: 1 / (1 + np.abs(z)) ** 2),
    "relu6": (lambda z: np.clip(z, 0, 6), lambda z: ((z > 0) & (z < 6)).astype(float)),
    "rectifier": (_rectifier, _d_rectifier),
    "hard_tanh": (lambda z: np.clip(z, -1, 1), lambda z: (np.abs(z) < 1).astype(float)),
    "hard_sigmoid": (_hard_sigmoid, lambda z: (np.abs(z) < 3) / 6),
    "hard_silu": (
        lambda z: z * _hard_sigmoid(z),
        lambda z: _hard_sigmoid(z) + z * (np.abs(z) < 3) / 6,
    ),
    "mish": (
        lambda z: z * np.tanh(np.logaddexp(0, z)),
        lambda z: np.tanh(np.logaddexp(0, z)) + z * sigmoid(z) / np.cosh(np.logaddexp(0, z)) ** 2,
    ),
    "exponential": (np.exp, np.exp),
    "log_sigmoid": (lambda z: -np.logaddexp(0, -z), lambda z: sigmoid(-z)),
    "celu": (
        lambda z, alpha: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0) / alpha)),
        lambda z, alpha: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0) / alpha)),
    ),
    "squareplus": (
        lambda z, b: (
            np.where(z < 0, b, 1) / 2 * (np.sqrt(z**2 + b) + np.abs(z)) ** np.where(z < 0, -1, 1)
        ),
        lambda z, b: (1 + z / np.sqrt(z**2 + b)) / 2,
    ),
    "tanh_shrink": (_tanh_shrink, lambda z: np.tanh(z) ** 2),
    "soft_shrink": (
        lambda z, threshold: np.sign(z) * np.maximum(np.abs(z) - threshold, 0),
        lambda z, threshold: (np.abs(z) > threshold).astype(float),
    ),
    "hard_shrink": (
        lambda z, threshold: np.where(np.abs(z) > threshold, z, 0),
        lambda z, threshold: (np.abs(z) > threshold).astype(float),
    ),
    "threshold": (
        lambda z, threshold, default_value: np.where(z > threshold, z, default_value),
        lambda z, threshold, default_value: (z > threshold).astype(float),
    ),
    "sparse_plus": (
        lambda z: np.where(z >= 1, z, np.maximum(z + 1, 0) ** 2 / 4),
        lambda z: np.clip((z + 1) / 2, 0, 1),
    ),
    "sparse_sigmoid": (lambda z: np.clip((z + 1) / 2, 0, 1), lambda z: (np.abs(z) < 1) / 2),
}


def values_of(settings):
    return {name: value for name, value in settings.items() if name != "kind"}


MIXING = {"softmax": softmax, "log_softmax": log_softmax, "sparsemax": sparsemax}


def activate(settings, z):
    if settings["kind"] in MIXING:
        return MIXING[settings["kind"]](z)
    return ACTIVATIONS[settings["kind"]][0](z, **values_of(settings))


def activate_backward(settings, z, dy):
    if settings["kind"] == "softmax":
        p = softmax(z)
        return p * (dy - (dy * p).sum(axis=-1, keepdims=True))
    if settings["kind"] == "log_softmax":
        return dy - softmax(z) * dy.sum(axis=-1, keepdims=True)
    if settings["kind"] == "sparsemax":
        among = sparsemax(z) > 0
        mean = (dy * among).sum(axis=-1, keepdims=True) / among.sum(axis=-1, keepdims=True)
        return among * (dy - mean)
    return dy * ACTIVATIONS[settings["kind"]][1](z, **values_of(settings))


# Layers: forward(settings, arrays, x, training, step) -> y, cache; backward -> dx, gradients.
# `arrays` holds a layer's parameters and state by name; training updates its state in place; `step`
# counts the training steps done before.


def rows_of(x):
    return x.reshape(-1, x.shape[-1])


def dense_forward(settings, arrays, x, training, step):
    z = x @ arrays["kernel"] + arrays.get("bias", 0)
    return activate(settings["activation"], z), (x, z)


def dense_backward(settings, arrays, cache, dy):
    x, z = cache
    dz = activate_backward(settings["activation"], z, dy)
    gradients = {"kernel": rows_of(x).T @ rows_of(dz)}
    if settings["use_bias"]:
        gradients["bias"] = rows_of(dz).sum(axis=0)
    return dz @ arrays["kernel"].T, gradients


def batch_normalization_forward(settings, arrays, x, training, step):
    mean, variance = arrays["moving_mean"], arrays["moving_variance"]
    training = training and settings["trainable"]  # Keras: a frozen layer runs in inference mode
    if training:
        m = settings["momentum"]
        batch_mean, batch_variance = rows_of(x).mean(axis=0), rows_of(x).var(axis=0)
        if settings.get("cumulative"):
            arrays["moving_count"] += 1
            m = 1 - 1 / arrays["moving_count"]
        n = len(rows_of(x))
        moved = batch_variance * (n / (n - 1) if settings.get("unbiased") else 1)
        mean[...] = m * mean + (1 - m) * batch_mean
        variance[...] = m * variance + (1 - m) * moved
        mean, variance = batch_mean, batch_variance
    std = np.sqrt(variance + settings["epsilon"])
    normal = (x - mean) / std
    y = arrays.get("gamma", 1) * normal + arrays.get("beta", 0)
    return y, (normal, std, training)


def batch_normalization_backward(settings, arrays, cache, dy):
    normal, std, training = cache
    gradients = {}
    if settings["scale"]:
        gradients["gamma"] = rows_of(dy * normal).sum(axis=0)
    if settings["center"]:
        gradients["beta"] = rows_of(dy).sum(axis=0)
    d_normal = dy * arrays.get("gamma", 1)
    if training:  # the mean and the variance depend on x too
        d_normal = (
            d_normal
            - rows_of(d_normal).mean(axis=0)
            - normal * rows_of(d_normal * normal).mean(axis=0)
        )
    return d_normal / std, gradients


def activation_forward(settings, arrays, x, training, step):
    return activate(settings["activation"], x), x


def activation_backward(settings, arrays, cache, dy):
    return activate_backward(settings["activation"], cache, dy), {}


def flatten_forward(settings, arrays, x, training, step):
    return x.reshape(len(x), -1), x.shape


def flatten_backward(settings, arrays, cache, dy):
    return dy.reshape(cache), {}


def rescaling_forward(settings, arrays, x, training, step):
    return settings["scale"] * x + settings["offset"], None


def rescaling_backward(settings, arrays, cache, dy):
    return settings["scale"] * dy, {}


def dropout_forward(settings, arrays, x, training, step):
    mask = np.ones(x.shape)
    if training:  # 2^38 words for each step
        words = _core.philox_words(settings["seed"], settings["path"], step << 38, x.size)
        kept = words.reshape(x.shape) >= math.floor(settings["rate"] * 2**32)
        mask = kept / (1 - settings["rate"])
    return x * mask, mask


def dropout_backward(settings, arrays, cache, dy):
    return dy * cache, {}


LAYERS = {
    "dense": (dense_forward, dense_backward),
    "batch_normalization": (batch_normalization_forward, batch_normalization_backward),
    "activation": (activation_forward, activation_backward),
    "flatten": (flatten_forward, flatten_backward),
    "dropout": (dropout_forward, dropout_backward),
    "rescaling": (rescaling_forward, rescaling_backward),
    **reference_layers.LAYERS,
}


class Network:
    """Layers one behind the other; `arrays[i]` are the parameters and the state of layer i."""

    def __init__(self, layers, arrays):
        self.layers, self.arrays = layers, arrays

    def forward(self, x, training, step=0):
        caches = []
        for settings, arrays in zip(self.layers, self.arrays, strict=True):
            x, cache = LAYERS[settings["kind"]][0](settings, arrays, x, training, step)
            caches.append(cache)
        return x, caches

    def backward(self, caches, dy):
        gradients = [None] * len(self.layers)
        for i in reversed(range(len(self.layers))):
            settings = self.layers[i]
            backward = LAYERS[settings["kind"]][1]
            dy, gradients[i] = backward(settings, self.arrays[i], caches[i], dy)
        return dy, gradients


# Losses: the value of each row and the gradient of their sum with respect to the outputs.


def one_hot(classes, width):
    return np.eye(width)[classes]


def _clip(p):
    inside = (p > EPSILON) & (p < 1 - EPSILON)
    return np.clip(p, EPSILON, 1 - EPSILON), inside


def categorical_crossentropy(outputs, targets, from_logits, label_smoothing=0.0):
    k = outputs.shape[-1]
    targets = targets * (1 - label_smoothing) + label_smoothing / k
    if from_logits:
        shifted = outputs - outputs.max(axis=-1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        gradient = np.exp(logs) * targets.sum(axis=-1, keepdims=True) - targets
        return -(targets * logs).sum(axis=-1), gradient
    total = outputs.sum(axis=-1, keepdims=True)  # Keras makes the outputs sum to one first
    p, inside = _clip(outputs / total)
    dp = np.where(inside, -targets / p, 0)
    gradient = (dp - (dp * outputs / total).sum(axis=-1, keepdims=True)) / total
    return -(targets * np.log(p)).sum(axis=-1), gradient


def sparse_categorical_crossentropy(outputs, targets, from_logits):
    return categorical_crossentropy(outputs, one_hot(targets, outputs.shape[-1]), from_logits)


def binary_crossentropy(outputs, targets, from_logits, label_smoothing=0.0):
    k = outputs.shape[-1]
    targets = targets * (1 - label_smoothing) + label_smoothing / 2
    if from_logits:
        values = np.maximum(outputs, 0) - outputs * targets + np.log1p(np.exp(-np.abs(outputs)))
        return values.mean(axis=-1), (sigmoid(outputs) - targets) / k
    p, inside = _clip(outputs)
    values = -(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    return values.mean(axis=-1), np.where(inside, (p - targets) / (p * (1 - p)), 0) / k


def mean_squared_error(outputs, targets):
    error = outputs - targets
    return (error**2).mean(axis=-1), 2 * error / outputs.shape[-1]


def mean_absolute_error(outputs, targets):
    error = outputs - targets
    return np.abs(error).mean(axis=-1), np.sign(error) / outputs.shape[-1]


LOSSES = {
    function.__name__: function
    for function in (
        categorical_crossentropy,
        sparse_categorical_crossentropy,
        binary_crossentropy,
        mean_squared_error,
        mean_absolute_error,
    )
} | reference_losses.LOSSES


def loss_rows(settings, outputs, targets):
    return LOSSES[settings["kind"]](outputs, targets, **values_of(settings))


METRICS = {
    "categorical_accuracy": lambda o, t: o.argmax(axis=-1) == t.argmax(axis=-1),
    "sparse_categorical_accuracy": lambda o, t: o.argmax(axis=-1) == t,
    "binary_accuracy": lambda o, t, threshold: ((o > threshold) == t).mean(axis=-1),
    "mean_squared_error": lambda o, t: ((o - t) ** 2).mean(axis=-1),
    "mean_absolute_error": lambda o, t: np.abs(o - t).mean(axis=-1),
    "binary_crossentropy": lambda *given, **values: binary_crossentropy(*given, **values)[0],
    "categorical_crossentropy": (
        lambda *given, **values: categorical_crossentropy(*given, **values)[0]
    ),
    "sparse_categorical_crossentropy": (
        lambda *given, **values: sparse_categorical_crossentropy(*given, **values)[0]
    ),
} | reference_metrics.ROWS


def metric_rows(settings, outputs, targets):
    rows = METRICS[settings["kind"]](outputs, targets, **values_of(settings))
    return np.asarray(rows, dtype=float)


# Optimizers: step(w, g, slots, t, learning_rate) changes w and slots in place; t = 1 at first.


def sgd(w, g, s, t, lr, momentum, nesterov):
    if momentum == 0:
        w -= lr * g
        return
    s["velocity"] = momentum * s["velocity"] - lr * g
    w += momentum * s["velocity"] - lr * g if nesterov else s["velocity"]


def rmsprop(w, g, s, t, lr, rho, momentum, epsilon, centered):
    s["square"] = rho * s["square"] + (1 - rho) * g**2
    spread = s["square"]
    if centered:
        s["mean"] = rho * s["mean"] + (1 - rho) * g
        spread = spread - s["mean"] ** 2
    s["velocity"] = momentum * s["velocity"] + lr * g / np.sqrt(spread + epsilon)
    w -= s["velocity"]


def adam(w, g, s, t, lr, beta_1, beta_2, epsilon, amsgrad):
    s["m"] = beta_1 * s["m"] + (1 - beta_1) * g
    s["v"] = beta_2 * s["v"] + (1 - beta_2) * g**2
    s["v_max"] = np.maximum(s["v_max"], s["v"])
    v = s["v_max"] if amsgrad else s["v"]
    w -= lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t) * s["m"] / (np.sqrt(v) + epsilon)


def adagrad(w, g, s, t, lr, epsilon):
    s["sum"] = s["sum"] + g**2
    w -= lr * g / np.sqrt(s["sum"] + epsilon)


def moments(g, s, beta_1, beta_2):
    s["m"] = beta_1 * s["m"] + (1 - beta_1) * g
    s["v"] = beta_2 * s["v"] + (1 - beta_2) * g**2


def nadam(w, g, s, t, lr, beta_1, beta_2, epsilon):
    moments(g, s, beta_1, beta_2)
    momenta = [beta_1 * (1 - 0.5 * 0.96**i) for i in range(1, t + 2)]
    before = math.prod(momenta[:-1])
    direction = momenta[-1] * s["m"] / (1 - before * momenta[-1])
    direction = direction + (1 - momenta[-2]) * g / (1 - before)
    w -= lr * direction / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)


def adamax(w, g, s, t, lr, beta_1, beta_2, epsilon):
    s["m"] = beta_1 * s["m"] + (1 - beta_1) * g
    s["v"] = np.maximum(beta_2 * s["v"], np.abs(g))
    w -= lr / (1 - beta_1**t) * s["m"] / (s["v"] + epsilon)


def lamb(w, g, s, t, lr, beta_1, beta_2, epsilon):
    moments(g, s, beta_1, beta_2)
    u = s["m"] / (1 - beta_1**t) / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)
    of_w, of_u = (math.sqrt((a**2).sum()) for a in (w, u))
    w -= lr * (of_w / of_u if of_w > 0 and of_u > 0 else 1.0) * u


def lion(w, g, s, t, lr, beta_1, beta_2):
    w -= lr * np.sign(beta_1 * s["m"] + (1 - beta_1) * g)
    s["m"] = beta_2 * s["m"] + (1 - beta_2) * g


def adadelta(w, g, s, t, lr, rho, epsilon):
    s["square"] = rho * s["square"] + (1 - rho) * g**2
    u = g * np.sqrt(s["v"] + epsilon) / np.sqrt(s["square"] + epsilon)
    s["v"] = rho * s["v"] + (1 - rho) * u**2
    w -= lr * u


def ftrl(w, g, s, t, lr, learning_rate_power, beta, **strengths):
    l1, l2, shrinkage = (
        strengths[f"{name}_regularization_strength"] for name in ("l1", "l2", "l2_shrinkage")
    )
    before, s["sum"] = s["sum"] ** -learning_rate_power, s["sum"] + g**2
    after = s["sum"] ** -learning_rate_power
    s["m"] = s["m"] + g + 2 * shrinkage * w - (after - before) / lr * w
    w[...] = (np.clip(s["m"], -l1, l1) - s["m"]) / (after / lr + 2 * l2 + beta / lr)


def adafactor(w, g, s, t, lr, beta_2_decay, epsilon_1, epsilon_2, clip_threshold):
    beta, square = 1 - float(t) ** beta_2_decay, g**2 + epsilon_1
    if w.ndim < 2:
        v = s["v"] = beta * s["v"] + (1 - beta) * square
    else:
        for slot, axis in (("m", -1), ("v", -2)):
            mean = square.mean(axis, keepdims=True)
            s[slot] = beta * s[slot] + (1 - beta) * np.broadcast_to(mean, w.shape)
        v = s["m"] / s["m"].mean(-2, keepdims=True) * s["v"]
    u = g / np.sqrt(v)
    size = max(epsilon_2, math.sqrt((w**2).mean())) * min(lr, 1 / math.sqrt(t))
    w -= size * u / max(1.0, math.sqrt((u**2).mean()) / clip_threshold)


def muon(w, g, s, t, lr, momentum, nesterov, ns_steps, rms_rate, **others):
    if w.ndim != 2:
        own = {name: others[f"adam_{name}"] for name in ("beta_1", "beta_2")}
        rate = lr * others["adam_lr_ratio"]
        adam(w, g, s, t, rate, **own, epsilon=others["epsilon"], amsgrad=False)
        return
    s["m"] = momentum * s["m"] + g
    x = g + momentum * s["m"] if nesterov else s["m"]
    x = x / (math.sqrt((x**2).sum()) + 1e-7)
    a, b, c = (others[f"muon_{name}"] for name in "abc")
    for _ in range(int(ns_steps)):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    w -= lr * math.sqrt(max(w.shape)) * (rms_rate or 1 / math.sqrt(max(w.shape))) * x


OPTIMIZERS = {
    "adadelta": adadelta,
    "adafactor": adafactor,
    "adagrad": adagrad,
    "adam": adam,
    "adamax": adamax,
    "ftrl": ftrl,
    "lamb": lamb,
    "lion": lion,
    "muon": muon,
    "nadam": nadam,
    "rmsprop": rmsprop,
    "sgd": sgd,
}
SHARED = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")


class Optimizer:
    """Steps a list of arrays, each a variable of its own, as Keras does."""

    def __init__(self, settings, variables, initial_accumulator_value=0.0):
        self.settings, self.variables, self.t = settings, variables, 0
        zeros = ("velocity", "square", "mean", "m", "v", "v_max")
        self.slots = [
            {
                **{name: np.zeros_like(w) for name in zeros},
                "sum": np.full_like(w, initial_accumulator_value),
            }
            for w in variables
        ]

    def clipped(self, gradients):
        s = self.settings
        if s["clipnorm"]:
            norms = [math.sqrt((g**2).sum()) for g in gradients]
            limit = s["clipnorm"]
            return [g * limit / max(n, limit) for g, n in zip(gradients, norms, strict=True)]
        if s["global_clipnorm"]:
            norm, limit = math.sqrt(sum((g**2).sum() for g in gradients)), s["global_clipnorm"]
            return [g * limit / max(norm, limit) for g in gradients]
        if s["clipvalue"]:
            return [np.clip(g, -s["clipvalue"], s["clipvalue"]) for g in gradients]
        return gradients

    def step(self, gradients, learning_rate):
        self.t += 1
        own = {k: v for k, v in values_of(self.settings).items() if k not in SHARED}
        rule = OPTIMIZERS[self.settings["kind"]]
        gradients = self.clipped(gradients)
        for w, g, slots in zip(self.variables, gradients, self.slots, strict=True):
            by_adam = self.settings["kind"] == "muon" and w.ndim != 2
            decay = self.settings["adam_weight_decay" if by_adam else "weight_decay"]
            w -= learning_rate * decay * w
            rule(w, g, slots, self.t, learning_rate, **own)


def train(network, optimizer, loss, x, y, *, order, batch_size, learning_rate, weights=None):
    """One pass over x[order]; returns the mean loss over the samples, each at its own batch.

    A sample weight multiplies the loss of its sample; the mean is over the number of samples, as in
    Keras, not over the sum of the weights. A sample of several rows counts their mean.
    """
    total = 0.0
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        outputs, caches = network.forward(x[batch], training=True, step=optimizer.t)
        rows, gradient = loss_rows(loss, outputs, y[batch])
        share = np.full(rows.shape, 1 / rows.size)
        if weights is not None:
            share *= weights[batch].reshape(-1, *[1] * (rows.ndim - 1))
        total += (rows * share).sum() * len(batch)
        _, gradients = network.backward(caches, gradient * share[..., None])
        trainable = [
            gradient
            for settings, by_name in zip(network.layers, gradients, strict=True)
            if settings.get("trainable", True)
            for gradient in by_name.values()
        ]
        optimizer.step(trainable, learning_rate)
    return total / len(order)
