"""The result as a picture."""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fanin.comparison.result import ArmResult, Comparison
from fanin.show.figures import PALETTE, figure, require_matplotlib
from fanin.show.rendering import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
"""The second and third use of a colour differ by dashes."""

_HIGHEST_LOSS = 100
"""Losses on the way are shown up to so many times that of guessing all classes evenly."""

_LABEL_WIDTH = 32


def draw(result: Comparison, fig: "Figure | None" = None) -> "Figure":
    """Draw loss and accuracy curves and the test accuracies.

    Parameters
    ----------
    result : Comparison
        The result.
    fig : matplotlib.figure.Figure, optional
        Where to draw.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    require_matplotlib()
    import matplotlib as mpl

    alt = f"{result.verdict} Loss and accuracy of each initializer by epoch, and test accuracies."
    with mpl.rc_context(STYLE):
        fig = figure(fig, (10, 4.2 + 0.22 * len(result.arms)), alt)
        loss, accuracy, final = _panels(fig, len(result.arms))
        for place, arm in enumerate(result.arms):
            style = _style(place, len(result.arms))
            _curve(loss, arm, "loss", style, bool(result.data.validation))
            _curve(accuracy, arm, "accuracy", style, bool(result.data.validation))
        _finish_curves(result, loss, accuracy)
        _draw_final(final, result)
    return fig


def _style(place: int, arms: int) -> dict[str, Any]:
    return {
        "color": PALETTE[place % len(PALETTE)],
        "linestyle": _DASHES[place // len(PALETTE) % len(_DASHES)],
        # Thinner over thicker: of two curves that fall together both are seen.
        "linewidth": 3.0 - 1.6 * place / max(arms - 1, 1),
    }


def _panels(fig: "Figure", arms: int) -> tuple["Axes", "Axes", "Axes"]:
    """Make two panels of curves over one whose rows are the legend: no box covers a curve."""
    # Subfigures, so that the names of the arms do not push the curves aside.
    above, below = fig.subfigures(2, 1, squeeze=False, height_ratios=(10, 1.6 + arms))[:, 0]
    loss, accuracy = above.subplots(1, 2)
    return loss, accuracy, below.subplots()


def _curve(axes: "Axes", arm: ArmResult, what: str, style: dict[str, Any], held_out: bool) -> None:
    name = f"val_{what}" if held_out else what
    lines = _stacked([(getattr(t, f"start_{what}"), *getattr(t, name)) for t in arm.trials])
    epochs = np.arange(lines.shape[1])
    with np.errstate(invalid="ignore"):
        mean = lines.mean(axis=0)  # NaN, hence not drawn, once a seed has no value
    axes.plot(epochs, mean, **style)
    if len(arm.trials) > 1:
        axes.fill_between(
            epochs,
            lines.min(axis=0),
            lines.max(axis=0),
            color=style["color"],
            alpha=0.18,
            linewidth=0,
        )
    finite = np.flatnonzero(np.isfinite(mean))
    if len(finite) and finite[-1] < len(epochs) - 1:
        last = finite[-1]
        axes.plot(epochs[last], mean[last], marker="x", color=style["color"])


def _stacked(curves: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Put curves, some of which ended early, under each other; infinities become NaN."""
    lines = np.full((len(curves), max(map(len, curves))), math.nan)
    for row, curve in zip(lines, curves, strict=True):
        row[: len(curve)] = curve
    lines[~np.isfinite(lines)] = math.nan
    return lines


def _finish_curves(result: Comparison, loss: "Axes", accuracy: "Axes") -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

    rows = "validation" if result.data.validation else "training"
    seeds = len(result.settings.seeds)
    band = f" (band: lowest to highest of {seeds} seeds)" if seeds > 1 else ""
    loss.set_title(f"{rows.capitalize()} loss{band}")
    accuracy.set_title(f"{rows.capitalize()} accuracy")
    for axes in (loss, accuracy):
        axes.set_xlabel("epoch (0: before training)")
        axes.set_xlim(0, result.settings.epochs)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25, linewidth=0.6)
    low, high = loss.dataLim.y0, loss.dataLim.y1
    if low > 0 and high / low > 5:
        loss.set_yscale("log")
        # An arm that starts out exploded comes in from above instead of flattening all others.
        last = [float(np.asarray(line.get_ydata())[-1]) for line in loss.lines]
        ends = [2 * value for value in last if math.isfinite(value)]
        high = min(high, max([_HIGHEST_LOSS * math.log(result.data.classes), *ends]))
        loss.set_ylim(top=high * 1.3)
        steps = (1, 2, 5) if high / low < 100 else (1,)
        loss.yaxis.set_major_locator(LogLocator(subs=steps, numticks=8))
        loss.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        loss.yaxis.set_minor_locator(NullLocator())
    accuracy.set_ylim(0, 1)
    if result.settings.target is not None:
        accuracy.axhline(result.settings.target, color="0.5", linewidth=0.8, linestyle=":")


def _draw_final(axes: "Axes", result: Comparison) -> None:
    """Draw one row an arm: each seed's test accuracy, the mean and its interval."""
    for place, arm in enumerate(result.arms):
        style, interval = _style(place, len(result.arms)), arm.test_accuracy
        colour = style["color"]
        values = [trial.test_accuracy for trial in arm.trials]
        axes.plot((0, interval.mean), (place, place), **style)
        axes.plot(values, [place] * len(values), ".", color=colour, alpha=0.5, markersize=5)
        axes.plot(interval.mean, place, "o", color=colour, markersize=5)
        reach = interval.mean
        if math.isfinite(interval.half_width) and interval.half_width > 0:
            reach += interval.half_width
            axes.errorbar(
                interval.mean, place, xerr=interval.half_width, color=colour, capsize=3, lw=1.2
            )
        text = f"{interval}  {_note(arm)}".rstrip().replace("+/-", " ± ")
        axes.annotate(
            text,
            (max(reach, *values), place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
        )
    axes.set_title("Test accuracy" + (" (mean ± 95 % interval)" if _several(result) else ""))
    labels = ["\n".join(textwrap.wrap(arm.label, _LABEL_WIDTH)) for arm in result.arms]
    axes.set_yticks(range(len(result.arms)), labels)
    axes.set_ylim(len(result.arms) - 0.4, -0.6)
    axes.set_xlim(0, 1.25)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.spines["bottom"].set_bounds(0, 1)
    axes.tick_params(axis="y", length=0)


def _several(result: Comparison) -> bool:
    return len(result.settings.seeds) > 1


def _note(arm: ArmResult) -> str:
    from fanin.comparison.table import flag

    return flag(arm)


def picture_format(path: str | Path) -> str:
    """Read the format of a picture off its file's name.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        Such as ``"png"``.

    Raises
    ------
    ValueError
        If matplotlib writes no such format.
    ImportError
        If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    known = sorted(FigureCanvasAgg.get_supported_filetypes())
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in known:
        raise ValueError(
            f"path: expected the suffix of a picture ({', '.join(known)}), found {str(path)!r}"
        )
    return kind
