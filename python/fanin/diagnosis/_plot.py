"""A report as a picture: sizes by depth, distributions, and the state of each unit."""

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin.diagnosis._rows import ReportRow, report_rows, sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._report import Report

Array = NDArray[Any]

_SIGNAL, _GRADIENT, _THEORY = "#0072B2", "#D55E00", "#8A8A8A"
_STATES = ("alive", "dead", "saturated", "tied")
# The darkest is seen on a dark page too.
_STATE_COLOURS = ("#DCE6EE", "#666666", "#E69F00", "#CC79A7")
_MOST_CELLS = 512


def draw(report: "Report", fig: "Figure | None" = None) -> "Figure":
    """Draw a report; see `Report.plot`. All four panels have the rows of the report's table."""
    from fanin.show.figures import figure, require_matplotlib
    from fanin.show.rendering import STYLE

    require_matplotlib()
    import matplotlib as mpl

    rows = report_rows(report)
    with mpl.rc_context(STYLE):
        fig = figure(fig, (9.6, 5.6 + 0.16 * max(len(rows), 10)), _alt(report))
        (signals, gradients), (ridges, units) = fig.subplots(
            2, 2, gridspec_kw={"height_ratios": [1, 0.75 + 0.035 * len(rows)]}
        )
        _draw_sizes(signals, report, rows, "signal")
        _draw_sizes(gradients, report, rows, "gradient")
        _draw_ridges(ridges, rows)
        _draw_units(units, rows)
        fig.suptitle(_title(report), x=0.01, ha="left", fontsize=10, fontweight="bold")
    return fig


def _alt(report: "Report") -> str:
    return (
        f"Diagnosis of {report.model}. {report.verdict} Root mean squares of signals and gradients "
        "by depth, distributions of outputs, and the state of each unit."
    )


def _title(report: "Report") -> str:
    """Return the verdict in as many lines as it needs."""
    return textwrap.fill(report.verdict, 112, break_long_words=True)


def _draw_sizes(axis: "Axes", report: "Report", rows: list[ReportRow], what: str) -> None:
    """Draw root mean squares by depth, with theory's line and band; of a block its last one."""
    curve = {layer.index for layer in sized(report)}
    measured, line, low, high, least, most = (np.full(len(rows), np.nan) for _ in range(6))
    for i, row in enumerate(rows):
        layers = [layer for layer in row.layers if layer.index in curve]
        signals = [la.signal if what == "signal" else la.gradient for la in layers]
        sizes = [signal.rms for signal in signals if signal is not None]
        if not sizes:
            continue
        measured[i], least[i], most[i] = sizes[-1], min(sizes), max(sizes)
        band = report.bands(layers[-1]).get(what)
        if band is not None:
            line[i], low[i], high[i] = (math.sqrt(v) for v in (band.value, band.low, band.high))
    place = np.arange(len(rows))
    colour = _SIGNAL if what == "signal" else _GRADIENT
    known = np.isfinite(low) & (low > 0) & np.isfinite(high)
    if known.any():
        at = place[known]
        axis.fill_between(
            at, low[known], high[known], color=_THEORY, alpha=0.25, linewidth=0,
            label="one draw's range",
        )  # fmt: skip
        axis.plot(at, line[known], color=_THEORY, label="theory")
    drawn = np.isfinite(measured) & (measured > 0)
    spread = drawn & (least > 0) & (least < most)
    if spread.any():
        axis.vlines(
            place[spread], least[spread], most[spread], color=colour, alpha=0.4, linewidth=3,
            label="in a block",
        )  # fmt: skip
    # The line has a gap where a size is 0 or infinite, none where a row has nothing to show.
    has = ~np.isnan(measured)
    axis.plot(
        place[has], np.where(drawn, measured, np.nan)[has], "o-", color=colour, markersize=4,
        linewidth=1.3, label="measured",
    )  # fmt: skip
    if drawn.any():
        axis.set_yscale("log")
        _widen(axis)
        axis.legend(frameon=False, loc="best")
    else:
        axis.set_yticks([])
        why = "all are 0" if (measured == 0).any() else "none are finite"
        axis.text(0.5, 0.5, why, ha="center", va="center", transform=axis.transAxes)
    axis.set_title("rms of pre-activations" if what == "signal" else "rms of gradients")
    places, names = _labels(rows)
    axis.set_xticks(places, names, rotation=90, fontsize=8)
    axis.set_xlim(-0.5, len(rows) - 0.5)
    axis.grid(axis="y", alpha=0.25, linewidth=0.6)


