"""A network as theory sees it: a row of steps."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fanin import _checks, activations
from fanin import layers as _layers
from fanin.show.results import Result
from fanin.theory.laws import WeightLaw
from fanin.theory.nonlinearity import Nonlinearity, resolve

if TYPE_CHECKING:
    from fanin.layers import Layer
    from fanin.models._layered import Layered

_NO_BIAS = WeightLaw(0.0, 0.0)


@dataclass(frozen=True, repr=False)
class DenseStep(Result):
    """``z = x @ W + b``.

    Parameters
    ----------
    fan_in, units : int
        Shape of the weights.
    kernel, bias : WeightLaw
        How they are drawn.
    """

    fan_in: int
    units: int
    kernel: WeightLaw
    bias: WeightLaw = _NO_BIAS


@dataclass(frozen=True, repr=False)
class ActivationStep(Result):
    """A function of each unit; None stands for softmax."""

    function: Nonlinearity | None


@dataclass(frozen=True, repr=False)
class BatchNormStep(Result):
    """Batch normalization with γ = 1, β = 0 and fresh running averages."""

    epsilon: float


@dataclass(frozen=True, repr=False)
class RowNormStep(Result):
    """Layer normalization with γ = 1, β = 0; or, not `centred`, that by the root mean square."""

    epsilon: float
    centred: bool = True


@dataclass(frozen=True, repr=False)
class DropoutStep(Result):
    """Dropout of a share `rate`."""

    rate: float


@dataclass(frozen=True, repr=False)
class OtherStep(Result):
    """Something that theory has nothing to say about, and why."""

    reason: str


Step = DenseStep | ActivationStep | BatchNormStep | RowNormStep | DropoutStep | OtherStep


@dataclass(frozen=True, repr=False)
class LayerSteps(Result):
    """One layer of a network and the steps that it is made of.

    Parameters
    ----------
    name : str
        Name of the layer.
    steps : tuple of Step
        In order; none for a layer that only changes shapes.
    """

    name: str
    steps: tuple[Step, ...]


def read(
    network: "Layered | Iterable[Layer | LayerSteps]", features: int | None
) -> tuple[LayerSteps, ...]:
    """Read the steps off a network.

    Parameters
    ----------
    network : Sequential, or iterable of Layer or LayerSteps
        The network. Only its configuration is looked at, not its weights.
    features : int or None
        Number of features of a sample; needed unless the network is built.

    Returns
    -------
    tuple of LayerSteps

    Raises
    ------
    ValueError
        If the number of features is not known.
    """
    if not getattr(network, "chain", True):
        raise TypeError(
            "network: expected a Sequential or layers in a row, found a fanin.Model that branches; "
            "fanin.diagnose(model, x) predicts what it becomes of a batch"
        )
    found = []
    width = features
    if width is None:
        shape = getattr(network, "input_shape", None)
        width = math.prod(n for n in shape[1:] if n is not None) if shape else None
    # Of a model those that compute: a functional one lists its inputs too.
    listed = getattr(network, "computing", getattr(network, "layers", network))
    given = _checks.several(listed)
    if given is None:
        raise TypeError(f"network: expected a Sequential or layers, found {_checks.found(network)}")
    for layer in given:
        if isinstance(layer, LayerSteps):
            if not all(isinstance(step, Step) for step in layer.steps):
                raise TypeError(f"steps of {layer.name}: expected steps, found {layer.steps}")
            found.append(layer)
            continue
        if not isinstance(layer, _layers.Layer):
            raise TypeError(f"network: expected layers, found {_checks.found(layer)} among them")
        if isinstance(layer, _layers.Dense):
            if width is None:
                raise ValueError(
                    "features: expected a number for a network that is not built, found None"
                )
            found.append(LayerSteps(layer.name, _dense(layer, width)))
            width = layer.units
        elif not isinstance(layer, _layers.InputLayer):
            found.append(LayerSteps(getattr(layer, "name", "layer"), _other(layer)))
    return tuple(found)


def _dense(layer: Any, fan_in: int) -> tuple[Step, ...]:
    kernel = WeightLaw.of(layer._initializer_of("kernel"), (fan_in, layer.units))
    bias = _NO_BIAS
    if layer.use_bias:
        bias = WeightLaw.of(layer._initializer_of("bias"), (layer.units,))
    if not all(math.isfinite(law.variance) for law in (kernel, bias)):
        return (OtherStep("weights without a variance have no second moment to follow"),)
    dense = DenseStep(fan_in, layer.units, kernel, bias)
    return (dense, _activation(layer.activation))


def _other(layer: Any) -> tuple[Step, ...]:
    if isinstance(layer, _layers.Flatten | _layers.ActivityRegularization):
        return ()
    if isinstance(layer, _layers.Dropout):
        return (DropoutStep(layer.rate),)
    if isinstance(layer, _layers.BatchNormalization):
        return (_batch_norm(layer),)
    if isinstance(layer, _layers.LayerNormalization | _layers.RMSNormalization):
        return (_row_norm(layer),)
    if hasattr(layer, "activation_settings"):
        return (_activation(layer),)
    return (OtherStep(f"there is no formula for a layer of type {type(layer).__name__}"),)


def _batch_norm(layer: Any) -> Step:
    return _unless_set(layer, (layer.scale, layer.center), BatchNormStep(layer.epsilon))


def _row_norm(layer: Any) -> Step:
    if layer.axis not in (-1, (-1,), [-1]):
        return OtherStep(f"there is no formula for {type(layer).__name__} over several axes")
    if isinstance(layer, _layers.RMSNormalization):
        return _unless_set(layer, (True, False), RowNormStep(layer.epsilon, centred=False))
    return _unless_set(layer, (layer.scale, layer.center), RowNormStep(layer.epsilon))


def _unless_set(layer: Any, used: tuple[bool, bool], step: Step) -> Step:
    """Return a step of γ = 1 and β = 0, if they begin so."""
    for has, role, value in zip(used, ("gamma", "beta"), (1.0, 0.0), strict=True):
        if has and WeightLaw.of(layer._initializer_of(role), (2,)) != WeightLaw(value, 0.0):
            name = type(layer).__name__
            return OtherStep(f"there is no formula for {name} whose {role} is set")
    return step


def _activation(activation: Any) -> Step:
    kind = activations.settings(activation)["kind"]
    if kind == "softmax":
        return ActivationStep(None)
    if kind in activations.MIXING:
        return OtherStep(f"{kind} mixes the units of a layer")
    return ActivationStep(resolve(activation))
