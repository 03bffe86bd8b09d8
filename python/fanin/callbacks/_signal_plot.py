"""What was recorded while a network trained, as a picture."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fanin.callbacks._signals import Signals

_PANELS = (
    ("std", "standard deviation of activations", "log"),
    ("gradient", "rms gradient before the activation", "log"),
    ("ratio", "rms of the kernel's gradient / kernel", "log"),
    ("update", "rms of a step / kernel", "log"),
    ("noise", "samples in which the gradient's noise is as large as its mean", "log"),
    ("dead", "share of dead units", "linear"),
    ("saturated", "share of saturated elements", "linear"),
)


def draw(signals: "Signals", fig: "Figure | None" = None) -> "Figure":
    """Draw a panel for each statistic that any layer has, a line a layer."""
    from fanin.show.figures import figure, require_matplotlib
    from fanin.show.rendering import STYLE

    require_matplotlib()
    import matplotlib as mpl

    if not signals.steps:
        raise ValueError("nothing was recorded: no step was taken while it was watched")
    panels = [p for p in _PANELS if np.isfinite(signals[p[0]]).any()]
    panels = [p for p in panels if p[2] == "log" or np.nanmax(signals[p[0]]) > 0]
    with mpl.rc_context(STYLE):
        fig = figure(fig, (7.2, 1.9 * len(panels) + 0.6), _alt(signals, panels))
        axes = fig.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axis, (name, title, scale) in zip(axes, panels, strict=True):
            _draw_panel(axis, signals, name, title, scale)
        axes[-1].set_xlabel("step")
        _name_layers(fig, axes, signals)
    return fig


def _alt(signals: "Signals", panels: list[tuple[str, str, str]]) -> str:
    shown = ", ".join(title for _, title, _ in panels)
    return f"Of {len(signals.layers)} layers over {signals.steps[-1]} steps: {shown}."


def _colours(count: int) -> Any:
    import matplotlib as mpl

    # From the first layer to the last, dark to light, short of the ends, which are hard to see on
    # pages that are as dark, or as light.
    return mpl.colormaps["viridis"](np.linspace(0.3, 0.9, count))


def _draw_panel(axis: "Axes", signals: "Signals", name: str, title: str, scale: str) -> None:
    values = signals[name]
    colours = _colours(len(signals.layers))
    marker = "o" if len(signals.steps) < 30 else ""
    for layer, colour in enumerate(colours):
        line = values[:, layer]
        if not np.isfinite(line).any():
            continue
        if scale == "log":
            line = np.where((line > 0) & np.isfinite(line), line, np.nan)
        axis.plot(signals.steps, line, marker=marker, markersize=3, color=colour, linewidth=1.4)
    if scale == "log":
        if (values > 0).any():
            axis.set_yscale("log")
    else:
        axis.set_ylim(-0.03, 1.03)
    axis.set_title(title)
    axis.grid(axis="y", alpha=0.25, linewidth=0.6)


def _name_layers(fig: "Figure", axes: Any, signals: "Signals") -> None:
    """Name each layer, or where there are many, show what the colours run from and to."""
    from matplotlib.lines import Line2D

    names, colours = signals.layers, _colours(len(signals.layers))
    last = len(names) - 1
    shown = [0, last // 2, last] if last > 11 else list(range(last + 1))
    lines = [Line2D([], [], color=colours[i], linewidth=1.8) for i in shown]
    fig.legend(
        lines, [names[i] for i in shown], loc="outside right upper", frameon=False, title="layer"
    )
