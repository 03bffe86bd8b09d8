"""The rectified linear unit whose slope is learned."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks
from fanin.errors import ShapeError
from fanin.layers._arrays import Weight
from fanin.layers._base import Layer, Shape
from fanin.layers._options import constraint_option, initializer_option, regularizer_option

if TYPE_CHECKING:
    from fanin._members._member import Option
    from fanin.constraints import Constraint
    from fanin.initializers import Initializer
    from fanin.regularizers import Regularizer
    from fanin.typing import ConstraintLike, InitializerLike, LayerArguments, RegularizerLike


def _shared(name: str, value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    given = [value] if isinstance(value, int) else _checks.several(value)
    if given is None:
        found = _checks.found(value)
        raise TypeError(f"{name}: expected None or a tuple of whole numbers, found {found}")
    return tuple(_checks.integer(name, axis, minimum=1) for axis in given)


class PReLU(Layer):
    """Rectified linear unit with learned slopes: ``x`` where positive, else ``alpha * x`` [1]_.

    Parameters
    ----------
    alpha_initializer : str, dict or Initializer, default "zeros"
        How the slopes start; the paper and torch take 0.25.
    shared_axes : sequence of int, optional
        Axes along which the slopes are the same, counted from 1: that of the batch is no axis of
        the slopes. By default each number of a sample has a slope of its own.
    alpha_regularizer : str, dict or Regularizer, optional
        Penalty on the slopes, which is part of the loss: see `fanin.regularizers`.
    alpha_constraint : str, dict or Constraint, optional
        Where the slopes are put back to after each step: see `fanin.constraints`.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Attributes
    ----------
    alpha : ndarray
        The slopes, of the shape of a sample, with 1 for the axes that share them.

    Raises
    ------
    ShapeError
        When it is built, if a sample does not have the shared axes.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fanin.initializers import Constant
    >>> layer = PReLU(Constant(0.25))
    >>> layer(np.array([[-4.0, 2.0]]))
    array([[-1.,  2.]], dtype=float32)
    >>> layer.alpha
    array([0.25, 0.25], dtype=float32)
    """

    alpha: Weight = Weight("Slopes, of the shape of a sample.")
    alpha_initializer: "Option[Initializer, InitializerLike]"
    shared_axes: Any
    alpha_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
    alpha_constraint: "Option[Constraint | None, ConstraintLike | None]"

    kind = "prelu"
    _fixed = ("shared_axes",)
    _options: ClassVar[Mapping[str, Any]] = {
        "alpha_initializer": initializer_option,
        "shared_axes": _shared,
        "alpha_regularizer": regularizer_option,
        "alpha_constraint": constraint_option,
    }

    def __init__(
        self,
        alpha_initializer: "InitializerLike" = "zeros",
        shared_axes: Sequence[int] | int | None = None,
        *,
        alpha_regularizer: "RegularizerLike | None" = None,
        alpha_constraint: "ConstraintLike | None" = None,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.alpha_initializer = alpha_initializer
        self.shared_axes = shared_axes
        self.alpha_regularizer = alpha_regularizer
        self.alpha_constraint = alpha_constraint
        super().__init__(**kwargs)

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core."""
        return {**super().settings(), "shared_axes": self.shared_axes or ()}

    def check_input(self, shape: Shape) -> None:
        """Refuse samples that do not have the shared axes."""
        if any(axis > len(shape) for axis in self.shared_axes or ()):
            raise ShapeError(
                f"shared_axes: expected axes from 1 to {len(shape)} for samples of shape {shape}, "
                f"found {self.shared_axes} in layer {self.name!r}"
            )
