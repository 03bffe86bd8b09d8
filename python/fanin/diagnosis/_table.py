"""A report as text."""

import math
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._report import Report
    from fanin.theory import Band

WIDTH = 88
_STYLES = {"severe": "bold red", "warning": "yellow", "note": "cyan"}


def render(report: "Report") -> RenderableType:
    """Make verdict, table and findings."""
    parts: list[RenderableType] = [
        Text(report.verdict, style="bold"),
        Text(""),
        _table(report),
        Text(legend(report), style="dim"),
    ]
    for finding in report.findings:
        parts.append(Text(""))
        title = Text(f"{finding.severity}: {finding.kind}", style=_STYLES[finding.severity])
        title.append(f"  {finding.text}", style="default")
        parts.append(title)
        if finding.fix:
            parts.append(Padding(Text(finding.fix, style="green"), (0, 0, 0, 4)))
        parts.append(Padding(Text(finding.source, style="dim"), (0, 0, 0, 4)))
    return Group(*parts)


def headings() -> list[str]:
    """Name the columns."""
    return ["layer", "units", "rms", "theory", "gradient", "theory", "flat", "cosine", "rank"]


def _table(report: "Report") -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    first, *others = headings()
    table.add_column(first, overflow="fold", min_width=12)
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    for layer in report.layers:
        table.add_row(*cells(report, layer))
    return table


def cells(report: "Report", layer: "LayerReport") -> list[Any]:
    """Write a layer's row."""
    outside = report.outside(layer)
    predicted = report.prediction(layer)
    gradient = layer.gradient
    signal = "pre_activation" if "pre_activation" in outside else "activation"
    band = None if predicted is None else getattr(predicted, signal)
    back = None if predicted is None else predicted.gradient
    name = Text(layer.name)
    if layer.activation:
        name.append(f" {layer.activation}", style="dim")
    return [
        name,
        str(layer.units),
        _number(layer.signal.rms),
        _band(band, outside.get(signal)),
        "" if gradient is None else _number(gradient.rms),
        _band(back, outside.get("gradient")),
        _flat(layer),
        "" if math.isnan(layer.cosine) else f"{layer.cosine:.2f}",
        _number(layer.effective_rank),
    ]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _band(band: "Band | None", outside: bool | None) -> Text:
    """Write a band of a second moment as one of root mean squares, and mark what leaves it."""
    if band is None or outside is None:
        return Text("–", style="dim")
    low, high = (f"{math.sqrt(edge):.2g}" for edge in (band.low, band.high))
    shown = low if low == high else f"{low}…{high}"
    return Text(f"{shown} {'✗' if outside else '✓'}", style="red" if outside else "")


def _flat(layer: "LayerReport") -> str:
    if layer.slopes is None:
        return ""
    if layer.saturated:
        return f"{layer.saturated:.0%}"
    return f"{layer.dead:.0%} dead" if layer.dead else "0%"


def legend(report: "Report") -> str:
    """Say what the columns are, and what could not be looked at."""
    of = (
        f"{report.loss} = {report.loss_value:.4g}"
        if report.loss_value is not None
        else ("a random direction of the outputs")
    )
    mode = "training" if report.training else "inference"
    lines = [
        f"{report.batch} samples, {mode} mode. rms: of the pre-activations (of the outputs where "
        f"there is no activation); gradient: rms of that of {of} with respect to them; theory: the "
        "range that one draw leaves them, ✓ inside, ✗ not; flat: saturated elements or dead units; "
        "cosine: between two samples' outputs; rank: how many directions the outputs use."
    ]
    lines += [f"{layer.name}: {layer.note}." for layer in report.layers if layer.note]
    if report.batch == 1:
        lines.append("One sample: what differs between samples cannot be seen.")
    return "\n".join(lines)
