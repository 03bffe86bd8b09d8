"""A report as a page, and as the output of a notebook's cell."""

from html import escape
from typing import TYPE_CHECKING, Any

from fanin._pictures import has_matplotlib
from fanin.diagnosis._table import cells, headings, legend

if TYPE_CHECKING:
    from fanin.diagnosis._report import Report
    from fanin.diagnosis.findings import Finding

_STYLE = """\
.fanin-report { max-width: 64rem; font-family: system-ui, sans-serif; line-height: 1.45; }
.fanin-report table { border-collapse: collapse; margin: .8rem 0; color: inherit; }
.fanin-report th, .fanin-report td { padding: .2rem .9rem .2rem 0; text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; background: none; color: inherit; }
.fanin-report th { border-bottom: 1px solid currentColor; font-weight: 600; }
.fanin-report tr > :first-child { text-align: left; }
.fanin-report .outside { color: #d55e00; }
.fanin-report .severe { color: #d55e00; font-weight: 600; }
.fanin-report .warning { color: #b07800; font-weight: 600; }
.fanin-report .note { opacity: .75; font-size: .9em; }
.fanin-report code { padding: .1rem .3rem; border: 1px solid #8888; border-radius: 3px; }
.fanin-report svg { max-width: 100%; height: auto; background: white; }"""

_PAGE_STYLE = """\
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 66rem; padding: 0 1rem; font-family: system-ui, sans-serif; }
.scroll { overflow-x: auto; }"""


def fragment(report: "Report") -> str:
    """Write verdict, table, findings and picture for a notebook."""
    if not has_matplotlib():
        picture = '<p class="note">For the picture: pip install "fanin[plot]"</p>'
    else:
        from fanin.diagnosis._plot import inline_svg

        picture = inline_svg(report)
    findings = "".join(_finding(finding) for finding in report.findings)
    return "\n".join(
        [
            f'<div class="fanin-report"><style>{_STYLE}</style>',
            f"<p><strong>{escape(report.verdict)}</strong></p>",
            f"<ul>{findings}</ul>" if findings else "",
            f'<div class="scroll">{_table(report)}</div>',
            f'<p class="note">{escape(legend(report))}</p>',
            picture,
            "</div>",
        ]
    )


def page(report: "Report") -> str:
    """Write a page that needs no other file."""
    title = escape(f"Diagnosis of {report.model}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_PAGE_STYLE}</style></head>\n<body><h1>{title}</h1>\n{fragment(report)}\n"
        "</body></html>\n"
    )


def _finding(finding: "Finding") -> str:
    fix = f"<br><code>{escape(finding.fix)}</code>" if finding.fix else ""
    return (
        f'<li><span class="{finding.severity}">{finding.severity}: {escape(finding.kind)}</span> '
        f"{escape(finding.text)}{fix}<br>"
        f'<span class="note">{escape(finding.source)}</span></li>'
    )


def _table(report: "Report") -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in headings())
    rows = "".join(
        "<tr>" + "".join(_cell(cell) for cell in cells(report, layer)) + "</tr>"
        for layer in report.layers
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(cell: Any) -> str:
    text = str(cell)
    return (
        f'<td class="outside">{escape(text)}</td>'
        if text.endswith(" !")
        else f"<td>{escape(text)}</td>"
    )
