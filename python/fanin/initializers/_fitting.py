"""An initializer made to fit one parameter of a model: its fans, and torch's order of drawing."""

import copy
from typing import TYPE_CHECKING, TypeVar

from fanin.frameworks._layout import from_out_in, to_out_in
from fanin.initializers._arguments import Array
from fanin.initializers._base import Initializer, RandomInitializer
from fanin.initializers._fans import FanOptions, FanRule
from fanin.initializers._orthogonal import Orthogonal
from fanin.initializers._presets import SklearnDefault, TorchDefault
from fanin.initializers._random import RandomNormal, RandomUniform
from fanin.initializers._structured import Dirac, Sparse
from fanin.initializers._variance_scaling import CountsFans, VarianceScaling
from fanin.random import RandomSource, resolve
from fanin.streams import Replay, TorchCpu

if TYPE_CHECKING:
    from fanin.frameworks import Layer, Parameter

Kind = TypeVar("Kind", bound=CountsFans)

# What draws the same numbers whatever its axes mean, so that those may be torch's.
_ANY_LAYOUT = (VarianceScaling, RandomUniform, RandomNormal, Orthogonal, Sparse)

# Torch counts groups and transposed kernels as if they were neither.
_TORCH = FanOptions(in_axis=1, out_axis=0)


def draw_for(
    layer: "Layer",
    parameter: "Parameter",
    initializer: Initializer,
    source: RandomSource,
    path: str,
) -> Array:
    """Return the values of a parameter, in fanin's layout."""
    # Frameworks round to bfloat16 themselves: NumPy does not have it.
    dtype = "float32" if parameter.dtype == "bfloat16" else parameter.dtype
    own = initializer.seed if isinstance(initializer, RandomInitializer) else None
    numbers = source if own is None else resolve(own)
    if isinstance(numbers, Replay) and parameter.dtype == "bfloat16":
        raise TypeError(
            "rng: expected one of fanin's or NumPy's, since other frameworks' numbers are replayed "
            f"in float32 and float64, not bfloat16, found {numbers!r}"
        )
    in_torch = isinstance(numbers, TorchCpu)
    if in_torch and _is_torch_kernel(parameter) and isinstance(initializer, _ANY_LAYOUT):
        ordered = _order_as_torch(initializer)
        values = ordered.for_parameter(to_out_in(parameter.shape), dtype, source, path=path)
        return values.transpose(from_out_in(values.ndim))
    fitted = _fit(layer, parameter, initializer, in_torch)
    return fitted.for_parameter(parameter.shape, dtype, source, path=path)


def _is_torch_kernel(parameter: "Parameter") -> bool:
    """Whether torch has such a kernel, which only its layout tells from ours."""
    return parameter.role == "kernel" and "in_axis" not in parameter.fans


def _order_as_torch(initializer: Initializer) -> Initializer:
    if isinstance(initializer, Orthogonal):
        trailing = copy.copy(initializer)
        trailing.flatten = "trailing"
        return trailing
    if isinstance(initializer, VarianceScaling):
        return _with_fans(initializer, _TORCH)
    return initializer


def _fit(
    layer: "Layer", parameter: "Parameter", initializer: Initializer, in_torch: bool
) -> Initializer:
    """Return the initializer for the fans of this parameter."""
    if isinstance(initializer, Dirac) and initializer.groups == 1:
        return Dirac(parameter.fans.get("groups", 1))
    if isinstance(initializer, Orthogonal) and _is_torch_kernel(parameter):
        # torch's rows, flattened, are the columns of our layout.
        leading = copy.copy(initializer)
        leading.flatten = "leading"
        return leading
    if not isinstance(initializer, CountsFans):
        return initializer
    if parameter.role == "bias":
        return _fit_bias(layer, initializer, in_torch)
    return _with_fans(initializer, parameter.fans)


def _fit_bias(layer: "Layer", initializer: CountsFans, in_torch: bool) -> Initializer:
    """Return the initializer for a bias; two are defined by the fans of the kernel next to it."""
    kernel = next((p for role, p in layer.parameters.items() if role.endswith("kernel")), None)
    if kernel is None or not isinstance(initializer, TorchDefault | SklearnDefault):
        return initializer
    if in_torch and _is_torch_kernel(kernel):
        fans = FanRule.of(**_TORCH).fans(to_out_in(kernel.shape))
    else:
        fans = FanRule.of(**kernel.fans).fans(kernel.shape)
    return _with_fans(initializer, FanOptions(fan_in=fans[0], fan_out=fans[1]))


def _with_fans(initializer: Kind, fans: FanOptions) -> Kind:
    """Return the initializer with these fans, unless it was told others."""
    if initializer._rule != FanRule() or not fans:
        return initializer
    counting = copy.copy(initializer)
    counting._rule = FanRule.of(**fans)
    return counting
