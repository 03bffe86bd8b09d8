"""Which initializer suits an activation, and what is known to go wrong with others, in words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fanin.initializers._facts import Facts

if TYPE_CHECKING:
    from fanin.typing import NonlinearityLike

SUITABLE: Mapping[str, tuple[str, ...]] = {
    "relu": ("he_normal",),
    "leaky_relu": ("he_normal",),
    "tanh": ("glorot_normal",),
    "selu": ("lecun_normal",),
    "linear": ("orthogonal", "lecun_normal"),
    "softmax": ("glorot_uniform",),
}
"""Initializers that are known to suit an activation, the usual one last; of others theory tells."""

# Activations of which the same is known to go wrong.
_SATURATING = ("tanh", "sigmoid", "softsign")
RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu")
_OUTPUTS = ("softmax",)
# Where these follow, the second moment should be kept closely: nothing pulls it back.
_SCALE_FREE = (*RECTIFIERS, "linear", "selu", "mish", "relu6")


@dataclass(frozen=True)
class Following:
    """An activation behind the layer."""

    name: str | None
    passed: float
    """E[φ(z)²] for z ~ N(0, 1), the share of the second moment that it passes on; NaN: unknown."""


def describe_activation(activation: "NonlinearityLike | None") -> Following | None:
    """Return what is known of an activation: a name, or any function of an array."""
    # Late, and only here: the theory needs more than initializers do.
    from fanin import activations
    from fanin.theory.gains import mean_square
    from fanin.theory.nonlinearity import resolve

    if activation is None:
        return None
    try:
        function: Any = activations.get(activation)  # type: ignore[arg-type]  # which refuses some
    except (TypeError, ValueError):
        function = activation
    function = getattr(function, "func", function)
    name = activation if isinstance(activation, str) else getattr(function, "__name__", None)
    if name in _OUTPUTS:
        return Following(name, math.nan)
    phi = resolve(activation)
    try:
        passed = mean_square(phi)
    except ValueError:  # it grows too fast, say
        passed = math.nan
    names = {"swish": "silu"}
    known = phi.name if isinstance(activation, str) or hasattr(activations, phi.name) else None
    return Following(names.get(known, known) if known else None, passed)


def find_warnings(
    initializer: Any, facts: Facts, fan_in: float, ndim: int, activation: Following | None
) -> tuple[str, ...]:
    """Return what does not fit, most serious first."""
    if ndim < 2:
        return ()
    if facts.tied:
        return (_warn_of_ties(facts, activation.name if activation else None),)
    if activation is None or math.isnan(activation.passed):
        return ()
    family = type(initializer).__name__.removesuffix("Normal").removesuffix("Uniform")
    kind = _kind(activation.name) or ""
    reason = _REASONS.get((family, kind))
    if reason and _is_usual(initializer):
        return (f"{reason} Use {_USE[kind]}.",)
    return _warn_by_variance(facts, fan_in, activation)


def _is_usual(initializer: Any) -> bool:
    """Whether its variance is the one that its name stands for."""
    usual = type(initializer)()
    names = ("mode", "negative_slope")
    return all(getattr(initializer, n, None) == getattr(usual, n, None) for n in names)


def _kind(activation: str | None) -> str | None:
    if activation in _SATURATING:
        return "saturating"
    return "rectifier" if activation in RECTIFIERS else activation


_USE = {
    "rectifier": "HeNormal or HeUniform",
    "saturating": "GlorotUniform or GlorotNormal",
    "selu": "LecunNormal",
    "linear": "LecunNormal or GlorotUniform",
}
_REASONS = {
    ("Glorot", "rectifier"): (
        "Glorot's variance 2/(fan_in + fan_out) was derived for activations that are linear around "
        "0; a rectifier passes about half of the second moment on, so the signal halves with each "
        "layer."
    ),
    ("Lecun", "rectifier"): (
        "The variance 1/fan_in keeps linear and SELU layers; a rectifier passes about half of the "
        "second moment on, so the signal halves with each layer."
    ),
    ("He", "saturating"): (
        "He's variance 2/fan_in makes up for the half that a ReLU cuts off; this activation cuts "
        "nothing off, and twice the variance pushes it towards saturation."
    ),
    ("He", "selu"): (
        "SELU normalizes itself for weights of variance 1/fan_in; He's is twice that."
    ),
    ("Glorot", "selu"): (
        "SELU normalizes itself for weights of variance 1/fan_in; Glorot's is that only where "
        "fan_in equals fan_out."
    ),
    ("He", "linear"): (
        "He's variance 2/fan_in makes up for the half that a ReLU cuts off; a linear layer doubles "
        "the second moment with it."
    ),
    ("TorchDefault", "rectifier"): (
        "torch's default has variance 1/(3 fan_in), a sixth of what a ReLU needs: each layer "
        "leaves about a sixth of the second moment."
    ),
}


def _warn_of_ties(facts: Facts, activation: str | None) -> str:
    equal = "All units of the layer are equal, get equal gradients and stay equal"
    if facts.variance == 0 and facts.mean == 0:
        dead = "; with ReLU nothing is learned at all" if activation == "relu" else ""
        return f"{equal}{dead}. Zeros are for biases; use a random initializer for weights."
    return f"{equal}. Use a random initializer for weights."


def _warn_by_variance(facts: Facts, fan_in: float, activation: Following) -> tuple[str, ...]:
    """Warn if the second moment is far from kept, from one hidden layer to the next."""
    name = activation.name
    factor = (facts.variance + facts.mean**2) * fan_in * activation.passed
    band = 1.8 if name in _SCALE_FREE else 4.0
    if 1 / band <= factor <= band or fan_in == 0 or math.isnan(factor):
        return ()
    end = "vanishes" if factor < 1 else "saturates" if name in _SATURATING else "explodes"
    problem = (
        f"The second moment is multiplied by {factor:.3g} where the signal has unit scale, so it "
        f"{end} with depth."
    )
    if activation.passed == 0:
        return (problem,)
    wanted = math.sqrt(1 / (fan_in * activation.passed))
    remedy = f"A std of {wanted:.3g} would keep it for {name or 'this activation'} and this fan_in."
    return (f"{problem} {remedy}",)
