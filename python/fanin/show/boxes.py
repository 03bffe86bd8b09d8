"""A graph of boxes with words in them, as SVG or as a matplotlib figure."""

import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from fanin.show.figures import PALETTE
from fanin.show.flow import Flow, Node, Point, lay_out

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIRECTIONS = ("TB", "BT", "LR", "RL")
"""From the top to the bottom, from the left to the right, and the other ways round."""

TITLE, LINE = 13.0, 11.0
"""Sizes of letters, in pixels."""
_PADDING = 11.0
_MARGIN = 14.0
_ARROW = 7.0
_FONTS = "DejaVu Sans, Verdana, Geneva, sans-serif"
_LIGHT, _DARK = ("#1b1f24", "#ffffff"), ("#e8eaed", "#15181c")
"""Ink and paper of a file."""

# Widths of letters of DejaVu Sans, which is as wide as fonts get, in thousandths of its size.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 290),
    **dict.fromkeys(" .,:;IJf/\\", 350),
    **dict.fromkeys("()[]{}rt-_`", 420),
    **dict.fromkeys('csvxyzkFLTEa?"*', 620),
    **dict.fromkeys("mwMWOQ@%NHDGU+=<>#~^", 870),
    "m": 980,
    "W": 990,
    "@": 1000,
    "\N{RIGHTWARDS ARROW}": 840,
}
_OTHERS, _WIDE = 690, 1000


@dataclass(eq=False)
class Box:
    """What a box says: a title, lines below it, and which colour of the palette it has."""

    title: str
    lines: tuple[str, ...] = ()
    hue: int | None = None


