"""A network in words that hold for all frameworks: a row of parts, and how it is trained.

What belongs to one place has one number: ``fc3``, ``norm3`` and ``act3`` are the third.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from exam import data

Random = np.random.Generator


@dataclass(frozen=True)
class Part:
    """One layer, or a block of them."""

    what: str
    """``dense``, ``conv``, ``act``, ``norm``, ``residual``, …: a method of each side."""
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    inside: tuple["Part", ...] = ()
    """The branch of a residual block."""

    @property
    def place(self) -> str:
        """What names of the same place end with: a number, or ``out``."""
        found = re.search(r"\d+|out", self.name)
        return found.group() if found else ""


@dataclass(frozen=True)
class Network:
    """A network, its data, and how it is trained."""

    framework: str
    family: str
    data: str
    shape: str
    """What a sample is given as: ``vector``, ``image``, ``sequence`` or ``tokens``."""
    parts: tuple[Part, ...]
    loss: str
    """``cross_entropy``, ``binary`` or ``mse``."""
    ending: str
    """What the loss takes the outputs for: ``logits``, ``probabilities``, ``log`` or ``values``."""
    optimizer: str
    learning_rate: float
    label: str
    """Activation, depth and width, in a few letters."""
    seed: int = 0
    epochs: int = 12
    batch: int = 64
    frozen: frozenset[str] = frozenset()
    flat_targets: bool = False
    """Whether torch gets targets of shape (n,) for outputs of shape (n, 1)."""

    def walk(self) -> Iterator[Part]:
        """Go through all parts, those of blocks after the block."""
        return _walk(self.parts)

    def named(self, *whats: str) -> list[Part]:
        """Return the parts of these kinds, in order."""
        return [part for part in self.walk() if part.what in whats]

    @property
    def kernels(self) -> list[Part]:
        """The parts that multiply, but for the last."""
        return [
            part
            for part in self.named("dense", "conv", "separable", "conv1d")
            if part.name != "out"
        ]

    @property
    def plain(self) -> bool:
        """Whether nothing normalizes, and nothing leads past a layer."""
        return not self.named("norm", "residual", "attention", "gru", "lstm")

    def activation_at(self, place: str) -> str:
        """Return the activation of a place; empty if it has none."""
        return next((p.options["kind"] for p in self.named("act") if p.place == place), "")

    def with_part(self, name: str, **options: Any) -> "Network":
        """Return a network in which one part has other options."""

        def change(part: Part) -> Part:
            inside = tuple(change(p) for p in part.inside)
            new = {**part.options, **options} if part.name == name else part.options
            return replace(part, options=new, inside=inside)

        return replace(self, parts=tuple(change(part) for part in self.parts))


def _walk(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _walk(part.inside)


SUITS = {
    "relu": "he_normal", "leaky_relu": "he_normal", "elu": "he_normal", "gelu": "he_normal",
    "silu": "he_normal", "selu": "lecun_normal", "tanh": "glorot_uniform",
    "sigmoid": "glorot_uniform", "linear": "lecun_normal",
}  # fmt: skip


class Pen:
    """Writes parts down, numbered by place, and ends as users of the framework do."""

    def __init__(self, rng: Random, framework: str) -> None:
        self.rng, self.framework = rng, framework
        self.number = 0

    def part(self, what: str, prefix: str, *inside: Part, **options: Any) -> Part:
        """Write a part at the present place."""
        return Part(what, f"{prefix}{self.number}", options, inside)

    def next(self) -> None:
        """Go to the next place."""
        self.number += 1

    def dense(
        self, units: int, kind: str, *, norm: str = "", init: str = "", drop: float = 0.0
    ) -> list[Part]:
        """Write a layer, what normalizes it, and its activation."""
        self.next()
        parts = [self.part("dense", "fc", units=units, init=init or SUITS[kind], bias=not norm)]
        return [*parts, *self._rest(kind, norm, drop)]

    def conv(
        self, filters: int, kind: str, *, norm: str = "", what: str = "conv", stride: int = 1
    ) -> list[Part]:
        """Write a convolution of 3 x 3, or of 3 steps."""
        self.next()
        conv = self.part(
            what, "conv", filters=filters, init=SUITS[kind], bias=not norm, stride=stride
        )
        return [conv, *self._rest(kind, norm, 0.0)]

    def _rest(self, kind: str, norm: str, drop: float) -> list[Part]:
        parts = [self.part("norm", "norm", kind=norm)] if norm else []
        if kind != "linear":
            parts.append(self.part("act", "act", kind=kind))
        return [*parts, self.part("dropout", "drop", rate=drop)] if drop else parts

    def end(
        self,
        name: str,
        shape: str,
        parts: list[Part],
        label: str,
        rate: float,
        *,
        init: str = "glorot_uniform",
        optimizer: str = "",
    ) -> Network:
        """Write the last layer for a data set, and choose a loss and, unless given, an optimizer.

        Parameters
        ----------
        name, shape : str
            The data set, and how its samples are given.
        parts : list of Part
            All before the last layer.
        label : str
            What the network's name says of it.
        rate : float
            The learning rate, of Adam; others get one that does as much.
        init, optimizer : str
            Initializer of the last layer; optimizer.
        """
        loss, units = "cross_entropy", data.CLASSES.get(name, 1)
        if name in data.REGRESSION:
            loss, ending = "mse", "values"
        elif name in data.BINARY:
            loss, units = "binary", 1
            ending = "logits" if self.framework == "torch" else "probabilities"
        else:
            of_torch = "log" if self.rng.random() < 0.15 else "logits"
            of_others = "logits" if self.rng.random() < 0.2 else "probabilities"
            ending = of_torch if self.framework == "torch" else of_others
        parts = [*parts, Part("dense", "out", {"units": units, "init": init, "bias": True})]
        last = {
            ("probabilities", "cross_entropy"): "softmax",
            ("probabilities", "binary"): "sigmoid",
            ("log", "cross_entropy"): "log_softmax",
        }.get((ending, loss))
        if last:
            parts.append(Part("act", "act_out", {"kind": last}))
        optimizer = optimizer or str(self.rng.choice(["adam", "adam", "momentum", "rmsprop"]))
        rate *= {"adam": 1.0, "rmsprop": 0.3, "momentum": 6.0}[optimizer]
        return Network(
            self.framework, "", name, shape, tuple(parts), loss, ending, optimizer, rate, label
        )
