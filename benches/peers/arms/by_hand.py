"""NumPy: its Generator, the documents' snippets, and a network written by hand."""

from collections.abc import Sequence

import numpy as np

from peers.common import (
    ADAM_EPSILON,
    BETAS,
    BN_EPSILON,
    BN_MOMENTUM,
    LEARNING_RATE,
    Arm,
    Array,
    Network,
    network,
    training,
)
from peers.common import products as products_of

VERSION = np.__version__


def uniform(shape: Sequence[int], dtype: str) -> Arm:
    rng, out = np.random.default_rng(0), np.empty(shape, dtype)
    return Arm(lambda: rng.random(out=out, dtype=out.dtype.type), out.size)


def normal(shape: Sequence[int], dtype: str) -> Arm:
    rng, out = np.random.default_rng(0), np.empty(shape, dtype)
    return Arm(lambda: rng.standard_normal(out=out, dtype=out.dtype.type), out.size)


def fresh(shape: Sequence[int], dtype: str) -> Arm:
    return Arm(lambda: np.full(shape, 0.5, dtype), float(np.prod(shape)))


def written(shape: Sequence[int], dtype: str) -> Arm:
    out = np.empty(shape, dtype)
    return Arm(lambda: out.fill(0.5), out.size)


def snippet_uniform(shape: Sequence[int], dtype: str) -> Arm:
    def xavier_init(shape: Sequence[int]) -> Array:
        limit = np.sqrt(6 / sum(shape))
        return np.random.uniform(-limit, limit, size=shape)

    return Arm(lambda: xavier_init(shape), float(np.prod(shape)))


def snippet_normal(shape: Sequence[int], dtype: str) -> Arm:
    def he_init(shape: Sequence[int]) -> Array:
        std_dev = np.sqrt(2 / shape[0])
        return np.random.normal(0, std_dev, size=shape)

    return Arm(lambda: he_init(shape), float(np.prod(shape)))


def orthogonal(n: int) -> Arm:
    rng = np.random.default_rng(0)

    def run() -> Array:
        q, r = np.linalg.qr(rng.standard_normal((n, n), dtype=np.float32))
        return q * np.sign(np.diag(r))

    return Arm(run)


def bn_forward(x: Array, gamma: Array, beta: Array) -> tuple[Array, Array, Array, Array, Array]:
    mean = x.mean(axis=0)
    centred = x - mean
    variance = np.mean(centred * centred, axis=0)
    inverse = 1 / np.sqrt(variance + np.float32(BN_EPSILON))
    normal = centred * inverse
    return gamma * normal + beta, normal, inverse, mean, variance


def bn_backward(
    dy: Array, gamma: Array, normal: Array, inverse: Array
) -> tuple[Array, Array, Array]:
    dbeta, dgamma = dy.sum(axis=0), (dy * normal).sum(axis=0)
    dx = (gamma * inverse / len(dy)) * (len(dy) * dy - dbeta - normal * dgamma)
    return dx, dgamma, dbeta


def batch_normalization(rows: int, columns: int) -> Arm:
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((rows, columns), dtype=np.float32) for _ in range(2))
    gamma, beta = np.ones(columns, np.float32), np.zeros(columns, np.float32)

    def run() -> Array:
        _, normal, inverse, _, _ = bn_forward(x, gamma, beta)
        return bn_backward(dy, gamma, normal, inverse)[0]

    return Arm(run, check=lambda: float(np.abs(run()).mean()))


class Adam:
    """Adam over a list of arrays, in place."""

    def __init__(self, params: list[Array]) -> None:
        self.params = params
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]
        self.t = 0

    def step(self, grads: list[Array]) -> None:
        """Update the parameters."""
        b1, b2 = BETAS
        self.t += 1
        rate = np.float32(LEARNING_RATE * np.sqrt(1 - b2**self.t) / (1 - b1**self.t))
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            m *= np.float32(b1)
            m += np.float32(1 - b1) * g
            v *= np.float32(b2)
            v += np.float32(1 - b2) * g * g
            p -= rate * m / (np.sqrt(v) + np.float32(ADAM_EPSILON))


