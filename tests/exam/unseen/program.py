"""What a program makes, what is expected of its diagnosis, and the list of all programs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exam.fault import Answer, Expectation

Array = NDArray[Any]


@dataclass
class Program:
    """The names of a user's program: what is trained on what."""

    model: Any
    x: Any
    y: Any
    loss: Any
    optimizer: Any
    guess: float | None = None
    """The loss of the best constant answer; None: the labels' entropy, the targets' variance."""
    epochs: int = 12
    batch: int = 64

    def guessing(self) -> float:
        """Return the loss of the best constant answer."""
        if self.guess is not None:
            return self.guess
        y = np.asarray(self.y)
        return entropy(y) if y.dtype.kind in "iu" else float(np.var(y, axis=0).mean())


def entropy(labels: Any) -> float:
    """Return the mean loss of answering with the shares of the labels."""
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def bernoulli(targets: Any) -> float:
    """Return the mean loss of answering with each column's mean, for targets from 0 to 1."""
    means = np.clip(np.asarray(targets, float).mean(axis=0), 1e-9, 1 - 1e-9)
    return float(-(means * np.log(means) + (1 - means) * np.log(1 - means)).mean())


@dataclass(frozen=True)
class Fault:
    """What a diagnosis should say, and how the fault is known to be one."""

    expected: Expectation
    hurts: bool
    mendable: bool


def said(
    kinds: str, layers: str | None = None, *, hurts: bool = True, mend: bool = True, error: str = ""
) -> Fault:
    """Expect one of some kinds, at one of some layers (None: wherever)."""
    places = None if layers is None else frozenset(layers.split())
    return Fault(Expectation((Answer(frozenset(kinds.split()), places),), error), hurts, mend)


@dataclass(frozen=True)
class Network:
    """A program that makes a sound network or, told so, the same with one fault."""

    name: str
    framework: str
    make: Callable[[str], Program]
    faults: Mapping[str, Fault]
    sound: bool
    """Whether it is examined without a fault too."""


NETWORKS: dict[str, Network] = {}


def network(
    framework: str, *, sound: bool = True, **faults: Fault
) -> Callable[[Callable[[str], Program]], Callable[[str], Program]]:
    """Enter a program, and the faults that it can be told to have."""

    def enter(make: Callable[[str], Program]) -> Callable[[str], Program]:
        name = f"{framework}/{make.__name__}"
        assert name not in NETWORKS
        NETWORKS[name] = Network(name, framework, make, faults, sound)
        return make

    return enter


def rng(seed: int = 0) -> np.random.Generator:
    """Return a generator for data."""
    return np.random.default_rng(seed)


def smooth(samples: int, features: int, seed: int = 0) -> tuple[Array, Array]:
    """Return vectors and a smooth signed function of them, of mean 0 and variance 1."""
    r = rng(seed)
    x = r.normal(size=(samples, features))
    y = np.tanh(x @ r.normal(size=(features, 4)) / math.sqrt(features)).sum(axis=1)
    y += 0.5 * x[:, 0] * x[:, 1]
    return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")[:, None]
