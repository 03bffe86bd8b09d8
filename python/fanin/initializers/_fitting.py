"""An initializer made to fit one parameter of a model: its fans, and torch's order of drawing."""

import copy
from typing import TYPE_CHECKING, TypeVar

from fanin.initializers._base import Array, Initializer
from fanin.initializers._fans import FanOptions, FanRule
from fanin.initializers._orthogonal import Orthogonal
from fanin.initializers._presets import SklearnDefault, TorchDefault
from fanin.initializers._random import RandomNormal, RandomUniform
from fanin.initializers._structured import Dirac, Sparse
from fanin.initializers._variance_scaling import VarianceScaling
from fanin.random import RandomSource, resolve
from fanin.streams import TorchCpu

if TYPE_CHECKING:
    from fanin.foreign import Layer, Parameter

Kind = TypeVar("Kind", bound=VarianceScaling)

# What draws the same numbers whatever its axes mean, so that those may be torch's.
_ANY_LAYOUT = (VarianceScaling, RandomUniform, RandomNormal, Orthogonal, Sparse)


def drawn_for(
    layer: "Layer",
    parameter: "Parameter",
    initializer: Initializer,
    source: RandomSource,
    path: str,
) -> Array:
    """Return the values of a parameter, in fanin's layout."""
    # Frameworks round to bfloat16 themselves: NumPy does not have it.
    dtype = "float32" if parameter.dtype == "bfloat16" else parameter.dtype
    if _is_torchs_kernel(parameter, initializer, source):
        # (outputs, inputs, spatial...) in torch.
        theirs = (*parameter.shape[:-3:-1], *parameter.shape[:-2])
        values = _as_in_torch(initializer).for_parameter(theirs, dtype, source, path=path)
        return values.transpose(*range(2, values.ndim), 1, 0)
    fitted = _fitted(layer, parameter, initializer)
    return fitted.for_parameter(parameter.shape, dtype, source, path=path)


def _is_torchs_kernel(
    parameter: "Parameter", initializer: Initializer, source: RandomSource
) -> bool:
    """Whether torch would draw these numbers, in its own layout."""
    if parameter.role != "kernel" or "in_axis" in parameter.fans:
        return False
    if not isinstance(initializer, _ANY_LAYOUT):
        return False
    return isinstance(source if initializer.seed is None else resolve(initializer.seed), TorchCpu)


def _as_in_torch(initializer: Initializer) -> Initializer:
    if isinstance(initializer, Orthogonal):
        made = copy.copy(initializer)
        made.flatten = "trailing"
        return made
    if isinstance(initializer, VarianceScaling):
        # Torch counts groups and transposed kernels as if they were neither.
        return _counting(initializer, FanOptions(in_axis=1, out_axis=0))
    return initializer


def _fitted(layer: "Layer", parameter: "Parameter", initializer: Initializer) -> Initializer:
    """Return the initializer for the fans of this parameter."""
    if isinstance(initializer, Dirac) and initializer.groups == 1:
        return Dirac(parameter.fans.get("groups", 1))
    if not isinstance(initializer, VarianceScaling):
        return initializer
    if parameter.role == "bias":
        return _beside_kernel(layer, initializer)
    return _counting(initializer, parameter.fans)


def _beside_kernel(layer: "Layer", initializer: VarianceScaling) -> Initializer:
    """Return the initializer for a bias; two are defined by the fans of the kernel next to it."""
    kernel = next((p for role, p in layer.parameters.items() if role.endswith("kernel")), None)
    if kernel is None or not isinstance(initializer, TorchDefault | SklearnDefault):
        return initializer
    fan_in, fan_out = FanRule.of(**kernel.fans).fans(kernel.shape)
    return _counting(initializer, FanOptions(fan_in=fan_in, fan_out=fan_out))


def _counting(initializer: Kind, fans: FanOptions) -> Kind:
    """Return the initializer with these fans, unless it was told others."""
    if initializer._rule.config() or not fans:
        return initializer
    made = copy.copy(initializer)
    made._rule = FanRule.of(**fans)
    return made
