"""Weights whose variance follows from the shape."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from fanin import _core
from fanin._checks import found, number, one_of, warn
from fanin._members._registry import check_config
from fanin.initializers._arguments import Array
from fanin.initializers._base import RandomInitializer
from fanin.initializers._facts import Facts
from fanin.initializers._fans import MODES, Axis, FanOptions, FanRule
from fanin.initializers._sources import Source
from fanin.random import Rng, Stream
from fanin.streams._base import DISTRIBUTIONS, STD_WITHIN_TWO

if TYPE_CHECKING:
    from fanin.typing import NonlinearityLike


def _lower(word: object) -> object:
    """Return a name in small letters, and Keras's name of the truncated normal in full."""
    if not isinstance(word, str):
        return word
    return "truncated_normal" if word.lower() == "normal" else word.lower()


class CountsFans(RandomInitializer):
    """Random weights whose spread follows from the inputs and outputs of a unit."""

    _rule: FanRule

    def _config_value(self, name: str) -> Any:
        if name in FanOptions.__annotations__:
            return self._rule.argument(name)
        return super()._config_value(name)

    def _fans_elsewhere(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Return the fans as torch, Keras and JAX count them: none knows groups or transposes."""
        return replace(self._rule, groups=1, transposed=False).fans(shape)

    def _doubt(self, shape: tuple[int, ...]) -> str | None:
        """Say so where the shape does not tell inputs from outputs and nobody else did."""
        if len(shape) != 1 or self._rule.fan_in is not None or self._rule.fan_out is not None:
            return None
        return (
            f"shape: {shape} does not tell inputs from outputs, {shape[0]} is taken for both, as "
            "Keras does (torch and JAX refuse); give fan_in= or fan_out="
        )

    def _checked_fans(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return :meth:`_explicit_fans` for drawing, with a warning where they are in doubt."""
        fans = self._explicit_fans(shape)  # what cannot be told at all is an error
        if doubt := self._doubt(shape):
            warn(doubt)
        return fans

    def _explicit_fans(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return the fans where they are not those of Keras's rule."""
        return self._rule.explicit(shape)


class VarianceScaling(CountsFans):
    """Random weights of mean 0 and variance `scale` / fan.

    Parameters
    ----------
    scale : float, optional
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}, optional
        Fan: the inputs of a unit, its outputs, the mean of the two, or the square root of their
        product. Below 1 it counts as 1.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}, optional
        All three have the same variance: the standard deviation of the truncated normal is divided
        by 0.87962566103423978, what truncation at two standard deviations leaves of it.
        ``"normal"`` means ``"truncated_normal"``, as in Keras (in JAX it is not truncated).
    seed : optional
        See :class:`RandomInitializer`.
    in_axis, out_axis : int or sequence of int, optional
        Axes of inputs and outputs; the others are the receptive field and multiply both. Without
        them the layout is ``(..., inputs, outputs)``, a vector of n has n of both, and a scalar 1;
        with one of them the other is that of this layout.
    batch_axis : int or sequence of int or "others", optional
        Axes along which independent arrays lie, which do not count. ``"others"`` are all that are
        neither inputs nor outputs, which is how Keras reads its ``input_axes`` and ``output_axes``.
    groups : int, optional
        Parts of a grouped convolution, each of which sees only its own inputs and outputs: of the
        kernel ``(..., inputs / groups, outputs)`` a unit has ``outputs / groups`` outputs.
    transposed : bool, optional
        Whether the kernel is that of a transposed convolution, ``(..., outputs / groups, inputs)``.
        Strides are not taken into account.
    fan_in, fan_out : float, optional
        Taken as they are, whatever the shape: for a bias, whose own shape does not tell.

    Raises
    ------
    ValueError
        If `scale` is not a finite number above 0, a name is not known, or, when called, `groups`
        does not divide what it splits.
    ShapeError
        When called for a shape that lacks an axis, or if one is named twice.

    Examples
    --------
    >>> w = VarianceScaling(2.0, "fan_in", "uniform")((784, 128), rng=0)
    >>> bool(abs(w).max() < (6 / 784) ** 0.5)
    True
    >>> like_torch = VarianceScaling(2.0, in_axis=1, out_axis=0)  # (out, in, height, width)
    >>> like_torch.explain((64, 16, 3, 3)).fan_in
    144.0
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
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
        self.scale: float = number("scale", scale, above=0.0)
        self.mode: str = one_of("mode", _lower(mode), MODES)
        self.distribution: str = one_of("distribution", _lower(distribution), DISTRIBUTIONS)
        self._rule = FanRule.of(in_axis, out_axis, batch_axis, groups, transposed, fan_in, fan_out)
        super().__init__(seed)

    @classmethod
    def for_activation(
        cls,
        activation: "NonlinearityLike | None",
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Rng = None,
        *,
        gain: str | None = None,
        **options: object,
    ) -> "VarianceScaling":
        """Make the initializer whose scale is the squared gain of an activation.

        Parameters
        ----------
        activation : str or callable
            What follows the layer; see :func:`fanin.gain`.
        mode, distribution, seed : optional
            As in :class:`VarianceScaling`.
        gain : {"forward", "backward", "torch"}, optional
            Which gain. Without it the backward one, which keeps the scale of gradients, for
            ``"fan_out"``, and the forward one, which keeps that of signals, for the other modes.
        **options
            Further arguments of :class:`VarianceScaling`, and the activation's own, which
            :func:`fanin.gain` takes: ``negative_slope=0.2``.

        Returns
        -------
        VarianceScaling

        Examples
        --------
        >>> round(VarianceScaling.for_activation("relu").scale, 9)
        2.0
        """
        from fanin.theory.gains import gain as gain_of  # late: theory knows initializers

        backward = one_of("mode", _lower(mode), MODES) == "fan_out"
        kind = ("backward" if backward else "forward") if gain is None else gain
        params: Any = dict(options)
        fans = {name: params.pop(name) for name in FanOptions.__annotations__ if name in params}
        factor = gain_of(activation, kind, **params)
        return VarianceScaling(factor * factor, mode, distribution, seed, **fans)

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Make the initializer that `get_config`, or Keras's, describes."""
        ours = check_config("config", config)
        inputs, outputs = ours.pop("input_axes", None), ours.pop("output_axes", None)
        if (inputs is None) != (outputs is None):
            raise ValueError(
                "input_axes and output_axes: expected both of Keras's axes or neither, found "
                f"{found(inputs)} and {found(outputs)}"
            )
        if inputs is not None:
            ours |= {"in_axis": inputs, "out_axis": outputs, "batch_axis": "others"}
        return super().from_config(ours)

    def _check(self) -> None:
        """Check the arguments of the distribution."""
        _core.variance_scaling_spread((), self.scale, self.mode, self.distribution)

    def _draw(
        self, shape: tuple[int, ...], dtype: str, stream: Stream, out: Array | None = None
    ) -> Array:
        settings = (self.scale, self.mode, self.distribution)
        fans = self._checked_fans(shape)
        return _core.variance_scaling(shape, dtype, stream.seed, stream.path, *settings, out, fans)

    def _spread(self, shape: tuple[int, ...]) -> float:
        """Return the standard deviation (before truncation), or the limit."""
        settings = (self.scale, self.mode, self.distribution)
        return _core.variance_scaling_spread(shape, *settings, self._explicit_fans(shape))

    def _consume(self, shape: tuple[int, ...], dtype: str, source: Source) -> Array:
        fan_in, fan_out = self._checked_fans(shape) or _core.fans(shape)
        fan = MODES[self.mode].of(fan_in, fan_out)
        return source.scaled(shape, self.scale / max(1.0, fan), self.distribution, dtype)

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        fans = self._explicit_fans(shape) or _core.fans(shape)
        spread, mode = self._spread(shape), MODES[self.mode]
        scale = mode.factor * self.scale
        if self.distribution == "uniform":
            limit, formula = spread, f"U(±sqrt({3 * scale:.6g} / {mode.formula}))"
            return Facts(formula, 0.0, limit**2 / 3, -limit, limit, fans=fans)
        formula = f"N(0, {scale:.6g} / {mode.formula})"
        if self.distribution == "untruncated_normal":
            return Facts(formula, 0.0, spread**2, -math.inf, math.inf, fans=fans)
        note = (
            f"at ±2 std before correction; std divided by {STD_WITHIN_TWO:.17g}, so that the "
            "variance is as the formula says"
        )
        variance = (spread * STD_WITHIN_TWO) ** 2
        return Facts(formula, 0.0, variance, -2 * spread, 2 * spread, note, fans)
