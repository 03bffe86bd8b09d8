"""Initializers of heavy and of bounded tails, drawn by the inverse of their distribution."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from fanin import _core
from fanin._checks import found, number, one_of
from fanin.initializers._arguments import Array
from fanin.initializers._facts import Facts
from fanin.initializers._fans import MODES, Axis, FanOptions, FanRule
from fanin.initializers._sources import NumPySource, Source
from fanin.initializers._variance_scaling import CountsFans
from fanin.random import Rng, Stream

# What a scale by name makes the variance: a number over a fan.
_SCALES = {"he": (2.0, "fan_in"), "glorot": (1.0, "fan_avg"), "lecun": (1.0, "fan_in")}


def _scale_by_fan(name: str, value: Any) -> str | None:
    if value is None:
        return None
    return one_of(name, value.lower() if isinstance(value, str) else value, _SCALES)


def _scale(name: str, value: Any) -> float | str | None:
    return _scale_by_fan(name, value) if isinstance(value, str) else number(name, value, above=0.0)


class _Inverse(CountsFans):
    """One distribution: its own parameters, and where it stands."""

    _law: ClassVar[str]
    _options: ClassVar[Mapping[str, Any]] = {"scale": _scale}

    def __init__(
        self,
        scale: float | str | None,
        seed: Rng = None,
        *,
        in_axis: Axis | None = None,
        out_axis: Axis | None = None,
        batch_axis: Axis | str = (),
        groups: int = 1,
        transposed: bool = False,
        fan_in: float | None = None,
        fan_out: float | None = None,
    ) -> None:
        self.scale: Any = scale
        self._rule = FanRule.of(in_axis, out_axis, batch_axis, groups, transposed, fan_in, fan_out)
        self._check_scale()
        super().__init__(seed)

    def _check_scale(self) -> None:
        """Refuse a scale by fan where there is no variance, and fans without such a scale."""
        if isinstance(self.scale, str) and not math.isfinite(self._moments()[1]):
            raise ValueError(
                f"scale: expected a number, since {self._title()} has no variance that a fan could "
                f"give, found {self.scale!r}"
            )
        fans = FanOptions.__annotations__
        given = [name for name in fans if self._rule.argument(name) != getattr(FanRule, name)]
        if given and not isinstance(self.scale, str):
            value = found(self._rule.argument(given[0]))
            names = ", ".join(map(repr, _SCALES))
            raise ValueError(
                f"{given[0]}: expected only with a scale by fan ({names}), found {value}"
            )

    def _shapes(self) -> tuple[float, ...]:
        """Return the parameters that are the distribution's alone."""
        return ()

    def _title(self) -> str:
        """Return the distribution in words."""
        raise NotImplementedError

    def _moments(self) -> tuple[float, float]:
        """Return mean and variance with mean 0 and scale 1; NaN or infinite where there is none."""
        raise NotImplementedError

    def _placed(self, scale: float) -> tuple[float, float]:
        """Return what the core takes beside the distribution's own parameters."""
        raise NotImplementedError

    def _width(self) -> float:
        """Return the scale where none is asked for by name."""
        raise NotImplementedError

    def _place_in_words(self, scale: float) -> str:
        """Return where the distribution stands, for a formula."""
        raise NotImplementedError

    def _wanted(self, fans: tuple[float, float]) -> float:
        """Return the scale for these fans."""
        if not isinstance(self.scale, str):
            return self._width()
        scale, mode = _SCALES[self.scale]
        variance = scale / max(1.0, MODES[mode].of(*fans))
        return math.sqrt(variance / self._moments()[1])

    def _counted(self, shape: tuple[int, ...], *, checked: bool) -> tuple[float, float]:
        """Return the fans; `checked` for drawing, with a warning where they are in doubt."""
        if not isinstance(self.scale, str):
            return 1.0, 1.0
        count = self._checked_fans if checked else self._explicit_fans
        return count(shape) or _core.fans(shape)

    def _parameters(self, shape: tuple[int, ...]) -> list[float]:
        scale = self._wanted(self._counted(shape, checked=True))
        return [*self._shapes(), *self._placed(scale)]

    def _check(self) -> None:
        """Check the arguments of the distribution."""
        parameters = [*self._shapes(), *self._placed(self._wanted((1.0, 1.0)))]
        _core.inverse((0,), "float64", "", "", self._law, parameters)

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        parameters = self._parameters(shape)
        return _core.inverse(shape, dtype, stream.seed, stream.path, self._law, parameters, out)

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        if not isinstance(source, NumPySource):
            raise TypeError(
                "rng: expected one of fanin's or NumPy's, since other frameworks have no "
                f"initializer of {self._title()}, found {found(source)}"
            )
        return source.inverse(shape, self._law, self._parameters(shape))

    def _doubt(self, shape: tuple[int, ...]) -> str | None:
        return super()._doubt(shape) if isinstance(self.scale, str) else None

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        fans = self._counted(shape, checked=False)
        scale = self._wanted(fans)
        middle, variance = self._moments()
        first, second = self._placed(scale)
        mean = first + middle * scale
        if isinstance(self.scale, str):
            factor, mode = _SCALES[self.scale]
            times = factor * MODES[mode].factor
            how = f"of variance {times:.6g} / {MODES[mode].formula}"
        else:
            how = self._place_in_words(scale)
        variance = variance * scale**2 if scale else 0.0
        bounds = (first, second) if self._law == "beta" else (-math.inf, math.inf)
        if not scale:
            mean, bounds = first, (first, first)
        return Facts(
            f"{self._title()} {how}",
            mean,
            variance,
            *bounds,
            fans=fans if isinstance(self.scale, str) else None,
        )


