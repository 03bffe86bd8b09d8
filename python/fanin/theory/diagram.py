"""The phase diagram of an activation, as a picture."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fanin import _checks
from fanin.show.figures import figure, require_matplotlib
from fanin.show.rendering import STYLE
from fanin.theory.mean_field import MeanField, mean_field, phase, susceptibilities
from fanin.theory.nonlinearity import Nonlinearity, resolve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fanin.typing import NonlinearityLike

# Blue for what vanishes, orange for what explodes, as in the other pictures: told apart by all
# common kinds of colour vision, and in grey by the labels.
_ORDERED, _CHAOTIC, _CRITICAL = "#0072B2", "#D55E00", "#000000"

Point = tuple[float, float]


def phase_diagram(
    activation: "NonlinearityLike | None",
    sigma_w2: ArrayLike | None = None,
    sigma_b2: ArrayLike | None = None,
    point: Point | Sequence[Point] | dict[str, Point] | None = None,
    *,
    q: float = 1.0,
    fig: "Figure | None" = None,
    **params: float,
) -> "Figure":
    """Draw the gradient factor χ over the scales of weights and biases, and the edge of chaos.

    Parameters
    ----------
    activation : str, callable, dict, layer or None
        As for `fanin.gain`.
    sigma_w2 : array_like of shape (n,), optional
        Variances of a weight times the fan-in, increasing; the default shows the edge of chaos.
    sigma_b2 : array_like of shape (m,), optional
        Variances of a bias, increasing; from 0 to 0.5 unless given.
    point : tuple, sequence of tuples or dict of str to tuple, optional
        (σw², σb²) of an initialization, or of several, by name or not.
    q : float, default 1.0
        Second moment of the pre-activations that signals start from.
    fig : matplotlib.figure.Figure, optional
        Where to draw.
    **params
        Options of a named activation.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; ``fig.savefig("phases.png")`` writes it.

    Raises
    ------
    ImportError
        If matplotlib is not installed: ``pip install "fanin[plot]"``.
    ValueError
        If an axis has fewer than two values, or they do not increase from 0 or above.

    Examples
    --------
    >>> fig = phase_diagram("tanh", np.linspace(0.5, 3, 6), np.linspace(0, 0.3, 3), point=(1, 0))
    >>> fig.axes[0].get_xlabel()
    'σw²: variance of a weight × fan-in'
    """
    require_matplotlib()
    import matplotlib as mpl

    phi = resolve(activation, None, **params)
    start = _checks.number("q", q, above=0.0)
    b = _axis("sigma_b2", np.linspace(0, 0.5, 51) if sigma_b2 is None else sigma_b2)
    w = _default_weights(phi, start) if sigma_w2 is None else _axis("sigma_w2", sigma_w2)
    points = {name: mean_field(phi, *place, q=start) for name, place in _named(point).items()}
    across, up = np.meshgrid(w, b)
    chi = susceptibilities(phi, across.ravel(), up.ravel(), start).reshape(across.shape)
    with mpl.rc_context(STYLE):
        fig = figure(fig, (6.4, 4.4 + 0.2 * len(points)), _alt(phi, points))
        axes = fig.subplots()
        _draw_phases(fig, axes, w, b, chi)
        for place, (name, found) in enumerate(points.items()):
            _draw_point(axes, name, found, place)
        _finish(axes, phi, w, b, points)
    return fig


def _alt(phi: Nonlinearity, points: dict[str, MeanField]) -> str:
    shown = f"Phase diagram of {phi.name}: where gradients vanish and where they explode."
    marked = (f" {name}: chi = {p.chi:.3g}, {_phase(p.chi)}." for name, p in points.items())
    return shown + "".join(marked)


def _default_weights(phi: Nonlinearity, start: float) -> NDArray[np.float64]:
    """Return scales around where χ passes 1 without a bias."""
    scales = np.geomspace(0.05, 500, 200)
    chaotic = scales[susceptibilities(phi, scales, np.zeros(200), start) >= 1]
    edge = float(chaotic[0]) if chaotic.size else 2.0
    return np.asarray(np.linspace(0.2 * edge, 3 * edge, 141))


def _axis(name: str, values: ArrayLike) -> NDArray[np.float64]:
    axis = _checks.numeric(name, values).astype(np.float64)
    with np.errstate(invalid="ignore"):  # two infinities
        increasing = axis.ndim == 1 and axis.size > 1 and bool((np.diff(axis) > 0).all())
    if not increasing or axis[0] < 0 or not math.isfinite(axis[-1]):
        raise ValueError(
            f"{name}: expected two or more increasing numbers from 0 on, found "
            f"{_checks.found(values)}"
        )
    return axis


def _named(point: Any) -> dict[str, Point]:
    """Return points by name; those without one get what they are."""
    if point is None:
        return {}
    if isinstance(point, Mapping):
        return {str(name): _places(place, 1)[0] for name, place in point.items()}
    return {f"σw² = {w:g}, σb² = {b:g}": (w, b) for w, b in _places(point, None)}


def _places(point: Any, number: int | None) -> list[Point]:
    pairs = np.atleast_2d(_checks.numeric("point", point))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) != (number or len(pairs)):
        several = "" if number else ", or several of these"
        raise ValueError(
            f"point: expected (sigma_w2, sigma_b2){several}, found {_checks.found(point)}"
        )
    return [(float(w), float(b)) for w, b in pairs]


def _draw_phases(
    fig: "Figure",
    axes: "Axes",
    w: NDArray[np.float64],
    b: NDArray[np.float64],
    chi: NDArray[np.float64],
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    # By the logarithm: χ = 1/2 is as far from 1 as χ = 2.
    log_chi = np.log2(np.clip(chi, 2.0**-3, 2.0**3))
    reach = min(max(float(np.nanmax(np.abs(log_chi))), 0.25), 3.0)
    colours = LinearSegmentedColormap.from_list("phases", [_ORDERED, "#FFFFFF", _CHAOTIC])
    mesh = axes.pcolormesh(
        w, b, log_chi, cmap=colours, vmin=-reach, vmax=reach, shading="gouraud", rasterized=True
    )
    bar = fig.colorbar(mesh, ax=axes, pad=0.02)
    ticks = [t for t in (1 / 8, 1 / 4, 1 / 2, 0.75, 1, 1.5, 2, 4, 8) if abs(math.log2(t)) <= reach]
    bar.set_ticks([math.log2(t) for t in ticks], labels=[f"{t:g}" for t in ticks])
    bar.set_label("χ: factor of a gradient's second moment, a layer")
    bar.outline.set_visible(False)
    if np.nanmin(log_chi) < 0 < np.nanmax(log_chi):
        axes.contour(w, b, log_chi, levels=[0.0], colors=_CRITICAL, linewidths=1.6)


_MARKERS = "osD^v*PX"


def _draw_point(axes: "Axes", name: str, found: MeanField, place: int) -> None:
    axes.plot(
        found.sigma_w2,
        found.sigma_b2,
        _MARKERS[place % len(_MARKERS)],
        markersize=8,
        markerfacecolor="white",
        markeredgecolor="black",
        markeredgewidth=1.4,
        clip_on=False,
        zorder=5,
        linestyle="none",
        label=f"{name}: χ = {found.chi:.3g}, {_phase(found.chi)}",
    )


def _phase(chi: float) -> str:
    """Name the phase as finely as χ is written."""
    return "at the edge" if abs(chi - 1) < 5e-3 else phase(chi)


def _finish(
    axes: "Axes",
    phi: Nonlinearity,
    w: NDArray[np.float64],
    b: NDArray[np.float64],
    points: dict[str, MeanField],
) -> None:
    from matplotlib.lines import Line2D

    axes.set_xlim(min(w[0], *(p.sigma_w2 for p in points.values()), w[-1]), w[-1])
    right = max([w[-1], *(p.sigma_w2 for p in points.values())])
    top = max([b[-1], *(p.sigma_b2 for p in points.values())])
    axes.set_xlim(right=right)
    axes.set_ylim(min(b[0], *(p.sigma_b2 for p in points.values()), b[-1]), top)
    axes.set_xlabel("σw²: variance of a weight × fan-in")
    axes.set_ylabel("σb²: variance of a bias")
    axes.set_title(f"Phases of {phi.name}: gradients vanish (blue) or explode (orange)")
    handles, labels = axes.get_legend_handles_labels()
    edge = Line2D([], [], color=_CRITICAL, linewidth=1.6)
    axes.legend(
        [edge, *handles],
        ["χ = 1: the edge of chaos", *labels],
        # Under the picture, where it covers nothing.
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.14),
        frameon=False,
    )
