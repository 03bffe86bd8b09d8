"""torch's gains by name, and fans in torch's layout."""

import math

from fanin._checks import found
from fanin.initializers._gains import TORCH_GAINS, TORCH_SLOPE, torch_gain


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return torch's recommended gain; `fanin.gain` derives gains for any activation instead.

    Parameters
    ----------
    nonlinearity : str
        ``"linear"``, ``"conv1d"`` to ``"conv_transpose3d"``, ``"sigmoid"``, ``"tanh"``, ``"relu"``,
        ``"leaky_relu"`` or ``"selu"``.
    param : float, optional
        The negative slope of ``"leaky_relu"``; 0.01 unless given.

    Returns
    -------
    float
        1 for linear ones and sigmoid, 5/3 for tanh, sqrt 2 for ReLU, sqrt(2 / (1 + slope²)) for
        leaky ReLU, 3/4 for SELU.

    Raises
    ------
    ValueError
        If `nonlinearity` is not one of these, or `param` not a number.

    Examples
    --------
    >>> calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if not isinstance(nonlinearity, str) or nonlinearity not in TORCH_GAINS:
        raise ValueError(f"Unsupported nonlinearity {_plain(nonlinearity)}")
    try:
        return torch_gain(nonlinearity, TORCH_SLOPE if param is None else param)
    except (TypeError, ValueError):
        raise ValueError(f"negative_slope {_plain(param)} not a valid number") from None


def _plain(value: object) -> str:
    """Return what torch's messages call a value: a text as it is, the rest as ours do."""
    return value if isinstance(value, str) else found(value)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return fan_in and fan_out of ``(out, in, ...)``."""
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    receptive = math.prod(shape[2:])
    return shape[1] * receptive, shape[0] * receptive


def fan(shape: tuple[int, ...], mode: str) -> int:
    """Return the fan that `mode` names."""
    if not isinstance(mode, str):
        raise TypeError(f"mode: expected 'fan_in' or 'fan_out', found {found(mode)}")
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of {modes}")
    return fans(shape)[modes.index(mode.lower())]
