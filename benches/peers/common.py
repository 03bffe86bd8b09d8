"""What every arm of one piece of work shares: its data, its starting weights, its constants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEARNING_RATE = 1e-3
BETAS = (0.9, 0.999)
# Where Adam adds epsilon differs between libraries; this small, all of them do the same.
ADAM_EPSILON = 1e-10
BN_EPSILON = 1e-3
BN_MOMENTUM = 0.99
"""Share of the old running value that is kept: Keras's meaning, 1 - torch's."""


@dataclass
class Arm:
    """One peer's way to do one piece of work."""

    run: Callable[[], Any]
    """Do it once."""
    count: float = 1
    """How many units (elements, steps) doing it once is."""
    start: Callable[[], Any] | None = None
    """Go back to the beginning; called before each round, not timed."""
    check: Callable[[], float] | None = None
    """A number that all arms must agree on, found by doing the work from the beginning."""


@dataclass(frozen=True)
class Network:
    """Dense layers with ReLU between them, after which BatchNormalization may follow."""

    widths: tuple[int, ...]
    normalized: bool
    batch: int
    steps: int
    """Steps of one pass over the data."""

    @property
    def samples(self) -> int:
        """Rows of the data."""
        return self.batch * self.steps

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        dense = sum(i * o + o for i, o in pairwise(self.widths))
        return dense + (2 * sum(self.widths[1:-1]) if self.normalized else 0)

    @property
    def multiply_adds(self) -> int:
        """Those of the matrix products of one step: forward, dW, and dX but of the first layer."""
        pairs = list(pairwise(self.widths))
        products = 3 * sum(i * o for i, o in pairs) - pairs[0][0] * pairs[0][1]
        return products * self.batch

    def data(self) -> tuple[Array, Array]:
        """Return samples and the classes that a random linear rule gives them."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((self.samples, self.widths[0]), dtype=np.float32)
        rule = rng.standard_normal((self.widths[0], self.widths[-1]), dtype=np.float32)
        return x, np.argmax(x @ rule, axis=1).astype(np.int64)

    def kernels(self, member: int = 0) -> list[Array]:
        """Return He-normal starting kernels (fan_in, fan_out); biases start at zero."""
        rng = np.random.default_rng(1 + member)
        return [
            rng.standard_normal((i, o), dtype=np.float32) * np.float32(np.sqrt(2 / i))
            for i, o in pairwise(self.widths)
        ]


def network(widths: Sequence[int], normalized: bool, batch: int, steps: int) -> Network:
    """Make a network of what came through JSON."""
    return Network(tuple(widths), normalized, batch, steps)


@dataclass(frozen=True)
class Residual:
    """A dense layer, blocks of two around which their input is added, and a softmax."""

    inputs: int
    width: int
    blocks: int
    outputs: int
    batch: int
    steps: int
    """Steps of one pass over the data."""

    @property
    def samples(self) -> int:
        """Rows of the data."""
        return self.batch * self.steps

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Those of the kernels, first to last."""
        inner = [(self.width, self.width)] * (2 * self.blocks)
        return [(self.inputs, self.width), *inner, (self.width, self.outputs)]

    def data(self) -> tuple[Array, Array]:
        """Return samples and the classes that a random linear rule gives them."""
        return Network((self.inputs, self.outputs), False, self.batch, self.steps).data()

    def kernels(self) -> list[Array]:
        """Return starting kernels (fan_in, fan_out); biases start at zero."""
        rng = np.random.default_rng(1)
        return [
            rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(1 / shape[0]))
            for shape in self.shapes
        ]


@dataclass(frozen=True)
class WideAndDeep:
    """Categories through embeddings and layers; numbers there too, and straight to a sigmoid."""

    columns: int
    """Columns of categories, with a table each."""
    categories: int
    features: int
    """Numbers that a category becomes."""
    numbers: int
    hidden: tuple[int, ...]
    batch: int
    steps: int
    """Steps of one pass over the data."""

    @property
    def samples(self) -> int:
        """Rows of the data."""
        return self.batch * self.steps

    @property
    def deep(self) -> int:
        """What goes into the first hidden layer."""
        return self.columns * self.features + self.numbers

    def data(self) -> tuple[Array, Array, Array]:
        """Return categories, numbers, and classes 0 and 1 that depend on both."""
        rng = np.random.default_rng(0)
        chosen = rng.integers(0, self.categories, (self.samples, self.columns))
        numbers = rng.standard_normal((self.samples, self.numbers), dtype=np.float32)
        worth = rng.standard_normal((self.columns, self.categories))
        score = sum(worth[i, chosen[:, i]] for i in range(self.columns)) + numbers.sum(axis=1)
        return chosen.astype(np.int32), numbers, (score > 0).astype(np.float32)

    def tables(self) -> list[Array]:
        """Return starting embeddings."""
        rng = np.random.default_rng(1)
        shape = (self.categories, self.features)
        return [
            rng.standard_normal(shape, dtype=np.float32) * np.float32(0.05)
            for _ in range(self.columns)
        ]

    def kernels(self) -> list[Array]:
        """Return starting kernels: those of the hidden layers, and that of the output."""
        widths = (self.deep, *self.hidden)
        last = self.hidden[-1] + self.numbers
        rng = np.random.default_rng(2)
        return [
            rng.standard_normal((i, o), dtype=np.float32) * np.float32(np.sqrt(1 / i))
            for i, o in [*pairwise(widths), (last, 1)]
        ]


def products(
    net: Network, own: Callable[[Array], Any], multiply: Callable[[Any, Any, Any], Any]
) -> Arm:
    """Make the arm that does the matrix products of one step and nothing else.

    `own` makes a library's array of one of NumPy, and `multiply` puts a product into its third
    argument.
    """
    rng = np.random.default_rng(0)
    work: list[tuple[Any, Any, Any]] = []
    for layer, (inputs, outputs) in enumerate(pairwise(net.widths)):
        x, w, d = (
            own(rng.standard_normal(shape, dtype=np.float32))
            for shape in ((net.batch, inputs), (inputs, outputs), (net.batch, outputs))
        )
        pairs = [(x, w), (x.T, d), (d, w.T)]
        work += [
            (a, b, own(np.empty((a.shape[0], b.shape[1]), np.float32)))
            for a, b in (pairs if layer else pairs[:2])
        ]

    def run() -> None:
        for a, b, out in work:
            multiply(a, b, out)

    return Arm(run)


def training(
    net: Network | Residual | WideAndDeep,
    start: Callable[[], Any],
    epoch: Callable[[Array], float],
    count: int = 1,
) -> Arm:
    """Make the arm that trains for one pass in a new order, and checks on two in a given one.

    `epoch` takes the order of the rows and returns the mean loss over the pass, and over
    the `count` networks that make it.
    """
    shuffles = np.random.default_rng(2)

    def check() -> float:
        start()
        for _ in range(2):
            loss = epoch(np.random.default_rng(3).permutation(net.samples))
        return loss

    return Arm(lambda: epoch(shuffles.permutation(net.samples)), net.steps * count, start, check)
