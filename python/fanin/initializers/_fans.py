"""Inputs and outputs of one unit, as the shape of its weights tells or the user says."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypedDict

from fanin import _core
from fanin._checks import count, flag, found, integer, number, one_of
from fanin.errors import ShapeError

Axis: TypeAlias = int | Sequence[int]


class FanMode(NamedTuple):
    """What a variance is divided by."""

    of: Callable[[float, float], float]
    """The fan, of fan-in and fan-out."""
    formula: str
    """The fan times `factor`, as formulas have it."""
    factor: float = 1.0


MODES = {
    "fan_in": FanMode(lambda fan_in, fan_out: fan_in, "fan_in"),
    "fan_out": FanMode(lambda fan_in, fan_out: fan_out, "fan_out"),
    "fan_avg": FanMode(lambda fan_in, fan_out: (fan_in + fan_out) / 2, "(fan_in + fan_out)", 2.0),
    "fan_geo_avg": FanMode(
        lambda fan_in, fan_out: math.sqrt(fan_in * fan_out), "sqrt(fan_in · fan_out)"
    ),
}
"""The modes of ``VarianceScaling``; the core, which draws from streams, has the same."""


class FanOptions(TypedDict, total=False):
    """How the inputs and outputs of a unit are counted: arguments of ``VarianceScaling``."""

    in_axis: Axis | None
    out_axis: Axis | None
    batch_axis: Axis | str
    groups: int
    transposed: bool
    fan_in: float | None
    fan_out: float | None


def _axes(axis: object, name: str) -> tuple[int, ...]:
    try:
        given: Iterable[Any] = axis if isinstance(axis, Iterable) else (axis,)
        # NumPy's arrays have no more axes.
        return tuple(integer(name, i, minimum=-64, maximum=63) for i in given)
    except TypeError:
        raise TypeError(
            f"{name}: expected a whole number or a sequence of them, found {found(axis)}"
        ) from None


@dataclass(repr=False)  # to make what nothing uses is part of what `import fanin` takes
class FanRule:
    """How the inputs and outputs of a unit are counted. None and 1 mean: as Keras does."""

    in_axis: tuple[int, ...] | None = None
    out_axis: tuple[int, ...] | None = None
    batch_axis: tuple[int, ...] | None = ()
    groups: int = 1
    transposed: bool = False
    fan_in: float | None = None
    fan_out: float | None = None

    @classmethod
    def of(
        cls,
        in_axis: Axis | None = None,
        out_axis: Axis | None = None,
        batch_axis: Axis | str = (),
        groups: int = 1,
        transposed: bool = False,
        fan_in: float | None = None,
        fan_out: float | None = None,
    ) -> "FanRule":
        """Check the arguments that users give."""
        if isinstance(batch_axis, str):
            one_of("batch_axis", batch_axis, ("others",))
        given = (in_axis, out_axis, batch_axis, groups, transposed, fan_in, fan_out)
        if all(a is b for a, b in zip(given, _USUAL, strict=True)):
            return _KERAS
        rule = cls(
            None if in_axis is None else _axes(in_axis, "in_axis"),
            None if out_axis is None else _axes(out_axis, "out_axis"),
            None if isinstance(batch_axis, str) else _axes(batch_axis, "batch_axis"),
            count("groups", groups, minimum=1),
            flag("transposed", transposed),
            None if fan_in is None else number("fan_in", fan_in, above=0.0),
            None if fan_out is None else number("fan_out", fan_out, above=0.0),
        )
        # The usual rule is one object, so that each draw sees at once that there is nothing to do.
        return _KERAS if rule == _KERAS else rule

    def argument(self, name: str) -> Any:
        """Return one of the arguments, in values that JSON can hold where it is not the default."""
        value = getattr(self, name)
        if value == getattr(FanRule, name):
            return value
        if name == "batch_axis" and value is None:
            return "others"
        return list(value) if isinstance(value, tuple) else value

    def explicit(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return fan-in and fan-out where they do not follow from the shape by Keras's rule."""
        return None if self is _KERAS else self.fans(shape)

    def fans(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Return fan-in and fan-out of weights of this shape."""
        if self.fan_in is not None and self.fan_out is not None:
            return self.fan_in, self.fan_out
        fan_in, fan_out = _core.fans(shape, self._axes_for(shape))
        return self.fan_in or fan_in, self.fan_out or fan_out

    def _axes_for(
        self, shape: tuple[int, ...]
    ) -> tuple[Sequence[int], Sequence[int], Sequence[int] | None, int, bool] | None:
        by_axes = (self.in_axis, self.out_axis, self.batch_axis, self.groups, self.transposed)
        if by_axes == (None, None, (), 1, False):
            return None
        if len(shape) < 2 and (self.in_axis, self.out_axis) == (None, None):
            raise ShapeError(
                "shape: expected at least 2 dimensions for groups, batch axes or a transposed "
                f"kernel, found {shape}"
            )
        last, before = ((-2,), (-1,)) if self.transposed else ((-1,), (-2,))
        inputs = before if self.in_axis is None else self.in_axis
        outputs = last if self.out_axis is None else self.out_axis
        return inputs, outputs, self.batch_axis, self.groups, self.transposed


_USUAL = (None, None, (), 1, False, None, None)
_KERAS = FanRule(*_USUAL)
