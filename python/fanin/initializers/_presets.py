"""Choices of :class:`VarianceScaling` with names of their own: Glorot, He, LeCun, and defaults."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from fanin._checks import as_it_is, flag, found, keywords, one_of
from fanin.errors import ShapeError
from fanin.initializers._fans import FanOptions
from fanin.initializers._gains import rectifier_scale, slope_option
from fanin.initializers._variance_scaling import VarianceScaling
from fanin.random import Rng


class _Preset(VarianceScaling):
    """A choice of the arguments with a name of its own."""

    _scale: float
    _mode: str

    _last = ("seed", *FanOptions.__annotations__, "mode")
    # What the distribution was worked out from, and what was.
    _options: ClassVar[Mapping[str, Any]] = dict.fromkeys(("scale", "distribution"), as_it_is)

    def _check_change(self, name: str, value: Any) -> None:
        if name in self.__dict__:
            raise AttributeError(
                f"{name}: {type(self).__name__} stays as it was made, found {found(value)}; "
                "make another"
            )

    def _is_default(self, parameter: inspect.Parameter) -> bool:
        if parameter.name == "mode":
            return self.mode == self._mode
        return super()._is_default(parameter)


def _refuse_unknown(initializer: _Preset, fans: Mapping[str, object]) -> None:
    """Refuse options that are none of the fans', in the name of the class that was called."""
    unknown = [name for name in fans if name not in FanOptions.__annotations__]
    if unknown:
        kind = type(initializer)
        known = {*inspect.signature(kind).parameters, *FanOptions.__annotations__} - {"fans"}
        keywords(kind.__name__, unknown, known, {})


class _Uniform(_Preset):
    def __init__(
        self, seed: Rng = None, *, mode: str | None = None, **fans: Unpack[FanOptions]
    ) -> None:
        _refuse_unknown(self, fans)
        chosen = self._mode if mode is None else mode
        super().__init__(self._scale, chosen, "uniform", seed, **fans)


class _Normal(_Preset):
    _options: ClassVar[Mapping[str, Any]] = {"truncated": flag}

    def __init__(
        self,
        seed: Rng = None,
        *,
        truncated: bool = True,
        mode: str | None = None,
        **fans: Unpack[FanOptions],
    ) -> None:
        _refuse_unknown(self, fans)
        self.truncated = truncated
        kind = "truncated_normal" if self.truncated else "untruncated_normal"
        super().__init__(self._scale, self._mode if mode is None else mode, kind, seed, **fans)


class GlorotUniform(_Uniform):
    r"""Uniform on ±sqrt(6 / (fan_in + fan_out)): for tanh, sigmoid, softmax and linear layers [1]_.

    Also called Xavier uniform. Keras's default for weights.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}, optional
        Fan, if not the one above.
    **fans
        ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``, ``fan_in`` and
        ``fan_out`` of :class:`VarianceScaling`.

    See Also
    --------
    GlorotNormal : The same variance, from a normal distribution.
    HeUniform : For ReLU.

    Notes
    -----
    .. math:: W \sim \mathcal{U}(-r, r), \quad r = \sqrt{\frac{6}{n_\mathrm{in} + n_\mathrm{out}}}

    with :math:`n_\mathrm{in}` inputs of a unit and :math:`n_\mathrm{out}` outputs of an input, so
    that the variance of a weight is :math:`2 / (n_\mathrm{in} + n_\mathrm{out})`.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.

    Examples
    --------
    >>> w = GlorotUniform()((784, 128), rng=0)
    >>> bool(abs(w).max() < (6 / (784 + 128)) ** 0.5)
    True
    """

    _scale, _mode = 1.0, "fan_avg"