class _Centred(_Inverse):
    """A distribution with a middle, and a tail on either side of it."""

    def __init__(
        self, mean: float, scale: float | str, seed: Rng, **fans: Unpack[FanOptions]
    ) -> None:
        self.mean: float = number("mean", mean)
        super().__init__(scale, seed, **fans)

    def _placed(self, scale: float) -> tuple[float, float]:
        return self.mean, scale

    def _width(self) -> float:
        return float(self.scale)

    def _place_in_words(self, scale: float) -> str:
        return f"of mean {self.mean:g} and scale {scale:g}"


class StudentT(_Centred):
    r"""Student's t distribution: tails that fall as a power, the heavier the fewer degrees [1]_.

    Parameters
    ----------
    df : float
        Degrees of freedom, from 0.1 to 1000: the tail falls as the power -df. With 1 it is
        Cauchy's; with many it is nearly normal.
    mean : float, optional
        The middle.
    scale : float or {"he", "glorot", "lecun"}, optional
        What a standard t is multiplied by, above 0. A name asks for the variance 2 / fan_in,
        2 / (fan_in + fan_out) or 1 / fan_in, which takes `df` above 2.
    seed : optional
        See :class:`RandomInitializer`.
    **fans
        With a scale by name: ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``,
        ``fan_in`` and ``fan_out`` of :class:`VarianceScaling`.

    Raises
    ------
    ValueError
        If a number is out of its range, or there is no variance for a scale by name.

    See Also
    --------
    HeNormal : The same variance, from a normal distribution.
    Laplace : Exponential tails.

    Notes
    -----
    .. math:: p(z) \propto (1 + z^2 / \nu)^{-(\nu + 1) / 2}

    for ``(w - mean) / scale`` with :math:`\nu` degrees of freedom; the variance is
    :math:`\nu / (\nu - 2)`.

    References
    ----------
    .. [1] Student, "The probable error of a mean", Biometrika 6 (1908).

    Examples
    --------
    >>> w = StudentT(4, scale="he")((784, 128), rng=0)
    >>> abs(float(w.var()) * 784 / 2 - 1) < 0.1
    True
    >>> StudentT(2, scale="he")
    Traceback (most recent call last):
    ...
    ValueError: scale: expected a number, since Student's t with df = 2 has no variance ...
    """

    _law = "student_t"

    def __init__(
        self,
        df: float,
        mean: float = 0.0,
        scale: float | str = 0.05,
        seed: Rng = None,
        **fans: Unpack[FanOptions],
    ) -> None:
        self.df: float = number("df", df, above=0.0)
        super().__init__(mean, scale, seed, **fans)

    def _shapes(self) -> tuple[float, ...]:
        return (self.df,)

    def _title(self) -> str:
        return f"Student's t with df = {self.df:g}"

    def _moments(self) -> tuple[float, float]:
        if self.df <= 2:
            return (0.0 if self.df > 1 else math.nan), math.inf
        return 0.0, self.df / (self.df - 2)


