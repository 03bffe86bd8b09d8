"""Normalization within a sample."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks, initializers
from fanin.errors import ShapeError
from fanin.layers._arrays import Array, Weight
from fanin.layers._base import Layer, Shape
from fanin.layers._options import constraint_option, initializer_option, regularizer_option

if TYPE_CHECKING:
    from fanin._members._member import Option
    from fanin.constraints import Constraint
    from fanin.initializers import Initializer
    from fanin.regularizers import Regularizer
    from fanin.typing import ConstraintLike, InitializerLike, LayerArguments, RegularizerLike


def _axes(name: str, value: Any) -> Any:
    """Return an axis, or axes as a tuple."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _checks.integer(name, value)
    given = _checks.several(value)
    if not given:
        found = _checks.found(value)
        raise TypeError(f"{name}: expected a whole number or a tuple of them, found {found}")
    return tuple(_checks.integer(name, axis) for axis in given)


def _groups(name: str, value: Any) -> int:
    groups = _checks.integer(name, value, minimum=-1)
    if groups == 0:
        raise ValueError(f"{name}: expected a whole number of at least 1, or -1, found 0")
    return groups


def _places(axis: Any, shape: Shape) -> list[int]:
    """Return the axes of a sample that are meant, in order; they count with that of the batch."""
    axes = (axis,) if isinstance(axis, int) else axis
    return sorted(one + len(shape) if one < 0 else one - 1 for one in axes)


