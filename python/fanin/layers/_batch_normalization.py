"""Batch normalization."""

from typing import Any

from fanin import _checks, initializers
from fanin.errors import ShapeError
from fanin.layers._arrays import Weight
from fanin.layers._base import Layer


class BatchNormalization(Layer):
    """Normalize each feature, ``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`` [1]_.

    In training, mean and (biased) variance are those of the batch, and the running averages move:
    ``moving = momentum * moving + (1 - momentum) * batch`` (Keras's meaning of momentum; torch's is
    one minus it). Otherwise, or with ``trainable=False``, the running averages normalize. For n
    features there are 2n trainable parameters (gamma, beta) and 2n others (the averages).

    Parameters
    ----------
    axis : int, default -1
        The feature axis; only the last is supported.
    momentum : float, default 0.99
        Share of the running averages that stays at each batch.
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
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Attributes
    ----------
    gamma, beta : ndarray of shape (features,), or None
        Scale and shift.
    moving_mean, moving_variance : ndarray of shape (features,)
        Running averages.

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

    gamma = Weight("Scale of shape (features,), or None.")
    beta = Weight("Shift of shape (features,), or None.")
    moving_mean = Weight("Running mean of shape (features,).")
    moving_variance = Weight("Running variance of shape (features,).")

    _config_fields = (
        "axis",
        "momentum",
        "epsilon",
        "center",
        "scale",
        "beta_initializer",
        "gamma_initializer",
        "moving_mean_initializer",
        "moving_variance_initializer",
    )

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        if isinstance(axis, list | tuple) and len(axis) == 1:
            axis = axis[0]
        self.axis = _checks.integer("axis", axis, minimum=-1)
        self.momentum = _checks.number("momentum", momentum, at_least=0.0, at_most=1.0)
        self.epsilon = _checks.number("epsilon", epsilon, above=0.0)
        self.center = _checks.flag("center", center)
        self.scale = _checks.flag("scale", scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        super().__init__(**kwargs)

    def settings(self) -> dict[str, Any]:
        """Return what the core is told about this layer.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        return {
            "kind": "batch_normalization",
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "trainable": bool(self.trainable),
        }

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Refuse shapes whose last axis is not `axis`.

        Parameters
        ----------
        shape : tuple of int
            Shape of one sample.
        """
        if self.axis not in (-1, len(shape)):
            raise ShapeError(
                f"layer {self.name!r} normalizes the last axis only, and axis={self.axis} is not "
                f"the last of (batch, {', '.join(map(str, shape))})"
            )
