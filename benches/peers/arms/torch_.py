"""PyTorch, eager."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from peers.common import (
    ADAM_EPSILON,
    BETAS,
    BN_EPSILON,
    BN_MOMENTUM,
    LEARNING_RATE,
    Arm,
    Array,
    Network,
    Residual,
    WideAndDeep,
    network,
    training,
)
from peers.common import products as products_of

VERSION = torch.__version__


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)


def _fill(shape: Sequence[int], dtype: str, draw: Callable[[Any], Any]) -> Arm:
    w = torch.empty(*shape, dtype=getattr(torch, dtype))
    return Arm(lambda: draw(w), w.numel())


def uniform(shape: Sequence[int], dtype: str) -> Arm:
    return _fill(shape, dtype, lambda w: nn.init.uniform_(w, -0.1, 0.1))


def normal(shape: Sequence[int], dtype: str) -> Arm:
    return _fill(shape, dtype, lambda w: nn.init.normal_(w, 0.0, 0.1))


def truncated_normal(shape: Sequence[int], dtype: str) -> Arm:
    return _fill(shape, dtype, lambda w: nn.init.trunc_normal_(w, 0.0, 0.1, -0.2, 0.2))


def orthogonal(n: int) -> Arm:
    w = torch.empty(n, n)
    return Arm(lambda: nn.init.orthogonal_(w))


def model_of(net: Network, member: int = 0) -> Any:
    layers: list[Any] = []
    for i, kernel in enumerate(net.kernels(member)):
        layer = nn.Linear(*kernel.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
            layer.bias.zero_()
        layers.append(layer)
        if i < len(net.widths) - 2:
            layers.append(nn.ReLU())
            if net.normalized:
                width = kernel.shape[1]
                layers.append(nn.BatchNorm1d(width, eps=BN_EPSILON, momentum=1 - BN_MOMENTUM))
    return nn.Sequential(*layers)


def _adam(params: Any, variant: str) -> Any:
    # Without a variant torch chooses; on CPU tensors that is the loop over parameters.
    chosen = {variant: True} if variant else {}
    return torch.optim.Adam(params, LEARNING_RATE, betas=BETAS, eps=ADAM_EPSILON, **chosen)


def _pass(model: Any, optimizer: Any, x: Any, y: Any, order: Array, batch: int) -> float:
    """Train for one pass in an order; return the mean loss of its batches."""
    parts = torch.from_numpy(order).split(batch)
    total = torch.zeros(())
    for part in parts:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[part]), y[part])
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return float(total) / len(parts)


def train(
    widths: Sequence[int], normalized: bool, batch: int, steps: int, variant: str = ""
) -> Arm:
    net = network(widths, normalized, batch, steps)
    x, y = (torch.from_numpy(part) for part in net.data())
    made: list[Any] = []

    def start() -> None:
        model = model_of(net)
        made[:] = [model, _adam(model.parameters(), variant)]

    def epoch(order: Array) -> float:
        return _pass(*made, x, y, order, batch)

    return training(net, start, epoch)


def products(widths: Sequence[int], normalized: bool, batch: int, steps: int) -> Arm:
    net = network(widths, normalized, batch, steps)
    return products_of(net, torch.from_numpy, lambda a, b, out: torch.mm(a, b, out=out))


def train_many(widths: Sequence[int], normalized: bool, batch: int, steps: int, count: int) -> Arm:
    """All networks in one: their weights stacked, their products batched."""
    net = network(widths, normalized, batch, steps)
    x, y = (torch.from_numpy(part) for part in net.data())
    made: list[Any] = []

    def start() -> None:
        each = [net.kernels(member) for member in range(count)]
        stacked = [torch.from_numpy(np.stack(kernels)) for kernels in zip(*each, strict=True)]
        weights = [nn.Parameter(w) for w in stacked]
        biases = [nn.Parameter(torch.zeros(count, 1, w.shape[2])) for w in stacked]
        norms = [_StackedNorm(count, width) for width in widths[1:-1]] if normalized else []
        parameters = [*weights, *biases, *(p for norm in norms for p in norm.parameters())]
        made[:] = [weights, biases, norms, _adam(parameters, "foreach")]

    def epoch(order: Array) -> float:
        weights, biases, norms, optimizer = made
        total = torch.zeros(())
        for part in torch.from_numpy(order).split(batch):
            optimizer.zero_grad()
            h = x[part].expand(count, -1, -1)
            for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
                h = torch.baddbmm(b, h, w)
                if i < len(weights) - 1:
                    h = h.relu()
                    h = norms[i](h) if norms else h
            classes = y[part].repeat(count)
            loss = nn.functional.cross_entropy(h.flatten(0, 1), classes)
            # The gradient of each network's own mean, not of the mean over all.
            (loss * count).backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / steps

    return training(net, start, epoch, count)


class _StackedNorm(nn.Module):
    """BatchNorm1d of several networks at once: (networks, batch, features)."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(count * width, eps=BN_EPSILON, momentum=1 - BN_MOMENTUM)
        self.count = count

    def forward(self, h: Any) -> Any:
        rows = h.transpose(0, 1).flatten(1)
        return self.norm(rows).unflatten(1, (self.count, -1)).transpose(0, 1)


