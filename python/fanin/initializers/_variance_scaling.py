"""Weights whose variance follows from the shape: Glorot, He, LeCun."""

from typing import Any

import numpy as np

from fanin import _core
from fanin._names import unknown
from fanin.initializers._base import Array, RandomInitializer, checked_number
from fanin.initializers._random import truncated_by_rejection
from fanin.random import Rng, Stream
from fanin.streams import Replay

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class VarianceScaling(RandomInitializer):
    """Random weights of mean 0 and variance `scale` / fan.

    Parameters
    ----------
    scale : float, optional
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}, optional
        Fan: the inputs of a unit, its outputs, or the mean of the two. A weight array has the
        layout ``(..., inputs, outputs)``; the sizes in front multiply both.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}, optional
        All three have the same variance: the standard deviation of the truncated normal is divided
        by 0.87962566103423978, what truncation at two standard deviations leaves of it.
        ``"normal"`` means ``"truncated_normal"``, as in Keras.
    seed : optional
        See :class:`RandomInitializer`.

    Raises
    ------
    ValueError
        If `scale` is not a finite number above 0 or a name is not known.

    Examples
    --------
    >>> w = VarianceScaling(2.0, "fan_in", "uniform")((784, 128), rng=0)
    >>> bool(abs(w).max() < np.sqrt(6 / 784))
    True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Rng = None,
    ) -> None:
        self.scale = checked_number(scale, "scale")
        self.mode = str(mode).lower()
        self.distribution = str(distribution).lower()
        if self.distribution == "normal":
            self.distribution = "truncated_normal"
        if self.mode not in _MODES:
            raise unknown("mode", mode, _MODES)
        if self.distribution not in _DISTRIBUTIONS:
            raise unknown("distribution", distribution, _DISTRIBUTIONS)
        super().__init__(seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            **super().get_config(),
        }

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        settings = (self.scale, self.mode, self.distribution)
        return _core.variance_scaling(shape, dtype, stream.seed, stream.path, *settings, out)

    def _replay(self, shape: tuple[int, ...], dtype: str, rng: Replay) -> Array:
        fan_in, fan_out = _core.fans(shape)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        return rng.scaled(shape, self.scale / max(1.0, fans[self.mode]), self.distribution, dtype)

    def _consume(
        self, shape: tuple[int, ...], rng: np.random.Generator | np.random.RandomState
    ) -> Array:
        spread = _core.variance_scaling_spread(shape, self.scale, self.mode, self.distribution)
        if self.distribution == "uniform":
            return rng.uniform(-spread, spread, size=shape)
        if self.distribution == "untruncated_normal":
            return rng.normal(0.0, spread, size=shape)
        return truncated_by_rejection(shape, rng, 0.0, spread)


class _Preset(VarianceScaling):
    """A choice of the arguments with a name of its own."""

    _arguments: tuple[float, str, str]

    def __init__(self, seed: Rng = None) -> None:
        super().__init__(*self._arguments, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        return RandomInitializer.get_config(self)


class GlorotUniform(_Preset):
    """Uniform on ±sqrt(6 / (fan_in + fan_out)): for tanh, sigmoid, softmax and linear layers [1]_.

    Also called Xavier uniform. Keras's default for weights.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.

    Examples
    --------
    >>> w = GlorotUniform()((784, 128), rng=0)
    >>> bool(abs(w).max() < np.sqrt(6 / (784 + 128)))
    True
    """

    _arguments = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal of variance 2 / (fan_in + fan_out): for tanh and sigmoid layers [1]_.

    Also called Xavier normal. Truncated at two standard deviations before correction, as Keras
    does; torch's ``xavier_normal_`` is not truncated, which is
    ``VarianceScaling(1.0, "fan_avg", "untruncated_normal")``.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.

    Examples
    --------
    >>> w = GlorotNormal()((784, 128), rng=0)
    >>> abs(float(w.var()) * (784 + 128) / 2 - 1) < 0.02
    True
    """

    _arguments = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Uniform on ±sqrt(6 / fan_in): for ReLU layers [1]_.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> w = HeUniform()((784, 128), rng=0)
    >>> bool(abs(w).max() < np.sqrt(6 / 784))
    True
    """

    _arguments = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal of variance 2 / fan_in: for ReLU layers [1]_.

    Truncated at two standard deviations before correction, as Keras does; torch's
    ``kaiming_normal_`` is not truncated, which is
    ``VarianceScaling(2.0, "fan_in", "untruncated_normal")``.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> w = HeNormal()((784, 128), rng=0)
    >>> abs(float(w.var()) * 784 / 2 - 1) < 0.02
    True
    """

    _arguments = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform on ±sqrt(3 / fan_in): for SELU layers, and those of [1]_.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> w = LecunUniform()((784, 128), rng=0)
    >>> bool(abs(w).max() < np.sqrt(3 / 784))
    True
    """

    _arguments = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal of variance 1 / fan_in: for SELU layers [1]_, [2]_.

    Truncated at two standard deviations before correction, as Keras does.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998.
    .. [2] G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks",
       NeurIPS 2017.

    Examples
    --------
    >>> w = LecunNormal()((784, 128), rng=0)
    >>> abs(float(w.var()) * 784 - 1) < 0.02
    True
    """

    _arguments = (1.0, "fan_in", "truncated_normal")
