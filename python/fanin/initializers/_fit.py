"""Whether an initializer suits an activation: what is known to go wrong, in words."""

import math
from typing import Any

from fanin._names import unknown
from fanin.initializers._facts import Facts

# E[φ(z)²] for z ~ N(0, 1): a layer passes this share of the second moment on. By quadrature.
_PASSED = {
    "linear": 1.0,
    "relu": 0.5,
    "leaky_relu": 0.52,  # slope 0.2, Keras's default
    "elu": 0.644945,
    "selu": 1.0,
    "gelu": 0.425221,
    "silu": 0.355776,
    "sigmoid": 0.293379,
    "tanh": 0.394294,
    "softplus": 0.921246,
    "softsign": 0.183014,
}
_SATURATING = ("tanh", "sigmoid", "softsign")
_RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu")
_OUTPUTS = ("softmax",)


def activation_name(activation: object) -> str | None:
    """Return the name of a known activation, and None for functions that are not known."""
    from fanin import activations

    if activation is None:
        return None
    if isinstance(activation, str) and activation not in (*_PASSED, *_OUTPUTS, "swish"):
        raise unknown("activation", activation, (*_PASSED, *_OUTPUTS, "swish"))
    try:
        function: Any = activations.get(activation)
    except (TypeError, ValueError):
        return None
    function = getattr(function, "func", function)
    name = getattr(function, "__name__", None)
    name = "silu" if name == "swish" else name
    return name if name in (*_PASSED, *_OUTPUTS) else None


def warnings_for(
    initializer: str, facts: Facts, fan_in: float, ndim: int, activation: str | None
) -> tuple[str, ...]:
    """Return what does not fit, most serious first."""
    if ndim < 2:
        return ()
    if facts.tied:
        return (_tied(facts, activation),)
    if activation is None or activation in _OUTPUTS:
        return ()
    family = initializer.removesuffix("Normal").removesuffix("Uniform")
    known = _KNOWN.get((family, _kind(activation)))
    return (known,) if known else _by_variance(facts, fan_in, activation)


def _kind(activation: str) -> str:
    if activation in _SATURATING:
        return "saturating"
    return "rectifier" if activation in _RECTIFIERS else activation


_KNOWN = {
    ("Glorot", "rectifier"): (
        "Glorot's variance 2/(fan_in + fan_out) was derived for activations that are linear around "
        "0; a rectifier passes about half of the second moment on, so the signal halves with each "
        "layer. Use HeNormal or HeUniform."
    ),
    ("Lecun", "rectifier"): (
        "The variance 1/fan_in keeps linear and SELU layers; a rectifier passes about half of the "
        "second moment on, so the signal halves with each layer. Use HeNormal or HeUniform."
    ),
    ("He", "saturating"): (
        "He's variance 2/fan_in makes up for the half that a ReLU cuts off; this activation cuts "
        "nothing off, and twice the variance pushes it towards saturation. Use GlorotUniform or "
        "GlorotNormal."
    ),
    ("He", "selu"): (
        "SELU normalizes itself for weights of variance 1/fan_in; He's is twice that. Use "
        "LecunNormal."
    ),
    ("Glorot", "selu"): (
        "SELU normalizes itself for weights of variance 1/fan_in; Glorot's is that only where "
        "fan_in equals fan_out. Use LecunNormal."
    ),
    ("He", "linear"): (
        "He's variance 2/fan_in makes up for the half that a ReLU cuts off; a linear layer doubles "
        "the second moment with it. Use LecunNormal or GlorotUniform."
    ),
    ("TorchDefault", "rectifier"): (
        "torch's default has variance 1/(3 fan_in), a sixth of what a ReLU needs: each layer "
        "leaves about a sixth of the second moment. Use HeNormal or HeUniform."
    ),
}


def _tied(facts: Facts, activation: str | None) -> str:
    equal = "All units of the layer are equal, get equal gradients and stay equal"
    if facts.variance == 0 and facts.mean == 0:
        dead = "; with ReLU nothing is learned at all" if activation == "relu" else ""
        return f"{equal}{dead}. Zeros are for biases; use a random initializer for weights."
    return f"{equal}. Use a random initializer for weights."


def _by_variance(facts: Facts, fan_in: float, activation: str) -> tuple[str, ...]:
    """Warn if the second moment is far from kept, from one hidden layer to the next."""
    factor = (facts.variance + facts.mean**2) * fan_in * _PASSED[activation]
    if 0.25 <= factor <= 4.0 or fan_in == 0:
        return ()
    wanted = math.sqrt(1 / (fan_in * _PASSED[activation]))
    end = "vanishes" if factor < 1 else "saturates" if activation in _SATURATING else "explodes"
    return (
        f"The second moment is multiplied by {factor:.3g} where the signal has unit scale, so it "
        f"{end} with depth. A std of {wanted:.3g} would keep it for {activation} and this fan_in.",
    )
