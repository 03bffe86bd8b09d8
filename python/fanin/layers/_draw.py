"""Random numbers that a `call` of users' draws: values of the network in the making."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fanin import _checks, random
from fanin.layers import _tracing
from fanin.layers._dropout import as_stream
from fanin.layers._merging import Merge
from fanin.layers._value import Value


class Draw(Merge):
    """Random numbers, others in each batch, in training and in inference.

    What it reads says how many samples there are, and nothing else.

    Parameters
    ----------
    law : {"normal", "uniform"}
        How they are distributed.
    first, second : float
        Mean and standard deviation; or the bounds.
    shape : tuple of int
        Shape of a sample.
    seed : optional
        Their seed; if there is none, that of the network.
    """

    kind = "draw"
    _of_ops = True
    _least = _most = 1
    _options: ClassVar[Mapping[str, Any]] = {
        "law": _checks.as_it_is,
        "first": _checks.as_it_is,
        "second": _checks.as_it_is,
        "shape": _checks.as_it_is,
        "seed": _checks.as_it_is,
    }

    def __init__(
        self, law: str, first: float, second: float, shape: tuple[int, ...], seed: Any, name: str
    ) -> None:
        super().__init__(name=name)
        self.law, self.first, self.second, self.shape, self.seed = law, first, second, shape, seed
        self._stream = random.Stream(0, name)

    def settings(self) -> dict[str, object]:
        """Return the settings for the core; the seed is that of its stream."""
        return {
            **{"kind": "draw", "function": self.law, "mode": True},
            **{"first": self.first, "second": self.second, "target_shape": self.shape},
            **{"seed": self._stream.seed, "path": self._stream.path},
        }

    def _draws(self) -> bool:
        return True

    def draw_from(self, source: random.RandomSource, path: str) -> None:
        """Take numbers from a stream, at a place there; its own seed goes before it."""
        stream = as_stream(source) if self.seed is None else random.Stream(self.seed)
        self._stream = stream.at(path)
        self._changed()


def without_noise(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a draw that always is what it is in the mean."""
    a, b = settings["first"], settings["second"]
    if settings["function"] == "normal":
        return {**settings, "second": 0.0}
    return {**settings, "first": (a + b) / 2, "second": (a + b) / 2}


def drawn(law: str, first: float, second: float, shape: tuple[Any, ...], seed: Any) -> Any:
    """Return random numbers in the run of a `call`: a value, or on arrays their mean.

    Parameters
    ----------
    law : {"normal", "uniform"}
        How they are distributed.
    first, second : float
        Mean and standard deviation; or the bounds.
    shape : tuple
        The shape, with that of the batch in front: None for values.
    seed : optional
        Their seed; if there is none, that of the network.

    Returns
    -------
    Value or ndarray
        The numbers.
    """
    trace = _tracing.now()
    assert trace is not None
    if trace.arrays is not None:
        return np.full(shape, first if law == "normal" else (first + second) / 2)
    if not shape or shape[0] is not None or None in shape[1:]:
        _tracing.refuse(
            "a shape of random numbers that begins with the length of the batch, ops.shape(x)[0]",
            f"{shape}",
        )
    sample = tuple(_checks.integer("shape", axis, minimum=1) for axis in shape[1:])
    held = trace.owner.__dict__.setdefault("_noise", {})
    kind = (law, first, second, sample, seed)
    key = (*kind, sum(other[:-1] == kind for other in trace.drawn))
    trace.drawn.append(key)
    if key not in held:
        held[key] = Draw(law, first, second, sample, seed, f"{law}_{len(held)}")
    read = next(value for value in trace.inputs if value.batched)
    made: Value = _tracing.called(held[key], [read], None, sample)
    return made
