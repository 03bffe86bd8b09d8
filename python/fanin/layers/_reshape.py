"""Layers that change shapes, or put numbers on another scale."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers._base import Layer, Shape

if TYPE_CHECKING:
    from fanin.typing import LayerArguments


def _integers(name: str, value: Any, minimum: int) -> tuple[int, ...]:
    given = [value] if isinstance(value, int) else _checks.several(value)
    if not given:
        found = _checks.found(value)
        raise TypeError(f"{name}: expected a tuple of whole numbers, found {found}")
    return tuple(_checks.integer(name, axis, minimum=minimum) for axis in given)


def _target(name: str, value: Any) -> tuple[int, ...]:
    shape = _integers(name, value, -1)
    if 0 in shape or shape.count(-1) > 1:
        raise ValueError(
            f"{name}: expected lengths of at least 1, one of which may be -1, found {shape}"
        )
    return shape


def _dims(name: str, value: Any) -> tuple[int, ...]:
    dims = _integers(name, value, 1)
    if sorted(dims) != [*range(1, len(dims) + 1)]:
        raise ValueError(
            f"{name}: expected each of the axes from 1 to {len(dims)} once, found {dims}"
        )
    return dims


class Reshape(Layer):
    """Give each sample another shape of the same numbers, in row-major order.

    Parameters
    ----------
    target_shape : tuple of int
        Shape of one sample; one of its axes can be -1, which becomes what is left.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Reshape((2, -1))(np.zeros((5, 6))).shape
    (5, 2, 3)
    """

    kind = "reshape"
    _fixed = ("target_shape",)
    _options: ClassVar[Mapping[str, Any]] = {"target_shape": _target}

    def __init__(
        self, target_shape: Sequence[int] | int, **kwargs: "Unpack[LayerArguments]"
    ) -> None:
        self.target_shape = target_shape
        super().__init__(**kwargs)


class Permute(Layer):
    """Change the order of the axes of each sample.

    Parameters
    ----------
    dims : tuple of int
        The axes in their new order, counted from 1: that of the batch stays the first.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Permute((2, 1))(np.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """

    kind = "permute"
    _fixed = ("dims",)
    _options: ClassVar[Mapping[str, Any]] = {"dims": _dims}

    def __init__(self, dims: Sequence[int], **kwargs: "Unpack[LayerArguments]") -> None:
        self.dims = dims
        super().__init__(**kwargs)

    def check_input(self, shape: Shape) -> None:
        """Refuse samples of another number of axes."""
        if len(shape) != len(self.dims):
            raise ShapeError(
                f"input_shape: expected samples of as many axes as dims has for layer "
                f"{self.name!r}, {self.dims}, found shape {shape}"
            )


class RepeatVector(Layer):
    """Repeat each sample, a vector, along a new first axis.

    Parameters
    ----------
    n : int
        How many times.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> RepeatVector(2)(np.array([[1.0, 2.0]]))
    array([[[1., 2.],
            [1., 2.]]], dtype=float32)
    """

    kind = "repeat_vector"
    _fixed = ("n",)
    _options: ClassVar[Mapping[str, Any]] = {"n": partial(_checks.count, minimum=1)}

    def __init__(self, n: int, **kwargs: "Unpack[LayerArguments]") -> None:
        self.n = n
        super().__init__(**kwargs)

    def check_input(self, shape: Shape) -> None:
        """Refuse samples of several axes."""
        if len(shape) != 1:
            raise ShapeError(
                f"input_shape: expected samples of one axis for layer {self.name!r}, found shape "
                f"{shape}"
            )


class Rescaling(Layer):
    """Multiply the inputs by a number and add another: ``scale * x + offset``.

    Parameters
    ----------
    scale : float
        The factor.
    offset : float, default 0.0
        What is added.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Rescaling(2.0, offset=-1.0)(np.array([[0.0, 1.0]]))
    array([[-1.,  1.]], dtype=float32)
    """

    kind = "rescaling"
    _options: ClassVar[Mapping[str, Any]] = {"scale": _checks.number, "offset": _checks.number}

    def __init__(
        self, scale: float, offset: float = 0.0, **kwargs: "Unpack[LayerArguments]"
    ) -> None:
        self.scale = scale
        self.offset = offset
        super().__init__(**kwargs)