class GlorotNormal(_Normal):
    r"""Truncated normal of variance 2 / (fan_in + fan_out): for tanh and sigmoid layers [1]_.

    Also called Xavier normal. Truncated at two standard deviations before correction, as Keras
    does; torch's ``xavier_normal_`` is ``GlorotNormal(truncated=False)``.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.
    truncated : bool, optional
        Whether truncated, as in Keras and JAX; torch and NumPy snippets do not truncate. The
        variance is the same.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}, optional
        Fan, if not the one above.
    **fans
        ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``, ``fan_in`` and
        ``fan_out`` of :class:`VarianceScaling`.

    See Also
    --------
    GlorotUniform : The same variance, from a uniform distribution.
    HeNormal : For ReLU.

    Notes
    -----
    .. math:: \mathrm{Var}(W) = \frac{2}{n_\mathrm{in} + n_\mathrm{out}}

    where the normal distribution is cut at two standard deviations, and its standard deviation is
    raised by 1 / 0.8796 to make up for what is cut off.

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

    _scale, _mode = 1.0, "fan_avg"


class HeUniform(_Uniform):
    r"""Uniform on ±sqrt(6 / fan_in): for ReLU layers [1]_.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.
    negative_slope : float, optional
        Slope of a leaky ReLU below 0; the variance is divided by 1 + its square.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}, optional
        Fan, if not the one above.
    **fans
        ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``, ``fan_in`` and
        ``fan_out`` of :class:`VarianceScaling`.

    See Also
    --------
    HeNormal : The same variance, from a normal distribution.
    GlorotUniform : For tanh and sigmoid.

    Notes
    -----
    .. math:: W \sim \mathcal{U}(-r, r), \quad r = \sqrt{\frac{6}{(1 + a^2)\, n_\mathrm{in}}}

    with :math:`a` the slope below 0, 0 for ReLU.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
       performance on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> w = HeUniform()((784, 128), rng=0)
    >>> bool(abs(w).max() < (6 / 784) ** 0.5)
    True
    """

    _scale, _mode = 2.0, "fan_in"
    _options: ClassVar[Mapping[str, Any]] = {"negative_slope": slope_option}

    def __init__(
        self,
        seed: Rng = None,
        *,
        negative_slope: float = 0.0,
        mode: str | None = None,
        **fans: Unpack[FanOptions],
    ) -> None:
        self.negative_slope = negative_slope
        self._scale = rectifier_scale(self.negative_slope)
        super().__init__(seed, mode=mode, **fans)


class HeNormal(_Normal):
    r"""Truncated normal of variance 2 / fan_in: for ReLU layers [1]_.

    Truncated at two standard deviations before correction, as Keras does; torch's
    ``kaiming_normal_`` is ``HeNormal(truncated=False)``.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.
    negative_slope : float, optional
        Slope of a leaky ReLU below 0; the variance is divided by 1 + its square.
    truncated : bool, optional
        Whether truncated, as in Keras and JAX; torch and NumPy snippets do not truncate. The
        variance is the same.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}, optional
        Fan, if not the one above.
    **fans
        ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``, ``fan_in`` and
        ``fan_out`` of :class:`VarianceScaling`.

    See Also
    --------
    HeUniform : The same variance, from a uniform distribution.
    GlorotNormal : For tanh and sigmoid.
    he_init : The NumPy snippet of this name, bit for bit.
    fanin.recommend : Which initializer fits a network.

    Notes
    -----
    .. math:: \mathrm{Var}(W) = \frac{2}{(1 + a^2)\, n_\mathrm{in}}

    with :math:`a` the slope below 0, 0 for ReLU. The normal distribution is cut at two standard
    deviations, and its standard deviation raised by 1 / 0.8796 to make up for what is cut off.

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

    _scale, _mode = 2.0, "fan_in"
    _options: ClassVar[Mapping[str, Any]] = {"negative_slope": slope_option}

    def __init__(
        self,
        seed: Rng = None,
        *,
        negative_slope: float = 0.0,
        truncated: bool = True,
        mode: str | None = None,
        **fans: Unpack[FanOptions],
    ) -> None:
        self.negative_slope = negative_slope
        self._scale = rectifier_scale(self.negative_slope)
        super().__init__(seed, truncated=truncated, mode=mode, **fans)


class LecunUniform(_Uniform):
    r"""Uniform on ±sqrt(3 / fan_in): for SELU layers, and those of [1]_.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}, optional
        Fan, if not the one above.
    **fans
        ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``, ``fan_in`` and
        ``fan_out`` of :class:`VarianceScaling`.

    See Also
    --------
    LecunNormal : The same variance, from a normal distribution.

    Notes
    -----
    .. math:: W \sim \mathcal{U}(-r, r), \quad r = \sqrt{\frac{3}{n_\mathrm{in}}}

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> w = LecunUniform()((784, 128), rng=0)
    >>> bool(abs(w).max() < (3 / 784) ** 0.5)
    True
    """

    _scale, _mode = 1.0, "fan_in"