def _widen(axis: "Axes") -> None:
    """Show at least a factor of 10, so that noise does not look like a trend."""
    low, high = axis.get_ylim()
    if high / low < 10:
        middle = math.sqrt(low * high)
        axis.set_ylim(middle / math.sqrt(10), middle * math.sqrt(10))


def _labels(rows: list[ReportRow]) -> tuple[list[int], list[str]]:
    """Return places and names of rows: all of a few, every so many of many."""
    step = -(-len(rows) // 26)
    places = list(range(0, len(rows), step))
    return places, [_shortened(rows[place].name) for place in places]


def _shortened(name: str) -> str:
    """Return a name of at most 20 letters: its end tells more than its middle."""
    name = name.replace("input of ", "into ")
    return name if len(name) <= 20 else f"{name[:8]}…{name[-11:]}"


def _draw_ridges(axis: "Axes", rows: list[ReportRow]) -> None:
    """Draw a histogram of each row's outputs, in units of their root mean square."""
    for i, row in enumerate(rows):
        signal = row.layers[-1].output
        if not signal.counts.size or not signal.rms > 0:
            continue
        middle = (signal.edges[:-1] + signal.edges[1:]) / 2 / signal.rms
        # A rectifier's pile at 0 would leave nothing of the rest.
        pile = np.abs(middle).argmin() if signal.zeros > 0.2 else -1
        highest = np.delete(signal.counts, pile).max() if pile >= 0 else signal.counts.max()
        density = 0.9 * np.minimum(signal.counts / max(highest, 1), 1.0)
        keep = np.abs(middle) <= 4
        axis.fill_between(
            middle[keep],
            i - density[keep],
            i,
            step="mid",
            color=_SIGNAL,
            alpha=0.65,
            linewidth=0.4,
        )
    axis.set_yticks(*_labels(rows))
    axis.set_ylim(len(rows) - 0.5, -1.1)
    axis.set_xlim(-4, 4)
    axis.set_xlabel("output / its rms")
    axis.set_title("distribution of outputs")
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def states(layer: "LayerReport") -> Array:
    """Return for each unit what it is: 0 alive, 1 dead, 2 saturated, 3 equal for good."""
    found = np.zeros(layer.units, np.int64)
    if layer.slopes is not None and len(layer.slopes.dead_units) == layer.units:
        found[layer.slopes.saturated_units > 0.5] = 2
        found[layer.slopes.dead_units] = 1
    if layer.tied is not None and len(layer.tied) == layer.units:
        alone = np.bincount(layer.tied, minlength=layer.units) == 1
        found[~alone[layer.tied]] = 3
    return found


def _draw_units(axis: "Axes", rows: list[ReportRow]) -> None:
    """Draw the units of each row, those in the same state side by side.

    A block is as wide as its widest layer, and has the shares of all its units.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    units = [max(layer.units for layer in row.layers) for row in rows]
    widest = min(max(units, default=1), _MOST_CELLS)
    scale = max(units, default=1) / widest
    picture = np.full((len(rows), widest), np.nan)
    for i, row in enumerate(rows):
        found = np.concatenate([states(layer) for layer in row.layers])
        cells = math.ceil(units[i] / scale)
        # Of more units than cells an even choice.
        picture[i, :cells] = np.sort(found)[::-1][np.linspace(0, len(found) - 1, cells).astype(int)]
    axis.imshow(
        picture,
        cmap=ListedColormap(_STATE_COLOURS),
        vmin=-0.5,
        vmax=3.5,
        aspect="auto",
        interpolation="nearest",
        extent=(0, scale * widest, len(rows) - 0.5, -0.5),
    )
    present = [state for state in range(4) if (picture == state).any()]
    axis.set_yticks(*_labels(rows))
    axis.set_ylim(len(rows) - 0.5, -1.1)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel("units, sorted by state")
    axis.set_title("state of each unit")
    handles = [Patch(color=_STATE_COLOURS[state], label=_STATES[state]) for state in present]
    axis.legend(
        handles=handles, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0),
        ncols=len(handles), borderaxespad=0.2, handlelength=1.0, columnspacing=1.0,
    )  # fmt: skip
    for side in ("top", "right", "left", "bottom"):
        axis.spines[side].set_visible(False)
