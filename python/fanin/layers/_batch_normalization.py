"""Batch normalization."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from fanin import _checks, initializers
from fanin.errors import ShapeError
from fanin.layers._arrays import Weight
from fanin.layers._base import Layer
from fanin.layers._options import constraint_option, initializer_option, regularizer_option

if TYPE_CHECKING:
    from fanin._members._member import Option
    from fanin.constraints import Constraint
    from fanin.initializers import Initializer
    from fanin.regularizers import Regularizer
    from fanin.typing import ConstraintLike, InitializerLike, LayerArguments, RegularizerLike


def _axis(name: str, value: Any) -> int:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return _checks.integer(name, value, minimum=-1)


def _momentum(name: str, value: Any) -> float | None:
    return None if value is None else _checks.number(name, value, at_least=0.0, at_most=1.0)


def _convention(name: str, value: Any) -> str:
    return _checks.one_of(name, value, ("keras", "torch"))


class BatchNormalization(Layer):
    """Normalize each feature, ``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`` [1]_.

    In training, mean and (biased) variance are those of the batch, and the running averages move:
    ``moving = momentum * moving + (1 - momentum) * batch`` (Keras's meaning of momentum; torch's is
    one minus it). Otherwise, or with ``trainable=False``, the running averages normalize. For n
    features there are 2n trainable parameters (gamma, beta) and 2n others (the averages).

    Of a batch of one row the outputs are beta, and the gradient of the inputs is 0.

    Parameters
    ----------
    axis : int, default -1
        The feature axis; only the last is supported (`Permute` makes another one the last).
    momentum : float or None, default 0.99
        Share of the running averages that stays at each batch; with the convention of torch the
        share of the batch. None, with that convention: the averages are those of all batches so
        far, each counted alike, and an array `moving_count` counts them.
    epsilon : float, default 1e-3
        Added to the variance.
    center : bool, default True
        Whether there is a beta.
    scale : bool, default True
        Whether there is a gamma.
    beta_initializer : str, dict or Initializer, default "zeros"
        How beta starts.
    gamma_initializer : str, dict or Initializer, default "ones"
        How gamma starts.
    moving_mean_initializer : str, dict or Initializer, default "zeros"
        How the running mean starts.
    moving_variance_initializer : str, dict or Initializer, default "ones"
        How the running variance starts.
    beta_regularizer : str, dict or Regularizer, optional
        Penalty on the shift, which is part of the loss: see `fanin.regularizers`.
    gamma_regularizer : str, dict or Regularizer, optional
        Penalty on the scale, which is part of the loss: see `fanin.regularizers`.
    beta_constraint : str, dict or Constraint, optional
        Where the shift is put back to after each step: see `fanin.constraints`.
    gamma_constraint : str, dict or Constraint, optional
        Where the scale is put back to after each step: see `fanin.constraints`.
    convention : {"keras", "torch"}, default "keras"
        With "torch", `momentum` means what it does there, and the running variance is unbiased:
        n / (n - 1) times that of a batch of n rows. One row says nothing of it, so it stays (torch
        refuses to train on one). `momentum` and `epsilon` keep Keras's defaults; torch's are 0.1
        and 1e-5.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`, `activity_regularizer`: see
        `Layer`.

    Attributes
    ----------
    gamma, beta : ndarray of shape (features,), or None
        Scale and shift.
    moving_mean, moving_variance : ndarray of shape (features,)
        Running averages.
    moving_count : ndarray of shape (), or None
        How many batches are in them, where all count alike.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch normalization: Accelerating deep network training by
       reducing internal covariate shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> layer = BatchNormalization(epsilon=1e-12)
    >>> layer(np.array([[1.0], [3.0]]), training=True)
    array([[-1.],
           [ 1.]], dtype=float32)
    >>> layer.moving_mean
    array([0.02], dtype=float32)
    """

    gamma: Weight = Weight("Scale of shape (features,), or None.")
    beta: Weight = Weight("Shift of shape (features,), or None.")
    moving_mean: Weight = Weight("Running mean of shape (features,).")
    moving_variance: Weight = Weight("Running variance of shape (features,).")
    moving_count: Weight = Weight("Batches in the running averages, of shape (), or None.")
    beta_initializer: "Option[Initializer, InitializerLike]"
    gamma_initializer: "Option[Initializer, InitializerLike]"
    moving_mean_initializer: "Option[Initializer, InitializerLike]"
    moving_variance_initializer: "Option[Initializer, InitializerLike]"
    if TYPE_CHECKING:
        beta_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
        gamma_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
        beta_constraint: "Option[Constraint | None, ConstraintLike | None]"
        gamma_constraint: "Option[Constraint | None, ConstraintLike | None]"
    else:  # of layers that were pickled before
        beta_regularizer = gamma_regularizer = None
        beta_constraint = gamma_constraint = None

    _options: ClassVar[Mapping[str, Any]] = {
        "axis": _axis,
        "momentum": _momentum,
        "convention": _convention,
        "epsilon": partial(_checks.number, above=0.0),
        "center": _checks.flag,
        "scale": _checks.flag,
        "beta_initializer": initializer_option,
        "gamma_initializer": initializer_option,
        "moving_mean_initializer": initializer_option,
        "moving_variance_initializer": initializer_option,
        "beta_regularizer": regularizer_option,
        "gamma_regularizer": regularizer_option,
        "beta_constraint": constraint_option,
        "gamma_constraint": constraint_option,
    }
    kind = "batch_normalization"
    convention: Literal["keras", "torch"] = "keras"  # of pickles that do not say it
    _by_mode = True
    _not_settings = ("axis", "convention")
    _fixed = ("axis", "center", "scale", "convention")

    def __init__(
        self,
        axis: int = -1,
        momentum: float | None = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: "InitializerLike" = "zeros",
        gamma_initializer: "InitializerLike" = "ones",
        moving_mean_initializer: "InitializerLike" = "zeros",
        moving_variance_initializer: "InitializerLike" = "ones",
        *,
        beta_regularizer: "RegularizerLike | None" = None,
        gamma_regularizer: "RegularizerLike | None" = None,
        beta_constraint: "ConstraintLike | None" = None,
        gamma_constraint: "ConstraintLike | None" = None,
        convention: Literal["keras", "torch"] = "keras",
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.axis = axis
        self.convention = convention
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = beta_initializer
        self.gamma_initializer = gamma_initializer
        self.moving_mean_initializer = moving_mean_initializer
        self.moving_variance_initializer = moving_variance_initializer
        self.beta_regularizer = beta_regularizer
        self.gamma_regularizer = gamma_regularizer
        self.beta_constraint = beta_constraint
        self.gamma_constraint = gamma_constraint
        super().__init__(**kwargs)
        if momentum is None and convention == "keras":
            raise ValueError(
                "momentum: expected a number, or None with convention='torch', found None"
            )

    def _check_change(self, name: str, value: Any) -> None:
        super()._check_change(name, value)
        built = self.__dict__.get("_network") is not None
        if name == "momentum" and built and (value is None) != (self.momentum is None):
            raise ValueError(
                f"momentum: expected {'None' if self.momentum is None else 'a number'}, as layer "
                f"{self.name!r} was built with, found {_checks.found(value)}"
            )

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core, with Keras's momentum."""
        settings = super().settings()
        if self.convention == "torch":
            momentum = self.momentum
            settings["momentum"] = 0.0 if momentum is None else 1.0 - momentum
            settings |= {"unbiased": True, "cumulative": momentum is None}
        return settings

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make an equal layer, the convention if it is torch's."""
        config = super().get_config()
        if self.convention == "keras":
            del config["convention"]
        return config

    def _initializer_of(self, role: str) -> "Initializer":
        """Return the initializer of the array called `role`; batches are counted from 0."""
        counts = str(role) == "moving_count"
        return initializers.get("zeros") if counts else super()._initializer_of(role)

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Refuse shapes whose last axis is not `axis`.

        Parameters
        ----------
        shape : tuple of int
            Shape of one sample.
        """
        if self.axis not in (-1, len(shape)):
            raise ShapeError(
                f"axis: expected -1 or {len(shape)}, the last one of "
                f"(batch, {', '.join(map(str, shape))}), found {self.axis} in layer {self.name!r}"
            )
