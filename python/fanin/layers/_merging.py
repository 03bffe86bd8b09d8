"""Layers of several inputs: sums, products and the like, and what stands side by side."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np

from fanin import _checks, _core
from fanin.errors import ShapeError
from fanin.layers._arrays import Array
from fanin.layers._base import Layer, Shape

if TYPE_CHECKING:
    from fanin.typing import LayerArguments


class Merge(Layer):
    """A layer of several inputs, which are given as a list."""

    _least = 1
    """How many inputs there are at least."""
    _most: int | None = None

    def check_input(self, shape: Shape) -> None:
        """Refuse shapes of inputs that do not fit together."""
        given = self._shapes(shape)
        if len(given) < self._least or (self._most is not None and len(given) > self._most):
            wanted = "at least" if self._most is None else "exactly"
            raise ValueError(
                f"inputs: expected a list of {wanted} {self._least} for layer {self.name!r}, "
                f"found {len(given)}"
            )
        self._check_shapes(given)

    def _check_shapes(self, shapes: Sequence[tuple[int, ...]]) -> None:
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            found = " and ".join(map(str, dict.fromkeys(shapes)))
            raise ShapeError(
                "inputs: expected samples of one shape, or of shapes that NumPy broadcasts, for "
                f"layer {self.name!r}, found {found}"
            ) from None

    @staticmethod
    def _shapes(shape: Shape) -> list[tuple[int, ...]]:
        """Return the shapes of all inputs: of one that is given alone there is one."""
        return [*shape] if shape and isinstance(shape[0], tuple) else [shape]

    def _own_plan(self, shape: Shape, dtype: str) -> _core.Plan:
        given = self._shapes(shape)
        calls = [(0, tuple(range(len(given))))]
        return _core.Plan(given, [self.settings()], dtype, calls)

    def shape_of_inputs(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        """Return the shapes of the inputs as `plan_for` takes them."""
        return tuple(shapes)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the output for shapes of the inputs.

        Parameters
        ----------
        input_shape : list of tuple
            Each with the batch axis in front.

        Returns
        -------
        tuple
            With the batch axis in front.

        Examples
        --------
        >>> Concatenate().compute_output_shape([(None, 3), (None, 4)])
        (None, 7)
        """
        given = _checks.several(input_shape)
        if given is None or not given or not all(isinstance(one, tuple | list) for one in given):
            found = _checks.found(input_shape)
            raise TypeError(f"input_shape: expected a list of shapes, found {found}")
        shapes = [_checks.batched_shape("input_shape", one) for one in given]
        return (given[0][0], *self.shape_after(shapes))

    def build(self, input_shape: Any, rng: Any = None) -> None:
        """Take the shapes of the inputs; there are no arrays to make.

        Parameters
        ----------
        input_shape : list of tuple
            Each with the batch axis in front.
        rng : optional
            Not used.
        """
        given = _checks.several(input_shape)
        if given is None or not all(isinstance(one, tuple | list) for one in given):
            found = _checks.found(input_shape)
            raise TypeError(f"input_shape: expected a list of shapes, found {found}")
        self._build(tuple(_checks.batched_shape("input_shape", one) for one in given), rng)

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs with the batch axis as None; known once built."""
        if self._feature_shape is None:
            raise AttributeError(f"layer {self.name!r} has no input_shape before it is built")
        return [(None, *shape) for shape in self._shapes(self._feature_shape)]

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the output with the batch axis as None; known once built."""
        _ = self.input_shape
        assert self._feature_shape is not None
        return (None, *self.shape_after(self._shapes(self._feature_shape)))

    def _inputs(self, x: Any) -> tuple[Array, Shape]:
        given = [x] if isinstance(x, np.ndarray) else _checks.several(x)
        if given is None:
            raise TypeError(f"x: expected a list of arrays, found {_checks.found(x)}")
        arrays = [
            _checks.floats(f"x[{i}]", part, self.dtype, finite=False)
            for i, part in enumerate(given)
        ]
        if any(array.ndim < 2 for array in arrays) or len({len(array) for array in arrays}) > 1:
            found = [array.shape for array in arrays]
            raise ShapeError(
                f"x: expected arrays of shape (batch, ...), of as many samples each, found {found}"
            )
        shape = tuple(array.shape[1:] for array in arrays)
        self.check_input(shape)
        if self._feature_shape is not None and shape != self._feature_shape:
            self._build_again(shape)
        return side_by_side(arrays), shape

    def _build_again(self, shape: Shape) -> None:
        """Take inputs of other shapes: there are no arrays that would not fit, but a plan."""
        if self.owner is not None:
            raise ShapeError(
                f"x: expected samples of shapes {self._feature_shape} for layer {self.name!r}, "
                f"found {shape}"
            )
        self._network = None

    def _apart_gradient(self, dx: Array) -> Any:
        assert self._feature_shape is not None
        return apart(dx, self._shapes(self._feature_shape))


