"""Activations as layers of their own."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from fanin import _checks, activations
from fanin.activations._functions import relu_settings
from fanin.layers._base import Layer
from fanin.layers._options import activation_option

if TYPE_CHECKING:
    from fanin._members._member import Option
    from fanin.typing import ActivationFunction, ActivationLike, LayerArguments


def _rectifier_option(name: str, value: Any) -> Any:
    relu_settings(**{name: value})
    return value


def _last_axis(name: str, value: Any) -> Any:
    if _checks.integer(name, value) != -1:
        raise ValueError(f"{name}: expected -1, the last axis, found {_checks.found(value)}")
    return value


class _Elementwise(Layer):
    """A layer that is nothing but an activation."""

    def activation_settings(self) -> dict[str, object]:
        """Return the settings of the activation for the core.

        Returns
        -------
        dict
            ``kind`` and the options.
        """
        return super().settings()

    def settings(self) -> dict[str, object]:
        """Return the settings of this layer for the core: its activation's."""
        activation = {"activation": self.activation_settings()}
        return {"kind": "activation", **activation, **self._demands()}


class Activation(_Elementwise):
    """Apply an activation.

    Parameters
    ----------
    activation : str or callable
        One of `fanin.activations`.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Activation("relu")(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)
    """

    activation: "Option[ActivationFunction, ActivationLike | None]"

    _options: ClassVar[Mapping[str, Any]] = {"activation": activation_option}

    def __init__(
        self, activation: "ActivationLike | None", **kwargs: "Unpack[LayerArguments]"
    ) -> None:
        self.activation = activation
        super().__init__(**kwargs)

    def activation_settings(self) -> dict[str, object]:
        """Return the settings of the function for the core."""
        return activations.settings(self.activation)


class Identity(_Elementwise):
    """Hand the inputs on as they are.

    Parameters
    ----------
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Identity()(np.array([[-1.0, 2.0]]))
    array([[-1.,  2.]], dtype=float32)
    """

    kind = "linear"

    def __init__(self, **kwargs: "Unpack[LayerArguments]") -> None:
        super().__init__(**kwargs)


class ReLU(_Elementwise):
    """Rectified linear unit as a layer; see `fanin.activations.relu`.

    Parameters
    ----------
    max_value : float, optional
        The largest value.
    negative_slope : float, default 0.0
        Slope below the threshold.
    threshold : float, default 0.0
        What becomes 0, or less, begins there.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> ReLU()(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)
    """

    _options: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("max_value", "negative_slope", "threshold"), _rectifier_option
    )

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.max_value: float | None = max_value
        self.negative_slope: float = negative_slope
        self.threshold: float = threshold
        super().__init__(**kwargs)

    def activation_settings(self) -> dict[str, object]:
        """Return the settings for the core: of a leaky one where there is a slope."""
        return relu_settings(self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_Elementwise):
    """Leaky rectified linear unit as a layer; see `fanin.activations.leaky_relu`.

    Parameters
    ----------
    negative_slope : float, default 0.3
        Slope for negative values.
    alpha : float, optional
        Former name of `negative_slope`.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> LeakyReLU(0.5)(np.array([[-1.0, 2.0]]))
    array([[-0.5,  2. ]], dtype=float32)
    """

    kind = "leaky_relu"
    _left_out = ("alpha",)
    _options: ClassVar[Mapping[str, Any]] = {
        "negative_slope": partial(_checks.number, at_least=0.0)
    }

    def __init__(
        self,
        negative_slope: float = 0.3,
        *,
        alpha: float | None = None,
        **kwargs: "Unpack[LayerArguments]",
    ) -> None:
        self.negative_slope: float = negative_slope if alpha is None else alpha
        super().__init__(**kwargs)


class ELU(_Elementwise):
    """Exponential linear unit as a layer; see `fanin.activations.elu`.

    Parameters
    ----------
    alpha : float, default 1.0
        Minus the limit for large negative values.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> ELU()(np.array([[0.0, 2.0]]))
    array([[0., 2.]], dtype=float32)
    """

    kind = "elu"
    _options: ClassVar[Mapping[str, Any]] = {"alpha": partial(_checks.number, at_least=0.0)}

    def __init__(self, alpha: float = 1.0, **kwargs: "Unpack[LayerArguments]") -> None:
        self.alpha = alpha
        super().__init__(**kwargs)


class Softmax(_Elementwise):
    """Softmax over the last axis as a layer; see `fanin.activations.softmax`.

    Parameters
    ----------
    axis : -1
        The axis that sums to one; only the last is supported.
    **kwargs
        `name`, `dtype`, `trainable`, `input_shape`, `input_dim`: see `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> Softmax()(np.array([[1.0, 1.0]]))
    array([[0.5, 0.5]], dtype=float32)
    """

    kind = "softmax"
    _not_settings = ("axis",)
    _options: ClassVar[Mapping[str, Any]] = {"axis": _last_axis}

    def __init__(self, axis: int = -1, **kwargs: "Unpack[LayerArguments]") -> None:
        self.axis = axis
        super().__init__(**kwargs)


def of_value(activation: Mapping[str, Any], x: Any) -> Any:
    """Return what an activation with these settings makes of a value."""
    kind, options = str(activation["kind"]), dict(activation)
    del options["kind"]
    made: dict[str, type[_Elementwise]] = {"leaky_relu": LeakyReLU, "elu": ELU, "rectifier": ReLU}
    if kind in made:
        return made[kind](**options)(x)
    return Activation(activations.of_settings(activation))(x)
