"""Figures as bytes."""

import io
from typing import TYPE_CHECKING, Any

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

DPI = 160
"""Dots per inch of what is written; notebooks show it at half the size, sharp on any screen."""


def render(fig: "Figure", kind: str, style: dict[Any, Any] | None = None) -> bytes:
    """Draw a figure into bytes.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The figure.
    kind : str
        The format.
    style : dict, optional
        Further settings of matplotlib's.

    Returns
    -------
    bytes
        The file's content.
    """
    import matplotlib as mpl

    stream = io.BytesIO()
    # Without the date, the same result gives the same bytes.
    metadata = {"Date": None} if kind == "svg" else None
    with mpl.rc_context(STYLE | (style or {})):
        fig.savefig(stream, format=kind, dpi=DPI, metadata=metadata)
    return stream.getvalue()
