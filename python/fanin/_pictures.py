"""What the pictures of this package share."""

from typing import TYPE_CHECKING, Any

from fanin import _optional
from fanin._checks import found

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    """Whether matplotlib is installed, and new enough."""
    return _optional.lack("matplotlib") is None


def require_matplotlib() -> None:
    """Say how to install matplotlib if it is missing or too old.

    Raises
    ------
    ImportError
        If it is.
    """
    _optional.require("matplotlib")


def figure(fig: object, size: tuple[float, float]) -> "Figure":
    """Return the figure to draw into: the one that was given, or a new one.

    Parameters
    ----------
    fig : matplotlib.figure.Figure, SubFigure or None
        What was given.
    size : tuple of float
        Inches of a new one, which pyplot does not know of.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    TypeError
        If it is no figure.
    """
    from matplotlib.figure import Figure, FigureBase

    if fig is None:
        return Figure(figsize=size, layout="constrained")
    if not isinstance(fig, FigureBase):
        raise TypeError(f"fig: expected a matplotlib Figure or SubFigure, found {found(fig)}")
    return fig  # type: ignore[return-value]  # a subfigure will do
