"""What a model of any framework is seen as: layers in a row, each with arrays by role."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin._checks import found
from fanin.errors import ShapeError
from fanin.frameworks._kinds import held
from fanin.initializers._fans import FanOptions
from fanin.show.results import Result

Array: TypeAlias = NDArray[Any]

WEIGHTS = ("kernel", "depthwise_kernel", "pointwise_kernel", "embeddings")
"""Roles of what an initializer is for."""

DEFAULTS = {
    "gamma": 1.0,
    "beta": 0.0,
    "moving_mean": 0.0,
    "moving_variance": 1.0,
    "batches": 0.0,
}
"""Roles of what a normalization holds, and how it starts."""

_STATE = ("moving_mean", "moving_variance", "batches")


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Parameter(Result):
    """One array of a layer, read and written in fanin's layout.

    Attributes
    ----------
    role : str
        One of `WEIGHTS`, ``"bias"`` or of `DEFAULTS`; what the framework calls it if none of them.
    name : str
        Where the framework keeps it, such as ``"features.0.weight"``: for messages.
    shape : tuple of int
        In fanin's layout.
    dtype : str
        ``"float32"``, ``"float64"``, ``"float16"``, ``"bfloat16"``; others are not drawn for.
    fans : FanOptions
        How inputs and outputs of a unit are counted, where it is not by Keras's rule.
    zero_row : int or None
        A row that is always zero: the padding of an embedding.
    """

    role: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    get: Callable[[], Array] = field(repr=False)
    put: Callable[[Array], None] = field(repr=False)
    native_shape: tuple[int, ...] = field(repr=False)
    order: tuple[int, ...] = field(repr=False)
    fans: FanOptions = field(default_factory=lambda: FanOptions(), repr=False)
    zero_row: int | None = field(default=None, repr=False)

    @property
    def drawable(self) -> bool:
        """Whether an initializer can draw values of this type."""
        return self.dtype in ("float32", "float64", "float16", "bfloat16")

    def read(self) -> Array:
        """Return the values; a view of the framework's memory where it lets NumPy see that."""
        return self.ours(self.get())

    def ours(self, values: Array) -> Array:
        """Return values in the framework's own layout, such as a gradient's, in fanin's."""
        return values.transpose(self.order).reshape(self.shape)

    def checked(self, values: ArrayLike) -> Array:
        """Return `values` as an array if they can be written, or say why not."""
        array = np.asarray(values)
        if array.shape != self.shape:
            raise ShapeError(
                f"{self.name}: expected values of shape {self.shape}, found {array.shape}"
            )
        return array

    def write(self, values: ArrayLike) -> None:
        """Write `values` of `shape`, rounded to the type of the array.

        Raises
        ------
        ShapeError
            If they are of another shape; nothing is written.
        """
        self.put(self.native(self.checked(values)))

    def native(self, values: Array) -> Array:
        """Return values of `shape` in the framework's own layout."""
        ordered = values.reshape([self.native_shape[axis] for axis in self.order])
        return ordered.transpose(sorted(range(len(self.order)), key=self.order.__getitem__))

    @property
    def _unit_axes(self) -> tuple[int, ...]:
        """Return the axes of units where they are said: there may be several, as of heads."""
        axes: Any = self.fans.get("out_axis")
        return () if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)

    @property
    def units(self) -> int:
        """How many units a kernel is for: of all groups, and of all axes that are of units."""
        if self._unit_axes:
            return math.prod(self.shape[axis] for axis in self._unit_axes)
        if self.fans.get("transposed"):
            return self.shape[-2] * self.fans.get("groups", 1)
        return self.shape[-1]

    def matrix(self, values: Array) -> Array:
        """Return a kernel of `shape` as ``(inputs of a unit, units)``; what is none as it is."""
        if self.role != "kernel" or values.ndim < 2:
            return values
        if self._unit_axes:
            others = [axis for axis in range(values.ndim) if axis not in self._unit_axes]
            return values.transpose(*others, *self._unit_axes).reshape(-1, self.units)
        if self.fans.get("transposed"):
            # Each group's units get only that group's inputs.
            *spatial, outputs, inputs = values.shape
            groups = self.fans.get("groups", 1)
            by_group = values.reshape(*spatial, outputs, groups, inputs // groups)
            values = by_group.swapaxes(-3, -1)
        return values.reshape(-1, self.units)

    def by_unit(self, factor: Array) -> Array:
        """Return one factor, or one for each unit, in a shape in which it multiplies a kernel."""
        if factor.ndim and self._unit_axes:
            own = enumerate(self.shape)
            return factor.reshape([n if axis in self._unit_axes else 1 for axis, n in own])
        if not factor.ndim or not self.fans.get("transposed"):
            return factor
        outputs, inputs = self.shape[-2:]
        groups = self.fans.get("groups", 1)
        return np.repeat(factor.reshape(groups, outputs).T, inputs // groups, axis=1)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Layer(Result):
    """One layer that holds arrays.

    Attributes
    ----------
    position : int
        How many layers with trainable arrays come before it.
    kind : str
        ``"dense"``, ``"einsum"`` (Keras's EinsumDense), ``"convolution"``,
        ``"transposed_convolution"``, ``"embedding"``, ``"normalization"``, ``"attention"``
        (torch's, which holds the kernels of queries, keys and values side by side), or ``"other"``
        for what is not known here.
    name : str
        The framework's; where layers lie in one another, joined by dots.
    parameters : dict of str to Parameter
        By role.
    module : object
        The framework's layer; None in a tree.
    """

    position: int
    kind: str
    name: str
    parameters: dict[str, Parameter]
    module: object = field(default=None, repr=False)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Model(Result):
    """A model's layers, in its order.

    Attributes
    ----------
    framework : {"fanin", "torch", "keras", "tree"}
        What it is.
    layers : list of Layer
        Those that hold arrays.
    result : callable
        Returns the model, or the new tree in place of one that cannot be written to.
    doubt : str
        Why the order of the layers may not be that of the model; empty if there is no doubt.
    alone : callable
        Returns what keeps other threads from training or writing it for the length of a block,
        where this package knows of them.
    """

    framework: str = ""
    layers: list[Layer]
    result: Callable[[], Any] = field(repr=False)
    doubt: str = ""
    alone: Callable[[], AbstractContextManager[object]] = field(
        default_factory=lambda: nullcontext, repr=False
    )

    def in_order(self, names: Sequence[str]) -> "Model":
        """Return the model with its layers in the order that the user gives.

        Raises
        ------
        ValueError
            If `names` are not the names of all layers, each once.
        """
        by_name = {layer.name: layer for layer in self.layers}
        if sorted(names) != sorted(by_name):
            raise ValueError(
                f"order: expected the names of all layers, {', '.join(map(repr, by_name))}, each "
                f"once, found {found(list(names))}"
            )
        row = Row()
        for name in names:
            layer = by_name[name]
            row.append(layer.kind, layer.name, layer.parameters, layer.module)
        return replace(self, layers=row.layers, doubt="")


def checked_order(order: object) -> list[str]:
    """Return the names that a user lists."""
    if isinstance(order, Iterable) and not isinstance(order, str | bytes | Mapping):
        names = list(order)
        if all(isinstance(name, str) for name in names):
            return names
    raise TypeError(f"order: expected a sequence of the layers' names, found {found(order)}")


def in_our_order(
    *,
    role: str,
    name: str,
    shape: tuple[int, ...],
    dtype: str,
    get: Callable[[], Array],
    put: Callable[[Array], None],
    order: tuple[int, ...] | None = None,
    ours: tuple[int, ...] | None = None,
    fans: FanOptions | None = None,
    zero_row: int | None = None,
) -> Parameter:
    """Make a parameter of an array whose axes, taken in `order`, are ours (shaped as `ours`)."""
    axes = tuple(range(len(shape))) if order is None else order
    return Parameter(
        role=role,
        name=name,
        shape=tuple(shape[axis] for axis in axes) if ours is None else ours,
        dtype=dtype,
        get=get,
        put=put,
        native_shape=shape,
        order=axes,
        fans=fans or FanOptions(),
        zero_row=zero_row,
    )


def distinct(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Return parameters that each have a role of their own: a second kernel is ``kernel_2``."""
    found = []
    for place, p in enumerate(parameters):
        same = sum(p.role == other.role for other in parameters[:place])
        found.append(replace(p, role=f"{p.role}_{same + 1}") if same else p)
    return found


class Row:
    """Layers as they are found: counts positions."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self._position = 0

    def add(
        self,
        kind: str,
        name: str,
        parameters: list[Parameter],
        module: Any = None,
    ) -> None:
        """Append a layer, unless it holds nothing."""
        if not parameters:
            return
        self.append(kind, name, {p.role: p for p in distinct(parameters)}, module)

    def append(self, kind: str, name: str, by_role: dict[str, Parameter], module: Any) -> None:
        """Append a layer whose parameters have their roles."""
        layer = Layer(
            position=self._position,
            kind=held(kind),
            name=name,
            parameters=by_role,
            module=module,
        )
        self.layers.append(layer)
        self._position += any(role not in _STATE for role in by_role)
