"""Inputs and outputs of one unit, as the shape of its weights tells or the user says."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypedDict

from fanin import _core
from fanin.errors import ShapeError
from fanin.initializers._arguments import checked_number

Axis: TypeAlias = int | Sequence[int]


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
        return tuple(operator.index(i) for i in given)
    except TypeError:
        raise TypeError(
            f"{name}: expected a whole number or a sequence of them, found {axis!r}"
        ) from None


def checked_groups(groups: object) -> int:
    """Return `groups` as a whole number of at least 1."""
    try:
        number = operator.index(groups)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"groups: expected a whole number, found {groups!r}") from None
    if number < 1:
        raise ValueError(f"groups: expected a whole number of at least 1, found {number}")
    return number


def _checked_fan(fan: float | None, name: str) -> float | None:
    if fan is None:
        return None
    number = checked_number(fan, name)
    if number <= 0:
        raise ValueError(f"{name}: expected a number above 0, found {fan!r}")
    return number


@dataclass(frozen=True)
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
        if isinstance(batch_axis, str) and batch_axis != "others":
            raise ValueError(f"batch_axis: expected axes or 'others', found {batch_axis!r}")
        given = (in_axis, out_axis, batch_axis, groups, transposed, fan_in, fan_out)
        if all(a is b for a, b in zip(given, _USUAL, strict=True)):
            return _KERAS
        rule = cls(
            None if in_axis is None else _axes(in_axis, "in_axis"),
            None if out_axis is None else _axes(out_axis, "out_axis"),
            None if batch_axis == "others" else _axes(batch_axis, "batch_axis"),
            checked_groups(groups),
            bool(transposed),
            _checked_fan(fan_in, "fan_in"),
            _checked_fan(fan_out, "fan_out"),
        )
        # The usual rule is one object, so that each draw sees at once that there is nothing to do.
        return _KERAS if rule == _KERAS else rule

    def config(self) -> dict[str, Any]:
        """Return the arguments that are not the defaults."""
        found: dict[str, Any] = {}
        for name in ("in_axis", "out_axis", "batch_axis"):
            axes = getattr(self, name)
            if axes != getattr(FanRule, name):
                found[name] = "others" if axes is None else list(axes)
        for name in ("groups", "transposed", "fan_in", "fan_out"):
            if getattr(self, name) != getattr(FanRule, name):
                found[name] = getattr(self, name)
        return found

    def given(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
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
