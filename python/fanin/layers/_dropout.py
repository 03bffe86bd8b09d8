"""Dropout."""

import copy
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks, random
from fanin.layers._base import Layer
from fanin.streams import Replay

if TYPE_CHECKING:
    from fanin.typing import LayerArguments


def _seed(name: str, value: Any) -> Any:
    return random.simplify(value, name)


DRAWING = ("dropout", "gaussian_dropout", "gaussian_noise", "alpha_dropout")
"""Kinds of layers that draw numbers in training, and do nothing in inference."""

rate_option = partial(_checks.number, at_least=0.0, below=1.0)


class Drawing(Layer):
    """A layer that draws numbers in training, and does nothing in inference."""

    seed: Any
    _by_mode = True
    _fixed = ("seed",)
    _options: ClassVar[Mapping[str, Any]] = {"seed": _seed}
    _instead = f"to draw in prediction too, call model(x, training=True); else {Layer._instead}"

    def _start(self, seed: random.Rng) -> None:
        self.seed = seed
        source = random.Stream(0) if seed is None else random.resolve(seed, "seed")
        self._stream = as_stream(source)

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core; the seed is that of its stream."""
        stream = self._stream
        return {**super().settings(), "seed": stream.seed, "path": stream.path}

    def _config_value(self, name: str) -> Any:
        return random.config_of(self.seed) if name == "seed" else super()._config_value(name)

    def _draws(self) -> bool:
        return True

    def draw_from(self, source: random.RandomSource, path: str) -> None:
        """Draw from a stream, at the layer's place there; its own seed goes before it."""
        stream = as_stream(source) if self.seed is None else as_stream(random.resolve(self.seed))
        self._stream = stream.at(path)
        self._changed()


class Dropout(Drawing):
    """Set a share of the inputs to 0 in training and scale the others up; else do nothing [1]_.

    Which inputs is a function of the network's `rng` (or of `seed`), the layer's place, the number
    of the training step and the element, so that training is reproducible with it too.

    Parameters
    ----------
    rate : float
        Share of the inputs to drop, from 0 to below 1. The others are divided by ``1 - rate``.
    noise_shape : None
        Not supported; here for the order of Keras's arguments.
    seed : int, sequence of ints or Stream, optional
        Seed of the masks, instead of that of the network.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: A simple way to prevent neural networks from
       overfitting", JMLR 15 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dropout(0.5, seed=0)
    >>> layer(np.ones((1, 4)))
    array([[1., 1., 1., 1.]], dtype=float32)
    >>> sorted(set(layer(np.ones((50, 4)), training=True).ravel().tolist()))
    [0.0, 2.0]
    """

    kind = "dropout"
    _left_out = ("noise_shape",)
    _options: ClassVar[Mapping[str, Any]] = {"rate": rate_option}
    _instead = f"to drop in prediction too, call model(x, training=True); else {Layer._instead}"

    def __init__(
        self,
        rate: float,
        noise_shape: None = None,
        seed: random.Rng = None,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        if noise_shape is not None:
            found = _checks.found(noise_shape)
            raise ValueError(f"noise_shape: expected None, each element by itself, found {found}")
        self.rate = rate
        self._start(seed)
        super().__init__(**kwargs)


def as_stream(source: random.RandomSource) -> random.Stream:
    """Return a stream for masks, which are addressed: a NumPy generator gives its seed."""
    if isinstance(source, random.Stream):
        return source
    if isinstance(source, Replay):
        # From a copy: where masks are made otherwise, they take nothing from what weights draw.
        return random.Stream(copy.copy(source).bits(4).tolist())
    draw = source.integers if hasattr(source, "integers") else source.randint
    return random.Stream([int(word) for word in draw(0, 2**31 - 1, size=4)])