def train_each(widths: Sequence[int], normalized: bool, batch: int, steps: int, count: int) -> Arm:
    """One network after the other."""
    net = network(widths, normalized, batch, steps)
    x, y = (torch.from_numpy(part) for part in net.data())
    made: list[Any] = []

    def start() -> None:
        models = [model_of(net, member) for member in range(count)]
        made[:] = [(model, _adam(model.parameters(), "fused")) for model in models]

    def epoch(order: Array) -> float:
        return float(np.mean([_pass(*each, x, y, order, batch) for each in made]))

    return training(net, start, epoch, count)


def batch_normalization(rows: int, columns: int) -> Arm:
    layer = nn.BatchNorm1d(columns, eps=BN_EPSILON, momentum=1 - BN_MOMENTUM)
    return _layer(layer, rows, columns, columns)


def passes(rows: int, columns: int) -> Arm:
    """Read x; read x and write y; read x and dy; read x and dy and write dx."""
    x, dy, y = (torch.randn(rows * columns) for _ in range(3))

    def run() -> None:
        torch.sum(x)
        torch.mul(x, 2.0, out=y)
        torch.dot(x, dy)
        torch.add(x, dy, out=y)

    return Arm(run)


def dense(rows: int, inputs: int, outputs: int) -> Arm:
    layer = model_of(Network((inputs, outputs), False, rows, 1))
    return _layer(layer, rows, inputs, outputs)


def _layer(layer: Any, rows: int, inputs: int, outputs: int) -> Arm:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((rows, inputs), dtype=np.float32)).requires_grad_()
    dy = torch.from_numpy(rng.standard_normal((rows, outputs), dtype=np.float32))

    def run() -> None:
        x.grad = None
        layer.zero_grad()
        layer(x).backward(dy)

    def check() -> float:
        run()
        return float(x.grad.abs().mean())

    return Arm(run, check=check)


def adam(size: int, variant: str = "") -> Arm:
    rng = np.random.default_rng(0)
    w, g = (torch.from_numpy(rng.standard_normal(size, dtype=np.float32)) for _ in range(2))
    w = nn.Parameter(w)
    w.grad = g
    rule = _adam([w], variant)

    def check() -> float:
        rule.step()
        rule.step()
        return float(w.detach().abs().double().mean())

    return Arm(rule.step, check=check)


def root_and_division(size: int) -> Arm:
    m, v, out = (torch.rand(size) for _ in range(3))

    def run() -> None:
        torch.sqrt(v, out=out)
        torch.div(m, out, out=out)

    return Arm(run)


def predict(widths: Sequence[int], rows: int) -> Arm:
    net = Network(tuple(widths), False, rows, 1)
    model, x = model_of(net).eval(), torch.from_numpy(net.data()[0])

    def run() -> Any:
        with torch.inference_mode():
            return torch.softmax(model(x), 1)

    return Arm(run, check=lambda: float(run().numpy().std()))


def product(n: int) -> Arm:
    a, b, out = torch.randn(n, n), torch.randn(n, n), torch.empty(n, n)
    return Arm(lambda: torch.mm(a, b, out=out))


def _linear(kernel: Array) -> nn.Linear:
    layer = nn.Linear(*kernel.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
        layer.bias.zero_()
    return layer


class _Residual(nn.Module):
    def __init__(self, kernels: list[Array]) -> None:
        super().__init__()
        self.first, *inner, self.last = map(_linear, kernels)
        self.inner = nn.ModuleList(inner)

    def forward(self, x: Any) -> Any:
        h = self.first(x).relu()
        for one, two in zip(self.inner[::2], self.inner[1::2], strict=True):
            h = h + two(one(h).relu())
        return self.last(h)


def train_residual(variant: str = "", **shape: Any) -> Arm:
    net = Residual(**shape)
    x, y = (torch.from_numpy(part) for part in net.data())
    made: list[Any] = []

    def start() -> None:
        model = _Residual(net.kernels())
        made[:] = [model, _adam(model.parameters(), variant)]

    return training(net, start, lambda order: _pass(*made, x, y, order, net.batch))


class _WideAndDeep(nn.Module):
    def __init__(self, tables: list[Array], kernels: list[Array]) -> None:
        super().__init__()
        arrays = map(torch.from_numpy, tables)
        self.tables = nn.ModuleList(nn.Embedding.from_pretrained(w, freeze=False) for w in arrays)
        *hidden, self.last = map(_linear, kernels)
        self.hidden = nn.ModuleList(hidden)

    def forward(self, chosen: Any, numbers: Any) -> Any:
        found = [table(chosen[:, i]) for i, table in enumerate(self.tables)]
        h = torch.cat([*found, numbers], 1)
        for layer in self.hidden:
            h = layer(h).relu()
        return self.last(torch.cat([h, numbers], 1))[:, 0]


def train_wide_and_deep(variant: str = "", **shape: Any) -> Arm:
    net = WideAndDeep(**shape)
    chosen, numbers, y = (torch.from_numpy(part) for part in net.data())
    made: list[Any] = []

    def start() -> None:
        model = _WideAndDeep(net.tables(), net.kernels())
        made[:] = [model, _adam(model.parameters(), variant)]

    def epoch(order: Array) -> float:
        model, optimizer = made
        parts = torch.from_numpy(order).split(net.batch)
        total = torch.zeros(())
        for part in parts:
            optimizer.zero_grad()
            logits = model(chosen[part], numbers[part])
            loss = nn.functional.binary_cross_entropy_with_logits(logits, y[part])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / len(parts)

    return training(net, start, epoch)
