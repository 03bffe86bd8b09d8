"""What the pictures of this package share."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fanin import _optional
from fanin._checks import found
from fanin.show.rendering import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8A8A8A")
"""Okabe and Ito's colours, told apart by all common kinds of colour vision; their yellow, which is
hard to see on white, and their black, which is hard to see on a dark page, are left out."""

_INK = "#010203"
_INLINE: dict[Any, Any] = {
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
    ),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
"""For pictures within a page: without background, text and axes in the colour of its text."""


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


def figure(fig: object, size: tuple[float, float], alt: str) -> "Figure":
    """Return the figure to draw into: the one that was given, or a new one.

    Parameters
    ----------
    fig : matplotlib.figure.Figure, SubFigure or None
        What was given.
    size : tuple of float
        Inches of a new one, which pyplot does not know of.
    alt : str
        What a new one shows, for who does not see it.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; a new one shows itself in a notebook.

    Raises
    ------
    TypeError
        If it is no figure.
    """
    from matplotlib.figure import FigureBase

    if fig is None:
        from fanin.show.picture import Picture

        return Picture(alt, figsize=size, layout="constrained")
    if not isinstance(fig, FigureBase):
        raise TypeError(f"fig: expected a matplotlib Figure or SubFigure, found {found(fig)}")
    return fig  # type: ignore[return-value]  # a subfigure will do


def inline_svg(draw: "Callable[[], Any]") -> str:
    """Draw a picture as an element of a page.

    Parameters
    ----------
    draw : callable
        Returns a new figure.

    Returns
    -------
    str
        An ``<svg>`` without background, with text and axes in the colour of the page's text, so
        that it suits light pages and dark ones.
    """
    from html import escape

    import matplotlib as mpl

    with mpl.rc_context(_INLINE):
        fig = draw()
    image = render(fig, "svg", _INLINE | {"svg.fonttype": "none"}).decode()
    image = image[image.index("<svg") :].replace(_INK, "currentColor")
    # What matplotlib writes about itself, and a style that would be that of the whole page.
    image = re.sub(r"\s*<metadata>.*?</metadata>", "", image, flags=re.DOTALL)
    image = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", image, flags=re.DOTALL)
    named = f'<svg role="img" aria-label="{escape(fig.alt)}" '
    return image.replace(
        "<svg ", f'{named}style="stroke-linejoin: round; stroke-linecap: butt" ', 1
    )