class _OverAxes(Layer):
    """A layer that normalizes over axes."""

    axis: Any
    _fixed: ClassVar[tuple[str, ...]] = ("axis",)
    _last_ones: ClassVar[bool] = True

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core: of the axes a tuple."""
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        return {**super().settings(), "axis": axes}

    def check_input(self, shape: Shape) -> None:
        """Refuse samples that do not have these axes."""
        places = _places(self.axis, shape)
        first = places[0]
        last = len(shape) - 1 if self._last_ones else places[-1]
        if first < 0 or last >= len(shape) or places != [*range(first, last + 1)]:
            axes = ", ".join(map(str, ("batch", *shape)))
            what = "the last axis, or the last axes," if self._last_ones else "axes in a row"
            raise ShapeError(
                f"axis: expected {what} of ({axes}), found {self.axis} in layer {self.name!r}"
            )


class LayerNormalization(_OverAxes):
    """Normalize each sample, ``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`` [1]_.

    Mean and (biased) variance are those of the sample's own numbers over the axes, so training and
    inference are one, and so are batches of all sizes.

    Parameters
    ----------
    axis : int or sequence of int, default -1
        The axes to normalize over: the last one, or the last ones, counted with that of the batch.
    epsilon : float, default 1e-3
        Added to the variance; torch's default is 1e-5.
    center : bool, default True
        Whether there is a beta.
    scale : bool, default True
        Whether there is a gamma.
    beta_initializer : str, dict or Initializer, default "zeros"
        How beta starts.
    gamma_initializer : str, dict or Initializer, default "ones"
        How gamma starts.
    beta_regularizer, gamma_regularizer : str, dict or Regularizer, optional
        Penalties on beta and gamma, which are part of the loss: see `fanin.regularizers`.
    beta_constraint, gamma_constraint : str, dict or Constraint, optional
        Where beta and gamma are put back to after each step: see `fanin.constraints`.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Attributes
    ----------
    gamma, beta : ndarray, or None
        Scale and shift, of the lengths of the axes.

    Raises
    ------
    ShapeError
        When it is built, if the axes are not the last ones of a sample.

    References
    ----------
    .. [1] J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", arXiv:1607.06450.

    Examples
    --------
    >>> import numpy as np
    >>> LayerNormalization(epsilon=1e-12)(np.array([[1.0, 3.0], [20.0, 10.0]]))
    array([[-1.,  1.],
           [ 1., -1.]], dtype=float32)
    """

    gamma: Weight = Weight("Scale, of the lengths of the axes, or None.")
    beta: Weight = Weight("Shift, of the lengths of the axes, or None.")
    beta_initializer: "Option[Initializer, InitializerLike]"
    gamma_initializer: "Option[Initializer, InitializerLike]"
    beta_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
    gamma_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
    beta_constraint: "Option[Constraint | None, ConstraintLike | None]"
    gamma_constraint: "Option[Constraint | None, ConstraintLike | None]"

    _options: ClassVar[Mapping[str, Any]] = {
        "axis": _axes,
        "epsilon": partial(_checks.number, above=0.0),
        "center": _checks.flag,
        "scale": _checks.flag,
        "beta_initializer": initializer_option,
        "gamma_initializer": initializer_option,
        "beta_regularizer": regularizer_option,
        "gamma_regularizer": regularizer_option,
        "beta_constraint": constraint_option,
        "gamma_constraint": constraint_option,
    }
    kind = "layer_normalization"
    _fixed = ("axis", "center", "scale")

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: "InitializerLike" = "zeros",
        gamma_initializer: "InitializerLike" = "ones",
        *,
        beta_regularizer: "RegularizerLike | None" = None,
        gamma_regularizer: "RegularizerLike | None" = None,
        beta_constraint: "ConstraintLike | None" = None,
        gamma_constraint: "ConstraintLike | None" = None,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = beta_initializer
        self.gamma_initializer = gamma_initializer
        self.beta_regularizer = beta_regularizer
        self.gamma_regularizer = gamma_regularizer
        self.beta_constraint = beta_constraint
        self.gamma_constraint = gamma_constraint
        super().__init__(**kwargs)


class RMSNormalization(_OverAxes):
    """Divide by the root mean square: ``y = gamma * x / sqrt(mean(x**2) + epsilon)`` [1]_.

    Parameters
    ----------
    axis : int or sequence of int, default -1
        The axes of the mean: the last one, or the last ones, counted with that of the batch.
    epsilon : float, default 1e-6
        Added to the mean of the squares.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Attributes
    ----------
    gamma, scale : ndarray
        The factors, of the lengths of the axes, which start as ones; Keras calls them `scale`.

    Raises
    ------
    ShapeError
        When it is built, if the axes are not the last ones of a sample.

    References
    ----------
    .. [1] B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> RMSNormalization()(np.array([[3.0, 3.0], [-2.0, 2.0]])).round(3)
    array([[ 1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    gamma: Weight = Weight("Factors, of the lengths of the axes.")

    _options: ClassVar[Mapping[str, Any]] = {
        "axis": _axes,
        "epsilon": partial(_checks.number, above=0.0),
    }
    kind = "rms_normalization"

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-6,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.axis = axis
        self.epsilon = epsilon
        super().__init__(**kwargs)

    @property
    def scale(self) -> Array:
        """The factors, as Keras calls them."""
        return self.gamma

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core."""
        return {**super().settings(), "trainable": self.trainable}

    def _initializer_of(self, role: str) -> "Initializer":
        """Return the initializer of the array called `role`: ones."""
        known = str(role) == "gamma"
        return initializers.get("ones") if known else super()._initializer_of(role)

    def _holds(self) -> bool:
        return True


class GroupNormalization(Layer):
    """Normalize each sample in groups of features, as `LayerNormalization` does all of them [1]_.

    Mean and variance are those of a sample's numbers of one group: of samples of several axes over
    all of these. One group of samples of one axis is layer normalization; as many groups as
    features, in samples of several axes, is instance normalization.

    Parameters
    ----------
    groups : int, default 32
        How many groups there are, which divides the number of features; -1 for one a feature.
    axis : int, default -1
        The feature axis; only the last is supported.
    epsilon : float, default 1e-3
        Added to the variance; torch's default is 1e-5.
    center : bool, default True
        Whether there is a beta.
    scale : bool, default True
        Whether there is a gamma.
    beta_initializer : str, dict or Initializer, default "zeros"
        How beta starts.
    gamma_initializer : str, dict or Initializer, default "ones"
        How gamma starts.
    beta_regularizer, gamma_regularizer : str, dict or Regularizer, optional
        Penalties on beta and gamma, which are part of the loss: see `fanin.regularizers`.
    beta_constraint, gamma_constraint : str, dict or Constraint, optional
        Where beta and gamma are put back to after each step: see `fanin.constraints`.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Attributes
    ----------
    gamma, beta : ndarray of shape (features,), or None
        Scale and shift.

    Raises
    ------
    ShapeError
        When it is built, if the axis is not the last one.
    ValueError
        When it is built, if `groups` does not divide the number of features.

    References
    ----------
    .. [1] Y. Wu, K. He, "Group normalization", ECCV 2018.

    Examples
    --------
    >>> import numpy as np
    >>> layer = GroupNormalization(groups=2, epsilon=1e-12)
    >>> layer(np.array([[1.0, 3.0, 50.0, 10.0]]))
    array([[-1.,  1.,  1., -1.]], dtype=float32)
    """

    gamma: Weight = Weight("Scale of shape (features,), or None.")
    beta: Weight = Weight("Shift of shape (features,), or None.")
    beta_initializer: "Option[Initializer, InitializerLike]"
    gamma_initializer: "Option[Initializer, InitializerLike]"
    beta_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
    gamma_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
    beta_constraint: "Option[Constraint | None, ConstraintLike | None]"
    gamma_constraint: "Option[Constraint | None, ConstraintLike | None]"

    _options: ClassVar[Mapping[str, Any]] = {
        "groups": _groups,
        "axis": _checks.integer,
        "epsilon": partial(_checks.number, above=0.0),
        "center": _checks.flag,
        "scale": _checks.flag,
        "beta_initializer": initializer_option,
        "gamma_initializer": initializer_option,
        "beta_regularizer": regularizer_option,
        "gamma_regularizer": regularizer_option,
        "beta_constraint": constraint_option,
        "gamma_constraint": constraint_option,
    }
    kind = "group_normalization"
    _fixed = ("groups", "axis", "center", "scale")

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: "InitializerLike" = "zeros",
        gamma_initializer: "InitializerLike" = "ones",
        *,
        beta_regularizer: "RegularizerLike | None" = None,
        gamma_regularizer: "RegularizerLike | None" = None,
        beta_constraint: "ConstraintLike | None" = None,
        gamma_constraint: "ConstraintLike | None" = None,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = beta_initializer
        self.gamma_initializer = gamma_initializer
        self.beta_regularizer = beta_regularizer
        self.gamma_regularizer = gamma_regularizer
        self.beta_constraint = beta_constraint
        self.gamma_constraint = gamma_constraint
        super().__init__(**kwargs)

    def check_input(self, shape: Shape) -> None:
        """Refuse samples whose last axis is not `axis`, or is not cut by the groups."""
        axes = ", ".join(map(str, ("batch", *shape)))
        if self.axis not in (-1, len(shape)):
            raise ShapeError(
                f"axis: expected -1 or {len(shape)}, the last one of ({axes}), found {self.axis} "
                f"in layer {self.name!r}"
            )
        if self.groups > shape[-1] or shape[-1] % self.groups:
            raise ValueError(
                f"groups: expected a divisor of {shape[-1]}, the last axis of ({axes}), or -1 for "
                f"it, found {self.groups} in layer {self.name!r}"
            )


class UnitNormalization(_OverAxes):
    """Divide each sample by its length, so that its squares sum to 1.

    Lengths below 1e-6 count as that.

    Parameters
    ----------
    axis : int or sequence of int, default -1
        The axes that the squares are summed over, which follow each other, counted with that of
        the batch.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Raises
    ------
    ShapeError
        When it is built, if the axes are not axes in a row of a sample.

    Examples
    --------
    >>> import numpy as np
    >>> UnitNormalization()(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """

    kind = "unit_normalization"
    _last_ones = False
    _options: ClassVar[Mapping[str, Any]] = {"axis": _axes}

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: "Unpack[LayerArguments]") -> None:
        self.axis = axis
        super().__init__(**kwargs)

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core."""
        return {**super().settings(), "epsilon": 1e-6}
