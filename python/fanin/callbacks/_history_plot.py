"""The values of each epoch, as a picture."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin.show.figures import PALETTE, figure, require_matplotlib
from fanin.show.rendering import STYLE
from fanin.show.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fanin.callbacks._base import History

_BESIDE = "val_"
_TRAINING, _VALIDATION = PALETTE[0], PALETTE[3]

Curves = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Epochs and values by name."""


def draw(history: "History", fig: "Figure | None" = None) -> "Figure":
    """Draw a panel for the loss and each metric; see `History.plot`."""
    require_matplotlib()
    import matplotlib as mpl

    lines = curves(history)
    if not lines:
        raise ValueError("history: expected the values of at least one epoch, found none")
    panels = list(dict.fromkeys(name.removeprefix(_BESIDE) for name in lines))
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    with mpl.rc_context(STYLE):
        fig = figure(fig, (1.2 + 3.6 * columns, 2.9 * rows), _alt(lines))
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
        for axis, name in zip(axes, panels, strict=False):
            _draw_panel(axis, name, lines)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
    return fig


def curves(history: "History") -> Curves:
    """Return what is a number each epoch: callbacks may have recorded anything."""
    found: Curves = {}
    for name, recorded in history._ordered().items():
        try:
            values = np.array(recorded, np.float64)
        except (TypeError, ValueError):
            continue
        if values.ndim == 1 and values.size:
            numbers = history.epoch if len(history.epoch) == len(values) else range(len(values))
            found[name] = np.array(numbers) + 1.0, values
    return found


def _draw_panel(axis: "Axes", name: str, lines: Curves) -> None:
    from matplotlib.ticker import MaxNLocator

    both = name in lines and _BESIDE + name in lines
    shown = ((name, "training", _TRAINING, "-"), (_BESIDE + name, "validation", _VALIDATION, "--"))
    for key, label, colour, dashes in shown:
        if key in lines:
            epochs, values = lines[key]
            marker: dict[str, Any] = {"marker": "o", "markersize": 3} if len(values) < 30 else {}
            finite = np.where(np.isfinite(values), values, np.nan)
            axis.plot(epochs, finite, dashes, color=colour, linewidth=1.6, label=label, **marker)
    axis.set_title(name if name in lines else _BESIDE + name)
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    axis.grid(axis="y", alpha=0.25, linewidth=0.6)
    if both:
        axis.legend(frameon=False)


def _alt(lines: Curves) -> str:
    ends = (f"{name} from {v[0]:.4g} to {v[-1]:.4g}" for name, (_, v) in lines.items())
    count = max(len(values) for _, values in lines.values())
    return f"Values of {counted(count, 'epoch')}: {', '.join(ends)}."