class Cauchy(_Centred):
    r"""Cauchy's distribution, whose tails are so heavy that it has neither mean nor variance.

    Parameters
    ----------
    mean : float, optional
        The middle: the median, since there is no mean.
    scale : float, optional
        Half of the values lie within `scale` of the middle; above 0. There is no variance to
        scale by fan.
    seed : optional
        See :class:`RandomInitializer`.

    Raises
    ------
    ValueError
        If a number is not finite, or `scale` is not above 0 or a name.

    See Also
    --------
    StudentT : Tails between these and the normal distribution's.

    Notes
    -----
    .. math:: p(z) = \frac{1}{\pi (1 + z^2)}

    for ``(w - mean) / scale``.

    Examples
    --------
    >>> import numpy as np
    >>> w = Cauchy(scale=0.1)((784, 128), rng=0)
    >>> abs(float(np.median(abs(w))) - 0.1) < 0.002
    True
    """

    _law = "cauchy"

    def __init__(self, mean: float = 0.0, scale: float = 0.05, seed: Rng = None) -> None:
        super().__init__(mean, scale, seed)

    def _title(self) -> str:
        return "Cauchy's distribution"

    def _moments(self) -> tuple[float, float]:
        return math.nan, math.inf


class Laplace(_Centred):
    r"""Laplace's distribution: exponential tails on both sides.

    Parameters
    ----------
    mean : float, optional
        The middle.
    scale : float or {"he", "glorot", "lecun"}, optional
        The mean distance from the middle, above 0. A name asks for the variance 2 / fan_in,
        2 / (fan_in + fan_out) or 1 / fan_in.
    seed : optional
        See :class:`RandomInitializer`.
    **fans
        With a scale by name: ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``,
        ``fan_in`` and ``fan_out`` of :class:`VarianceScaling`.

    Raises
    ------
    ValueError
        If a number is not finite or `scale` not above 0.

    See Also
    --------
    Logistic : Exponential tails, and a round top.

    Notes
    -----
    .. math:: p(z) = \tfrac{1}{2} e^{-|z|}

    for ``(w - mean) / scale``; the variance is 2.

    Examples
    --------
    >>> w = Laplace(scale="lecun")((784, 128), rng=0)
    >>> abs(float(w.var()) * 784 - 1) < 0.05
    True
    """

    _law = "laplace"

    def __init__(
        self,
        mean: float = 0.0,
        scale: float | str = 0.05,
        seed: Rng = None,
        **fans: Unpack[FanOptions],
    ) -> None:
        super().__init__(mean, scale, seed, **fans)

    def _title(self) -> str:
        return "Laplace's distribution"

    def _moments(self) -> tuple[float, float]:
        return 0.0, 2.0


class Logistic(_Centred):
    r"""The logistic distribution: a round top, and exponential tails.

    Parameters
    ----------
    mean : float, optional
        The middle.
    scale : float or {"he", "glorot", "lecun"}, optional
        What a standard one is multiplied by, above 0. A name asks for the variance 2 / fan_in,
        2 / (fan_in + fan_out) or 1 / fan_in.
    seed : optional
        See :class:`RandomInitializer`.
    **fans
        With a scale by name: ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``,
        ``fan_in`` and ``fan_out`` of :class:`VarianceScaling`.

    Raises
    ------
    ValueError
        If a number is not finite or `scale` not above 0.

    See Also
    --------
    Laplace : Exponential tails, and a sharp top.

    Notes
    -----
    .. math:: P(z) = \frac{1}{1 + e^{-z}}

    for ``(w - mean) / scale``; the variance is :math:`\pi^2 / 3`.

    Examples
    --------
    >>> w = Logistic(scale="glorot")((784, 128), rng=0)
    >>> abs(float(w.var()) * (784 + 128) / 2 - 1) < 0.05
    True
    """

    _law = "logistic"

    def __init__(
        self,
        mean: float = 0.0,
        scale: float | str = 0.05,
        seed: Rng = None,
        **fans: Unpack[FanOptions],
    ) -> None:
        super().__init__(mean, scale, seed, **fans)

    def _title(self) -> str:
        return "the logistic distribution"

    def _moments(self) -> tuple[float, float]:
        return 0.0, math.pi**2 / 3


