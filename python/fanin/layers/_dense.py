"""The fully connected layer."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks, activations
from fanin.layers._arrays import Weight
from fanin.layers._base import Layer
from fanin.layers._options import (
    activation_option,
    constraint_option,
    initializer_option,
    regularizer_option,
)

if TYPE_CHECKING:
    from fanin._members._member import Option
    from fanin.constraints import Constraint
    from fanin.initializers import Initializer
    from fanin.regularizers import Regularizer
    from fanin.typing import (
        ActivationFunction,
        ActivationLike,
        ConstraintLike,
        InitializerLike,
        LayerArguments,
        RegularizerLike,
    )


class Dense(Layer):
    """Fully connected layer, ``y = activation(x @ kernel + bias)`` over the last axis.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str, callable or None, optional
        One of `fanin.activations`; None is linear.
    use_bias : bool, default True
        Whether there is a bias.
    kernel_initializer : str, dict or Initializer, default "glorot_uniform"
        How the kernel starts.
    bias_initializer : str, dict or Initializer, default "zeros"
        How the bias starts.
    kernel_regularizer : str, dict or Regularizer, optional
        Penalty on the kernel, which is part of the loss: see `fanin.regularizers`.
    bias_regularizer : str, dict or Regularizer, optional
        Penalty on the bias, which is part of the loss: see `fanin.regularizers`.
    kernel_constraint : str, dict or Constraint, optional
        Where the kernel is put back to after each step: see `fanin.constraints`.
    bias_constraint : str, dict or Constraint, optional
        Where the bias is put back to after each step: see `fanin.constraints`.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`, `activity_regularizer`: see
        `Layer`.

    Attributes
    ----------
    kernel : ndarray of shape (fan_in, units)
        Weights; a view of the network's parameters.
    bias : ndarray of shape (units,), or None
        Bias.

    Raises
    ------
    ValueError
        If `units` is not positive, or a name is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dense(2, activation="relu", kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0], [-1.0, -2.0]]))
    array([[3., 3.],
           [0., 0.]], dtype=float32)
    """

    kernel: Weight = Weight("Weights of shape (fan_in, units).")
    bias: Weight = Weight("Bias of shape (units,), or None.")
    activation: "Option[ActivationFunction, ActivationLike | None]"
    kernel_initializer: "Option[Initializer, InitializerLike]"
    bias_initializer: "Option[Initializer, InitializerLike]"
    if TYPE_CHECKING:
        kernel_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
        bias_regularizer: "Option[Regularizer | None, RegularizerLike | None]"
        kernel_constraint: "Option[Constraint | None, ConstraintLike | None]"
        bias_constraint: "Option[Constraint | None, ConstraintLike | None]"
    else:  # of layers that were pickled before
        kernel_regularizer = bias_regularizer = None
        kernel_constraint = bias_constraint = None

    kind = "dense"
    _fixed = ("units", "use_bias")
    _last = ("activation",)
    _options: ClassVar[Mapping[str, Any]] = {
        "units": partial(_checks.count, minimum=1),
        "activation": activation_option,
        "use_bias": _checks.flag,
        "kernel_initializer": initializer_option,
        "bias_initializer": initializer_option,
        "kernel_regularizer": regularizer_option,
        "bias_regularizer": regularizer_option,
        "kernel_constraint": constraint_option,
        "bias_constraint": constraint_option,
    }

    def __init__(
        self,
        units: int,
        activation: "ActivationLike | None" = None,
        use_bias: bool = True,
        kernel_initializer: "InitializerLike" = "glorot_uniform",
        bias_initializer: "InitializerLike" = "zeros",
        *,
        kernel_regularizer: "RegularizerLike | None" = None,
        bias_regularizer: "RegularizerLike | None" = None,
        kernel_constraint: "ConstraintLike | None" = None,
        bias_constraint: "ConstraintLike | None" = None,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.kernel_regularizer = kernel_regularizer
        self.bias_regularizer = bias_regularizer
        self.kernel_constraint = kernel_constraint
        self.bias_constraint = bias_constraint
        super().__init__(**kwargs)

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core; see `Layer.settings`."""
        return {**super().settings(), "activation": activations.settings(self.activation)}
