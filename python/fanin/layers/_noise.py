"""Noise in training."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks, random
from fanin.layers._dropout import Drawing, rate_option

if TYPE_CHECKING:
    from fanin.typing import LayerArguments


class GaussianNoise(Drawing):
    """Add normal noise to the inputs in training; else do nothing [1]_.

    The noise is a function of the network's `rng` (or of `seed`), the layer's place, the number of
    the training step and the element, so that training is reproducible with it too.

    Parameters
    ----------
    stddev : float
        Standard deviation of the noise, at least 0.
    seed : int, sequence of ints or Stream, optional
        Seed of the noise, instead of that of the network.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    References
    ----------
    .. [1] C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural
       Computation 7 (1995).

    Examples
    --------
    >>> import numpy as np
    >>> layer = GaussianNoise(0.5, seed=0)
    >>> layer(np.ones((1, 3)))
    array([[1., 1., 1.]], dtype=float32)
    >>> round(float(layer(np.zeros((5000, 3)), training=True).std()), 2)
    0.5
    """

    kind = "gaussian_noise"
    _options: ClassVar[Mapping[str, Any]] = {
        "stddev": partial(_checks.number, at_least=0.0, at_most=1e100)
    }

    def __init__(
        self, stddev: float, seed: random.Rng = None, **kwargs: "Unpack[LayerArguments]"
    ) -> None:
        self.stddev = stddev
        self._start(seed)
        super().__init__(**kwargs)


class GaussianDropout(Drawing):
    """Multiply the inputs by normal numbers of mean 1 in training; else do nothing [1]_.

    Their standard deviation, ``sqrt(rate / (1 - rate))``, is that of the factors of `Dropout`. What
    they are a function of is said in `GaussianNoise`.

    Parameters
    ----------
    rate : float
        The rate of `Dropout` that it stands for, from 0 to below 1.
    seed : int, sequence of ints or Stream, optional
        Seed of the factors, instead of that of the network.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: A simple way to prevent neural networks from
       overfitting", JMLR 15 (2014), section 10.

    Examples
    --------
    >>> import numpy as np
    >>> layer = GaussianDropout(0.2, seed=0)
    >>> layer(np.ones((1, 3)))
    array([[1., 1., 1.]], dtype=float32)
    >>> round(float(layer(np.ones((5000, 3)), training=True).std()), 2)
    0.5
    """

    kind = "gaussian_dropout"
    _options: ClassVar[Mapping[str, Any]] = {"rate": rate_option}

    def __init__(
        self, rate: float, seed: random.Rng = None, **kwargs: "Unpack[LayerArguments]"
    ) -> None:
        self.rate = rate
        self._start(seed)
        super().__init__(**kwargs)


class AlphaDropout(Drawing):
    """Dropout for networks of SELU: a share of the inputs becomes its lower limit [1]_.

    In training alone. All are then scaled and shifted, so that inputs of mean 0 and variance 1 keep
    both. Which inputs is a function of what `Dropout` says.

    Parameters
    ----------
    rate : float
        Share of the inputs to drop, from 0 to below 1.
    noise_shape : None
        Not supported; here for the order of Keras's arguments.
    seed : int, sequence of ints or Stream, optional
        Seed of the masks, instead of that of the network.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    References
    ----------
    .. [1] G. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> layer = AlphaDropout(0.1, seed=0)
    >>> x = np.random.default_rng(0).normal(size=(200, 100))
    >>> y = layer(x, training=True)
    >>> round(float(y.mean()), 1), round(float(y.std()), 1)
    (0.0, 1.0)
    """

    kind = "alpha_dropout"
    _left_out = ("noise_shape",)
    _options: ClassVar[Mapping[str, Any]] = {"rate": rate_option}

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