class Beta(_Inverse):
    r"""The beta distribution between two bounds: uniform, peaked, or heaped at the ends.

    Parameters
    ----------
    a, b : float
        From 0.05 to 1000; the density goes to 0 at the lower (`a`) or upper (`b`) bound where they
        are above 1, and to infinity where they are below. With both 1 it is uniform.
    minval, maxval : float, optional
        Bounds, if `scale` is not given.
    seed : optional
        See :class:`RandomInitializer`.
    scale : {"he", "glorot", "lecun"}, optional
        Bounds around a mean of 0 instead, so far apart that the variance is 2 / fan_in,
        2 / (fan_in + fan_out) or 1 / fan_in.
    **fans
        With `scale`: ``in_axis``, ``out_axis``, ``batch_axis``, ``groups``, ``transposed``,
        ``fan_in`` and ``fan_out`` of :class:`VarianceScaling`.

    Raises
    ------
    ValueError
        If a number is out of its range, `minval` is above `maxval`, or `scale` is given beside
        bounds.

    See Also
    --------
    RandomUniform : ``Beta(1, 1)``.

    Notes
    -----
    .. math:: p(x) \propto x^{a - 1} (1 - x)^{b - 1}

    for ``(w - minval) / (maxval - minval)``.

    Examples
    --------
    >>> w = Beta(0.5, 0.5, -0.1, 0.1)((784, 128), rng=0)
    >>> bool(abs(w).max() <= 0.1), bool((abs(w) > 0.05).mean() > 0.6)
    (True, True)
    >>> w = Beta(2, 5, scale="he")((784, 128), rng=0)
    >>> abs(float(w.mean())) < 0.001, abs(float(w.var()) * 784 / 2 - 1) < 0.05
    (True, True)
    """

    _law = "beta"
    _options: ClassVar[Mapping[str, Any]] = {"scale": _scale_by_fan}

    def __init__(
        self,
        a: float,
        b: float,
        minval: float = -0.05,
        maxval: float = 0.05,
        seed: Rng = None,
        *,
        scale: str | None = None,
        **fans: Unpack[FanOptions],
    ) -> None:
        self.a: float = number("a", a, above=0.0)
        self.b: float = number("b", b, above=0.0)
        self.minval: float = number("minval", minval)
        self.maxval: float = number("maxval", maxval)
        if scale is not None and (self.minval, self.maxval) != (-0.05, 0.05):
            raise ValueError(f"scale: expected None beside minval and maxval, found {found(scale)}")
        super().__init__(scale, seed, **fans)

    def _shapes(self) -> tuple[float, ...]:
        return self.a, self.b

    def _title(self) -> str:
        return f"Beta({self.a:g}, {self.b:g})"

    def _moments(self) -> tuple[float, float]:
        total = self.a + self.b
        return self.a / total, (self.a / total) * (self.b / total) / (total + 1)

    def _placed(self, scale: float) -> tuple[float, float]:
        if self.scale is None:
            return self.minval, self.maxval
        mean, _ = self._moments()
        return -mean * scale, (1 - mean) * scale

    def _width(self) -> float:
        return self.maxval - self.minval

    def _place_in_words(self, scale: float) -> str:
        return "from minval to maxval"


# The names of instances.
beta, cauchy, laplace, logistic, student_t = Beta, Cauchy, Laplace, Logistic, StudentT