def adam(size: int) -> Arm:
    rng = np.random.default_rng(0)
    w, g = (rng.standard_normal(size, dtype=np.float32) for _ in range(2))
    rule = Adam([w])

    def check() -> float:
        rule.step([g])
        rule.step([g])
        return float(np.abs(w).mean(dtype=np.float64))

    return Arm(lambda: rule.step([g]), check=check)


class Model:
    """The network, layer by layer: kernel, bias, and gamma, beta where one is normalized."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.params: list[Array] = []
        self.running: list[Array] = []
        for i, kernel in enumerate(net.kernels()):
            width = kernel.shape[1]
            self.params += [kernel, np.zeros(width, np.float32)]
            if net.normalized and i < len(net.widths) - 2:
                self.params += [np.ones(width, np.float32), np.zeros(width, np.float32)]
                self.running += [np.zeros(width, np.float32), np.ones(width, np.float32)]
        self.adam = Adam(self.params)

    def step(self, x: Array, y: Array) -> float:
        """Take one step and return the mean loss before it."""
        net, params, running = self.net, iter(self.params), iter(self.running)
        tape: list[tuple[Array, ...]] = []
        h, keep = x, np.float32(BN_MOMENTUM)
        for _ in net.widths[1:-1]:
            w, b = next(params), next(params)
            z = np.maximum(h @ w + b, 0)
            if net.normalized:
                gamma, beta = next(params), next(params)
                out, normal, inverse, mean, variance = bn_forward(z, gamma, beta)
                for old, new in ((next(running), mean), (next(running), variance)):
                    old *= keep
                    old += (1 - keep) * new
                tape.append((h, w, z, gamma, normal, inverse))
                h = out
            else:
                tape.append((h, w, z))
                h = z
        w, b = next(params), next(params)
        z = h @ w + b
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = float((np.log(total[:, 0]) - z[rows, y]).mean())
        p /= total
        p[rows, y] -= 1
        d = p / np.float32(len(y))
        grads = [d.sum(axis=0), h.T @ d]
        for h, w_in, z, *bn in reversed(tape):
            d = d @ w.T
            if bn:
                d, dgamma, dbeta = bn_backward(d, *bn)
                grads += [dbeta, dgamma]
            d = d * (z > 0)
            grads += [d.sum(axis=0), h.T @ d]
            w = w_in
        self.adam.step(grads[::-1])
        return loss


def train(widths: Sequence[int], normalized: bool, batch: int, steps: int) -> Arm:
    net = network(widths, normalized, batch, steps)
    x, y = net.data()
    models: list[Model] = []

    def start() -> None:
        models[:] = [Model(net)]

    def epoch(order: Array) -> float:
        parts = order.reshape(steps, batch)
        return sum(models[0].step(x[part], y[part]) for part in parts) / steps

    return training(net, start, epoch)


def products(widths: Sequence[int], normalized: bool, batch: int, steps: int) -> Arm:
    net = network(widths, normalized, batch, steps)
    return products_of(net, lambda array: array, lambda a, b, out: np.matmul(a, b, out=out))


def predict(widths: Sequence[int], rows: int) -> Arm:
    net = Network(tuple(widths), False, rows, 1)
    x, kernels = net.data()[0], net.kernels()

    def run() -> Array:
        h = x
        for w in kernels[:-1]:
            h = np.maximum(h @ w, 0)
        z = h @ kernels[-1]
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    return Arm(run, check=lambda: float(run().std()))


def product(n: int) -> Arm:
    a, b = (np.random.default_rng(0).standard_normal((n, n), dtype=np.float32) for _ in range(2))
    out = np.empty((n, n), np.float32)
    return Arm(lambda: np.matmul(a, b, out=out))
