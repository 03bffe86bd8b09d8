"""A report as text."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fanin.diagnosis._rows import ReportRow, report_rows
from fanin.diagnosis.findings._finding import named
from fanin.show import text
from fanin.show.text import counted

if TYPE_CHECKING:
    from fanin.diagnosis._layer import LayerReport
    from fanin.diagnosis._report import Report
    from fanin.diagnosis.findings import Finding
    from fanin.theory import Band

WIDTH = 88
_STYLES = {"severe": "bold red", "warning": "yellow", "note": "cyan"}


def render(report: "Report", width: int = WIDTH) -> RenderableType:
    """Make verdict, table and findings, of so many columns if that can be."""
    parts: list[RenderableType] = [
        Text(report.verdict, style="bold"),
        Text(""),
        _table(report, width),
        Text(legend(report), style="dim"),
    ]
    for finding in report.findings:
        if not finding.because:
            parts += _finding(finding)
    return Group(*parts)


def _finding(finding: "Finding") -> list[RenderableType]:
    """Write a cause, its fix, and what it explains."""
    indent = (0, 0, 0, 4)
    parts: list[RenderableType] = [Text(""), _titled(finding)]
    if finding.fix:
        parts.append(Padding(Text(finding.fix, style="green"), indent))
    parts.append(Padding(Text(finding.source, style="dim"), indent))
    if finding.effects:
        parts.append(Padding(Text("explains"), indent))
    parts += [Padding(_titled(effect), (0, 0, 0, 6)) for effect in finding.effects]
    return parts


def _titled(finding: "Finding") -> Text:
    title = Text(f"{finding.severity}: {finding.kind}", style=_STYLES[finding.severity])
    return title.append(f"  {finding.text}", style="default")


def table_width(report: "Report") -> int:
    """Return how wide the table is, so that no column is cut off."""
    return _width(_table(report, WIDTH))


def _width(table: Table) -> int:
    console = Console(width=1000)
    return Measurement.get(console, console.options, table).maximum


def headings() -> list[str]:
    """Name the columns."""
    return ["layer", "units", "rms", "theory", "gradient", "theory", "flat", "cosine", "rank"]


def _table(report: "Report", width: int) -> Table:
    roomy = _with_gaps(report, 1)
    return roomy if _width(roomy) <= width else _with_gaps(report, 0)


def _with_gaps(report: "Report", gap: int) -> Table:
    table = text.table(*headings(), gap=gap, min_width=12)
    for row in report_rows(report):
        table.add_row(*cells(report, row))
    return table


def cells(report: "Report", row: ReportRow) -> list[Any]:
    """Write a row."""
    return _of_block(report, row) if row.folded else layer_cells(report, row.layers[0])


def _of_block(report: "Report", row: ReportRow) -> list[Any]:
    """Write what several layers have: the range of each figure."""
    layers = row.layers
    name = Text(row.name)
    name.append(f" {counted(len(layers), 'layer')}", style="dim")
    return [
        name,
        str(layers[-1].units),
        _range_of(layer.signal.rms for layer in layers),
        _inside(report, row, "signal"),
        _range_of(layer.gradient_rms for layer in layers),
        _inside(report, row, "gradient"),
        _flat(
            max(layers, key=lambda layer: (layer.slopes is not None, layer.saturated, layer.dead))
        ),
        _cosines([layer.cosine for layer in layers if not math.isnan(layer.cosine)]),
        _range_of(layer.effective_rank for layer in layers),
    ]


def _range_of(values: Iterable[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    return _range(min(known), max(known)) if known else ""


def _cosines(known: list[float]) -> str:
    if not known:
        return ""
    first, last = f"{min(known):.2f}", f"{max(known):.2f}"
    return first if first == last else f"{first}..{last}"


def _inside(report: "Report", row: ReportRow, what: str) -> Text:
    """Write how many of a block's layers leave what theory predicts for them."""
    known = [report.outside(layer)[what] for layer in row.layers if what in report.outside(layer)]
    if not known:
        return Text("-", style="dim")
    leaving = sum(known)
    return Text(f"{leaving} of {len(known)} !", style="red") if leaving else Text("inside")