class LecunNormal(_Normal):
    r"""Truncated normal of variance 1 / fan_in: for SELU layers [1]_, [2]_.

    Truncated at two standard deviations before correction, as Keras does. Without truncation it is
    what some texts call Xavier: N(0, 1/n_in).

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.
    truncated : bool, optional
        Whether truncated, as in Keras and JAX; torch and NumPy snippets do not truncate. The
        variance is the same.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}, optional
        Fan, if not the one above.
    **fans
        ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``, ``fan_in`` and
        ``fan_out`` of :class:`VarianceScaling`.

    See Also
    --------
    LecunUniform : The same variance, from a uniform distribution.

    Notes
    -----
    .. math:: \mathrm{Var}(W) = \frac{1}{n_\mathrm{in}}

    where the normal distribution is cut at two standard deviations, and its standard deviation is
    raised by 1 / 0.8796 to make up for what is cut off.

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

    _scale, _mode = 1.0, "fan_in"


class _Elsewhere(_Preset):
    """What another library does by default to the weights and the bias of a layer."""

    def _explicit_fans(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        missing = [fan for fan in self._needed if getattr(self._rule, fan) is None]
        if len(shape) < 2 and self._rule.in_axis is None and missing:
            raise ShapeError(
                f"{missing[0]}: expected the one of the layer's weights, since the shape "
                f"{shape} of a bias does not tell, found None"
            )
        return super()._explicit_fans(shape)

    _needed: tuple[str, ...]


class TorchDefault(_Elsewhere):
    """Uniform on ±1 / sqrt(fan_in): torch's default for the weights and biases of its layers.

    Parameters
    ----------
    seed : optional
        See :class:`RandomInitializer`.
    **fans
        As in :class:`VarianceScaling`. A bias takes ``fan_in``, that of the weights next to it.

    Raises
    ------
    ShapeError
        When called for a bias without ``fan_in``.

    Notes
    -----
    ``kaiming_uniform_`` with a = sqrt 5, which no rectifier has: the variance is 1 / (3 fan_in), a
    sixth of He's, and ReLU networks of some depth lose their signal.

    Examples
    --------
    >>> w, b = TorchDefault()((784, 128), rng=0), TorchDefault(fan_in=784)(128, rng=1)
    >>> bool(abs(w).max() < 1 / 28), bool(abs(b).max() < 1 / 28)
    (True, True)
    """

    _scale, _mode = 1 / 3, "fan_in"
    _needed = ("fan_in",)

    def __init__(self, seed: Rng = None, **fans: Unpack[FanOptions]) -> None:
        _refuse_unknown(self, fans)
        super().__init__(self._scale, self._mode, "uniform", seed, **fans)


class SklearnDefault(_Elsewhere):
    """Uniform on ±sqrt(f / (fan_in + fan_out)): scikit-learn's, for weights and biases of its MLP.

    Parameters
    ----------
    activation : {"relu", "tanh", "identity", "logistic"}, optional
        What follows the layer: f is 2 for ``"logistic"`` and 6 for the others.
    seed : optional
        See :class:`RandomInitializer`.
    **fans
        As in :class:`VarianceScaling`. A bias takes ``fan_in`` and ``fan_out``, those of the
        weights next to it.

    Raises
    ------
    ShapeError
        When called for a bias without ``fan_in`` and ``fan_out``.

    Examples
    --------
    >>> w = SklearnDefault("logistic")((784, 128), rng=0)
    >>> bool(abs(w).max() < (2 / (784 + 128)) ** 0.5)
    True
    """

    _mode = "fan_avg"
    _needed = ("fan_in", "fan_out")
    _options: ClassVar[Mapping[str, Any]] = {"activation": as_it_is}

    def __init__(
        self, activation: str = "relu", seed: Rng = None, **fans: Unpack[FanOptions]
    ) -> None:
        _refuse_unknown(self, fans)
        self.activation: str = one_of(
            "activation", activation, ("relu", "tanh", "identity", "logistic")
        )
        factor = 2.0 if activation == "logistic" else 6.0
        super().__init__(factor / 6.0, self._mode, "uniform", seed, **fans)
