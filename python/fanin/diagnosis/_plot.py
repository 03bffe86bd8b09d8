"""A report as a picture: sizes by depth, distributions, and the state of each unit."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
    """Draw a report; see `Report.plot`."""
    from fanin.show.figures import figure, require_matplotlib
    from fanin.show.rendering import STYLE

    require_matplotlib()
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        fig = figure(fig, (9.6, 5.2 + 0.16 * max(len(report.layers), 6)), _alt(report))
        (signals, gradients), (ridges, units) = fig.subplots(
            2, 2, gridspec_kw={"height_ratios": [1, 0.75 + 0.035 * len(report.layers)]}
        )
        _draw_sizes(signals, report, "signal")
        _draw_sizes(gradients, report, "gradient")
        _draw_ridges(ridges, report)
        _draw_units(fig, units, report)
        fig.suptitle(_title(report), x=0.01, ha="left", fontsize=10, fontweight="bold", wrap=True)
    return fig


def _alt(report: "Report") -> str:
    return (
        f"Diagnosis of {report.model}. {report.verdict} Root mean squares of signals and gradients "
        "by depth, distributions of outputs, and the state of each unit."
    )


def _title(report: "Report") -> str:
    verdict = report.verdict
    return verdict if len(verdict) <= 120 else verdict[:117].rsplit(" ", 1)[0] + " …"


def _draw_sizes(axis: "Axes", report: "Report", what: str) -> None:
    """Draw root mean squares by depth, with theory's line and band."""
    layers = shown(report)
    measured, line, low, high = (np.full(len(layers), np.nan) for _ in range(4))
    for i, layer in enumerate(layers):
        signal = layer.signal if what == "signal" else layer.gradient
        if signal is not None:
            measured[i] = signal.rms
        band = report.bands(layer).get(what)
        if band is not None:
            line[i], low[i], high[i] = (math.sqrt(v) for v in (band.value, band.low, band.high))
    place = np.arange(1, len(layers) + 1)
    colour = _SIGNAL if what == "signal" else _GRADIENT
    known = np.isfinite(low) & (low > 0) & np.isfinite(high)
    if known.any():
        lower, upper = np.where(known, low, np.nan), np.where(known, high, np.nan)
        axis.fill_between(
            place, lower, upper, color=_THEORY, alpha=0.25, linewidth=0, label="one draw's range"
        )
        axis.plot(place, np.where(known, line, np.nan), color=_THEORY, label="theory")
    positive = np.where(np.isfinite(measured) & (measured > 0), measured, np.nan)
    axis.plot(place, positive, "o-", color=colour, markersize=4, linewidth=1.3, label="measured")
    if np.isfinite(positive).any():
        axis.set_yscale("log")
        _widen(axis)
        axis.legend(frameon=False, loc="best")
    else:
        axis.set_yticks([])
        why = "all are 0" if (measured == 0).any() else "none are finite"
        axis.text(0.5, 0.5, why, ha="center", va="center", transform=axis.transAxes)
    axis.set_title(
        "rms of pre-activations by depth" if what == "signal" else "rms of gradients by depth"
    )
    _number_layers(axis, len(layers))
    axis.grid(axis="y", alpha=0.25, linewidth=0.6)


def shown(report: "Report") -> "list[LayerReport]":
    """Return the layers whose sizes make a curve: what activations get, and the outputs."""
    hidden, last = report.hidden, report.kernels[-1:]
    return [*hidden, *last] if hidden else report.layers


def _widen(axis: "Axes") -> None:
    """Show at least a factor of 10, so that noise does not look like a trend."""
    low, high = axis.get_ylim()
    if high / low < 10:
        middle = math.sqrt(low * high)
        axis.set_ylim(middle / math.sqrt(10), middle * math.sqrt(10))


def _number_layers(axis: "Axes", count: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel("depth")
    axis.set_xlim(0.5, count + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12, min_n_ticks=1))


def _labels(report: "Report") -> tuple[list[int], list[str]]:
    """Return places and names of layers: all of a few, every so many of many."""
    step = -(-len(report.layers) // 24)
    places = list(range(0, len(report.layers), step))
    names = [f"{i + 1} {report.layers[i].name}" for i in places]
    return places, [name if len(name) <= 18 else name[:17] + "…" for name in names]


def _draw_ridges(axis: "Axes", report: "Report") -> None:
    """Draw a histogram of each layer's outputs, in units of their root mean square."""
    for i, layer in enumerate(report.layers):
        signal = layer.output
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
    places, names = _labels(report)
    axis.set_yticks(places, names)
    axis.set_ylim(len(report.layers) - 0.5, -1.1)
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


def _draw_units(fig: "Figure", axis: "Axes", report: "Report") -> None:
    """Draw a row a layer, a cell a unit, those in the same state side by side."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    widest = min(max((layer.units for layer in report.layers), default=1), _MOST_CELLS)
    picture = np.full((len(report.layers), widest), np.nan)
    for i, layer in enumerate(report.layers):
        row = np.sort(states(layer))[::-1]
        cells = min(layer.units, widest)
        # Of more units than cells an even choice.
        picture[i, :cells] = row[np.linspace(0, layer.units - 1, cells).astype(int)]
    axis.imshow(
        picture,
        cmap=ListedColormap(_STATE_COLOURS),
        vmin=-0.5,
        vmax=3.5,
        aspect="auto",
        interpolation="nearest",
    )
    present = [state for state in range(4) if (picture == state).any()]
    places, _ = _labels(report)
    axis.set_yticks(places, [str(place + 1) for place in places])
    axis.set_ylabel("layer")
    axis.set_xlabel("units, sorted by state")
    axis.set_title("state of each unit")
    handles = [Patch(color=_STATE_COLOURS[state], label=_STATES[state]) for state in present]
    axis.legend(
        handles=handles, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0),
        ncols=len(handles), borderaxespad=0.2, handlelength=1.0, columnspacing=1.0,
    )  # fmt: skip
    for side in ("top", "right", "left", "bottom"):
        axis.spines[side].set_visible(False)
