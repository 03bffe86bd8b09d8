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
    network,
    training,
)

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


def model_of(net: Network) -> Any:
    layers: list[Any] = []
    for i, kernel in enumerate(net.kernels()):
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


def train(
    widths: Sequence[int], normalized: bool, batch: int, steps: int, variant: str = ""
) -> Arm:
    net = network(widths, normalized, batch, steps)
    x, y = (torch.from_numpy(part) for part in net.data())
    loss_of = nn.CrossEntropyLoss()
    made: list[Any] = []

    def start() -> None:
        model = model_of(net)
        made[:] = [model, _adam(model.parameters(), variant)]

    def epoch(order: Array) -> float:
        model, optimizer = made
        total = torch.zeros(())
        for part in torch.from_numpy(order).split(batch):
            optimizer.zero_grad()
            loss = loss_of(model(x[part]), y[part])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / steps

    return training(net, start, epoch)


def batch_normalization(rows: int, columns: int) -> Arm:
    layer = nn.BatchNorm1d(columns, eps=BN_EPSILON, momentum=1 - BN_MOMENTUM)
    return _layer(layer, rows, columns, columns)


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