@dataclass(eq=False)
class Drawing:
    """Boxes with their places, and curves."""

    boxes: Sequence[Box]
    flow: Flow
    direction: str

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        along, across = self.flow.along + 2 * _MARGIN, self.flow.across + 2 * _MARGIN
        return (across, along) if self.direction in ("TB", "BT") else (along, across)

    def point(self, at: Point) -> tuple[float, float]:
        """Return where a point of the layout is: x to the right, y down."""
        along, across = at[0] + _MARGIN, at[1] + _MARGIN
        if self.direction in ("BT", "RL"):
            along = self.flow.along + 2 * _MARGIN - along
        return (across, along) if self.direction in ("TB", "BT") else (along, across)

    def corner(self, node: Node) -> tuple[float, float, float, float]:
        """Return x and y of the upper left corner of a box, its width and its height."""
        x, y = self.point(node.at)
        sides = node.across, node.along
        width, height = sides if self.direction in ("TB", "BT") else sides[::-1]
        return x - width / 2, y - height / 2, width, height

    def curve(self, edge: Sequence[Point]) -> list[tuple[str, list[tuple[float, float]]]]:
        """Return an edge as commands of a path: M, L and C with their points."""
        made: list[tuple[str, list[Point]]] = [("M", [edge[0]])]
        *inner, last = edge
        # The line ends where the arrow begins.
        ends = [*inner, (last[0] - _ARROW, last[1])]
        for i, (a, b) in enumerate(itertools.pairwise(ends)):
            half = (b[0] - a[0]) / 2
            if i % 2 == 0 or a[1] == b[1]:
                made.append(("L", [b]))
            else:
                made.append(("C", [(a[0] + half, a[1]), (b[0] - half, b[1]), b]))
        return [(command, [self.point(at) for at in points]) for command, points in made]

    def arrow(self, edge: Sequence[Point]) -> list[tuple[float, float]]:
        """Return the three corners of the arrow at the end of an edge."""
        along, across = edge[-1]
        back = along - _ARROW
        corners = ((along, across), (back, across - _ARROW / 2), (back, across + _ARROW / 2))
        return [self.point(at) for at in corners]


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a text is at most, in pixels, in any common font without serifs.

    Examples
    --------
    >>> text_width("il", 10) < text_width("mw", 10)
    True
    """
    wide = unicodedata.east_asian_width
    units = sum(_WIDE if wide(letter) in "WF" else _WIDTHS.get(letter, _OTHERS) for letter in text)
    return units / 1000 * size * (1.17 if bold else 1.0)


def draw(
    boxes: Sequence[Box],
    edges: Sequence[tuple[int, int]],
    starts: Sequence[int] = (),
    direction: str = "TB",
) -> Drawing:
    """Lay a graph of boxes out; see `flow.lay_out`."""
    sizes = []
    for box in boxes:
        widths = [text_width(box.title, TITLE, bold=True)]
        widths += [text_width(line, LINE) for line in box.lines]
        width = max(max(widths) + 2 * _PADDING, 64.0)
        height = 2 * _PADDING + TITLE + 1.5 * LINE * len(box.lines)
        sizes.append((height, width) if direction in ("TB", "BT") else (width, height))
    return Drawing(boxes, lay_out(sizes, edges, starts), direction)


def _words(drawing: Drawing) -> "list[tuple[float, float, str, bool]]":
    """Return all texts with the middle of their base lines, and whether they are titles."""
    found = []
    for box, node in zip(drawing.boxes, drawing.flow.boxes, strict=True):
        x, y, width, _ = drawing.corner(node)
        middle, base = x + width / 2, y + _PADDING + TITLE - 2
        found.append((middle, base, box.title, True))
        for i, line in enumerate(box.lines):
            found.append((middle, base + 1.5 * LINE * (i + 1), line, False))
    return found


def _clean(text: str) -> str:
    """Write a text for XML, which has no control characters."""
    return escape("".join(letter if letter.isprintable() else " " for letter in text))


def as_svg(drawing: Drawing, alt: str, *, alone: bool) -> str:
    """Write a drawing as an SVG element.

    Parameters
    ----------
    drawing : Drawing
        The drawing.
    alt : str
        What it shows, for who does not see it.
    alone : bool
        Whether it is a file, with ink and paper of its own, light or dark as its reader likes; or
        part of a page, without a background and in the colour of the page's text.

    Returns
    -------
    str
        The element. It refers to no other file and has no names that a page might have too.
    """
    width, height = drawing.size
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.2f} {height:.2f}" role="img" aria-label="{_clean(alt)}" '
        f'font-family="{_FONTS}" text-anchor="middle"'
    )
    parts = [head + ">"]
    if alone:
        (ink, paper), (pale, black) = _LIGHT, _DARK
        style = (
            f"svg{{color:{ink}}}.paper{{fill:{paper}}}@media (prefers-color-scheme:dark)"
            f"{{svg{{color:{pale}}}.paper{{fill:{black}}}}}"
        )
        parts = [
            f'{head} color="{ink}">',
            f"<style>{style}</style>",
            f'<rect class="paper" width="100%" height="100%" fill="{paper}"/>',
        ]
    parts.append(f"<title>{_clean(alt)}</title>")
    lines = (_path(drawing.curve(edge)) for edge in drawing.flow.edges)
    parts.append(
        '<g fill="none" stroke="currentColor" stroke-opacity="0.6" stroke-width="1.3">'
        + "".join(f'<path d="{line}"/>' for line in lines)
        + "</g>"
    )
    heads = (
        _path([("M", [tip]), ("L", [a]), ("L", [b])])
        for tip, a, b in map(drawing.arrow, drawing.flow.edges)
    )
    parts.append(
        '<g fill="currentColor" fill-opacity="0.75">'
        + "".join(f'<path d="{arrow}Z"/>' for arrow in heads)
        + "</g>"
    )
    for box, node in zip(drawing.boxes, drawing.flow.boxes, strict=True):
        x, y, wide, high = drawing.corner(node)
        colour, filled, drawn = _colours(box, "currentColor")
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="6" '
            f'fill="{colour}" fill-opacity="{filled:g}" stroke="{colour}" '
            f'stroke-opacity="{drawn:g}" stroke-width="1.2"/>'
        )
    for x, y, text, title in _words(drawing):
        look = f'font-size="{TITLE:g}" font-weight="600"' if title else f'font-size="{LINE:g}"'
        faint = "" if title else ' fill-opacity="0.85"'
        parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" {look} fill="currentColor"{faint}>{_clean(text)}</text>'
        )
    return "\n".join([*parts, "</svg>"])


def _colours(box: Box, ink: str) -> tuple[str, float, float]:
    """Return the colour of a box, and how much of it its inside and its border have."""
    return (ink, 0.06, 0.5) if box.hue is None else (PALETTE[box.hue], 0.16, 1.0)


def _path(commands: Sequence[tuple[str, list[tuple[float, float]]]]) -> str:
    return "".join(
        command + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) for command, points in commands
    )


def as_figure(drawing: Drawing, alt: str) -> "Figure":
    """Draw with matplotlib: 96 pixels are an inch."""
    from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
    from matplotlib.path import Path

    from fanin.show.picture import Picture

    width, height = drawing.size
    ink, paper = _LIGHT
    figure = Picture(alt, figsize=(width / 96, height / 96), facecolor=paper)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    codes = {"M": [Path.MOVETO], "L": [Path.LINETO], "C": [Path.CURVE4] * 3}
    for edge in drawing.flow.edges:
        commands = drawing.curve(edge)
        corners = [at for _, points in commands for at in points]
        path = Path(corners, [code for command, _ in commands for code in codes[command]])
        axes.add_patch(PathPatch(path, fill=False, edgecolor=ink, alpha=0.6, linewidth=1))
        axes.add_patch(Polygon(drawing.arrow(edge), facecolor=ink, alpha=0.75, linewidth=0))
    for box, node in zip(drawing.boxes, drawing.flow.boxes, strict=True):
        x, y, wide, high = drawing.corner(node)
        colour, filled, drawn = _colours(box, ink)
        looks: tuple[dict[str, Any], ...] = (
            {"facecolor": colour, "alpha": filled, "linewidth": 0},
            {"fill": False, "edgecolor": colour, "alpha": drawn, "linewidth": 0.9},
        )
        style: Any = "round,pad=0,rounding_size=6"
        for look in looks:
            axes.add_patch(FancyBboxPatch((x, y), wide, high, boxstyle=style, **look))
    for x, y, text, title in _words(drawing):
        size, weight = (TITLE, "bold") if title else (LINE, "normal")
        axes.text(
            x,
            y,
            text,
            fontsize=0.75 * size,
            fontweight=weight,
            color=ink,
            ha="center",
            family="DejaVu Sans",
            parse_math=False,
        )
    return figure