def layer_cells(report: "Report", layer: "LayerReport") -> list[Any]:
    """Write a layer's row."""
    outside, bands = report.outside(layer), report.bands(layer)
    gradient = layer.gradient
    name = Text(layer.name)
    if layer.activation and not layer.name.startswith(f"{layer.activation}("):
        name.append(f" {layer.activation}", style="dim")
    return [
        name,
        str(layer.units),
        _number(layer.signal.rms),
        _band(bands.get("signal"), outside.get("signal")),
        "" if gradient is None else _number(gradient.rms),
        _band(bands.get("gradient"), outside.get("gradient")),
        _flat(layer),
        "" if math.isnan(layer.cosine) else f"{layer.cosine:.2f}",
        _number(layer.effective_rank),
    ]


def _number(value: float) -> str:
    return "" if math.isnan(value) else _short(f"{value:.3g}")


def _band(band: "Band | None", outside: bool | None) -> Text:
    """Write a band of a second moment as one of root mean squares, and mark what leaves it."""
    if band is None or outside is None:
        return Text("-", style="dim")
    shown = _range(math.sqrt(band.low), math.sqrt(band.high))
    return Text(f"{shown} !" if outside else shown, style="red" if outside else "")


def _range(low: float, high: float) -> str:
    """Write two numbers of two digits, very small and large ones with one exponent."""
    if low > 0 and not 0.01 <= low < 100:
        exponent = math.floor(math.log10(low))
        scale = 10.0**exponent
        if scale > 0 and high < 99.5 * scale:
            first, last = f"{low / scale:.2g}", f"{high / scale:.2g}"
            return f"{first if first == last else f'{first}..{last}'}e{exponent}"
    first, last = _short(f"{low:.2g}"), _short(f"{high:.2g}")
    return first if first == last else f"{first}..{last}"


def _short(number: str) -> str:
    """Write an exponent without the zero before it."""
    return number.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


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
        f"{counted(report.batch, 'sample')}, {mode} mode. rms: of the pre-activations (of the "
        "outputs where there is no activation); gradient: rms of that of "
        f"{of} with respect to them; theory: the range that one draw leaves them, "
        "with ! where they are outside; flat: saturated elements or dead units; cosine: between "
        "two samples' outputs; rank: how many directions the outputs use."
    ]
    if any(row.folded for row in report_rows(report)):
        lines.append(
            "A line of several layers shows from where to where their figures go; report.layers "
            "has each of them."
        )
    lines += _without_theory(report)
    lines += _notes(report)
    if report.batch == 1:
        lines.append("One sample: what differs between samples cannot be seen.")
    return "\n".join(lines)


def _notes(report: "Report") -> list[str]:
    """Say what could not be looked at, once for all layers of which it is true."""
    by_note: dict[str, list[str]] = {}
    for layer in report.layers:
        if layer.note:
            by_note.setdefault(layer.note, []).append(layer.name)
    return [f"{named(tuple(dict.fromkeys(names)))}: {note}." for note, names in by_note.items()]


def _without_theory(report: "Report") -> list[str]:
    """Say from which layer on, or up to which, theory predicts nothing, and why."""
    if any(len(reads) > 1 for reads in report.flow.reads) or not _is_row(report):
        return _without_theory_in_graph(report)
    known = ["signal" in report.bands(layer) for layer in report.layers]
    for place, layer in enumerate(report.layers):
        predicted = report.prediction(layer)
        if predicted is not None and predicted.reason and not known[place]:
            if place == 0 and any(known):
                last = report.layers[known.index(True) - 1].name
                return [f"theory: none up to {last}: {predicted.reason}."]
            return [f"theory: none from {layer.name} on: {predicted.reason}."]
    return []


def _is_row(report: "Report") -> bool:
    return all(reads == (place - 1,) for place, reads in enumerate(report.flow.reads))


def _without_theory_in_graph(report: "Report") -> list[str]:
    """Say for each reason where it begins to hold, and how far back gradients are known."""
    from fanin.theory.graphs import SEVERAL

    reasons: dict[str, str] = {}
    known = []
    for layer in report.layers:
        predicted = report.prediction(layer)
        if predicted is None:
            return []
        if predicted.reason and "signal" not in report.bands(layer):
            reasons.setdefault(predicted.reason, layer.name)
        if predicted.gradient is not None:
            known.append(layer.name)
    lines = [f"theory: none from {name} on: {reason}." for reason, name in reasons.items()]
    if known and known[0] != report.layers[0].name:
        lines.append(f"theory: none of gradients before {known[0]}: {SEVERAL}.")
    return lines