def side_by_side(arrays: Sequence[Array]) -> Array:
    """Return arrays of as many samples each as one, a sample of which has all of their numbers."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def apart(array: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Return views of an array of `side_by_side`: samples of these shapes."""
    if len(shapes) == 1:
        return [array]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    parts = np.split(array, ends, axis=1)
    return [part.reshape(len(array), *shape) for part, shape in zip(parts, shapes, strict=True)]


class Add(Merge):
    """Sum of the inputs, element by element.

    Parameters
    ----------
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Add()([np.ones((1, 2)), np.full((1, 2), 3.0)])
    array([[4., 4.]], dtype=float32)
    """

    kind = "add"

    def __init__(self, **kwargs: "Unpack[LayerArguments]") -> None:
        super().__init__(**kwargs)


class Subtract(Merge):
    """First input minus the second, element by element.

    Parameters
    ----------
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Subtract()([np.ones((1, 2)), np.full((1, 2), 3.0)])
    array([[-2., -2.]], dtype=float32)
    """

    kind = "subtract"
    _least = _most = 2

    def __init__(self, **kwargs: "Unpack[LayerArguments]") -> None:
        super().__init__(**kwargs)


class Multiply(Merge):
    """Product of the inputs, element by element.

    Parameters
    ----------
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Multiply()([np.full((1, 2), 2.0), np.full((1, 2), 3.0)])
    array([[6., 6.]], dtype=float32)
    """

    kind = "multiply"

    def __init__(self, **kwargs: "Unpack[LayerArguments]") -> None:
        super().__init__(**kwargs)


class Average(Merge):
    """Mean of the inputs, element by element.

    Parameters
    ----------
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Average()([np.ones((1, 2)), np.full((1, 2), 3.0)])
    array([[2., 2.]], dtype=float32)
    """

    kind = "average"

    def __init__(self, **kwargs: "Unpack[LayerArguments]") -> None:
        super().__init__(**kwargs)


class Maximum(Merge):
    """Largest of the inputs, element by element; those that are equal share the gradient.

    Parameters
    ----------
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Maximum()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])])
    array([[3., 4.]], dtype=float32)
    """

    kind = "maximum"

    def __init__(self, **kwargs: "Unpack[LayerArguments]") -> None:
        super().__init__(**kwargs)


class Minimum(Merge):
    """Smallest of the inputs, element by element; those that are equal share the gradient.

    Parameters
    ----------
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Minimum()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])])
    array([[1., 2.]], dtype=float32)
    """

    kind = "minimum"

    def __init__(self, **kwargs: "Unpack[LayerArguments]") -> None:
        super().__init__(**kwargs)


