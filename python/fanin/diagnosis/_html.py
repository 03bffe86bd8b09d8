"""A report as a page, and as the output of a notebook's cell."""

from html import escape
from typing import TYPE_CHECKING

from fanin.diagnosis import _plot
from fanin.diagnosis._rows import ReportRow, report_rows
from fanin.diagnosis._table import cells, headings, legend
from fanin.show import page as pages

if TYPE_CHECKING:
    from fanin.diagnosis._report import Report
    from fanin.diagnosis.findings import Finding


def fragment(report: "Report") -> str:
    """Write verdict, table, findings and picture for a notebook."""
    findings = "".join(_finding(finding) for finding in report.findings if not finding.because)
    return pages.fragment(
        f"<p><strong>{escape(report.verdict)}</strong></p>",
        f"<ul>{findings}</ul>" if findings else "",
        _table(report, report_rows(report)),
        _whole(report),
        pages.paragraph(legend(report), "note"),
        pages.picture(lambda: _plot.draw(report)),
        kind="report",
    )


def _table(report: "Report", rows: list[ReportRow]) -> str:
    return pages.table(
        headings(), [("", [_cell(cell) for cell in cells(report, row)]) for row in rows]
    )


def _whole(report: "Report") -> str:
    """Write the table of all layers, to be opened, where blocks are folded."""
    if not any(row.folded for row in report_rows(report)):
        return ""
    rows = [ReportRow(layer.name, (layer,)) for layer in report.layers]
    return f"<details><summary>All {len(rows)} layers</summary>\n{_table(report, rows)}\n</details>"


def page(report: "Report") -> str:
    """Write a page that needs no other file."""
    return pages.document(f"Diagnosis of {report.model}", fragment(report))


def _finding(finding: "Finding") -> str:
    """Write a cause, its fix, and what it explains."""
    fix = f"<br><code>{escape(finding.fix)}</code>" if finding.fix else ""
    effects = "".join(f"<li>{_titled(effect)}</li>" for effect in finding.effects)
    explains = f"<br>explains<ul>{effects}</ul>" if effects else ""
    source = f'<br><span class="note">{escape(finding.source)}</span>'
    return f"<li>{_titled(finding)}{fix}{source}{explains}</li>"


def _titled(finding: "Finding") -> str:
    kind = f'<span class="{finding.severity}">{finding.severity}: {escape(finding.kind)}</span>'
    return f"{kind} {escape(finding.text)}"


def _cell(cell: object) -> str:
    shown = escape(str(cell))
    return f'<span class="outside">{shown}</span>' if shown.endswith(" !") else shown
