"""What the pictures of this package share."""

from importlib.util import find_spec
from typing import Any

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "fanin",
}
"""matplotlib's settings."""


def has_matplotlib() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def require_matplotlib() -> None:
    """Say how to install matplotlib if it is missing.

    Raises
    ------
    ImportError
        If it is.
    """
    if not has_matplotlib():
        raise ImportError('pictures need matplotlib: pip install "fanin[plot]"')