class Concatenate(Merge):
    """The inputs side by side.

    Parameters
    ----------
    axis : int, default -1
        The axis along which they follow each other, counted with that of the batch, which it
        cannot be. In all others they have the same length.
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Concatenate()([np.ones((1, 2)), np.zeros((1, 1))])
    array([[1., 1., 0.]], dtype=float32)
    """

    kind = "concatenate"
    _fixed = ("axis",)
    _options: ClassVar[Mapping[str, Any]] = {"axis": _checks.integer}

    def __init__(self, axis: int = -1, **kwargs: "Unpack[LayerArguments]") -> None:
        self.axis = axis
        super().__init__(**kwargs)

    def _check_shapes(self, shapes: Sequence[tuple[int, ...]]) -> None:
        axes = len(shapes[0])
        at = axes + self.axis if self.axis < 0 else self.axis - 1
        if not 0 <= at < axes:
            raise ValueError(
                f"axis: expected one of the {axes + 1} axes of the inputs of layer {self.name!r}, "
                f"and not that of the batch, found {self.axis}"
            )
        others = [(*shape[:at], *shape[at + 1 :]) for shape in shapes]
        for shape, other in zip(shapes, others, strict=True):
            if len(shape) != axes or other != others[0]:
                raise ShapeError(
                    f"inputs: expected samples of shapes that differ in axis {self.axis} alone for "
                    f"layer {self.name!r}, found {shapes[0]} and {shape}"
                )


class Dot(Merge):
    """Product of two vectors or matrices, sample by sample.

    Parameters
    ----------
    axes : int or pair of int
        The axis of each input that is summed over, counted with that of the batch, which it cannot
        be. Of matrices the other axes are those of the output.
    normalize : bool, default False
        Whether to divide vectors along these axes by their lengths first: the product of two
        vectors is then the cosine of the angle between them.
    **kwargs
        `name`, `dtype`, `trainable`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[11.]], dtype=float32)
    """

    kind = "dot"
    _least = _most = 2
    _fixed = ("axes",)
    _options: ClassVar[Mapping[str, Any]] = {
        "axes": lambda name, value: _axes(name, value),
        "normalize": _checks.flag,
    }
    normalize: bool = False  # of a pickle that was written before it could be asked for

    def __init__(
        self,
        axes: int | Sequence[int] = 1,
        normalize: bool = False,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.axes = axes
        self.normalize = normalize
        super().__init__(**kwargs)

    def settings(self) -> dict[str, object]:
        """Return the settings for the core, with an axis for each input."""
        return {**super().settings(), "axes": self._both()}

    def _both(self) -> tuple[int, int]:
        axes: Any = self.axes
        first, last = (axes, axes) if isinstance(axes, int) else (axes[0], axes[-1])
        return first, last

    def _check_shapes(self, shapes: Sequence[tuple[int, ...]]) -> None:
        if any(len(shape) not in (1, 2) for shape in shapes):
            raise ShapeError(
                f"inputs: expected samples of one axis or two for layer {self.name!r}, found "
                f"shapes {shapes[0]} and {shapes[1]}"
            )
        lengths = []
        for shape, axis in zip(shapes, self._both(), strict=True):
            place = len(shape) + axis if axis < 0 else axis - 1
            if not 0 <= place < len(shape):
                raise ValueError(
                    f"axes: expected axes of the inputs of layer {self.name!r}, of shapes "
                    f"{shapes[0]} and {shapes[1]} without that of the batch, found {self.axes}"
                )
            lengths.append(shape[place])
        if lengths[0] != lengths[1]:
            raise ShapeError(
                f"inputs: expected samples of one shape, or as long along axes {self.axes}, for "
                f"layer {self.name!r}, found {shapes[0]} and {shapes[1]}"
            )


def _axes(name: str, value: Any) -> Any:
    given = _checks.several(value)
    axes = [value] if given is None else given
    for axis in axes:
        if _checks.integer(name, axis) == 0:
            raise ValueError(f"{name}: expected no axis of the batch, found 0")
    if len(axes) not in (1, 2):
        raise ValueError(f"{name}: expected one axis or two, found {len(axes)}")
    return int(value) if given is None else tuple(map(int, given))
