"""A figure that shows itself. Imported once something is drawn, since it needs matplotlib."""

from typing import Any

from matplotlib.figure import Figure

from fanin.show import rendering, text


class Picture(Figure):
    """A matplotlib figure that is a picture as the value of a notebook's cell.

    pyplot does not know of it: it needs no ``%matplotlib inline``, is not shown a second time
    where there is one, and needs no closing.

    Parameters
    ----------
    alt : str
        What it shows, for who does not see it.
    **options
        Those of `matplotlib.figure.Figure`.
    """

    def __init__(self, alt: str, **options: Any) -> None:
        super().__init__(**options)
        self.alt = alt

    def __repr__(self) -> str:
        return text.line("Figure", self.alt)

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        # Where pyplot draws in notebooks, IPython prefers that, with the settings of its user.
        width, height = (round(side * rendering.DPI / 2) for side in self.get_size_inches())
        return rendering.render(self, "png"), {"alt": self.alt, "width": width, "height": height}
