"""The gains that are told without theory: He's for rectifiers, and torch's table."""

import math
from functools import partial

from fanin._checks import number

# Beyond these bounds the square is infinite, and the scale 0.
slope_option = partial(number, at_least=-1e150, at_most=1e150)
"""Return the slope of a rectifier below 0."""

TORCH_SLOPE = 0.01
"""The slope of torch's leaky ReLU where none is given."""


def rectifier_scale(negative_slope: float) -> float:
    """Return what times 1 / fan is He's variance: the squared gain of a rectifier.

    Examples
    --------
    >>> rectifier_scale(0.0), rectifier_scale(1.0)
    (2.0, 1.0)
    """
    return 2.0 / (1.0 + negative_slope * negative_slope)


_LINEAR = ("linear", *(f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)))

TORCH_GAINS = {
    **dict.fromkeys((*_LINEAR, "sigmoid"), 1.0),
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(rectifier_scale(0.0)),
    "leaky_relu": math.sqrt(rectifier_scale(TORCH_SLOPE)),
    "selu": 0.75,
}
"""What ``torch.nn.init.calculate_gain`` returns for a name alone."""


def torch_gain(name: str, negative_slope: object = TORCH_SLOPE) -> float:
    """Return what torch's ``calculate_gain`` returns; only leaky ReLU has a slope.

    Parameters
    ----------
    name : str
        One of `TORCH_GAINS`.
    negative_slope : float, optional
        The slope; torch passes over that of the others.

    Returns
    -------
    float
        The gain.

    Examples
    --------
    >>> torch_gain("relu", 0.5) == math.sqrt(2), torch_gain("leaky_relu", 1.0)
    (True, 1.0)
    """
    if name == "leaky_relu":
        return math.sqrt(rectifier_scale(slope_option("negative_slope", negative_slope)))
    return TORCH_GAINS[name]
